//! `/orders/{id}`, its receipt and its buttons, and `/me`.

use app::pages::rider::mine::{self, MinePage};
use app::pages::rider::trouble::Trouble;
use app::pages::rider::{order, receipt as receipt_page};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use wasm_core::ids::OrderId;
use wasm_core::order::{Channel, Order};

use super::checkout::Place;
use super::form::OwnForm;
use super::language::Language;
use super::ways::choices;
use super::{answer, checkout, hold, view};
use crate::http::problem::Problem;
use crate::http::rider::Rider;
use crate::http::{App, ClientIp};
use crate::orders::{LiveOrder, OrderError, PayVia};

/// The rider's own orders; who has no cookie has none.
pub(super) async fn mine(
    State(app): State<App>,
    language: Language,
    headers: HeaderMap,
) -> Response {
    match own(&app, &headers).await {
        Ok(orders) => {
            let page = MinePage { orders, now_ms: app.clock.now_ms() };
            answer::html(language, StatusCode::OK, mine::html(language.lang, page))
        }
        Err(problem) => answer::problem(language, &problem, "/me"),
    }
}

async fn own(app: &App, headers: &HeaderMap) -> Result<Vec<Order>, Problem> {
    match Rider::of(app, headers).await? {
        Some(rider) => Ok(app.orders.list(&rider.id).await?),
        None => Ok(Vec::new()),
    }
}

/// The live order. What a payment platform adds to the way back is signed and long, and not for the
/// rider's history.
pub(super) async fn show(
    State(app): State<App>,
    language: Language,
    Path(id): Path<OrderId>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if query.is_some_and(|query| !query.starts_with("lang=")) {
        return answer::see(&path(&id));
    }
    let environment = checkout::environment(&headers);
    match live(&app, &headers, &id).await {
        Ok(live) => {
            let platforms = app.orders.platforms();
            let mut page = view::order(live, app.clock.now_ms(), choices(environment, platforms));
            page.holds = hold::channel(environment, platforms).is_some();
            answer::html(language, StatusCode::OK, order::html(language.lang, page))
        }
        Err(problem) => answer::problem(language, &problem, "/me"),
    }
}

/// The receipt; before there is one, the live order.
pub(super) async fn receipt(
    State(app): State<App>,
    language: Language,
    Path(id): Path<OrderId>,
    headers: HeaderMap,
) -> Response {
    match live(&app, &headers, &id).await {
        Ok(live) => match view::receipt(live, app.clock.now_ms()) {
            Some(page) => {
                answer::html(language, StatusCode::OK, receipt_page::html(language.lang, page))
            }
            None => answer::see(&path(&id)),
        },
        Err(problem) => answer::problem(language, &problem, "/me"),
    }
}

async fn live(app: &App, headers: &HeaderMap, id: &OrderId) -> Result<LiveOrder, Problem> {
    let Some(rider) = Rider::of(app, headers).await? else {
        return Err(OrderError::NoSuchOrder.into());
    };
    Ok(app.orders.live(id, &rider.id).await?)
}

/// A certain way to pay, which the rider asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    way: Option<Wish>,
    channel: Option<Channel>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wish {
    /// Not in the app's cashier, which may not open or be another person's.
    Browser,
    /// Not paid now: set aside.
    Hold,
}

/// Pays.
pub(super) async fn pay(
    State(app): State<App>,
    language: Language,
    Path(id): Path<OrderId>,
    client: ClientIp,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
    _own: OwnForm,
) -> Response {
    let place = Place { language, headers: &headers, client_ip: client.0 };
    let wanted = wanted.map(|Query(wanted)| wanted).unwrap_or_default();
    let channel = wanted.channel.or_else(|| place.environment().app_of());
    match Rider::of(&app, &headers).await {
        Ok(Some(rider)) => match (wanted.way, channel) {
            (Some(Wish::Browser), Some(channel)) => {
                let via = PayVia::browser(channel, client.0);
                checkout::pay(&app, &place, &rider, via, &id).await
            }
            (Some(Wish::Hold), _) => hold::go(&app, &place, &rider, &id).await,
            _ => checkout::go(&app, &place, &rider, channel, &id).await,
        },
        Ok(None) => answer::trouble(language, Trouble::NotFound),
        Err(error) => answer::problem(language, &error.into(), &path(&id)),
    }
}

/// Cancels before current flows.
pub(super) async fn cancel(
    State(app): State<App>,
    language: Language,
    Path(id): Path<OrderId>,
    headers: HeaderMap,
    _own: OwnForm,
) -> Response {
    match Rider::of(&app, &headers).await {
        Ok(Some(rider)) => done(language, &id, app.orders.cancel(&id, &rider.id).await),
        Ok(None) => answer::trouble(language, Trouble::NotFound),
        Err(error) => answer::problem(language, &error.into(), &path(&id)),
    }
}

/// Ends the charge.
pub(super) async fn stop(
    State(app): State<App>,
    language: Language,
    Path(id): Path<OrderId>,
    headers: HeaderMap,
    _own: OwnForm,
) -> Response {
    match Rider::of(&app, &headers).await {
        Ok(Some(rider)) => done(language, &id, app.orders.stop(&id, &rider.id).await),
        Ok(None) => answer::trouble(language, Trouble::NotFound),
        Err(error) => answer::problem(language, &error.into(), &path(&id)),
    }
}

fn done(language: Language, id: &OrderId, outcome: Result<Order, OrderError>) -> Response {
    match outcome {
        Ok(_) => answer::see(&path(id)),
        Err(error) => answer::problem(language, &Problem::from(error), &path(id)),
    }
}

fn path(id: &OrderId) -> String {
    format!("/orders/{id}")
}
