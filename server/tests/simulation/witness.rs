//! What riders, stations and platforms have seen themselves, for the auditor.

use std::collections::BTreeMap;

use crate::audit::rows::{Current, Outside, Trade};
use crate::bank;
use crate::fleet::Charge;
use crate::world::World;

/// All that the outside knows now.
pub fn outside(world: &World) -> Outside {
    let mut known = Outside { stopped: world.stopped.clone(), ..Outside::default() };
    known.notified = world.acknowledged.iter().map(|id| id.0.clone()).collect();
    let now_ms = world.clock.now_ms();
    let bank = world.bank.book();
    let mut passed_on: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for (payment, have) in bank.partners.have() {
        let order = world.made.iter().find(|order| payment.as_str().starts_with(order.as_str()));
        passed_on.insert(order.expect("an order's payment").0.clone(), have);
    }
    known.passed_on = Some(passed_on);
    for (id, trade) in &bank.trades {
        let book = known.books.entry(trade.channel.as_str().to_owned()).or_default();
        book.insert(id.0.clone(), as_booked(trade, now_ms));
    }
    let yard = world.fleet.yard();
    known.commanded = yard.commanded.iter().map(|id| id.0.clone()).collect();
    known.started = yard.charges.iter().filter_map(|charge| charge.transaction_id).collect();
    known.honest = yard.charges.iter().filter_map(flowed).collect();
    known.currents = yard.charges.iter().map(current).collect();
    known
}

fn as_booked(trade: &bank::Trade, now_ms: i64) -> Trade {
    let is_paid = trade.paid_ms.is_some();
    let refunds = trade.refunds.iter().map(|(id, fen)| (id.0.clone(), fen.0));
    Trade {
        paid_fen: if is_paid { trade.amount_fen.0 } else { 0 },
        held: trade.held,
        taken_fen: trade.captured_fen.map(|fen| fen.0),
        refunds: refunds.collect::<BTreeMap<_, _>>(),
        open: !is_paid && !trade.closed && trade.expires_ms > now_ms,
    }
}

/// A meter that was never disturbed tells the truth.
fn flowed(charge: &Charge) -> Option<(String, i64)> {
    let flowed_wh = charge.stop_wh.filter(|_| !charge.disturbed)? - charge.start_wh;
    Some((format!("{}@{}", charge.tag, charge.start_wh), flowed_wh))
}

fn current(charge: &Charge) -> Current {
    Current {
        order: charge.tag.clone(),
        transaction: charge.transaction_id,
        is_running: charge.stop_wh.is_none(),
        is_forgotten: charge.forgotten,
    }
}
