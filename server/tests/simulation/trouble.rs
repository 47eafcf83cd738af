//! A database that does not do it: for a while, writes to one table fail, or the commit of every
//! transaction that writes to it. The database itself does so, by triggers; the code under test
//! knows nothing of it.

use server::ledger::LedgerError;
use server::orders::OrderError;
use server::store::{Store, StoreError};
use sqlx::AssertSqlSafe;

use crate::chance::{one_of, percent};

/// What may fail. The outbox's own record of what was done is left out: the workers wait for it.
const WRITES: [&str; 9] = [
    "INSERT ON orders",
    "UPDATE ON orders",
    "UPDATE ON payments",
    "INSERT ON transactions",
    "UPDATE ON transactions",
    "INSERT ON ledger_transactions",
    "INSERT ON ledger_postings",
    "INSERT ON jobs",
    "UPDATE ON split_shares",
];

/// A row that no commit accepts.
const DOOM: &str = "CREATE TABLE doom (id BIGINT REFERENCES doomed (id) DEFERRABLE INITIALLY \
                    DEFERRED); CREATE TABLE doomed (id BIGINT PRIMARY KEY)";

/// Makes trouble possible.
pub async fn prepare(store: &Store) {
    run(store, DOOM.to_owned()).await;
}

/// From now on something fails; says what.
pub async fn begin(store: &Store) -> String {
    let write = *one_of(&WRITES).expect("some");
    let at_commit = percent(50);
    let fails = if at_commit {
        format!("AFTER {write} BEGIN INSERT INTO doom VALUES (1); END")
    } else {
        format!("BEFORE {write} BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END")
    };
    run(store, format!("CREATE TRIGGER trouble {fails}")).await;
    format!("{write} fails, at the commit: {at_commit}")
}

/// All is well again.
pub async fn end(store: &Store) {
    run(store, "DROP TRIGGER trouble".to_owned()).await;
}

/// Whether an error is the database's, and not a decision of ours.
pub fn is_one(error: &OrderError) -> bool {
    let (OrderError::Store(error) | OrderError::Ledger(LedgerError::Store(error))) = error else {
        return false;
    };
    matches!(error, StoreError::Database(_))
}

async fn run(store: &Store, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(store.tables()).await.expect("trouble");
}
