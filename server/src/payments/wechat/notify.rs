//! What `WeChat` Pay tells us: `POST /notify/wechat`, signed, its content sealed, sent again until it
//! is answered 2xx.
//!
//! Nothing is believed before the signature over the raw body, its age, the seal, the merchant and
//! the amount are checked. What is refused changes nothing and is answered `FAIL`, so that `WeChat`
//! Pay tells again: an order may be committed a moment later, and a wrong amount stays visible until
//! somebody looks.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::NOTIFY_PATH;
use super::client::Wechat;
use super::config::WechatConfig;
use super::refund::Refund;
use super::score::ServiceOrder;
use super::seal::Sealed;
use super::sign::SignatureError;
use super::trade::{NotOurs, Trade};
use crate::crash;
use crate::orders::{OrderError, TradeState, VerifiedCapture, VerifiedRefund, VerifiedTrade};
use crate::payments::TradeListener;
use crate::store::notifies::NotifyRecord;
use crate::store::{Store, StoreError};

/// Longest callback we read.
const BODY_MAX_BYTES: usize = 64 * 1024;

/// Longest number or id we take from a callback, characters.
const ID_MAX_CHARS: usize = 128;

/// All that the endpoint needs. Cheap to clone.
#[derive(Clone)]
pub struct Notifies {
    /// The adapter, whose keys verify callbacks.
    pub wechat: Wechat,
    /// Who is told: [`crate::orders::Orders`].
    pub listener: Arc<dyn TradeListener>,
    /// Where verified callbacks are kept.
    pub store: Store,
}

/// A callback whose signature, seal and merchant are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// The same on every delivery.
    pub id: String,
    /// What it reports.
    pub news: News,
}

/// What a callback reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A trade was paid, or a rider agreed to pay score.
    Trade(VerifiedTrade),
    /// A refund ended.
    Refund(VerifiedRefund),
    /// Pay score took the bill.
    Captured(VerifiedCapture),
    /// Something that changes nothing here.
    Other(String),
}

/// Why a callback is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The signature is not believed.
    #[error("{0}")]
    Signature(#[from] SignatureError),
    /// Not JSON of the right shape.
    #[error("malformed")]
    Malformed,
    /// The content was not sealed with our key.
    #[error("the seal does not open")]
    Seal,
    /// For another merchant, app or service.
    #[error("for another merchant or app")]
    Merchant,
    /// A field is missing or cannot be read.
    #[error("field {0}")]
    Field(&'static str),
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    event_type: String,
    resource: Resource,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(default)]
    original_type: String,
    #[serde(flatten)]
    sealed: Sealed,
}

/// The endpoint.
pub fn router(notifies: Notifies) -> Router {
    Router::new()
        .route(NOTIFY_PATH, post(receive))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .with_state(notifies)
}

async fn receive(
    State(notifies): State<Notifies>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let outcome = match body {
        Ok(body) => notifies.take(&headers, &body).await,
        Err(_) => "too_long",
    };
    metrics::counter!("wechat_notifies_total", "outcome" => outcome).increment(1);
    answer(outcome)
}

fn answer(outcome: &'static str) -> Response {
    let status = match outcome {
        TAKEN => return StatusCode::NO_CONTENT.into_response(),
        "wrong_signature" | "old" | "unknown_serial" | "probe" => StatusCode::UNAUTHORIZED,
        "store" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    (status, Json(json!({ "code": "FAIL", "message": outcome }))).into_response()
}

/// The one outcome that is answered 204.
const TAKEN: &str = "taken";

impl Notifies {
    /// Verifies, tells the listener, keeps the callback; the outcome's name for the counter.
    async fn take(&self, headers: &HeaderMap, body: &[u8]) -> &'static str {
        let notify = match self.read(headers, body).await {
            Ok(notify) => notify,
            Err(refused) => {
                tracing::warn!(%refused, "wechat callback refused");
                return refused.name();
            }
        };
        crash::point("verified", "notify");
        let outcome = self.tell(&notify).await;
        crash::point("told", "notify");
        match self.keep(&notify, body, outcome).await {
            Ok(()) => outcome,
            Err(error) => {
                tracing::error!(%error, payment = notify.payment(), "wechat callback not kept");
                "store"
            }
        }
    }

    /// Verifies and reads a callback.
    ///
    /// # Errors
    /// Says why it is refused.
    pub async fn read(&self, headers: &HeaderMap, body: &[u8]) -> Result<Notify, Refused> {
        self.wechat.verify(headers, body).await?;
        open(body, self.wechat.config(), self.wechat.clock.now_ms())
    }

    async fn tell(&self, notify: &Notify) -> &'static str {
        let told = match &notify.news {
            News::Trade(trade) => self.listener.trade_changed(trade).await,
            News::Refund(refund) => self.listener.refund_ended(refund).await,
            News::Captured(capture) => self.listener.hold_captured(capture).await,
            News::Other(kind) => {
                tracing::info!(kind, "wechat callback changes nothing here");
                Ok(())
            }
        };
        let Err(error) = told else { return TAKEN };
        tracing::warn!(%error, payment = notify.payment(), "wechat callback changed nothing");
        match error {
            OrderError::WrongAmount { .. } => "wrong_amount",
            OrderError::NoSuchPayment | OrderError::NoSuchOrder => "unknown_payment",
            OrderError::NoSuchRefund => "unknown_refund",
            OrderError::Store(_) => "store",
            _ => "rejected",
        }
    }

    async fn keep(&self, notify: &Notify, body: &[u8], outcome: &str) -> Result<(), StoreError> {
        let record = NotifyRecord {
            channel: "wechat",
            notify_id: &notify.id,
            payment_id: notify.payment(),
            body: &String::from_utf8_lossy(body),
            outcome,
            received_ms: self.wechat.clock.now_ms(),
        };
        self.store.record_notify(&record, TAKEN).await
    }
}

