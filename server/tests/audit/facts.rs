//! I2, I3, I4, I6, I8: acknowledged facts are there, current belongs to money, money comes to rest, and
//! a socket has one order.

use std::collections::BTreeSet;

use super::rows::{OrderRow, Outside, Rows, TransactionRow};

/// States in which an order has its socket to itself.
const HOLDING: [&str; 4] = ["starting", "start_unknown", "charging", "finishing"];

/// What must hold at every instant.
pub fn check(rows: &Rows, outside: &Outside, findings: &mut Vec<String>) {
    acknowledged(rows, outside, findings);
    let by_id = |id: &str| rows.orders.iter().find(|order| order.id == id);
    for id in &outside.commanded {
        if by_id(id).is_none_or(|order| order.list("payments").is_empty()) {
            findings.push(format!("I3 {id}: its socket was told to start, and nobody paid"));
        }
    }
    for transaction in &rows.transactions {
        let order = transaction.order.as_deref().and_then(by_id);
        if !belongs(transaction, order) && !is_marked(rows, transaction) {
            findings
                .push(format!("I3 transaction {}: current that nobody paid for", transaction.id));
        }
    }
    for current in &outside.currents {
        if by_id(&current.order).is_none_or(|order| order.list("payments").is_empty()) {
            findings.push(format!("I3 {}: current flowed, and nobody paid", current.order));
        }
    }
    one_order_each(rows, findings);
    findings.extend(rows.strays.iter().map(|stray| format!("I8 another operator's {stray}")));
}

fn acknowledged(rows: &Rows, outside: &Outside, findings: &mut Vec<String>) {
    for id in &outside.notified {
        let paid = rows.payments.iter().filter(|row| row.id == *id && row.status == "paid").count();
        let keys = [format!("paid:{id}"), format!("held:{id}")];
        let facts: BTreeSet<_> = rows
            .postings
            .iter()
            .filter(|p| keys.contains(&p.key))
            .map(|p| &p.transaction)
            .collect();
        let told =
            |order: &OrderRow| order.list("payments").iter().filter(|p| p["id"] == **id).count();
        let in_orders: usize = rows.orders.iter().map(told).sum();
        if (paid, facts.len(), in_orders) != (1, 1, 1) {
            let found = format!("{paid} rows, {} postings, {in_orders} in orders", facts.len());
            findings.push(format!("I2 {id}: acknowledged as paid, {found}"));
        }
    }
    for id in &outside.started {
        if rows.transactions.iter().filter(|row| row.id == *id).count() != 1 {
            findings.push(format!("I2 transaction {id} was confirmed and is not there"));
        }
    }
    for id in &outside.stopped {
        if !rows.transactions.iter().any(|row| row.id == *id && row.is_over) {
            findings.push(format!("I2 the end of transaction {id} was confirmed and is not there"));
        }
    }
}

/// Whether a device's charge is the one that its order paid for.
fn belongs(transaction: &TransactionRow, order: Option<&OrderRow>) -> bool {
    let Some(order) = order else { return false };
    let state = &order.json["state"];
    let session = if state["session"].is_object() { &state["session"] } else { state };
    !order.list("payments").is_empty() && session["transaction_id"] == transaction.id
}

/// Whether current without an order is on record, or about to be.
fn is_marked(rows: &Rows, transaction: &TransactionRow) -> bool {
    let id = transaction.id.to_string();
    let about = |job: &&super::rows::JobRow| job.kind == "record_free_energy";
    let marking = rows.jobs.iter().filter(about).any(|job| job.payload.contains(&id));
    marking || ["free energy", "no order"].iter().any(|mark| transaction.remark.contains(mark))
}

fn one_order_each(rows: &Rows, findings: &mut Vec<String>) {
    let (mut sockets, mut places) = (BTreeSet::new(), BTreeSet::new());
    for order in &rows.orders {
        let holds = HOLDING.contains(&order.state.as_str());
        if holds != (order.holds.as_ref() == Some(&order.socket)) {
            findings
                .push(format!("I6 {}: {} with socket {:?}", order.id, order.state, order.holds));
        }
        if holds && !sockets.insert(&order.socket) {
            findings.push(format!("I6 socket {} has two orders", order.socket));
        }
        if order.state != order.json["state"]["is"] {
            findings.push(format!("I9 {}: two states", order.id));
        }
        let own = |row: &&TransactionRow| holds && !row.is_over && belongs(row, Some(order));
        for row in rows.transactions.iter().filter(own) {
            if !places.insert(&row.place) {
                findings.push(format!("I6 connector {:?} has two running charges", row.place));
            }
        }
    }
}

/// I4: once faults have stopped and time has passed, every order is over, and so are its money and
/// its current.
pub fn check_rest(rows: &Rows, outside: &Outside, findings: &mut Vec<String>) {
    for order in &rows.orders {
        if !["closed", "cancelled", "start_failed"].contains(&order.state.as_str()) {
            findings.push(format!("I4 {}: still {}", order.id, order.state));
        }
        let mut parts = order.list("refunds").iter().chain(order.list("captures"));
        if parts.any(|part| part["status"]["is"] != "done") {
            findings.push(format!("I4 {}: money still on its way", order.id));
        }
        let flowed = |current: &super::rows::Current| current.order == order.id;
        if !outside.currents.is_empty()
            && order.state == "closed"
            && !outside.currents.iter().any(flowed)
        {
            findings.push(format!("I3 {}: billed, and nothing flowed", order.id));
        }
    }
    for payment in rows.payments.iter().filter(|payment| payment.status == "open") {
        findings.push(format!("I4 {} of {}: still open", payment.id, payment.order));
    }
    for job in rows.jobs.iter().filter(|job| job.status == "parked") {
        findings.push(format!("I4 {}: its {} waits for a person", job.order, job.kind));
    }
    currents_ended(rows, outside, findings);
}

/// Nothing flows any more, all of it was recorded, and each order charged once at most.
fn currents_ended(rows: &Rows, outside: &Outside, findings: &mut Vec<String>) {
    let mut orders = BTreeSet::new();
    for current in &outside.currents {
        let order = &current.order;
        if current.is_running {
            findings.push(format!("I4 {order}: still charges"));
        }
        if !orders.insert(order) {
            findings.push(format!("I6 {order}: charged twice"));
        }
        let Some(id) = current.transaction else {
            findings.push(format!("I2 {order}: the start was never heard"));
            continue;
        };
        let row = rows.transactions.iter().find(|row| row.id == id);
        if row.is_none_or(|row| !row.is_over && !current.is_forgotten) {
            findings.push(format!("I2 {order}: the end of transaction {id} was never written"));
        }
    }
}
