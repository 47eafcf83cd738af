//! The simulated platform's bills: made of its own book, packed as the real ones are, with errors
//! by seed if that is wanted.

use std::io::{Cursor, Write};

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use encoding_rs::GBK;
use serde_json::{Value, json};
use wasm_core::money::Fen;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::gateway::Failure;
use super::platform::{Platform, SELLER_ID};
use super::rules::{Refusal, success, text};
use super::trade::Trade;
use crate::orders::BillDay;
use crate::payments::alipay::time::{from_beijing, to_beijing};
use crate::random;
use crate::store::StoreError;

/// A bill is there nine hours after its day, milliseconds.
const READY_MS: i64 = 9 * 60 * 60 * 1000;
/// An address is good for so long, milliseconds.
const ADDRESS_MS: i64 = 30 * 1000;
/// What the platform takes for itself, hundredths of a percent.
const FEE_BP: i64 = 60;

const HEAD: &str = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,\
终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,\
券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注";

/// Errors to write into bills: the same seed spoils the same lines in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BillErrors {
    /// Which.
    pub seed: u64,
    /// How many of a thousand lines, 0 to 1000.
    pub per_mille: u64,
}

/// What happens to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoiled {
    Missing,
    Twice,
    Amount,
    Fee,
    Stranger,
}

/// A line before it is written.
#[derive(Clone, Debug)]
struct Line {
    trade_no: String,
    out_trade_no: String,
    kind: &'static str,
    subject: String,
    created_ms: i64,
    done_ms: i64,
    terminal_id: String,
    /// Negative for a refund.
    amount_fen: Fen,
    request_no: String,
    /// Negative when it is taken from the merchant.
    fee_fen: Fen,
}

pub(super) fn router(platform: Platform) -> Router {
    Router::new().route("/demo/alipay/bill/{token}", get(download)).with_state(platform)
}

