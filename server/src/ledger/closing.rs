//! The daily closing: what was posted on a day, hashed and chained to the day before.
//!
//! First a *cut* is committed. Whoever posts takes a shared lock on the operator's books and looks
//! at the cuts; whoever cuts takes the lock for itself. So after a cut nothing comes into its day
//! any more: late commits have committed, and later ones are posted after the cut. Then the day is
//! read, as often and as slowly as need be, and its closing is written.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use tokio_util::sync::CancellationToken;
use wasm_core::day::Day;
use wasm_core::ids::OperatorId;
use wasm_core::money::Fen;
use wasm_core::posting::accounts::control_account;
use wasm_core::units::MS_PER_MINUTE;

use crate::random;
use crate::store::closings::{AccountDay, Closing, Entry, Span};
use crate::store::{Store, StoreError};

/// How long after midnight a day is closed, milliseconds: longer than clocks of several servers
/// differ, so that no honest posting has to move into the next day.
pub const CLOSE_AFTER_MS: i64 = 30 * MS_PER_MINUTE;
/// Transactions read at a time.
const PAGE: i64 = 2_000;
/// What stands for the hash before the first day.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Closes every operator's days that are over, up to `until`; returns what was closed.
///
/// # Errors
/// The first one, after all others' books were closed. What was closed stays closed.
pub async fn close_due(
    store: &Store,
    now_ms: i64,
    until: Option<Day>,
    stop: &CancellationToken,
) -> Result<Vec<Closing>, StoreError> {
    let (mut closed, mut failed) = (Vec::new(), None);
    for operator in store.operator_ids().await? {
        let done = close_days(store, &operator, now_ms, until, stop, &mut closed).await;
        if let Err(error) = done {
            tracing::error!(%operator, %error, "an operator's books cannot be closed");
            failed.get_or_insert(error);
        }
    }
    failed.map_or(Ok(closed), Err)
}

async fn close_days(
    store: &Store,
    operator: &OperatorId,
    now_ms: i64,
    until: Option<Day>,
    stop: &CancellationToken,
    closed: &mut Vec<Closing>,
) -> Result<(), StoreError> {
    while let Some((day, previous)) = next_day(store, operator).await? {
        let due = day.ends_ms() + CLOSE_AFTER_MS <= now_ms;
        if !due || until.is_some_and(|until| day > until) || stop.is_cancelled() {
            break;
        }
        closed.push(close(store, operator, day, previous, now_ms).await?);
    }
    Ok(())
}

/// The next day to close and the closing before it; none before the operator's first posting.
async fn next_day(
    store: &Store,
    operator: &OperatorId,
) -> Result<Option<(Day, Option<Closing>)>, StoreError> {
    if let Some(last) = store.last_closing(operator).await? {
        return Ok(Some((last.day.next(), Some(last))));
    }
    let first_ms = store.first_posted_ms(operator).await?;
    Ok(first_ms.map(|first_ms| (Day::of(first_ms), None)))
}

async fn close(
    store: &Store,
    operator: &OperatorId,
    day: Day,
    previous: Option<Closing>,
    now_ms: i64,
) -> Result<Closing, StoreError> {
    let mut tx = store.begin().await?;
    tx.cut_day(operator, day, now_ms).await?;
    tx.commit().await?;
    let mut fold = Fold::default();
    let previous_hash = match previous {
        None => GENESIS.to_owned(),
        Some(previous) => {
            for account in store.closing_accounts(operator, previous.day).await? {
                fold.balances.insert(account.account, account.balance_fen);
            }
            previous.hash
        }
    };
    fold.begin(operator, day, &previous_hash);
    let mut entries = Entries::of_day(store, operator, day);
    while let Some(page) = entries.next().await? {
        for entry in &page {
            fold.add(entry);
        }
    }
    let (transactions, debits_fen) = (fold.transactions, fold.debits_fen);
    let (hash, accounts) = fold.end();
    let closing = Closing {
        operator_id: operator.clone(),
        day,
        transactions,
        debits_fen,
        previous_hash,
        hash,
        closed_ms: now_ms,
    };
    let mut tx = store.begin().await?;
    // Another server may have closed it meanwhile, from the same postings.
    if tx.insert_closing(&closing, &accounts).await? {
        tx.commit().await?;
        tracing::info!(%operator, %day, hash = closing.hash, transactions, "day closed");
    }
    Ok(closing)
}

