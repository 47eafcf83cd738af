//! Orders: opened in the app, from a browser or by a code; asked for; closed; paid.

use serde_json::{Value, json};
use wasm_core::money::Fen;

use super::cashier;
use super::gateway::{Call, unknown};
use super::order::{Kind, Order, UNPAID_MS};
use super::platform::{APPID, MCHID, Platform, digits};
use super::reply::{
    Failure, Refusal, Reply, bad, demand, fen, invalid, no, notify_url, number, text,
};
use super::time::{compact, from_rfc3339};
use crate::random;

/// A description has at most this many characters.
const DESCRIPTION_MAX: usize = 127;

impl Platform {
    /// `/v3/pay/transactions/…`
    pub(super) async fn transactions(
        &self,
        method: &str,
        path: &[&str],
        call: &Call<'_>,
    ) -> Result<Reply, Failure> {
        match (method, path) {
            ("POST", ["jsapi"]) => self.open_order(Kind::Jsapi, &call.body).await,
            ("POST", ["h5"]) => self.open_order(Kind::H5, &call.body).await,
            ("POST", ["native"]) => self.open_order(Kind::Native, &call.body).await,
            ("GET", ["out-trade-no", number]) => {
                demand(call.query("mchid") == MCHID, bad("mchid 错误"))?;
                self.tell(self.order(number).await?)
            }
            ("GET", ["id", number]) => {
                demand(call.query("mchid") == MCHID, bad("mchid 错误"))?;
                self.tell(self.order_by("transaction", number).await?)
            }
            ("POST", ["out-trade-no", number, "close"]) => self.close(number, &call.body).await,
            _ => Err(unknown().into()),
        }
    }

    fn tell(&self, order: Option<Order>) -> Result<Reply, Failure> {
        let order = order.ok_or(no(404, "ORDER_NOT_EXIST", "订单不存在"))?;
        Ok(Reply::ok(&order.to_json(APPID, MCHID, self.now_ms())))
    }

    /// Opens an order, or the same one again.
    async fn open_order(&self, kind: Kind, wanted: &Value) -> Result<Reply, Failure> {
        let new = self.new_order(kind, wanted)?;
        let now_ms = self.now_ms();
        let order = match self.order(&new.out_trade_no).await? {
            None => {
                self.put_new(&new).await?;
                new
            }
            Some(known) if known.is_paid(now_ms) => {
                return Err(no(400, "ORDERPAID", "该订单已支付").into());
            }
            Some(known) if known.state(now_ms) == "CLOSED" => {
                return Err(no(400, "ORDER_CLOSED", "订单已关闭").into());
            }
            Some(known) if !is_same(&known, &new) => {
                return Err(invalid("请求重入时，参数与首次请求时不一致").into());
            }
            Some(known) => known,
        };
        let id = &order.prepay_id;
        Ok(Reply::ok(&match kind {
            Kind::H5 => json!({"h5_url": cashier::h5_address(&self.inner.public_url, id)}),
            Kind::Native => json!({"code_url": cashier::code_address(&self.inner.public_url, id)}),
            Kind::Jsapi | Kind::Auth => json!({"prepay_id": id}),
        }))
    }

