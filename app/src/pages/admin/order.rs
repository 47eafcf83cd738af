//! `/admin/orders/{id}`: one order's money, from the payment to partners' parts, and giving some
//! of it back.

use leptos::prelude::*;
use wasm_core::ids::OrderId;
use wasm_core::money::Fen;
use wasm_core::order::{Order, Payment, Refund, RefundStatus};
use wasm_core::posting::Posting;

use super::frame::{Staff, staff_page};
use super::overview::Spot;
use super::sites::Now;
use crate::lang::Lang;
use crate::pages::rider::order::headline;
use crate::text::Text;
use crate::text::admin::Admin;
use crate::text::admin::ledger::Ledger;
use crate::text::admin::order::OneOrder;

/// All that the page shows.
#[derive(Clone, Debug)]
pub struct OrderPage {
    /// Who looks.
    pub staff: Staff,
    /// Milliseconds UTC.
    pub now_ms: i64,
    /// How far the operator's clocks are ahead of UTC.
    pub utc_offset_minutes: i64,
    /// The order.
    pub order: Order,
    /// Where, if it is known.
    pub spot: Option<Spot>,
    /// Partners' parts; empty when it was not split.
    pub shares: Vec<PartnersPart>,
    /// What the ledger says, by the kind's name, in order.
    pub ledger: Vec<(String, Vec<Posting>)>,
    /// What was typed, if it was refused.
    pub form: GiveBackForm,
    /// Why giving back was refused, by its name.
    pub refused: Option<&'static str>,
}

/// A partner's part of an order.
#[derive(Clone, Debug)]
pub struct PartnersPart {
    /// Who.
    pub name: String,
    /// How much, fen, before refunds.
    pub amount_fen: Fen,
    /// What refunds took off it.
    pub back_fen: Fen,
    /// How far it is, by its name.
    pub status: String,
}

/// The form as it was typed.
#[derive(Clone, Debug, Default)]
pub struct GiveBackForm {
    /// Makes the refund one, however often the form is sent.
    pub key: String,
    /// Yuan, as typed.
    pub amount: String,
    /// Why.
    pub reason: String,
}

/// An order's number, which leads to its page.
pub(super) fn link(id: &OrderId) -> impl IntoView + use<> {
    view! {
        <a class="id" href=format!("/admin/orders/{id}")>
            <code>{id.to_string()}</code>
        </a>
    }
}

/// A line that leads to an order by its number.
pub(super) fn finder(lang: Lang) -> impl IntoView {
    let words = OneOrder::of(lang);
    view! {
        <form class="choose" method="get" action="/admin/orders">
            <label>
                {words.number}
                <input type="text" name="number" maxlength="64" required autocomplete="off" />
            </label>
            <button class="button small">{words.find}</button>
        </form>
    }
}

/// The page.
pub fn html(lang: Lang, page: OrderPage) -> String {
    let (text, words) = (Text::of(lang), OneOrder::of(lang));
    let title = (words.title.to_owned(), format!("/admin/orders/{}", page.order.id));
    staff_page(lang, page.staff.clone(), title, None, move || {
        let now = Now { now_ms: page.now_ms, utc_offset_minutes: page.utc_offset_minutes };
        let (state, tone) = headline(text, &page.order.state);
        let gone = || Admin::of(lang).orders.gone.to_owned();
        let place = page.spot.clone().map_or_else(gone, |spot| spot.words(text));
        let kept = page.order.kept_fen().map(|fen| {
            view! { <p>{words.kept} " " <b class="figure">{fen.to_string()}</b></p> }
        });
        let may_give = page.staff.rights.give_back;
        let most_fen = page.order.kept_fen().filter(|fen| may_give && *fen > Fen::ZERO);
        view! {
            <section class="headline">
                <h1>{place}</h1>
                <p>
                    <span class=format!("pill {}", tone.class())>{state}</span>
                    " "
                    <span class="hint">{now.when(text, page.order.created_ms)}</span>
                </p>
                <p class="hint"><code class="id">{page.order.id.to_string()}</code></p>
                {kept}
            </section>
            {payments(text, now, &page.order.payments)}
            {refunds(text, now, &page.order.refunds)}
            {shares(lang, page.shares)}
            {most_fen.map(|most_fen| give_back(words, &page.order, most_fen, page.form, page.refused))}
            {entries(lang, page.ledger)}
        }
    })
}

fn payments(text: &'static Text, now: Now, payments: &[Payment]) -> impl IntoView + use<> {
    let words = OneOrder::of(text.lang);
    let none = payments.is_empty().then(|| view! { <p class="card">{words.payments_none}</p> });
    let row = |payment: &Payment| {
        let aside = payment.held.then(|| view! { <span class="pill">{words.aside}</span> });
        view! {
            <li class="card">
                <div>
                    <p>
                        <b>{(Ledger::of(text.lang).channel)(payment.channel.as_str())}</b> " "
                        <b class="figure">{payment.amount_fen.to_string()}</b> " " {aside} " "
                        <span class="hint">{now.when(text, payment.paid_ms)}</span>
                    </p>
                    <p class="hint">
                        <code class="id">{payment.id.to_string()}</code> " "
                        <code class="id">{payment.trade_no.clone()}</code>
                    </p>
                </div>
            </li>
        }
    };
    let rows: Vec<_> = payments.iter().map(row).collect();
    section(words.payments, view! { {none} <ul class="work">{rows}</ul> })
}

