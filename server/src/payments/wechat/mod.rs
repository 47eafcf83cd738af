//! `WeChat` Pay: `APIv3`'s signed protocol, and [`Wechat`], which speaks it for orders.
//!
//! From the wire inwards: [`sign`] (what is signed, and who may), [`seal`] (what only we can read),
//! `platform_keys` (the other side's keys, pinned or fetched), `client` (one call, three results),
//! `trade`, `refund`, `split`, `score` and `bill` (what orders ask), `login` (who a rider is),
//! [`notify`] (what `WeChat` Pay tells).

mod bill;
mod bill_lines;
mod client;
mod config;
#[cfg(test)]
mod gateway_tests;
mod login;
pub mod notify;
mod platform_keys;
mod refund;
mod score;
pub mod seal;
pub mod sign;
mod split;
#[cfg(test)]
pub(crate) mod testing;
mod trade;

pub use client::Wechat;
pub use config::{
    ConfigError, PayScore, PayScoreSettings, PlatformKeySettings, WechatConfig, WechatSettings,
};
pub use notify::Notifies;
pub use platform_keys::PlatformKeys;

/// The path at which `WeChat` Pay reports payments, refunds and pay score.
pub const NOTIFY_PATH: &str = "/notify/wechat";
