//! Profit sharing: receivers, shares, what is kept back, and parts that come back.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wasm_core::money::Fen;

use super::gateway::{Call, unknown};
use super::order::{FROZEN_MS, Order, Part, Return, Share};
use super::platform::{APPID, MCHID, Platform, digits};
use super::refund::millis;
use super::reply::{Failure, Refusal, Reply, bad, demand, fen, invalid, no, number, text};
use super::time::{compact, rfc3339};

/// Receivers of a merchant.
const RECEIVERS_MAX: usize = 20_000;
/// Receivers in one request, and requests for one order.
const PARTS_MAX: usize = 50;
/// A payment can be shared after this long: one minute.
const SHARED_AFTER_MS: i64 = 60_000;

const RELATIONS: [&str; 10] = [
    "STORE",
    "STAFF",
    "STORE_OWNER",
    "PARTNER",
    "HEADQUARTER",
    "BRAND",
    "DISTRIBUTOR",
    "USER",
    "SUPPLIER",
    "CUSTOM",
];

/// Who may be given a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Receiver {
    kind: String,
    account: String,
    name: String,
}

impl Platform {
    /// `/v3/profitsharing/…`
    pub(super) async fn sharing(
        &self,
        method: &str,
        path: &[&str],
        call: &Call<'_>,
    ) -> Result<Reply, Failure> {
        match (method, path) {
            ("POST", ["receivers", "add"]) => self.add_receiver(call).await,
            ("POST", ["receivers", "delete"]) => self.delete_receiver(&call.body).await,
            ("POST", ["orders"]) => self.share(call).await,
            ("POST", ["orders", "unfreeze"]) => self.unfreeze(&call.body).await,
            ("GET", ["orders", number]) => self.query_share(number, call).await,
            ("POST", ["return-orders"]) => self.give_back(&call.body).await,
            ("GET", ["return-orders", number]) => self.query_return(number, call).await,
            ("GET", ["transactions", id, "amounts"]) => {
                let order = self.shared_order(id).await?;
                Ok(Reply::ok(&json!({
                    "transaction_id": order.transaction_id,
                    "unsplit_amount": order.frozen_fen(self.now_ms()).0,
                })))
            }
            _ => Err(unknown().into()),
        }
    }

    async fn receivers(&self) -> Result<Vec<Receiver>, Failure> {
        Ok(self.read("receivers").await?.unwrap_or_default())
    }

    async fn add_receiver(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let wanted = &call.body;
        let (kind, account, name) = self.receiver(wanted, call.serial)?;
        demand(kind != "MERCHANT_ID" || !name.is_empty(), bad("商户全称不能为空"))?;
        let relation = text(wanted, "relation_type");
        demand(RELATIONS.contains(&relation), bad("与分账方的关系类型错误"))?;
        let custom = text(wanted, "custom_relation").chars().count();
        let named = relation != "CUSTOM" || (1..=10).contains(&custom);
        demand(named, bad("自定义的分账关系不能为空"))?;
        let mut receivers = self.receivers().await?;
        receivers.retain(|known| known.account != account || known.kind != kind);
        demand(receivers.len() < RECEIVERS_MAX, no(403, "RULE_LIMIT", "分账接收方数量超限"))?;
        receivers.push(Receiver { kind: kind.clone(), account: account.clone(), name });
        self.write("receivers", &receivers).await?;
        let mut told = json!({"type": kind, "account": account, "relation_type": relation});
        if !wanted["name"].is_null() {
            told["name"] = wanted["name"].clone();
        }
        Ok(Reply::ok(&told))
    }

