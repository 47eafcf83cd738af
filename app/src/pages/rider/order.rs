//! `/orders/{id}`: where the order stands, in plain words, and what happens to the money.

use leptos::prelude::*;
use wasm_core::money::Fen;
use wasm_core::order::{
    Action, Capture, CaptureStatus, Channel, Order, Refund, RefundStatus, Settlement, State,
};
use wasm_core::tariff::{Bill, Usage};

use crate::islands::follow;
use crate::lang::Lang;
use crate::live::LiveView;
use crate::parts::place::{Place, Tone};
use crate::parts::{hold, plan, time};
use crate::render::{Frame, Manner, PageHead, page};
use crate::text::Text;

/// An order and what is metered so far.
#[derive(Clone, Debug)]
pub struct OrderPage {
    /// The order.
    pub order: Order,
    /// Where.
    pub place: Place,
    /// Readings so far and the bill if it ended now; none before current flows and afterwards.
    pub progress: Option<(Usage, Bill)>,
    /// Whether the platform, from here, sets money aside instead of being paid.
    pub holds: bool,
    /// Milliseconds UTC.
    pub now_ms: i64,
    /// The platforms to choose among; none where the place decides.
    pub channels: Vec<Channel>,
}

impl OrderPage {
    /// Where it is.
    pub(super) fn path(&self) -> String {
        format!("/orders/{}", self.order.id)
    }

    fn events(&self) -> String {
        format!("/api/v1/orders/{}/events", self.order.id)
    }

    fn live(&self) -> LiveView {
        let progress = self.progress.as_ref().map(|(usage, bill)| (usage, bill));
        LiveView::of(&self.order, progress, self.now_ms)
    }

    /// A time of today to the second, or with its day.
    fn when(&self, text: &Text, at_ms: i64) -> String {
        time::when(text, at_ms, self.now_ms, self.order.terms.tariff.utc_offset_minutes)
    }

    /// The price as agreed, or what was paid or set aside.
    fn amount(&self) -> String {
        let order = &self.order;
        let there_fen = if order.runs_on_hold() { order.held_fen() } else { order.paid_fen() };
        let amount_fen = if there_fen == Fen::ZERO { order.terms.prepaid_fen } else { there_fen };
        amount_fen.to_string()
    }

    /// What is said of an order that is paid, or of one for which money is only set aside.
    fn either<T>(&self, paid: T, held: T) -> T {
        if self.order.runs_on_hold() { held } else { paid }
    }

    /// Whether anything may still happen to it.
    fn moves(&self) -> bool {
        let refund_open = |refund: &Refund| refund.status == RefundStatus::Pending;
        let capture_open = |capture: &Capture| capture.status == CaptureStatus::Pending;
        !self.order.is_over()
            || self.order.refunds.iter().any(refund_open)
            || self.order.captures.iter().any(capture_open)
    }
}

/// The page of an order.
pub fn html(lang: Lang, order: OrderPage) -> String {
    let text = Text::of(lang);
    let (title, _) = headline(text, &order.order.state);
    let payable = order.order.actions().contains(&Action::Pay);
    let frame = if payable { Frame::Bar } else { Frame::Column };
    let head = PageHead {
        title: title.to_owned(),
        path: order.path(),
        operator: Some(order.place.operator.clone()),
        manner: if order.moves() { Manner::Follows } else { Manner::Still },
        frame,
    };
    page(lang, head, move || {
        view! {
            {top(text, &order)}
            {body(text, &order)}
            {facts(text, &order)}
            {actions(text, &order)}
        }
    })
}

