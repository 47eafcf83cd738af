//! Jobs: what is to be done after an order changed, at least once each, and timers.
//!
//! A job is one row of the outbox. It is claimed, carried out, and leaves the table; if the
//! server dies in between, it is carried out again, so every job may run twice.

mod holds;
mod payments;
mod sockets;
mod splits;
mod worker;

use wasm_core::order::{Event, Rejected, Timer};

use crate::orders::{Job, OrderError};
use crate::store::JobRow;

pub use worker::Workers;

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Done {
    /// It leaves the outbox.
    Finished,
    /// Try again in so many milliseconds.
    Again {
        /// Milliseconds.
        in_ms: i64,
        /// Why, for the row and the log.
        why: String,
    },
    /// Nothing was tried yet, and nothing counts as tried: look again in so many milliseconds.
    NotYet {
        /// Milliseconds.
        in_ms: i64,
        /// What it waits for.
        why: String,
    },
    /// A person must look.
    Parked(String),
}

impl Workers {
    async fn carry_out(&self, row: &JobRow, job: Job) -> Result<Done, OrderError> {
        match job {
            Job::StartSocket => self.start_socket(row).await,
            Job::StopSocket { transaction_id } => self.stop_socket(row, transaction_id).await,
            Job::RecordFreeEnergy { transaction_id } => {
                self.store.remark_transaction(transaction_id, "free energy").await?;
                Ok(Done::Finished)
            }
            Job::SettleForgotten { transaction_id, idle_since_ms } => {
                let order = self.store.order(&row.order_id).await?;
                let order = order.ok_or(OrderError::NoSuchOrder)?;
                self.orders.settle_forgotten(&order, transaction_id, idle_since_ms).await?;
                Ok(Done::Finished)
            }
            Job::Refund { refund_id } => self.refund(row, &refund_id).await,
            Job::Capture { capture_id } => self.capture(row, &capture_id).await,
            Job::Split => self.split(row).await,
            Job::PullBack { refund_id } => self.pull_back(row, &refund_id).await,
            Job::ClosePayments => self.close_payments(row).await,
            Job::QueryPayment { payment_id } => self.query_payment(row, &payment_id).await,
            Job::Timer { timer } => self.timer(row, timer).await,
        }
    }

    async fn timer(&self, row: &JobRow, timer: Timer) -> Result<Done, OrderError> {
        if timer == Timer::FinalReading {
            self.orders.give_up_final_reading(&row.order_id).await?;
        } else {
            self.orders.handle(&row.order_id, Event::Due { timer }).await?;
        }
        Ok(Done::Finished)
    }
}

/// A job whose moment has passed is done: the order has moved on.
fn moved_on(error: &OrderError) -> bool {
    matches!(
        error,
        OrderError::Rejected(Rejected::NotCharging | Rejected::TooLateToCancel)
            | OrderError::NoSuchOrder
    )
}
