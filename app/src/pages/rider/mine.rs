//! `/me`: the rider's own orders.

use leptos::prelude::*;
use wasm_core::money::Fen;
use wasm_core::order::{Order, State};

use super::order::headline;
use crate::lang::Lang;
use crate::parts::notice::code_form;
use crate::parts::{plan, time};
use crate::render::{Frame, Manner, PageHead, page};
use crate::text::Text;

/// A rider's orders, newest first.
#[derive(Clone, Debug)]
pub struct MinePage {
    /// The orders.
    pub orders: Vec<Order>,
    /// Milliseconds UTC.
    pub now_ms: i64,
}

/// The page of own orders.
pub fn html(lang: Lang, mine: MinePage) -> String {
    let text = Text::of(lang);
    let head = PageHead {
        title: text.mine.title.to_owned(),
        path: "/me".to_owned(),
        operator: None,
        manner: Manner::Still,
        frame: Frame::Column,
    };
    page(lang, head, move || {
        let (past, open): (Vec<_>, Vec<_>) = mine.orders.iter().partition(|order| order.is_over());
        view! {
            <section class="headline">
                <h1>{text.mine.title}</h1>
            </section>
            {mine.orders.is_empty().then(|| empty(text))}
            {group(text, text.mine.open, &open, mine.now_ms)}
            {group(text, text.mine.past, &past, mine.now_ms)}
            <p class="hint">{text.mine.kept}</p>
        }
    })
}

fn empty(text: &'static Text) -> impl IntoView {
    view! {
        <section class="card">
            <p><b>{text.mine.empty}</b></p>
            <p>{text.mine.empty_note}</p>
        </section>
        {code_form(text, "")}
    }
}

fn group(
    text: &'static Text,
    name: &'static str,
    orders: &[&Order],
    now_ms: i64,
) -> impl IntoView + use<> {
    let rows: Vec<_> = orders.iter().map(|order| row(text, order, now_ms)).collect();
    (!rows.is_empty()).then(|| {
        view! {
            <h2>{name}</h2>
            <ul class="orders">{rows}</ul>
        }
    })
}

fn row(text: &'static Text, order: &Order, now_ms: i64) -> impl IntoView + use<> {
    let (state, tone) = headline(text, &order.state);
    let made = time::when(text, order.created_ms, now_ms, order.terms.tariff.utc_offset_minutes);
    let amount = match &order.state {
        State::Settled(settlement) | State::Closed(settlement) => settlement.bill.total_fen,
        _ if order.is_over() => Fen::ZERO,
        _ => order.terms.prepaid_fen,
    };
    view! {
        <li>
            <a class="card" href=format!("/orders/{}", order.id)>
                <span class="title">{plan::title(text, &order.terms.plan)}</span>
                <b class="figure">{amount.to_string()}</b>
                <span class="hint">{made}</span>
                <span class=format!("pill {}", tone.class())>{state}</span>
            </a>
        </li>
    }
}
