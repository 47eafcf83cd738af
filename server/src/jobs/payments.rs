//! Jobs that ask payment platforms.

use wasm_core::ids::{PaymentId, RefundId};
use wasm_core::order::{
    Capture, CaptureStatus, Channel, Event, Order, PAY_WITHIN_MS, Payment, Refund, RefundReason,
    RefundStatus, State,
};
use wasm_core::units::{MS_PER_MINUTE, MS_PER_SECOND};

use super::{Done, Workers};
use crate::crash;
use crate::orders::{Answer, OrderError, RefundRequest, TradeState, Unsure};
use crate::store::{JobRow, PaymentRow, PaymentStatus};

/// Waits between tries of a refund, a capture or a split; after the last one a person must look.
pub(super) const RETRY_WAITS_MS: [i64; 8] = [
    MS_PER_SECOND,
    5 * MS_PER_SECOND,
    30 * MS_PER_SECOND,
    2 * MS_PER_MINUTE,
    10 * MS_PER_MINUTE,
    60 * MS_PER_MINUTE,
    6 * 60 * MS_PER_MINUTE,
    24 * 60 * MS_PER_MINUTE,
];
/// Waits between queries of a payment while the rider may be paying.
const QUERY_WAITS_MS: [i64; 4] =
    [5 * MS_PER_SECOND, 10 * MS_PER_SECOND, 15 * MS_PER_SECOND, MS_PER_MINUTE];
/// Wait before an unfinished closing is tried again.
const CLOSE_AGAIN_MS: i64 = 10 * MS_PER_SECOND;
/// How often a refund looks whether partners have given back what it takes from them.
const PARTNERS_LOOK_MS: i64 = MS_PER_SECOND;
/// How often a refund of what is taken of a hold looks whether it was taken.
const CAPTURE_LOOK_MS: i64 = 5 * MS_PER_SECOND;

impl Workers {
    /// Pays back. The refund's number is the platform's idempotency key, so trying again is safe.
    pub(super) async fn refund(
        &self,
        row: &JobRow,
        refund_id: &RefundId,
    ) -> Result<Done, OrderError> {
        let Some(order) = self.store.order(&row.order_id).await? else { return Ok(Done::Finished) };
        let refund = order.refunds.iter().find(|refund| refund.id == *refund_id);
        if refund.is_some_and(|refund| refund.status == RefundStatus::Parked) {
            // The server died between parking the refund and parking this job: a parked refund
            // always has a parked job, for that is what a person finds and tries again.
            return Ok(Done::Parked("given up before the server stopped".to_owned()));
        }
        let Some(refund) = refund.filter(|refund| refund.status == RefundStatus::Pending) else {
            return Ok(Done::Finished);
        };
        let Some(payment) = order.payments.iter().find(|paid| paid.id == refund.payment_id) else {
            return Ok(Done::Parked("no payment to return it to".to_owned()));
        };
        if payment.held && !order.capture_of(&payment.id).is_some_and(is_done) {
            let why = "the bill is not taken of the hold yet".to_owned();
            return Ok(Done::NotYet { in_ms: CAPTURE_LOOK_MS, why });
        }
        if self.orders.waits_for_partners(&order, refund_id).await? {
            let why = "partners give back first".to_owned();
            return Ok(Done::NotYet { in_ms: PARTNERS_LOOK_MS, why });
        }
        let request = refund_request(&order, payment, refund);
        crash::point("before_call", &row.kind);
        let outcome = self.pay_back(payment.channel, &request).await;
        crash::point("after_call", &row.kind);
        let refund_id = refund_id.clone();
        let Err(unsure) = outcome else {
            self.orders.handle(&order.id, Event::Refunded { refund_id }).await?;
            return Ok(Done::Finished);
        };
        let for_good = matches!(unsure, Unsure::Never { .. });
        if let Some(in_ms) = wait_ms(&RETRY_WAITS_MS, row.attempts).filter(|_| !for_good) {
            return Ok(Done::Again { in_ms, why: unsure.to_string() });
        }
        self.orders.handle(&order.id, Event::RefundParked { refund_id }).await?;
        Ok(Done::Parked(unsure.to_string()))
    }

    async fn pay_back(&self, channel: Channel, request: &RefundRequest) -> Answer<()> {
        let payments = &self.platforms.at(channel)?.payments;
        match payments.refund(request).await {
            Err(Unsure::Unknown(why)) => match payments.refund_done(request).await {
                Ok(true) => Ok(()),
                _ => Err(Unsure::Unknown(why)),
            },
            outcome => outcome,
        }
    }

