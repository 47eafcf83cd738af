//! `PayScore` (支付分) by the rules of two-wheeler charging: created with a tariff and no amount,
//! confirmed by the rider, completed with tariff and time used, deducted a little later.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wasm_core::money::Fen;

use super::cashier::VIEW_PATH;
use super::delivery::Lateness;
use super::gateway::{Call, unknown};
use super::order::{Kind, Order};
use super::platform::{APPID, MCHID, Platform, SERVICE_ID, digits};
use super::refund::millis;
use super::reply::{
    Failure, Refusal, Reply, bad, demand, fen, invalid, no, notify_url, number, text,
};
use super::time::{compact, from_compact};
use crate::demo::cashier::{Asks, Sheet, Standing};
use crate::random;
use crate::store::StoreError;

/// The item of the price list.
const TARIFF: &str = "收费标准";
/// The item of the time used.
const TIME_USED: &str = "使用时长";
/// An order that is not completed expires after thirty days.
const EXPIRES_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// Where a service order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    Created,
    Confirmed,
    Completed,
    Revoked,
}

/// A service order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Score {
    out_order_no: String,
    order_id: String,
    package: String,
    /// What was asked for, as it was sent; completion adds to it.
    wanted: Value,
    notify_url: String,
    risk_fen: Fen,
    openid: String,
    stage: Stage,
    created_ms: i64,
    total_fen: Fen,
    transaction_id: String,
    /// When the money is, or will be, deducted; 0 = not, or outside of the platform.
    paid_ms: i64,
    /// Paid in another way, as the merchant said.
    synced: bool,
}

impl Score {
    fn state(&self, now_ms: i64) -> (&'static str, &'static str) {
        let paid = self.synced || self.total_fen == Fen(0) || (1..=now_ms).contains(&self.paid_ms);
        let late = now_ms - self.created_ms >= EXPIRES_MS;
        match self.stage {
            Stage::Revoked => ("REVOKED", ""),
            Stage::Completed if paid => ("DONE", ""),
            Stage::Completed => ("DOING", "MCH_COMPLETE"),
            _ if late => ("EXPIRED", ""),
            Stage::Created => ("CREATED", ""),
            Stage::Confirmed => ("DOING", "USER_CONFIRM"),
        }
    }

    fn to_json(&self, now_ms: i64) -> Value {
        let (state, description) = self.state(now_ms);
        let mut told = self.wanted.clone();
        told["mchid"] = json!(MCHID);
        told["order_id"] = json!(self.order_id);
        told["openid"] = json!(self.openid);
        told["state"] = json!(state);
        if !description.is_empty() {
            told["state_description"] = json!(description);
        }
        if self.stage == Stage::Completed {
            let total = self.total_fen.0;
            let paid = if state == "DONE" { total } else { 0 };
            told["total_amount"] = json!(total);
            told["need_collection"] = json!(total > 0);
            told["collection"] = json!({
                "state": if state == "DONE" { "USER_PAID" } else { "USER_PAYING" },
                "total_amount": total,
                "paying_amount": total - paid,
                "paid_amount": paid,
            });
            if state == "DONE" && !self.synced && total > 0 {
                told["collection"]["details"] = json!([{
                    "seq": 1, "amount": total, "paid_type": "NEWTON",
                    "paid_time": compact(self.paid_ms), "transaction_id": self.transaction_id,
                }]);
            }
        }
        told
    }

    /// What the rider confirms.
    pub(super) fn sheet(&self, package: &str, return_url: &str) -> Sheet {
        let standing = match self.stage {
            Stage::Created => Standing::Waiting,
            _ => Standing::Over("服务已确认", "The service is confirmed"),
        };
        Sheet {
            asks: Asks::Hold,
            amount: self.risk_fen.to_string(),
            item: text(&self.wanted, "service_introduction").to_owned(),
            number: self.out_order_no.clone(),
            action: VIEW_PATH.to_owned(),
            hidden: vec![("package", package.to_owned()), ("return_url", return_url.to_owned())],
            standing,
            back: return_url.to_owned(),
        }
    }
}

