//! What can happen to an order.

use serde::{Deserialize, Serialize};

use super::effect::Timer;
use super::state::{Payment, Session, StartFailure, StopReason};
use crate::ids::{CaptureId, RefundId, RiderId};
use crate::money::Fen;
use crate::tariff::Usage;

/// Something that happened: told by a rider, a device, a payment platform or a timer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A verified notify or a query says that money arrived, or was set aside.
    Paid {
        /// The money.
        payment: Payment,
        /// Whether no other order has the socket.
        socket_free: bool,
    },
    /// The rider cancels before current flows.
    RiderCancelled,
    /// The device answered the start command.
    StartAnswered {
        /// What it said.
        answer: StartAnswer,
    },
    /// The device reports that current flows.
    Started {
        /// The charge.
        session: Session,
    },
    /// Somebody or a limit wants the charge to end.
    StopWanted {
        /// Who or what.
        reason: StopReason,
    },
    /// The device reports the end of the charge, or its last known reading stands for it.
    Stopped {
        /// Which charge: the transaction id.
        transaction_id: i64,
        /// Why, as the device tells it.
        reason: StopReason,
        /// What was metered.
        usage: Usage,
        /// No final reading came.
        final_reading_missing: bool,
    },
    /// A payment platform says a refund is done.
    Refunded {
        /// Which.
        refund_id: RefundId,
    },
    /// A refund needs a person.
    RefundParked {
        /// Which.
        refund_id: RefundId,
    },
    /// A person, or the platform after all, moves a parked refund again.
    RefundRetried {
        /// Which.
        refund_id: RefundId,
    },
    /// A payment platform says that it took of a hold what was to be taken, and let the rest go.
    Captured {
        /// Which.
        capture_id: CaptureId,
    },
    /// A capture needs a person.
    CaptureParked {
        /// Which.
        capture_id: CaptureId,
    },
    /// A person, or the platform after all, moves a parked capture again.
    CaptureRetried {
        /// Which.
        capture_id: CaptureId,
    },
    /// The operator gives back part of what the charge cost.
    GivenBack {
        /// How much, fen.
        amount_fen: Fen,
    },
    /// The rider turned out to be one who is known already: a login says so.
    RiderKnown {
        /// Whose the order is from now on.
        rider_id: RiderId,
    },
    /// A timer is due.
    Due {
        /// Which.
        timer: Timer,
    },
}

/// A device's answer to the start command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum StartAnswer {
    /// It will try. Not yet started.
    Accepted,
    /// It will not.
    Refused {
        /// Why.
        reason: StartFailure,
    },
}
