//! What a platform says it did on a day, for reconciliation.

use std::io;
use std::path::Path;

use futures_util::future::BoxFuture;
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;

pub use wasm_core::day::Day as BillDay;

use super::Answer;

/// A platform that hands out a bill for each day.
pub trait Bills: Send + Sync {
    /// Fetches the bill of a day into `folder` and reads it from there line by line, so that a bill
    /// of any length fits into memory. [`super::Unsure::No`] while the platform has none yet.
    fn bill<'a>(&'a self, day: BillDay, folder: &'a Path) -> BoxFuture<'a, Answer<BillLines>>;

    /// Reads a bill that a person downloaded, as the platform packs it.
    ///
    /// # Errors
    /// `Unsupported` by platforms that cannot.
    fn read(&self, file: &Path) -> io::Result<BillLines> {
        let what = format!("{} is not in a form that this platform reads", file.display());
        Err(io::Error::new(io::ErrorKind::Unsupported, what))
    }
}

/// The lines of a bill, read as they are asked for.
pub type BillLines = Box<dyn Iterator<Item = io::Result<BillLine>> + Send>;

/// One line of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillLine {
    /// What happened.
    pub kind: BillLineKind,
    /// Our number of the payment (`out_trade_no`).
    pub payment_id: PaymentId,
    /// Our number of the deed, for a refund, capture or split; empty for a payment.
    pub our_no: String,
    /// The platform's number of the payment.
    pub trade_no: String,
    /// How much, fen; positive.
    pub amount_fen: Fen,
    /// The platform's fee, fen; negative when it is given back.
    pub fee_fen: Fen,
    /// When, milliseconds UTC.
    pub at_ms: i64,
    /// The line as it stands in the bill, for evidence.
    pub raw: String,
}

/// What a line of a bill reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BillLineKind {
    /// Money came in.
    Payment,
    /// Money went back to the rider.
    Refund,
}
