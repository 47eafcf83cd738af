//! I5 for partners: shares add up to what the operator kept, the books owe each partner what is
//! left of its share, and the platform passed on what we believe.

use std::collections::BTreeMap;

use super::money::{Balances, given_back_fen};
use super::rows::{OrderRow, Outside, Rows, ShareRow, number, text};

/// What the shares put on each account: debit positive.
pub fn expect(rows: &Rows, order: &OrderRow, expected: &mut Balances) {
    let operator = text(&order.json, "operator_id");
    let mut add = |account: String, fen: i64| {
        *expected.entry(format!("{operator}/{account}")).or_default() += fen;
    };
    for share in rows.shares.iter().filter(|share| share.order == order.id) {
        if share.role == "operator" {
            continue;
        }
        let (left_fen, out_fen) = (share.left_fen(), share.out_fen());
        add(format!("share:{operator}:{}", text(&order.json, "site_id")), left_fen);
        add(format!("payable:{operator}:{}", share.party), out_fen - left_fen);
        add(format!("clearing:{}", share.channel), -out_fen);
    }
}

/// Shares against the bill, and against themselves.
pub fn check(rows: &Rows, outside: &Outside, findings: &mut Vec<String>) {
    let mut by_order: BTreeMap<&str, Vec<&ShareRow>> = BTreeMap::new();
    for share in &rows.shares {
        by_order.entry(&share.order).or_default().push(share);
        let whole = 0 <= share.returned_fen && share.returned_fen <= share.paid_fen;
        let within = share.paid_fen <= share.amount_fen && share.back_fen <= share.amount_fen;
        if !whole || !within {
            let of = (&share.order, &share.party);
            findings.push(format!("I5 the share {of:?} was paid {}", share.paid_fen));
        }
    }
    for (id, shares) in by_order {
        let left_fen: i64 = shares.iter().map(|share| share.left_fen()).sum();
        let order = rows.orders.iter().find(|order| order.id == id);
        let kept_fen = order
            .and_then(|order| Some(number(order.bill()?, "total_fen") - given_back_fen(order)));
        if kept_fen != Some(left_fen) {
            findings.push(format!("I5 {id}: {kept_fen:?} is to be shared, {left_fen} is"));
        }
        if let Some(order) = order {
            passed_on(order, &shares, outside, findings);
        }
    }
}

/// The platform never passed on less than we believe, nor more than the shares.
fn passed_on(
    order: &OrderRow,
    shares: &[&ShareRow],
    outside: &Outside,
    findings: &mut Vec<String>,
) {
    let Some(there) = outside.passed_on.as_ref().and_then(|all| all.get(&order.id)) else { return };
    for share in shares {
        let there_fen = there.get(&share.account).copied().unwrap_or(0);
        let settled = !["asked", "taken", "parked"].contains(&share.status.as_str())
            && share.back_fen - share.paper_fen == share.returned_fen;
        if there_fen > share.amount_fen || settled && there_fen != share.out_fen() {
            let line = format!("{there_fen} there, {} here", share.out_fen());
            findings.push(format!("I5 {} of {}: {line}", share.party, order.id));
        }
    }
}
