//! The job that takes the bill of a hold, or lets all of it go.

use wasm_core::ids::CaptureId;
use wasm_core::order::{Capture, CaptureStatus, Channel, Event, Order, Payment, State};

use super::payments::{RETRY_WAITS_MS, wait_ms};
use super::{Done, Workers};
use crate::crash;
use crate::orders::{Answer, CaptureRequest, Holds, OrderError, Unsure};
use crate::store::JobRow;

impl Workers {
    /// Takes of a hold what is to be taken. The capture's number is the platform's idempotency key,
    /// so trying again is safe.
    pub(super) async fn capture(
        &self,
        row: &JobRow,
        capture_id: &CaptureId,
    ) -> Result<Done, OrderError> {
        let Some(order) = self.store.order(&row.order_id).await? else { return Ok(Done::Finished) };
        let capture = order.captures.iter().find(|capture| capture.id == *capture_id);
        if capture.is_some_and(|capture| capture.status == CaptureStatus::Parked) {
            // As for a refund: the server died between parking the capture and parking this job.
            return Ok(Done::Parked("given up before the server stopped".to_owned()));
        }
        let Some(capture) = capture.filter(|capture| capture.status == CaptureStatus::Pending)
        else {
            return Ok(Done::Finished);
        };
        let Some(hold) = order.payments.iter().find(|paid| paid.id == capture.payment_id) else {
            return Ok(Done::Parked("no hold to take it of".to_owned()));
        };
        let subject = self.orders.subject(&order).await?;
        let will_split = self.orders.will_split(&order).await?;
        let request =
            CaptureRequest { will_split, ..capture_request(&order, hold, capture, subject) };
        crash::point("before_call", &row.kind);
        let outcome = self.take(hold.channel, &request).await;
        crash::point("after_call", &row.kind);
        let capture_id = capture_id.clone();
        let Err(unsure) = outcome else {
            self.orders.handle(&order.id, Event::Captured { capture_id }).await?;
            return Ok(Done::Finished);
        };
        let for_good = matches!(unsure, Unsure::Never { .. });
        if let Some(in_ms) = wait_ms(&RETRY_WAITS_MS, row.attempts).filter(|_| !for_good) {
            return Ok(Done::Again { in_ms, why: unsure.to_string() });
        }
        self.orders.handle(&order.id, Event::CaptureParked { capture_id }).await?;
        Ok(Done::Parked(unsure.to_string()))
    }

    /// A refusal may mean that an earlier try, whose answer was lost, has done it: whatever is not a
    /// yes is asked for.
    async fn take(&self, channel: Channel, request: &CaptureRequest) -> Answer<()> {
        let holds = self.holds_at(channel)?;
        let Err(unsure) = holds.capture(request).await else { return Ok(()) };
        match holds.captured(request).await {
            Ok(true) => Ok(()),
            _ => Err(unsure),
        }
    }

    fn holds_at(&self, channel: Channel) -> Answer<&dyn Holds> {
        self.platforms.at(channel)?.holds.as_deref().ok_or_else(|| Unsure::No {
            code: "NO_HOLDS".to_owned(),
            message: format!("{} sets no money aside for us", channel.as_str()),
        })
    }
}

fn capture_request(
    order: &Order,
    hold: &Payment,
    capture: &Capture,
    subject: String,
) -> CaptureRequest {
    let duration_ms = match &order.state {
        State::Settled(settlement) | State::Closed(settlement) => {
            settlement.usage.ended_ms - settlement.usage.started_ms
        }
        _ => 0,
    };
    CaptureRequest {
        id: capture.id.0.clone(),
        payment_id: hold.id.clone(),
        hold_no: hold.trade_no.clone(),
        held_fen: hold.amount_fen,
        amount_fen: capture.amount_fen,
        buyer_open_id: hold.buyer_open_id.clone(),
        subject,
        duration_ms,
        will_split: false,
    }
}
