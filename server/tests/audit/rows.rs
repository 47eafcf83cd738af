//! What the auditor reads: the tables as they are, and what the world outside has written down.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row};

/// What the outside knows by itself. A test without a world of its own hands in nothing.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// Payments whose notify we answered with success.
    pub notified: BTreeSet<String>,
    /// Transaction ids that a station was given.
    pub started: BTreeSet<i64>,
    /// Transaction ids whose end we confirmed.
    pub stopped: BTreeSet<i64>,
    /// Orders for which a socket was told to start.
    pub commanded: BTreeSet<String>,
    /// The meters that never lied, by order and first register (`order@5000`): what flowed until
    /// the final reading, watt-hours.
    pub honest: BTreeMap<String, i64>,
    /// What flowed at the sockets, charge by charge.
    pub currents: Vec<Current>,
    /// What the platforms passed on and did not take back, by order and account; none where nobody
    /// keeps count.
    pub passed_on: Option<BTreeMap<String, BTreeMap<String, i64>>>,
    /// The platforms' own books by channel.
    pub books: BTreeMap<String, Book>,
}

/// A platform's own book, by payment.
pub type Book = BTreeMap<String, Trade>;

/// A trade in a platform's own book, fen.
#[derive(Clone, Debug, Default)]
pub struct Trade {
    /// What the rider's account was charged, or had set aside.
    pub paid_fen: i64,
    /// Only set aside.
    pub held: bool,
    /// What was taken of what was set aside; zero: all was let go.
    pub taken_fen: Option<i64>,
    /// What went back, by the number of the refund.
    pub refunds: BTreeMap<String, i64>,
    /// Whether it can still be paid.
    pub open: bool,
}

/// A charge as its socket knows it.
#[derive(Clone, Debug)]
pub struct Current {
    /// The order it was started for.
    pub order: String,
    /// The transaction id that the station was given.
    pub transaction: Option<i64>,
    /// Whether it still flows.
    pub is_running: bool,
    /// The station lost the record of its end.
    pub is_forgotten: bool,
}

/// The tables.
pub struct Rows {
    pub orders: Vec<OrderRow>,
    pub payments: Vec<PaymentRow>,
    pub postings: Vec<PostingRow>,
    pub transactions: Vec<TransactionRow>,
    pub samples: BTreeMap<i64, Vec<Sample>>,
    pub jobs: Vec<JobRow>,
    pub shares: Vec<ShareRow>,
    /// Rows that name an order of another operator's.
    pub strays: Vec<String>,
    /// Old and new state and version of each change of an order, if the run is watched.
    pub changes: Option<Vec<Change>>,
}

pub struct OrderRow {
    pub id: String,
    pub state: String,
    pub socket: String,
    pub holds: Option<String>,
    pub json: Value,
}

pub struct PaymentRow {
    pub id: String,
    pub order: String,
    pub status: String,
}

/// A posting with its head; a head without postings has none.
pub struct PostingRow {
    pub operator: String,
    pub transaction: String,
    pub key: String,
    pub kind: String,
    /// Whose event posted it; empty for what is no order's.
    pub order: String,
    pub account: Option<String>,
    pub amount_fen: i64,
}

pub struct TransactionRow {
    pub id: i64,
    pub place: (String, i64),
    pub order: Option<String>,
    pub start_wh: i64,
    pub stop_wh: Option<i64>,
    pub is_over: bool,
    pub remark: String,
}

pub struct Sample {
    pub register_wh: i64,
    pub received_ms: i64,
}

pub struct JobRow {
    pub order: String,
    pub kind: String,
    pub payload: String,
    pub status: String,
}

/// A party's share of an order.
pub struct ShareRow {
    pub order: String,
    pub channel: String,
    pub party: String,
    pub role: String,
    pub status: String,
    /// The account at the platform; empty for none.
    pub account: String,
    pub amount_fen: i64,
    pub back_fen: i64,
    pub paper_fen: i64,
    pub paid_fen: i64,
    pub returned_fen: i64,
}

impl ShareRow {
    /// What is left of it after refunds.
    pub fn left_fen(&self) -> i64 {
        self.amount_fen - self.back_fen
    }

    /// What the partner has of it.
    pub fn out_fen(&self) -> i64 {
        self.paid_fen - self.returned_fen
    }
}

pub struct Change {
    pub order: String,
    pub versions: (i64, i64),
    pub states: (String, String),
}

impl OrderRow {
    /// A list in the order.
    pub fn list(&self, name: &str) -> &[Value] {
        self.json[name].as_array().map_or(&[], Vec::as_slice)
    }

    /// The bill, once there is one.
    pub fn bill(&self) -> Option<&Value> {
        Some(&self.json["state"]["bill"]).filter(|bill| bill.is_object())
    }
}

/// A number in JSON; it must be there.
pub fn number(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or_else(|| panic!("{name} in {value}"))
}

/// A text in JSON; it must be there.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

async fn all<T>(pool: &AnyPool, sql: &'static str, read: impl Fn(&AnyRow) -> T) -> Vec<T> {
    sqlx::query(sql).fetch_all(pool).await.expect(sql).iter().map(read).collect()
}