impl Platform {
    /// `/v3/payscore/serviceorder…`
    pub(super) async fn score(
        &self,
        method: &str,
        path: &[&str],
        call: &Call<'_>,
    ) -> Result<Reply, Failure> {
        match (method, path) {
            ("POST", []) => self.open_score(&call.body).await,
            ("GET", []) => {
                ours(call.query("appid"), call.query("service_id"))?;
                let score = self.find_score(call.query("out_order_no")).await?;
                Ok(Reply::ok(&score.to_json(self.now_ms())))
            }
            ("POST", [number, deed]) => {
                ours(text(&call.body, "appid"), text(&call.body, "service_id"))?;
                let score = self.find_score(number).await?;
                match *deed {
                    "complete" => self.complete(score, &call.body).await,
                    "cancel" => self.cancel(score, &call.body).await,
                    "modify" => self.modify(score, &call.body).await,
                    "sync" => self.sync(score, &call.body).await,
                    _ => Err(unknown().into()),
                }
            }
            _ => Err(unknown().into()),
        }
    }

    async fn find_score(&self, number: &str) -> Result<Score, Failure> {
        let found = self.read(&format!("score/{number}")).await?;
        Ok(found.ok_or(no(404, "ORDER_NOT_EXIST", "服务订单不存在"))?)
    }

    pub(super) async fn score_by_package(
        &self,
        package: &str,
    ) -> Result<Option<Score>, StoreError> {
        match self.read::<String>(&format!("package/{package}")).await? {
            Some(number) => self.read(&format!("score/{number}")).await,
            None => Ok(None),
        }
    }

    async fn put_score(&self, score: &Score) -> Result<Reply, Failure> {
        self.write(&format!("score/{}", score.out_order_no), score).await?;
        Ok(Reply::ok(&score.to_json(self.now_ms())))
    }

    async fn open_score(&self, wanted: &Value) -> Result<Reply, Failure> {
        let score = self.new_score(wanted)?;
        let known: Option<Score> = self.read(&format!("score/{}", score.out_order_no)).await?;
        let score = match known {
            Some(known) if known.wanted != *wanted => {
                return Err(no(400, "INVALID_REQUEST", "商户订单号已存在，且参数不一致").into());
            }
            Some(known) => known,
            None => {
                self.write(&format!("package/{}", score.package), &score.out_order_no).await?;
                self.put_score(&score).await?;
                score
            }
        };
        let mut told = score.to_json(self.now_ms());
        told["package"] = json!(score.package);
        Ok(Reply::ok(&told))
    }

    fn new_score(&self, wanted: &Value) -> Result<Score, Refusal> {
        ours(text(wanted, "appid"), text(wanted, "service_id"))?;
        let introduction = text(wanted, "service_introduction").chars().count();
        demand((1..=20).contains(&introduction), bad("服务信息为空或过长"))?;
        let start = text(&wanted["time_range"], "start_time");
        let start_right = start == "OnAccept" || from_compact(start).is_some();
        demand(start_right, bad("服务开始时间错误"))?;
        let fund = &wanted["risk_fund"];
        let names = ["DEPOSIT", "ADVANCE", "CASH_DEPOSIT", "ESTIMATE_ORDER_COST"];
        demand(names.contains(&text(fund, "name")), bad("服务风险金名称错误"))?;
        let device = text(&wanted["device"], "start_device_id");
        demand(!device.is_empty(), bad("无人设备必须上传服务开始的设备 ID"))?;
        tariff_only(&wanted["post_payments"])?;
        let confirms = wanted["need_user_confirm"].as_bool();
        demand(confirms == Some(true), bad("该服务须由用户确认"))?;
        let now_ms = self.now_ms();
        Ok(Score {
            out_order_no: number(wanted, "out_order_no", 32)?,
            order_id: format!("1500{}{}", digits::<18>(), compact(now_ms)),
            package: random::base32::<64>(),
            wanted: wanted.clone(),
            notify_url: notify_url(wanted, true)?,
            risk_fen: fen(&fund["amount"])?,
            openid: String::new(),
            stage: Stage::Created,
            created_ms: now_ms,
            total_fen: Fen(0),
            transaction_id: String::new(),
            paid_ms: 0,
            synced: false,
        })
    }

