//! The lines of a trade bill: a header, one line for each payment and refund, then the sums of the
//! day. Columns are found by their names; every field but those of the headers begins with a
//! backtick, which also parts fields that contain commas.

use std::io::{self, BufRead, Read};

use serde::Deserialize;
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;

use crate::orders::{BillLine, BillLineKind};
use crate::payments::time::from_beijing;

/// Longest line, bytes.
const LINE_MAX_BYTES: u64 = 64 * 1024;

/// Pay score's trades carry our number in the merchant's data packet.
const AUTH: &str = "AUTH";

/// Reads a bill line by line.
pub(super) struct Lines<R> {
    from: R,
    columns: Columns,
    /// How many lines were read.
    read: u64,
    over: bool,
}

/// Where the columns are that we read.
struct Columns {
    time: usize,
    trade_no: usize,
    payment_id: usize,
    trade_type: usize,
    state: usize,
    refund_id: usize,
    refund_state: usize,
    packet: usize,
    fee: usize,
    amount: usize,
    refund_amount: usize,
}

/// What pay score puts into the packet.
#[derive(Deserialize)]
struct Packet {
    #[serde(alias = "out_trade_no", alias = "attach")]
    out_order_no: String,
}

impl Columns {
    fn read(header: &str) -> Option<Self> {
        let header = header.trim_start_matches('\u{feff}');
        let names: Vec<&str> = header.split(',').map(str::trim).collect();
        let at = |name: &str| names.iter().position(|one| *one == name);
        Some(Self {
            time: at("交易时间")?,
            trade_no: at("微信订单号")?,
            payment_id: at("商户订单号")?,
            trade_type: at("交易类型")?,
            state: at("交易状态")?,
            refund_id: at("商户退款单号")?,
            refund_state: at("退款状态")?,
            packet: at("商户数据包")?,
            fee: at("手续费")?,
            // What we asked for; 应结订单金额 and 退款金额 leave the platform's coupons out.
            amount: at("订单金额").or_else(|| at("应结订单金额"))?,
            refund_amount: at("申请退款金额").or_else(|| at("退款金额"))?,
        })
    }
}

impl<R: BufRead> Lines<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// It is not a trade bill's.
    pub(super) fn new(mut from: R) -> io::Result<Self> {
        let header = next_line(&mut from)?.unwrap_or_default();
        let columns = Columns::read(&header).ok_or_else(|| wrong("no header of a trade bill"))?;
        Ok(Self { from, columns, read: 1, over: false })
    }

    fn next_known(&mut self) -> io::Result<Option<BillLine>> {
        while let Some(line) = next_line(&mut self.from)? {
            self.read += 1;
            if line.trim().is_empty() {
                continue;
            }
            if !line.starts_with('`') {
                // The sums' header; a bill without it was cut short.
                return Ok(None);
            }
            let known = self.columns.line(&line);
            let known = known.map_err(|what| wrong(&format!("line {}: {what}", self.read)))?;
            if let Some(known) = known {
                return Ok(Some(known));
            }
        }
        Err(wrong("the bill ends without its sums"))
    }
}

impl Columns {
    /// A line of the bill; none for one by which no money moved. An error names the column and
    /// never what stands there: all operators read it.
    fn line(&self, line: &str) -> Result<Option<BillLine>, &'static str> {
        let fields: Vec<&str> = line.trim_start_matches('`').split(",`").collect();
        let field = |at: usize| fields.get(at).map(|field| field.trim()).unwrap_or_default();
        let is_refund = match field(self.state) {
            "SUCCESS" => false,
            "REFUND" | "REVOKED" => true,
            _ => return Err("交易状态"),
        };
        if is_refund && matches!(field(self.refund_state), "FAIL" | "CLOSED") {
            return Ok(None);
        }
        let (amount, its_column) = if is_refund {
            (self.refund_amount, "申请退款金额")
        } else {
            (self.amount, "订单金额")
        };
        let number = match field(self.trade_type) {
            AUTH => packet_number(field(self.packet)),
            _ => field(self.payment_id).to_owned(),
        };
        Ok(Some(BillLine {
            kind: if is_refund { BillLineKind::Refund } else { BillLineKind::Payment },
            payment_id: PaymentId(number),
            our_no: if is_refund { field(self.refund_id).to_owned() } else { String::new() },
            trade_no: field(self.trade_no).to_owned(),
            amount_fen: Fen::from_yuan(field(amount)).ok_or(its_column)?,
            fee_fen: fee(field(self.fee)).ok_or("手续费")?,
            at_ms: from_beijing(field(self.time)).ok_or("交易时间")?,
            raw: line.to_owned(),
        }))
    }
}

fn packet_number(packet: &str) -> String {
    let read = serde_json::from_str::<Packet>(packet);
    read.map_or_else(|_| packet.to_owned(), |packet| packet.out_order_no)
}

