//! What platforms report later of things that were asked of them: refunds that ended, bills that
//! were taken of holds. The job that asked for them finds the same by asking again; a report only
//! comes sooner.

use wasm_core::ids::PaymentId;
use wasm_core::order::{Channel, Event, Order};

use super::ports::{VerifiedCapture, VerifiedRefund};
use super::service::{OrderError, Orders};

impl Orders {
    /// A verified notify: a refund is done, or cannot be done and needs a person.
    ///
    /// # Errors
    /// [`OrderError::NoSuchPayment`] and [`OrderError::NoSuchRefund`]: nothing changed.
    pub async fn refund_ended(&self, refund: &VerifiedRefund) -> Result<(), OrderError> {
        let order = self.order_of(refund.channel, &refund.payment_id).await?;
        let ours = order.refunds.iter().find(|ours| {
            ours.id == refund.id
                && ours.payment_id == refund.payment_id
                && ours.amount_fen == refund.amount_fen
        });
        let Some(ours) = ours else { return Err(OrderError::NoSuchRefund) };
        let refund_id = ours.id.clone();
        let event = if refund.paid_back {
            Event::Refunded { refund_id }
        } else {
            Event::RefundParked { refund_id }
        };
        self.handle(&order.id, event).await?;
        Ok(())
    }

    /// A verified notify: the bill was taken of a hold.
    ///
    /// # Errors
    /// [`OrderError::NoSuchPayment`], or [`OrderError::WrongAmount`] when it is not what was to be
    /// taken: nothing changed.
    pub async fn hold_captured(&self, capture: &VerifiedCapture) -> Result<(), OrderError> {
        let order = self.order_of(capture.channel, &capture.payment_id).await?;
        let ours = order.capture_of(&capture.payment_id).ok_or(OrderError::NoSuchPayment)?;
        if ours.amount_fen != capture.amount_fen {
            let (paid_fen, opened_fen) = (capture.amount_fen, ours.amount_fen);
            tracing::error!(payment = %ours.payment_id, %paid_fen, %opened_fen, "another bill was taken");
            return Err(OrderError::WrongAmount { paid_fen, opened_fen });
        }
        self.handle(&order.id, Event::Captured { capture_id: ours.id.clone() }).await?;
        Ok(())
    }

    async fn order_of(&self, channel: Channel, payment: &PaymentId) -> Result<Order, OrderError> {
        let row = self.inner.store.begin().await?.payment(payment).await?;
        let row = row.filter(|row| row.channel == channel).ok_or(OrderError::NoSuchPayment)?;
        self.inner.store.order(&row.order_id).await?.ok_or(OrderError::NoSuchOrder)
    }
}
