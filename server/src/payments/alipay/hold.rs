//! Holds (`alipay.fund.auth.*`): the rider's app sets money aside by an order string, the bill is
//! taken by `alipay.trade.pay`, or everything is let go.
//!
//! The captured trade has the hold's own number as `out_trade_no`, so that refunds and splits find
//! it as they find any payment; `terminal_id` carries the capture's number into queries and bills.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::client::{Alipay, for_good, read_node};
use super::sign;
use super::time::from_beijing;
use super::trade::{same_number, subject};
use crate::orders::{
    Answer, CaptureRequest, Checkout, Holds, NewPayment, TradeState, TradeStatus, Unsure,
    VerifiedTrade,
};

/// Longest title of a hold, in characters.
const TITLE_MAX_CHARS: usize = 100;

/// A hold can be confirmed for 1 minute to 15 days.
const MINUTES_MAX: i64 = 15 * 24 * 60;

/// The platform never saw the hold, or the merchant has no contract for holds.
const NO_HOLD: [&str; 4] = [
    "AUTH_ORDER_NOT_EXIST",
    "AUTH_OPERATION_NOT_EXIST",
    "isv.insufficient-isv-permissions",
    "ACCESS_FORBIDDEN",
];

/// A capture refused like this will be refused tomorrow as well: the hold ended, or has less.
const NEVER: [&str; 6] = [
    "ACQ.AUTH_ORDER_HAS_CLOSED",
    "ACQ.AUTH_ORDER_HAS_FINISHED",
    "ACQ.AUTH_AMOUNT_NOT_ENOUGH",
    "AUTH_ORDER_HAS_CLOSED",
    "AUTH_ORDER_HAS_FINISHED",
    "UNFREEZE_AMOUNT_NOT_ENOUGH",
];

#[derive(Deserialize)]
struct Operation {
    #[serde(default)]
    auth_no: String,
    out_order_no: String,
    #[serde(default)]
    amount: String,
    status: String,
    #[serde(default)]
    order_status: String,
    #[serde(default)]
    rest_amount: String,
    #[serde(default)]
    total_pay_amount: String,
    gmt_trans: Option<String>,
    payer_open_id: Option<String>,
    payer_user_id: Option<String>,
}

#[derive(Deserialize)]
struct Cancelled {
    #[serde(default)]
    action: String,
}

#[derive(Deserialize)]
struct Taken {
    out_trade_no: String,
    #[serde(default)]
    total_amount: String,
}

