//! The ledger's rows: appended, summed, never changed.

use sqlx::Row;
use wasm_core::ids::{OperatorId, OrderId};
use wasm_core::money::Fen;
use wasm_core::posting::Posting;
use wasm_core::posting::accounts::CHART;

use super::dialect::insert_rows;
use super::{Store, StoreError, Tx};

/// A ledger transaction's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerHead {
    /// Its identity.
    pub id: String,
    /// The tenant.
    pub operator_id: OperatorId,
    /// The business fact.
    pub key: String,
    /// SHA-256 over kind and postings.
    pub input_hash: String,
    /// What happened.
    pub kind: String,
    /// The order it belongs to; empty when it is no order's.
    pub order_id: OrderId,
}

/// What moved in a span of time, fen; each is positive when money went its usual way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Takings {
    /// Paid by riders, or taken of what they had set aside.
    pub paid_fen: Fen,
    /// Electricity billed.
    pub electricity_fen: Fen,
    /// Service fees billed.
    pub service_fen: Fen,
    /// Let off.
    pub discount_fen: Fen,
    /// Gone back to riders.
    pub refunded_fen: Fen,
}

impl Tx {
    /// Writes a transaction's head. `false` when its key is already there. It is posted now, or if
    /// the day is cut already, at the first instant of the days that are not.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn insert_ledger_head(
        &mut self,
        head: &LedgerHead,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        // Without the lock a cut could commit between the look at the cuts and our commit.
        self.lock_books(&head.operator_id, true).await?;
        let sql = "INSERT INTO ledger_transactions (operator_id, id, idempotency_key, input_hash, \
                   kind, order_id, posted_ms) SELECT $1, $2, $3, $4, $5, $6, CASE \
                   WHEN cuts.end_ms > $7 THEN cuts.end_ms ELSE $7 END FROM (SELECT \
                   (COALESCE(MAX(day), -1) + 1) * 86400000 - 28800000 AS end_ms \
                   FROM ledger_cuts WHERE operator_id = $1) AS cuts WHERE 1 = 1 \
                   ON CONFLICT (operator_id, idempotency_key) DO NOTHING";
        let inserted = sqlx::query(sql)
            .bind(head.operator_id.as_str())
            .bind(head.id.as_str())
            .bind(head.key.as_str())
            .bind(head.input_hash.as_str())
            .bind(head.kind.as_str())
            .bind(head.order_id.as_str())
            .bind(now_ms)
            .execute(&mut *self.inner)
            .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// The hash of what was posted under a key.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn ledger_hash(
        &mut self,
        operator: &OperatorId,
        key: &str,
    ) -> Result<Option<String>, StoreError> {
        let sql = "SELECT input_hash FROM ledger_transactions \
                   WHERE operator_id = $1 AND idempotency_key = $2";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(key);
        let row = query.fetch_optional(&mut *self.inner).await?;
        Ok(row.map(|row| row.try_get("input_hash")).transpose()?)
    }

    /// Writes a transaction's postings, in their order, by one statement.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn insert_postings(
        &mut self,
        head: &LedgerHead,
        postings: &[Posting],
    ) -> Result<(), StoreError> {
        if postings.is_empty() {
            return Ok(());
        }
        let into = "INSERT INTO ledger_postings (operator_id, transaction_id, line, account, \
                    amount_fen)";
        let mut query = sqlx::query(insert_rows(into, 5, postings.len(), ""));
        for (line, posting) in (0_i64..).zip(postings) {
            query = query
                .bind(head.operator_id.as_str())
                .bind(head.id.as_str())
                .bind(line)
                .bind(posting.account.as_str())
                .bind(posting.amount_fen.0);
        }
        query.execute(&mut *self.inner).await?;
        Ok(())
    }
}

