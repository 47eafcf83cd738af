//! The books as CSV, page by page, so that any span fits into memory. Amounts are yuan with two
//! places, times are UTC+8, and no field can be taken for a formula by a spreadsheet.

use std::fmt::Write as _;

use wasm_core::day::Day;
use wasm_core::money::Fen;
use wasm_core::units::{MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND};

use super::closing::Entries;
use crate::store::closings::{Entry, Span};
use crate::store::{Store, StoreError};

/// The day book's columns.
const DAY_BOOK: &str =
    "day,time,transaction,kind,order,fact,account,debit_yuan,credit_yuan,who,reason\r\n";

/// Every posting of a span.
pub struct DayBook {
    store: Store,
    span: Span,
    after: Option<(i64, String)>,
}

impl DayBook {
    /// The day book of a span.
    pub fn new(store: Store, span: Span) -> Self {
        Self { store, span, after: None }
    }

    /// The next part of the text; none after the last.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let Some(after) = self.after.take() else {
            self.after = Some((i64::MIN, String::new()));
            return Ok(Some(DAY_BOOK.to_owned()));
        };
        let mut entries = Entries::after(&self.store, self.span.clone(), after);
        let page = entries.next().await?;
        self.after = Some(entries.position());
        Ok(page.map(|page| page.iter().map(lines).collect()))
    }
}

fn lines(entry: &Entry) -> String {
    let (head, (who, reason)) = (&entry.head, &entry.by);
    let mut text = String::new();
    for posting in &entry.postings {
        let (debit, credit) = sides(posting.amount_fen);
        text.push_str(&row(&[
            &Day::of(entry.posted_ms).to_string(),
            &time(entry.posted_ms),
            &head.id,
            &head.kind,
            head.order_id.as_str(),
            &head.key,
            &posting.account,
            &debit,
            &credit,
            who,
            reason,
        ]));
    }
    text
}

/// An amount as debit and credit, one of them empty.
pub fn sides(amount_fen: Fen) -> (String, String) {
    if amount_fen < Fen::ZERO {
        (String::new(), (-amount_fen).to_yuan())
    } else {
        (amount_fen.to_yuan(), String::new())
    }
}

/// The time of day at UTC+8: `21:05:03`.
pub fn time(at_ms: i64) -> String {
    let of_day_ms = at_ms - Day::of(at_ms).begins_ms();
    let (hours, minutes) = (of_day_ms / MS_PER_HOUR, of_day_ms % MS_PER_HOUR / MS_PER_MINUTE);
    format!("{hours:02}:{minutes:02}:{:02}", of_day_ms % MS_PER_MINUTE / MS_PER_SECOND)
}

/// A line of CSV (RFC 4180).
pub fn row(fields: &[&str]) -> String {
    let mut line = String::new();
    for (index, field) in fields.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // A spreadsheet computes what begins so. Amounts may: they are numbers.
        let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r'])
            && !field.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
        let guard = if formula { "'" } else { "" };
        if field.contains(['"', ',', '\n', '\r']) {
            let _ = write!(line, "{comma}\"{guard}{}\"", field.replace('"', "\"\""));
        } else {
            let _ = write!(line, "{comma}{guard}{field}");
        }
    }
    line.push_str("\r\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_are_no_formulas() {
        assert_eq!(row(&["a", "b,c", "d\"e", "-1.50"]), "a,\"b,c\",\"d\"\"e\",-1.50\r\n");
        assert_eq!(row(&["=1+1", "-x", "@y"]), "'=1+1,'-x,'@y\r\n");
        assert_eq!(time(1_795_449_600_000 + 5_000), "00:00:05");
        assert_eq!(sides(Fen(-1_205)), (String::new(), "12.05".to_owned()));
    }
}
