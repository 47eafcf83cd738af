//! Saochong's server.
//!
//! One direction of dependency: `http`, `gateway`, `jobs`, `recon` → `orders` → `ledger` → `store`
//! → `wasm-core`. `orders` declares the traits it needs of the outside ([`orders::Chargers`],
//! [`orders::Payments`], [`orders::Logins`]); `gateway` and `payments` implement them. SQL lives in
//! `store` only. [`serve`] puts it all together.

pub mod client_ip;
pub mod clock;
pub mod config;
mod crash;
pub mod demo;
pub mod gateway;
pub mod http;
pub mod jobs;
pub mod ledger;
pub mod misread;
pub mod orders;
pub mod password;
pub mod payments;
pub mod qr;
pub mod random;
pub mod recon;
pub mod serve;
pub mod store;
