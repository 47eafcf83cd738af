//! `/s/{code}`: what the QR on a socket leads to, and the order made there.

use std::time::Duration;

use app::pages::rider::scan::{self as page, ScanPage};
use app::pages::rider::trouble::{self, BlockedPage, Trouble};
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use wasm_core::ids::OrderId;
use wasm_core::link::ScanCode;

use super::checkout::Place;
use super::form::{OrderForm, OwnForm};
use super::language::Language;
use super::ways::choices;
use super::{answer, checkout, hold, view};
use crate::http::idempotent::{self, Key};
use crate::http::problem::Problem;
use crate::http::rates::Newcomers;
use crate::http::rider::{self, Rider, Token};
use crate::http::{App, ClientIp};
use crate::orders::NewOrder;

use crate::random;

/// Longest code that is looked at, in bytes; longer ones are not shown back either.
const TYPED_MAX: usize = 64;

/// Between two looks for the answer to a form that is still being worked on.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Looks at most.
const LOOKS_MOST: u32 = 50;

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
    headers: HeaderMap,
) -> Response {
    let code = match read(&typed) {
        Ok(code) if code.as_str() == typed => code,
        Ok(code) => return answer::see(&format!("/s/{}", code.as_str())),
        Err(matter) => return answer::trouble(language, matter),
    };
    let shown = socket_page(&app, language, &code, &headers).await;
    shown.unwrap_or_else(|problem| answer::problem(language, &problem, "/"))
}

async fn socket_page(
    app: &App,
    language: Language,
    code: &ScanCode,
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
    // The first visit names the rider and stores nothing: a form sent twice comes from one and the
    // same, and looking at the price writes no row.
    let new = (!rider::has_token(headers)).then(Token::fresh);
    let environment = checkout::environment(headers);
    let scan = ScanPage {
        place,
        tariff: socket.tariff,
        now_ms,
        idempotency_key: random::base32::<16>(),
        channels: choices(environment, app.orders.platforms()),
        holds: hold::channel(environment, app.orders.platforms()).is_some(),
    };
    let response = answer::html(language, StatusCode::OK, page::html(language.lang, scan));
    Ok(answer::with_cookie(response, new.map(|token| token.cookie(&app.settings.public_url))))
}

/// Makes the order and leads on to pay it.
#[expect(clippy::too_many_arguments, reason = "each is an extractor")]
pub(super) async fn order(
    State(app): State<App>,
    language: Language,
    Path(typed): Path<String>,
    newcomers: Newcomers,
    client: ClientIp,
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
    let (rider, cookie) = match Rider::of_or_new(&app, &newcomers, &headers).await {
        Ok(rider) => rider,
        Err(problem) => return answer::problem(language, &problem, &back),
    };
    let place = Place { language, headers: &headers, client_ip: client.0 };
    let (channel, wants_hold) = (form.channel, form.wants_hold());
    let response = match create(&app, &rider, code, form).await {
        Ok(order) if wants_hold => hold::go(&app, &place, &rider, &order).await,
        Ok(order) => checkout::go(&app, &place, &rider, channel, &order).await,
        Err(problem) => answer::problem(language, &problem, &back),
    };
    answer::with_cookie(response, cookie)
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
    let work = || {
        let (orders, new) = (app.orders.clone(), new.clone());
        async move {
            let order = orders.create(new).await?;
            Ok((StatusCode::CREATED, order.id))
        }
    };
    let mut looks = 0;
    let (_, body) = loop {
        match idempotent::outcome(app, rider.id.as_str(), key.clone(), &input, work()).await {
            // Tapped twice: browsers show the second answer, so it waits for the first.
            Err(problem) if problem.code == "still_running" && looks < LOOKS_MOST => {
                looks += 1;
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            outcome => break outcome?,
        }
    };
    serde_json::from_value(body).map_err(|_| Problem::internal())
}

fn read(typed: &str) -> Result<ScanCode, Trouble> {
    ScanCode::parse(typed).map_err(|error| {
        let shown: String = typed.chars().take(TYPED_MAX).collect();
        Trouble::BadCode(shown, error)
    })
}
