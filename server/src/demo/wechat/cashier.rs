//! What the rider sees of the simulated platform: plain pages and forms, no script.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::delivery::Lateness;
use super::gateway::TIMESTAMP_TOLERANCE_S;
use super::keys::hmac_upper;
use super::order::Order;
use super::platform::{APPID, MCHID, Platform};
use crate::demo::cashier::{self as sheet, Asks, Brand, Sheet, Standing};
use crate::store::StoreError;

/// Stands in for `getBrandWCPayRequest`.
pub(super) const BRIDGE_PATH: &str = "/demo/wechat/bridge";
/// Stands in for `openBusinessView`.
pub(super) const VIEW_PATH: &str = "/demo/wechat/view";

/// An `h5_url` can be opened this long: five minutes.
const H5_MS: i64 = 5 * 60 * 1_000;

/// A `prepay_id` can be used this long: two hours.
const PREPAY_MS: i64 = 2 * 60 * 60 * 1_000;

/// Who pays at this cashier when the order names nobody.
const DEMO_PAYER: &str = "oDemoPayer000000000000000000";

pub(super) fn router(platform: Platform) -> Router {
    Router::new()
        .route("/demo/wechat/cashier/{prepay_id}", get(show).post(act))
        .route("/demo/wechat/h5", get(open_h5))
        .route(BRIDGE_PATH, get(open_bridge))
        .route(VIEW_PATH, get(open_view).post(confirm_score))
        .with_state(platform)
}

/// What a browser is sent to; the merchant may append `&redirect_url=`.
pub(super) fn h5_address(public_url: &str, prepay_id: &str) -> String {
    format!("{public_url}/demo/wechat/h5?prepay_id={prepay_id}")
}

/// What is behind a code: the cashier itself, so that any camera can be the app's.
pub(super) fn code_address(public_url: &str, prepay_id: &str) -> String {
    format!("{public_url}{}", path(prepay_id))
}

fn path(prepay_id: &str) -> String {
    format!("/demo/wechat/cashier/{prepay_id}")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Pay,
    PayLate,
    PayLost,
    Cancel,
}

#[derive(Deserialize)]
struct Pressed {
    action: Action,
}

#[derive(Deserialize)]
struct H5 {
    prepay_id: String,
    #[serde(default)]
    redirect_url: String,
}

/// The parameters of `getBrandWCPayRequest`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bridge {
    app_id: String,
    time_stamp: String,
    nonce_str: String,
    package: String,
    sign_type: String,
    pay_sign: String,
    #[serde(default, rename = "return_url")]
    return_url: String,
}

type Params = BTreeMap<String, String>;

async fn show(State(platform): State<Platform>, Path(prepay_id): Path<String>) -> Response {
    match platform.order_by("prepay", &prepay_id).await {
        Ok(Some(order)) => order_page(&platform, &order).into_response(),
        Ok(None) => missing(),
        Err(error) => away(&error),
    }
}

async fn act(
    State(platform): State<Platform>,
    Path(prepay_id): Path<String>,
    Form(pressed): Form<Pressed>,
) -> Response {
    let acted = match pressed.action {
        Action::Pay => platform.pay(&prepay_id, DEMO_PAYER, Lateness::None).await,
        Action::PayLate => platform.pay(&prepay_id, DEMO_PAYER, Lateness::Late).await,
        Action::PayLost => platform.pay(&prepay_id, DEMO_PAYER, Lateness::Lost).await,
        Action::Cancel => platform.order_by("prepay", &prepay_id).await,
    };
    match acted {
        Ok(Some(order)) if order.return_url.is_empty() => {
            Redirect::to(&path(&prepay_id)).into_response()
        }
        Ok(Some(order)) => Redirect::to(&order.return_url).into_response(),
        Ok(None) => missing(),
        Err(error) => away(&error),
    }
}

async fn open_h5(State(platform): State<Platform>, Query(asked): Query<H5>) -> Response {
    platform.open_cashier(&asked.prepay_id, H5_MS, &asked.redirect_url).await
}

/// The call's signature is the merchant's own, of four lines.
async fn open_bridge(State(platform): State<Platform>, Query(asked): Query<Bridge>) -> Response {
    let Bridge { app_id, time_stamp, nonce_str, package, .. } = &asked;
    let text = format!("{app_id}\n{time_stamp}\n{nonce_str}\n{package}\n");
    let signed = app_id == APPID
        && asked.sign_type == "RSA"
        && platform.inner.merchant.verify(text.as_bytes(), &asked.pay_sign);
    match package.strip_prefix("prepay_id=") {
        Some(prepay_id) if signed => {
            platform.open_cashier(prepay_id, PREPAY_MS, &asked.return_url).await
        }
        _ => (
            StatusCode::BAD_REQUEST,
            sheet::notice(Brand::Wechat, "支付验证签名失败", "Wrong paySign"),
        )
            .into_response(),
    }
}