    /// The rider agrees.
    pub(super) async fn confirm_score(
        &self,
        package: &str,
        payer: &str,
        lateness: Lateness,
    ) -> Result<(), StoreError> {
        let _changing = self.inner.changing.lock().await;
        let Some(mut score) = self.score_by_package(package).await? else { return Ok(()) };
        let now_ms = self.now_ms();
        if score.state(now_ms).0 != "CREATED" {
            return Ok(());
        }
        score.stage = Stage::Confirmed;
        payer.clone_into(&mut score.openid);
        self.write(&format!("score/{}", score.out_order_no), &score).await?;
        let event = ("PAYSCORE.USER_CONFIRM", "payscore");
        self.report(&score.notify_url, event, score.to_json(now_ms), now_ms, lateness).await
    }

    async fn complete(&self, mut score: Score, wanted: &Value) -> Result<Reply, Failure> {
        let total_fen = total(wanted)?;
        let now_ms = self.now_ms();
        if score.stage == Stage::Completed {
            demand(score.total_fen == total_fen, wrong_state())?;
            return Ok(Reply::ok(&score.to_json(now_ms)));
        }
        demand(score.state(now_ms) == ("DOING", "USER_CONFIRM"), wrong_state())?;
        demand(total_fen <= score.risk_fen, bad("总金额不能超过服务风险金额"))?;
        let end = text(&wanted["time_range"], "end_time");
        demand(from_compact(end).is_some(), bad("服务结束时间错误"))?;
        completed_items(&wanted["post_payments"])?;
        score.stage = Stage::Completed;
        score.wanted["post_payments"] = wanted["post_payments"].clone();
        score.wanted["time_range"]["end_time"] = json!(end);
        self.deduct(score, total_fen).await
    }

    /// Starts the deduction of what is due, unless the rider cannot pay.
    async fn deduct(&self, mut score: Score, total_fen: Fen) -> Result<Reply, Failure> {
        let (now_ms, faults) = (self.now_ms(), self.faults());
        score.total_fen = total_fen;
        if total_fen > Fen(0) && !faults.score_unpaid {
            score.paid_ms = now_ms + millis(faults.takes);
            score.transaction_id = format!("4200{}{}", digits::<10>(), compact(now_ms));
            self.put_new(&deducted(&score, now_ms)).await?;
        }
        let reply = self.put_score(&score).await?;
        if score.paid_ms > 0 {
            let told = score.to_json(score.paid_ms);
            let event = ("PAYSCORE.USER_PAID", "payscore");
            self.report(&score.notify_url, event, told, score.paid_ms, Lateness::None).await?;
        }
        Ok(reply)
    }

    async fn cancel(&self, mut score: Score, wanted: &Value) -> Result<Reply, Failure> {
        let reason = text(wanted, "reason").chars().count();
        demand((1..=50).contains(&reason), bad("撤销原因为空或过长"))?;
        let state = score.state(self.now_ms());
        let cancellable = matches!(state, ("CREATED" | "REVOKED", _) | ("DOING", "USER_CONFIRM"));
        demand(cancellable, wrong_state())?;
        score.stage = Stage::Revoked;
        self.put_score(&score).await
    }

