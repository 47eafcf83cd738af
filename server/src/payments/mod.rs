//! Payment platforms: adapters that implement [`crate::orders::Payments`], and their notifies.

pub mod alipay;
pub mod environment;
