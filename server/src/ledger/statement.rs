//! Statements: what an operator took by day, site and channel, and what a partner has earned and
//! got, by day and by order.

use wasm_core::day::Day;
use wasm_core::ids::OperatorId;
use wasm_core::money::Fen;
use wasm_core::posting::accounts;

use super::export::{row, time};
use crate::store::statements::{DaySum, Line};
use crate::store::{Store, StoreError};

/// Lines read at a time.
const PAGE: i64 = 2_000;
/// The columns of a partner's statement by order.
const BY_ORDER: &str = "day,time,order,kind,earned_yuan,paid_yuan,transaction\r\n";
/// The columns of a statement by day.
const BY_DAY: &str = "day,account,kind,debit_yuan,credit_yuan\r\n";

/// Whose statement, and of which days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The tenant.
    pub operator_id: OperatorId,
    /// The partner; none = the operator itself.
    pub party: Option<String>,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
}

impl Scope {
    /// The one account a partner's statement is about; empty for all that are nobody's order's.
    fn account(&self) -> String {
        let party = self.party.as_ref();
        party.map_or_else(String::new, |party| accounts::payable(self.operator_id.as_str(), party))
    }

    fn span_ms(&self) -> (i64, i64) {
        (self.from.begins_ms(), self.to.ends_ms())
    }
}

/// By day, account and kind of transaction.
///
/// # Errors
/// The database does not answer.
pub async fn by_day(store: &Store, scope: &Scope) -> Result<Vec<DaySum>, StoreError> {
    store.day_sums(&scope.operator_id, &scope.account(), scope.span_ms()).await
}

/// The same as CSV.
///
/// # Errors
/// The database does not answer.
pub async fn by_day_csv(store: &Store, scope: &Scope) -> Result<String, StoreError> {
    let sums = by_day(store, scope).await?;
    let line = |sum: &DaySum| {
        let (debit, credit) = (sum.debits_fen.to_yuan(), sum.credits_fen.to_yuan());
        row(&[&sum.day.to_string(), &sum.account, &sum.kind, &debit, &credit])
    };
    Ok(std::iter::once(BY_DAY.to_owned()).chain(sums.iter().map(line)).collect())
}

/// A partner's statement by order, as CSV, part by part.
pub struct ByOrder {
    store: Store,
    scope: Scope,
    after: Option<(i64, String)>,
}

impl ByOrder {
    /// The statement of a scope.
    pub fn new(store: Store, scope: Scope) -> Self {
        Self { store, scope, after: None }
    }

    /// The next part; none after the last.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let Some(after) = self.after.take() else {
            self.after = Some((i64::MIN, String::new()));
            return Ok(Some(BY_ORDER.to_owned()));
        };
        let lines = self.page(&after, PAGE).await?;
        let Some(last) = lines.last() else {
            self.after = Some(after);
            return Ok(None);
        };
        self.after = Some((last.posted_ms, last.transaction_id.clone()));
        Ok(Some(lines.iter().map(order_line).collect()))
    }

    /// Lines after a position, at most `most`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn page(&self, after: &(i64, String), most: i64) -> Result<Vec<Line>, StoreError> {
        let scope = &self.scope;
        let account = scope.account();
        self.store.account_lines(&scope.operator_id, &account, scope.span_ms(), after, most).await
    }
}

/// What is payable is a credit: the partner's gain is our debt.
fn order_line(line: &Line) -> String {
    let earned_fen = -line.amount_fen;
    let paid = line.amount_fen.above(Fen::ZERO).to_yuan();
    let earned = earned_fen.above(Fen::ZERO).to_yuan();
    row(&[
        &Day::of(line.posted_ms).to_string(),
        &time(line.posted_ms),
        &line.order_id,
        &line.kind,
        &earned,
        &paid,
        &line.transaction_id,
    ])
}
