//! The part of the first page that shows today's orders and their money.

use leptos::prelude::*;
use wasm_core::money::Fen;
use wasm_core::order::{CaptureStatus, Order, Refund, RefundStatus, State};

use super::order::finder;
use super::overview::Spot;
use super::sites::Now;
use crate::pages::rider::order::headline;
use crate::text::Text;
use crate::text::admin::{Admin, Orders};

/// The section; `all` is how many there are, shown or not.
pub(super) fn section(
    text: &'static Text,
    now: Now,
    orders: Vec<(Option<Spot>, Order)>,
    all: i64,
) -> impl IntoView {
    let admin = Admin::of(text.lang);
    let words = &admin.orders;
    let shown = i64::try_from(orders.len()).unwrap_or(i64::MAX);
    let only = (all > shown)
        .then(|| view! { <p class="hint">{(admin.overview.only)(&shown.to_string())}</p> });
    let body = if orders.is_empty() {
        view! { <p class="card">{words.none}</p> }.into_any()
    } else {
        table(text, now, orders).into_any()
    };
    view! {
        <section aria-labelledby="orders">
            <h2 id="orders">{words.title} " " <span class="figure soft">{all}</span></h2>
            {body}
            {only}
            {finder(text.lang)}
        </section>
    }
}

fn table(text: &'static Text, now: Now, orders: Vec<(Option<Spot>, Order)>) -> impl IntoView {
    let Admin { orders: words, overview, .. } = Admin::of(text.lang);
    let names = [overview.paid, overview.electricity, overview.service, overview.refunded];
    let heads = names.map(|name| view! { <th scope="col" class="money">{name}</th> });
    let rows: Vec<_> =
        orders.into_iter().map(|(spot, order)| row(text, now, spot, &order, names)).collect();
    view! {
        <table class="card ledger">
            <thead>
                <tr>
                    <th scope="col">{words.time}</th>
                    <th scope="col">{words.place}</th>
                    <th scope="col">{words.state}</th>
                    {heads.collect_view()}
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn row(
    text: &'static Text,
    now: Now,
    spot: Option<Spot>,
    order: &Order,
    names: [&'static str; 4],
) -> impl IntoView + use<> {
    let words = &Admin::of(text.lang).orders;
    let place = spot.map_or_else(|| words.gone.to_owned(), |spot| spot.words(text));
    let (state, tone) = headline(text, &order.state);
    let (electricity_fen, service_fen) = billed(order);
    let done = |refund: &Refund| matches!(refund.status, RefundStatus::Done { .. });
    let refunded_fen = refunds(order, done);
    let amounts = [Some(order.received_fen()), electricity_fen, service_fen, Some(refunded_fen)];
    let cells: Vec<_> = names
        .into_iter()
        .zip(amounts)
        .map(|(name, amount)| {
            let amount = amount.map_or_else(|| "–".to_owned(), |fen| fen.to_string());
            view! {
                <td class="money figure" data-label=name>
                    {amount}
                </td>
            }
        })
        .collect();
    view! {
        <tr>
            <td class="figure">
                <a href=format!("/admin/orders/{}", order.id)>
                    {now.when(text, order.created_ms)}
                </a>
            </td>
            <td>{place}</td>
            <td>
                <span class=format!("pill {}", tone.class())>{state}</span>
                {owed(words, order)}
            </td>
            {cells}
        </tr>
    }
}

/// What the operator earned, once it is billed: electricity and service apart.
fn billed(order: &Order) -> (Option<Fen>, Option<Fen>) {
    match &order.state {
        State::Settled(settlement) | State::Closed(settlement) => {
            let bill = &settlement.bill;
            (Some(bill.electricity_fen), Some(bill.service_fen))
        }
        _ => (None, None),
    }
}

/// What is still owed back or to be taken, and whether a person must look.
fn owed(words: &'static Orders, order: &Order) -> impl IntoView + use<> {
    let parked_fen = refunds(order, |refund| refund.status == RefundStatus::Parked);
    let pending_fen = refunds(order, |refund| refund.status == RefundStatus::Pending);
    let note = |fen: Fen, say: fn(&str) -> String, tone: &'static str| {
        view! { <span class=format!("pill {tone}")>{say(&fen.to_string())}</span> }
    };
    // Letting go of a hold takes nothing, and still waits.
    let captures = order.captures.iter().filter_map(move |capture| match capture.status {
        CaptureStatus::Pending => Some(note(capture.amount_fen, words.taking, "")),
        CaptureStatus::Parked => Some(note(capture.amount_fen, words.taking_parked, "caution")),
        CaptureStatus::Done { .. } => None,
    });
    let captures: Vec<_> = captures.collect();
    (
        (parked_fen > Fen::ZERO).then(|| note(parked_fen, words.parked, "caution")),
        (pending_fen > Fen::ZERO).then(|| note(pending_fen, words.pending, "")),
        captures,
    )
}

fn refunds(order: &Order, wanted: impl Fn(&Refund) -> bool) -> Fen {
    order.refunds.iter().filter(|refund| wanted(refund)).map(|refund| refund.amount_fen).sum()
}
