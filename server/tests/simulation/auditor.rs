//! Somebody who trusts nobody: compares orders, ledger, the platforms' own books and what really
//! flowed, by arithmetic of its own. The invariants' numbers are those of the fault list: I1 money
//! is conserved, I2 what was acknowledged is there, I3 no current without money, I4 no money
//! without an end, I5 no more goes back than came, I6 one order for each socket, I9 only forward.
//! I7 and I8 (coupons, tenants) have nothing to look at yet; I10 has its own test.

use std::collections::{BTreeMap, BTreeSet};

use server::ledger;
use wasm_core::ids::{OrderId, PaymentId, SocketId};
use wasm_core::money::Fen;
use wasm_core::order::{CaptureStatus, Order, RefundStatus, State};

use crate::bank::Trade;
use crate::fleet::Charge;
use crate::world::World;

/// Orders read at once; a seed makes fewer.
const ORDERS_MOST: i64 = 500;

/// What was seen so far.
#[derive(Default)]
pub struct Auditor {
    ranks: BTreeMap<OrderId, u8>,
}

impl Auditor {
    /// What is wrong now. At the end also what has not come to its end.
    pub async fn look(&mut self, world: &World, at_the_end: bool) -> Vec<String> {
        let mut found = world.bank.book().outrages.clone();
        let orders = world.store.orders_after(None, "", ORDERS_MOST).await.expect("store");
        let trades = world.trades_by_order();
        let mut sockets: BTreeSet<SocketId> = BTreeSet::new();
        for order in &orders {
            let of_order = trades.get(&order.id).map(Vec::as_slice).unwrap_or_default();
            let accounts = accounts(world, order, &mut found).await;
            books_follow_the_platforms(order, of_order, &accounts, &mut found);
            if order.holds_socket() && !sockets.insert(order.socket_id.clone()) {
                found.push(format!("I6: two orders have {}", order.socket_id));
            }
            self.only_forward(order, &mut found);
            acknowledged_is_there(world, order, &mut found);
            if at_the_end {
                is_over(world, order, of_order, &accounts, &mut found);
            }
        }
        no_current_without_money(world, &mut found);
        if at_the_end {
            all_current_ended(world, &orders, &mut found).await;
            let report = ledger::check(&world.store).await.expect("store");
            found.extend(report.findings.iter().map(|finding| format!("I1: {finding:?}")));
        }
        found
    }

    fn only_forward(&mut self, order: &Order, found: &mut Vec<String>) {
        let rank = rank(&order.state);
        let before = self.ranks.insert(order.id.clone(), rank);
        if before.is_some_and(|before| before > rank) {
            found.push(format!("I9: {} went back to {}", order.id, order.state.name()));
        }
    }
}

fn rank(state: &State) -> u8 {
    match state {
        State::AwaitingPayment { .. } => 0,
        State::Starting { .. } => 1,
        State::StartUnknown { .. } => 2,
        State::Charging(_) => 3,
        State::Finishing { .. } => 4,
        State::Settled(_) => 5,
        State::Closed(_) | State::Cancelled { .. } | State::StartFailed { .. } => 6,
    }
}

/// An order's accounts by kind, added up here; each transaction must add to zero.
async fn accounts(world: &World, order: &Order, found: &mut Vec<String>) -> BTreeMap<String, Fen> {
    let posted = world.store.ledger_of_order(&order.operator_id, &order.id).await.expect("store");
    let mut accounts: BTreeMap<String, Fen> = BTreeMap::new();
    for (head, postings) in posted {
        let mut sum = Fen::ZERO;
        for posting in postings {
            sum += posting.amount_fen;
            let kind = posting.account.split(':').next().unwrap_or_default().to_owned();
            *accounts.entry(kind).or_default() += posting.amount_fen;
        }
        if sum != Fen::ZERO {
            found.push(format!("I1: {} of {} adds to {sum}", head.id, order.id));
        }
    }
    accounts
}

