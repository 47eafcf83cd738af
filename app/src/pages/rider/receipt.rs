//! `/orders/{id}/receipt`: the bill with its arithmetic, and the check on the rider's own phone.

use leptos::prelude::*;
use wasm_core::money::Fen;
use wasm_core::order::{Order, Settlement};
use wasm_core::receipt::Receipt;

use super::order::refund_list;
use crate::figures::kwh_exact;
use crate::islands::check;
use crate::lang::Lang;
use crate::parts::place::Place;
use crate::parts::{bill, hold, plan, time};
use crate::render::{Frame, Manner, PageHead, page};
use crate::text::Text;

/// A settled order.
#[derive(Clone, Debug)]
pub struct ReceiptPage {
    /// The order.
    pub order: Order,
    /// How it was settled.
    pub settlement: Settlement,
    /// Where.
    pub place: Place,
    /// Milliseconds UTC.
    pub now_ms: i64,
}

/// The page of a receipt.
pub fn html(lang: Lang, receipt: ReceiptPage) -> String {
    let text = Text::of(lang);
    let head = PageHead {
        title: text.bill.title.to_owned(),
        path: format!("/orders/{}/receipt", receipt.order.id),
        operator: Some(receipt.place.operator.clone()),
        manner: Manner::Islands,
        frame: Frame::Column,
    };
    page(lang, head, move || {
        view! {
            {total(text, &receipt)}
            {Receipt::of(&receipt.order).map(|proof| check::check(text, &proof))}
            {arithmetic(text, &receipt)}
            {money_back(text, &receipt)}
            {facts(text, &receipt)}
            <div class="actions">
                <a class="button" href=format!("/orders/{}", receipt.order.id)>{text.bill.back}</a>
            </div>
        }
    })
}

/// What the money at the start and the money not used are called: paid and refunded, or set aside and
/// released.
fn names(text: &'static Text, receipt: &ReceiptPage) -> [&'static str; 2] {
    if receipt.order.runs_on_hold() {
        [text.hold.aside, text.hold.released]
    } else {
        [text.bill.paid, text.bill.refund]
    }
}

fn total(text: &'static Text, receipt: &ReceiptPage) -> impl IntoView + use<> {
    let bill = &receipt.settlement.bill;
    let [there, back] = names(text, receipt);
    let sums = if receipt.order.runs_on_hold() {
        view! { <p class="address">{hold::sentence(text, bill.paid_fen, bill.total_fen)}</p> }
            .into_any()
    } else {
        view! {
            <p class="address">
                {there} " " <span class="figure">{bill.paid_fen.to_string()}</span> " · "
                {back} " " <span class="figure">{bill.refund_fen.to_string()}</span>
            </p>
        }
        .into_any()
    };
    view! {
        <section class="headline good">
            <h1>{text.bill.title}</h1>
            <p class="figure big">{bill.total_fen.to_string()}</p>
            {sums}
        </section>
    }
}

fn arithmetic(text: &'static Text, receipt: &ReceiptPage) -> impl IntoView + use<> {
    let bill = &receipt.settlement.bill;
    let [there, back] = names(text, receipt);
    view! {
        <section class="card bill" aria-labelledby="sums">
            <h2 id="sums">{text.bill.arithmetic}</h2>
            {bill::lines(text, bill)}
            <p class="sum total">
                <span>{text.bill.total}</span>
                <b class="figure">{bill.total_fen.to_string()}</b>
            </p>
            <p class="sum">
                <span>{there}</span>
                <span class="figure">{bill.paid_fen.to_string()}</span>
            </p>
            <p class="sum back">
                <span>{back}</span>
                <b class="figure">{bill.refund_fen.to_string()}</b>
            </p>
        </section>
    }
}

fn money_back(text: &'static Text, receipt: &ReceiptPage) -> impl IntoView + use<> {
    let offset = receipt.order.terms.tariff.utc_offset_minutes;
    let [_, back] = names(text, receipt);
    let heading = if receipt.order.runs_on_hold() { text.hold.taken } else { back };
    let none = (receipt.settlement.bill.refund_fen == Fen::ZERO
        && receipt.order.refunds.is_empty()
        && receipt.order.captures.is_empty())
    .then(|| view! { <p>{text.bill.refund_none}</p> });
    view! {
        <section class="card" aria-labelledby="refund">
            <h2 id="refund">{heading}</h2>
            {hold::list(text, &receipt.order, receipt.now_ms)}
            {refund_list(text, &receipt.order.refunds, receipt.now_ms, offset)}
            {none}
        </section>
    }
}

fn facts(text: &'static Text, receipt: &ReceiptPage) -> impl IntoView + use<> {
    let (order, settlement) = (&receipt.order, &receipt.settlement);
    let usage = &settlement.usage;
    let offset = order.terms.tariff.utc_offset_minutes;
    let at = |at_ms: i64| {
        let day = LocalDay(at_ms, offset).to_string();
        format!("{day} {}", time::to_the_second(at_ms, offset))
    };
    let socket = receipt.place.socket_name(text);
    let rows = [
        (text.bill.started, at(usage.started_ms)),
        (text.bill.ended, at(usage.ended_ms)),
        (text.bill.duration, bill::duration(text, usage.started_ms, usage.ended_ms)),
        (text.bill.energy, format!("{} kWh", kwh_exact(usage.energy_wh))),
        (text.bill.reason, (text.stop_reason)(settlement.reason).to_owned()),
        (text.order.plan, plan::title(text, &order.terms.plan)),
        (text.order.place, format!("{} · {socket}", receipt.place.site_name)),
        (text.bill.tariff, order.terms.tariff.id.to_string()),
        (text.order.number, order.id.to_string()),
    ];
    let rows = rows.map(|(term, value)| {
        view! { <div><dt>{term}</dt><dd class="figure">{value}</dd></div> }
    });
    let missing = settlement.final_reading_missing.then_some(text.bill.final_missing);
    view! {
        {missing.map(|said| view! { <p class="card notice quiet">{said}</p> })}
        <dl class="facts">{rows}</dl>
    }
}

/// A day as on documents: `2026-11-22`.
struct LocalDay(i64, i64);

impl std::fmt::Display for LocalDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = crate::figures::LocalTime::at(self.0, self.1).date();
        write!(f, "{year}-{month:02}-{day:02}")
    }
}
