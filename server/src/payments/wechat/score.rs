//! Pay score: the rider pays afterwards, and `WeChat` vouches up to a limit. To orders it is a hold.
//!
//! Charging a two-wheeler has a form of its own: when the service begins exactly one item, 收费标准,
//! without amount; when it ends exactly two, 收费标准 and 使用时长.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::client::{NOT_EXIST, Wechat, read_as, refused_with, segment};
use super::config::{PayScore, WechatConfig};
use super::sign;
use super::trade::{NotOurs, clean, same_number};
use crate::orders::{
    Answer, CaptureRequest, Checkout, Holds, NewPayment, TradeState, TradeStatus, Unsure,
    VerifiedCapture, VerifiedTrade,
};
use crate::payments::time::to_digits;

/// The names that the form demands.
const PRICE: &str = "收费标准";
const DURATION: &str = "使用时长";
/// What stands beside the first; the price itself, by time and power, is on the order's own page.
const PRICE_WORDS: &str = "以下单页面公示的价格为准";

/// Longest introduction of a service, characters.
const INTRODUCTION_MAX_CHARS: usize = 20;

/// A service order, as answers and callbacks describe it.
#[derive(Deserialize)]
pub(super) struct ServiceOrder {
    appid: String,
    mchid: String,
    service_id: String,
    out_order_no: String,
    #[serde(default)]
    order_id: String,
    #[serde(default)]
    openid: String,
    state: String,
    #[serde(default)]
    total_amount: Option<i64>,
    #[serde(default)]
    risk_fund: Option<RiskFund>,
    #[serde(default)]
    collection: Option<Collection>,
}

#[derive(Deserialize)]
struct RiskFund {
    amount: i64,
}

#[derive(Deserialize)]
struct Collection {
    #[serde(default)]
    details: Vec<CollectionDetail>,
}

#[derive(Deserialize)]
struct CollectionDetail {
    #[serde(default)]
    transaction_id: String,
}

impl ServiceOrder {
    fn check(&self, config: &WechatConfig) -> Result<(), NotOurs> {
        let service = config.pay_score.as_ref().map(|score| score.service_id.as_str());
        let ours = self.mchid == config.mchid
            && config.is_ours(&self.appid)
            && service == Some(self.service_id.as_str());
        if ours { Ok(()) } else { Err(NotOurs::Merchant) }
    }

    /// What the platform says of the hold, once merchant and fields are checked.
    pub(super) fn state(self, config: &WechatConfig, now_ms: i64) -> Result<TradeState, NotOurs> {
        self.check(config)?;
        match self.state.as_str() {
            "CREATED" => return Ok(TradeState::Waiting),
            "DOING" | "DONE" => {}
            "REVOKED" | "EXPIRED" => return Ok(TradeState::Closed),
            _ => return Err(NotOurs::Field("state")),
        }
        let limit = self.risk_fund.map(|fund| fund.amount).filter(|amount| *amount > 0);
        if self.order_id.is_empty() {
            return Err(NotOurs::Field("order_id"));
        }
        let buyer = Some(self.openid).filter(|openid| !openid.is_empty());
        Ok(TradeState::Paid(VerifiedTrade {
            channel: Channel::Wechat,
            payment_id: PaymentId(self.out_order_no),
            trade_no: self.order_id,
            amount_fen: Fen(limit.ok_or(NotOurs::Field("risk_fund"))?),
            // Neither answer nor callback says when the rider agreed.
            paid_ms: now_ms,
            status: TradeStatus::Success,
            buyer_open_id: buyer.map(|openid| config.buyer(&self.appid, &openid)),
            held: true,
        }))
    }

    /// What was taken, when the rider has paid; none while it is not over.
    pub(super) fn captured(
        &self,
        config: &WechatConfig,
    ) -> Result<Option<VerifiedCapture>, NotOurs> {
        self.check(config)?;
        let amount = self.total_amount.filter(|_| self.state == "DONE");
        Ok(amount.map(|amount| VerifiedCapture {
            channel: Channel::Wechat,
            payment_id: PaymentId(self.out_order_no.clone()),
            amount_fen: Fen(amount),
        }))
    }
}

impl Wechat {
    fn score(&self) -> Answer<&PayScore> {
        self.config.pay_score.as_ref().ok_or_else(|| Unsure::Never {
            code: "NOT_OFFERED".to_owned(),
            message: "pay score is not set up".to_owned(),
        })
    }

    /// `POST /v3/payscore/serviceorder`, and what the rider's `WeChat` opens to agree.
    pub(super) async fn open_hold(&self, payment: &NewPayment) -> Answer<Checkout> {
        let score = self.score()?;
        let body = json!({
            "out_order_no": payment.id.as_str(),
            "appid": self.config.appid,
            "service_id": score.service_id,
            "service_introduction": clean(&payment.subject, INTRODUCTION_MAX_CHARS),
            "post_payments": [{ "name": PRICE, "description": PRICE_WORDS }],
            "time_range": { "start_time": "OnAccept" },
            "risk_fund": { "name": "ESTIMATE_ORDER_COST", "amount": payment.amount_fen.0 },
            "device": { "start_device_id": payment.id.as_str() },
            "attach": payment.id.as_str(),
            "notify_url": self.config.notify_url,
            "need_user_confirm": true,
        });
        let answer = self.post("/v3/payscore/serviceorder", &body).await?;
        let package = answer["package"].as_str().filter(|package| !package.is_empty());
        let package = package.ok_or_else(|| Unsure::Unknown("no package".to_owned()))?;
        Ok(Checkout::ScoreView(self.score_view(score, package)))
    }