/// What a state is called, and how it feels.
pub fn headline(text: &Text, state: &State) -> (&'static str, Tone) {
    match state {
        State::AwaitingPayment { .. } => (text.order.paying, Tone::Quiet),
        State::Starting { accepted: false, .. } => (text.order.starting, Tone::Quiet),
        State::Starting { accepted: true, .. } => (text.order.accepted, Tone::Quiet),
        State::StartUnknown { .. } => (text.order.start_unknown, Tone::Caution),
        State::Charging(_) => (text.order.charging, Tone::Good),
        State::Finishing { .. } => (text.order.finishing, Tone::Quiet),
        State::Settled(_) | State::Closed(_) => (text.order.ended, Tone::Good),
        State::Cancelled { .. } => (text.order.cancelled, Tone::Quiet),
        State::StartFailed { .. } => (text.order.start_failed, Tone::Caution),
    }
}

fn top(text: &'static Text, page: &OrderPage) -> impl IntoView + use<> {
    let (title, tone) = headline(text, &page.order.state);
    let charging = matches!(page.order.state, State::Charging(_));
    view! {
        <section class=format!("headline {}", tone.class())>
            <h1>
                {charging.then(|| view! { <span class="pulse" aria-hidden="true"></span> })}
                {title}
            </h1>
            <p class="address">
                {page.place.site_name.clone()} " · " {page.place.socket_name(text)}
            </p>
        </section>
    }
}

fn body(text: &'static Text, page: &OrderPage) -> AnyView {
    let amount = page.amount();
    match &page.order.state {
        State::AwaitingPayment { expires_ms } => awaiting(text, page, *expires_ms).into_any(),
        State::Starting { deadline_ms, accepted, .. } => {
            let by = time::to_the_second(*deadline_ms, page.order.terms.tariff.utc_offset_minutes);
            let paid = (text.order.starting_promise)(&by, &amount);
            let promise = page.either(paid, (text.hold.starting_promise)(&by));
            starting(text, page, *deadline_ms, *accepted, promise).into_any()
        }
        State::StartUnknown { gives_up_ms, .. } => {
            let by = time::to_the_second(*gives_up_ms, page.order.terms.tariff.utc_offset_minutes);
            let paid = (text.order.start_unknown_note)(&by, &amount);
            let promise = page.either(paid, (text.hold.start_unknown_note)(&by));
            starting(text, page, *gives_up_ms, true, promise).into_any()
        }
        State::Charging(_) => meter(text, page).into_any(),
        State::Finishing { reason, .. } => view! {
            <section class="card">
                <p><b>{(text.stop_reason)(*reason)}</b></p>
                <p>{page.either(text.order.finishing_note, text.hold.finishing_note)}</p>
            </section>
            {meter(text, page)}
        }
        .into_any(),
        State::Settled(settlement) | State::Closed(settlement) => {
            settled(text, page, settlement).into_any()
        }
        State::Cancelled { reason, .. } => {
            failed(text, page, (text.cancel_reason)(*reason)).into_any()
        }
        State::StartFailed { reason, .. } => {
            failed(text, page, (text.start_failure)(*reason)).into_any()
        }
    }
}

/// Follows the order, and counts down where there is an end.
pub(super) fn wait(
    text: &'static Text,
    page: &OrderPage,
    until_ms: Option<i64>,
) -> impl IntoView + use<> {
    let left_s = until_ms.map(|until_ms| ((until_ms - page.now_ms) / 1_000).max(0));
    follow::wait(text, page.events(), &page.live(), left_s)
}

fn awaiting(text: &'static Text, page: &OrderPage, expires_ms: i64) -> impl IntoView + use<> {
    let by = page.when(text, expires_ms);
    view! {
        <section class="card">
            <p class="figure big">{page.order.terms.prepaid_fen.to_string()}</p>
            <p>{(text.order.pay_by)(&by)}</p>
            <p class="hint">{text.order.pay_note}</p>
            {wait(text, page, None)}
        </section>
    }
}

fn starting(
    text: &'static Text,
    page: &OrderPage,
    until_ms: i64,
    accepted: bool,
    promise: String,
) -> impl IntoView + use<> {
    let step = page.either(text.order.step_paid, text.hold.step_held);
    let second = if accepted { text.order.step_accepted } else { text.order.step_asked };
    view! {
        <section class="card">
            <ol class="steps">
                <li class="done">{step(&page.amount())}</li>
                <li class=if accepted { "done" } else { "doing" }>{second}</li>
                <li class=if accepted { "doing" } else { "" }>{text.order.step_current}</li>
            </ol>
            {wait(text, page, Some(until_ms))}
            <p>{promise}</p>
        </section>
    }
}

