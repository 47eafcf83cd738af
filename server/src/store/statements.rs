//! The ledger as statements show it: added up by day, and line by line of one account.

use sqlx::Row;
use sqlx::any::AnyRow;
use wasm_core::day::Day;
use wasm_core::ids::OperatorId;
use wasm_core::money::Fen;

use super::{Store, StoreError};

/// What one kind of transactions did to an account on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaySum {
    /// The day.
    pub day: Day,
    /// The account.
    pub account: String,
    /// The kind of transactions.
    pub kind: String,
    /// Debits, fen.
    pub debits_fen: Fen,
    /// Credits, fen, positive.
    pub credits_fen: Fen,
}

/// What one transaction did to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, milliseconds UTC.
    pub posted_ms: i64,
    /// The transaction.
    pub transaction_id: String,
    /// Its order; empty when it is no order's.
    pub order_id: String,
    /// What happened.
    pub kind: String,
    /// How much: debit positive.
    pub amount_fen: Fen,
}

impl Store {
    /// Sums by day, account and kind from `from_ms` to before `to_ms`: of one account, or for an
    /// empty name of all that no order has of its own.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn day_sums(
        &self,
        operator: &OperatorId,
        account: &str,
        (from_ms, to_ms): (i64, i64),
    ) -> Result<Vec<DaySum>, StoreError> {
        let sql = "SELECT (t.posted_ms + 28800000) / 86400000 AS day, p.account, t.kind, \
                   CAST(SUM(CASE WHEN p.amount_fen > 0 THEN p.amount_fen ELSE 0 END) AS BIGINT) \
                   AS debits_fen, \
                   CAST(SUM(CASE WHEN p.amount_fen < 0 THEN -p.amount_fen ELSE 0 END) AS BIGINT) \
                   AS credits_fen FROM ledger_transactions t JOIN ledger_postings p \
                   ON p.operator_id = t.operator_id AND p.transaction_id = t.id \
                   WHERE t.operator_id = $1 AND t.posted_ms >= $2 AND t.posted_ms < $3 \
                   AND (p.account = $4 OR ($4 = '' AND p.account NOT LIKE 'prepaid:%' \
                   AND p.account NOT LIKE 'refunds:%' AND p.account NOT LIKE 'held:%')) \
                   GROUP BY 1, p.account, t.kind ORDER BY 1, p.account, t.kind";
        let query =
            sqlx::query(sql).bind(operator.as_str()).bind(from_ms).bind(to_ms).bind(account);
        let read = |row: &AnyRow| {
            Ok(DaySum {
                day: Day { number: row.try_get("day")? },
                account: row.try_get("account")?,
                kind: row.try_get("kind")?,
                debits_fen: Fen(row.try_get("debits_fen")?),
                credits_fen: Fen(row.try_get("credits_fen")?),
            })
        };
        query.fetch_all(&self.pool).await?.iter().map(read).collect()
    }

    /// What each transaction did to an account, in the order posted, after a position.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn account_lines(
        &self,
        operator: &OperatorId,
        account: &str,
        (from_ms, to_ms): (i64, i64),
        after: &(i64, String),
        most: i64,
    ) -> Result<Vec<Line>, StoreError> {
        let sql = "SELECT t.posted_ms, t.id, t.order_id, t.kind, \
                   CAST(SUM(p.amount_fen) AS BIGINT) AS amount_fen \
                   FROM ledger_postings p JOIN ledger_transactions t \
                   ON t.operator_id = p.operator_id AND t.id = p.transaction_id \
                   WHERE p.operator_id = $1 AND p.account = $2 \
                   AND t.posted_ms >= $3 AND t.posted_ms < $4 AND (t.posted_ms, t.id) > ($5, $6) \
                   GROUP BY t.posted_ms, t.id, t.order_id, t.kind \
                   ORDER BY t.posted_ms, t.id LIMIT $7";
        let query = sqlx::query(sql)
            .bind(operator.as_str())
            .bind(account)
            .bind(from_ms)
            .bind(to_ms)
            .bind(after.0)
            .bind(after.1.as_str())
            .bind(most);
        let read = |row: &AnyRow| {
            Ok(Line {
                posted_ms: row.try_get("posted_ms")?,
                transaction_id: row.try_get("id")?,
                order_id: row.try_get("order_id")?,
                kind: row.try_get("kind")?,
                amount_fen: Fen(row.try_get("amount_fen")?),
            })
        };
        query.fetch_all(&self.pool).await?.iter().map(read).collect()
    }

    /// An operator's partners and what is owed to each, fen.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn parties(&self, operator: &OperatorId) -> Result<Vec<(String, Fen)>, StoreError> {
        let sql = "SELECT account, CAST(SUM(amount_fen) AS BIGINT) AS sum_fen \
                   FROM ledger_postings WHERE operator_id = $1 AND account LIKE 'payable:%' \
                   GROUP BY account ORDER BY account";
        let rows = sqlx::query(sql).bind(operator.as_str()).fetch_all(&self.pool).await?;
        let read = |row: &AnyRow| {
            let account: String = row.try_get("account")?;
            let party = account.splitn(3, ':').nth(2).unwrap_or_default().to_owned();
            Ok((party, -Fen(row.try_get("sum_fen")?)))
        };
        rows.iter().map(read).collect()
    }
}