    /// The `queryString` of `openBusinessView`, good for five minutes.
    fn score_view(&self, score: &PayScore, package: &str) -> String {
        let timestamp = (self.clock.now_ms() / 1_000).to_string();
        let nonce = sign::nonce();
        let pairs = [
            ("mch_id", self.config.mchid.as_str()),
            ("nonce_str", &nonce),
            ("package", package),
            ("sign_type", "HMAC-SHA256"),
            ("timestamp", &timestamp),
        ];
        let signature = sign::score_sign(&pairs, &score.api_v2_key);
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .append_pair("sign", &signature)
            .finish()
    }

    async fn service_order(&self, payment: &PaymentId) -> Answer<Option<ServiceOrder>> {
        let Ok(score) = self.score() else { return Ok(None) };
        let target = format!(
            "/v3/payscore/serviceorder?service_id={}&out_order_no={}&appid={}",
            segment(&score.service_id),
            segment(payment.as_str()),
            segment(&self.config.appid)
        );
        let order: ServiceOrder = match self.get(&target).await {
            Err(unsure) if refused_with(&unsure, &NOT_EXIST) => return Ok(None),
            answer => read_as(answer?)?,
        };
        same_number(payment, &order.out_order_no)?;
        Ok(Some(order))
    }

    /// What the platform knows of a hold.
    pub(super) async fn query_hold(&self, payment: &PaymentId) -> Answer<TradeState> {
        let Some(order) = self.service_order(payment).await? else {
            return Ok(TradeState::Unknown);
        };
        order
            .state(&self.config, self.clock.now_ms())
            .map_err(|not_ours| Unsure::Unknown(not_ours.to_string()))
    }

    /// Cancels a hold that the rider has not agreed to. `Ok` also when there is none.
    pub(super) async fn close_hold(&self, payment: &PaymentId) -> Answer<()> {
        match self.query_hold(payment).await? {
            TradeState::Unknown | TradeState::Closed => Ok(()),
            TradeState::Waiting => self.cancel(payment).await,
            TradeState::Paid(_) => Err(Unsure::No {
                code: "INVALID_ORDER_STATE".to_owned(),
                message: "the rider has agreed".to_owned(),
            }),
        }
    }

    async fn cancel(&self, payment: &PaymentId) -> Answer<()> {
        let score = self.score()?;
        let body = json!({
            "appid": self.config.appid,
            "service_id": score.service_id,
            "reason": "未使用",
        });
        self.post_to(payment, "cancel", &body).await.map(|_| ())
    }

    async fn post_to(&self, payment: &PaymentId, deed: &str, body: &Value) -> Answer<Value> {
        let number = segment(payment.as_str());
        self.post(&format!("/v3/payscore/serviceorder/{number}/{deed}"), body).await
    }

    /// `…/complete`: the platform then takes the bill by itself, and says so when it has.
    async fn complete(&self, capture: &CaptureRequest) -> Answer<()> {
        let score = self.score()?;
        let body = json!({
            "appid": self.config.appid,
            "service_id": score.service_id,
            "post_payments": [
                { "name": PRICE, "description": PRICE_WORDS, "amount": capture.amount_fen.0 },
                { "name": DURATION, "description": duration(capture.duration_ms) },
            ],
            "total_amount": capture.amount_fen.0,
            "time_range": { "end_time": to_digits(self.clock.now_ms()) },
            "profit_sharing": self.config.profit_sharing && capture.will_split,
        });
        self.post_to(&capture.payment_id, "complete", &body).await?;
        if self.is_captured(capture).await? {
            return Ok(());
        }
        Err(Unsure::Unknown("the rider has not paid yet".to_owned()))
    }

    async fn is_captured(&self, capture: &CaptureRequest) -> Answer<bool> {
        let Some(order) = self.service_order(&capture.payment_id).await? else {
            return Ok(false);
        };
        let unknown = |why: String| Unsure::Unknown(why);
        if capture.amount_fen == Fen::ZERO {
            order.check(&self.config).map_err(|error| unknown(error.to_string()))?;
            return Ok(matches!(order.state.as_str(), "REVOKED" | "EXPIRED"));
        }
        let taken = order.captured(&self.config).map_err(|error| unknown(error.to_string()))?;
        match taken {
            None => Ok(false),
            Some(taken) if taken.amount_fen == capture.amount_fen => Ok(true),
            Some(taken) => Err(unknown(format!("{} was taken", taken.amount_fen))),
        }
    }

    /// The platform's number of the trade by which a hold was paid; none if there is none yet.
    pub(super) async fn captured_trade_no(&self, payment: &PaymentId) -> Answer<Option<String>> {
        let order = self.service_order(payment).await?;
        let details = order.and_then(|order| order.collection).map(|paid| paid.details);
        let numbers = details.unwrap_or_default().into_iter().map(|detail| detail.transaction_id);
        Ok(numbers.into_iter().find(|number| !number.is_empty()))
    }
}

/// `1小时38分20秒`.
fn duration(duration_ms: i64) -> String {
    let seconds = (duration_ms / 1_000).max(0);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}秒"),
        (0, _) => format!("{minutes}分{seconds}秒"),
        _ => format!("{hours}小时{minutes}分{seconds}秒"),
    }
}

impl Holds for Wechat {
    fn capture<'a>(&'a self, capture: &'a CaptureRequest) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            if capture.amount_fen == Fen::ZERO {
                return self.cancel(&capture.payment_id).await;
            }
            self.complete(capture).await
        })
    }

    fn captured<'a>(&'a self, capture: &'a CaptureRequest) -> BoxFuture<'a, Answer<bool>> {
        Box::pin(self.is_captured(capture))
    }
}