    fn new_order(&self, kind: Kind, wanted: &Value) -> Result<Order, Refusal> {
        demand(text(wanted, "mchid") == MCHID, no(400, "MCH_NOT_EXISTS", "商户号不存在"))?;
        let matches = text(wanted, "appid") == APPID;
        demand(matches, no(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配"))?;
        let out_trade_no = number(wanted, "out_trade_no", 32)?;
        demand(out_trade_no.len() >= 6, bad("商户订单号须为 6 至 32 个字符"))?;
        let description = text(wanted, "description");
        let length = description.chars().count();
        demand((1..=DESCRIPTION_MAX).contains(&length), bad("商品描述为空或过长"))?;
        let amount = &wanted["amount"];
        demand(matches!(text(amount, "currency"), "" | "CNY"), bad("币种错误"))?;
        let openid = text(&wanted["payer"], "openid");
        let scene = &wanted["scene_info"];
        match kind {
            Kind::Jsapi => demand(!openid.is_empty(), bad("openid 不能为空"))?,
            Kind::H5 => {
                let address = text(scene, "payer_client_ip").parse::<std::net::IpAddr>();
                demand(address.is_ok(), bad("用户终端 IP 错误"))?;
                demand(!text(&scene["h5_info"], "type").is_empty(), bad("场景类型不能为空"))?;
            }
            Kind::Native | Kind::Auth => {}
        }
        let now_ms = self.now_ms();
        let expires_ms = match text(wanted, "time_expire") {
            "" => now_ms + UNPAID_MS,
            time => from_rfc3339(time).ok_or(bad("交易结束时间格式错误"))?,
        };
        demand(expires_ms > now_ms, bad("交易结束时间已过"))?;
        Ok(Order {
            out_trade_no,
            transaction_id: format!("4200{}{}", digits::<10>(), compact(now_ms)),
            prepay_id: format!("wx{}{}", compact(now_ms), random::hex(&random::bytes::<10>())),
            kind,
            description: description.to_owned(),
            attach: text(wanted, "attach").to_owned(),
            notify_url: notify_url(wanted, true)?,
            total_fen: fen(&amount["total"])?,
            openid: openid.to_owned(),
            profit_sharing: wanted["settle_info"]["profit_sharing"].as_bool().unwrap_or(false),
            created_ms: now_ms,
            expires_ms,
            paid_ms: 0,
            closed: false,
            return_url: String::new(),
            refunds: Vec::new(),
            shares: Vec::new(),
            returns: Vec::new(),
        })
    }

    /// `…/out-trade-no/{n}/close`
    async fn close(&self, out_trade_no: &str, wanted: &Value) -> Result<Reply, Failure> {
        demand(text(wanted, "mchid") == MCHID, bad("mchid 错误"))?;
        let order = self.order(out_trade_no).await?;
        let mut order = order.ok_or(no(404, "ORDER_NOT_EXIST", "订单不存在"))?;
        let paid = order.is_paid(self.now_ms());
        demand(!paid, no(400, "ORDERPAID", "该订单已支付"))?;
        order.closed = true;
        self.put(&order).await?;
        Ok(Reply::nothing())
    }

    /// Pays an order that waits, as `payer` if it names nobody; the order as it is then.
    pub(super) async fn pay(
        &self,
        prepay_id: &str,
        payer: &str,
        lateness: super::delivery::Lateness,
    ) -> Result<Option<Order>, crate::store::StoreError> {
        let _changing = self.inner.changing.lock().await;
        let Some(mut order) = self.order_by("prepay", prepay_id).await? else { return Ok(None) };
        let now_ms = self.now_ms();
        if order.state(now_ms) == "NOTPAY" {
            order.paid_ms = now_ms;
            if order.openid.is_empty() {
                payer.clone_into(&mut order.openid);
            }
            self.put(&order).await?;
            let mut told = order.to_json(APPID, MCHID, now_ms);
            if self.faults().notify == super::faults::NotifyFault::WrongAmount {
                told["amount"]["total"] = json!(order.total_fen.0 + 1);
                told["amount"]["payer_total"] = json!(order.total_fen.0 + 1);
            }
            let event = ("TRANSACTION.SUCCESS", "transaction");
            self.report(&order.notify_url, event, told, now_ms, lateness).await?;
        }
        Ok(Some(order))
    }
}

fn is_same(known: &Order, new: &Order) -> bool {
    let of = |order: &Order| -> (Kind, Fen, String, String, bool) {
        let (description, openid) = (order.description.clone(), order.openid.clone());
        (order.kind, order.total_fen, description, openid, order.profit_sharing)
    };
    of(known) == of(new)
}
