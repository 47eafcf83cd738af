//! Payment platforms: adapters that implement [`crate::orders::Payments`], and their notifies.

pub mod alipay;
mod certificate;
pub mod environment;
mod http;
pub mod keys;
mod listener;
pub mod time;
pub mod wechat;

pub use listener::TradeListener;