/// We never know of money that the platform does not have.
fn books_follow_the_platforms(
    order: &Order,
    trades: &[(PaymentId, Trade)],
    accounts: &BTreeMap<String, Fen>,
    found: &mut Vec<String>,
) {
    for payment in &order.payments {
        let trade = trades.iter().find(|(id, _)| *id == payment.id).map(|(_, trade)| trade);
        let Some(trade) = trade.filter(|trade| trade.paid_ms.is_some()) else {
            found.push(format!("I1: {} is paid here and not there", payment.id));
            continue;
        };
        let owed = order.refunds.iter().filter(|refund| refund.payment_id == payment.id);
        let owed_fen: Fen = owed.map(|refund| refund.amount_fen).sum();
        if owed_fen > payment.amount_fen {
            found.push(format!("I5: {} gives back {owed_fen}", payment.id));
        }
        for refund in &order.refunds {
            let done = matches!(refund.status, RefundStatus::Done { .. });
            if refund.payment_id == payment.id && done && !trade.refunds.contains_key(&refund.id) {
                found.push(format!("I5: {} is done here and not there", refund.id));
            }
        }
    }
    let known_fen = accounts.get("clearing").copied().unwrap_or_default();
    let received_fen: Fen = trades
        .iter()
        .filter(|(_, trade)| trade.paid_ms.is_some())
        .map(
            |(_, trade)| {
                if trade.held { trade.captured_fen.unwrap_or_default() } else { trade.amount_fen }
            },
        )
        .sum();
    if known_fen > received_fen {
        found.push(format!("I1: {} has {known_fen} of {received_fen}", order.id));
    }
}

/// A notify that was answered with a success has its payment in the order, for ever.
fn acknowledged_is_there(world: &World, order: &Order, found: &mut Vec<String>) {
    let of_order =
        world.acknowledged.iter().filter(|id| id.as_str().starts_with(order.id.as_str()));
    for id in of_order {
        if !order.payments.iter().any(|payment| payment.id == *id) {
            found.push(format!("I2: {id} was acknowledged and is gone"));
        }
    }
}

/// Every start that was commanded, and every current that flowed, had money behind it.
fn no_current_without_money(world: &World, found: &mut Vec<String>) {
    let has_money = |order: &str| {
        let book = world.bank.book();
        let mut trades = book.trades.iter();
        trades.any(|(id, trade)| id.as_str().starts_with(order) && trade.paid_ms.is_some())
    };
    let yard = world.fleet.yard();
    let commanded = yard.commanded.iter().map(OrderId::as_str);
    let flowed = yard.charges.iter().map(|charge| charge.tag.as_str());
    for order in commanded.chain(flowed) {
        if !has_money(order) {
            found.push(format!("I3: {order} got current and never paid"));
        }
    }
}

/// The order is at its end, and so is its money.
fn is_over(
    world: &World,
    order: &Order,
    trades: &[(PaymentId, Trade)],
    accounts: &BTreeMap<String, Fen>,
    found: &mut Vec<String>,
) {
    let settled = matches!(order.state, State::Settled(_));
    let refunded =
        order.refunds.iter().all(|refund| matches!(refund.status, RefundStatus::Done { .. }));
    let captured =
        order.captures.iter().all(|capture| matches!(capture.status, CaptureStatus::Done { .. }));
    if !order.is_over() || settled || !refunded || !captured {
        found.push(format!("I4: {} has no end: {order:?}", order.id));
    }
    let now_ms = world.clock.now_ms();
    for (id, trade) in trades {
        let known = order.payments.iter().any(|payment| payment.id == *id);
        if trade.paid_ms.is_some() && !known {
            found.push(format!("I4: {id} was paid and nobody knows"));
        }
        if trade.paid_ms.is_none() && !trade.closed && trade.expires_ms > now_ms {
            found.push(format!("I4: {id} can still be paid"));
        }
        if trade.held && trade.paid_ms.is_some() && trade.captured_fen.is_none() {
            found.push(format!("I4: {id} is still set aside"));
        }
    }
    let kept_fen: Fen = trades.iter().map(|(_, trade)| trade.kept_fen()).sum();
    let billed_fen = billed(world, order, found);
    if kept_fen != billed_fen {
        found.push(format!("I5: {} kept {kept_fen}, billed {billed_fen}", order.id));
    }
    let stands = |kind: &str| accounts.get(kind).copied().unwrap_or_default();
    if stands("clearing") != kept_fen {
        found.push(format!("I1: {} books {} as kept", order.id, stands("clearing")));
    }
    for kind in ["prepaid", "refunds", "holds", "held"] {
        if stands(kind) != Fen::ZERO {
            found.push(format!("I1: {} leaves {} on {kind}", order.id, stands(kind)));
        }
    }
}