/// The transactions of a span, page by page.
pub struct Entries<'a> {
    store: &'a Store,
    span: Span,
    after: (i64, String),
}

impl<'a> Entries<'a> {
    /// Those of a span.
    pub fn of(store: &'a Store, span: Span) -> Self {
        Self::after(store, span, (i64::MIN, String::new()))
    }

    /// Those of a span that come after a position.
    pub(super) fn after(store: &'a Store, span: Span, after: (i64, String)) -> Self {
        Self { store, span, after }
    }

    /// Where the last page ended.
    pub(super) fn position(self) -> (i64, String) {
        self.after
    }

    /// Those of a day.
    pub fn of_day(store: &'a Store, operator: &OperatorId, day: Day) -> Self {
        let (from_ms, to_ms) = (day.begins_ms(), day.ends_ms());
        Self::of(store, Span { operator_id: operator.clone(), from_ms, to_ms })
    }

    /// The next page; none after the last.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>, StoreError> {
        let page = self.store.entries(&self.span, &self.after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = (last.posted_ms, last.head.id.clone());
        Ok(Some(page))
    }
}

/// A day's postings, added up and hashed as they come; balances go on from day to day.
#[derive(Default)]
pub(super) struct Fold {
    hash: Option<digest::Context>,
    /// Transactions of the day.
    pub transactions: i64,
    /// Debits of the day.
    pub debits_fen: Fen,
    /// Where the control accounts stand.
    pub balances: BTreeMap<String, Fen>,
    moved: BTreeMap<String, (Fen, Fen)>,
}

impl Fold {
    /// Begins a day.
    pub fn begin(&mut self, operator: &OperatorId, day: Day, previous_hash: &str) {
        let mut hash = digest::Context::new(&digest::SHA256);
        let head =
            serde_json::json!(["saochong books 1", operator, day.to_string(), previous_hash]);
        hash.update(head.to_string().as_bytes());
        self.hash = Some(hash);
        (self.transactions, self.debits_fen) = (0, Fen::ZERO);
        self.moved.clear();
    }

    /// Adds a transaction: one line of JSON, so that no two books have the same text.
    pub fn add(&mut self, entry: &Entry) {
        let (head, (who, reason)) = (&entry.head, &entry.by);
        let postings: Vec<_> =
            entry.postings.iter().map(|posting| (&posting.account, posting.amount_fen)).collect();
        let line = serde_json::json!([
            entry.posted_ms,
            head.id,
            head.kind,
            head.order_id,
            head.key,
            head.input_hash,
            who,
            reason,
            postings
        ]);
        if let Some(hash) = &mut self.hash {
            hash.update(format!("\n{line}").as_bytes());
        }
        self.transactions += 1;
        for posting in &entry.postings {
            let account = control_account(&posting.account);
            let (debits_fen, credits_fen) = self.moved.entry(account.to_owned()).or_default();
            *debits_fen += posting.amount_fen.above(Fen::ZERO);
            *credits_fen += (-posting.amount_fen).above(Fen::ZERO);
            self.debits_fen += posting.amount_fen.above(Fen::ZERO);
            *self.balances.entry(account.to_owned()).or_default() += posting.amount_fen;
        }
    }

    /// The day's hash, and each account that moved or does not stand at zero.
    pub fn end(&mut self) -> (String, Vec<AccountDay>) {
        let hash = self.hash.take().unwrap_or_else(|| digest::Context::new(&digest::SHA256));
        let accounts = self.balances.iter().filter_map(|(account, balance_fen)| {
            let moved = self.moved.get(account).copied();
            let (debits_fen, credits_fen) = moved.unwrap_or_default();
            (moved.is_some() || *balance_fen != Fen::ZERO).then(|| AccountDay {
                account: account.clone(),
                debits_fen,
                credits_fen,
                balance_fen: *balance_fen,
            })
        });
        (random::hex(hash.finish().as_ref()), accounts.collect())
    }
}