impl Notify {
    fn payment(&self) -> &str {
        match &self.news {
            News::Trade(trade) => trade.payment_id.as_str(),
            News::Refund(refund) => refund.payment_id.as_str(),
            News::Captured(capture) => capture.payment_id.as_str(),
            News::Other(_) => "",
        }
    }
}

impl Refused {
    /// For the counter and the answer.
    fn name(&self) -> &'static str {
        match self {
            Self::Signature(SignatureError::Probe) => "probe",
            Self::Signature(SignatureError::Age(_)) => "old",
            Self::Signature(SignatureError::Serial) => "unknown_serial",
            Self::Signature(_) => "wrong_signature",
            Self::Malformed => "malformed",
            Self::Seal => "wrong_seal",
            Self::Merchant => "wrong_merchant",
            Self::Field(_) => "bad_field",
        }
    }
}

impl From<NotOurs> for Refused {
    fn from(not_ours: NotOurs) -> Self {
        match not_ours {
            NotOurs::Merchant => Self::Merchant,
            NotOurs::Field(name) => Self::Field(name),
        }
    }
}

/// Opens and reads a body whose signature is right.
fn open(body: &[u8], config: &WechatConfig, now_ms: i64) -> Result<Notify, Refused> {
    let envelope: Envelope = serde_json::from_slice(body).map_err(|_| Refused::Malformed)?;
    if envelope.id.is_empty() || envelope.id.len() > ID_MAX_CHARS {
        return Err(Refused::Field("id"));
    }
    let text = config.seal_key.open(&envelope.resource.sealed).map_err(|_| Refused::Seal)?;
    let news = match (envelope.event_type.as_str(), envelope.resource.original_type.as_str()) {
        // Profit sharing reports under the same name.
        ("TRANSACTION.SUCCESS", "transaction" | "") => {
            paid(read_as::<Trade>(&text)?.state(config, now_ms)?)?
        }
        ("REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED", _) => refund(&text, config)?,
        ("PAYSCORE.USER_CONFIRM", _) => {
            paid(read_as::<ServiceOrder>(&text)?.state(config, now_ms)?)?
        }
        ("PAYSCORE.USER_PAID", _) => {
            let captured = read_as::<ServiceOrder>(&text)?.captured(config)?;
            News::Captured(captured.ok_or(Refused::Field("state"))?)
        }
        (other, _) => News::Other(other.chars().take(ID_MAX_CHARS).collect()),
    };
    let notify = Notify { id: envelope.id, news };
    let payment = notify.payment();
    if payment.len() > ID_MAX_CHARS {
        return Err(Refused::Field("out_trade_no"));
    }
    Ok(notify)
}

fn read_as<T: for<'de> Deserialize<'de>>(text: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(text).map_err(|_| Refused::Malformed)
}

/// A callback of success that tells of another state contradicts itself.
fn paid(state: TradeState) -> Result<News, Refused> {
    match state {
        TradeState::Paid(trade) => Ok(News::Trade(trade)),
        _ => Err(Refused::Field("trade_state")),
    }
}

fn refund(text: &[u8], config: &WechatConfig) -> Result<News, Refused> {
    let refund: Refund = read_as(text)?;
    if refund.mchid.as_deref() != Some(&config.mchid) {
        return Err(Refused::Merchant);
    }
    Ok(News::Refund(refund.ended().ok_or(Refused::Field("refund_status"))?))
}

#[cfg(test)]
#[path = "notify_tests.rs"]
mod tests;
