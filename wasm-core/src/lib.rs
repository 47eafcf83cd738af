//! The domain of scan-to-charge, for the server and for the browser alike.
//!
//! Pure Rust: no I/O, no clock, no randomness, no floating point for money. Whatever varies
//! (`now`, ids, seeds) is an argument. Money is integer fen, energy integer watt-hours, time
//! integer milliseconds UTC; the unit stands in the name.
//!
//! The way through: a [`tariff::Tariff`] with its plans gives a [`tariff::Quote`]; an
//! [`order::Order`] changes only through [`order::apply`], which returns the effects to carry
//! out; metered [`tariff::Usage`] becomes a [`tariff::Bill`] by [`tariff::settle`]; a
//! [`receipt::Receipt`] lets anybody compute that bill again; [`share::split`] says who gets how
//! much of it.

pub mod day;
pub mod ids;
pub mod link;
pub mod money;
pub mod order;
pub mod posting;
pub mod receipt;
pub mod share;
pub mod tariff;
pub mod units;
#[cfg(feature = "wasm")]
pub mod wasm;
