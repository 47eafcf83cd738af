//! Refunds: taken at once, done a little later, once for each number, never more than was paid.

use std::time::Duration;

use serde_json::{Value, json};
use wasm_core::money::Fen;

use super::delivery::Lateness;
use super::faults::RefundFault;
use super::gateway::Call;
use super::order::{Order, Refund};
use super::platform::{MCHID, Platform, digits};
use super::reply::{Failure, Reply, bad, demand, fen, invalid, no, notify_url, number, text};
use super::time::{compact, rfc3339};

/// Money goes back within a year.
const REFUNDABLE_MS: i64 = 365 * 24 * 60 * 60 * 1_000;

/// An order is refunded at most this often.
const REFUNDS_MAX: usize = 50;

/// A duration in milliseconds.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Platform {
    /// `POST /v3/refund/domestic/refunds`
    pub(super) async fn refund(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let wanted = &call.body;
        let out_refund_no = number(wanted, "out_refund_no", 64)?;
        let url = notify_url(wanted, false)?;
        let amount_fen = fen(&wanted["amount"]["refund"])?;
        let total_fen = fen(&wanted["amount"]["total"])?;
        demand(text(&wanted["amount"], "currency") == "CNY", bad("币种错误"))?;
        let found = match (text(wanted, "transaction_id"), text(wanted, "out_trade_no")) {
            ("", "") => return Err(bad("缺少订单号").into()),
            ("", out_trade_no) => self.order(out_trade_no).await?,
            (id, _) => self.order_by("transaction", id).await?,
        };
        let mut order = found.ok_or(no(404, "RESOURCE_NOT_EXISTS", "订单不存在"))?;
        if let Some(known) = self.order_by("refund", &out_refund_no).await? {
            let of_another = known.out_trade_no != order.out_trade_no;
            demand(!of_another, invalid("商户退款单号已用于其他订单"))?;
        }
        let known = order.refunds.iter().find(|refund| refund.out_refund_no == out_refund_no);
        if let Some(refund) = known {
            demand(refund.amount_fen == amount_fen, invalid("订单金额或退款金额与之前请求不一致"))?;
            return Ok(Reply::ok(&self.refund_json(&order, refund)));
        }
        demand(total_fen == order.total_fen, invalid("订单金额与实际不一致"))?;
        self.may_refund(&order, amount_fen)?;
        let refund = self.new_refund(out_refund_no, amount_fen);
        self.index("refund", &refund.out_refund_no, &order).await?;
        order.refunds.push(refund.clone());
        self.put(&order).await?;
        self.report_refund(&order, &refund, &url).await?;
        Ok(Reply::ok(&self.refund_json(&order, &refund)))
    }

    fn may_refund(&self, order: &Order, amount_fen: Fen) -> Result<(), Failure> {
        let now_ms = self.now_ms();
        demand(order.is_paid(now_ms), invalid("订单未支付"))?;
        demand(now_ms - order.paid_ms <= REFUNDABLE_MS, invalid("订单已超过退款期限"))?;
        let fits = order.refunded_fen() + amount_fen <= order.total_fen;
        demand(fits, invalid("累计退款金额大于支付金额"))?;
        demand(order.refunds.len() < REFUNDS_MAX, invalid("退款次数超限"))?;
        let enough = self.faults().refund != RefundFault::NotEnough;
        Ok(demand(enough, no(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起"))?)
    }

    fn new_refund(&self, out_refund_no: String, amount_fen: Fen) -> Refund {
        let (now_ms, faults) = (self.now_ms(), self.faults());
        let end = match faults.refund {
            RefundFault::Abnormal => "ABNORMAL",
            RefundFault::Closed => "CLOSED",
            RefundFault::None | RefundFault::NotEnough => "SUCCESS",
        };
        Refund {
            out_refund_no,
            refund_id: format!("503{}{}", digits::<12>(), compact(now_ms)),
            amount_fen,
            created_ms: now_ms,
            ends_ms: now_ms + millis(faults.takes),
            end: end.to_owned(),
        }
    }

    /// `GET /v3/refund/domestic/refunds/{out_refund_no}`
    pub(super) async fn query_refund(&self, out_refund_no: &str) -> Result<Reply, Failure> {
        let missing = no(404, "RESOURCE_NOT_EXISTS", "退款单不存在");
        let order = self.order_by("refund", out_refund_no).await?.ok_or(missing)?;
        let mut refunds = order.refunds.iter();
        let refund = refunds.find(|refund| refund.out_refund_no == out_refund_no).ok_or(missing)?;
        Ok(Reply::ok(&self.refund_json(&order, refund)))
    }

    fn refund_json(&self, order: &Order, refund: &Refund) -> Value {
        let status = refund.status(self.now_ms());
        let mut told = json!({
            "refund_id": refund.refund_id,
            "out_refund_no": refund.out_refund_no,
            "transaction_id": order.transaction_id,
            "out_trade_no": order.out_trade_no,
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "create_time": rfc3339(refund.created_ms),
            "status": status,
            "funds_account": "AVAILABLE",
            "amount": {
                "total": order.total_fen.0,
                "refund": refund.amount_fen.0,
                "payer_total": order.total_fen.0,
                "payer_refund": refund.amount_fen.0,
                "settlement_total": order.total_fen.0,
                "settlement_refund": refund.amount_fen.0,
                "discount_refund": 0,
                "currency": "CNY",
            },
        });
        if status == "SUCCESS" {
            told["success_time"] = json!(rfc3339(refund.ends_ms));
        }
        told
    }

    /// Reports the end of a refund when it comes.
    async fn report_refund(
        &self,
        order: &Order,
        refund: &Refund,
        url: &str,
    ) -> Result<(), Failure> {
        let mut told = json!({
            "mchid": MCHID,
            "out_trade_no": order.out_trade_no,
            "transaction_id": order.transaction_id,
            "out_refund_no": refund.out_refund_no,
            "refund_id": refund.refund_id,
            "refund_status": refund.end,
            "user_received_account": "支付用户零钱",
            "amount": {
                "total": order.total_fen.0,
                "refund": refund.amount_fen.0,
                "payer_total": order.total_fen.0,
                "payer_refund": refund.amount_fen.0,
            },
        });
        let event = match refund.end.as_str() {
            "ABNORMAL" => "REFUND.ABNORMAL",
            "CLOSED" => "REFUND.CLOSED",
            _ => {
                told["success_time"] = json!(rfc3339(refund.ends_ms));
                "REFUND.SUCCESS"
            }
        };
        self.report(url, (event, "refund"), told, refund.ends_ms, Lateness::None).await?;
        Ok(())
    }
}