/// The `PayScore` page, whose call is signed with the `APIv2` key.
async fn open_view(State(platform): State<Platform>, Query(mut asked): Query<Params>) -> Response {
    let return_url = asked.remove("return_url").unwrap_or_default();
    let get = |name: &str| asked.get(name).map_or("", String::as_str);
    let mut text = String::new();
    for (name, value) in asked.iter().filter(|(name, value)| *name != "sign" && !value.is_empty()) {
        text += &format!("{name}={value}&");
    }
    text += &format!("key={}", platform.inner.keys.api_v2);
    let at_s = get("timestamp").parse::<i64>().unwrap_or(0);
    let on_time = at_s.abs_diff(platform.now_ms() / 1_000) <= TIMESTAMP_TOLERANCE_S.unsigned_abs();
    let signed = get("mch_id") == MCHID
        && get("sign_type") == "HMAC-SHA256"
        && hmac_upper(&platform.inner.keys.api_v2, &text) == get("sign");
    if !signed || !on_time || !(return_url.is_empty() || platform.is_ours(&return_url)) {
        let page = sheet::notice(Brand::Wechat, "签名错误或已过期", "Wrong signature or too late");
        return (StatusCode::BAD_REQUEST, page).into_response();
    }
    match platform.score_by_package(get("package")).await {
        Ok(Some(score)) => {
            Html(sheet::html(Brand::Wechat, &score.sheet(get("package"), &return_url)))
                .into_response()
        }
        Ok(None) => missing(),
        Err(error) => away(&error),
    }
}

#[derive(Deserialize)]
struct Confirmed {
    package: String,
    #[serde(default)]
    return_url: String,
    action: Action,
}

async fn confirm_score(
    State(platform): State<Platform>,
    Form(pressed): Form<Confirmed>,
) -> Response {
    let lateness = match pressed.action {
        Action::PayLost => Lateness::Lost,
        Action::PayLate => Lateness::Late,
        Action::Pay | Action::Cancel => Lateness::None,
    };
    if pressed.action != Action::Cancel
        && let Err(error) = platform.confirm_score(&pressed.package, DEMO_PAYER, lateness).await
    {
        return away(&error);
    }
    if platform.is_ours(&pressed.return_url) {
        return Redirect::to(&pressed.return_url).into_response();
    }
    sheet::notice(Brand::Wechat, "已返回商家", "Back to the merchant").into_response()
}

impl Platform {
    /// Notes where the browser goes afterwards, and shows the cashier.
    async fn open_cashier(&self, prepay_id: &str, valid_ms: i64, return_url: &str) -> Response {
        if !return_url.is_empty() && !self.is_ours(return_url) {
            return StatusCode::BAD_REQUEST.into_response();
        }
        let opened = async {
            let _changing = self.inner.changing.lock().await;
            let found = self.order_by("prepay", prepay_id).await?;
            let Some(mut order) = found else { return Ok(None) };
            if !return_url.is_empty() {
                return_url.clone_into(&mut order.return_url);
                self.put(&order).await?;
            }
            Ok(Some(order))
        };
        match opened.await {
            Ok(Some(order)) if self.now_ms() - order.created_ms < valid_ms => {
                Redirect::to(&path(prepay_id)).into_response()
            }
            Ok(Some(_)) => {
                let page = sheet::notice(Brand::Wechat, "支付链接已过期", "The link is too old");
                (StatusCode::GONE, page).into_response()
            }
            Ok(None) => missing(),
            Err(error) => away(&error),
        }
    }

    /// Whether an address is this server's, so that nobody is sent elsewhere through us.
    pub(super) fn is_ours(&self, address: &str) -> bool {
        address.strip_prefix(&self.inner.public_url).is_some_and(|path| path.starts_with('/'))
    }
}

fn order_page(platform: &Platform, order: &Order) -> Html<String> {
    let standing = match order.state(platform.now_ms()) {
        "NOTPAY" => Standing::Waiting,
        "CLOSED" => Standing::Over("订单已关闭", "The order is closed"),
        _ => Standing::Over("支付成功", "Paid"),
    };
    let sheet = Sheet {
        asks: Asks::Payment,
        amount: order.total_fen.to_string(),
        item: order.description.clone(),
        number: order.out_trade_no.clone(),
        action: path(&order.prepay_id),
        hidden: Vec::new(),
        standing,
        back: order.return_url.clone(),
    };
    Html(sheet::html(Brand::Wechat, &sheet))
}

fn missing() -> Response {
    let page = sheet::notice(Brand::Wechat, "没有这笔订单", "No such order");
    (StatusCode::NOT_FOUND, page).into_response()
}

pub(super) fn away(error: &StoreError) -> Response {
    tracing::error!(%error, "simulated wechat pay");
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

/// An address with parameters appended.
pub(super) fn with_query(address: &str, params: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(params);
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{}", query.finish())
}
