//! Orders through the whole server, on both databases.

#[path = "../../../wasm-core/tests/story/mod.rs"]
mod story;

mod faults;
mod holds;
mod logins;
mod money;
mod races;
mod reports;
mod staff;
mod stories;
mod support;
