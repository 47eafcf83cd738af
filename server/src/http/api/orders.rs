//! Orders: make, pay, follow, stop, check.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wasm_core::ids::{OrderId, PlanId, TariffId};
use wasm_core::money::Fen;
use wasm_core::order::{Action, Channel, Order};
use wasm_core::receipt::Receipt;

use super::sockets;
use crate::http::idempotent::{self, Key};
use crate::http::json::Body;
use crate::http::problem::Problem;
use crate::http::rider::Rider;
use crate::http::{App, ClientIp};
use crate::orders::{Checkout, NewOrder, PayVia};

/// An order with what the rider can do now.
#[derive(Serialize, ToSchema)]
pub struct OrderView {
    /// The members of `Order`, as wasm-core's README has them.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    order: Order,
    /// What the rider can do now: `pay`, `cancel`, `stop`, `receipt`.
    #[schema(value_type = Vec<String>)]
    actions: Vec<Action>,
}

impl From<Order> for OrderView {
    fn from(mut order: Order) -> Self {
        // Who somebody is at a platform is for the platform's own bill, and in no answer.
        for payment in &mut order.payments {
            payment.buyer_open_id = None;
        }
        Self { actions: order.actions().to_vec(), order }
    }
}

/// What the rider agreed to.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    /// The socket's scan code.
    code: String,
    /// The plan.
    #[schema(value_type = String)]
    plan_id: PlanId,
    /// The tariff that was shown.
    #[schema(value_type = String)]
    tariff_id: TariffId,
    /// The price that was shown, in fen.
    #[schema(value_type = i64)]
    prepaid_fen: Fen,
}

/// How to pay.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayRequest {
    /// Where the rider is.
    via: Via,
    /// At which platform, `alipay` or `wechat`; the first that is set up unless told.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    channel: Option<Channel>,
}

/// Where a rider is when paying.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// In a browser: the answer has an address to go to.
    Browser,
    /// In the platform's app, known there: the answer has what its cashier is called with.
    App,
    /// In the platform's app, nothing paid now: the answer has what its cashier is called with to set
    /// the price aside. The bill is taken of it.
    Hold,
    /// At another screen: the answer has a text to show as a QR code.
    Code,
}

impl PayRequest {
    fn via(&self, app: &App, rider: &Rider, client: ClientIp) -> Result<PayVia, Problem> {
        let first = || app.orders.platforms().channels().next().unwrap_or(Channel::Alipay);
        let channel = self.channel.unwrap_or_else(first);
        match (self.via, rider.open_ids.at(channel)) {
            (Via::Browser, _) => Ok(PayVia::browser(channel, client.0)),
            (Via::Code, _) => Ok(PayVia::code(channel)),
            (Via::Hold, known) => Ok(PayVia::hold(channel, known.map(str::to_owned))),
            (Via::App, Some(open_id)) => Ok(PayVia::app(channel, open_id)),
            (Via::App, None) => Err(Problem::new(
                StatusCode::CONFLICT,
                "not_known_there",
                "this rider is not known at the platform; pay as a browser",
            )),
        }
    }
}

/// Where to pay.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayAnswer {
    /// Go to this address.
    RedirectUrl(String),
    /// Call Alipay's `tradePay` with this `tradeNO`.
    TradeNo(String),
    /// Call Alipay's `tradePay` with this `orderStr`.
    OrderString(String),
    /// Call `WeChat`'s cashier with these parameters, a JSON object.
    Bridge(String),
    /// Call `WeChat`'s pay score (`openBusinessView`) with this `queryString`.
    ScoreView(String),
    /// Show this text as a QR code.
    Code(String),
}

/// Makes an order at the price that was shown.
#[utoipa::path(
    post, path = "/api/v1/orders", tag = "orders",
    params(("Idempotency-Key" = String, Header, description = "Made by the client, kept over \
        reloads: the same key and body get the same answer")),
    request_body = OrderRequest,
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 201, body = OrderView),
        (status = 400, description = "`idempotency_key_required`, `bad_json`", body = Problem),
        (status = 401, description = "`rider_required`", body = Problem),
        (status = 404, description = "`no_such_socket`, `mistyped_code`", body = Problem),
        (status = 409, description = "`price_changed` (with members `shown` and `actual`), \
            `socket_busy`, `socket_offline`, `socket_faulted`, `still_running`", body = Problem),
        (status = 422, description = "`no_such_plan`, `bad_fields`, `key_reused`", body = Problem),
    ),
)]
pub async fn create(
    State(app): State<App>,
    rider: Rider,
    key: Key,
    Body(request): Body<OrderRequest>,
) -> Result<Response, Problem> {
    let code = sockets::parse(&request.code)?;
    let owner = rider.id.to_string();
    let input = ("create", &request);
    let new = NewOrder {
        rider_id: rider.id,
        code,
        plan_id: request.plan_id.clone(),
        tariff_id: request.tariff_id.clone(),
        prepaid_fen: request.prepaid_fen,
    };
    let orders = app.orders.clone();
    let work = async move {
        let order = orders.create(new).await?;
        Ok((StatusCode::CREATED, OrderView::from(order)))
    };
    idempotent::once(&app, &owner, key, &input, work).await
}

