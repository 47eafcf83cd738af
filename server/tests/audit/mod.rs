//! The one checker that every run with faults ends with: the fault tests, the tests that kill the
//! server, and the simulation after each of its steps. It reads the bare tables with arithmetic of
//! its own and knows nothing of the domain's types: an order is JSON, the books are rows. What the
//! outside has written down itself is handed in.
//!
//! I1 money is conserved, I2 what was acknowledged is there, I3 no current without money, I4 money
//! comes to rest, I5 nothing goes back that did not come and the rest is the bill, I6 a socket has
//! one order, I8 nothing hangs on another operator's order, I9 states only move forward, by one
//! version each. I7 (coupons) has nothing to look at yet; I10 (any order, with duplicates) is a
//! property of many runs: wasm-core/tests/confluence.rs and tests/orders/confluence.rs.

mod bill;
mod facts;
mod journal;
mod money;
mod platforms;
pub mod rows;
mod splits;

use rows::Outside;
use server::store::Store;

pub use journal::watch;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// In the middle: what must hold at every instant.
    Underway,
    /// Faults have stopped and time has passed: everything has come to an end, too.
    AtRest,
}

/// All that is wrong, in words; nothing when all is well.
pub async fn audit(store: &Store, outside: &Outside, moment: Moment) -> Vec<String> {
    let rows = rows::read(store.tables()).await;
    let mut findings = Vec::new();
    money::check(&rows, &mut findings);
    facts::check(&rows, outside, &mut findings);
    bill::check(&rows, outside, &mut findings);
    splits::check(&rows, outside, &mut findings);
    journal::check(&rows, &mut findings);
    platforms::check(&rows, outside, moment, &mut findings);
    if moment == Moment::AtRest {
        facts::check_rest(&rows, outside, &mut findings);
        let report = server::ledger::check(store).await.expect("a check of the books");
        findings.extend(report.findings.iter().map(|finding| format!("I1 {finding:?}")));
    }
    findings
}
