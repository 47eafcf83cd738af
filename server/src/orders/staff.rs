//! What an operator's people ask for. Another operator's orders and jobs are as good as none.

use wasm_core::ids::{OperatorId, OrderId};
use wasm_core::order::{CaptureStatus, Event, Order, RefundStatus, StopReason};

use super::job::Job;
use super::live::Progress;
use super::service::{OrderError, Orders, retry};
use crate::store::{JobRow, StoreError};

/// An order that has a socket to itself, with what is metered so far.
#[derive(Clone, Debug)]
pub struct RunningOrder {
    /// The order.
    pub order: Order,
    /// None before current flows.
    pub progress: Option<Progress>,
}

impl Orders {
    /// An operator's running orders, oldest first, at most `most`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn running_at(
        &self,
        operator: &OperatorId,
        most: i64,
    ) -> Result<Vec<RunningOrder>, OrderError> {
        let mut running = Vec::new();
        for order in self.inner.store.orders_holding(operator, most).await? {
            // A charge that ends while we look has no readings any more; the rest is still worth
            // showing.
            let progress = self.progress(&order).await.unwrap_or_default();
            running.push(RunningOrder { order, progress });
        }
        Ok(running)
    }

    /// Ends a charge for its operator.
    ///
    /// # Errors
    /// [`OrderError::NoSuchOrder`] also for another operator's; [`OrderError::Rejected`] when none
    /// runs.
    pub async fn stop_for_operator(
        &self,
        operator: &OperatorId,
        id: &OrderId,
    ) -> Result<Order, OrderError> {
        let order = self.inner.store.order(id).await?;
        let own = order.filter(|order| order.operator_id == *operator);
        own.ok_or(OrderError::NoSuchOrder)?;
        self.handle(id, Event::StopWanted { reason: StopReason::Operator }).await
    }

    /// Tries a parked job again; a parked refund or capture becomes pending in the same transaction.
    ///
    /// # Errors
    /// [`OrderError::NoSuchJob`] also for another operator's, and when it is parked no more.
    pub async fn retry_job(&self, operator: &OperatorId, job: &str) -> Result<(), OrderError> {
        let order = retry!(self.try_retry_job(operator, job))?;
        self.changed(&order);
        Ok(())
    }

    async fn try_retry_job(&self, operator: &OperatorId, id: &str) -> Result<Order, OrderError> {
        let mut tx = self.inner.store.begin().await?;
        let row = tx.parked_job(operator, id).await?.ok_or(OrderError::NoSuchJob)?;
        let stored = tx.order(&row.order_id).await?.ok_or(OrderError::NoSuchOrder)?;
        let order = if let Some(event) = parked_money(&row, &stored.order)? {
            // The event puts a new job into the outbox: this one's work is done by that.
            tx.drop_parked_job(id).await?;
            self.apply_in(&mut tx, &row.order_id, event).await?
        } else {
            tx.unpark_job(id, self.inner.clock.now_ms()).await?;
            stored.order
        };
        tx.commit().await?;
        tracing::info!(order = %order.id, kind = row.kind, "parked job tried again");
        Ok(order)
    }
}

/// What moves the refund or capture that the job was to do, if the order has parked it too.
fn parked_money(row: &JobRow, order: &Order) -> Result<Option<Event>, StoreError> {
    let job: Job = serde_json::from_str(&row.payload_json)
        .map_err(|error| StoreError::Unreadable(format!("job {}: {error}", row.id)))?;
    let (parked, event) = match job {
        Job::Refund { refund_id } => {
            let refund = order.refunds.iter().find(|refund| refund.id == refund_id);
            let parked = refund.is_some_and(|refund| refund.status == RefundStatus::Parked);
            (parked, Event::RefundRetried { refund_id })
        }
        Job::Capture { capture_id } => {
            let capture = order.captures.iter().find(|capture| capture.id == capture_id);
            let parked = capture.is_some_and(|capture| capture.status == CaptureStatus::Parked);
            (parked, Event::CaptureRetried { capture_id })
        }
        _ => return Ok(None),
    };
    Ok(parked.then_some(event))
}
