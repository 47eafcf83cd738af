//! A bill in a form of our own, CSV: for tests, and for platforms' bills in forms we do not read,
//! brought into this one by hand.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;

use crate::orders::{BillLine, BillLineKind, BillLines};

/// The first line. Amounts are yuan; the time is milliseconds UTC.
pub const BILL_HEAD: &str = "kind,payment,our_no,trade_no,amount_yuan,fee_yuan,at_ms";

/// Longest line, bytes.
const LINE_MAX: u64 = 4 << 10;

/// The file, if it is in this form.
pub(super) fn ours(path: &Path) -> Option<io::Result<BillLines>> {
    let mut reader = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) => return Some(Err(error)),
    };
    let mut head = vec![0; BILL_HEAD.len()];
    let is_ours = reader.read_exact(&mut head).is_ok() && head == BILL_HEAD.as_bytes();
    is_ours.then(|| {
        line_of(&mut reader)?;
        let lines = std::iter::from_fn(move || line_of(&mut reader).transpose()).zip(2_u64..);
        let full = lines.filter(|(line, _)| !line.as_ref().is_ok_and(String::is_empty));
        let read = |(line, number): (io::Result<String>, u64)| {
            let wrong = |error| {
                io::Error::new(io::ErrorKind::InvalidData, format!("line {number}: {error}"))
            };
            bill_line(&line?).map_err(wrong)
        };
        Ok(Box::new(full.map(read)) as BillLines)
    })
}

/// A line without its end; none at the end of the file.
fn line_of(reader: &mut BufReader<File>) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = reader.take(LINE_MAX).read_line(&mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if read == usize::try_from(LINE_MAX).unwrap_or(usize::MAX) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
    }
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Reads a line of the form.
///
/// # Errors
/// It is not one: names the column, and never what stands there, for all operators read it.
pub fn bill_line(line: &str) -> io::Result<BillLine> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let fields: Vec<&str> = line.split(',').collect();
    let [kind, payment, our_no, trade_no, amount, fee, at_ms] = fields.as_slice() else {
        return Err(wrong("not seven columns"));
    };
    let kind = match *kind {
        "payment" => BillLineKind::Payment,
        "refund" => BillLineKind::Refund,
        _ => return Err(wrong("kind")),
    };
    let fee_fen = match fee.strip_prefix('-') {
        Some(back) => Fen::from_yuan(back).map(|back_fen| -back_fen),
        None => Fen::from_yuan(fee),
    };
    Ok(BillLine {
        kind,
        payment_id: PaymentId::from(*payment),
        our_no: (*our_no).to_owned(),
        trade_no: (*trade_no).to_owned(),
        amount_fen: Fen::from_yuan(amount).ok_or_else(|| wrong("amount_yuan"))?,
        fee_fen: fee_fen.ok_or_else(|| wrong("fee_yuan"))?,
        at_ms: at_ms.parse().map_err(|_| wrong("at_ms"))?,
        raw: line.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn an_error_names_line_and_column_and_gives_nothing_away() {
        for (line, what) in [
            ("payment,P1,,T1,5.00,0.03", "not seven columns"),
            ("gift,P1,,T1,5.00,0.03,1", "kind"),
            ("payment,P1,,T1,5.0.0,0.03,1", "amount_yuan"),
            ("payment,P1,,T1,5.00,?,1", "fee_yuan"),
            ("payment,P1,,T1,5.00,0.03,gestern", "at_ms"),
        ] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            write!(file, "{BILL_HEAD}\npayment,P0,,T0,5.00,0.03,1\n\n{line}\n").unwrap();
            let mut lines = ours(file.path()).unwrap().unwrap();
            assert!(lines.next().unwrap().is_ok());
            assert_eq!(lines.next().unwrap().unwrap_err().to_string(), format!("line 4: {what}"));
        }
    }
}
