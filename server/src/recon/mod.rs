//! Reconciliation: each day's bill of a platform against our ledger, both ways. Every difference
//! becomes a case with its evidence and a proposed repair; nothing is repaired by itself.
//!
//! A line of the bill and a movement of our ledger are the same when they have the same number of
//! ours and the same direction. Their clock is not ours, and we may learn of a payment late: a line
//! may match what we posted on any day, and what a bill does not have may be in the next one. Only
//! when that one does not have it either it is missing.

mod bill;
mod cases;
mod compare;
mod daily;
mod file;
mod run;
mod sort;

use tokio::sync::watch;
use wasm_core::day::Day;
use wasm_core::order::Channel;

use crate::clock::Clock;
use crate::ledger::LedgerError;
use crate::orders::{OrderError, Orders, Unsure};
use crate::store::{Store, StoreError};

pub use cases::Settled;
pub use daily::keep_books;
pub use file::{BILL_HEAD, bill_line};

/// Reconciles. Cheap to clone.
#[derive(Clone)]
pub struct Recon {
    store: Store,
    clock: Clock,
    orders: Orders,
}

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum ReconError {
    /// The same bill is being compared.
    #[error("the same bill is being compared by somebody else")]
    Runs,
    /// The platform hands out no bills.
    #[error("{} hands out no bills", .0.as_str())]
    NoBills(Channel),
    /// The day is not over.
    #[error("{0} is not over")]
    NotOver(Day),
    /// The platform did not say yes.
    #[error("platform: {0}")]
    Platform(#[from] Unsure),
    /// The bill cannot be read, or the disk is full.
    #[error("bill: {0}")]
    Bill(#[from] std::io::Error),
    /// The work was cut off.
    #[error("cut off")]
    CutOff,
    /// No such case, or another operator's.
    #[error("no such case")]
    NoSuchCase,
    /// Somebody has decided it.
    #[error("the case is decided")]
    Decided,
    /// Nothing says whose the money is.
    #[error("nothing says whose the money is: name the operator")]
    WhoseMoney,
    /// A person has to say why.
    #[error("say why")]
    NoReason,
    /// The repair does not fit the case.
    #[error("this repair does not fit the case")]
    DoesNotFit,
    /// The next bill may have what this one had not.
    #[error("the next bill may still have it: wait for it, or ask the platform")]
    Waits,
    /// What the case was made of has changed.
    #[error("the ledger or another bill has it by now: ask the platform, or dismiss the case")]
    Outdated,
    /// The platform, when asked, does not say what the repair would book.
    #[error("the platform does not confirm it: {0}")]
    NotConfirmed(String),
    /// The orders refused.
    #[error("order: {0}")]
    Order(#[from] OrderError),
    /// The ledger refused.
    #[error("ledger: {0}")]
    Ledger(#[from] LedgerError),
    /// The database did not do it.
    #[error("store: {0}")]
    Store(#[from] StoreError),
}

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseKind {
    /// The bill has it, we have not.
    TheirsOnly,
    /// We have it, the bill has not.
    OursOnly,
    /// Both have it, with different amounts.
    OtherAmount,
    /// The fee is not what was agreed, or not what was posted.
    OtherFee,
    /// The bill has it more than once.
    Duplicate,
}

impl CaseKind {
    /// The name as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TheirsOnly => "theirs_only",
            Self::OursOnly => "ours_only",
            Self::OtherAmount => "other_amount",
            Self::OtherFee => "other_fee",
            Self::Duplicate => "duplicate",
        }
    }
}

/// What can be done about a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Ask the platform; what it confirms is booked as if it had just said so.
    AskPlatform,
    /// Post the fee as the bill has it.
    BookFee,
    /// Post the difference to what nobody can explain yet (`suspense:{channel}`).
    Suspense,
}

impl Repair {
    const ALL: [Self; 3] = [Self::AskPlatform, Self::BookFee, Self::Suspense];

    /// The name as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AskPlatform => "ask_platform",
            Self::BookFee => "book_fee",
            Self::Suspense => "suspense",
        }
    }

    /// The repair of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|repair| repair.as_str() == name)
    }

    /// What may be done about a case of this kind, the stored name of it.
    pub fn fitting(kind: &str) -> &'static [Self] {
        match kind {
            "theirs_only" | "ours_only" => &[Self::AskPlatform, Self::Suspense],
            "other_fee" => &[Self::BookFee],
            _ => &[Self::Suspense],
        }
    }
}

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is being done: `fetch`, `bill`, `ledger`, `compare` or `fees`.
    pub phase: &'static str,
    /// Lines of the bill read.
    pub bill_lines: i64,
    /// Movements of the day read from our ledger.
    pub ours: i64,
    /// Lines that agree; known at the end.
    pub matched: i64,
    /// Differences so far, those waiting for the next bill among them.
    pub differences: i64,
}

/// Where a run says how far it is.
pub type Reports = watch::Sender<Progress>;

impl Recon {
    /// Over the orders' store and platforms.
    pub fn new(store: Store, clock: Clock, orders: Orders) -> Self {
        Self { store, clock, orders }
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.store
    }
}
