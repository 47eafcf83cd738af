//! What orders need of the outside: sockets that start and stop, platforms that move money.
//!
//! Every call to the outside has three results: yes, no, unknown. *Unknown* is never treated as
//! either of the others; a query or a timer decides later.

mod bills;
mod chargers;
mod holds;
mod payments;
mod platforms;
mod splits;

pub use bills::{BillDay, BillLine, BillLineKind, BillLines, Bills};
pub use chargers::{Chargers, CommandAnswer};
pub use holds::{CaptureRequest, Holds};
pub(crate) use payments::CODE;
pub(super) use payments::HOLD;
pub use payments::{
    Checkout, Logins, NewPayment, PayVia, Payments, Product, RefundRequest, TradeState,
    TradeStatus, VerifiedCapture, VerifiedRefund, VerifiedTrade,
};
pub use platforms::{Platform, Platforms};
pub use splits::{
    Receiver, ReceiverKind, ReturnRequest, ShareState, SplitRequest, SplitShare, Splits,
};

/// Yes (`Ok`), no, or unknown.
pub type Answer<T> = Result<T, Unsure>;

/// Not a yes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsure {
    /// The other side refused, and nothing happened there.
    #[error("refused: {code} {message}")]
    No {
        /// The other side's code.
        code: String,
        /// The other side's words, for logs.
        message: String,
    },
    /// The other side refused, nothing happened there, and asking again will be answered the same.
    #[error("refused for good: {code} {message}")]
    Never {
        /// The other side's code.
        code: String,
        /// The other side's words, for logs.
        message: String,
    },
    /// Time-out, broken line, unverifiable or incomprehensible answer: it may have happened.
    #[error("unknown: {0}")]
    Unknown(String),
}
