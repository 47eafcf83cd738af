//! Trades: open, query, close. Paid means `SUCCESS`, or `REFUND`, which was paid once.

use std::net::IpAddr;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::client::{NOT_EXIST, Wechat, read_as, refused_with, segment};
use super::config::WechatConfig;
use super::sign;
use crate::orders::{
    Answer, Checkout, NewPayment, Payments, Product, RefundRequest, TradeState, TradeStatus,
    Unsure, VerifiedTrade,
};
use crate::payments::time::{from_rfc3339, to_rfc3339};

/// Longest description, characters.
const DESCRIPTION_MAX_CHARS: usize = 127;

/// The only currency.
const CURRENCY: &str = "CNY";

/// The trade is paid.
const PAID: [&str; 2] = ["ORDER_PAID", "ORDERPAID"];
/// The trade is closed.
const CLOSED: [&str; 2] = ["ORDER_CLOSED", "ORDERCLOSED"];

/// A trade, as a query and a callback describe it.
#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the platform's own names")]
pub(super) struct Trade {
    appid: String,
    mchid: String,
    out_trade_no: String,
    #[serde(default)]
    transaction_id: String,
    trade_state: String,
    #[serde(default)]
    success_time: Option<String>,
    #[serde(default)]
    payer: Option<Payer>,
    #[serde(default)]
    amount: Option<Amount>,
}

#[derive(Deserialize)]
struct Payer {
    #[serde(default)]
    openid: String,
}

#[derive(Deserialize)]
struct Amount {
    total: i64,
    #[serde(default)]
    currency: String,
}

/// Why a trade is not taken as one of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotOurs {
    /// Another merchant's or another app's.
    #[error("for another merchant or app")]
    Merchant,
    /// A field is missing or cannot be read.
    #[error("field {0}")]
    Field(&'static str),
}

impl Trade {
    /// What the platform says of the trade, once its merchant and fields are checked.
    pub(super) fn state(self, config: &WechatConfig, now_ms: i64) -> Result<TradeState, NotOurs> {
        if self.mchid != config.mchid || !config.is_ours(&self.appid) {
            return Err(NotOurs::Merchant);
        }
        match self.trade_state.as_str() {
            "SUCCESS" | "REFUND" => {}
            // A failed try of a pay-code leaves the trade open as well.
            "NOTPAY" | "USERPAYING" | "PAYERROR" | "ACCEPT" => return Ok(TradeState::Waiting),
            "CLOSED" | "REVOKED" => return Ok(TradeState::Closed),
            _ => return Err(NotOurs::Field("trade_state")),
        }
        let amount = self.amount.ok_or(NotOurs::Field("amount"))?;
        let yuan = amount.currency.is_empty() || amount.currency == CURRENCY;
        if !yuan || amount.total <= 0 {
            return Err(NotOurs::Field("amount"));
        }
        if self.transaction_id.is_empty() || self.out_trade_no.is_empty() {
            return Err(NotOurs::Field("transaction_id"));
        }
        let buyer = self.payer.map(|payer| payer.openid).filter(|openid| !openid.is_empty());
        Ok(TradeState::Paid(VerifiedTrade {
            channel: Channel::Wechat,
            payment_id: PaymentId(self.out_trade_no),
            trade_no: self.transaction_id,
            amount_fen: Fen(amount.total),
            paid_ms: self.success_time.as_deref().and_then(from_rfc3339).unwrap_or(now_ms),
            status: TradeStatus::Success,
            buyer_open_id: buyer.map(|openid| config.buyer(&self.appid, &openid)),
            held: false,
        }))
    }
}

impl Wechat {
    /// `/v3/pay/transactions/jsapi`: a trade for one buyer inside `WeChat`, official account and
    /// mini-program alike.
    async fn open_in_app(&self, payment: &NewPayment, buyer: &str) -> Answer<Checkout> {
        let (appid, openid) = self.config.app_and_openid(buyer);
        let mut body = self.core(payment);
        body["appid"] = json!(appid);
        body["payer"] = json!({ "openid": openid });
        let prepay_id = self.prepay("jsapi", &body, "prepay_id").await?;
        Ok(Checkout::Bridge(self.cashier(appid, &prepay_id)))
    }

    /// `/v3/pay/transactions/h5`: an address for a phone's browser, good for five minutes.
    async fn open_in_browser(&self, payment: &NewPayment, client_ip: IpAddr) -> Answer<Checkout> {
        let mut body = self.core(payment);
        body["scene_info"] = json!({
            "payer_client_ip": client_ip.to_string(),
            "h5_info": { "type": "Wap" },
        });
        let address = self.prepay("h5", &body, "h5_url").await?;
        let mut address =
            Url::parse(&address).map_err(|error| Unsure::Unknown(format!("h5_url: {error}")))?;
        if !matches!(address.scheme(), "https" | "http") {
            return Err(Unsure::Unknown("h5_url: not a web address".to_owned()));
        }
        address.query_pairs_mut().append_pair("redirect_url", &payment.return_url);
        Ok(Checkout::Redirect(address.into()))
    }

