//! HTTP: pages, API, notifies, device links. Handlers extract, authorise, call one function, map.

pub mod admin;
pub mod api;
mod assets;
mod client;
mod headers;
mod idempotent;
mod json;
mod last_resort;
pub mod metrics;
pub mod pages;
pub mod problem;
mod rates;
pub mod rider;
mod router;
#[cfg(test)]
mod router_tests;
pub mod server;
#[cfg(test)]
mod server_tests;
mod shed;
mod timed_io;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use crate::clock::Clock;
use crate::orders::Orders;
use crate::random;
use crate::store::Store;

pub use client::Network;

pub use crate::client_ip::ClientIp;
pub use rates::{Rate, Rates};
pub use router::{Options, Parts, router};

/// What every handler can reach. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The orders.
    pub orders: Orders,
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// What does not change while the server runs.
    pub settings: Arc<Settings>,
}

/// What does not change while the server runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How the outside reaches us, without a trailing slash: `https://charge.example`.
    pub public_url: String,
    /// Whether the demo's pages, cashier and fleet are on.
    pub demo: bool,
}

/// SHA-256 in lower-case hexadecimal.
fn sha256_hex(bytes: &[u8]) -> String {
    random::hex(digest(&SHA256, bytes).as_ref())
}
