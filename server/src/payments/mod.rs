//! Payment platforms: adapters that implement [`crate::orders::Payments`], and their notifies.

pub mod absent;
pub mod alipay;
pub mod environment;
