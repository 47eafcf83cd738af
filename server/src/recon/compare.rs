//! Both sides, sorted by number, compared in one pass: every line of the bill and every movement
//! of ours is looked at once, and none is held.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use wasm_core::day::Day;
use wasm_core::ids::{OperatorId, OrderId, PaymentId};
use wasm_core::money::Fen;

use super::sort::{Item, Sorted};
use crate::orders::{BillLine, BillLineKind};
use crate::store::recon::Cleared;

/// Longest part of a bill's line that is kept as evidence, characters.
const RAW_MAX: usize = 2_000;
/// Basis points in one.
const BP: i64 = 10_000;
/// How far a fee may be from the one we compute, fen: platforms round in ways of their own.
const FEE_TOLERANCE_FEN: i64 = 1;

/// A number of this bill is a case already.
pub(super) const CASE: u8 = 0;
/// The kind of a case whose number the bill had not.
const MISSING: &[u8] = b"ours_only";
/// The kind of a case whose number the bill has more than once.
const DUPLICATE: &[u8] = b"duplicate";
/// A movement of ours.
pub(super) const OURS: u8 = 1;
/// A line of the bill.
pub(super) const THEIRS: u8 = 2;

/// A movement of ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ours {
    pub operator_id: OperatorId,
    pub transaction_id: String,
    pub key: String,
    pub order_id: OrderId,
    pub posted_ms: i64,
    pub amount_fen: Fen,
}

/// A line of the bill.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Theirs {
    pub payment_id: PaymentId,
    pub trade_no: String,
    pub amount_fen: Fen,
    pub fee_fen: Fen,
    pub at_ms: i64,
    pub raw: String,
}

/// What is found.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// The bill has what we posted on another day, or what an earlier bill of the day had not.
    Elsewhere { number: String },
    /// The bill has it, and nothing of ours near that day.
    Theirs { number: String, theirs: Theirs, known: bool },
    /// We have it, and the bill of the day has not.
    Ours { number: String, ours: Ours },
    /// Both have it, and say different amounts.
    Amount { number: String, ours: Ours, theirs: Theirs },
    /// Both have it, and the fee is not what was agreed.
    Fee { number: String, ours: Ours, theirs: Theirs },
    /// The bill has it again.
    Again { number: String, theirs: Theirs, nth: u32 },
}

/// How it ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Lines that agree.
    pub matched: i64,
    /// Their fees, by operator, but for those that are cases.
    pub fees: BTreeMap<OperatorId, Fen>,
}

impl From<Cleared> for Ours {
    fn from(row: Cleared) -> Self {
        Self {
            operator_id: row.operator_id,
            transaction_id: row.transaction_id,
            key: row.key,
            order_id: row.order_id,
            posted_ms: row.posted_ms,
            amount_fen: row.amount_fen,
        }
    }
}

impl Ours {
    /// `in:` or `out:` and our number, the part of the ledger's key after the first colon.
    pub fn number(&self) -> String {
        let number = self.key.split_once(':').map_or("", |(_, number)| number);
        numbered(self.amount_fen > Fen::ZERO, number)
    }

    pub fn item(&self) -> Item {
        Item { key: self.number(), side: OURS, body: body(self) }
    }
}

impl Theirs {
    /// The line and its number.
    pub fn of(line: BillLine) -> (String, Self) {
        let comes_in = line.kind == BillLineKind::Payment;
        let ours = if line.our_no.is_empty() { line.payment_id.as_str() } else { &line.our_no };
        let number = numbered(comes_in, ours);
        let theirs = Self {
            amount_fen: if comes_in { line.amount_fen } else { -line.amount_fen },
            payment_id: line.payment_id,
            trade_no: line.trade_no,
            fee_fen: line.fee_fen,
            at_ms: line.at_ms,
            raw: line.raw.chars().take(RAW_MAX).collect(),
        };
        (number, theirs)
    }

    pub fn item(number: String, theirs: &Self) -> Item {
        Item { key: number, side: THEIRS, body: body(theirs) }
    }
}

fn numbered(comes_in: bool, number: &str) -> String {
    format!("{}:{number}", if comes_in { "in" } else { "out" })
}

fn body(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers are JSON")
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> io::Result<T> {
    serde_json::from_slice(body).map_err(io::Error::other)
}

/// What both sides say of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Same,
    OtherAmount,
    OtherFee,
}

/// Compares both sides; `fee_bp` is the fee agreed on in hundredths of a percent.
pub(super) fn judge(ours: &Ours, theirs: &Theirs, fee_bp: Option<i64>) -> Verdict {
    if ours.amount_fen != theirs.amount_fen {
        Verdict::OtherAmount
    } else if fee_is_right(theirs, fee_bp) {
        Verdict::Same
    } else {
        Verdict::OtherFee
    }
}

