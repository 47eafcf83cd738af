//! Orders through the whole server, on both databases.

#[path = "../../../wasm-core/tests/story/mod.rs"]
mod story;

mod faults;
mod holds;
mod infrastructure;
mod logins;
mod money;
mod notifies;
mod races;
mod staff;
mod stories;
mod support;
