//! Pieces that pages share.

pub mod curve;

#[cfg(feature = "ssr")]
pub mod bill;
#[cfg(feature = "ssr")]
pub mod code_card;
#[cfg(feature = "ssr")]
pub mod hold;
#[cfg(feature = "ssr")]
pub mod notice;
#[cfg(feature = "ssr")]
pub mod place;
#[cfg(feature = "ssr")]
pub mod plan;
#[cfg(feature = "ssr")]
pub mod price;
#[cfg(feature = "ssr")]
pub mod time;
