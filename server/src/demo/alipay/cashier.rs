//! What the rider sees of the simulated platform: plain pages and forms, no script.

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::delivery::Lateness;
use super::platform::{APP_ID, Platform, SELLER_ID};
use super::rules::Refusal;
use super::trade::{Status, Trade};
use crate::demo::cashier::{self as sheet, Asks, Brand, Sheet, Standing};
use crate::payments::alipay::sign::{self, Params};
use crate::payments::alipay::time::to_beijing;
use crate::random;
use crate::store::StoreError;

/// Who pays at this cashier when the trade names nobody.
const DEMO_BUYER: &str = "demo-buyer";

/// Who is logged in at the platform with this browser.
const BUYER_COOKIE: &str = "demo_alipay_buyer";

/// The login page.
pub(super) const AUTHORIZE_PATH: &str = "/demo/alipay/authorize";

pub(super) fn router(platform: Platform) -> Router {
    Router::new()
        .route("/demo/alipay/cashier/{trade_no}", get(show).post(act))
        .route("/demo/alipay/tradepay", get(trade_pay))
        .route(AUTHORIZE_PATH, get(authorize))
        .with_state(platform)
}

/// The cashier's page of a trade.
pub(super) fn path(trade_no: &str) -> String {
    format!("/demo/alipay/cashier/{trade_no}")
}

/// What the rider pressed.
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
struct TradePay {
    #[serde(rename = "tradeNO")]
    trade_no: String,
    #[serde(default)]
    return_url: String,
}

#[derive(Deserialize)]
struct Authorize {
    redirect_uri: String,
    #[serde(default)]
    state: String,
    buyer: Option<String>,
}

fn demo_buyer() -> String {
    DEMO_BUYER.to_owned()
}

async fn show(State(platform): State<Platform>, Path(trade_no): Path<String>) -> Response {
    match platform.trade_by_no(&trade_no).await {
        Ok(Some(trade)) => trade_page(&trade).into_response(),
        Ok(None) => missing(),
        Err(error) => away(&error),
    }
}

async fn act(
    State(platform): State<Platform>,
    Path(trade_no): Path<String>,
    Form(pressed): Form<Pressed>,
) -> Response {
    let lateness = match pressed.action {
        Action::Pay => Lateness::None,
        Action::PayLate => Lateness::Late,
        Action::PayLost => Lateness::Lost,
        Action::Cancel => return leave(&platform, &trade_no).await,
    };
    match platform.pay(&trade_no, lateness).await {
        Ok(Some(trade)) if trade.status == Status::TradeSuccess && trade.return_url.is_empty() => {
            Redirect::to(&path(&trade_no)).into_response()
        }
        Ok(Some(trade)) if trade.status == Status::TradeSuccess => {
            Redirect::to(&platform.return_address(&trade)).into_response()
        }
        Ok(Some(trade)) => trade_page(&trade).into_response(),
        Ok(None) => missing(),
        Err(error) => away(&error),
    }
}

/// Back without paying: the trade waits on.
async fn leave(platform: &Platform, trade_no: &str) -> Response {
    match platform.trade_by_no(trade_no).await {
        Ok(Some(trade)) => {
            let back = [trade.quit_url, trade.return_url].into_iter().find(|url| !url.is_empty());
            Redirect::to(&back.unwrap_or_else(|| path(trade_no))).into_response()
        }
        Ok(None) => missing(),
        Err(error) => away(&error),
    }
}

/// Stands in for `tradePay` of Alipay's app.
async fn trade_pay(State(platform): State<Platform>, Query(asked): Query<TradePay>) -> Response {
    if !asked.return_url.is_empty() && !platform.is_ours(&asked.return_url) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    match platform.return_to(&asked.trade_no, &asked.return_url).await {
        Ok(true) => Redirect::to(&path(&asked.trade_no)).into_response(),
        Ok(false) => missing(),
        Err(error) => away(&error),
    }
}

/// Stands in for the login page of Alipay's app: gives a code without asking.
async fn authorize(
    State(platform): State<Platform>,
    headers: HeaderMap,
    Query(asked): Query<Authorize>,
) -> Response {
    if !platform.is_ours(&asked.redirect_uri) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let code = random::base32::<32>();
    let buyer = asked.buyer.or_else(|| logged_in(&headers)).unwrap_or_else(new_buyer);
    if let Err(error) = platform.put_code(&code, &buyer).await {
        return away(&error);
    }
    let params: Params = [("app_id", APP_ID), ("auth_code", &code), ("state", &asked.state)]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let cookie = format!("{BUYER_COOKIE}={buyer}; Path={AUTHORIZE_PATH}; HttpOnly; SameSite=Lax");
    let back = Redirect::to(&with_query(&asked.redirect_uri, &params));
    ([(header::SET_COOKIE, cookie)], back).into_response()
}

