//! The link against a station over a real socket.

mod abuse;
mod commands;
pub(crate) mod harness;
mod life;
mod login;
mod transactions;