/// The rider's orders, newest first, at most 50.
#[utoipa::path(
    get, path = "/api/v1/orders", tag = "orders",
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, body = Vec<OrderView>),
        (status = 401, description = "`rider_required`", body = Problem),
    ),
)]
pub async fn list(State(app): State<App>, rider: Rider) -> Result<Json<Vec<OrderView>>, Problem> {
    let orders = app.orders.list(&rider.id).await?;
    Ok(Json(orders.into_iter().map(OrderView::from).collect()))
}

/// One of the rider's orders.
#[utoipa::path(
    get, path = "/api/v1/orders/{id}", tag = "orders",
    params(("id" = String, Path)),
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, body = OrderView),
        (status = 401, description = "`rider_required`", body = Problem),
        (status = 404, description = "`no_such_order`, also for another rider's", body = Problem),
    ),
)]
pub async fn show(
    State(app): State<App>,
    rider: Rider,
    Path(id): Path<OrderId>,
) -> Result<Json<OrderView>, Problem> {
    Ok(Json(app.orders.get(&id, &rider.id).await?.into()))
}

/// Opens a payment. Money counts as paid only when the platform says so.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/pay", tag = "orders",
    params(
        ("id" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats get the same answer"),
    ),
    request_body = PayRequest,
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, body = PayAnswer),
        (status = 401, description = "`rider_required`", body = Problem),
        (status = 404, description = "`no_such_order`", body = Problem),
        (status = 409, description = "`not_now`, `not_known_there`, `no_holds`, `still_running`",
            body = Problem),
        (status = 422, description = "`bad_fields`, `key_reused`", body = Problem),
        (status = 502, description = "`payment_refused`", body = Problem),
        (status = 503, description = "`payment_unknown`", body = Problem),
    ),
)]
pub async fn pay(
    State(app): State<App>,
    rider: Rider,
    client: ClientIp,
    Path(id): Path<OrderId>,
    key: Option<Key>,
    Body(request): Body<PayRequest>,
) -> Result<Response, Problem> {
    let via = request.via(&app, &rider, client)?;
    let return_url = format!("{}/orders/{id}", app.settings.public_url);
    let input = ("pay", id.clone(), request);
    let (orders, owner) = (app.orders.clone(), rider.id.to_string());
    let work = async move {
        let checkout = orders.pay(&id, &rider.id, via, return_url).await?;
        let answer = match checkout {
            Checkout::Redirect(address) => PayAnswer::RedirectUrl(address),
            Checkout::TradeNo(number) => PayAnswer::TradeNo(number),
            Checkout::OrderString(text) => PayAnswer::OrderString(text),
            Checkout::Bridge(json) => PayAnswer::Bridge(json),
            Checkout::ScoreView(query) => PayAnswer::ScoreView(query),
            Checkout::Code(text) => PayAnswer::Code(text),
        };
        Ok::<_, Problem>((StatusCode::OK, answer))
    };
    match key {
        Some(key) => idempotent::once(&app, &owner, key, &input, work).await,
        None => work.await.map(|(status, answer)| (status, Json(answer)).into_response()),
    }
}

/// Cancels before current flows; money that arrived goes back.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/cancel", tag = "orders",
    params(("id" = String, Path)),
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "Cancelled, now or before", body = OrderView),
        (status = 401, description = "`rider_required`", body = Problem),
        (status = 404, description = "`no_such_order`", body = Problem),
        (status = 409, description = "`not_now`", body = Problem),
    ),
)]
pub async fn cancel(
    State(app): State<App>,
    rider: Rider,
    Path(id): Path<OrderId>,
) -> Result<Json<OrderView>, Problem> {
    Ok(Json(app.orders.cancel(&id, &rider.id).await?.into()))
}

/// Ends the charge.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/stop", tag = "orders",
    params(("id" = String, Path)),
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "Told to end, now or before", body = OrderView),
        (status = 401, description = "`rider_required`", body = Problem),
        (status = 404, description = "`no_such_order`", body = Problem),
        (status = 409, description = "`not_now`", body = Problem),
    ),
)]
pub async fn stop(
    State(app): State<App>,
    rider: Rider,
    Path(id): Path<OrderId>,
) -> Result<Json<OrderView>, Problem> {
    Ok(Json(app.orders.stop(&id, &rider.id).await?.into()))
}

/// All that is needed to compute the bill again.
#[utoipa::path(
    get, path = "/api/v1/orders/{id}/receipt", tag = "orders",
    params(("id" = String, Path)),
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "`Receipt` of wasm-core's README", body = Object),
        (status = 401, description = "`rider_required`", body = Problem),
        (status = 404, description = "`no_such_order`", body = Problem),
        (status = 409, description = "`not_settled`", body = Problem),
    ),
)]
pub async fn receipt(
    State(app): State<App>,
    rider: Rider,
    Path(id): Path<OrderId>,
) -> Result<Json<Receipt>, Problem> {
    let order = app.orders.get(&id, &rider.id).await?;
    Receipt::of(&order).map(Json).ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "not_settled", "the charge has no bill yet")
    })
}
