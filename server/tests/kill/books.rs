//! After a world's end: whether all is where it belongs, by what each side has written down.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::process::Command;

use serde_json::Value;
use server::orders::ORDER_SYMBOLS;
use server::store::Store;
use sqlx::{AnyPool, Row};
use wasm_core::ids::OrderId;
use wasm_core::money::Fen;
use wasm_core::order::{Order, State};
use wasm_core::tariff::PlanLimit;

use crate::audit::rows::{Outside, Trade};
use crate::audit::{Moment, audit};
use crate::rider::until;
use crate::world::{Bank, FEN_PER_WH, PREPAID_FEN, World};

/// A device's charge as the station reported it.
#[derive(Clone, Copy, Debug)]
pub struct Charge {
    started_wh: i64,
    /// None while it runs.
    pub stopped_wh: Option<i64>,
}

/// The tables, read without the store's help.
pub struct Tables {
    pool: AnyPool,
}

impl Tables {
    /// Opens a world's database beside the server.
    pub async fn open(world: &World) -> Self {
        sqlx::any::install_default_drivers();
        Self { pool: AnyPool::connect(&world.database).await.expect("the database") }
    }

    /// An order's charge, if the station has reported one.
    pub async fn charge_of(&self, order: &OrderId) -> Option<Charge> {
        let sql = "SELECT meter_start_wh, meter_stop_wh, stopped_ms FROM transactions \
                   WHERE order_id = $1";
        let rows = sqlx::query(sql).bind(order.as_str()).fetch_all(&self.pool).await;
        let rows = rows.expect("the rows");
        assert!(rows.len() <= 1, "{order} was started {} times", rows.len());
        let row = rows.first()?;
        let is_over = row.get::<Option<i64>, _>("stopped_ms").is_some();
        let stopped_wh = row.get::<Option<i64>, _>("meter_stop_wh").filter(|_| is_over);
        Some(Charge { started_wh: row.get("meter_start_wh"), stopped_wh })
    }

    /// # Errors
    /// What is left: jobs and running charges, one a line.
    async fn nothing_left(&self) -> Result<(), String> {
        let mut left = Vec::new();
        // The three kinds left out are only looks at a later time, up to a quarter of an hour from
        // now; `check` sees that the orders are over and leave them nothing to find.
        let jobs = "SELECT j.kind, j.status, j.attempts, j.run_at_ms, j.last_error, j.order_id, \
                    o.state FROM jobs j LEFT JOIN orders o ON o.id = j.order_id \
                    WHERE j.kind NOT IN ('timer', 'query_payment', 'settle_forgotten') \
                    ORDER BY j.id";
        for row in sqlx::query(jobs).fetch_all(&self.pool).await.expect("the jobs") {
            let text = |column: &str| row.get::<Option<String>, _>(column).unwrap_or_default();
            let number = |column: &str| row.get::<i64, _>(column);
            left.push(format!(
                "job {} {} of {} ({}): tried {}, due {}, {}",
                text("status"),
                text("kind"),
                text("order_id"),
                text("state"),
                number("attempts"),
                number("run_at_ms"),
                text("last_error"),
            ));
        }
        let charges = "SELECT id, order_id, started_ms, remark FROM transactions \
                       WHERE stopped_ms IS NULL ORDER BY id";
        for row in sqlx::query(charges).fetch_all(&self.pool).await.expect("the charges") {
            let text = |column: &str| row.get::<Option<String>, _>(column).unwrap_or_default();
            left.push(format!("charge {} of {}", row.get::<i64, _>("id"), text("order_id")));
        }
        if left.is_empty() { Ok(()) } else { Err(left.join("\n")) }
    }
}

/// What all of a world's orders came to.
#[derive(Default)]
pub struct Sums {
    orders: usize,
    closed: usize,
    paid_fen: Fen,
    refunded_fen: Fen,
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { orders, closed, paid_fen, refunded_fen } = self;
        let (paid, refunded) = (paid_fen.0, refunded_fen.0);
        write!(f, "{orders} orders, {closed} billed, {paid} fen paid, {refunded} fen given back")
    }
}

/// Checks all books once everything has come to rest.
pub async fn check(world: &World, bank: &Bank) -> Sums {
    let tables = Tables::open(world).await;
    until("nothing is left to do", async || tables.nothing_left().await).await;
    world.end();
    ledger_check(world).await;
    let store = Store::open(&world.database).await.expect("the database");
    let orders = store.orders_after(None, "", 100_000).await.expect("orders");
    assert!(!orders.is_empty());
    let mut sums = Sums { orders: orders.len(), ..Sums::default() };
    let outside = outside(&orders, bank).await;
    let findings = audit(&store, &outside, Moment::AtRest).await;
    assert!(findings.is_empty(), "{findings:#?}");
    for order in &orders {
        sums.closed += usize::from(matches!(order.state, State::Closed(_)));
        sums.paid_fen += order.paid_fen();
        sums.refunded_fen += order.refunds.iter().map(|refund| refund.amount_fen).sum();
        let socket =
            store.socket(&order.operator_id, &order.socket_id).await.expect("the database");
        assert_eq!(socket.expect("the socket").held_by, None, "the socket is free");
        charged_what_flowed(order, tables.charge_of(&order.id).await);
    }
    let balances = store.balances(&"op".into()).await.expect("balances");
    let clearing = balances.iter().filter(|(account, _)| account.starts_with("clearing:"));
    let kept = outside.books.values().flat_map(BTreeMap::values);
    let kept_fen: i64 = kept
        .map(|trade| {
            let here_fen = if trade.held { trade.taken_fen.unwrap_or(0) } else { trade.paid_fen };
            here_fen - trade.refunds.values().sum::<i64>()
        })
        .sum();
    let gone = outside.passed_on.iter().flat_map(BTreeMap::values).flat_map(BTreeMap::values);
    let kept_fen = kept_fen - gone.sum::<i64>();
    assert_eq!(clearing.map(|(_, fen)| fen.0).sum::<i64>(), kept_fen, "what the platform holds");
    sums
}

