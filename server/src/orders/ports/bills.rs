//! What a platform says it did on a day, for reconciliation.

use std::io;
use std::path::Path;

use futures_util::future::BoxFuture;
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;

use super::Answer;

/// A platform that hands out a bill for each day.
pub trait Bills: Send + Sync {
    /// Fetches the bill of a day into `folder` and reads it from there line by line, so that a bill
    /// of any length fits into memory. [`super::Unsure::No`] while the platform has none yet.
    fn bill<'a>(&'a self, day: BillDay, folder: &'a Path) -> BoxFuture<'a, Answer<BillLines>>;
}

/// A day as platforms bill it: midnight to midnight at UTC+8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BillDay {
    /// Days since 1970-01-01 at UTC+8.
    pub number: i64,
}

impl BillDay {
    const UTC_OFFSET_MS: i64 = 8 * 3_600_000;
    const LENGTH_MS: i64 = 24 * 3_600_000;

    /// The day of an instant, milliseconds UTC.
    pub fn of(at_ms: i64) -> Self {
        Self { number: (at_ms + Self::UTC_OFFSET_MS).div_euclid(Self::LENGTH_MS) }
    }

    /// When it begins, milliseconds UTC; it ends when the next one begins.
    pub fn begins_ms(self) -> i64 {
        self.number * Self::LENGTH_MS - Self::UTC_OFFSET_MS
    }

    /// The day after.
    #[must_use]
    pub fn next(self) -> Self {
        Self { number: self.number + 1 }
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
