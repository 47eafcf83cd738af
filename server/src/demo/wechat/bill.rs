//! The bill of a day: CSV with backticks, packed, behind an address that is signed like any call.

use std::fmt::Write as _;
use std::io::Write as _;

use aws_lc_rs::digest;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use wasm_core::money::Fen;

use super::gateway::Call;
use super::order::Order;
use super::platform::{APPID, MCHID, Platform};
use super::reply::{Failure, Reply, bad, demand, no};
use super::time::{day_begins, local};
use crate::random;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// A bill is there from ten in the morning of the next day.
const READY_MS: i64 = DAY_MS + 10 * 60 * 60 * 1_000;
/// And for three months.
const KEPT_MS: i64 = 93 * DAY_MS;
/// What the platform keeps of each payment: 6 in 1,000.
const FEE_PERMILLE: i64 = 6;

const COLUMNS: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const TOTALS: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

/// Lines and sums of a bill.
#[derive(Default)]
struct Bill {
    text: String,
    count: i64,
    paid_fen: i64,
    refunded_fen: i64,
    /// In thousandths of a fen.
    fee_mfen: i64,
}

impl Platform {
    /// `GET /v3/bill/tradebill`
    pub(super) async fn trade_bill(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let day_ms = day_begins(call.query("bill_date")).ok_or(bad("账单日期格式错误"))?;
        let kind = match call.query("bill_type") {
            "" => "ALL",
            kind => kind,
        };
        demand(matches!(kind, "ALL" | "SUCCESS" | "REFUND"), bad("账单类型错误"))?;
        let tar = call.query("tar_type");
        demand(matches!(tar, "" | "GZIP"), bad("压缩类型错误"))?;
        let age_ms = self.now_ms() - day_ms;
        demand(age_ms >= DAY_MS, bad("账单日期不能晚于昨天"))?;
        demand(age_ms <= KEPT_MS, bad("只能下载三个月以内的账单"))?;
        demand(age_ms >= READY_MS, no(400, "STATEMENT_CREATING", "账单生成中"))?;
        let mut bill = Bill::default();
        for order in self.orders().await? {
            bill.add(&order, kind, day_ms);
        }
        demand(bill.count > 0, no(400, "NO_STATEMENT_EXIST", "账单不存在"))?;
        let text = bill.finish();
        // The digest is of the bill itself, not of what packs it.
        let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        let token = random::base32::<32>();
        self.write(&format!("bill/{token}"), &text).await?;
        let address = &self.inner.loopback_url;
        Ok(Reply::ok(&json!({
            "hash_type": "SHA1",
            "hash_value": random::hex(sha1.as_ref()),
            "download_url": format!("{address}/v3/billdownload/file?token={token}&tartype={tar}"),
        })))
    }

    /// `GET /v3/billdownload/file`
    pub(super) async fn bill_file(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let text = self.read::<String>(&format!("bill/{}", call.query("token"))).await?;
        let text = text.ok_or(no(404, "RESOURCE_NOT_EXISTS", "账单文件不存在"))?;
        if call.query("tartype") != "GZIP" {
            return Ok(Reply::file(text.into_bytes()));
        }
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        let packed = gzip.write_all(text.as_bytes()).and_then(|()| gzip.finish());
        Ok(Reply::file(packed.expect("a Vec takes all")))
    }
}

impl Bill {
    /// Adds what happened to an order on the day.
    fn add(&mut self, order: &Order, kind: &str, day_ms: i64) {
        let day = day_ms..day_ms + DAY_MS;
        if kind != "REFUND" && day.contains(&order.paid_ms) {
            let amount = yuan(order.total_fen);
            let fee_mfen = order.total_fen.0 * FEE_PERMILLE;
            self.fee_mfen += fee_mfen;
            self.paid_fen += order.total_fen.0;
            let none = ["0", "0", "0.00", "0.00", "", ""].map(str::to_owned);
            self.line(order, order.paid_ms, "SUCCESS", &amount, none, fee_mfen, (&amount, "0.00"));
        }
        for refund in &order.refunds {
            let done = refund.end == "SUCCESS" && day.contains(&refund.ends_ms);
            if kind == "SUCCESS" || !done {
                continue;
            }
            let amount = yuan(refund.amount_fen);
            let fee_mfen = -refund.amount_fen.0 * FEE_PERMILLE;
            self.fee_mfen += fee_mfen;
            self.refunded_fen += refund.amount_fen.0;
            let told = [
                refund.refund_id.clone(),
                refund.out_refund_no.clone(),
                amount.clone(),
                "0.00".to_owned(),
                "ORIGINAL".to_owned(),
                "SUCCESS".to_owned(),
            ];
            self.line(order, refund.ends_ms, "REFUND", "0.00", told, fee_mfen, ("0.00", &amount));
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a line of a bill has this many varying columns")]
    fn line(
        &mut self,
        order: &Order,
        at_ms: i64,
        state: &str,
        settled: &str,
        refund: [String; 6],
        fee_mfen: i64,
        (total, asked): (&str, &str),
    ) {
        self.count += 1;
        let (time, fee) = (local(at_ms), fee(fee_mfen));
        let [refund_id, out_refund_no, amount, coupon, channel, status] = &refund;
        let columns = [
            &time,
            APPID,
            MCHID,
            "0",
            "",
            &order.transaction_id,
            &order.out_trade_no,
            &order.openid,
            order.kind.as_str(),
            state,
            "OTHERS",
            "CNY",
            settled,
            "0.00",
            refund_id,
            out_refund_no,
            amount,
            coupon,
            channel,
            status,
            &order.description,
            &order.attach,
            &fee,
            "0.60%",
            total,
            asked,
            "",
        ];
        // A comma within a text would be a new column, and the real one drops them too.
        let columns = columns.map(|column| format!("`{}", column.replace(',', " ")));
        let _ = write!(self.text, "{}\r\n", columns.join(","));
    }

    fn finish(self) -> String {
        let (paid, refunded) = (yuan(Fen(self.paid_fen)), yuan(Fen(self.refunded_fen)));
        let fees = fee(self.fee_mfen);
        format!(
            "\u{feff}{COLUMNS}\r\n{}{TOTALS}\r\n`{},`{paid},`{refunded},`0.00,`{fees},`{paid},`{refunded}\r\n",
            self.text, self.count
        )
    }
}

fn yuan(amount_fen: Fen) -> String {
    amount_fen.to_yuan()
}

/// Thousandths of a fen as yuan with five decimals.
fn fee(mfen: i64) -> String {
    let sign = if mfen < 0 { "-" } else { "" };
    let mfen = mfen.abs();
    format!("{sign}{}.{:05}", mfen / 100_000, mfen % 100_000)
}