fn refunds(text: &'static Text, now: Now, refunds: &[Refund]) -> impl IntoView + use<> {
    let words = OneOrder::of(text.lang);
    let none = refunds.is_empty().then(|| view! { <p class="card">{words.refunds_none}</p> });
    let row = |refund: &Refund| {
        let (said, tone) = match refund.status {
            RefundStatus::Pending => (text.bill.refund_pending.to_owned(), "pill"),
            RefundStatus::Done { at_ms } => {
                ((text.bill.refund_done)(&now.when(text, at_ms)), "pill good")
            }
            RefundStatus::Parked => (text.bill.refund_parked.to_owned(), "pill caution"),
        };
        view! {
            <li class="card">
                <div>
                    <p>
                        <b class="figure">{refund.amount_fen.to_string()}</b> " "
                        {(text.refund_reason)(refund.reason)} " "
                        <span class=tone>{said}</span>
                    </p>
                    <p class="hint"><code class="id">{refund.id.to_string()}</code></p>
                </div>
            </li>
        }
    };
    let rows: Vec<_> = refunds.iter().map(row).collect();
    section(words.refunds, view! { {none} <ul class="work">{rows}</ul> })
}

fn shares(lang: Lang, shares: Vec<PartnersPart>) -> impl IntoView {
    let words = OneOrder::of(lang);
    let row = |share: PartnersPart| {
        let off = (share.back_fen > Fen::ZERO).then(
            || view! { <p class="hint">{(words.taken_off)(&share.back_fen.to_string())}</p> },
        );
        let waits = matches!(share.status.as_str(), "failed" | "refused" | "parked");
        view! {
            <li class="card">
                <div>
                    <p>
                        <b>{share.name}</b> " "
                        <b class="figure">{share.amount_fen.to_string()}</b> " "
                        <span class=if waits { "pill caution" } else { "pill" }>
                            {(words.share_status)(&share.status)}
                        </span>
                    </p>
                    {off}
                </div>
            </li>
        }
    };
    let rows: Vec<_> = shares.into_iter().map(row).collect();
    (!rows.is_empty()).then(|| section(words.shares, view! { <ul class="work">{rows}</ul> }))
}

fn give_back(
    words: &'static OneOrder,
    order: &Order,
    most_fen: Fen,
    form: GiveBackForm,
    refused: Option<&'static str>,
) -> impl IntoView + use<> {
    let refused = refused.map(|code| {
        view! { <p class="card caution" role="alert">{(words.refused)(code)}</p> }
    });
    let body = view! {
        {refused}
        <form class="choose card" method="post" action=format!("/admin/orders/{}/refund", order.id)>
            <p>{(words.give_back_note)(&most_fen.to_string())}</p>
            <input type="hidden" name="key" value=form.key />
            <label>
                {words.amount}
                <input
                    type="text"
                    name="amount"
                    inputmode="decimal"
                    maxlength="12"
                    required
                    autocomplete="off"
                    value=form.amount
                />
            </label>
            <label>
                {words.why}
                <input type="text" name="reason" maxlength="200" required value=form.reason />
            </label>
            <button class="button small">{words.give_back_do}</button>
        </form>
    };
    section(words.give_back, body)
}

fn entries(lang: Lang, ledger: Vec<(String, Vec<Posting>)>) -> impl IntoView {
    let (words, kinds) = (OneOrder::of(lang), Ledger::of(lang));
    let posting = |posting: Posting| {
        let debit = posting.amount_fen > Fen::ZERO;
        let side = if debit { kinds.debits } else { kinds.credits };
        let amount_fen = if debit { posting.amount_fen } else { -posting.amount_fen };
        view! {
            <div class="sum">
                <dt><code>{posting.account}</code></dt>
                <dd class="figure">{side} " " {amount_fen.to_string()}</dd>
            </div>
        }
    };
    let entry = |(kind, postings): (String, Vec<Posting>)| {
        let rows: Vec<_> = postings.into_iter().map(posting).collect();
        view! {
            <li class="card sides">
                <div>
                    <p><b>{(kinds.kind_of)(&kind)}</b></p>
                    <dl>{rows}</dl>
                </div>
            </li>
        }
    };
    let rows: Vec<_> = ledger.into_iter().map(entry).collect();
    (!rows.is_empty()).then(|| section(words.ledger, view! { <ul class="work">{rows}</ul> }))
}

fn section(title: &'static str, body: impl IntoView) -> impl IntoView {
    view! {
        <section>
            <h2>{title}</h2>
            {body}
        </section>
    }
}