fn meter(text: &'static Text, page: &OrderPage) -> impl IntoView + use<> {
    let back_name = page.either(text.order.comes_back, text.hold.comes_back);
    follow::meter(text, page.events(), &page.live(), back_name)
}

fn settled(
    text: &'static Text,
    page: &OrderPage,
    settlement: &Settlement,
) -> impl IntoView + use<> {
    let bill = &settlement.bill;
    let energy = crate::figures::kwh_exact(bill.energy_wh);
    let duration = crate::figures::clock(bill.duration_s);
    let back_name = page.either(text.order.came_back, text.hold.released);
    view! {
        <section class="card">
            <p><b>{(text.stop_reason)(settlement.reason)}</b></p>
            <dl class="tiles">
                <div><dt>{text.bill.duration}</dt><dd class="figure">{duration}</dd></div>
                <div><dt>{text.order.energy}</dt><dd class="figure">{energy} <small>" kWh"</small></dd></div>
                <div><dt>{text.bill.total}</dt><dd class="figure">{bill.total_fen.to_string()}</dd></div>
                <div class="back"><dt>{back_name}</dt><dd class="figure">{bill.refund_fen.to_string()}</dd></div>
            </dl>
            {refunds(text, page)}
        </section>
    }
}

fn failed(text: &'static Text, page: &OrderPage, why: &'static str) -> impl IntoView + use<> {
    let nothing_paid = page.order.payments.is_empty().then_some(text.order.nothing_paid);
    view! {
        <section class="card">
            <p>{why}</p>
            {nothing_paid.map(|said| view! { <p><b>{said}</b></p> })}
            {refunds(text, page)}
        </section>
    }
}

/// Money on its way, taken or going back, and its stage.
fn refunds(text: &'static Text, page: &OrderPage) -> impl IntoView + use<> {
    let offset = page.order.terms.tariff.utc_offset_minutes;
    let taken = hold::list(text, &page.order, page.now_ms);
    let list = refund_list(text, &page.order.refunds, page.now_ms, offset);
    let follow = (page.order.is_over() && page.moves()).then(|| wait(text, page, None));
    view! { {taken} {list} {follow} }
}

/// Each refund with its amount, reason, way back and stage.
pub(super) fn refund_list(
    text: &'static Text,
    refunds: &[Refund],
    now_ms: i64,
    utc_offset_minutes: i64,
) -> impl IntoView + use<> {
    let rows: Vec<_> = refunds
        .iter()
        .map(|refund| {
            let (stage, tone) = match refund.status {
                RefundStatus::Pending => (text.bill.refund_pending.to_owned(), Tone::Quiet),
                RefundStatus::Done { at_ms } => {
                    let at = time::when(text, at_ms, now_ms, utc_offset_minutes);
                    ((text.bill.refund_done)(&at), Tone::Good)
                }
                RefundStatus::Parked => (text.bill.refund_parked.to_owned(), Tone::Caution),
            };
            view! {
                <li>
                    <span>{(text.refund_reason)(refund.reason)}</span>
                    <b class="figure">{refund.amount_fen.to_string()}</b>
                    <span class=format!("stage {}", tone.class())>{stage}</span>
                    <span class="hint">{text.bill.refund_way}</span>
                </li>
            }
        })
        .collect();
    (!rows.is_empty()).then(|| view! { <ul class="refunds">{rows}</ul> })
}

