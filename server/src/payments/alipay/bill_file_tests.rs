//! What is a bill, and what is not.

use std::io::{Cursor, Write};
use std::path::PathBuf;

use tempfile::TempDir;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::*;

const HEAD: &str = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,终端号,对方账户,订单金额（元）,\
退款批次号/请求号,服务费（元）,备注";
const PAID: &str = "2026112022001\t,P1\t,交易,充电 3号插座,2026-11-20 07:59:00,2026-11-20 08:00:00,,\
*三(138****0001),5.00,,-0.03,";
const BACK: &str = "2026112022001\t,P1\t,退款,充电 3号插座,2026-11-20 07:59:00,2026-11-20 09:00:00,,\
*三(138****0001),-1.70,R1\t,0.01,";
const LAST: &str = "#-----业务明细列表结束-----";

fn csv(lines: &[&str]) -> String {
    let mut text = format!("#支付宝业务明细查询\r\n#-----业务明细列表-----\r\n{HEAD}\r\n");
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text
}

fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn file(content: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bill");
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

fn read(content: &[u8]) -> io::Result<Vec<BillLine>> {
    let (_folder, path) = file(content);
    read_bill(&path)?.collect()
}

fn read_csv(text: &str) -> io::Result<Vec<BillLine>> {
    let sums = GBK.encode("门店编号,订单金额\r\n").0;
    let details = GBK.encode(text).0;
    read(&packed(&[("2088_业务明细(汇总).csv", &sums), ("2088_业务明细.csv", &details)]))
}

fn payment() -> BillLine {
    BillLine {
        kind: BillLineKind::Payment,
        payment_id: PaymentId::from("P1"),
        our_no: String::new(),
        trade_no: "2026112022001".to_owned(),
        amount_fen: Fen(500),
        fee_fen: Fen(3),
        at_ms: from_beijing("2026-11-20 08:00:00").unwrap(),
        raw: PAID.to_owned(),
    }
}

fn give_back() -> BillLine {
    BillLine {
        kind: BillLineKind::Refund,
        our_no: "R1".to_owned(),
        amount_fen: Fen(170),
        fee_fen: Fen(-1),
        at_ms: from_beijing("2026-11-20 09:00:00").unwrap(),
        raw: BACK.to_owned(),
        ..payment()
    }
}

#[test]
fn lines_are_read_as_alipay_writes_them() {
    let lines = read_csv(&csv(&[PAID, "", BACK, LAST, "#交易合计：1笔"])).unwrap();
    assert_eq!(lines, [payment(), give_back()]);
    assert_eq!(read_csv(&csv(&[LAST])).unwrap(), [], "a day on which nothing happened");
}

#[test]
fn an_unpacked_bill_is_read_as_well() {
    let text = csv(&[PAID, BACK, LAST]);
    assert_eq!(read(&GBK.encode(&text).0).unwrap(), [payment(), give_back()]);
    let saved = format!("\u{feff}{text}");
    assert_eq!(read(saved.as_bytes()).unwrap(), [payment(), give_back()], "saved again as UTF-8");
}

#[test]
fn commas_in_what_was_bought_move_nothing() {
    let comma = PAID.replace("充电 3号插座", "充电,3号插座,\"B\"");
    let lines = read_csv(&csv(&[&comma, LAST])).unwrap();
    assert_eq!(lines, [BillLine { raw: comma, ..payment() }]);
}

#[test]
fn a_capture_is_told_by_its_terminal() {
    let taken = PAID.replace(",,*三", ",H1C\t,*三");
    assert_eq!(read_csv(&csv(&[&taken, LAST])).unwrap()[0].our_no, "H1C");
}

#[test]
fn a_refund_of_nothing_only_took_parts_back() {
    let parts = BACK.replace("-1.70", "0.00");
    assert_eq!(read_csv(&csv(&[&parts, LAST])).unwrap(), []);
}

#[test]
fn columns_are_found_by_their_names() {
    let swapped = csv(&[LAST]).replace("业务类型,商品名称", "商品名称,业务类型");
    assert_eq!(read_csv(&swapped).unwrap(), []);
    let without = csv(&[PAID, LAST]).replace("服务费（元）", "手续费（元）");
    let error = read_csv(&without).unwrap_err();
    assert!(error.to_string().contains("服务费"), "{error}");
}

#[test]
fn a_wrong_line_ends_the_bill_with_an_error_that_gives_nothing_away() {
    for (wrong, by, column) in [
        ("5.00", "-5.00", "订单金额"),
        ("5.00", "5.0.0", "订单金额"),
        ("2026-11-20 08:00:00", "gestern", "完成时间"),
        (",-0.03,", ",?,", "服务费"),
        ("*三(138****0001),", "", "too few columns"),
    ] {
        let line = PAID.replace(wrong, by);
        let (_folder, path) = {
            let text = csv(&[PAID, &line, PAID, LAST]);
            file(&packed(&[("2088_业务明细.csv", &GBK.encode(&text).0)]))
        };
        let mut lines = read_bill(&path).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), payment());
        // Three lines stand above the first payment.
        let error = lines.next().unwrap().unwrap_err().to_string();
        assert_eq!(error, format!("not a bill: line 5: {column}"));
        assert!(lines.next().is_none(), "nothing after an error");
    }
}

