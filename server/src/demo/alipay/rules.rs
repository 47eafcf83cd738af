//! What the platform allows: trades, refunds and logins by the real one's rules and codes.

use serde_json::{Value, json};
use wasm_core::money::Fen;

use super::cashier;
use super::delivery::Lateness;
use super::gateway::Failure;
use super::platform::{APP_ID, Platform, digits};
use super::royalty;
use super::trade::{Refund, Status, Trade};
use crate::payments::alipay::sign::Params;
use crate::payments::alipay::time::{from_beijing, to_beijing};
use crate::random;

/// Amounts Alipay takes: ¥0.01 to ¥100,000,000.
const AMOUNT_MAX_FEN: Fen = Fen(10_000_000_000);

/// A trade that names no end can be paid this long.
const UNPAID_MS: i64 = 15 * 24 * 60 * 60 * 1000;

/// A no, in the platform's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    code: &'static str,
    msg: &'static str,
    pub(super) sub_code: &'static str,
}

/// The product of trades that are paid by a code.
const BY_CODE: &str = "FACE_TO_FACE_PAYMENT";

impl Refusal {
    /// A parameter is missing.
    pub(super) fn missing(sub_code: &'static str) -> Self {
        Self { code: "40001", msg: "Missing Required Arguments", sub_code }
    }

    /// A parameter is wrong.
    pub(super) fn invalid(sub_code: &'static str) -> Self {
        Self { code: "40002", msg: "Invalid Arguments", sub_code }
    }

    /// The trade's own rules forbid it.
    pub(super) fn business(sub_code: &'static str) -> Self {
        Self { code: "40004", msg: "Business Failed", sub_code }
    }

    pub(super) fn into_node(self) -> Value {
        json!({"code": self.code, "msg": self.msg,
               "sub_code": self.sub_code, "sub_msg": self.sub_code})
    }
}

pub(super) fn success(mut node: Value) -> Value {
    node["code"] = json!("10000");
    node["msg"] = json!("Success");
    node
}

pub(super) fn text<'a>(business: &'a Value, name: &str) -> &'a str {
    business[name].as_str().unwrap_or("")
}

impl Platform {
    /// `alipay.trade.create`
    pub(super) async fn create(&self, params: &Params, wanted: &Value) -> Result<Value, Failure> {
        let buyer = [text(wanted, "buyer_open_id"), text(wanted, "buyer_id")].concat();
        let right = text(wanted, "product_code") == "JSAPI_PAY"
            && text(wanted, "op_app_id") == APP_ID
            && !buyer.is_empty();
        if !right {
            return Err(Refusal::business("ACQ.INVALID_PARAMETER").into());
        }
        let trade = self.open_trade(params, wanted, &buyer).await?;
        Ok(success(json!({"trade_no": trade.trade_no, "out_trade_no": trade.out_trade_no})))
    }

    /// `alipay.trade.wap.pay`: the trade's number at the platform.
    pub(super) async fn open_wap(
        &self,
        params: &Params,
        wanted: &Value,
    ) -> Result<String, Failure> {
        if text(wanted, "product_code") != "QUICK_WAP_WAY" {
            return Err(Refusal::business("ACQ.INVALID_PARAMETER").into());
        }
        Ok(self.open_trade(params, wanted, "").await?.trade_no)
    }

    /// `alipay.trade.precreate`: a code that leads to the cashier, as scanning it would.
    pub(super) async fn precreate(
        &self,
        params: &Params,
        wanted: &Value,
    ) -> Result<Value, Failure> {
        if text(wanted, "product_code") != BY_CODE {
            return Err(Refusal::business("ACQ.INVALID_PARAMETER").into());
        }
        let trade = self.open_trade(params, wanted, "").await?;
        match trade.status {
            Status::WaitBuyerPay => {}
            Status::TradeSuccess | Status::TradeFinished => {
                return Err(Refusal::business("ACQ.TRADE_HAS_SUCCESS").into());
            }
            Status::TradeClosed => return Err(Refusal::business("ACQ.TRADE_HAS_CLOSE").into()),
        }
        let qr_code = format!("{}{}", self.inner.public_url, cashier::path(&trade.trade_no));
        Ok(success(json!({"out_trade_no": trade.out_trade_no, "qr_code": qr_code})))
    }