/// Who is logged in at the simulated platform: whoever was here before with this browser.
fn logged_in(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut named = pairs.filter(|(name, _)| *name == BUYER_COOKIE);
    named.next().map(|(_, buyer)| buyer.to_owned())
}

fn new_buyer() -> String {
    format!("{DEMO_BUYER}-{}", random::base32::<12>())
}

impl Platform {
    /// Pays a trade that waits; the trade as it is then. None if there is none.
    pub(super) async fn pay(
        &self,
        trade_no: &str,
        lateness: Lateness,
    ) -> Result<Option<Trade>, StoreError> {
        let _changing = self.inner.changing.lock().await;
        let Some(mut trade) = self.trade_by_no(trade_no).await? else { return Ok(None) };
        if trade.status == Status::WaitBuyerPay {
            trade.status = Status::TradeSuccess;
            trade.paid_ms = self.now_ms();
            if trade.buyer_open_id.is_empty() {
                trade.buyer_open_id = demo_buyer();
            }
            self.put_and_report(&mut trade, lateness).await?;
        }
        Ok(Some(trade))
    }

    async fn return_to(&self, trade_no: &str, return_url: &str) -> Result<bool, StoreError> {
        let _changing = self.inner.changing.lock().await;
        let Some(mut trade) = self.trade_by_no(trade_no).await? else { return Ok(false) };
        if !return_url.is_empty() {
            return_url.clone_into(&mut trade.return_url);
            self.put(&trade).await?;
        }
        Ok(true)
    }

    /// Whether an address is this server's, so that nobody is sent elsewhere through us.
    fn is_ours(&self, address: &str) -> bool {
        address.strip_prefix(&self.inner.public_url).is_some_and(|path| path.starts_with('/'))
    }

    /// Where the browser goes after paying, with the parameters the real one adds. They prove
    /// nothing to the merchant.
    fn return_address(&self, trade: &Trade) -> String {
        let mut params: Params = [
            ("app_id", APP_ID),
            ("auth_app_id", APP_ID),
            ("charset", "utf-8"),
            ("method", "alipay.trade.wap.pay.return"),
            ("out_trade_no", &trade.out_trade_no),
            ("seller_id", SELLER_ID),
            ("timestamp", &to_beijing(self.now_ms())),
            ("total_amount", &trade.total_fen.to_yuan()),
            ("trade_no", &trade.trade_no),
            ("version", "1.0"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        sign::sign_notify(&mut params, &self.inner.key);
        with_query(&trade.return_url, &params)
    }
}

fn with_query(address: &str, params: &Params) -> String {
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{}", sign::encode(params))
}

/// A request the gateway does not take, as the rider's browser sees it.
pub(super) fn refused(refusal: &Refusal) -> Response {
    let english = format!("The order cannot be opened: {}", refusal.sub_code);
    let page = sheet::notice(Brand::Alipay, "无法打开订单", &english);
    (StatusCode::BAD_REQUEST, page).into_response()
}

fn missing() -> Response {
    let page = sheet::notice(Brand::Alipay, "没有这笔交易", "No such trade");
    (StatusCode::NOT_FOUND, page).into_response()
}

fn away(error: &StoreError) -> Response {
    tracing::error!(%error, "simulated alipay");
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

fn trade_page(trade: &Trade) -> Html<String> {
    let standing = match trade.status {
        Status::WaitBuyerPay => Standing::Waiting,
        Status::TradeSuccess => Standing::Over("支付成功", "Paid"),
        Status::TradeClosed => Standing::Over("交易已关闭", "The trade is closed"),
    };
    let back = if trade.return_url.is_empty() { &trade.quit_url } else { &trade.return_url };
    let sheet = Sheet {
        asks: Asks::Payment,
        amount: trade.total_fen.to_string(),
        item: trade.subject.clone(),
        number: trade.out_trade_no.clone(),
        action: path(&trade.trade_no),
        hidden: Vec::new(),
        standing,
        back: back.clone(),
    };
    Html(sheet::html(Brand::Alipay, &sheet))
}
