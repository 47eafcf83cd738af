//! The proof of the closed days: each one's postings give its hash, each hash stands on the one
//! before, and the balances kept are the postings added up.

use std::collections::BTreeSet;

use wasm_core::day::Day;
use wasm_core::ids::OperatorId;

use super::check::{Finding, Head, Report};
use super::closing::{Entries, Fold, GENESIS};
use super::input_hash;
use crate::store::closings::{AccountDay, Closing, Entry, Span};
use crate::store::{Store, StoreError};

/// Closed days read at a time.
const PAGE: i64 = 500;

/// Checks every transaction of an operator against its hash, and every closed day. Takes from
/// `noted` each hash that it meets.
pub(super) async fn check(
    store: &Store,
    operator: &OperatorId,
    noted: &mut BTreeSet<String>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut fold = Fold::default();
    let mut last: Option<Closing> = None;
    loop {
        let after = last.as_ref().map_or(Day { number: i64::MIN }, |last| last.day);
        let closings = store.closings_after(operator, after, PAGE).await?;
        if closings.is_empty() {
            break;
        }
        for closing in closings {
            if last.is_none() {
                let before = span(operator, i64::MIN, closing.day.begins_ms());
                for id in walk(store, before, &mut fold, report).await? {
                    report.findings.push(Finding::BeforeTheBooks { transaction_id: id });
                }
            }
            link(last.as_ref(), &closing, report);
            check_day(store, &closing, &mut fold, report).await?;
            noted.remove(&closing.hash);
            report.days += 1;
            last = Some(closing);
        }
    }
    let open_from_ms = last.as_ref().map_or(i64::MIN, |last| last.day.ends_ms());
    walk(store, span(operator, open_from_ms, i64::MAX), &mut fold, report).await?;
    report.heads.extend(last.map(|last| Head {
        operator_id: operator.0.clone(),
        day: last.day.to_string(),
        hash: last.hash,
    }));
    Ok(())
}

fn span(operator: &OperatorId, from_ms: i64, to_ms: i64) -> Span {
    Span { operator_id: operator.clone(), from_ms, to_ms }
}

/// Adds up a span and looks at each transaction by itself; returns their ids when the span belongs
/// to no day.
async fn walk(
    store: &Store,
    span: Span,
    fold: &mut Fold,
    report: &mut Report,
) -> Result<Vec<String>, StoreError> {
    let before_all = span.from_ms == i64::MIN && span.to_ms != i64::MAX;
    let mut ids = Vec::new();
    let mut entries = Entries::of(store, span);
    while let Some(page) = entries.next().await? {
        for entry in &page {
            check_entry(entry, report);
            fold.add(entry);
            ids.extend(before_all.then(|| entry.head.id.clone()));
        }
    }
    Ok(ids)
}

fn check_entry(entry: &Entry, report: &mut Report) {
    if input_hash(&entry.head.kind, &entry.postings) != entry.head.input_hash {
        report.findings.push(Finding::Altered { transaction_id: entry.head.id.clone() });
    }
}

/// Whether a closing stands on the one before.
fn link(last: Option<&Closing>, closing: &Closing, report: &mut Report) {
    let operator_id = closing.operator_id.0.clone();
    if let Some(missing) = last.map(|last| last.day.next()).filter(|next| *next != closing.day) {
        let day = missing.to_string();
        report.findings.push(Finding::DayMissing { operator_id: operator_id.clone(), day });
    }
    let before = last.map_or(GENESIS, |last| last.hash.as_str());
    if closing.previous_hash != before {
        let day = closing.day.to_string();
        report.findings.push(Finding::ChainBroken { operator_id, day });
    }
}

async fn check_day(
    store: &Store,
    closing: &Closing,
    fold: &mut Fold,
    report: &mut Report,
) -> Result<(), StoreError> {
    let (operator, day) = (&closing.operator_id, closing.day);
    fold.begin(operator, day, &closing.previous_hash);
    walk(store, span(operator, day.begins_ms(), day.ends_ms()), fold, report).await?;
    let (transactions, debits_fen) = (fold.transactions, fold.debits_fen);
    let (hash, accounts) = fold.end();
    let same = (transactions, debits_fen) == (closing.transactions, closing.debits_fen);
    if hash != closing.hash || !same {
        report.findings.push(Finding::DayDiffers {
            operator_id: operator.0.clone(),
            day: day.to_string(),
            closed_transactions: closing.transactions,
            found_transactions: transactions,
            closed_debits_fen: closing.debits_fen,
            found_debits_fen: debits_fen,
        });
    }
    let stored = store.closing_accounts(operator, day).await?;
    for account in differing(&stored, &accounts) {
        report.findings.push(Finding::BalanceDiffers {
            operator_id: operator.0.clone(),
            day: day.to_string(),
            account,
        });
    }
    Ok(())
}

/// The accounts that one side has otherwise or not at all.
fn differing(stored: &[AccountDay], computed: &[AccountDay]) -> BTreeSet<String> {
    let missing = |side: &[AccountDay], account: &&AccountDay| !side.contains(account);
    let left = stored.iter().filter(|account| missing(computed, account));
    let right = computed.iter().filter(|account| missing(stored, account));
    left.chain(right).map(|account| account.account.clone()).collect()
}