/// Reads everything.
pub async fn read(pool: &AnyPool) -> Rows {
    let orders =
        "SELECT id, state, socket_id, holding_socket_id, order_json FROM orders ORDER BY id";
    let orders = all(pool, orders, |row| OrderRow {
        id: row.get(0),
        state: row.get(1),
        socket: row.get(2),
        holds: row.get(3),
        json: serde_json::from_str(&row.get::<String, _>(4)).expect("JSON"),
    });
    let payments = all(pool, "SELECT id, order_id, status FROM payments", |row| PaymentRow {
        id: row.get(0),
        order: row.get(1),
        status: row.get(2),
    });
    let jobs = all(pool, "SELECT order_id, kind, payload_json, status FROM jobs", |row| JobRow {
        order: row.get(0),
        kind: row.get(1),
        payload: row.get(2),
        status: row.get(3),
    });
    let mut samples: BTreeMap<i64, Vec<Sample>> = BTreeMap::new();
    let sql = "SELECT transaction_id, register_wh, received_ms FROM samples";
    let sample = |row: &AnyRow| {
        let sample = Sample { register_wh: row.get(1), received_ms: row.get(2) };
        (row.get::<i64, _>(0), sample)
    };
    for (id, sample) in all(pool, sql, sample).await {
        samples.entry(id).or_default().push(sample);
    }
    Rows {
        orders: orders.await,
        payments: payments.await,
        postings: postings(pool).await,
        transactions: transactions(pool).await,
        samples,
        jobs: jobs.await,
        shares: shares(pool).await,
        strays: strays(pool).await,
        changes: super::journal::changes(pool).await,
    }
}

async fn postings(pool: &AnyPool) -> Vec<PostingRow> {
    let sql = "SELECT t.id, t.idempotency_key, p.account, \
               COALESCE(p.amount_fen, 0), t.operator_id, t.kind, t.order_id FROM ledger_transactions t LEFT JOIN ledger_postings p \
               ON p.operator_id = t.operator_id AND p.transaction_id = t.id";
    let read = |row: &AnyRow| PostingRow {
        transaction: row.get(0),
        key: row.get(1),
        account: row.get(2),
        amount_fen: row.get(3),
        operator: row.get(4),
        kind: row.get(5),
        order: row.get(6),
    };
    all(pool, sql, read).await
}

async fn transactions(pool: &AnyPool) -> Vec<TransactionRow> {
    let sql = "SELECT id, station_id, connector, order_id, meter_start_wh, meter_stop_wh, \
               stopped_ms, remark FROM transactions";
    let read = |row: &AnyRow| TransactionRow {
        id: row.get(0),
        place: (row.get(1), row.get(2)),
        order: row.get(3),
        start_wh: row.get(4),
        stop_wh: row.get(5),
        is_over: row.get::<Option<i64>, _>(6).is_some(),
        remark: row.get(7),
    };
    all(pool, sql, read).await
}

async fn shares(pool: &AnyPool) -> Vec<ShareRow> {
    let sql = "SELECT h.order_id, s.channel, h.party_id, h.role, h.status, h.account_json, \
               h.amount_fen, h.back_fen, h.paper_fen, h.paid_fen, h.returned_fen \
               FROM split_shares h JOIN splits s ON s.order_id = h.order_id";
    let account = |json: String| {
        let account = serde_json::from_str::<Value>(&json).ok();
        account.and_then(|account| Some(account["account"].as_str()?.to_owned()))
    };
    let read = |row: &AnyRow| ShareRow {
        order: row.get(0),
        channel: row.get(1),
        party: row.get(2),
        role: row.get(3),
        status: row.get(4),
        account: account(row.get(5)).unwrap_or_default(),
        amount_fen: row.get(6),
        back_fen: row.get(7),
        paper_fen: row.get(8),
        paid_fen: row.get(9),
        returned_fen: row.get(10),
    };
    all(pool, sql, read).await
}

/// Tables whose rows belong to an order.
const OF_ORDERS: [(&str, &str); 4] = [
    (
        "payments",
        "SELECT p.order_id FROM payments p LEFT JOIN orders o ON o.id = p.order_id \
         WHERE o.operator_id IS NULL OR o.operator_id <> p.operator_id",
    ),
    (
        "jobs",
        "SELECT j.order_id FROM jobs j LEFT JOIN orders o ON o.id = j.order_id \
         WHERE j.order_id <> '' AND (o.operator_id IS NULL OR o.operator_id <> j.operator_id)",
    ),
    (
        "transactions",
        "SELECT t.order_id FROM transactions t JOIN orders o ON o.id = t.order_id \
         WHERE o.operator_id <> t.operator_id",
    ),
    (
        "ledger_transactions",
        "SELECT l.order_id FROM ledger_transactions l LEFT JOIN orders o ON o.id = l.order_id \
         WHERE l.order_id <> '' AND (o.operator_id IS NULL OR o.operator_id <> l.operator_id)",
    ),
];

async fn strays(pool: &AnyPool) -> Vec<String> {
    let mut strays = Vec::new();
    for (table, sql) in OF_ORDERS {
        let orders = all(pool, sql, |row| row.get::<String, _>(0)).await;
        strays.extend(orders.into_iter().map(|order| format!("{table} of {order}")));
    }
    strays
}
