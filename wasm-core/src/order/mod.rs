//! The order: from "wants to charge" to "money done".
//!
//! An order changes only through [`apply`]. It takes an event and the time, and gives the new
//! order and the [`Effect`]s to carry out, or says why the event has no place here. What has
//! already happened is accepted again and changes nothing, so that repeats and reordering of
//! messages do no harm.
//!
//! A payment is money that arrived, or money that a platform has *set aside* (`Payment::held`): then
//! nothing is paid until the bill is made and taken, and where money would go back, it is let go.
//!
//! ```text
//! AwaitingPayment ─▶ Starting ─▶ Charging ─▶ Finishing ─▶ Settled ─▶ Closed
//!        │              │  ▲ │       ▲
//!        ▼              ▼  │ ▼       │ (a late start within the time we still wait)
//!    Cancelled   StartFailed StartUnknown
//! ```

mod actions;
mod apply;
mod effect;
mod event;
mod state;

pub use actions::actions_in;
pub use apply::{Rejected, apply};
pub use effect::{Effect, Timer};
pub use event::{Event, StartAnswer};
pub use state::{
    Action, CancelReason, Capture, CaptureStatus, Channel, Order, Payment, Refund, RefundReason,
    RefundStatus, Session, Settlement, StartFailure, State, StopReason, Terms,
};

/// How long a rider has to pay, in milliseconds.
pub const PAY_WITHIN_MS: i64 = 10 * crate::units::MS_PER_MINUTE;
/// How long after payment current must flow before the start counts as unknown.
pub const START_WITHIN_MS: i64 = 45 * crate::units::MS_PER_SECOND;
/// How long an unknown start is waited for before the money goes back.
pub const START_UNKNOWN_MS: i64 = 45 * crate::units::MS_PER_SECOND;
/// How long after a stop the final reading may take before the last known one is used.
pub const FINAL_READING_WITHIN_MS: i64 = 60 * crate::units::MS_PER_SECOND;