    /// Opens a trade, or finds the same one again. A page may be looked at in any state.
    async fn open_trade(
        &self,
        params: &Params,
        wanted: &Value,
        buyer: &str,
    ) -> Result<Trade, Failure> {
        let new = self.new_trade(params, wanted, buyer)?;
        let _changing = self.inner.changing.lock().await;
        let Some(known) = self.trade(&new.out_trade_no).await? else {
            if new.expires_ms <= self.now_ms() {
                return Err(Refusal::business("ACQ.INVALID_PARAMETER").into());
            }
            self.put_new(&new).await?;
            return Ok(new);
        };
        let same = known.total_fen == new.total_fen && known.subject == new.subject;
        match known.status {
            _ if !same => Err(Refusal::business("ACQ.CONTEXT_INCONSISTENT").into()),
            Status::TradeSuccess | Status::TradeFinished if !buyer.is_empty() => {
                Err(Refusal::business("ACQ.TRADE_HAS_SUCCESS").into())
            }
            Status::TradeClosed if !buyer.is_empty() => {
                Err(Refusal::business("ACQ.TRADE_HAS_CLOSE").into())
            }
            _ => Ok(known),
        }
    }

    pub(super) fn new_trade(
        &self,
        params: &Params,
        wanted: &Value,
        buyer: &str,
    ) -> Result<Trade, Refusal> {
        let invalid = Refusal::business("ACQ.INVALID_PARAMETER");
        let number = text(wanted, "out_trade_no");
        let subject = text(wanted, "subject");
        let number_is_right = (1..=64).contains(&number.len())
            && number.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let subject_is_right =
            (1..=256).contains(&subject.chars().count()) && !subject.contains(['/', '=', '&']);
        if !number_is_right || !subject_is_right {
            return Err(invalid);
        }
        let now_ms = self.now_ms();
        let expires_ms = match text(wanted, "time_expire") {
            "" => now_ms + UNPAID_MS,
            time => from_beijing(time).ok_or(invalid)?,
        };
        let day: String = to_beijing(now_ms)[..10].split('-').collect();
        let common = |name: &str| params.get(name).cloned().unwrap_or_default();
        Ok(Trade {
            out_trade_no: number.to_owned(),
            trade_no: format!("{day}{}", digits::<20>()),
            subject: subject.to_owned(),
            total_fen: amount(wanted, "total_amount")?,
            status: Status::WaitBuyerPay,
            buyer_open_id: buyer.to_owned(),
            notify_url: common("notify_url"),
            return_url: common("return_url"),
            quit_url: text(wanted, "quit_url").to_owned(),
            created_ms: now_ms,
            expires_ms,
            paid_ms: 0,
            terminal_id: text(wanted, "terminal_id").to_owned(),
            auth_no: String::new(),
            by_code: text(wanted, "product_code") == BY_CODE,
            royalty_freeze: text(&wanted["extend_params"], "royalty_freeze") == "true",
            royalty_over: false,
            settles: Vec::new(),
            refunds: Vec::new(),
            notices: Vec::new(),
        })
    }

    /// `alipay.trade.query`
    pub(super) async fn query(&self, wanted: &Value) -> Result<Value, Failure> {
        let trade = self.find(wanted).await?;
        let mut node = json!({
            "trade_no": trade.trade_no,
            "out_trade_no": trade.out_trade_no,
            "trade_status": trade.status.as_str(),
            "total_amount": trade.total_fen.to_yuan(),
            "buyer_open_id": trade.buyer_open_id,
        });
        if !trade.terminal_id.is_empty() {
            node["terminal_id"] = json!(trade.terminal_id);
        }
        if trade.paid_ms > 0 {
            node["send_pay_date"] = json!(to_beijing(trade.paid_ms));
        }
        Ok(success(node))
    }

    /// `alipay.trade.close`
    pub(super) async fn close(&self, wanted: &Value) -> Result<Value, Failure> {
        let _changing = self.inner.changing.lock().await;
        let mut trade = self.find(wanted).await?;
        if trade.status != Status::WaitBuyerPay {
            return Err(Refusal::business("ACQ.TRADE_STATUS_ERROR").into());
        }
        trade.status = Status::TradeClosed;
        self.put(&trade).await?;
        Ok(success(json!({"trade_no": trade.trade_no, "out_trade_no": trade.out_trade_no})))
    }

    /// `alipay.trade.refund`: once for each `out_request_no`, never more than was paid.
    pub(super) async fn refund(&self, wanted: &Value) -> Result<Value, Failure> {
        // Nothing to the buyer: only parts come back from their receivers.
        let only_parts = text(wanted, "refund_amount") == "0.00"
            && wanted["refund_royalty_parameters"].is_array();
        let amount_fen = if only_parts { Fen::ZERO } else { amount(wanted, "refund_amount")? };
        if let Some(sub_code) = self.faults().refuse_refunds {
            return Err(Refusal::business(sub_code).into());
        }
        let _changing = self.inner.changing.lock().await;
        let mut trade = self.find(wanted).await?;
        let request_no = match text(wanted, "out_request_no") {
            // Without a number of its own it is the refund of the whole trade.
            "" if amount_fen == trade.total_fen => trade.out_trade_no.clone(),
            "" => return Err(Refusal::business("ACQ.INVALID_PARAMETER").into()),
            number => number.to_owned(),
        };
        let known = trade.refunds.iter().find(|refund| refund.out_request_no == request_no);
        let moved = match known.map(|refund| refund.amount_fen) {
            Some(before_fen) if before_fen == amount_fen => false,
            Some(_) => return Err(Refusal::business("ACQ.DISCORDANT_REPEAT_REQUEST").into()),
            None => {
                self.take_back(&mut trade, request_no, amount_fen, wanted).await?;
                true
            }
        };
        Ok(success(json!({
            "trade_no": trade.trade_no,
            "out_trade_no": trade.out_trade_no,
            "fund_change": if moved { "Y" } else { "N" },
            "refund_fee": trade.refunded_fen().to_yuan(),
        })))
    }

