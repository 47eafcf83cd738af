//! I5: the bill made again, from the registers to the fen, for tariffs of one price a day.

use serde_json::Value;

use super::rows::{OrderRow, Outside, Rows, TransactionRow, number};

/// Every bill in the tables.
pub fn check(rows: &Rows, outside: &Outside, findings: &mut Vec<String>) {
    for order in &rows.orders {
        let Some(bill) = order.bill() else { continue };
        let id = &order.json["state"]["session"]["transaction_id"];
        let found = rows.transactions.iter().find(|row| *id == row.id);
        let Some(transaction) = found else {
            findings.push(format!("I5 {}: a bill without a charge", order.id));
            continue;
        };
        let usage = &order.json["state"]["usage"];
        if outside.honest.contains_key(&meter(order, transaction)) {
            let flowed_wh = register_wh(rows, order, transaction, outside) - transaction.start_wh;
            let metered_wh = number(usage, "energy_wh");
            if flowed_wh != metered_wh {
                let line = format!("{flowed_wh} Wh flowed, {metered_wh} were metered");
                findings.push(format!("I5 {}: {line}", order.id));
            }
        }
        if let Some(total_fen) = total_fen(order, usage)
            && total_fen != number(bill, "total_fen")
        {
            let line =
                format!("I5 {}: {total_fen} by hand, {} billed", order.id, bill["total_fen"]);
            findings.push(line);
        }
    }
}

/// The last register that the bill can know: the final one, or the last that had come by then.
fn register_wh(
    rows: &Rows,
    order: &OrderRow,
    transaction: &TransactionRow,
    outside: &Outside,
) -> i64 {
    let state = &order.json["state"];
    if state["final_reading_missing"] == false {
        let told_wh = transaction.stop_wh.unwrap_or(transaction.start_wh);
        return if outside.stopped.contains(&transaction.id) {
            outside.honest[&meter(order, transaction)] + transaction.start_wh
        } else {
            told_wh
        };
    }
    let settled_ms = number(state, "settled_ms");
    let samples = rows.samples.get(&transaction.id).into_iter().flatten();
    let known = samples.filter(|sample| sample.received_ms <= settled_ms);
    known.map(|sample| sample.register_wh).max().unwrap_or(transaction.start_wh)
}

/// What a charge costs, without the domain's help; none for a tariff this does not understand.
fn total_fen(order: &OrderRow, usage: &Value) -> Option<i64> {
    let terms = &order.json["terms"];
    let (tariff, plan) = (&terms["tariff"], &terms["plan"]);
    let bounded = |name: &str| tariff[name].as_i64().unwrap_or_default() != 0;
    if bounded("free_ms") || bounded("minimum_fen") || bounded("cap_fen") {
        return None;
    }
    let electricity = one_price(&tariff["electricity"])?;
    let service = one_price(&tariff["service"]["prices"])?;
    let (wh, seconds) = billable(usage, &terms["limits"]);
    let fen = |mfen: i64| wh * mfen / 1_000 / 1_000;
    let price = &plan["price"];
    let exact = match (price["by"].as_str()?, plan["limit"]["by"].as_str()?) {
        ("metered", _) => fen(electricity) + fen(service),
        (_, "time") => {
            number(price, "price_fen") * seconds / (number(&plan["limit"], "duration_ms") / 1_000)
        }
        _ => number(price, "price_fen") * wh / number(&plan["limit"], "energy_wh"),
    };
    let has_power = |sample: &Value| sample["power_w"].as_i64().is_some_and(|power| power > 0);
    let flowed = wh > 0
        || usage["energy_wh"] != 0
        || usage["samples"].as_array().is_some_and(|samples| samples.iter().any(has_power));
    Some(if flowed { exact.min(number(terms, "prepaid_fen")) } else { 0 })
}

fn one_price(prices: &Value) -> Option<i64> {
    let [only] = prices.as_array()?.as_slice() else { return None };
    only["price_mfen_per_kwh"].as_i64()
}

/// Whole watt-hours and seconds up to the limits; within a stretch energy flows evenly.
fn billable(usage: &Value, limits: &Value) -> (i64, i64) {
    let started_ms = number(usage, "started_ms");
    let cut_ms = started_ms + number(limits, "duration_ms");
    let last = (number(usage, "ended_ms"), number(usage, "energy_wh"));
    let samples = usage["samples"].as_array().into_iter().flatten();
    let points = samples.map(|sample| (number(sample, "at_ms"), number(sample, "energy_wh")));
    let (mut before, mut energy_mwh) = ((started_ms, 0), 0);
    for (at_ms, wh) in points.chain([last]) {
        let (from_ms, from_wh) = before;
        let stretch_mwh = i128::from(wh - from_wh) * 1_000;
        if at_ms <= cut_ms {
            energy_mwh += stretch_mwh;
        } else if from_ms < cut_ms {
            energy_mwh += stretch_mwh * i128::from(cut_ms - from_ms) / i128::from(at_ms - from_ms);
        }
        before = (at_ms, wh);
    }
    let wh = i64::try_from(energy_mwh / 1_000).expect("within an i64");
    let most_wh = limits["energy_wh"].as_i64().unwrap_or(i64::MAX);
    (wh.min(most_wh), (last.0.min(cut_ms) - started_ms) / 1_000)
}

/// How the outside names the meter of one charge: an order may be started twice.
fn meter(order: &OrderRow, transaction: &TransactionRow) -> String {
    format!("{}@{}", order.id, transaction.start_wh)
}
