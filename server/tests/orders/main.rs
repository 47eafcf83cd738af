//! Orders through the whole server, on both databases.

#[path = "../../../wasm-core/tests/story/mod.rs"]
mod story;

mod faults;
mod logins;
mod money;
mod races;
mod split_refunds;
mod splits;
mod splitting;
mod staff;
mod stories;
mod support;