    /// `/v3/pay/transactions/native`: a code for another screen.
    async fn open_as_code(&self, payment: &NewPayment) -> Answer<Checkout> {
        Ok(Checkout::Code(self.prepay("native", &self.core(payment), "code_url").await?))
    }

    async fn prepay(&self, product: &str, body: &Value, field: &str) -> Answer<String> {
        let answer = match self.post(&format!("/v3/pay/transactions/{product}"), body).await {
            // Asked again after it was paid: a query tells, this answer does not.
            Err(unsure) if refused_with(&unsure, &PAID) => {
                return Err(Unsure::Unknown(unsure.to_string()));
            }
            answer => answer?,
        };
        let text = answer[field].as_str().filter(|text| !text.is_empty());
        text.map(ToOwned::to_owned).ok_or_else(|| Unsure::Unknown(format!("no {field}")))
    }

    /// What all products have in common.
    fn core(&self, payment: &NewPayment) -> Value {
        let mut body = json!({
            "appid": self.config.appid,
            "mchid": self.config.mchid,
            "description": clean(&payment.subject, DESCRIPTION_MAX_CHARS),
            "out_trade_no": payment.id.as_str(),
            "time_expire": to_rfc3339(payment.expires_ms),
            "notify_url": self.config.notify_url,
            "amount": { "total": payment.amount_fen.0, "currency": CURRENCY },
        });
        if self.config.profit_sharing && payment.will_split {
            body["settle_info"] = json!({ "profit_sharing": true });
        }
        body
    }

    /// What `getBrandWCPayRequest` and `wx.requestPayment` are called with, as JSON.
    fn cashier(&self, appid: &str, prepay_id: &str) -> String {
        let timestamp = (self.clock.now_ms() / 1_000).to_string();
        let (nonce, package) = (sign::nonce(), format!("prepay_id={prepay_id}"));
        let text = sign::cashier_text(appid, &timestamp, &nonce, &package);
        json!({
            "appId": appid,
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": self.config.private_key.sign(&text),
        })
        .to_string()
    }

    async fn query_trade(&self, payment: &PaymentId) -> Answer<TradeState> {
        let (number, mchid) = (segment(payment.as_str()), segment(&self.config.mchid));
        let target = format!("/v3/pay/transactions/out-trade-no/{number}?mchid={mchid}");
        let trade: Trade = match self.get(&target).await {
            // A hold is no trade, but has numbers of the same kind.
            Err(unsure) if refused_with(&unsure, &NOT_EXIST) => {
                return self.query_hold(payment).await;
            }
            answer => read_as(answer?)?,
        };
        same_number(payment, &trade.out_trade_no)?;
        trade
            .state(&self.config, self.clock.now_ms())
            .map_err(|not_ours| Unsure::Unknown(not_ours.to_string()))
    }

    async fn close_trade(&self, payment: &PaymentId) -> Answer<()> {
        let number = segment(payment.as_str());
        let target = format!("/v3/pay/transactions/out-trade-no/{number}/close");
        let body = json!({ "mchid": self.config.mchid });
        match self.post(&target, &body).await {
            Ok(_) => Ok(()),
            Err(unsure) if refused_with(&unsure, &CLOSED) => Ok(()),
            Err(unsure) if refused_with(&unsure, &NOT_EXIST) => self.close_hold(payment).await,
            Err(unsure) => Err(unsure),
        }
    }
}

/// A text without control characters, not longer than the platform takes.
pub(super) fn clean(text: &str, max_chars: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(max_chars).collect()
}

/// An answer about another trade is none.
pub(super) fn same_number(ours: &PaymentId, theirs: &str) -> Answer<()> {
    if ours.as_str() == theirs {
        return Ok(());
    }
    Err(Unsure::Unknown(format!("asked for {ours}, answered for another")))
}

impl Payments for Wechat {
    fn create<'a>(&'a self, payment: &'a NewPayment) -> BoxFuture<'a, Answer<Checkout>> {
        Box::pin(async move {
            match &payment.via.product {
                Product::Browser { client_ip } => self.open_in_browser(payment, *client_ip).await,
                Product::App { buyer_open_id } => self.open_in_app(payment, buyer_open_id).await,
                Product::Hold { .. } => self.open_hold(payment).await,
                Product::Code => self.open_as_code(payment).await,
            }
        })
    }

    fn query<'a>(&'a self, payment: &'a PaymentId) -> BoxFuture<'a, Answer<TradeState>> {
        Box::pin(self.query_trade(payment))
    }

    fn close<'a>(&'a self, payment: &'a PaymentId) -> BoxFuture<'a, Answer<()>> {
        Box::pin(self.close_trade(payment))
    }

    fn refund<'a>(&'a self, refund: &'a RefundRequest) -> BoxFuture<'a, Answer<()>> {
        Box::pin(self.pay_back(refund))
    }

    fn refund_done<'a>(&'a self, refund: &'a RefundRequest) -> BoxFuture<'a, Answer<bool>> {
        Box::pin(self.query_refund(refund))
    }
}
