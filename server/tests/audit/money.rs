//! I1 and I5: the books balance, and each account stands where the orders' own facts put it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::rows::{OrderRow, PostingRow, Rows, number, text};
use super::splits;

pub type Balances = BTreeMap<String, i64>;

/// The books against themselves and against the orders.
pub fn check(rows: &Rows, findings: &mut Vec<String>) {
    let (mut sums, mut balances) = (Balances::new(), Balances::new());
    for posting in &rows.postings {
        *sums.entry(posting.transaction.clone()).or_default() += posting.amount_fen;
        if let Some(account) = &posting.account {
            let account = format!("{}/{account}", posting.operator);
            *balances.entry(account).or_default() += posting.amount_fen;
        } else {
            findings.push(format!("I1 {} has no postings", posting.key));
        }
    }
    for (transaction, sum) in sums.iter().filter(|(_, sum)| **sum != 0) {
        findings.push(format!("I1 transaction {transaction} adds to {sum}"));
    }
    let mut expected = Balances::new();
    for order in &rows.orders {
        expect(order, &mut expected);
        splits::expect(rows, order, &mut expected);
        order_is_sane(order, findings);
    }
    for posting in rows.postings.iter().filter(|posting| posting.order.is_empty()) {
        expect_of_nobody(posting, &mut expected, findings);
    }
    for account in balances.keys().chain(expected.keys()) {
        let (stands, should) = (balances.get(account), expected.get(account));
        let line = format!("I1 {account} stands at {stands:?}, the orders say {should:?}");
        if stands.unwrap_or(&0) != should.unwrap_or(&0) && !findings.contains(&line) {
            findings.push(line);
        }
    }
}

fn is_done(part: &Value) -> bool {
    part["status"]["is"] == "done"
}

/// Given back after the bill, from what was earned.
fn is_complaint(refund: &Value) -> bool {
    refund["reason"] == "complaint"
}

/// What the operator gave back after the bill, fen.
pub fn given_back_fen(order: &OrderRow) -> i64 {
    sum_fen(order.list("refunds").iter().filter(|refund| is_complaint(refund)))
}

fn sum_fen<'a>(parts: impl Iterator<Item = &'a Value>) -> i64 {
    parts.map(|part| number(part, "amount_fen")).sum()
}

/// What an order puts on each account: debit positive.
fn expect(order: &OrderRow, expected: &mut Balances) {
    let (id, operator, site) = (&order.id, &order.json["operator_id"], &order.json["site_id"]);
    let mut add = |account: String, fen: i64| {
        *expected.entry(format!("{}/{account}", plain(operator))).or_default() += fen;
    };
    let channel_of = |part: &Value| {
        let same = |payment: &&Value| payment["id"] == part["payment_id"];
        let payment = order.list("payments").iter().find(same).expect("the part's payment");
        text(payment, "channel").to_owned()
    };
    for payment in order.list("payments") {
        let (fen, channel) = (number(payment, "amount_fen"), text(payment, "channel"));
        if payment["held"] == true {
            add(format!("holds:{channel}"), fen);
            add(format!("held:{id}"), -fen);
        } else {
            add(format!("clearing:{channel}"), fen);
            add(format!("prepaid:{id}"), -fen);
        }
    }
    for capture in order.list("captures").iter().filter(|part| is_done(part)) {
        let same = |payment: &&Value| payment["id"] == capture["payment_id"];
        let hold = order.list("payments").iter().find(same).expect("the hold");
        let (held_fen, fen) = (number(hold, "amount_fen"), number(capture, "amount_fen"));
        let channel = channel_of(capture);
        add(format!("holds:{channel}"), -held_fen);
        add(format!("held:{id}"), held_fen);
        add(format!("clearing:{channel}"), fen);
        add(format!("prepaid:{id}"), -fen);
    }
    for refund in order.list("refunds") {
        let fen = number(refund, "amount_fen");
        let earned = format!("allowance:{}:{}", plain(operator), plain(site));
        add(if is_complaint(refund) { earned } else { format!("prepaid:{id}") }, fen);
        let done = is_done(refund);
        let to =
            if done { format!("clearing:{}", channel_of(refund)) } else { format!("refunds:{id}") };
        add(to, -fen);
    }
    if let Some(bill) = order.bill() {
        add(format!("prepaid:{id}"), number(bill, "total_fen"));
        for (name, sign) in [("electricity", -1), ("service", -1), ("discount", 1)] {
            let account = format!("{name}:{}:{}", plain(operator), plain(site));
            add(account, sign * number(bill, &format!("{name}_fen")));
        }
    }
}

fn plain(value: &Value) -> &str {
    value.as_str().expect("an id")
}

/// Fees and corrections are no order's: what they move is taken as they say, as long as they leave
/// orders' own accounts alone.
fn expect_of_nobody(posting: &PostingRow, expected: &mut Balances, findings: &mut Vec<String>) {
    let Some(account) = &posting.account else { return };
    let of_order = ["prepaid:", "refunds:", "held:"].iter().any(|kind| account.starts_with(kind));
    if of_order || !["fee", "correction"].contains(&posting.kind.as_str()) {
        findings.push(format!("I1 {} moves {account} without an order", posting.key));
    }
    *expected.entry(format!("{}/{account}", posting.operator)).or_default() += posting.amount_fen;
}

/// Refunds of a payment stay within it; what was paid is billed, or goes back, to the fen.
fn order_is_sane(order: &OrderRow, findings: &mut Vec<String>) {
    let mut all_fen = 0;
    for payment in order.list("payments") {
        let of = |refund: &&Value| refund["payment_id"] == payment["id"];
        let back_fen = sum_fen(order.list("refunds").iter().filter(of));
        let captures = order.list("captures").iter().filter(of);
        let held = payment["held"] == true;
        let paid_fen = if held { sum_fen(captures) } else { number(payment, "amount_fen") };
        if back_fen > paid_fen {
            findings.push(format!("I5 {}: {back_fen} go back of {paid_fen}", payment["id"]));
        }
        all_fen += paid_fen - back_fen;
    }
    let total_fen = order.bill().map_or(0, |bill| number(bill, "total_fen"));
    let billed_fen = total_fen - given_back_fen(order);
    let is_over =
        ["settled", "closed", "cancelled", "start_failed"].contains(&order.state.as_str());
    if is_over && all_fen != billed_fen {
        findings.push(format!("I5 {}: billed {billed_fen}, keeps {all_fen}", order.id));
    }
    let unpaid = order.list("refunds").iter().chain(order.list("captures")).filter(|p| !is_done(p));
    if order.state == "closed" && unpaid.count() > 0 {
        findings.push(format!("I5 {}: closed, and money is still on its way", order.id));
    }
}