    async fn take_back(
        &self,
        trade: &mut Trade,
        out_request_no: String,
        amount_fen: Fen,
        wanted: &Value,
    ) -> Result<(), Failure> {
        if trade.status == Status::TradeFinished {
            return Err(Refusal::business("ACQ.TRADE_HAS_FINISHED").into());
        }
        if trade.status != Status::TradeSuccess {
            return Err(Refusal::business("ACQ.TRADE_STATUS_ERROR").into());
        }
        if trade.refunded_fen() + amount_fen > trade.total_fen {
            return Err(Refusal::business("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL").into());
        }
        if trade.by_code {
            royalty::take_back_pro_rata(trade, amount_fen);
        }
        royalty::take_back(trade, wanted)?;
        if trade.passed_on_fen() + trade.refunded_fen() + amount_fen > trade.total_fen {
            // What others have is not the merchant's to give.
            return Err(Refusal::business("ACQ.SELLER_BALANCE_NOT_ENOUGH").into());
        }
        trade.refunds.push(Refund { out_request_no, amount_fen, at_ms: self.now_ms() });
        if trade.refunded_fen() == trade.total_fen {
            trade.status = Status::TradeClosed;
        }
        if amount_fen == Fen::ZERO {
            self.put(trade).await?;
        } else {
            self.put_and_report(trade, Lateness::None).await?;
        }
        Ok(())
    }

    /// `alipay.trade.fastpay.refund.query`: says nothing of a refund it does not know.
    pub(super) async fn query_refund(&self, wanted: &Value) -> Result<Value, Failure> {
        let trade = self.find(wanted).await?;
        let number = text(wanted, "out_request_no");
        let known = trade.refunds.iter().find(|refund| refund.out_request_no == number);
        Ok(success(known.map_or_else(
            || json!({}),
            |refund| {
                json!({
                    "trade_no": trade.trade_no,
                    "out_trade_no": trade.out_trade_no,
                    "out_request_no": refund.out_request_no,
                    "total_amount": trade.total_fen.to_yuan(),
                    "refund_amount": refund.amount_fen.to_yuan(),
                    "refund_status": "REFUND_SUCCESS",
                    "gmt_refund_pay": to_beijing(refund.at_ms),
                })
            },
        )))
    }

    /// `alipay.system.oauth.token`: has no code when it says yes.
    pub(super) async fn token(&self, params: &Params) -> Result<Value, Failure> {
        let get = |name: &str| params.get(name).map_or("", String::as_str);
        if get("grant_type") != "authorization_code" {
            return Err(Refusal::invalid("isv.grant-type-invalid").into());
        }
        let open_id = self.take_code(get("code")).await?;
        let open_id = open_id.ok_or(Refusal::invalid("isv.code-invalid"))?;
        Ok(json!({
            "open_id": open_id,
            "access_token": format!("authbseB{}", random::base32::<32>()),
            "expires_in": 1_296_000,
            "refresh_token": format!("authbseB{}", random::base32::<32>()),
            "re_expires_in": 2_592_000,
        }))
    }

    pub(super) async fn find(&self, wanted: &Value) -> Result<Trade, Failure> {
        let found = match (text(wanted, "trade_no"), text(wanted, "out_trade_no")) {
            ("", "") => return Err(Refusal::business("ACQ.INVALID_PARAMETER").into()),
            ("", out_trade_no) => self.trade(out_trade_no).await?,
            (trade_no, _) => self.trade_by_no(trade_no).await?,
        };
        found.ok_or(Refusal::business("ACQ.TRADE_NOT_EXIST").into())
    }
}

pub(super) fn amount(business: &Value, name: &str) -> Result<Fen, Refusal> {
    // Libraries write amounts as text or as a JSON number; both are read as text.
    let text = match &business[name] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    Fen::from_yuan(&text)
        .filter(|fen| (Fen(1)..=AMOUNT_MAX_FEN).contains(fen))
        .ok_or(Refusal::business("ACQ.INVALID_PARAMETER"))
}
