//! What the outbox holds.

use serde::{Deserialize, Serialize};
use wasm_core::ids::{CaptureId, PaymentId, RefundId};
use wasm_core::order::Timer;

use crate::random;

/// Something to do for an order, at least once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Ask the socket to start.
    StartSocket,
    /// Ask the station to end a transaction.
    StopSocket {
        /// Which.
        transaction_id: i64,
    },
    /// Pay back.
    Refund {
        /// Which of the order's refunds.
        refund_id: RefundId,
    },
    /// Take of a hold what is to be taken, and let the rest go.
    Capture {
        /// Which of the order's captures.
        capture_id: CaptureId,
    },
    /// Send partners their parts.
    Split,
    /// Take back from partners what a refund took off their parts.
    PullBack {
        /// Which of the order's refunds.
        refund_id: RefundId,
    },
    /// Close the order's open payments, or find that one was paid after all.
    ClosePayments,
    /// Ask the platform whether a payment was made: notifies may never come.
    QueryPayment {
        /// Which.
        payment_id: PaymentId,
    },
    /// Look whether a station forgot a charge.
    SettleForgotten {
        /// Which.
        transaction_id: i64,
        /// Since when its socket reports no charge, milliseconds UTC.
        idle_since_ms: i64,
    },
    /// Mark a device transaction as current nobody paid for.
    RecordFreeEnergy {
        /// Which.
        transaction_id: i64,
    },
    /// Look at the order again.
    Timer {
        /// Why.
        timer: Timer,
    },
}

impl Job {
    /// Its name, for people and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::StartSocket => "start_socket",
            Self::StopSocket { .. } => "stop_socket",
            Self::Refund { .. } => "refund",
            Self::Capture { .. } => "capture",
            Self::Split => "split",
            Self::PullBack { .. } => "pull_back",
            Self::ClosePayments => "close_payments",
            Self::QueryPayment { .. } => "query_payment",
            Self::SettleForgotten { .. } => "settle_forgotten",
            Self::RecordFreeEnergy { .. } => "record_free_energy",
            Self::Timer { .. } => "timer",
        }
    }

    /// The identity under which it is stored. Stations repeat themselves, so what one report of an
    /// idle socket asks for is one job.
    pub(super) fn new_id(&self) -> String {
        match self {
            Self::SettleForgotten { transaction_id, idle_since_ms } => {
                format!("forgotten-{transaction_id}-{idle_since_ms}")
            }
            _ => random::base32::<20>(),
        }
    }

    /// As stored.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a job has only string keys")
    }
}
