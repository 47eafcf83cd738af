//! I9: a journal of every change of an order, kept by the database itself.

use server::store::{Dialect, Store};
use sqlx::{AnyPool, Row};

use super::money::given_back_fen;
use super::rows::{Change, Rows};

const TABLE: &str = "CREATE TABLE audit_changes (order_id TEXT NOT NULL, old_version BIGINT NOT \
                     NULL, new_version BIGINT NOT NULL, old_state TEXT NOT NULL, new_state TEXT NOT \
                     NULL)";

const SQLITE: &[&str] = &["CREATE TRIGGER audit_orders AFTER UPDATE ON orders BEGIN \
    INSERT INTO audit_changes VALUES (OLD.id, OLD.version, NEW.version, OLD.state, NEW.state); END"];

const POSTGRES: &[&str] = &[
    "CREATE FUNCTION audit_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     INSERT INTO audit_changes VALUES (OLD.id, OLD.version, NEW.version, OLD.state, NEW.state); \
     RETURN NEW; END $$",
    "CREATE TRIGGER audit_orders AFTER UPDATE ON orders \
     FOR EACH ROW EXECUTE FUNCTION audit_order()",
];

/// Where each state may go by one change, itself left out.
const FORWARD: [(&str, &[&str]); 9] = [
    ("awaiting_payment", &["starting", "cancelled"]),
    ("starting", &["start_unknown", "charging", "start_failed"]),
    ("start_unknown", &["charging", "start_failed"]),
    ("charging", &["finishing", "settled", "closed"]),
    ("finishing", &["settled", "closed"]),
    ("settled", &["closed"]),
    ("closed", &[]),
    ("cancelled", &[]),
    ("start_failed", &[]),
];

/// Lets the database keep the journal from now on.
pub async fn watch(store: &Store) {
    let triggers = if store.dialect() == Dialect::Sqlite { SQLITE } else { POSTGRES };
    for sql in [TABLE].iter().chain(triggers) {
        sqlx::query(*sql).execute(store.tables()).await.expect("a journal");
    }
}

/// The journal, if there is one.
pub async fn changes(pool: &AnyPool) -> Option<Vec<Change>> {
    let sql = "SELECT order_id, old_version, new_version, old_state, new_state FROM audit_changes";
    let rows = sqlx::query(sql).fetch_all(pool).await.ok()?;
    let change = |row: &sqlx::any::AnyRow| Change {
        order: row.get(0),
        versions: (row.get(1), row.get(2)),
        states: (row.get(3), row.get(4)),
    };
    Some(rows.iter().map(change).collect())
}

/// Versions grow by one, states never go back; only what an operator gives back after the bill
/// opens an order again until the money is back.
pub fn check(rows: &Rows, findings: &mut Vec<String>) {
    for change in rows.changes.iter().flatten() {
        let (old, new) = (change.states.0.as_str(), change.states.1.as_str());
        let (before, after) = change.versions;
        if after != before + 1 {
            findings.push(format!("I9 {}: version {before} became {after}", change.order));
        }
        let ways = FORWARD.iter().find(|(state, _)| *state == old).map(|(_, ways)| *ways);
        let given_back = (old, new) == ("closed", "settled")
            && rows.orders.iter().any(|o| o.id == change.order && given_back_fen(o) > 0);
        if old != new && !given_back && !ways.is_some_and(|ways| ways.contains(&new)) {
            findings.push(format!("I9 {}: {old} became {new}", change.order));
        }
    }
}
