//! Orders: the one place where riders, devices, payment platforms and timers meet.
//!
//! Each entry point loads the order, calls [`wasm_core::order::apply`], and commits the new state,
//! the ledger's postings and the outbox jobs in one transaction. Effects run afterwards, as jobs.

mod devices;
mod idle;
mod job;
mod live;
mod logins;
mod ports;
mod reports;
mod riders;
mod service;
mod sessions;
pub(crate) mod splits;
mod staff;

pub use devices::{StartRecord, StopRecord};
pub use job::Job;
pub use live::{LiveOrder, Progress};
pub use ports::{
    Answer, BillDay, BillLine, BillLineKind, BillLines, Bills, CaptureRequest, Chargers, Checkout,
    CommandAnswer, Holds, Logins, NewPayment, PayVia, Payments, Platform, Platforms, Product,
    Receiver, ReceiverKind, RefundRequest, ReturnRequest, ShareState, SplitRequest, SplitShare,
    Splits, TradeState, TradeStatus, Unsure, VerifiedCapture, VerifiedRefund, VerifiedTrade,
};
pub use riders::{NewOrder, ORDER_SYMBOLS, SocketView};
pub use service::{OrderError, Orders};
pub use splits::{WrittenRule, lint_rule, write_rule};
pub use staff::RunningOrder;
pub use wasm_core::tariff::Reading;
