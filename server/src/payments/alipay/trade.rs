//! Trades: open, query, close. Paid means `TRADE_SUCCESS` or `TRADE_FINISHED`, nothing else.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::client::{Alipay, read_node};
use super::sign;
use super::time::{from_beijing, to_beijing};
use crate::orders::{
    Answer, Checkout, NewPayment, Payments, Product, RefundRequest, TradeState, TradeStatus,
    Unsure, VerifiedTrade,
};

/// Longest subject Alipay takes, in characters.
const SUBJECT_MAX_CHARS: usize = 256;

/// The platform never saw the trade.
const NOT_EXIST: &str = "ACQ.TRADE_NOT_EXIST";
/// The trade is paid.
const HAS_SUCCESS: &str = "ACQ.TRADE_HAS_SUCCESS";
/// The trade's state forbids closing it: paid, or closed before.
const STATUS_ERRORS: [&str; 4] = [
    "ACQ.TRADE_STATUS_ERROR",
    "ACQ.REASON_TRADE_STATUS_INVALID",
    "ACQ.REASON_ILLEGAL_STATUS",
    "ACQ.TRADE_HAS_CLOSE",
];

#[derive(Deserialize)]
struct Created {
    trade_no: String,
    out_trade_no: String,
}

#[derive(Deserialize)]
struct Shown {
    out_trade_no: String,
    qr_code: String,
}

#[derive(Deserialize)]
struct Queried {
    trade_no: String,
    out_trade_no: String,
    trade_status: String,
    total_amount: String,
    /// Set by us, for captures alone.
    #[serde(default)]
    terminal_id: String,
    send_pay_date: Option<String>,
    buyer_open_id: Option<String>,
    buyer_user_id: Option<String>,
}

impl TradeStatus {
    /// As Alipay writes it; none for a word we do not know.
    pub(super) fn from_alipay(word: &str) -> Option<Self> {
        match word {
            "WAIT_BUYER_PAY" => Some(Self::Waiting),
            "TRADE_SUCCESS" => Some(Self::Success),
            "TRADE_FINISHED" => Some(Self::Finished),
            "TRADE_CLOSED" => Some(Self::Closed),
            _ => None,
        }
    }
}

impl Alipay {
    /// `alipay.trade.create`: a trade for one buyer inside Alipay's app.
    async fn open_in_app(&self, payment: &NewPayment, buyer_open_id: &str) -> Answer<Checkout> {
        let method = "alipay.trade.create";
        let mut business = core(payment);
        business["product_code"] = json!("JSAPI_PAY");
        business["op_app_id"] = json!(self.config.app_id);
        business["buyer_open_id"] = json!(buyer_open_id);
        let mut query = self.common(method);
        query.insert("notify_url".to_owned(), self.config.notify_url.clone());
        let form = sign::Params::from([("biz_content".to_owned(), business.to_string())]);
        let created: Created = match self.call_with(method, query, form).await {
            Ok(node) => read_node(node)?,
            // Asked again after it was paid: a query tells, this answer does not.
            Err(Unsure::No { code, .. }) if code == HAS_SUCCESS => {
                return Err(Unsure::Unknown(format!("{method}: {code}")));
            }
            Err(unsure) => return Err(unsure),
        };
        same_number(&payment.id, &created.out_trade_no)?;
        Ok(Checkout::TradeNo(created.trade_no))
    }

    /// `alipay.trade.wap.pay`: a signed address for a phone's browser. Nothing is sent; the trade
    /// begins when the rider gets there.
    fn open_in_browser(&self, payment: &NewPayment) -> Checkout {
        let mut business = core(payment);
        business["product_code"] = json!("QUICK_WAP_WAY");
        business["quit_url"] = json!(payment.return_url);
        let mut params = self.common("alipay.trade.wap.pay");
        params.insert("notify_url".to_owned(), self.config.notify_url.clone());
        params.insert("return_url".to_owned(), payment.return_url.clone());
        params.insert("biz_content".to_owned(), business.to_string());
        sign::sign_request(&mut params, &self.config.private_key);
        Checkout::Redirect(format!("{}?{}", self.config.page_url, sign::encode(&params)))
    }

    /// `alipay.trade.precreate`: a code for the rider's phone to scan.
    async fn open_by_code(&self, payment: &NewPayment) -> Answer<Checkout> {
        let method = "alipay.trade.precreate";
        let mut business = core(payment);
        business["product_code"] = json!("FACE_TO_FACE_PAYMENT");
        let mut query = self.common(method);
        query.insert("notify_url".to_owned(), self.config.notify_url.clone());
        let form = sign::Params::from([("biz_content".to_owned(), business.to_string())]);
        let shown: Shown = match self.call_with(method, query, form).await {
            Ok(node) => read_node(node)?,
            // Asked again after it was paid: a query tells, this answer does not.
            Err(Unsure::No { code, .. }) if code == HAS_SUCCESS => {
                return Err(Unsure::Unknown(format!("{method}: {code}")));
            }
            Err(unsure) => return Err(unsure),
        };
        same_number(&payment.id, &shown.out_trade_no)?;
        Ok(Checkout::Code(shown.qr_code))
    }