#[derive(Deserialize)]
struct Released {
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
struct Captured {
    out_trade_no: String,
    trade_status: String,
    total_amount: String,
}

impl Alipay {
    /// `alipay.fund.auth.order.app.freeze`: a signed text for Alipay's cashier. Nothing is sent;
    /// the hold begins when the rider confirms.
    pub(super) fn open_hold(&self, payment: &NewPayment) -> Checkout {
        let left_ms = payment.expires_ms - self.clock.now_ms();
        let minutes = (left_ms / 60_000).clamp(1, MINUTES_MAX);
        let title: String = subject(&payment.subject).chars().take(TITLE_MAX_CHARS).collect();
        let mut business = json!({
            "out_order_no": payment.id.as_str(),
            "out_request_no": payment.id.as_str(),
            "order_title": title,
            "amount": payment.amount_fen.to_yuan(),
            "product_code": "PRE_AUTH_ONLINE",
            "payee_user_id": self.config.seller_id,
            "timeout_express": format!("{minutes}m"),
            // What the charge will cost is known when it ends.
            "deposit_product_mode": "POSTPAY_UNCERTAIN",
            "post_payments": [{ "name": "充电费", "description": "按实际用量" }],
        });
        let terms = &self.config.hold;
        let pairs = [("category", &terms.category), ("serviceId", &terms.service_id)];
        let extra: Value = pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))))
            .collect::<serde_json::Map<_, _>>()
            .into();
        if extra != json!({}) {
            business["extra_param"] = json!(extra.to_string());
        }
        let mut params = self.common("alipay.fund.auth.order.app.freeze");
        params.insert("notify_url".to_owned(), self.config.notify_url.clone());
        params.insert("biz_content".to_owned(), business.to_string());
        sign::sign_request(&mut params, &self.config.private_key);
        // Apps decode `%20` everywhere, `+` not everywhere.
        Checkout::OrderString(sign::encode(&params).replace('+', "%20"))
    }

    /// `alipay.fund.auth.operation.detail.query`; none if there is no such hold.
    async fn operation(&self, payment: &PaymentId) -> Answer<Option<Operation>> {
        let business = json!({
            "out_order_no": payment.as_str(),
            "out_request_no": payment.as_str(),
            "operation_type": "FREEZE",
        });
        let method = "alipay.fund.auth.operation.detail.query";
        let operation: Operation = match self.call(method, &business).await {
            Ok(node) => read_node(node)?,
            Err(Unsure::No { code, .. }) if NO_HOLD.contains(&code.as_str()) => return Ok(None),
            Err(unsure) => return Err(unsure),
        };
        same_number(payment, &operation.out_order_no)?;
        Ok(Some(operation))
    }

    /// What the platform knows of a hold.
    pub(super) async fn query_hold(&self, payment: &PaymentId) -> Answer<TradeState> {
        let Some(hold) = self.operation(payment).await? else { return Ok(TradeState::Unknown) };
        match (hold.status.as_str(), hold.order_status.as_str()) {
            ("INIT", _) => Ok(TradeState::Waiting),
            ("CLOSED", _) | ("SUCCESS", "CLOSED") => Ok(TradeState::Closed),
            // `FINISH`: we have taken the bill since. It was set aside all the same.
            ("SUCCESS", "AUTHORIZED" | "FINISH") => {
                let held_ms = hold.gmt_trans.as_deref().and_then(from_beijing);
                Ok(TradeState::Paid(VerifiedTrade {
                    channel: Channel::Alipay,
                    payment_id: payment.clone(),
                    amount_fen: yuan(&hold.amount)?,
                    trade_no: hold.auth_no,
                    paid_ms: held_ms.unwrap_or_else(|| self.clock.now_ms()),
                    status: TradeStatus::Success,
                    buyer_open_id: hold.payer_open_id.or(hold.payer_user_id),
                    held: true,
                }))
            }
            (status, order) => Err(Unsure::Unknown(format!("hold {payment} is {status} {order}"))),
        }
    }

    /// Closes a hold that nobody has confirmed. `Ok` also when the platform never saw it.
    pub(super) async fn close_hold(&self, payment: &PaymentId) -> Answer<()> {
        match self.query_hold(payment).await? {
            TradeState::Unknown | TradeState::Closed => return Ok(()),
            TradeState::Waiting => {}
            TradeState::Paid(_) => {
                let message = format!("{payment} is set aside");
                return Err(Unsure::No { code: "HELD".to_owned(), message });
            }
        }
        let business = json!({
            "out_order_no": payment.as_str(),
            "out_request_no": payment.as_str(),
            "remark": "超时未确认",
        });
        let method = "alipay.fund.auth.operation.cancel";
        let cancelled: Cancelled = read_node(self.call(method, &business).await?)?;
        if cancelled.action == "close" {
            return Ok(());
        }
        // Confirmed meanwhile, and let go again by this: what it is now, a query tells.
        Err(Unsure::Unknown(format!("cancelling {payment} did {}", cancelled.action)))
    }

    async fn take_of_hold(&self, capture: &CaptureRequest) -> Answer<()> {
        let outcome = if capture.amount_fen == Fen::ZERO {
            self.let_go(capture).await
        } else {
            self.take_bill(capture).await
        };
        outcome.map_err(|unsure| for_good(unsure, &NEVER))
    }

    /// `alipay.trade.pay` out of the hold; `COMPLETE` lets the rest go, which is not the default.
    async fn take_bill(&self, capture: &CaptureRequest) -> Answer<()> {
        let mut business = json!({
            "out_trade_no": capture.payment_id.as_str(),
            "terminal_id": capture.id,
            "auth_no": capture.hold_no,
            "auth_confirm_mode": "COMPLETE",
            "product_code": "PRE_AUTH_ONLINE",
            "total_amount": capture.amount_fen.to_yuan(),
            "subject": subject(&capture.subject),
            "seller_id": self.config.seller_id,
        });
        if capture.will_split {
            business["extend_params"] = json!({ "royalty_freeze": "true" });
        }
        if let Some(buyer) = &capture.buyer_open_id {
            business[buyer_field(buyer)] = json!(buyer);
        }
        let taken: Taken = read_node(self.call("alipay.trade.pay", &business).await?)?;
        same_number(&capture.payment_id, &taken.out_trade_no)?;
        same_amount(capture, &taken.total_amount)
    }

    /// `alipay.fund.auth.order.unfreeze` of all of it.
    async fn let_go(&self, capture: &CaptureRequest) -> Answer<()> {
        let business = json!({
            "auth_no": capture.hold_no,
            "out_request_no": capture.id,
            "amount": capture.held_fen.to_yuan(),
            "remark": "未产生费用",
        });
        let node = self.call("alipay.fund.auth.order.unfreeze", &business).await?;
        let released: Released = read_node(node)?;
        if released.status == "SUCCESS" {
            return Ok(());
        }
        Err(Unsure::Unknown(format!("unfreezing {} is {}", capture.hold_no, released.status)))
    }

    async fn is_captured(&self, capture: &CaptureRequest) -> Answer<bool> {
        if capture.amount_fen == Fen::ZERO {
            let Some(hold) = self.operation(&capture.payment_id).await? else { return Ok(false) };
            let gone = matches!(hold.order_status.as_str(), "CLOSED" | "FINISH");
            let all_went_back = yuan_or_zero(&hold.rest_amount)? == Fen::ZERO
                && yuan_or_zero(&hold.total_pay_amount)? == Fen::ZERO;
            return Ok(gone && all_went_back);
        }
        let business = json!({ "out_trade_no": capture.payment_id.as_str() });
        let trade: Captured = match self.call("alipay.trade.query", &business).await {
            Ok(node) => read_node(node)?,
            Err(Unsure::No { code, .. }) if code == "ACQ.TRADE_NOT_EXIST" => return Ok(false),
            Err(unsure) => return Err(unsure),
        };
        same_number(&capture.payment_id, &trade.out_trade_no)?;
        // `TRADE_CLOSED`: taken, and wholly refunded since.
        if !matches!(
            trade.trade_status.as_str(),
            "TRADE_SUCCESS" | "TRADE_FINISHED" | "TRADE_CLOSED"
        ) {
            return Ok(false);
        }
        same_amount(capture, &trade.total_amount)?;
        Ok(true)
    }
}

