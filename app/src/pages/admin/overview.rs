//! `/admin`: what an operator looks at first. Money today, what waits for a person, who charges
//! now, what stands where, and today's orders.

use leptos::prelude::*;
use wasm_core::ids::OrderId;
use wasm_core::money::Fen;
use wasm_core::order::{Order, State};
use wasm_core::units::MS_PER_SECOND;

use super::frame::{Room, Staff, staff_page};
use super::sites::{self, Now, Site};
use super::{order, orders};
use crate::figures::{clock, kwh_short};
use crate::lang::Lang;
use crate::pages::rider::order::headline;
use crate::parts::time::to_the_second;
use crate::text::Text;
use crate::text::admin::{Admin, Overview};

/// All that the page shows, of one operator.
#[derive(Clone, Debug)]
pub struct OverviewPage {
    /// Who looks.
    pub staff: Staff,
    /// Milliseconds UTC.
    pub now_ms: i64,
    /// How far the operator's clocks are ahead of UTC.
    pub utc_offset_minutes: i64,
    /// What moved since midnight.
    pub takings: Takings,
    /// What waits for a person.
    pub parked: Vec<Parked>,
    /// Who charges now.
    pub running: Vec<Running>,
    /// What stands where.
    pub sites: Vec<Site>,
    /// Today's orders, newest first, each with its place if it is known.
    pub orders: Vec<(Option<Spot>, Order)>,
    /// How many orders there are today, shown or not.
    pub orders_today: i64,
}

/// What moved in a day, fen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Takings {
    /// Paid by riders.
    pub paid_fen: Fen,
    /// Electricity billed.
    pub electricity_fen: Fen,
    /// Service fees billed.
    pub service_fen: Fen,
    /// Let off.
    pub discount_fen: Fen,
    /// Gone back to riders.
    pub refunded_fen: Fen,
}

/// A socket by name.
#[derive(Clone, Debug)]
pub struct Spot {
    /// The site's name.
    pub site_name: String,
    /// The station's name.
    pub station_name: String,
    /// The socket's number on the station.
    pub connector: i64,
}

/// A job that waits for a person.
#[derive(Clone, Debug)]
pub struct Parked {
    /// The job's id.
    pub id: String,
    /// Its kind, by the name it is stored with.
    pub kind: String,
    /// The order it serves.
    pub order_id: OrderId,
    /// The amount, if it is about money.
    pub amount_fen: Option<Fen>,
    /// Why it was given up, as the machine said.
    pub why: String,
    /// Since when, milliseconds UTC.
    pub parked_ms: i64,
    /// Where, if it is known.
    pub spot: Option<Spot>,
}

/// A running order.
#[derive(Clone, Debug)]
pub struct Running {
    /// The order.
    pub order: Order,
    /// Where, if it is known.
    pub spot: Option<Spot>,
    /// Energy so far, watt-hours; none before current flows.
    pub energy_wh: Option<i64>,
    /// What it costs so far.
    pub cost_fen: Option<Fen>,
}

impl Spot {
    /// In words: site, station, socket.
    pub(super) fn words(&self, text: &Text) -> String {
        let socket = (text.frame.socket)(&self.station_name, &self.connector.to_string());
        format!("{} · {socket}", self.site_name)
    }
}

/// The page.
pub fn html(lang: Lang, page: OverviewPage) -> String {
    let (text, words) = (Text::of(lang), &Admin::of(lang).overview);
    let now = Now { now_ms: page.now_ms, utc_offset_minutes: page.utc_offset_minutes };
    let title = (Admin::of(lang).frame.overview.to_owned(), "/admin".to_owned());
    staff_page(lang, page.staff.clone(), title, Some(Room::Overview), move || {
        let rights = page.staff.rights;
        view! {
            <section class="headline">
                <h1>{page.staff.operator_name}</h1>
                <p class="hint">
                    {(words.as_of)(&to_the_second(now.now_ms, now.utc_offset_minutes))} " "
                    <a href="/admin">{words.refresh}</a>
                </p>
                <p class="jump">
                    <a href="#parked">{words.parked}</a>
                    <a href="#running">{words.running}</a>
                    <a href="#sites">{Admin::of(lang).sites.title}</a>
                    <a href="#orders">{Admin::of(lang).orders.title}</a>
                </p>
            </section>
            {takings(words, page.takings)}
            {parked(text, now, page.parked, rights.retry_jobs)}
            {running(text, now, page.running, rights.stop_charges)}
            {sites::section(text, now, page.sites)}
            {orders::section(text, now, page.orders, page.orders_today)}
        }
    })
}

fn takings(words: &'static Overview, takings: Takings) -> impl IntoView {
    let tile = |name: &'static str, fen: Fen| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd class="figure">{fen.to_string()}</dd>
            </div>
        }
    };
    view! {
        <section aria-labelledby="today">
            <h2 id="today">{words.today}</h2>
            <dl class="tiles takings card">
                {tile(words.paid, takings.paid_fen)}
                {tile(words.electricity, takings.electricity_fen)}
                {tile(words.service, takings.service_fen)}
                {tile(words.discount, takings.discount_fen)}
                {tile(words.refunded, takings.refunded_fen)}
            </dl>
        </section>
    }
}

