//! On to the payment platform.

use std::net::IpAddr;

use app::pages::rider::codes::{self, CodesPage, PayCode};
use app::pages::rider::pay::{self, Cashier, PayPage};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use wasm_core::ids::OrderId;
use wasm_core::order::{Channel, State as OrderState};

use super::language::Language;
use super::ways::{Here, Way};
use super::{answer, login, view};
use crate::http::headers::ScriptFrom;
use crate::http::problem::Problem;
use crate::http::rider::Rider;
use crate::http::{App, ClientIp};
use crate::orders::{Checkout, OrderError, PayVia, Product, Unsure};
use crate::payments::environment::Environment;
use crate::qr;

/// Where a request comes from.
pub(super) struct Place<'a> {
    /// In which language the answer is.
    pub language: Language,
    /// What the browser says.
    pub headers: &'a HeaderMap,
    /// The rider's address.
    pub client_ip: IpAddr,
}

impl Place<'_> {
    pub(super) fn environment(&self) -> Environment {
        environment(self.headers)
    }

    pub(super) fn here<'a>(&self, app: &'a App, rider: &'a Rider) -> Here<'a> {
        Here {
            environment: self.environment(),
            platforms: app.orders.platforms(),
            open_ids: &rider.open_ids,
            client_ip: self.client_ip,
        }
    }
}

/// The program around a page, as its browser says.
pub(super) fn environment(headers: &HeaderMap) -> Environment {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    Environment::of(agent.unwrap_or_default())
}

/// Opens the payment and answers with the way there. The rider has just pressed Pay.
pub(super) async fn go(
    app: &App,
    place: &Place<'_>,
    rider: &Rider,
    wanted: Option<Channel>,
    order: &OrderId,
) -> Response {
    match place.here(app, rider).way(wanted) {
        Way::Login(channel) => match app.orders.get(order, &rider.id).await {
            Ok(order) => login::go(app, place, rider, channel, &order.id).await,
            Err(error) => answer::problem(place.language, &error.into(), &order_path(order)),
        },
        Way::Pay(via) => pay(app, place, rider, via, order).await,
        Way::Codes => answer::see(&format!("{}/codes", order_path(order))),
        Way::Nowhere => {
            let (code, message) = ("NOT_CONFIGURED".to_owned(), "no payment platform".to_owned());
            let problem = Problem::from(OrderError::Platform(Unsure::No { code, message }));
            answer::problem(place.language, &problem, &order_path(order))
        }
    }
}

/// Opens the payment in a certain way. The browser's way stands in for the app's: whichever of the
/// two is paid first starts the charge, and a second one goes back.
pub(super) async fn pay(
    app: &App,
    place: &Place<'_>,
    rider: &Rider,
    via: PayVia,
    order: &OrderId,
) -> Response {
    let path = order_path(order);
    let channel = via.channel;
    let in_app = matches!(via.product, Product::App { .. });
    let is_hold = matches!(via.product, Product::Hold { .. });
    let mut opened = open(app, rider, via, order).await;
    if in_app && let Err(OrderError::Platform(unsure)) = &opened {
        tracing::warn!(%order, %unsure, "not payable in the app, on the browser's way");
        opened = open(app, rider, PayVia::browser(channel, place.client_ip), order).await;
    }
    let cashier = match opened {
        Ok(Checkout::Redirect(address)) => return answer::see(&address),
        Ok(Checkout::Code(_)) => return answer::see(&format!("{path}/codes")),
        Ok(Checkout::TradeNo(trade_no)) => Cashier::TradeNo(trade_no),
        Ok(Checkout::OrderString(order_string)) => Cashier::OrderString(order_string),
        Ok(Checkout::Bridge(params)) => Cashier::Bridge(params),
        Ok(Checkout::ScoreView(query)) => Cashier::ScoreView(query),
        Err(error) => return answer::problem(place.language, &Problem::from(error), &path),
    };
    let in_mini_program = place.environment().is_mini_program();
    let order = app.orders.get(order, &rider.id).await.ok().filter(|_| is_hold);
    let held_fen = order.map(|order| order.terms.prepaid_fen);
    let page = PayPage { cashier, held_fen, in_mini_program, order_path: path };
    let bridge = page.bridge_origin();
    let html = pay::html(place.language.lang, page);
    let mut response = answer::html(place.language, StatusCode::OK, html);
    if let Some(origin) = bridge {
        response.extensions_mut().insert(ScriptFrom(origin));
    }
    response
}

async fn open(
    app: &App,
    rider: &Rider,
    via: PayVia,
    order: &OrderId,
) -> Result<Checkout, OrderError> {
    let return_url = format!("{}{}", app.settings.public_url, order_path(order));
    app.orders.pay(order, &rider.id, via, return_url).await
}

/// `/orders/{id}/codes`: a code of each platform, to be scanned with another phone. Loaded again,
/// it shows the same payments; once one of them is paid, the order.
pub(super) async fn codes(
    State(app): State<App>,
    language: Language,
    Path(id): Path<OrderId>,
    client: ClientIp,
    headers: HeaderMap,
) -> Response {
    let place = Place { language, headers: &headers, client_ip: client.0 };
    match Rider::of(&app, &headers).await {
        Ok(Some(rider)) => show_codes(&app, &place, &rider, &id).await,
        Ok(None) => answer::problem(language, &OrderError::NoSuchOrder.into(), "/me"),
        Err(error) => answer::problem(language, &error.into(), "/me"),
    }
}

async fn show_codes(app: &App, place: &Place<'_>, rider: &Rider, id: &OrderId) -> Response {
    let live = match app.orders.live(id, &rider.id).await {
        Ok(live) => live,
        Err(error) => return answer::problem(place.language, &error.into(), "/me"),
    };
    let path = order_path(id);
    if !matches!(live.order.state, OrderState::AwaitingPayment { .. }) {
        return answer::see(&path);
    }
    let mut shown = Vec::new();
    let mut refused = None;
    for channel in app.orders.platforms().channels() {
        match open(app, rider, PayVia::code(channel), id).await {
            Ok(Checkout::Code(text)) => {
                let svg = qr::svg(&text);
                // The demo's codes lead to this very machine, which a phone may not reach.
                let link = Some(text).filter(|_| app.settings.demo);
                shown.push(PayCode { channel, svg, link });
            }
            Ok(other) => tracing::error!(order = %id, ?channel, ?other, "not a code"),
            Err(error) => {
                tracing::warn!(order = %id, channel = channel.as_str(), %error, "no code");
                refused = Some(error);
            }
        }
    }
    match refused {
        Some(error) if shown.is_empty() => {
            answer::problem(place.language, &Problem::from(error), &path)
        }
        _ => {
            let page =
                CodesPage { page: view::order(live, app.clock.now_ms(), Vec::new()), codes: shown };
            let html = codes::html(place.language.lang, page);
            answer::html(place.language, StatusCode::OK, html)
        }
    }
}

/// The page of an order.
pub(super) fn order_path(order: &OrderId) -> String {
    format!("/orders/{order}")
}
