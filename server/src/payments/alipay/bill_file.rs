//! Reads a day's bill (业务明细): a ZIP with two CSV files in GBK, of which one has the lines and
//! one their sums. A thread unpacks while lines are asked for, so a million lines take no more
//! memory than a thousand.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use encoding_rs::GBK;
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;
use zip::ZipArchive;

use super::time::from_beijing;
use crate::orders::{BillLine, BillLineKind, BillLines};

/// Longest line, bytes.
const LINE_MAX_BYTES: u64 = 16 * 1024;

/// Unpacked, a bill is at most so long, bytes.
const UNPACKED_MAX_BYTES: u64 = 8 << 30;

/// Lines read ahead of who asks.
const AHEAD_LINES: usize = 1_000;

/// Files in a bill, at most; there are two.
const FILES_MAX: usize = 16;

/// Longest name of a business kept in a number, characters.
const BUSINESS_MAX: usize = 20;

/// In the name of the file with the sums.
const SUMS: &str = "汇总";

/// In the line after the last.
const END: &str = "明细列表结束";

/// Every ZIP begins so.
const PACKED: [u8; 2] = *b"PK";

/// Opens a bill, packed as downloaded or its unpacked details. An error ends the lines; a bill that
/// is cut short ends with one.
///
/// # Errors
/// It is not a bill.
pub fn read_bill(path: &Path) -> io::Result<BillLines> {
    let mut file = File::open(path)?;
    let mut begin = Vec::new();
    file.by_ref().take(PACKED.len() as u64).read_to_end(&mut begin)?;
    file.rewind()?;
    let details =
        if begin == PACKED { details_of(ZipArchive::new(file)?)? } else { Details::Bare(file) };
    let (sender, receiver) = sync_channel(AHEAD_LINES);
    std::thread::Builder::new().name("bill".to_owned()).spawn(move || send(details, &sender))?;
    Ok(Box::new(Lines { receiver, over: false }))
}

/// Where the lines are.
enum Details {
    /// In this file of an archive.
    Packed(ZipArchive<File>, usize),
    /// In a file of their own.
    Bare(File),
}

/// The archive and the place of its one file with details.
fn details_of(mut archive: ZipArchive<File>) -> io::Result<Details> {
    if archive.len() > FILES_MAX {
        return Err(wrong("too many files"));
    }
    let mut details = Vec::new();
    for at in 0..archive.len() {
        let entry = archive.by_index_raw(at)?;
        if !text(entry.name_raw()).contains(SUMS) && entry.is_file() {
            details.push(at);
        }
    }
    match details.as_slice() {
        [at] => Ok(Details::Packed(archive, *at)),
        others => Err(wrong(&format!("{} files with details", others.len()))),
    }
}

/// What the thread says: a line, or that there are no more. Without the latter it broke off.
type Said = Option<io::Result<BillLine>>;

struct Lines {
    receiver: Receiver<Said>,
    over: bool,
}

impl Iterator for Lines {
    type Item = io::Result<BillLine>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let said = self.receiver.recv().unwrap_or_else(|_| Some(Err(wrong("reading broke off"))));
        self.over = !matches!(said, Some(Ok(_)));
        said
    }
}

/// Reads until the end, an error, or until nobody listens.
fn send(details: Details, sender: &SyncSender<Said>) {
    let done = match details {
        Details::Bare(file) => read_lines(BufReader::new(file.take(UNPACKED_MAX_BYTES)), sender),
        Details::Packed(mut archive, at) => match archive.by_index(at) {
            Ok(entry) => read_lines(BufReader::new(entry.take(UNPACKED_MAX_BYTES)), sender),
            Err(error) => Err(error.into()),
        },
    };
    // Who does not listen needs no end.
    drop(sender.send(done.err().map(Err)));
}

fn read_lines(mut file: impl BufRead, sender: &SyncSender<Said>) -> io::Result<()> {
    let mut head: Option<Head> = None;
    let mut ended = false;
    let mut bytes = Vec::new();
    for number in 1_u64.. {
        bytes.clear();
        // No byte of a GBK character is a line's end.
        let read = file.by_ref().take(LINE_MAX_BYTES).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            break;
        }
        if read as u64 == LINE_MAX_BYTES {
            return Err(wrong(&format!("line {number} is too long")));
        }
        let line = text(&bytes);
        // Excel puts a mark before UTF-8.
        let line = line.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        if line.starts_with('#') {
            ended |= line.contains(END);
            continue;
        }
        let Some(head) = &head else {
            head = Some(Head::read(line)?);
            continue;
        };
        let line = head.line(line).map_err(|what| wrong(&format!("line {number}: {what}")))?;
        let Some(line) = line else { continue };
        if sender.send(Some(Ok(line))).is_err() {
            return Ok(());
        }
    }
    if ended { Ok(()) } else { Err(wrong("the bill is cut short")) }
}

