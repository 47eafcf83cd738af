//! `gateway.do`: verifies what the merchant sends, lets the rules decide, signs the answer.

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::cashier;
use super::faults::AnswerFault;
use super::platform::{APP_ID, Platform};
use super::rules::Refusal;
use crate::payments::alipay::sign::{self, Params};
use crate::payments::alipay::time::from_beijing;
use crate::store::StoreError;

/// Where the gateway answers.
pub(super) const PATH: &str = "/demo/alipay/gateway.do";

/// The page product.
const WAP_PAY: &str = "alipay.trade.wap.pay";

const BODY_MAX_BYTES: usize = 64 * 1024;

/// A request's time may be this far from ours. Wide, because some libraries write their host's
/// local time where Beijing's is due.
const TIMESTAMP_TOLERANCE_MS: i64 = 24 * 60 * 60 * 1000;

/// What a careless merchant would take for a no.
const UNSIGNED_ERROR: &str = r#"{"error_response":{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_NOT_EXIST"}}"#;

pub(super) fn router(platform: Platform) -> Router {
    Router::new()
        .route(PATH, get(receive).post(receive))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .with_state(platform)
}

/// What can go wrong inside: a refusal that is answered, or a database that is away.
pub(super) enum Failure {
    /// Answered, signed.
    Refused(Refusal),
    /// Answered `20000`.
    Store(StoreError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Calls and pages come by GET as well as by POST: libraries do either.
async fn receive(
    State(platform): State<Platform>,
    RawQuery(query): RawQuery,
    body: String,
) -> Response {
    let joined = format!("{}&{body}", query.unwrap_or_default());
    let Ok(params) = sign::decode(joined.trim_matches('&')) else {
        let refusal = Refusal::invalid("isv.invalid-parameter");
        return platform.answer("", &refusal.into_node()).await;
    };
    match params.get("method").map_or("", String::as_str) {
        WAP_PAY => page(&platform, &params).await,
        method => call(&platform, &params, method).await,
    }
}

/// A call from server to server.
async fn call(platform: &Platform, params: &Params, method: &str) -> Response {
    let node = match platform.carry_out(params).await {
        Ok(node) => node,
        Err(Failure::Refused(refusal)) => refusal.into_node(),
        Err(Failure::Store(error)) => {
            tracing::error!(%error, method, "simulated alipay");
            json!({"code": "20000", "msg": "Service Currently Unavailable",
                   "sub_code": "aop.unknow-error", "sub_msg": "系统繁忙"})
        }
    };
    platform.answer(method, &node).await
}

/// The page product, opened by the rider's browser.
async fn page(platform: &Platform, params: &Params) -> Response {
    match platform.open_page(params).await {
        Ok(trade_no) => Redirect::to(&cashier::path(&trade_no)).into_response(),
        Err(Failure::Refused(refusal)) => cashier::refused(&refusal),
        Err(Failure::Store(error)) => {
            tracing::error!(%error, "simulated alipay");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

impl Platform {
    async fn carry_out(&self, params: &Params) -> Result<Value, Failure> {
        let method = self.authenticate(params)?;
        if method == "alipay.system.oauth.token" {
            return self.token(params).await;
        }
        let business = business(params)?;
        match method {
            "alipay.trade.create" => self.create(params, &business).await,
            "alipay.trade.precreate" => self.precreate(params, &business).await,
            "alipay.trade.query" => self.query(&business).await,
            "alipay.trade.close" => self.close(&business).await,
            "alipay.trade.refund" => self.refund(&business).await,
            "alipay.trade.fastpay.refund.query" => self.query_refund(&business).await,
            "alipay.trade.pay" => self.pay_of_hold(params, &business).await,
            "alipay.fund.auth.operation.detail.query" => self.query_operation(&business).await,
            "alipay.fund.auth.operation.cancel" => self.cancel_operation(&business).await,
            "alipay.fund.auth.order.unfreeze" => self.unfreeze(&business).await,
            "alipay.trade.royalty.relation.bind" => self.bind_receivers(&business).await,
            "alipay.trade.royalty.rate.query" => Ok(Self::max_ratio()),
            "alipay.trade.order.settle" => self.settle(&business).await,
            "alipay.trade.order.settle.query" => self.query_settle(&business).await,
            "alipay.trade.order.onsettle.query" => self.query_unsettled(&business).await,
            "alipay.data.dataservice.bill.downloadurl.query" => self.bill_address(&business).await,
            "alipay.open.app.alipaycert.download" => self.give_certificate(&business),
            _ => Err(Refusal::invalid("isv.invalid-method").into()),
        }
    }

    async fn open_page(&self, params: &Params) -> Result<String, Failure> {
        self.authenticate(params)?;
        self.open_wap(params, &business(params)?).await
    }

    /// Checks everything that is the same for all methods; the method.
    pub(super) fn authenticate<'a>(&self, params: &'a Params) -> Result<&'a str, Refusal> {
        let get = |name: &str| params.get(name).map_or("", String::as_str);
        let method = params.get("method").ok_or(Refusal::missing("isv.missing-method"))?;
        let now_ms = self.now_ms();
        let on_time = from_beijing(get("timestamp"))
            .is_some_and(|at_ms| at_ms.abs_diff(now_ms) <= TIMESTAMP_TOLERANCE_MS.unsigned_abs());
        let checks = [
            (get("app_id") == APP_ID, "isv.invalid-app-id"),
            (get("version") == "1.0", "isv.invalid-version"),
            (matches!(get("format"), "" | "JSON" | "json"), "isv.invalid-format"),
            (get("charset").eq_ignore_ascii_case("utf-8"), "isv.invalid-charset"),
            (get("sign_type") == sign::SIGN_TYPE, "isv.invalid-signature-type"),
            (on_time, "isv.invalid-timestamp"),
            (self.names_certificates(params), "isv.invalid-app-cert-sn"),
            (sign::request_is_signed(params, &self.inner.merchant), "isv.invalid-signature"),
        ];
        match checks.iter().find(|(passed, _)| !passed) {
            Some((_, sub_code)) => Err(Refusal::invalid(sub_code)),
            None => Ok(method),
        }
    }

    /// Signs a node and sends it, or does to it what the faults say.
    async fn answer(&self, method: &str, node: &Value) -> Response {
        let name = match method {
            "" => "error_response".to_owned(),
            // As in the real one, a login that fails has the old error node.
            "alipay.system.oauth.token" if node.get("code").is_some() => {
                "error_response".to_owned()
            }
            method => format!("{}_response", method.replace('.', "_")),
        };
        // The real gateway escapes slashes, and signs what it sends.
        let node = node.to_string().replace('/', "\\/");
        let fault = self.faults().answer;
        let (key, cert_sn) = self.signing();
        let forged = fault == AnswerFault::Forged;
        let key = if forged { self.inner.strange_key.clone() } else { key };
        let cert_sn = cert_sn.map_or(String::new(), |sn| format!("\"alipay_cert_sn\":\"{sn}\","));
        let mut body = format!("{{\"{name}\":{node},{cert_sn}\"sign\":\"{}\"}}", key.sign(&node));
        match fault {
            AnswerFault::None | AnswerFault::Forged => {}
            AnswerFault::Silence => std::future::pending().await,
            AnswerFault::ServerError => return StatusCode::BAD_GATEWAY.into_response(),
            AnswerFault::Truncated => body.truncate(name.len() + 10),
            AnswerFault::UnsignedError => {
                UNSIGNED_ERROR.clone_into(&mut body);
            }
        }
        ([(header::CONTENT_TYPE, "text/html;charset=utf-8")], body).into_response()
    }
}

pub(super) fn business(params: &Params) -> Result<Value, Refusal> {
    let text = params.get("biz_content").ok_or(Refusal::missing("isv.missing-biz-content"))?;
    serde_json::from_str::<Value>(text)
        .ok()
        .filter(Value::is_object)
        .ok_or(Refusal::invalid("isv.invalid-parameter"))
}
