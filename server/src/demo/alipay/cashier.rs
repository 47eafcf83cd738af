//! What the rider sees of the simulated platform: plain pages and forms, no script.

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::delivery::Lateness;
use super::gateway::Failure;
use super::hold::{Hold, HoldStatus};
use super::platform::{APP_ID, Platform, SELLER_ID};
use super::rules::Refusal;
use super::trade::{Status, Trade};
use crate::payments::alipay::sign::{self, Params};
use crate::payments::alipay::time::to_beijing;
use crate::random;
use crate::store::StoreError;

/// Who pays at this cashier when the trade names nobody.
const DEMO_BUYER: &str = "demo-buyer";

/// Who is logged in at the platform with this browser.
const BUYER_COOKIE: &str = "demo_alipay_buyer";

/// The login page and the cashier read it.
const COOKIE_PATH: &str = "/demo/alipay/";

/// The login page.
pub(super) const AUTHORIZE_PATH: &str = "/demo/alipay/authorize";

pub(super) fn router(platform: Platform) -> Router {
    Router::new()
        .route("/demo/alipay/cashier/{trade_no}", get(show).post(act))
        .route("/demo/alipay/tradepay", get(trade_pay))
        .route("/demo/alipay/hold/{out_order_no}", get(show_hold).post(act_on_hold))
        .route(AUTHORIZE_PATH, get(authorize))
        .route("/demo/alipay/cashier.css", get(style))
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
    #[serde(rename = "tradeNO", default)]
    trade_no: String,
    /// A hold's order string, as the page hands it to the app.
    #[serde(rename = "orderStr", default)]
    order_string: String,
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
    if !asked.order_string.is_empty() {
        return open_hold(&platform, &asked).await;
    }
    match platform.return_to(&asked.trade_no, &asked.return_url).await {
        Ok(true) => Redirect::to(&path(&asked.trade_no)).into_response(),
        Ok(false) => missing(),
        Err(error) => away(&error),
    }
}

async fn open_hold(platform: &Platform, asked: &TradePay) -> Response {
    match platform.open_hold(&asked.order_string).await {
        Ok(number) => match platform.hold_returns_to(&number, &asked.return_url).await {
            Ok(()) => Redirect::to(&hold_path(&number)).into_response(),
            Err(error) => away(&error),
        },
        Err(Failure::Refused(refusal)) => refused(&refusal),
        Err(Failure::Store(error)) => away(&error),
    }
}

/// The page of a hold.
fn hold_path(out_order_no: &str) -> String {
    format!("/demo/alipay/hold/{out_order_no}")
}

async fn show_hold(State(platform): State<Platform>, Path(number): Path<String>) -> Response {
    match platform.hold(&number).await {
        Ok(Some(hold)) => hold_page(&hold).into_response(),
        Ok(None) => missing(),
        Err(error) => away(&error),
    }
}

