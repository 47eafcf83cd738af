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
mod keys;
mod login;
pub mod notify;
mod refund;
mod royalty;
pub mod sign;
#[cfg(test)]
pub(crate) mod testing;
pub mod time;
mod trade;

pub use bill_file::read_bill;
pub use certificates::{CertificateError, Certificates};
pub use client::Alipay;
pub use config::{
    AlipayConfig, AlipaySettings, CALL_TIMEOUT, ConfigError, HoldTerms, PRODUCTION_AUTHORIZE,
    PRODUCTION_GATEWAY, TrustSettings,
};
pub use keys::{KeyError, SigningKey, VerifyingKey};
pub use notify::{Notifies, TradeListener};

/// The path at which Alipay reports payments.
pub const NOTIFY_PATH: &str = "/notify/alipay";