/// Which column is where.
struct Head {
    columns: usize,
    goods: usize,
    trade_no: usize,
    out_trade_no: usize,
    kind: usize,
    terminal: usize,
    done_at: usize,
    amount: usize,
    request_no: usize,
    fee: usize,
}

impl Head {
    fn read(line: &str) -> io::Result<Self> {
        let names: Vec<&str> = line.split(',').map(cell).collect();
        let find = |wanted: &str| {
            let bare = |name: &&str| name.split(['(', '（']).next() == Some(wanted);
            let at = names.iter().position(bare);
            at.ok_or_else(|| wrong(&format!("no column {wanted}")))
        };
        Ok(Self {
            columns: names.len(),
            goods: find("商品名称")?,
            trade_no: find("支付宝交易号")?,
            out_trade_no: find("商户订单号")?,
            kind: find("业务类型")?,
            terminal: find("终端号")?,
            done_at: find("完成时间")?,
            amount: find("订单金额")?,
            request_no: find("退款批次号/请求号")?,
            fee: find("服务费")?,
        })
    }

    /// A line; none for an empty one, and for a refund of nothing, which only took a part back. An
    /// error names the column and never what stands there: all operators read it.
    fn line(&self, line: &str) -> Result<Option<BillLine>, &'static str> {
        if line.trim().is_empty() {
            return Ok(None);
        }
        let cells: Vec<&str> = line.split(',').collect();
        // Cells are not quoted: surplus commas are those of the goods' name.
        let surplus = cells.len().checked_sub(self.columns).ok_or("too few columns")?;
        let at = |column: usize| {
            cell(cells[if column > self.goods { column + surplus } else { column }])
        };
        let business = match at(self.kind) {
            "交易" => Business::Known(BillLineKind::Payment),
            "退款" => Business::Known(BillLineKind::Refund),
            name => Business::Other(name),
        };
        let read = self.moved(line, &at, business);
        if let (Business::Other(_), Err(column)) = (business, &read) {
            // What we do not know is no reason to leave a day's other lines uncompared.
            tracing::warn!(trade_no = at(self.trade_no), column, "a strange line is no case");
            return Ok(None);
        }
        read
    }

    fn moved<'a>(
        &self,
        line: &str,
        at: &impl Fn(usize) -> &'a str,
        business: Business<'_>,
    ) -> Result<Option<BillLine>, &'static str> {
        let signed_fen = |column| signed_fen(at(column));
        let amount_fen = signed_fen(self.amount).ok_or("订单金额")?;
        let kind = match business {
            Business::Known(kind) => kind,
            Business::Other(_) if amount_fen < Fen::ZERO => BillLineKind::Refund,
            Business::Other(_) => BillLineKind::Payment,
        };
        let amount_fen = if kind == BillLineKind::Refund { -amount_fen } else { amount_fen };
        if amount_fen == Fen::ZERO {
            return Ok(None);
        }
        let our_no = match business {
            Business::Known(BillLineKind::Payment) => at(self.terminal).to_owned(),
            Business::Known(BillLineKind::Refund) => at(self.request_no).to_owned(),
            // A number that is none of ours: it becomes a case, with the line as its evidence.
            Business::Other(name) => {
                let name: String = name.chars().take(BUSINESS_MAX).collect();
                format!("{name}/{}", at(self.trade_no))
            }
        };
        Ok(Some(BillLine {
            kind,
            payment_id: PaymentId::from(at(self.out_trade_no)),
            our_no,
            trade_no: at(self.trade_no).to_owned(),
            amount_fen: Some(amount_fen).filter(|fen| *fen > Fen::ZERO).ok_or("订单金额")?,
            // The bill writes what is taken from us with a minus.
            fee_fen: -signed_fen(self.fee).ok_or("服务费")?,
            at_ms: from_beijing(at(self.done_at)).ok_or("完成时间")?,
            raw: line.to_owned(),
        }))
    }
}

/// Why money moved.
#[derive(Clone, Copy)]
enum Business<'a> {
    /// As we asked for it.
    Known(BillLineKind),
    /// In another way, of this name: which way it went its amount says.
    Other(&'a str),
}

/// Numbers are followed by a tab, so that Excel leaves them alone.
fn cell(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '`' || c == '"')
}

fn signed_fen(text: &str) -> Option<Fen> {
    match text.strip_prefix('-') {
        Some(back) => Fen::from_yuan(back).map(|fen| -fen),
        None => Fen::from_yuan(text),
    }
}

/// GBK, or UTF-8 where a name in the archive says so.
fn text(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => GBK.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not a bill: {what}"))
}

#[cfg(test)]
#[path = "bill_file_tests.rs"]
mod tests;
