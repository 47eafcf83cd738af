//! A simulated `WeChat` Pay in APIv3: it verifies what we sign, signs what it answers, reports to
//! us encrypted, keeps its book in the database, and refuses what the real one refuses.
//!
//! `keys` has the cryptography; `gateway` verifies and signs; `pay`, `refund`, `sharing`, `score`
//! and `bill` are the rules of each product; `login` tells who a rider is; `delivery` sends
//! notifies until they are taken; `cashier` is what a rider sees. The API answers at the root
//! (`/v3/…`, `/sns/…`), because the path is part of what is signed and the real one's has no
//! prefix.

mod bill;
mod book;
mod cashier;
mod delivery;
mod faults;
mod gateway;
mod keys;
mod login;
mod order;
mod pay;
mod platform;
mod refund;
mod reply;
mod score;
mod sharing;
#[cfg(test)]
mod tests;
mod time;

pub use faults::{AnswerFault, Faults, NotifyFault, RefundFault, SignedBy};
pub use platform::{OpenError, Platform, WechatDemoConfig};