    async fn query_trade(&self, payment: &PaymentId) -> Answer<TradeState> {
        let business = json!({ "out_trade_no": payment.as_str() });
        match self.call("alipay.trade.query", &business).await {
            Ok(node) => {
                let trade: Queried = read_node(node)?;
                if !trade.terminal_id.is_empty() {
                    return self.query_hold(payment).await;
                }
                self.read_trade(payment, trade)
            }
            // Which product a number was opened by, only the platform knows here.
            Err(Unsure::No { code, .. }) if code == NOT_EXIST => self.query_hold(payment).await,
            Err(unsure) => Err(unsure),
        }
    }

    fn read_trade(&self, payment: &PaymentId, trade: Queried) -> Answer<TradeState> {
        same_number(payment, &trade.out_trade_no)?;
        let status = TradeStatus::from_alipay(&trade.trade_status)
            .ok_or_else(|| Unsure::Unknown(format!("trade_status {}", trade.trade_status)))?;
        match status {
            TradeStatus::Waiting => return Ok(TradeState::Waiting),
            TradeStatus::Closed => return Ok(TradeState::Closed),
            TradeStatus::Success | TradeStatus::Finished => {}
        }
        let amount_fen = Fen::from_yuan(&trade.total_amount)
            .ok_or_else(|| Unsure::Unknown(format!("total_amount {}", trade.total_amount)))?;
        let paid_ms = trade.send_pay_date.as_deref().and_then(from_beijing);
        Ok(TradeState::Paid(VerifiedTrade {
            channel: Channel::Alipay,
            payment_id: payment.clone(),
            trade_no: trade.trade_no,
            amount_fen,
            paid_ms: paid_ms.unwrap_or_else(|| self.clock.now_ms()),
            status,
            buyer_open_id: trade.buyer_open_id.or(trade.buyer_user_id),
            held: false,
        }))
    }

    async fn close_trade(&self, payment: &PaymentId) -> Answer<()> {
        let business = json!({ "out_trade_no": payment.as_str() });
        let refused = match self.call("alipay.trade.close", &business).await {
            Ok(_) => return Ok(()),
            Err(Unsure::No { code, .. }) if code == NOT_EXIST => {
                return self.close_hold(payment).await;
            }
            Err(unsure) => unsure,
        };
        match &refused {
            // Closed before, or paid meanwhile: the same code says both, so ask.
            Unsure::No { code, .. } if STATUS_ERRORS.contains(&code.as_str()) => {
                match self.query_trade(payment).await? {
                    TradeState::Closed | TradeState::Unknown => Ok(()),
                    TradeState::Waiting | TradeState::Paid(_) => Err(refused),
                }
            }
            _ => Err(refused),
        }
    }
}

/// What both ways to pay have in common.
fn core(payment: &NewPayment) -> Value {
    let mut core = json!({
        "out_trade_no": payment.id.as_str(),
        "total_amount": payment.amount_fen.to_yuan(),
        "subject": subject(&payment.subject),
        "time_expire": to_beijing(payment.expires_ms),
    });
    if payment.will_split {
        // Otherwise the merchant has all of it at once, and a split is paid from its balance.
        core["extend_params"] = json!({ "royalty_freeze": "true" });
    }
    core
}

/// Alipay refuses subjects with `/`, `=` or `&`.
pub(super) fn subject(text: &str) -> String {
    let allowed = |c: char| if matches!(c, '/' | '=' | '&') || c.is_control() { ' ' } else { c };
    text.chars().map(allowed).take(SUBJECT_MAX_CHARS).collect()
}

/// An answer about another trade is none.
pub(super) fn same_number(ours: &PaymentId, theirs: &str) -> Answer<()> {
    if ours.as_str() == theirs {
        return Ok(());
    }
    Err(Unsure::Unknown(format!("asked for {ours}, answered for {theirs}")))
}

impl Payments for Alipay {
    fn create<'a>(&'a self, payment: &'a NewPayment) -> BoxFuture<'a, Answer<Checkout>> {
        Box::pin(async move {
            match &payment.via.product {
                Product::Browser { .. } => Ok(self.open_in_browser(payment)),
                Product::App { buyer_open_id } => self.open_in_app(payment, buyer_open_id).await,
                Product::Code => self.open_by_code(payment).await,
                Product::Hold { .. } => Ok(self.open_hold(payment)),
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