/// Of a payment the platform takes what was agreed; of a refund it gives back as much, or nothing.
/// Without an agreement any fee is right that is no more than the payment.
fn fee_is_right(theirs: &Theirs, fee_bp: Option<i64>) -> bool {
    let (amount, fee) = (theirs.amount_fen.0, theirs.fee_fen.0);
    let expected = fee_bp.map(|bp| expected_fee(amount.abs(), bp));
    if amount >= 0 {
        match expected {
            Some(expected) => (fee - expected).abs() <= FEE_TOLERANCE_FEN,
            None => (0..=amount).contains(&fee),
        }
    } else {
        match expected {
            Some(expected) => fee == 0 || (fee < 0 && (fee + expected).abs() <= FEE_TOLERANCE_FEN),
            None => (amount..=0).contains(&fee),
        }
    }
}

/// The fee of an amount, half a fen rounded up.
pub(super) fn expected_fee(amount_fen: i64, fee_bp: i64) -> i64 {
    (amount_fen.saturating_mul(fee_bp) + BP / 2) / BP
}

/// Goes through both sides; `tell` hears what is not simply the same.
pub(super) fn compare(
    sorted: Sorted,
    day: Day,
    fee_bp: Option<i64>,
    mut tell: impl FnMut(Found) -> io::Result<()>,
) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let mut here = Here::default();
    for item in sorted {
        let item = item?;
        if item.key != here.number {
            here.leave(day, &mut tell)?;
            here = Here { number: item.key.clone(), ..Here::default() };
        }
        match item.side {
            // What the bill had not, it may have now.
            CASE if item.body == MISSING => here.missing = true,
            // The first of several lines is none: only the others are.
            CASE if item.body == DUPLICATE => {}
            CASE => here.known = true,
            OURS => here.ours = Some(read(&item.body)?),
            _ => here.line(read(&item.body)?, day, fee_bp, &mut tally, &mut tell)?,
        }
    }
    here.leave(day, &mut tell)?;
    Ok(tally)
}

/// One number, while it is gone through.
#[derive(Default)]
struct Here {
    number: String,
    known: bool,
    missing: bool,
    ours: Option<Ours>,
    lines: u32,
}

impl Here {
    fn line(
        &mut self,
        theirs: Theirs,
        day: Day,
        fee_bp: Option<i64>,
        tally: &mut Tally,
        tell: &mut impl FnMut(Found) -> io::Result<()>,
    ) -> io::Result<()> {
        let number = self.number.clone();
        self.lines += 1;
        if self.lines > 1 {
            return tell(Found::Again { number, theirs, nth: self.lines });
        }
        let Some(ours) = self.ours.clone() else {
            return tell(Found::Theirs { number, theirs, known: self.known });
        };
        if self.missing || Day::of(ours.posted_ms) != day {
            tell(Found::Elsewhere { number: number.clone() })?;
        }
        match judge(&ours, &theirs, fee_bp) {
            Verdict::OtherAmount => tell(Found::Amount { number, ours, theirs }),
            Verdict::OtherFee => tell(Found::Fee { number, ours, theirs }),
            Verdict::Same => {
                tally.matched += 1;
                if !self.known {
                    *tally.fees.entry(ours.operator_id).or_default() += theirs.fee_fen;
                }
                Ok(())
            }
        }
    }

    fn leave(
        &mut self,
        day: Day,
        tell: &mut impl FnMut(Found) -> io::Result<()>,
    ) -> io::Result<()> {
        match self.ours.take() {
            Some(ours) if self.lines == 0 && Day::of(ours.posted_ms) == day => {
                tell(Found::Ours { number: self.number.clone(), ours })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_are_what_was_agreed_to_the_fen() {
        let right = |amount: i64, fee: i64, bp: Option<i64>| {
            let theirs = Theirs {
                payment_id: "P".into(),
                trade_no: String::new(),
                amount_fen: Fen(amount),
                fee_fen: Fen(fee),
                at_ms: 0,
                raw: String::new(),
            };
            fee_is_right(&theirs, bp)
        };
        assert!(right(1_000, 6, Some(60)));
        assert!(right(1_000, 7, Some(60)));
        assert!(!right(1_000, 8, Some(60)));
        assert!(!right(1_000, 4, Some(60)));
        assert!(right(-1_000, -6, Some(60)));
        assert!(right(-1_000, 0, Some(60)));
        assert!(!right(-1_000, -8, Some(60)));
        assert!(!right(-1_000, -3, Some(60)));
        assert!(!right(-1_000, 1, Some(60)));
        assert!(right(1_000, 1_000, None));
        assert!(!right(1_000, 1_001, None));
        assert!(!right(1_000, -1, None));
        assert_eq!(expected_fee(100, 60), 1);
        assert_eq!(expected_fee(83, 60), 0);
    }
}
