//! `/s/{code}`: what the QR on a socket leads to, and the order made there.

use app::pages::rider::scan::{self as page, ScanPage};
use app::pages::rider::trouble::{self, BlockedPage, Trouble};
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use wasm_core::ids::OrderId;
use wasm_core::link::ScanCode;

use super::form::{OrderForm, OwnForm};
use super::language::Language;
use super::{answer, checkout, hold, view};
use crate::http::App;
use crate::http::idempotent::{self, Key};
use crate::http::problem::Problem;
use crate::http::rates::Newcomers;
use crate::http::rider::{NewRider, Rider};
use crate::orders::NewOrder;
use crate::random;

/// Longest code that is looked at, in bytes; longer ones are not shown back either.
const TYPED_MAX: usize = 64;

/// A code typed into the field.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    code: String,
}

/// `/s?code=…`: the field for a code.
pub(super) async fn typed(
    language: Language,
    typed: Result<Query<Typed>, QueryRejection>,
) -> Response {
    let code = typed.map(|Query(typed)| typed.code).unwrap_or_default();
    match read(&code) {
        Ok(code) => answer::see(&format!("/s/{}", code.as_str())),
        Err(matter) => answer::trouble(language, matter),
    }
}

/// The page behind a scan code.
pub(super) async fn show(
    State(app): State<App>,
    language: Language,
    Path(typed): Path<String>,
    newcomers: Newcomers,
    headers: HeaderMap,
) -> Response {
    let code = match read(&typed) {
        Ok(code) if code.as_str() == typed => code,
        Ok(code) => return answer::see(&format!("/s/{}", code.as_str())),
        Err(matter) => return answer::trouble(language, matter),
    };
    let shown = socket_page(&app, language, &code, &newcomers, &headers).await;
    shown.unwrap_or_else(|problem| answer::problem(language, &problem, "/"))
}

async fn socket_page(
    app: &App,
    language: Language,
    code: &ScanCode,
    newcomers: &Newcomers,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let Some(socket) = app.orders.socket(code).await? else {
        return Ok(answer::trouble(language, Trouble::UnknownCode(code.to_string())));
    };
    let rider = Rider::of(app, headers).await?;
    let (place, now_ms) = (view::place(&socket), app.clock.now_ms());
    if let Some(why) = view::blocked(&socket, rider.as_ref().map(|rider| &rider.id)) {
        let blocked = BlockedPage { place, why, tariff: socket.tariff, now_ms };
        let html = trouble::blocked_html(language.lang, blocked);
        return Ok(answer::html(language, StatusCode::OK, html));
    }
    // The first visit makes the rider, so that a form sent twice comes from one and the same. A
    // crowd behind one address still sees the price: who is not made here is made when paying.
    let new = match rider {
        Some(_) => None,
        None => NewRider::make(app, newcomers).await.ok(),
    };
    let scan = ScanPage {
        place,
        tariff: socket.tariff,
        now_ms,
        idempotency_key: random::base32::<16>(),
        holds: hold::channel(app.orders.platforms(), headers).is_some(),
    };
    let response = answer::html(language, StatusCode::OK, page::html(language.lang, scan));
    Ok(answer::with_cookie(response, new.map(|new| new.cookie(&app.settings.public_url))))
}

/// Makes the order and leads on to pay it.
pub(super) async fn order(
    State(app): State<App>,
    language: Language,
    Path(typed): Path<String>,
    newcomers: Newcomers,
    headers: HeaderMap,
    _own: OwnForm,
    form: Result<Form<OrderForm>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else { return answer::trouble(language, Trouble::BadForm) };
    let code = match read(&typed) {
        Ok(code) => code,
        Err(matter) => return answer::trouble(language, matter),
    };
    let back = format!("/s/{}", code.as_str());
    let (rider, cookie) = match rider(&app, &newcomers, &headers).await {
        Ok(rider) => rider,
        Err(problem) => return answer::problem(language, &problem, &back),
    };
    let wants_hold = form.wants_hold();
    let response = match create(&app, &rider, code, form).await {
        Ok(order) if wants_hold => hold::go(&app, language, &rider, &headers, &order).await,
        Ok(order) => checkout::go(&app, language, &rider, &headers, &order).await,
        Err(problem) => answer::problem(language, &problem, &back),
    };
    answer::with_cookie(response, cookie)
}

/// The rider who asks, or a new one with its cookie: some browsers drop the first visit's.
async fn rider(
    app: &App,
    newcomers: &Newcomers,
    headers: &HeaderMap,
) -> Result<(Rider, Option<String>), Problem> {
    if let Some(rider) = Rider::of(app, headers).await? {
        return Ok((rider, None));
    }
    let new = NewRider::make(app, newcomers).await?;
    let cookie = new.cookie(&app.settings.public_url);
    Ok((new.into(), Some(cookie)))
}

/// One order for each choice on one page, however often the form is sent.
async fn create(
    app: &App,
    rider: &Rider,
    code: ScanCode,
    form: OrderForm,
) -> Result<OrderId, Problem> {
    let Some((plan_id, prepaid_fen)) = form.offer().filter(|_| form.has_good_key()) else {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_fields", "no such offer"));
    };
    let key = Key(form.key());
    let input = ("page", code.as_str().to_owned(), form.tariff_id.clone());
    let new = NewOrder {
        rider_id: rider.id.clone(),
        code,
        plan_id,
        tariff_id: form.tariff_id,
        prepaid_fen,
    };
    let orders = app.orders.clone();
    let work = async move {
        let order = orders.create(new).await?;
        Ok((StatusCode::CREATED, order.id))
    };
    let (_, body) = idempotent::outcome(app, rider.id.as_str(), key, &input, work).await?;
    serde_json::from_value(body).map_err(|_| Problem::internal())
}

fn read(typed: &str) -> Result<ScanCode, Trouble> {
    ScanCode::parse(typed).map_err(|error| {
        let shown: String = typed.chars().take(TYPED_MAX).collect();
        Trouble::BadCode(shown, error)
    })
}