    /// Kind, account and decrypted name of a receiver.
    fn receiver(&self, wanted: &Value, serial: &str) -> Result<(String, String, String), Refusal> {
        let (kind, account) = (text(wanted, "type"), text(wanted, "account"));
        let matches = matches!(text(wanted, "appid"), "" | APPID);
        demand(matches, no(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配"))?;
        let known = matches!(kind, "MERCHANT_ID" | "PERSONAL_OPENID");
        demand(known && !account.is_empty(), bad("分账接收方类型或账号错误"))?;
        let name = match text(wanted, "name") {
            "" => String::new(),
            sealed => self.decrypt(serial, sealed).ok_or(bad("敏感信息解密失败"))?,
        };
        Ok((kind.to_owned(), account.to_owned(), name))
    }

    async fn delete_receiver(&self, wanted: &Value) -> Result<Reply, Failure> {
        let (kind, account, _) = self.receiver(wanted, "")?;
        let mut receivers = self.receivers().await?;
        receivers.retain(|known| known.account != account || known.kind != kind);
        self.write("receivers", &receivers).await?;
        Ok(Reply::ok(&json!({"type": kind, "account": account})))
    }

    /// The order of a platform's number, if it is one that can be shared.
    async fn shared_order(&self, id: &str) -> Result<Order, Failure> {
        let order = self.order_by("transaction", id).await?;
        let order = order.filter(|order| order.is_paid(self.now_ms()));
        let order = order.ok_or(no(404, "RESOURCE_NOT_EXISTS", "订单不存在"))?;
        demand(order.profit_sharing, invalid("非分账订单不支持分账"))?;
        Ok(order)
    }

    async fn share(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let wanted = &call.body;
        let out_order_no = number(wanted, "out_order_no", 64)?;
        let mut order = self.shared_order(text(wanted, "transaction_id")).await?;
        let unfreezes = wanted["unfreeze_unsplit"].as_bool().ok_or(bad("缺少解冻标志"))?;
        let parts = self.parts(call).await?;
        if let Some(known) = find(&order, &out_order_no) {
            let bare = |parts: &[Part]| -> Vec<(String, String, Fen)> {
                let parts = parts.iter();
                parts.map(|it| (it.kind.clone(), it.account.clone(), it.amount_fen)).collect()
            };
            demand(bare(&known.parts) == bare(&parts), invalid("分账单号已存在，且参数不一致"))?;
            return Ok(Reply::ok(&self.share_json(&order, known)));
        }
        self.may_share(&order, &parts)?;
        let share = self.new_share(out_order_no, parts, unfreezes);
        self.index("share", &share.out_order_no, &order).await?;
        order.shares.push(share.clone());
        self.put(&order).await?;
        Ok(Reply::ok(&self.share_json(&order, &share)))
    }

    async fn parts(&self, call: &Call<'_>) -> Result<Vec<Part>, Failure> {
        let wanted = call.body["receivers"].as_array().map_or(&[][..], Vec::as_slice);
        let fits = (1..=PARTS_MAX).contains(&wanted.len());
        demand(fits, bad("分账接收方列表为空或超过 50 个"))?;
        let receivers = self.receivers().await?;
        let mut parts = Vec::new();
        for one in wanted {
            let (kind, account, name) = self.receiver(one, call.serial)?;
            let description = text(one, "description");
            demand((1..=80).contains(&description.chars().count()), bad("分账描述为空或过长"))?;
            let known = receivers.iter().find(|it| it.kind == kind && it.account == account);
            let fail_reason = match known {
                None => "NO_RELATION",
                Some(known) if !name.is_empty() && known.name != name => {
                    return Err(invalid("分账接收方姓名不一致").into());
                }
                Some(_) => "",
            };
            parts.push(Part {
                kind,
                account,
                amount_fen: fen(&one["amount"])?,
                description: description.to_owned(),
                detail_id: format!("360{}", digits::<20>()),
                fail_reason: fail_reason.to_owned(),
            });
        }
        Ok(parts)
    }

    fn may_share(&self, order: &Order, parts: &[Part]) -> Result<(), Refusal> {
        let now_ms = self.now_ms();
        let since_ms = now_ms - order.paid_ms;
        demand(since_ms >= SHARED_AFTER_MS, invalid("订单处理中，暂时无法分账，请稍后再试"))?;
        let open = since_ms < FROZEN_MS && !order.shares.iter().any(|share| share.unfreezes);
        demand(open, invalid("分账已完结"))?;
        demand(order.shares.len() < PARTS_MAX, no(403, "RULE_LIMIT", "分账次数超限"))?;
        let new_fen: Fen = parts.iter().map(|part| part.amount_fen).sum();
        let permille = self.faults().share_max_permille;
        let most_fen = Fen(order.total_fen.0 * permille / 1_000);
        let fits = order.shared_fen() + new_fen <= most_fen;
        demand(fits, no(403, "RULE_LIMIT", "分账金额超出最大分账比例"))?;
        let enough = new_fen <= order.frozen_fen(now_ms);
        demand(enough, no(403, "NOT_ENOUGH", "分账金额不足"))
    }

    fn new_share(&self, out_order_no: String, parts: Vec<Part>, unfreezes: bool) -> Share {
        let now_ms = self.now_ms();
        Share {
            out_order_no,
            order_id: format!("3008{}{}", digits::<10>(), compact(now_ms)),
            parts,
            unfreezes,
            created_ms: now_ms,
            ends_ms: now_ms + millis(self.faults().takes),
        }
    }

    /// `…/orders/unfreeze`: the rest goes to the merchant.
    async fn unfreeze(&self, wanted: &Value) -> Result<Reply, Failure> {
        let out_order_no = number(wanted, "out_order_no", 64)?;
        let description = text(wanted, "description");
        demand((1..=80).contains(&description.chars().count()), bad("分账描述为空或过长"))?;
        let mut order = self.shared_order(text(wanted, "transaction_id")).await?;
        if let Some(known) = find(&order, &out_order_no) {
            return Ok(Reply::ok(&self.share_json(&order, known)));
        }
        let done = order.shares.iter().any(|share| share.unfreezes);
        demand(!done, invalid("分账已完结"))?;
        let share = self.new_share(out_order_no, Vec::new(), true);
        self.index("share", &share.out_order_no, &order).await?;
        order.shares.push(share.clone());
        self.put(&order).await?;
        Ok(Reply::ok(&self.share_json(&order, &share)))
    }

    async fn query_share(&self, out_order_no: &str, call: &Call<'_>) -> Result<Reply, Failure> {
        let missing = no(404, "RESOURCE_NOT_EXISTS", "分账单不存在");
        let order = self.shared_order(call.query("transaction_id")).await?;
        let share = find(&order, out_order_no).ok_or(missing)?;
        Ok(Reply::ok(&self.share_json(&order, share)))
    }

    fn share_json(&self, order: &Order, share: &Share) -> Value {
        let over = self.now_ms() >= share.ends_ms;
        let one = |part: &Part| {
            let result = match part.fail_reason.as_str() {
                _ if !over => "PENDING",
                "" => "SUCCESS",
                _ => "CLOSED",
            };
            let mut told = json!({
                "type": part.kind,
                "account": part.account,
                "amount": part.amount_fen.0,
                "description": part.description,
                "detail_id": part.detail_id,
                "result": result,
                "create_time": rfc3339(share.created_ms),
            });
            if over {
                told["finish_time"] = json!(rfc3339(share.ends_ms));
            }
            if result == "CLOSED" {
                told["fail_reason"] = json!(part.fail_reason);
            }
            told
        };
        let mut receivers: Vec<Value> = share.parts.iter().map(one).collect();
        let rest_fen = order.total_fen.0 - order.shared_fen().0 - order.refunded_fen().0;
        if share.unfreezes && rest_fen > 0 {
            receivers.push(one(&Part {
                kind: "MERCHANT_ID".to_owned(),
                account: MCHID.to_owned(),
                amount_fen: Fen(rest_fen),
                description: "解冻给分账方".to_owned(),
                detail_id: format!("{}0", share.order_id),
                fail_reason: String::new(),
            }));
        }
        json!({
            "transaction_id": order.transaction_id,
            "out_order_no": share.out_order_no,
            "order_id": share.order_id,
            "state": if over { "FINISHED" } else { "PROCESSING" },
            "receivers": receivers,
        })
    }

    /// `…/return-orders`: a merchant's part comes back.
    async fn give_back(&self, wanted: &Value) -> Result<Reply, Failure> {
        let out_return_no = number(wanted, "out_return_no", 64)?;
        let amount_fen = fen(&wanted["amount"])?;
        let mchid = text(wanted, "return_mchid").to_owned();
        let description = text(wanted, "description").to_owned();
        demand(!description.is_empty(), bad("回退描述不能为空"))?;
        let missing = no(404, "RESOURCE_NOT_EXISTS", "分账单不存在");
        let out_order_no = text(wanted, "out_order_no");
        let mut order = self.order_by("share", out_order_no).await?.ok_or(missing)?;
        if let Some(known) = order.returns.iter().find(|it| it.out_return_no == out_return_no) {
            let same = known.amount_fen == amount_fen && known.mchid == mchid;
            demand(same, invalid("回退单号已存在，且参数不一致"))?;
            return Ok(Reply::ok(&self.return_json(known)));
        }
        let now_ms = self.now_ms();
        let share = find(&order, out_order_no).ok_or(missing)?;
        let given = share.parts.iter().filter(|part| {
            part.kind == "MERCHANT_ID" && part.account == mchid && part.fail_reason.is_empty()
        });
        let given_fen: Fen = given.map(|part| part.amount_fen).sum();
        let back = order.returns.iter();
        let back = back.filter(|it| it.mchid == mchid && it.out_order_no == out_order_no);
        let back_fen: Fen = back.map(|it| it.amount_fen).sum();
        demand(now_ms >= share.ends_ms, invalid("分账处理中"))?;
        demand(back_fen + amount_fen <= given_fen, no(403, "NOT_ENOUGH", "回退金额超过分账金额"))?;
        let new = Return {
            out_return_no,
            return_id: format!("3108{}{}", digits::<10>(), compact(now_ms)),
            out_order_no: out_order_no.to_owned(),
            mchid,
            amount_fen,
            description,
            created_ms: now_ms,
            ends_ms: now_ms + millis(self.faults().takes),
        };
        order.returns.push(new.clone());
        self.put(&order).await?;
        Ok(Reply::ok(&self.return_json(&new)))
    }

    async fn query_return(&self, out_return_no: &str, call: &Call<'_>) -> Result<Reply, Failure> {
        let missing = no(404, "RESOURCE_NOT_EXISTS", "回退单不存在");
        let order = self.order_by("share", call.query("out_order_no")).await?.ok_or(missing)?;
        let mut returns = order.returns.iter();
        let found = returns.find(|it| it.out_return_no == out_return_no).ok_or(missing)?;
        Ok(Reply::ok(&self.return_json(found)))
    }

    fn return_json(&self, it: &Return) -> Value {
        let over = self.now_ms() >= it.ends_ms;
        let mut told = json!({
            "out_order_no": it.out_order_no,
            "out_return_no": it.out_return_no,
            "return_id": it.return_id,
            "return_mchid": it.mchid,
            "amount": it.amount_fen.0,
            "description": it.description,
            "result": if over { "SUCCESS" } else { "PROCESSING" },
            "create_time": rfc3339(it.created_ms),
        });
        if over {
            told["finish_time"] = json!(rfc3339(it.ends_ms));
        }
        told
    }
}

fn find<'a>(order: &'a Order, out_order_no: &str) -> Option<&'a Share> {
    order.shares.iter().find(|share| share.out_order_no == out_order_no)
}