    /// Asks whether a payment was made, as long as the order waits for it. When the order waits no
    /// more, because another payment came first, this one is closed, or what it brought goes back.
    pub(super) async fn query_payment(
        &self,
        row: &JobRow,
        payment_id: &PaymentId,
    ) -> Result<Done, OrderError> {
        let Some(order) = self.store.order(&row.order_id).await? else { return Ok(Done::Finished) };
        let payments = self.store.payments_of_order(&order.id).await?;
        let this = payments.iter().find(|payment| payment.id == *payment_id);
        let Some(payment) = this else { return Ok(Done::Finished) };
        if !matches!(order.state, State::AwaitingPayment { .. }) {
            return self.close_payment(payment).await;
        }
        crash::point("before_call", &row.kind);
        let answer = self.query(payment).await;
        crash::point("after_call", &row.kind);
        match answer {
            Ok(TradeState::Paid(trade)) => {
                self.orders.trade_found(&trade).await?;
                Ok(Done::Finished)
            }
            other => {
                let last_ms = QUERY_WAITS_MS[QUERY_WAITS_MS.len() - 1];
                let in_ms = wait_ms(&QUERY_WAITS_MS, row.attempts).unwrap_or(last_ms);
                Ok(Done::Again { in_ms, why: format!("{other:?}") })
            }
        }
    }

    async fn query(&self, payment: &PaymentRow) -> Answer<TradeState> {
        self.platforms.at(payment.channel)?.payments.query(&payment.id).await
    }

    async fn close(&self, payment: &PaymentRow) -> Answer<()> {
        self.platforms.at(payment.channel)?.payments.close(&payment.id).await
    }

    /// Closes what an order left open, or finds that it was paid after all; then the money goes
    /// back as late.
    pub(super) async fn close_payments(&self, row: &JobRow) -> Result<Done, OrderError> {
        // One that cannot be closed does not keep the others open.
        let mut done = Done::Finished;
        for payment in self.store.payments_of_order(&row.order_id).await? {
            match self.close_payment(&payment).await? {
                Done::Finished => {}
                not_yet => done = not_yet,
            }
        }
        Ok(done)
    }

    async fn close_payment(&self, payment: &PaymentRow) -> Result<Done, OrderError> {
        if payment.status != PaymentStatus::Open {
            return Ok(Done::Finished);
        }
        let again =
            |unsure: &Unsure| Done::Again { in_ms: CLOSE_AGAIN_MS, why: unsure.to_string() };
        match self.query(payment).await {
            Ok(TradeState::Paid(trade)) => {
                self.orders.trade_found(&trade).await?;
                return Ok(Done::Finished);
            }
            Ok(TradeState::Waiting) => {
                crash::point("before_call", "close");
                let closed = self.close(payment).await;
                crash::point("after_call", "close");
                if let Err(unsure) = closed {
                    return Ok(again(&unsure));
                }
            }
            Ok(TradeState::Unknown) => {
                // The rider may hold the cashier's address and go there as long as it is valid.
                let left_ms = payment.created_ms + PAY_WITHIN_MS - self.clock.now_ms();
                if left_ms >= 0 {
                    let why = "not begun, may still be".to_owned();
                    return Ok(Done::Again { in_ms: left_ms + CLOSE_AGAIN_MS, why });
                }
            }
            Ok(TradeState::Closed) => {}
            Err(unsure) => return Ok(again(&unsure)),
        }
        let mut tx = self.store.begin().await?;
        let open =
            tx.payment(&payment.id).await?.is_some_and(|row| row.status == PaymentStatus::Open);
        if open {
            tx.set_payment(&payment.id, PaymentStatus::Closed, None, self.clock.now_ms()).await?;
            tx.commit().await?;
        }
        Ok(Done::Finished)
    }
}

fn is_done(capture: &Capture) -> bool {
    matches!(capture.status, CaptureStatus::Done { .. })
}

/// The wait after so many attempts; none after the last.
pub(super) fn wait_ms(waits_ms: &[i64], attempts: i64) -> Option<i64> {
    let nth = usize::try_from(attempts - 1).unwrap_or_default();
    waits_ms.get(nth).copied()
}

fn refund_request(order: &Order, payment: &Payment, refund: &Refund) -> RefundRequest {
    let reason = match refund.reason {
        RefundReason::Unused => "充电未用部分退回",
        RefundReason::NotStarted => "充电未启动，全额退回",
        RefundReason::TooLate => "订单已取消，全额退回",
        RefundReason::SocketTaken => "插座已被他人使用，全额退回",
        RefundReason::WrongAmount => "金额不符，全额退回",
        RefundReason::PaidTwice => "重复支付，全额退回",
        RefundReason::Complaint => "商家退款",
    };
    RefundRequest {
        id: refund.id.clone(),
        payment_id: refund.payment_id.clone(),
        paid_fen: order.received_by(payment),
        amount_fen: refund.amount_fen,
        reason: reason.to_owned(),
    }
}
