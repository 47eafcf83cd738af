//! `/admin`: the operator's first page and its buttons.

use std::collections::{HashMap, HashSet};

use app::figures::LocalTime;
use app::pages::admin::overview::{self as view, OverviewPage, Spot};
use app::pages::admin::trouble::Trouble;
use axum::extract::{Path, State};
use axum::response::Response;
use wasm_core::ids::{OrderId, SocketId};
use wasm_core::order::{Capture, Refund};
use wasm_core::units::{MS_PER_DAY, MS_PER_MINUTE};

use super::answer;
use super::sites::{self, SOCKETS_MAX};
use super::staff::Staff;
use crate::http::App;
use crate::http::pages::language::Language;
use crate::http::problem::Problem;
use crate::orders::{Job, RunningOrder};
use crate::store::{ParkedJob, Takings};

/// Running orders shown at most.
const RUNNING_MAX: i64 = 500;
/// Orders of today shown at most.
const ORDERS_MAX: i64 = 100;
/// Parked jobs shown at most.
const PARKED_MAX: i64 = 100;
/// Where clocks stand when an operator has no site that says: China, in minutes ahead of UTC.
pub(super) const CHINA_MINUTES: i64 = 480;

/// The page.
pub(super) async fn show(State(app): State<App>, language: Language, staff: Staff) -> Response {
    match page(&app, &staff).await {
        Ok(page) => answer::page(language, view::html(language.lang, page)),
        Err(problem) => answer::problem(language, &problem),
    }
}

async fn page(app: &App, staff: &Staff) -> Result<OverviewPage, Problem> {
    let (store, operator) = (&app.store, &staff.operator_id);
    let now_ms = app.clock.now_ms();
    let sites = store.sites(Some(operator)).await?;
    let rows = store.sockets_of_operator(operator, SOCKETS_MAX).await?;
    let clocks = sites.first().map(|site| site.tariff.utc_offset_minutes);
    let utc_offset_minutes = clocks.unwrap_or(CHINA_MINUTES);
    let midnight_ms = midnight_ms(now_ms, utc_offset_minutes);
    let running = app.orders.running_at(operator, RUNNING_MAX).await?;
    let orders = store.orders_since(operator, midnight_ms, ORDERS_MAX).await?;
    let spots = sites::spots(&sites, &rows);
    let held: HashSet<&SocketId> = running.iter().map(|each| &each.order.socket_id).collect();
    let all_sites = sites::all(&sites, &rows, &held)?;
    let parked = store.parked_jobs(operator, PARKED_MAX).await?;
    Ok(OverviewPage {
        staff: staff.view(),
        now_ms,
        utc_offset_minutes,
        takings: takings(store.takings_since(operator, midnight_ms).await?),
        parked: parked.into_iter().map(|job| parked_job(job, &spots)).collect(),
        sites: all_sites,
        running: running.into_iter().map(|each| running_order(each, &spots)).collect(),
        orders: orders
            .into_iter()
            .map(|order| (spots.get(&order.socket_id).cloned(), order))
            .collect(),
        orders_today: store.count_orders_since(operator, midnight_ms).await?,
    })
}

/// When the day of `now_ms` began on local clocks, milliseconds UTC.
fn midnight_ms(now_ms: i64, utc_offset_minutes: i64) -> i64 {
    LocalTime::at(now_ms, utc_offset_minutes).day * MS_PER_DAY - utc_offset_minutes * MS_PER_MINUTE
}

fn takings(takings: Takings) -> view::Takings {
    let Takings { paid_fen, electricity_fen, service_fen, discount_fen, refunded_fen } = takings;
    view::Takings { paid_fen, electricity_fen, service_fen, discount_fen, refunded_fen }
}

fn parked_job(parked: ParkedJob, spots: &HashMap<SocketId, Spot>) -> view::Parked {
    let amount_fen = match serde_json::from_str(&parked.job.payload_json) {
        Ok(Job::Refund { refund_id }) => {
            let wanted = |refund: &&Refund| refund.id == refund_id;
            parked.order.refunds.iter().find(wanted).map(|refund| refund.amount_fen)
        }
        Ok(Job::Capture { capture_id }) => {
            let wanted = |capture: &&Capture| capture.id == capture_id;
            parked.order.captures.iter().find(wanted).map(|capture| capture.amount_fen)
        }
        _ => None,
    };
    view::Parked {
        amount_fen,
        spot: spots.get(&parked.order.socket_id).cloned(),
        id: parked.job.id,
        kind: parked.job.kind,
        order_id: parked.order.id,
        why: parked.why,
        parked_ms: parked.parked_ms,
    }
}

fn running_order(running: RunningOrder, spots: &HashMap<SocketId, Spot>) -> view::Running {
    let progress = running.progress;
    view::Running {
        spot: spots.get(&running.order.socket_id).cloned(),
        order: running.order,
        energy_wh: progress.as_ref().map(|progress| progress.usage.energy_wh),
        cost_fen: progress.map(|progress| progress.bill.total_fen),
    }
}

/// Ends a running charge.
pub(super) async fn stop(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Path(id): Path<OrderId>,
) -> Response {
    if !staff.rights.stop_charges {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    let stopped = app.orders.stop_for_operator(&staff.operator_id, &id).await;
    done(language, &staff, "stop a charge", stopped.map(drop).map_err(Problem::from))
}

/// Tries a parked job again.
pub(super) async fn retry(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Path(id): Path<String>,
) -> Response {
    if !staff.rights.retry_jobs {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    let retried = app.orders.retry_job(&staff.operator_id, &id).await;
    done(language, &staff, "retry a parked job", retried.map_err(Problem::from))
}

fn done(language: Language, staff: &Staff, what: &str, done: Result<(), Problem>) -> Response {
    let code = done.as_ref().map_or_else(|problem| problem.code, |()| "done");
    tracing::info!(user = staff.user_id, what, code, "asked by staff");
    match done {
        Ok(()) => answer::see("/admin"),
        Err(problem) => answer::problem(language, &problem),
    }
}