/// Under which name a buyer is told: user ids begin with 2088 and have 16 digits.
fn buyer_field(buyer: &str) -> &'static str {
    let is_user_id = buyer.len() == 16
        && buyer.starts_with("2088")
        && buyer.bytes().all(|byte| byte.is_ascii_digit());
    if is_user_id { "buyer_id" } else { "buyer_open_id" }
}

fn same_amount(capture: &CaptureRequest, theirs: &str) -> Answer<()> {
    if Fen::from_yuan(theirs) == Some(capture.amount_fen) {
        return Ok(());
    }
    let ours_fen = capture.amount_fen;
    Err(Unsure::Unknown(format!("capture {} of {ours_fen}, answered {theirs}", capture.id)))
}

fn yuan(text: &str) -> Answer<Fen> {
    Fen::from_yuan(text).ok_or_else(|| Unsure::Unknown(format!("an amount of {text:?}")))
}

fn yuan_or_zero(text: &str) -> Answer<Fen> {
    if text.is_empty() { Ok(Fen::ZERO) } else { yuan(text) }
}

impl Holds for Alipay {
    fn capture<'a>(&'a self, capture: &'a CaptureRequest) -> BoxFuture<'a, Answer<()>> {
        Box::pin(self.take_of_hold(capture))
    }

    fn captured<'a>(&'a self, capture: &'a CaptureRequest) -> BoxFuture<'a, Answer<bool>> {
        Box::pin(self.is_captured(capture))
    }
}