    /// Only downwards, and only while the rider has not paid.
    async fn modify(&self, mut score: Score, wanted: &Value) -> Result<Reply, Failure> {
        let total_fen = total(wanted)?;
        let waiting = score.state(self.now_ms()) == ("DOING", "MCH_COMPLETE");
        demand(waiting && score.paid_ms == 0, wrong_state())?;
        demand(total_fen < score.total_fen, bad("修改后的金额须小于原金额"))?;
        demand(!text(wanted, "reason").is_empty(), bad("修改原因不能为空"))?;
        completed_items(&wanted["post_payments"])?;
        score.wanted["post_payments"] = wanted["post_payments"].clone();
        self.deduct(score, total_fen).await
    }

    /// The rider has paid in another way.
    async fn sync(&self, mut score: Score, wanted: &Value) -> Result<Reply, Failure> {
        demand(text(wanted, "type") == "Order_Paid", bad("场景类型错误"))?;
        let paid = from_compact(text(&wanted["detail"], "paid_time"));
        demand(paid.is_some(), bad("收款成功时间错误"))?;
        demand(score.state(self.now_ms()).1 == "MCH_COMPLETE", wrong_state())?;
        score.synced = true;
        self.put_score(&score).await
    }
}

/// The deduction as an order, to be refunded by its number at the platform.
fn deducted(score: &Score, now_ms: i64) -> Order {
    Order {
        out_trade_no: format!("payscore/{}", score.order_id),
        transaction_id: score.transaction_id.clone(),
        prepay_id: String::new(),
        kind: Kind::Auth,
        description: text(&score.wanted, "service_introduction").to_owned(),
        // In bills the merchant's number is found here only.
        attach: score.out_order_no.clone(),
        notify_url: String::new(),
        total_fen: score.total_fen,
        openid: score.openid.clone(),
        profit_sharing: score.wanted["profit_sharing"].as_bool().unwrap_or(false),
        created_ms: now_ms,
        expires_ms: i64::MAX,
        paid_ms: score.paid_ms,
        closed: false,
        return_url: String::new(),
        refunds: Vec::new(),
        shares: Vec::new(),
        returns: Vec::new(),
    }
}

fn ours(appid: &str, service_id: &str) -> Result<(), Refusal> {
    demand(appid == APPID, no(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配"))?;
    demand(service_id == SERVICE_ID, no(403, "NO_AUTH", "服务 ID 不属于该商户"))
}

fn wrong_state() -> Refusal {
    no(400, "INVALID_ORDER_STATE", "单据状态错误")
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[][..], Vec::as_slice)
}

/// At creation: the tariff, in at most 30 characters, without amount or count.
fn tariff_only(payments: &Value) -> Result<(), Refusal> {
    let [one] = items(payments) else {
        return Err(invalid("两轮车充电：创建时只能有一个付费项目"));
    };
    let length = text(one, "description").chars().count();
    let right = text(one, "name") == TARIFF
        && (1..=30).contains(&length)
        && one["amount"].is_null()
        && one["count"].is_null();
    demand(right, invalid("两轮车充电：付费项目须为收费标准，且不带金额"))
}

/// At completion: tariff and time used, nothing else.
fn completed_items(payments: &Value) -> Result<(), Refusal> {
    let mut names: Vec<&str> = items(payments).iter().map(|one| text(one, "name")).collect();
    names.sort_unstable();
    let mut right = [TARIFF, TIME_USED];
    right.sort_unstable();
    demand(names == right, invalid("两轮车充电：完结时须为收费标准和使用时长"))
}

/// What is due: payments less discounts, as the sum also says.
fn total(wanted: &Value) -> Result<Fen, Refusal> {
    let sum = |value: &Value| -> i64 {
        let each = items(value).iter();
        each.map(|one| one["amount"].as_i64().unwrap_or(0) * one["count"].as_i64().unwrap_or(1))
            .sum()
    };
    let due = sum(&wanted["post_payments"]) - sum(&wanted["post_discounts"]);
    let total = wanted["total_amount"].as_i64().filter(|total| *total >= 0);
    let total = total.ok_or(bad("总金额错误"))?;
    demand(total == due, bad("总金额与付费项目不符"))?;
    Ok(Fen(total))
}