fn facts(text: &'static Text, page: &OrderPage) -> impl IntoView + use<> {
    let terms = &page.order.terms;
    let ends_by = page.order.session().filter(|_| !page.order.is_over()).map(|session| {
        (text.order.ends_by)(&page.when(text, session.started_ms + terms.limits.duration_ms))
    });
    let paid = (page.order.paid_fen() > Fen::ZERO).then(|| page.order.paid_fen().to_string());
    let held = (page.order.held_fen() > Fen::ZERO).then(|| page.order.held_fen().to_string());
    let plan = [Some(plan::title(text, &terms.plan)), ends_by];
    let plan = plan.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    view! {
        <dl class="facts">
            <div><dt>{text.order.plan}</dt><dd>{plan}</dd></div>
            {held.map(|held| view! { <div><dt>{text.hold.aside}</dt><dd class="figure">{held}</dd></div> })}
            {paid.map(|paid| view! { <div><dt>{text.order.paid}</dt><dd class="figure">{paid}</dd></div> })}
            <div><dt>{text.order.place}</dt><dd>{page.place.address.clone()}</dd></div>
            <div><dt>{text.order.number}</dt><dd class="figure id">{page.order.id.to_string()}</dd></div>
        </dl>
    }
}

/// Exactly the buttons that the domain says make sense.
fn actions(text: &'static Text, page: &OrderPage) -> impl IntoView + use<> {
    let path = page.path();
    let unpaid = page.order.payments.is_empty();
    let paying = page.order.actions().contains(&Action::Pay);
    let buttons: Vec<AnyView> = page
        .order
        .actions()
        .iter()
        .map(|action| match action {
            Action::Pay => pay(text, page).into_any(),
            Action::Stop => confirm(
                format!("{path}/stop"),
                text.order.stop,
                page.either(text.order.stop_sure, text.hold.stop_sure).to_owned(),
                text.order.stop_yes,
            )
            .into_any(),
            Action::Cancel => {
                let sure = if unpaid {
                    text.order.cancel_unpaid_sure.to_owned()
                } else {
                    page.either(text.order.cancel_paid_sure, text.hold.cancel_sure)(&page.amount())
                };
                confirm(format!("{path}/cancel"), text.order.cancel, sure, text.order.cancel)
                    .into_any()
            }
            Action::Receipt => view! {
                <a class="button main" href=format!("{path}/receipt")>{text.order.receipt}</a>
            }
            .into_any(),
        })
        .collect();
    let look = paying.then(|| view! { <a class="button" href=path>{text.order.paid_already}</a> });
    let again = page.order.is_over().then(|| {
        view! { <a class="button" href=page.place.path()>{text.order.again}</a> }
    });
    view! { <div class="actions">{look} {buttons} {again}</div> }
}

/// One button, or one for each platform to choose among.
fn pay(text: &'static Text, page: &OrderPage) -> impl IntoView + use<> {
    let amount = page.order.terms.prepaid_fen.to_string();
    let action = format!("{}/pay", page.path());
    if page.channels.len() < 2 {
        let instead = page.holds.then(|| {
            let amount = amount.clone();
            view! {
                <form method="post" action=format!("{action}?way=hold")>
                    {hold::button(text, view! { <b class="figure">{amount}</b> })}
                </form>
            }
        });
        return view! {
            {instead}
            <form class="bar" method="post" action=action>
                <button class="button main">
                    {text.scan.pay} " " <b class="figure">{amount}</b>
                </button>
            </form>
        }
        .into_any();
    }
    let button = |channel: &Channel| {
        let action = format!("{action}?channel={}", channel.as_str());
        let name = (text.pay.channel)(*channel);
        view! {
            <button class="button main" formaction=action>
                {name} " " <b class="figure">{amount.clone()}</b>
            </button>
        }
    };
    let buttons: Vec<_> = page.channels.iter().map(button).collect();
    view! { <form class="bar" method="post" action=action>{buttons}</form> }.into_any()
}

/// A button that asks before it acts, without any script.
fn confirm(action: String, label: &'static str, sure: String, yes: &'static str) -> impl IntoView {
    view! {
        <details class="confirm">
            <summary class="button">{label}</summary>
            <form method="post" action=action>
                <p>{sure}</p>
                <button class="button danger">{yes}</button>
            </form>
        </details>
    }
}
