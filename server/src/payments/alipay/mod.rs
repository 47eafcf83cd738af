//! Alipay: the open gateway's signed protocol, and [`Alipay`], which speaks it for orders.
//!
//! From the wire inwards: [`sign`] and [`keys`] (RSA2), `envelope` (what an answer proves),
//! `client` (one call, three results), `trade`, `hold`, `refund`, `royalty` and `bill` (what orders
//! ask), [`notify`] (what Alipay tells). [`certificates`]: whose signature counts, for apps that
//! have certificates.

mod bill;
mod bill_file;
pub mod certificates;
mod client;
mod config;
mod envelope;
mod hold;
mod login;
pub mod notify;
mod refund;
mod royalty;
pub mod sign;
#[cfg(test)]
pub(crate) mod testing;
mod trade;

pub use super::keys::{self, KeyError, SigningKey, VerifyingKey};
pub use super::listener::TradeListener;
pub use super::time;
pub use bill_file::read_bill;
pub use certificates::{CertificateError, Certificates};
pub use client::Alipay;
pub use config::{
    AlipayConfig, AlipaySettings, CALL_TIMEOUT, ConfigError, HoldTerms, PRODUCTION_AUTHORIZE,
    PRODUCTION_GATEWAY, TrustSettings,
};
pub use notify::Notifies;

/// The path at which Alipay reports payments.
pub const NOTIFY_PATH: &str = "/notify/alipay";