async fn act_on_hold(
    State(platform): State<Platform>,
    Path(number): Path<String>,
    headers: HeaderMap,
    Form(pressed): Form<Pressed>,
) -> Response {
    let lateness = match pressed.action {
        Action::Pay => Some(Lateness::None),
        Action::PayLate => Some(Lateness::Late),
        Action::PayLost => Some(Lateness::Lost),
        Action::Cancel => None,
    };
    let payer = logged_in(&headers).unwrap_or_else(demo_buyer);
    let acted = match lateness {
        Some(lateness) => platform.confirm(&number, &payer, lateness).await,
        None => platform.hold(&number).await.map_err(Failure::from),
    };
    match acted {
        Ok(Some(hold)) if hold.return_url.is_empty() => hold_page(&hold).into_response(),
        Ok(Some(hold)) => Redirect::to(&hold.return_url).into_response(),
        Ok(None) => missing(),
        Err(Failure::Refused(refusal)) => refused(&refusal),
        Err(Failure::Store(error)) => away(&error),
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
    let cookie = format!("{BUYER_COOKIE}={buyer}; Path={COOKIE_PATH}; HttpOnly; SameSite=Lax");
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

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("cashier.css"))
        .into_response()
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

    async fn hold_returns_to(&self, number: &str, return_url: &str) -> Result<(), StoreError> {
        let _changing = self.inner.changing.lock().await;
        let Some(mut hold) = self.hold(number).await? else { return Ok(()) };
        return_url.clone_into(&mut hold.return_url);
        self.put_hold(&hold).await
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
    let page = document(&format!(
        "<h1>无法打开订单<span lang=\"en\">The order cannot be opened</span></h1>\
         <p class=\"note\"><code>{}</code></p>",
        escape(refusal.sub_code)
    ));
    (StatusCode::BAD_REQUEST, page).into_response()
}

fn missing() -> Response {
    let page = document("<h1>没有这笔交易<span lang=\"en\">No such trade</span></h1>");
    (StatusCode::NOT_FOUND, page).into_response()
}

fn away(error: &StoreError) -> Response {
    tracing::error!(%error, "simulated alipay");
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

fn trade_page(trade: &Trade) -> Html<String> {
    let figures = format!(
        "<p class=\"amount\">{}</p><dl>\
         <div><dt>商品 <span lang=\"en\">Item</span></dt><dd>{}</dd></div>\
         <div><dt>订单号 <span lang=\"en\">Order</span></dt><dd>{}</dd></div></dl>",
        trade.total_fen,
        escape(&trade.subject),
        escape(&trade.out_trade_no),
    );
    let rest = match trade.status {
        Status::WaitBuyerPay => buttons("确认支付", "Pay"),
        Status::TradeSuccess | Status::TradeFinished => closing(trade, "支付成功", "Paid"),
        Status::TradeClosed => closing(trade, "交易已关闭", "The trade is closed"),
    };
    document(&format!("{figures}{rest}"))
}

fn hold_page(hold: &Hold) -> Html<String> {
    let rest = match hold.status {
        HoldStatus::Init => buttons("确认暂押", "Set aside"),
        HoldStatus::Authorized => {
            "<h1>已暂押，充电后按实际扣款<span lang=\"en\">Set aside, charged by use</span></h1>"
                .into()
        }
        HoldStatus::Finish => "<h1>已结算<span lang=\"en\">Settled</span></h1>".to_owned(),
        HoldStatus::Ended | HoldStatus::Closed => {
            "<h1>已解除<span lang=\"en\">Let go</span></h1>".to_owned()
        }
    };
    document(&format!(
        "<p class=\"amount\">{}</p><dl>\
         <div><dt>商品 <span lang=\"en\">Item</span></dt><dd>{}</dd></div>\
         <div><dt>订单号 <span lang=\"en\">Order</span></dt><dd>{}</dd></div></dl>{rest}",
        hold.amount_fen,
        escape(&hold.title),
        escape(&hold.out_order_no),
    ))
}

fn buttons(main: &str, main_english: &str) -> String {
    let button = |action: &str, class: &str, chinese: &str, english: &str| {
        format!(
            "<button name=\"action\" value=\"{action}\" class=\"{class}\">{chinese}\
             <span lang=\"en\">{english}</span></button>"
        )
    };
    format!(
        "<form method=\"post\">{}{}<fieldset><legend>试一试出错的时候\
         <span lang=\"en\">Try what goes wrong</span></legend>{}{}</fieldset></form>",
        button("pay", "main", main, main_english),
        button("cancel", "quiet", "取消", "Cancel"),
        button("pay_late", "", "支付，但通知迟到 30 秒", "Pay, notify 30 s late"),
        button("pay_lost", "", "支付，但通知丢失", "Pay, notify lost: only a query tells"),
    )
}

fn closing(trade: &Trade, chinese: &str, english: &str) -> String {
    let back = if trade.return_url.is_empty() { &trade.quit_url } else { &trade.return_url };
    let link = if back.is_empty() {
        String::new()
    } else {
        format!(
            "<a class=\"main\" href=\"{}\">返回商家<span lang=\"en\">Back to the merchant</span></a>",
            escape(back)
        )
    };
    format!("<h1>{chinese}<span lang=\"en\">{english}</span></h1>{link}")
}

fn document(content: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>模拟收银台 · Simulated cashier</title>\
         <link rel=\"stylesheet\" href=\"/demo/alipay/cashier.css\"></head><body>\
         <header>模拟收银台 <span lang=\"en\">Simulated cashier</span>\
         <small>不会真的扣款 <span lang=\"en\">No real money moves</span></small></header>\
         <main>{content}</main></body></html>"
    ))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