fn parked(text: &'static Text, now: Now, jobs: Vec<Parked>, may_retry: bool) -> impl IntoView {
    let words = &Admin::of(text.lang).overview;
    let body = if jobs.is_empty() {
        view! { <p class="card">{words.parked_none}</p> }.into_any()
    } else {
        let rows: Vec<_> =
            jobs.into_iter().map(|job| parked_job(text, now, job, may_retry)).collect();
        view! {
            <p class="hint">{words.parked_note}</p>
            <ul class="work">{rows}</ul>
        }
        .into_any()
    };
    view! {
        <section aria-labelledby="parked">
            <h2 id="parked">{words.parked}</h2>
            {body}
        </section>
    }
}

fn parked_job(text: &'static Text, now: Now, job: Parked, may_retry: bool) -> impl IntoView {
    let words = &Admin::of(text.lang).overview;
    let kind = (words.job)(&job.kind);
    let place = job.spot.map(|spot| spot.words(text));
    let label = (words.at)(words.retry, &format!("{kind} {}", job.order_id));
    let action = format!("/admin/jobs/{}/retry", job.id);
    let retry = may_retry.then(|| {
        view! {
            <form method="post" action=action>
                <button class="button" aria-label=label>
                    {words.retry}
                </button>
            </form>
        }
    });
    view! {
        <li class="card">
            <div>
                <p>
                    <b>{kind}</b>
                    " "
                    {job.amount_fen.map(|fen| view! { <b class="figure">{fen.to_string()}</b> })}
                    " "
                    <span class="pill caution">
                        {(words.since)(&now.when(text, job.parked_ms))}
                    </span>
                </p>
                <p class="hint">{place} " " {order::link(&job.order_id)}</p>
                <p class="hint">{words.reason} " " <code>{job.why}</code></p>
            </div>
            {retry}
        </li>
    }
}

fn running(text: &'static Text, now: Now, orders: Vec<Running>, may_stop: bool) -> impl IntoView {
    let words = &Admin::of(text.lang).overview;
    let count = orders.len();
    let none = orders.is_empty().then(|| view! { <p class="card">{words.running_none}</p> });
    let rows: Vec<_> =
        orders.into_iter().map(|order| running_order(text, now, order, may_stop)).collect();
    view! {
        <section aria-labelledby="running">
            <h2 id="running">{words.running} " " <span class="figure soft">{count}</span></h2>
            {none}
            <ul class="work">{rows}</ul>
        </section>
    }
}

fn running_order(text: &'static Text, now: Now, running: Running, may_stop: bool) -> impl IntoView {
    let all = Admin::of(text.lang);
    let (words, order) = (&all.overview, running.order);
    let place = running.spot.map_or_else(|| all.orders.gone.to_owned(), |spot| spot.words(text));
    let (state, tone) = headline(text, &order.state);
    let elapsed =
        order.session().map(|session| clock((now.now_ms - session.started_ms) / MS_PER_SECOND));
    let charging = matches!(order.state, State::Charging(_));
    let stop = (charging && may_stop).then(|| stop(words, &order, &place));
    let (name, there_fen) = if order.runs_on_hold() {
        (words.aside, order.held_fen())
    } else {
        (words.prepaid, order.paid_fen())
    };
    let fact = |name: &'static str, value: Option<String>| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd class="figure">{value.unwrap_or_else(|| "–".to_owned())}</dd>
            </div>
        }
    };
    view! {
        <li class="card">
            <div>
                <p>
                    <b>{place}</b>
                    " "
                    <span class=format!("pill {}", tone.class())>{state}</span>
                    " "
                    <span class="hint">{(words.since)(&now.when(text, order.created_ms))}</span>
                </p>
                <dl class="flow">
                    {fact(words.elapsed, elapsed)}
                    {fact(words.energy, running.energy_wh.map(|wh| format!("{} kWh", kwh_short(wh))))}
                    {fact(words.cost, running.cost_fen.map(|fen| fen.to_string()))}
                    {fact(name, Some(there_fen.to_string()))}
                </dl>
            </div>
            {stop}
        </li>
    }
}

/// The button and the question behind it; both work without script.
fn stop(words: &'static Overview, order: &Order, place: &str) -> impl IntoView + use<> {
    let action = format!("/admin/orders/{}/stop", order.id);
    let label = (words.at)(words.stop, place);
    view! {
        <details class="confirm">
            <summary class="button danger" aria-label=label>
                {words.stop}
            </summary>
            <form method="post" action=action>
                <p>{words.stop_sure}</p>
                <button class="button danger">{words.stop_yes}</button>
            </form>
        </details>
    }
}
