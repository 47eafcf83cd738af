//! What Alipay tells us: `POST /notify/alipay`, a signed form, sent again until the answer is
//! exactly `success`.
//!
//! Nothing is believed before the signature, the app, the seller and the amount are checked.
//! What is refused changes nothing and is answered `failure`, so that Alipay tells again: an
//! order may be committed a moment later, and a wrong amount stays visible until somebody looks.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::post;
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::NOTIFY_PATH;
use super::config::AlipayConfig;
use super::sign::{self, Params};
use super::time::from_beijing;
use crate::clock::Clock;
use crate::crash;
use crate::orders::{OrderError, TradeStatus, VerifiedTrade};
use crate::payments::TradeListener;
use crate::store::Store;
use crate::store::notifies::NotifyRecord;

/// Longest notify we read.
const BODY_MAX_BYTES: usize = 64 * 1024;

/// Longest number or id we take from a notify; Alipay's are at most 64 and 128 characters.
const ID_MAX_CHARS: usize = 128;

/// All that the endpoint needs. Cheap to clone.
#[derive(Clone)]
pub struct Notifies {
    /// The app that notifies must be for.
    pub config: Arc<AlipayConfig>,
    /// Who is told: [`Orders`].
    pub listener: Arc<dyn TradeListener>,
    /// Where verified notifies are kept.
    pub store: Store,
    /// The time.
    pub clock: Clock,
}

/// A notify whose signature, app and seller are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// The same on every delivery.
    pub notify_id: String,
    /// What it says of the trade.
    pub trade: VerifiedTrade,
    /// Whether it reports a refund. The trade was paid before; this is no new payment.
    pub is_refund: bool,
}

/// Why a notify is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a form in UTF-8 with each name once.
    #[error("malformed: {0}")]
    Malformed(String),
    /// Not signed by Alipay.
    #[error("wrong signature")]
    Signature,
    /// For another app.
    #[error("for app {0}")]
    App(String),
    /// For another seller.
    #[error("for seller {0}")]
    Seller(String),
    /// A field is missing or cannot be read.
    #[error("field {0}")]
    Field(&'static str),
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
    body: Result<Bytes, BytesRejection>,
) -> &'static str {
    let outcome = match body {
        Ok(body) => notifies.take(&body).await,
        Err(_) => "too_long",
    };
    metrics::counter!("alipay_notifies_total", "outcome" => outcome).increment(1);
    if outcome == TAKEN { "success" } else { "failure" }
}

/// The one outcome that is answered `success`.
const TAKEN: &str = "taken";

impl Notifies {
    /// Verifies, tells the listener, keeps the notify; the outcome's name for the counter.
    async fn take(&self, body: &[u8]) -> &'static str {
        let notify = match read(body, &self.config, self.clock.now_ms()) {
            Ok(notify) => notify,
            Err(refused) => {
                tracing::warn!(%refused, "alipay notify refused");
                return refused.name();
            }
        };
        crash::point("verified", "notify");
        let outcome = self.tell(&notify).await;
        crash::point("told", "notify");
        match self.keep(&notify, body, outcome).await {
            Ok(()) => outcome,
            Err(error) => {
                tracing::error!(%error, payment = %notify.trade.payment_id, "alipay notify not kept");
                "store"
            }
        }
    }

    async fn tell(&self, notify: &Notify) -> &'static str {
        let trade = &notify.trade;
        if notify.is_refund {
            return TAKEN;
        }
        let Err(error) = self.listener.trade_changed(trade).await else {
            return TAKEN;
        };
        tracing::warn!(%error, payment = %trade.payment_id, trade_no = trade.trade_no,
            "alipay notify changed nothing");
        match error {
            OrderError::WrongAmount { .. } => "wrong_amount",
            OrderError::NoSuchPayment | OrderError::NoSuchOrder => "unknown_payment",
            OrderError::Store(_) => "store",
            _ => "rejected",
        }
    }

    async fn keep(
        &self,
        notify: &Notify,
        body: &[u8],
        outcome: &str,
    ) -> Result<(), crate::store::StoreError> {
        let record = NotifyRecord {
            channel: "alipay",
            notify_id: &notify.notify_id,
            payment_id: notify.trade.payment_id.as_str(),
            body: &String::from_utf8_lossy(body),
            outcome,
            received_ms: self.clock.now_ms(),
        };
        self.store.record_notify(&record, TAKEN).await
    }
}

impl Refused {
    /// For the counter.
    fn name(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Signature => "wrong_signature",
            Self::App(_) => "wrong_app",
            Self::Seller(_) => "wrong_seller",
            Self::Field(_) => "bad_field",
        }
    }
}