async fn download(State(platform): State<Platform>, Path(token): Path<String>) -> Response {
    match platform.bill_by(&token).await {
        Ok(Some(packed)) => ([(header::CONTENT_TYPE, "application/zip")], packed).into_response(),
        Ok(None) => StatusCode::FORBIDDEN.into_response(),
        Err(error) => {
            tracing::error!(%error, "simulated alipay: no bill");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

impl Platform {
    /// `alipay.data.dataservice.bill.downloadurl.query`
    pub(super) async fn bill_address(&self, wanted: &Value) -> Result<Value, Failure> {
        let date = text(wanted, "bill_date");
        let begins_ms = from_beijing(&format!("{date} 00:00:00"));
        let day = begins_ms.map(BillDay::of).ok_or(Refusal::business("isv.invalid-arguments"))?;
        if text(wanted, "bill_type") != "trade" {
            return Err(Refusal::business("isv.invalid-arguments").into());
        }
        let now_ms = self.now_ms();
        let lines = self.bill_lines(day).await?;
        if now_ms < day.next().begins_ms() + READY_MS || lines.is_empty() {
            return Err(Refusal::business("isp.bill_not_exist").into());
        }
        let token = random::base32::<32>();
        self.put_bill_token(&token, day.begins_ms(), now_ms + ADDRESS_MS).await?;
        let url = format!("{}/demo/alipay/bill/{token}", self.inner.loopback_url);
        Ok(success(json!({ "bill_download_url": url })))
    }

    async fn bill_by(&self, token: &str) -> Result<Option<Vec<u8>>, std::io::Error> {
        let found = self.bill_token(token).await.map_err(std::io::Error::other)?;
        let Some((begins_ms, until_ms)) = found else { return Ok(None) };
        if self.now_ms() > until_ms {
            return Ok(None);
        }
        let day = BillDay::of(begins_ms);
        let lines = self.bill_lines(day).await.map_err(std::io::Error::other)?;
        let lines = match self.faults().bill {
            Some(errors) => spoil(lines, errors),
            None => lines,
        };
        packed(day, &lines).map(Some)
    }

    async fn bill_lines(&self, day: BillDay) -> Result<Vec<Line>, StoreError> {
        let span = day.begins_ms()..day.next().begins_ms();
        let trades = self.trades().await?;
        let mut lines: Vec<Line> = trades.iter().flat_map(lines_of).collect();
        lines.retain(|line| span.contains(&line.done_ms) && line.amount_fen != Fen::ZERO);
        lines.sort_by_key(|line| line.done_ms);
        Ok(lines)
    }
}

fn lines_of(trade: &Trade) -> Vec<Line> {
    if trade.paid_ms == 0 {
        return Vec::new();
    }
    let payment = Line {
        trade_no: trade.trade_no.clone(),
        out_trade_no: trade.out_trade_no.clone(),
        kind: "交易",
        subject: trade.subject.clone(),
        created_ms: trade.created_ms,
        done_ms: trade.paid_ms,
        terminal_id: trade.terminal_id.clone(),
        amount_fen: trade.total_fen,
        request_no: String::new(),
        fee_fen: -fee(trade.total_fen),
    };
    let refunds = trade.refunds.iter().map(|refund| Line {
        kind: "退款",
        done_ms: refund.at_ms,
        terminal_id: String::new(),
        amount_fen: -refund.amount_fen,
        request_no: refund.out_request_no.clone(),
        fee_fen: fee(refund.amount_fen),
        ..payment.clone()
    });
    std::iter::once(payment.clone()).chain(refunds).collect()
}

/// To the nearest fen.
fn fee(amount_fen: Fen) -> Fen {
    Fen((amount_fen.0 * FEE_BP + 5_000) / 10_000)
}

fn spoil(lines: Vec<Line>, errors: BillErrors) -> Vec<Line> {
    let mut spoiled = Vec::with_capacity(lines.len());
    for line in lines {
        let mut changed = line.clone();
        match verdict(&line, errors) {
            None => spoiled.push(line),
            Some(Spoiled::Missing) => {}
            Some(Spoiled::Twice) => spoiled.extend([changed, line]),
            Some(Spoiled::Amount) => {
                changed.amount_fen += if line.amount_fen > Fen::ZERO { Fen(1) } else { Fen(-1) };
                spoiled.push(changed);
            }
            Some(Spoiled::Fee) => {
                changed.fee_fen -= Fen(7);
                spoiled.push(changed);
            }
            Some(Spoiled::Stranger) => {
                changed.out_trade_no = format!("X{}", line.out_trade_no);
                changed.trade_no = format!("{}9", line.trade_no);
                spoiled.extend([changed, line]);
            }
        }
    }
    spoiled
}

/// By the line's numbers, so that the same line is spoiled in the same way in any bill.
fn verdict(line: &Line, errors: BillErrors) -> Option<Spoiled> {
    let text = format!("{} {} {}", errors.seed, line.out_trade_no, line.request_no);
    // FNV-1a.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let kinds =
        [Spoiled::Missing, Spoiled::Twice, Spoiled::Amount, Spoiled::Fee, Spoiled::Stranger];
    let picked = hash / 1_000 % kinds.len() as u64;
    (hash % 1_000 < errors.per_mille).then(|| kinds[usize::try_from(picked).unwrap_or_default()])
}

fn packed(day: BillDay, lines: &[Line]) -> std::io::Result<Vec<u8>> {
    let date: String = to_beijing(day.begins_ms())[..10].split('-').collect();
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [("业务明细", details(day, lines)), ("业务明细(汇总)", sums(lines))]
    {
        let options = SimpleFileOptions::default();
        archive.start_file(format!("{SELLER_ID}0156_{date}_{name}.csv"), options)?;
        archive.write_all(&GBK.encode(&content).0)?;
    }
    Ok(archive.finish()?.into_inner())
}

fn details(day: BillDay, lines: &[Line]) -> String {
    let mut text = format!(
        "#支付宝业务明细查询\r\n#账号：[{SELLER_ID}0156]\r\n#起始日期：[{}]   终止日期：[{}]\r\n\
         #-----------------------------------------业务明细列表----------------------------------------\r\n\
         {HEAD}\r\n",
        to_beijing(day.begins_ms()),
        to_beijing(day.next().begins_ms()),
    );
    for line in lines {
        text.push_str(&line.to_csv());
        text.push_str("\r\n");
    }
    let payments = lines.iter().filter(|line| line.amount_fen > Fen::ZERO).count();
    let end = format!(
        "#-----------------------------------------业务明细列表结束------------------------------------\r\n\
         #交易合计：{payments}笔\r\n#退款合计：{}笔\r\n#导出时间：[{}]\r\n",
        lines.len() - payments,
        to_beijing(day.next().begins_ms() + READY_MS),
    );
    text.push_str(&end);
    text
}

impl Line {
    fn to_csv(&self) -> String {
        let amount = self.amount_fen.to_yuan();
        let tabbed = |text: &str| if text.is_empty() { String::new() } else { format!("{text}\t") };
        [
            &tabbed(&self.trade_no),
            &tabbed(&self.out_trade_no),
            self.kind,
            &self.subject,
            &to_beijing(self.created_ms),
            &to_beijing(self.done_ms),
            "",
            "",
            "",
            &tabbed(&self.terminal_id),
            "*扫充(dem***@example.com)",
            &amount,
            &amount,
            "0.00",
            "0.00",
            "0.00",
            "0.00",
            "0.00",
            "",
            "0.00",
            "0.00",
            &tabbed(&self.request_no),
            &self.fee_fen.to_yuan(),
            "0.00",
            "",
        ]
        .join(",")
    }
}

fn sums(lines: &[Line]) -> String {
    let total: Fen = lines.iter().map(|line| line.amount_fen).sum();
    format!("#支付宝业务汇总查询\r\n门店编号,订单金额（元）\r\n合计,{}\r\n", total.to_yuan())
}
