//! What is to be done after a change. Effects are stored with the change and carried out
//! afterwards, each at least once.

use serde::{Deserialize, Serialize};

use crate::ids::{CaptureId, RefundId};
use crate::posting::Transaction;

/// Something to carry out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Write to the ledger, in the same transaction as the new state.
    Post(Transaction),
    /// Ask the socket to start.
    StartSocket,
    /// Ask the device to stop a charge.
    StopSocket {
        /// Which.
        transaction_id: i64,
    },
    /// Ask the platform to pay back.
    Refund {
        /// Which of the order's refunds.
        refund_id: RefundId,
    },
    /// Ask the platform to take of a hold what is to be taken, and to let the rest go.
    Capture {
        /// Which of the order's captures.
        capture_id: CaptureId,
    },
    /// Ask the platform to close the order's unpaid payments.
    ClosePayments,
    /// Keep current that nobody paid for on record.
    RecordFreeEnergy {
        /// The charge that should not be.
        transaction_id: i64,
    },
    /// Come back at a time.
    Schedule {
        /// Why.
        timer: Timer,
        /// When, milliseconds UTC.
        at_ms: i64,
    },
}

/// Why an order is looked at again at a certain time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "timer", rename_all = "snake_case")]
pub enum Timer {
    /// The rider has not paid.
    PaymentExpiry,
    /// Current should flow by now.
    StartDeadline,
    /// The unknown start has been waited for long enough.
    StartGiveUp,
    /// The charge has reached its longest time.
    ChargeDeadline,
    /// The final reading should be here by now.
    FinalReading,
}