/// Verifies and reads a notify's body.
///
/// # Errors
/// Says why it is refused.
pub fn read(body: &[u8], config: &AlipayConfig, now_ms: i64) -> Result<Notify, Refused> {
    let text = str::from_utf8(body).map_err(|_| Refused::Malformed("not UTF-8".to_owned()))?;
    let params = sign::decode(text).map_err(|repeated| Refused::Malformed(repeated.to_string()))?;
    if !sign::notify_is_signed(&params, &config.keys()) {
        return Err(Refused::Signature);
    }
    let app_id = field(&params, "app_id")?;
    if app_id != config.app_id {
        return Err(Refused::App(app_id.to_owned()));
    }
    let notify_id = field(&params, "notify_id")?.to_owned();
    let kind = params.get("notify_type").map_or("", String::as_str);
    if matches!(kind, "fund_auth_freeze" | "fund_auth_unfreeze") {
        let trade = read_hold(&params, config, now_ms)?;
        return Ok(Notify { notify_id, trade, is_refund: false });
    }
    let seller_id = field(&params, "seller_id")?;
    if seller_id != config.seller_id {
        return Err(Refused::Seller(seller_id.to_owned()));
    }
    let trade = read_trade(&params, now_ms)?;
    let is_refund = ["refund_fee", "gmt_refund", "out_biz_no"]
        .iter()
        .any(|name| params.get(*name).is_some_and(|value| !value.is_empty()));
    Ok(Notify { notify_id, trade, is_refund })
}

fn read_trade(params: &Params, now_ms: i64) -> Result<VerifiedTrade, Refused> {
    let time = |name| params.get(name).and_then(|text| from_beijing(text));
    let total_amount = field(params, "total_amount")?;
    let trade_status = field(params, "trade_status")?;
    let buyer = params.get("buyer_open_id").or_else(|| params.get("buyer_id"));
    Ok(VerifiedTrade {
        channel: Channel::Alipay,
        payment_id: PaymentId::from(field(params, "out_trade_no")?),
        trade_no: field(params, "trade_no")?.to_owned(),
        amount_fen: Fen::from_yuan(total_amount).ok_or(Refused::Field("total_amount"))?,
        paid_ms: time("gmt_payment").or_else(|| time("notify_time")).unwrap_or(now_ms),
        status: TradeStatus::from_alipay(trade_status).ok_or(Refused::Field("trade_status"))?,
        buyer_open_id: buyer.filter(|id| !id.is_empty()).cloned(),
        held: false,
    })
}

/// What a notify says of a hold: set aside, or let go, wholly or in part. It names no seller; the
/// payee, if it names one, must be us.
fn read_hold(
    params: &Params,
    config: &AlipayConfig,
    now_ms: i64,
) -> Result<VerifiedTrade, Refused> {
    let payee = params.get("payee_user_id").filter(|payee| !payee.is_empty());
    if let Some(payee) = payee.filter(|payee| **payee != config.seller_id) {
        return Err(Refused::Seller(payee.chars().take(ID_MAX_CHARS).collect()));
    }
    let amount = |name| Fen::from_yuan(field(params, name)?).ok_or(Refused::Field(name));
    let succeeded = field(params, "status")? == "SUCCESS";
    let (amount_fen, status) = match field(params, "operation_type")? {
        "FREEZE" if succeeded => (amount("amount")?, TradeStatus::Success),
        "FREEZE" => (amount("amount")?, TradeStatus::Waiting),
        "UNFREEZE" if amount("rest_amount")? == Fen::ZERO => {
            (amount("total_freeze_amount")?, TradeStatus::Closed)
        }
        "UNFREEZE" => (amount("total_freeze_amount")?, TradeStatus::Success),
        _ => return Err(Refused::Field("operation_type")),
    };
    let buyer = params.get("payer_open_id").or_else(|| params.get("payer_user_id"));
    Ok(VerifiedTrade {
        channel: Channel::Alipay,
        payment_id: PaymentId::from(field(params, "out_order_no")?),
        trade_no: field(params, "auth_no")?.to_owned(),
        amount_fen,
        paid_ms: params.get("gmt_trans").and_then(|text| from_beijing(text)).unwrap_or(now_ms),
        status,
        buyer_open_id: buyer.filter(|id| !id.is_empty()).cloned(),
        held: true,
    })
}

fn field<'a>(params: &'a Params, name: &'static str) -> Result<&'a str, Refused> {
    params
        .get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty() && value.len() <= ID_MAX_CHARS)
        .ok_or(Refused::Field(name))
}

#[cfg(test)]
#[path = "notify_tests.rs"]
mod tests;