impl Store {
    /// Transactions, of one operator or of all, whose postings do not add to zero.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn unbalanced_transactions(
        &self,
        operator: Option<&OperatorId>,
    ) -> Result<Vec<(String, Fen)>, StoreError> {
        let sql = "SELECT t.id AS id, CAST(COALESCE(SUM(p.amount_fen), 1) AS BIGINT) AS sum_fen \
                   FROM ledger_transactions t LEFT JOIN ledger_postings p \
                   ON p.operator_id = t.operator_id AND p.transaction_id = t.id \
                   WHERE ($1 = '' OR t.operator_id = $1) GROUP BY t.id HAVING CAST(COALESCE(SUM(p.amount_fen), 1) AS BIGINT) <> 0";
        let query = sqlx::query(sql).bind(operator.map_or("", OperatorId::as_str));
        let rows = query.fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok((row.try_get("id")?, Fen(row.try_get("sum_fen")?)))).collect()
    }

    /// Postings, of one operator or of all, without a transaction.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn stray_postings(&self, operator: Option<&OperatorId>) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) AS n FROM ledger_postings p \
                   WHERE ($1 = '' OR p.operator_id = $1) AND NOT EXISTS (SELECT 1 FROM \
                   ledger_transactions t WHERE t.operator_id = p.operator_id \
                   AND t.id = p.transaction_id)";
        let query = sqlx::query(sql).bind(operator.map_or("", OperatorId::as_str));
        Ok(query.fetch_one(&self.pool).await?.try_get("n")?)
    }

    /// An order's transactions, each with its postings in order.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn ledger_of_order(
        &self,
        operator: &OperatorId,
        order: &OrderId,
    ) -> Result<Vec<(LedgerHead, Vec<Posting>)>, StoreError> {
        let sql = "SELECT t.id, t.idempotency_key, t.input_hash, t.kind, p.account, p.amount_fen \
                   FROM ledger_transactions t JOIN ledger_postings p \
                   ON p.operator_id = t.operator_id AND p.transaction_id = t.id \
                   WHERE t.operator_id = $1 AND t.order_id = $2 ORDER BY t.posted_ms, t.id, p.line";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(order.as_str());
        let mut found: Vec<(LedgerHead, Vec<Posting>)> = Vec::new();
        for row in query.fetch_all(&self.pool).await? {
            let id: String = row.try_get("id")?;
            let posting = Posting {
                account: row.try_get("account")?,
                amount_fen: Fen(row.try_get("amount_fen")?),
            };
            match found.last_mut() {
                Some((head, postings)) if head.id == id => postings.push(posting),
                _ => {
                    let head = LedgerHead {
                        id,
                        operator_id: operator.clone(),
                        key: row.try_get("idempotency_key")?,
                        input_hash: row.try_get("input_hash")?,
                        kind: row.try_get("kind")?,
                        order_id: order.clone(),
                    };
                    found.push((head, vec![posting]));
                }
            }
        }
        Ok(found)
    }

    /// The balance of each account of an operator, by name.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn balances(&self, operator: &OperatorId) -> Result<Vec<(String, Fen)>, StoreError> {
        let sql = "SELECT account, CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) AS sum_fen \
                   FROM ledger_postings WHERE operator_id = $1 GROUP BY account ORDER BY account";
        let rows = sqlx::query(sql).bind(operator.as_str()).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok((row.try_get("account")?, Fen(row.try_get("sum_fen")?)))).collect()
    }

    /// The balance of each kind of an operator's accounts: `prepaid` for all of `prepaid:…`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn balances_by_kind(
        &self,
        operator: &OperatorId,
    ) -> Result<[(&'static str, Fen); CHART.len()], StoreError> {
        let sql = "SELECT kind, CAST(SUM(amount_fen) AS BIGINT) AS sum_fen FROM (SELECT \
                   CASE WHEN account LIKE 'clearing:%' THEN 'clearing' \
                   WHEN account LIKE 'prepaid:%' THEN 'prepaid' \
                   WHEN account LIKE 'refunds:%' THEN 'refunds' \
                   WHEN account LIKE 'electricity:%' THEN 'electricity' \
                   WHEN account LIKE 'service:%' THEN 'service' \
                   WHEN account LIKE 'discount:%' THEN 'discount' \
                   WHEN account LIKE 'allowance:%' THEN 'allowance' \
                   WHEN account LIKE 'holds:%' THEN 'holds' \
                   WHEN account LIKE 'held:%' THEN 'held' \
                   WHEN account LIKE 'cards:%' THEN 'cards' \
                   WHEN account LIKE 'payable:%' THEN 'payable' \
                   WHEN account LIKE 'share:%' THEN 'share' \
                   WHEN account LIKE 'fee:%' THEN 'fee' \
                   WHEN account LIKE 'suspense:%' THEN 'suspense' \
                   WHEN account LIKE 'loss:%' THEN 'loss' END AS kind, amount_fen \
                   FROM ledger_postings WHERE operator_id = $1) AS kinds GROUP BY kind";
        let mut balances = CHART.map(|kind| (kind.name, Fen::ZERO));
        for row in sqlx::query(sql).bind(operator.as_str()).fetch_all(&self.pool).await? {
            let kind: Option<String> = row.try_get("kind")?;
            let known = balances.iter_mut().find(|(known, _)| Some(*known) == kind.as_deref());
            let (_, sum_fen) = known
                .ok_or_else(|| StoreError::Unreadable("an account of no known kind".to_owned()))?;
            *sum_fen = Fen(row.try_get("sum_fen")?);
        }
        Ok(balances)
    }

    /// What moved at an operator since then.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn takings_since(
        &self,
        operator: &OperatorId,
        since_ms: i64,
    ) -> Result<Takings, StoreError> {
        let sql = "SELECT t.kind, p.account, CAST(SUM(p.amount_fen) AS BIGINT) AS sum_fen \
                   FROM ledger_transactions t JOIN ledger_postings p \
                   ON p.operator_id = t.operator_id AND p.transaction_id = t.id \
                   WHERE t.operator_id = $1 AND t.posted_ms >= $2 \
                   AND p.account NOT LIKE 'prepaid:%' AND p.account NOT LIKE 'refunds:%' \
                   AND p.account NOT LIKE 'held:%' \
                   GROUP BY t.kind, p.account";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(since_ms);
        let mut takings = Takings::default();
        for row in query.fetch_all(&self.pool).await? {
            let (kind, account): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let sum_fen = Fen(row.try_get(2)?);
            match (kind.as_str(), account.split(':').next().unwrap_or_default()) {
                ("paid" | "captured", "clearing") => takings.paid_fen += sum_fen,
                ("refunded", "clearing") => takings.refunded_fen += -sum_fen,
                (_, "electricity") => takings.electricity_fen += -sum_fen,
                (_, "service") => takings.service_fen += -sum_fen,
                (_, "discount") => takings.discount_fen += sum_fen,
                _ => {}
            }
        }
        Ok(takings)
    }

    /// The ledger transactions and the fen that moved, of one operator or of all: the size of the
    /// books.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn ledger_size(
        &self,
        operator: Option<&OperatorId>,
    ) -> Result<(i64, Fen), StoreError> {
        let sql = "SELECT (SELECT COUNT(*) FROM ledger_transactions \
                   WHERE ($1 = '' OR operator_id = $1)) AS n, \
                   CAST(COALESCE((SELECT SUM(amount_fen) FROM ledger_postings \
                   WHERE ($1 = '' OR operator_id = $1) AND amount_fen > 0), 0) AS BIGINT) \
                   AS debits_fen";
        let query = sqlx::query(sql).bind(operator.map_or("", OperatorId::as_str));
        let row = query.fetch_one(&self.pool).await?;
        Ok((row.try_get("n")?, Fen(row.try_get("debits_fen")?)))
    }
}
