//! I5: the platforms' own books say the same as ours. Never more went back, or was taken, than we
//! owed and billed; at rest both are exactly what we believe.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Moment;
use super::rows::{OrderRow, Outside, Rows, Trade, number, text};

/// Each trade against our payment, and the other way round.
pub fn check(rows: &Rows, outside: &Outside, moment: Moment, findings: &mut Vec<String>) {
    if outside.books.is_empty() {
        return;
    }
    let mut known = BTreeMap::new();
    for order in &rows.orders {
        for payment in order.list("payments") {
            known.insert(text(payment, "id"), (order, payment));
        }
    }
    for (id, trade) in outside.books.values().flatten() {
        let ours = known.get(id.as_str()).copied();
        went_back(id, trade, ours, findings);
        was_taken(id, trade, ours, findings);
        if moment == Moment::AtRest {
            is_over(id, trade, ours, findings);
        }
    }
    for (id, (_, payment)) in &known {
        let book = outside.books.get(text(payment, "channel"));
        let trade = book.and_then(|book| book.get(*id));
        let same = |trade: &Trade| {
            trade.paid_fen == number(payment, "amount_fen")
                && trade.held == (payment["held"] == true)
        };
        if !trade.is_some_and(same) {
            findings.push(format!("I5 {id}: paid here, not at the platform"));
        }
    }
}

type Ours<'a> = Option<(&'a OrderRow, &'a Value)>;

/// An order's refunds or captures of one payment, with their status.
fn parts<'a>(ours: Ours<'a>, name: &'a str) -> impl Iterator<Item = (&'a Value, bool)> {
    let of = move |(order, payment): (&'a OrderRow, &'a Value)| {
        let mine = order.list(name).iter().filter(|part| part["payment_id"] == payment["id"]);
        mine.map(|part| (part, part["status"]["is"] == "done"))
    };
    ours.into_iter().flat_map(of)
}

fn went_back(id: &str, trade: &Trade, ours: Ours, findings: &mut Vec<String>) {
    let back_fen: i64 = trade.refunds.values().sum();
    let received_fen = if trade.held { trade.taken_fen.unwrap_or(0) } else { trade.paid_fen };
    if back_fen > received_fen {
        findings.push(format!("I5 {id}: the platform paid {back_fen} back of {received_fen}"));
    }
    for (number, fen) in &trade.refunds {
        let owed = parts(ours, "refunds").any(|(refund, _)| {
            text(refund, "id") == number && refund["amount_fen"].as_i64() == Some(*fen)
        });
        if !owed {
            findings.push(format!("I5 {id}: {fen} went back as {number}, and nobody owed it"));
        }
    }
    for (refund, is_done) in parts(ours, "refunds") {
        if is_done && !trade.refunds.contains_key(text(refund, "id")) {
            findings.push(format!("I5 {id}: {} is done here and not there", refund["id"]));
        }
    }
}

fn was_taken(id: &str, trade: &Trade, ours: Ours, findings: &mut Vec<String>) {
    let asked = parts(ours, "captures").next();
    if let Some(fen) = trade.taken_fen {
        let wanted_fen = asked.map(|(capture, _)| number(capture, "amount_fen"));
        if wanted_fen != Some(fen) || fen > trade.paid_fen {
            findings.push(format!("I5 {id}: {fen} was taken of the hold, not {wanted_fen:?}"));
        }
    } else if asked.is_some_and(|(_, is_done)| is_done) {
        findings.push(format!("I5 {id}: taken here and not there"));
    }
}

fn is_over(id: &str, trade: &Trade, ours: Ours, findings: &mut Vec<String>) {
    if ours.is_none() && trade.paid_fen > 0 {
        findings.push(format!("I4 {id}: was paid and nobody knows"));
    }
    if trade.open {
        findings.push(format!("I4 {id}: can still be paid"));
    }
    if trade.held && trade.paid_fen > 0 && trade.taken_fen.is_none() {
        findings.push(format!("I4 {id}: is still set aside"));
    }
}
