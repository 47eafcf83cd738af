//! Orders through the whole server, on both databases.

#[path = "../../../wasm-core/tests/story/mod.rs"]
mod story;

#[path = "../audit/mod.rs"]
mod audit;
mod books;
mod callbacks;
mod confluence;
mod fake_holds;
mod faults;
mod holds;
mod infrastructure;
mod links;
mod logins;
mod money;
mod notifies;
mod races;
mod reconcile;
mod reconcile_stale;
mod reports;
#[path = "../seed/mod.rs"]
mod seed;
mod split_refunds;
mod splits;
mod splitting;
mod staff;
mod stories;
mod support;