async fn ledger_check(world: &World) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_saochong"));
    command.args(["ledger", "check", "--database-url", &world.database]).env_clear();
    // Apart, because it may wait for a lock that another world of this test holds.
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let output = output.expect("a process");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A bill for exactly the energy between the station's two registers.
fn charged_what_flowed(order: &Order, charge: Option<Charge>) {
    let State::Closed(settlement) = &order.state else { return };
    let flowed_wh = charge.map_or(0, |charge| {
        charge.stopped_wh.expect("no current flows any more") - charge.started_wh
    });
    // A station that is cut off for a minute is not waited for: the last reading is the bill, and
    // what flowed after it a gift.
    let is_given = settlement.final_reading_missing;
    let known_wh = settlement.usage.energy_wh;
    assert!(known_wh == flowed_wh || is_given && known_wh < flowed_wh, "{order:?}");
    let known_fen = Fen((known_wh * FEN_PER_WH).min(PREPAID_FEN));
    let billed_fen = settlement.bill.total_fen;
    // What flows after the time paid for, while a dead server stops nothing, is a gift.
    let is_cut = matches!(order.terms.plan.limit, PlanLimit::Time { .. });
    assert!(billed_fen == known_fen || is_cut && billed_fen < known_fen, "{order:?}");
}

/// The platform's own book of these orders; it has those of other worlds, too.
async fn outside(orders: &[Order], bank: &Bank) -> Outside {
    let stored = bank.store.demo_documents("alipay/trade/").await.expect("the platform's book");
    let ours: HashSet<&str> = orders.iter().map(|order| order.id.as_str()).collect();
    let mut book = BTreeMap::new();
    let mut passed_on: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for text in &stored {
        let trade: Value = serde_json::from_str(text).expect("a trade");
        let number = trade["out_trade_no"].as_str().expect("a number").to_owned();
        if number.get(..ORDER_SYMBOLS).is_some_and(|order| ours.contains(order)) {
            let order = number[..ORDER_SYMBOLS].to_owned();
            passed_on.entry(order).or_default().extend(parts(&trade));
            book.insert(number, as_booked(&trade));
        }
    }
    for text in &bank.store.demo_documents("alipay/hold/").await.expect("the platform's book") {
        let hold: Value = serde_json::from_str(text).expect("a hold");
        let number = hold["out_order_no"].as_str().expect("a number").to_owned();
        if number.get(..ORDER_SYMBOLS).is_some_and(|order| ours.contains(order)) {
            // What was taken of it is a trade of the same number.
            let taken = book.remove(&number).unwrap_or_default();
            book.insert(number, hold_as_booked(&hold, taken));
        }
    }
    let books = BTreeMap::from([("alipay".to_owned(), book)]);
    Outside { books, passed_on: Some(passed_on), ..Outside::default() }
}

/// What receivers have of a trade.
fn parts(trade: &Value) -> BTreeMap<String, i64> {
    let mut have = BTreeMap::new();
    let settles = trade["settles"].as_array().expect("settles").iter();
    for part in settles.flat_map(|settle| settle["parts"].as_array().expect("parts")) {
        if part["failed"].is_null() {
            let fen = |name: &str| part[name].as_i64().expect("an amount");
            let account = part["account"].as_str().expect("an account").to_owned();
            *have.entry(account).or_default() += fen("amount_fen") - fen("returned_fen");
        }
    }
    have
}

fn hold_as_booked(hold: &Value, taken: Trade) -> Trade {
    let is_given = hold["held_ms"].as_i64().is_some_and(|held_ms| held_ms > 0);
    let is_over = matches!(hold["status"].as_str(), Some("Finish" | "Closed"));
    Trade {
        paid_fen: hold["amount_fen"].as_i64().filter(|_| is_given).unwrap_or(0),
        held: true,
        taken_fen: hold["paid_fen"].as_i64().filter(|_| is_over),
        open: hold["status"] == "Init",
        ..taken
    }
}

fn as_booked(trade: &Value) -> Trade {
    let is_paid = trade["paid_ms"].as_i64().is_some_and(|paid_ms| paid_ms > 0);
    let refund = |refund: &Value| {
        let number = refund["out_request_no"].as_str().expect("a number").to_owned();
        (number, refund["amount_fen"].as_i64().expect("an amount"))
    };
    let refunds = trade["refunds"].as_array().expect("refunds");
    Trade {
        paid_fen: trade["total_fen"].as_i64().filter(|_| is_paid).unwrap_or(0),
        // Parts are taken back by refunds of nothing.
        refunds: refunds.iter().map(refund).filter(|(_, fen)| *fen != 0).collect(),
        open: !is_paid && trade["status"] != "TRADE_CLOSED",
        ..Trade::default()
    }
}
