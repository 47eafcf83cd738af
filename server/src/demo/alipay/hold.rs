//! Holds at the simulated platform: freeze, take, let go, cancel, query.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wasm_core::money::Fen;

use super::delivery::Lateness;
use super::gateway::{Failure, business};
use super::platform::{Platform, SELLER_ID, digits};
use super::rules::{Refusal, amount, success, text};
use super::trade::{Notice, Status, Trade};
use crate::payments::alipay::sign::Params;
use crate::payments::alipay::time::to_beijing;

/// A hold that nobody took of ends after so long, milliseconds: Alipay's contracts say 30 days.
const HELD_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// `timeout_express` is minutes, hours or days up to 15 days.
const TIMEOUT_MAX_MS: i64 = 15 * 24 * 60 * 60 * 1000;
/// Without one.
const TIMEOUT_MS: i64 = 15 * 60 * 1000;

/// The order-string product.
pub(super) const APP_FREEZE: &str = "alipay.fund.auth.order.app.freeze";

/// Money set aside, one document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Hold {
    pub(super) out_order_no: String,
    pub(super) out_request_no: String,
    pub(super) auth_no: String,
    pub(super) operation_id: String,
    pub(super) title: String,
    pub(super) amount_fen: Fen,
    /// What is still set aside.
    pub(super) rest_fen: Fen,
    /// What was taken.
    pub(super) paid_fen: Fen,
    pub(super) status: HoldStatus,
    /// Who confirmed; empty before.
    pub(super) payer_open_id: String,
    pub(super) notify_url: String,
    pub(super) return_url: String,
    pub(super) created_ms: i64,
    /// When it can no longer be confirmed, and once it is confirmed, when it ends by itself.
    pub(super) ends_ms: i64,
    /// When it was confirmed; 0 before.
    pub(super) held_ms: i64,
    /// Numbers of what was let go, with the amounts.
    pub(super) released: Vec<(String, Fen)>,
    pub(super) notices: Vec<Notice>,
}

/// Where a hold stands: an operation's `status` and the order's in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum HoldStatus {
    /// Not confirmed.
    Init,
    /// Never confirmed in time, or cancelled before.
    Ended,
    /// Set aside.
    Authorized,
    /// Taken, nothing left.
    Finish,
    /// Wholly let go.
    Closed,
}

impl HoldStatus {
    /// `status` of the freezing, `order_status`.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Init => ("INIT", "INIT"),
            Self::Ended => ("CLOSED", "CLOSED"),
            Self::Authorized => ("SUCCESS", "AUTHORIZED"),
            Self::Finish => ("SUCCESS", "FINISH"),
            Self::Closed => ("SUCCESS", "CLOSED"),
        }
    }
}

impl Hold {
    /// Ends what was not confirmed, or not taken, in time.
    pub(super) fn expire(&mut self, now_ms: i64) {
        match self.status {
            HoldStatus::Init if now_ms >= self.ends_ms => self.status = HoldStatus::Ended,
            HoldStatus::Authorized if now_ms >= self.ends_ms => {
                (self.status, self.rest_fen) = (HoldStatus::Closed, Fen::ZERO);
            }
            _ => {}
        }
    }

