//! A simulated Alipay: the gateway, the cashier and the notifies, in the same signed protocol as
//! the real one, so that the real adapter is what the demo runs.
//!
//! `book` keeps trades, holds and receivers; `rules`, `hold` and `royalty` say what is allowed;
//! `bill` makes the daily bill of the book; `gateway` verifies our requests and signs
//! answers; `cashier` is what a rider sees; `delivery` sends notifies until they are taken. All
//! of it is kept in the database, because the real Alipay forgets nothing when we are killed.

mod bill;
mod book;
mod cashier;
mod delivery;
mod faults;
mod gateway;
mod hold;
mod platform;
mod royalty;
mod rules;
#[cfg(test)]
mod tests;
mod trade;

pub use bill::BillErrors;
pub use faults::{AnswerFault, Faults, NotifyFault};
pub use platform::{Issued, OpenError, Platform};