/// A fee, which may be negative and is written with five places: to the nearest fen.
fn fee(text: &str) -> Option<Fen> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (yuan, places) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if yuan.is_empty() || !is_number(yuan) || !is_number(places) || places.len() > 9 {
        return None;
    }
    let mills: i64 = format!("{places:0<3}").get(..3)?.parse().ok()?;
    let mills = yuan.parse::<i64>().ok()?.checked_mul(1_000)?.checked_add(mills)?;
    Some(Fen(sign * ((mills + 5) / 10)))
}

fn next_line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = from.take(LINE_MAX_BYTES).read_line(&mut line)?;
    if read as u64 == LINE_MAX_BYTES {
        return Err(wrong("a line that does not end"));
    }
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok((read > 0).then_some(line))
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<BillLine>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let next = self.next_known().transpose();
        self.over = !matches!(next, Some(Ok(_)));
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "\u{feff}交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n";
    const SUMS: &str = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n`3,`12.00,`1.00,`0.00,`0.07000,`12.00,`1.00\r\n";

    fn paid(number: &str, kind: &str, packet: &str) -> String {
        format!(
            "`2026-11-22 08:00:00,`wx1,`190000,`0,`,`42000001,`{number},`openid,`{kind},`SUCCESS,`OTHERS,`CNY,`5.50,`0.50,`0,`0,`0.00,`0.00,`,`,`扫充, 3号,`{packet},`0.03600,`0.60%,`6.00,`0.00,`\r\n"
        )
    }

    fn refunded(state: &str) -> String {
        format!(
            "`2026-11-22 09:00:00,`wx1,`190000,`0,`,`42000001,`K1,`openid,`JSAPI,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`50000001,`K1R1,`1.00,`0.00,`ORIGINAL,`{state},`扫充,`,`-0.01000,`0.60%,`0.00,`1.00,`\r\n"
        )
    }

    fn read(bill: &str) -> io::Result<Vec<BillLine>> {
        Lines::new(bill.as_bytes())?.collect()
    }

    #[test]
    fn payments_and_refunds_are_read_to_the_fen() {
        let score = paid("4200Z", AUTH, "K2");
        let bill = format!(
            "{HEADER}{}{}{}{score}{SUMS}",
            paid("K1", "JSAPI", ""),
            refunded("SUCCESS"),
            refunded("FAIL")
        );
        let lines = read(&bill).unwrap();
        let brief: Vec<_> = lines
            .iter()
            .map(|line| {
                let BillLine { kind, payment_id, our_no, amount_fen, fee_fen, .. } = line;
                (*kind, payment_id.as_str(), our_no.as_str(), amount_fen.0, fee_fen.0)
            })
            .collect();
        assert_eq!(
            brief,
            [
                (BillLineKind::Payment, "K1", "", 600, 4),
                (BillLineKind::Refund, "K1", "K1R1", 100, -1),
                (BillLineKind::Payment, "K2", "", 600, 4),
            ]
        );
        assert_eq!(lines[0].at_ms, 1_795_305_600_000);
        assert_eq!(lines[0].trade_no, "42000001");
        assert!(lines[0].raw.contains("扫充, 3号"));
    }

    #[test]
    fn what_is_no_bill_is_an_error() {
        assert!(read("").is_err());
        assert!(read("{\"code\":\"X\"}").is_err());
        assert!(read(&format!("{HEADER}{}", paid("K1", "JSAPI", ""))).is_err(), "cut short");
        let endless = format!("{HEADER}`{}", "a".repeat(100_000));
        assert!(read(&endless).is_err());
        assert_eq!(read(&format!("{HEADER}{SUMS}")).unwrap(), []);
    }

    #[test]
    fn an_error_names_line_and_column_and_gives_nothing_away() {
        for (line, what, by, column) in [
            (paid("K1", "JSAPI", ""), "SUCCESS", "ODD", "交易状态"),
            (paid("K1", "JSAPI", ""), "`6.00", "`6.0.0", "订单金额"),
            (paid("K1", "JSAPI", ""), "0.03600", "?", "手续费"),
            (paid("K1", "JSAPI", ""), "2026-11-22 08", "gestern", "交易时间"),
            (refunded("SUCCESS"), "`0.00,`1.00,`", "`0.00,`-,`", "申请退款金额"),
        ] {
            let (good, strange) = (paid("K0", "JSAPI", ""), line.replace(what, by));
            assert_ne!(line, strange);
            let error = read(&format!("{HEADER}{good}{strange}{SUMS}")).unwrap_err();
            assert_eq!(error.to_string(), format!("line 3: {column}"));
        }
    }

    #[test]
    fn fees_are_rounded_to_the_fen() {
        let cases = [
            ("0.03600", Some(4)),
            ("0.03000", Some(3)),
            ("-0.01500", Some(-2)),
            ("0.00400", Some(0)),
            ("12", Some(1_200)),
            ("", None),
            ("-", None),
            ("1.2.3", None),
            ("0.6%", None),
        ];
        for (text, fen) in cases {
            assert_eq!(fee(text), fen.map(Fen), "{text}");
        }
    }
}