    /// The fields of a notify of a freeze or unfreeze, without those that name the app.
    pub(super) fn notify_params(&self, kind: &Change, notify_id: &str, now_ms: i64) -> Params {
        let (notify_type, operation, request_no, amount_fen) = match kind {
            Change::Freeze => ("fund_auth_freeze", "FREEZE", &self.out_request_no, self.amount_fen),
            Change::Unfreeze(number, fen) => ("fund_auth_unfreeze", "UNFREEZE", number, *fen),
        };
        let let_go_fen = self.amount_fen - self.rest_fen - self.paid_fen;
        [
            ("notify_id", notify_id.to_owned()),
            ("notify_type", notify_type.to_owned()),
            ("notify_time", to_beijing(now_ms)),
            ("charset", "utf-8".to_owned()),
            ("version", "1.0".to_owned()),
            ("auth_no", self.auth_no.clone()),
            ("out_order_no", self.out_order_no.clone()),
            ("operation_id", self.operation_id.clone()),
            ("out_request_no", request_no.clone()),
            ("operation_type", operation.to_owned()),
            ("amount", amount_fen.to_yuan()),
            ("status", "SUCCESS".to_owned()),
            ("gmt_create", to_beijing(self.created_ms)),
            ("gmt_trans", to_beijing(self.held_ms)),
            ("payer_open_id", self.payer_open_id.clone()),
            ("payee_user_id", SELLER_ID.to_owned()),
            ("total_freeze_amount", self.amount_fen.to_yuan()),
            ("total_unfreeze_amount", let_go_fen.to_yuan()),
            ("total_pay_amount", self.paid_fen.to_yuan()),
            ("rest_amount", self.rest_fen.to_yuan()),
            ("pre_auth_type", "CREDIT_AUTH".to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}

/// What a notify of a hold reports.
pub(super) enum Change {
    /// It was set aside.
    Freeze,
    /// So much was let go, under this number.
    Unfreeze(String, Fen),
}

impl Platform {
    /// Opens what an order string asks for, as the app would: the hold's number of ours.
    pub(super) async fn open_hold(&self, order_string: &str) -> Result<String, Failure> {
        let params = crate::payments::alipay::sign::decode(order_string)
            .map_err(|_| Refusal::invalid("isv.invalid-parameter"))?;
        if self.authenticate(&params)? != APP_FREEZE {
            return Err(Refusal::invalid("isv.invalid-method").into());
        }
        let new = self.new_hold(&params, &business(&params)?)?;
        let _changing = self.inner.changing.lock().await;
        let Some(known) = self.hold(&new.out_order_no).await? else {
            self.put_new_hold(&new).await?;
            return Ok(new.out_order_no);
        };
        if known.amount_fen != new.amount_fen || known.out_request_no != new.out_request_no {
            return Err(Refusal::business("ORDER_ALREADY_EXIST").into());
        }
        Ok(known.out_order_no)
    }

    fn new_hold(&self, params: &Params, wanted: &Value) -> Result<Hold, Refusal> {
        let invalid = Refusal::business("INVALID_PARAMETER");
        let number = text(wanted, "out_order_no");
        let uncertain = text(wanted, "deposit_product_mode") == "POSTPAY_UNCERTAIN";
        let payments = wanted["post_payments"].as_array();
        let without_amounts = payments.is_some_and(|all| {
            !all.is_empty() && all.iter().all(|one| one.get("amount").is_none())
        });
        let right = (1..=64).contains(&number.len())
            && !text(wanted, "out_request_no").is_empty()
            && (1..=100).contains(&text(wanted, "order_title").chars().count())
            && text(wanted, "product_code") == "PRE_AUTH_ONLINE"
            && text(wanted, "payee_user_id") == SELLER_ID
            && (!uncertain || without_amounts);
        if !right {
            return Err(invalid);
        }
        let now_ms = self.now_ms();
        let timeout_ms = match text(wanted, "timeout_express") {
            "" => TIMEOUT_MS,
            written => timeout_ms(written).ok_or(invalid)?,
        };
        let amount_fen = amount(wanted, "amount")?;
        Ok(Hold {
            out_order_no: number.to_owned(),
            out_request_no: text(wanted, "out_request_no").to_owned(),
            auth_no: format!("{}10002001{}", &to_beijing(now_ms)[..4], digits::<20>()),
            operation_id: digits::<20>(),
            title: text(wanted, "order_title").to_owned(),
            amount_fen,
            rest_fen: amount_fen,
            paid_fen: Fen::ZERO,
            status: HoldStatus::Init,
            payer_open_id: String::new(),
            notify_url: params.get("notify_url").cloned().unwrap_or_default(),
            return_url: String::new(),
            created_ms: now_ms,
            ends_ms: now_ms + timeout_ms,
            held_ms: 0,
            released: Vec::new(),
            notices: Vec::new(),
        })
    }

    /// The rider confirms; the hold as it is then. None if there is none.
    pub(super) async fn confirm(
        &self,
        out_order_no: &str,
        payer: &str,
        lateness: Lateness,
    ) -> Result<Option<Hold>, Failure> {
        let _changing = self.inner.changing.lock().await;
        let Some(mut hold) = self.hold(out_order_no).await? else { return Ok(None) };
        if hold.status == HoldStatus::Init {
            let now_ms = self.now_ms();
            hold.status = HoldStatus::Authorized;
            payer.clone_into(&mut hold.payer_open_id);
            (hold.held_ms, hold.ends_ms) = (now_ms, now_ms + HELD_MS);
            self.put_hold_and_report(&mut hold, &Change::Freeze, lateness).await?;
        }
        Ok(Some(hold))
    }

    /// `alipay.fund.auth.operation.detail.query`
    pub(super) async fn query_operation(&self, wanted: &Value) -> Result<Value, Failure> {
        let hold = self.find_hold(wanted).await?;
        let (status, order_status) = hold.status.words();
        let number = text(wanted, "out_request_no");
        let mut node = json!({
            "auth_no": hold.auth_no,
            "out_order_no": hold.out_order_no,
            "out_request_no": hold.out_request_no,
            "operation_id": hold.operation_id,
            "operation_type": "FREEZE",
            "order_title": hold.title,
            "amount": hold.amount_fen.to_yuan(),
            "status": status,
            "order_status": order_status,
            "rest_amount": hold.rest_fen.to_yuan(),
            "total_freeze_amount": hold.amount_fen.to_yuan(),
            "total_pay_amount": hold.paid_fen.to_yuan(),
        });
        if let Some((number, fen)) = hold.released.iter().find(|(known, _)| known == number) {
            node["out_request_no"] = json!(number);
            node["operation_type"] = json!("UNFREEZE");
            node["amount"] = json!(fen.to_yuan());
        } else if !number.is_empty() && number != hold.out_request_no {
            return Err(Refusal::business("AUTH_OPERATION_NOT_EXIST").into());
        }
        if hold.held_ms > 0 {
            node["gmt_trans"] = json!(to_beijing(hold.held_ms));
            node["payer_open_id"] = json!(hold.payer_open_id);
        }
        Ok(success(node))
    }

    /// `alipay.fund.auth.operation.cancel`: closes what is not confirmed, lets go what is.
    pub(super) async fn cancel_operation(&self, wanted: &Value) -> Result<Value, Failure> {
        let _changing = self.inner.changing.lock().await;
        let mut hold = self.find_hold(wanted).await?;
        let action = match hold.status {
            HoldStatus::Init | HoldStatus::Ended => {
                hold.status = HoldStatus::Ended;
                "close"
            }
            HoldStatus::Authorized | HoldStatus::Closed => {
                (hold.status, hold.rest_fen) = (HoldStatus::Closed, Fen::ZERO);
                "unfreeze"
            }
            HoldStatus::Finish => return Err(Refusal::business("AUTH_ORDER_HAS_FINISHED").into()),
        };
        self.put_hold(&hold).await?;
        Ok(success(json!({
            "auth_no": hold.auth_no,
            "out_order_no": hold.out_order_no,
            "operation_id": hold.operation_id,
            "out_request_no": hold.out_request_no,
            "action": action,
        })))
    }

    /// `alipay.fund.auth.order.unfreeze`: once for each `out_request_no`, never more than is left.
    pub(super) async fn unfreeze(&self, wanted: &Value) -> Result<Value, Failure> {
        let amount_fen = amount(wanted, "amount")?;
        let number = text(wanted, "out_request_no");
        let remark = text(wanted, "remark");
        if number.is_empty() || remark.is_empty() || remark.chars().count() > 100 {
            return Err(Refusal::business("INVALID_PARAMETER").into());
        }
        let _changing = self.inner.changing.lock().await;
        let mut hold = self.find_hold(wanted).await?;
        match hold.released.iter().find(|(known, _)| known == number) {
            Some((_, before_fen)) if *before_fen == amount_fen => {}
            Some(_) => return Err(Refusal::business("REQUEST_AMOUNT_EXCEED").into()),
            None => {
                match hold.status {
                    HoldStatus::Authorized => {}
                    HoldStatus::Finish => {
                        return Err(Refusal::business("AUTH_ORDER_HAS_FINISHED").into());
                    }
                    _ => return Err(Refusal::business("AUTH_ORDER_HAS_CLOSED").into()),
                }
                if amount_fen > hold.rest_fen {
                    return Err(Refusal::business("UNFREEZE_AMOUNT_NOT_ENOUGH").into());
                }
                hold.rest_fen -= amount_fen;
                if hold.rest_fen == Fen::ZERO {
                    hold.status = HoldStatus::Closed;
                }
                hold.released.push((number.to_owned(), amount_fen));
                let change = Change::Unfreeze(number.to_owned(), amount_fen);
                self.put_hold_and_report(&mut hold, &change, Lateness::None).await?;
            }
        }
        Ok(success(json!({
            "auth_no": hold.auth_no,
            "out_order_no": hold.out_order_no,
            "operation_id": hold.operation_id,
            "out_request_no": number,
            "amount": amount_fen.to_yuan(),
            "status": "SUCCESS",
        })))
    }

    /// `alipay.trade.pay` out of a hold.
    pub(super) async fn pay_of_hold(
        &self,
        params: &Params,
        wanted: &Value,
    ) -> Result<Value, Failure> {
        let buyer = [text(wanted, "buyer_open_id"), text(wanted, "buyer_id")].concat();
        let right = text(wanted, "product_code") == "PRE_AUTH_ONLINE"
            && text(wanted, "seller_id") == SELLER_ID
            && matches!(text(wanted, "auth_confirm_mode"), "" | "COMPLETE" | "NOT_COMPLETE")
            && !text(wanted, "auth_no").is_empty();
        if !right {
            return Err(Refusal::business("ACQ.INVALID_PARAMETER").into());
        }
        let mut new = self.new_trade(params, wanted, &buyer)?;
        let _changing = self.inner.changing.lock().await;
        if let Some(known) = self.trade(&new.out_trade_no).await? {
            let same = known.total_fen == new.total_fen && known.auth_no == text(wanted, "auth_no");
            let refusal = if same { "ACQ.TRADE_HAS_SUCCESS" } else { "ACQ.CONTEXT_INCONSISTENT" };
            return Err(Refusal::business(refusal).into());
        }
        let mut hold = self.find_hold(wanted).await?;
        match hold.status {
            HoldStatus::Authorized => {}
            HoldStatus::Finish => {
                return Err(Refusal::business("ACQ.AUTH_ORDER_HAS_FINISHED").into());
            }
            _ => return Err(Refusal::business("ACQ.AUTH_ORDER_HAS_CLOSED").into()),
        }
        if new.total_fen > hold.rest_fen {
            return Err(Refusal::business("ACQ.AUTH_AMOUNT_NOT_ENOUGH").into());
        }
        if buyer != hold.payer_open_id {
            return Err(Refusal::business("ACQ.BUYER_NOT_MATCH").into());
        }
        hold.paid_fen += new.total_fen;
        hold.rest_fen -= new.total_fen;
        if text(wanted, "auth_confirm_mode") == "COMPLETE" || hold.rest_fen == Fen::ZERO {
            (hold.rest_fen, hold.status) = (Fen::ZERO, HoldStatus::Finish);
        }
        new.auth_no.clone_from(&hold.auth_no);
        (new.status, new.paid_ms) = (Status::TradeSuccess, self.now_ms());
        self.put_new(&new).await?;
        self.put_hold(&hold).await?;
        Ok(success(paid_node(&new)))
    }

    async fn find_hold(&self, wanted: &Value) -> Result<Hold, Failure> {
        let found = match (text(wanted, "auth_no"), text(wanted, "out_order_no")) {
            ("", "") => return Err(Refusal::business("INVALID_PARAMETER").into()),
            ("", out_order_no) => self.hold(out_order_no).await?,
            (auth_no, _) => self.hold_by_no(auth_no).await?,
        };
        found.ok_or(Refusal::business("AUTH_ORDER_NOT_EXIST").into())
    }
}

fn paid_node(trade: &Trade) -> Value {
    json!({
        "trade_no": trade.trade_no,
        "out_trade_no": trade.out_trade_no,
        "total_amount": trade.total_fen.to_yuan(),
        "receipt_amount": trade.total_fen.to_yuan(),
        "buyer_pay_amount": trade.total_fen.to_yuan(),
        "gmt_payment": to_beijing(trade.paid_ms),
        "buyer_open_id": trade.buyer_open_id,
        "auth_trade_pay_mode": "CREDIT_PREAUTH_PAY",
        "fund_bill_list": [{"fund_channel": "ALIPAYACCOUNT", "amount": trade.total_fen.to_yuan()}],
    })
}

fn timeout_ms(written: &str) -> Option<i64> {
    let (number, unit) = written.split_at_checked(written.len().checked_sub(1)?)?;
    let unit_ms = match unit {
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 24 * 3_600_000,
        _ => return None,
    };
    let ms = number.parse::<i64>().ok()?.checked_mul(unit_ms)?;
    (60_000..=TIMEOUT_MAX_MS).contains(&ms).then_some(ms)
}