/// What the order cost; where the station told the whole truth, computed anew from its registers.
fn billed(world: &World, order: &Order, found: &mut Vec<String>) -> Fen {
    let State::Closed(settlement) = &order.state else { return Fen::ZERO };
    let total_fen = settlement.bill.total_fen;
    let prepaid_fen = order.terms.prepaid_fen;
    if total_fen < Fen::ZERO || total_fen > prepaid_fen {
        found.push(format!("I5: {} costs {total_fen} of {prepaid_fen}", order.id));
    }
    let yard = world.fleet.yard();
    let charge = yard.charges.iter().find(|charge| charge.tag == order.id.as_str());
    let Some(charge) = charge else {
        found.push(format!("I3: {} was billed and nothing flowed", order.id));
        return total_fen;
    };
    // What flows after the longest duration costs nothing.
    let ran_ms = settlement.usage.ended_ms - settlement.usage.started_ms;
    let too_long = ran_ms > order.terms.limits.duration_ms;
    let told_all = !charge.disturbed && !settlement.final_reading_missing;
    let is_right = |expected_fen: Fen| {
        total_fen == expected_fen || (too_long && total_fen < expected_fen) || !told_all
    };
    if let Some(expected_fen) = expected(charge, order).filter(|fen| !is_right(*fen)) {
        found.push(format!("I5: {} costs {total_fen}, not {expected_fen}", order.id));
    }
    total_fen
}

/// 0.60 yuan of electricity and 0.40 of service for a kWh, each rounded down to the fen, at most
/// what was paid; only for plans that cost what flows.
fn expected(charge: &Charge, order: &Order) -> Option<Fen> {
    if !matches!(order.terms.plan.id.as_str(), "money-300" | "full-500") {
        return None;
    }
    let flowed_wh = charge.stop_wh? - charge.start_wh;
    let fen = flowed_wh * 60 / 1_000 + flowed_wh * 40 / 1_000;
    Some(Fen(fen).min(order.terms.prepaid_fen))
}

/// Nothing flows any more, all of it was recorded, and each order charged once at most.
async fn all_current_ended(world: &World, orders: &[Order], found: &mut Vec<String>) {
    let charges = world.fleet.yard().charges.clone();
    let mut tags = BTreeSet::new();
    for charge in charges {
        if charge.stop_wh.is_none() {
            found.push(format!("I4: {} still charges", charge.tag));
        }
        if !tags.insert(charge.tag.clone()) {
            found.push(format!("I6: {} charged twice", charge.tag));
        }
        let Some(id) = charge.transaction_id else {
            found.push(format!("I2: the start of {} was never heard", charge.tag));
            continue;
        };
        let row = world.store.transaction_by_id(id).await.expect("store");
        if row.is_none_or(|row| row.stopped_ms.is_none() && !charge.forgotten) {
            found.push(format!("I2: the end of {} was never written", charge.tag));
        }
    }
    for order in orders {
        let has_current = tags.contains(order.id.as_str());
        if matches!(order.state, State::Closed(_)) && !has_current {
            found.push(format!("I3: {} closed without current", order.id));
        }
    }
}
