//! Alipay: the open gateway's signed protocol, and [`Alipay`], which speaks it for orders.
//!
//! From the wire inwards: [`sign`] and [`keys`] (RSA2), `envelope` (what an answer proves),
//! `client` (one call, three results), `trade` and `refund` (what orders ask), [`notify`] (what
//! Alipay tells).

mod client;
mod config;
mod envelope;
mod login;
pub mod notify;
mod refund;
pub mod sign;
#[cfg(test)]
pub(crate) mod testing;
mod trade;

pub use super::keys::{self, KeyError, SigningKey, VerifyingKey};
pub use super::listener::TradeListener;
pub use super::time;
pub use client::Alipay;
pub use config::{
    AlipayConfig, AlipaySettings, CALL_TIMEOUT, PRODUCTION_AUTHORIZE, PRODUCTION_GATEWAY,
};
pub use notify::Notifies;

/// The path at which Alipay reports payments.
pub const NOTIFY_PATH: &str = "/notify/alipay";