#[test]
fn a_business_we_do_not_know_becomes_a_case_and_stops_nothing() {
    let came = PAID.replace("交易", "转账");
    let went = came.replace("5.00", "-1.20");
    let blank = came.replace("2026-11-20 08:00:00", "");
    let lines = read_csv(&csv(&[&came, &went, &blank, PAID, LAST])).unwrap();
    let our_no = "转账/2026112022001".to_owned();
    let came = BillLine { our_no, raw: came, ..payment() };
    let kind = BillLineKind::Refund;
    let went = BillLine { kind, amount_fen: Fen(120), raw: went, ..came.clone() };
    assert_eq!(lines, [came, went, payment()]);
}

#[test]
fn a_bill_that_is_cut_short_does_not_pass_for_a_whole_one() {
    let mut lines = {
        let (_folder, path) = file(&packed(&[("b.csv", &GBK.encode(&csv(&[PAID])).0)]));
        read_bill(&path).unwrap().collect::<Vec<_>>()
    };
    assert!(lines.pop().unwrap().is_err());
    assert_eq!(lines.len(), 1);
    let whole = packed(&[("b.csv", &GBK.encode(&csv(&[PAID, LAST])).0)]);
    for length in [0, 1, 10, whole.len() / 2, whole.len() - 1] {
        assert!(read(&whole[..length]).is_err(), "{length} bytes");
    }
    let mut broken = whole.clone();
    // Within the packed text, behind the file's own head.
    broken[60] ^= 0x55;
    assert!(read(&broken).is_err(), "a changed byte");
}

#[test]
fn what_is_no_bill_is_refused() {
    let details = GBK.encode(&csv(&[PAID, LAST])).0.into_owned();
    assert!(read(&packed(&[("业务明细(汇总).csv", b"a,b\r\n")])).is_err(), "sums alone");
    assert!(read(&packed(&[("a.csv", &details), ("b.csv", &details)])).is_err(), "two");
    let many: Vec<String> = (0..=FILES_MAX).map(|nth| format!("{nth}.csv")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    assert!(read(&packed(&many)).is_err(), "many");
    let long = format!("#{}", "a".repeat(usize::try_from(LINE_MAX_BYTES).unwrap()));
    assert!(read_csv(&csv(&[&long, LAST])).is_err(), "a long line");
    assert!(read(b"<html>403</html>").is_err());
}

#[test]
fn who_stops_listening_leaves_no_thread_behind() {
    let many = vec![PAID; 3 * AHEAD_LINES];
    let (_folder, path) = file(&packed(&[("b.csv", &GBK.encode(&csv(&many)).0)]));
    let mut lines = read_bill(&path).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), payment());
    drop(lines);
}
