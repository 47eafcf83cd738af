//! Closed days of the books: cuts, closings and what was posted in between, in order.

use sqlx::Row;
use sqlx::any::AnyRow;
use wasm_core::day::Day;
use wasm_core::ids::{OperatorId, OrderId};
use wasm_core::money::Fen;
use wasm_core::posting::Posting;

use super::ledger::LedgerHead;
use super::{Store, StoreError, Tx};

/// A closed day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The tenant.
    pub operator_id: OperatorId,
    /// The day.
    pub day: Day,
    /// How many transactions were posted.
    pub transactions: i64,
    /// The sum of their debits, fen.
    pub debits_fen: Fen,
    /// The hash of the day before.
    pub previous_hash: String,
    /// SHA-256 over that and the day's postings, in hex.
    pub hash: String,
    /// When it was closed, milliseconds UTC.
    pub closed_ms: i64,
}

/// What a day did to an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountDay {
    /// The account, or the kind of those that each order has of its own.
    pub account: String,
    /// Debits of the day, fen.
    pub debits_fen: Fen,
    /// Credits of the day, fen, positive.
    pub credits_fen: Fen,
    /// Where it stands at the day's end; debit positive.
    pub balance_fen: Fen,
}

/// A transaction as it stands in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its head.
    pub head: LedgerHead,
    /// When it was posted, milliseconds UTC.
    pub posted_ms: i64,
    /// Who corrected, and why; empty for what no person did.
    pub by: (String, String),
    /// Its postings in order.
    pub postings: Vec<Posting>,
}

/// A part of an operator's books, in the order posted.
#[derive(Clone, Debug)]
pub struct Span {
    /// The tenant.
    pub operator_id: OperatorId,
    /// From then on, milliseconds UTC.
    pub from_ms: i64,
    /// Before then.
    pub to_ms: i64,
}

impl Tx {
    /// Ends a day for postings: whoever posts after this commits posts after the day, and whoever
    /// posted before has committed.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn cut_day(
        &mut self,
        operator: &OperatorId,
        day: Day,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.lock_books(operator, false).await?;
        let sql = "INSERT INTO ledger_cuts (operator_id, day, cut_ms) VALUES ($1, $2, $3) \
                   ON CONFLICT (operator_id, day) DO NOTHING";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(day.number).bind(now_ms);
        query.execute(&mut *self.inner).await?;
        Ok(())
    }

    /// Waits until no day of the operator is being cut (`shared`) or nobody posts, till this
    /// transaction ends. SQLite has one writer anyway.
    pub(super) async fn lock_books(
        &mut self,
        operator: &OperatorId,
        shared: bool,
    ) -> Result<(), StoreError> {
        if let Some(sql) = self.dialect.lock_books(shared) {
            let key = format!("saochong books {operator}");
            sqlx::query(sql).bind(key).execute(&mut *self.inner).await?;
        }
        Ok(())
    }

    /// Writes a closing. `false` when the day is closed already.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn insert_closing(
        &mut self,
        closing: &Closing,
        accounts: &[AccountDay],
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO ledger_closings (operator_id, day, transactions, debits_fen, \
                   previous_hash, hash, closed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7) \
                   ON CONFLICT (operator_id, day) DO NOTHING";
        let query = sqlx::query(sql)
            .bind(closing.operator_id.as_str())
            .bind(closing.day.number)
            .bind(closing.transactions)
            .bind(closing.debits_fen.0)
            .bind(closing.previous_hash.as_str())
            .bind(closing.hash.as_str())
            .bind(closing.closed_ms);
        if query.execute(&mut *self.inner).await?.rows_affected() == 0 {
            return Ok(false);
        }
        for account in accounts {
            let sql = "INSERT INTO ledger_closing_accounts (operator_id, day, account, debits_fen, \
                       credits_fen, balance_fen) VALUES ($1, $2, $3, $4, $5, $6)";
            let query = sqlx::query(sql)
                .bind(closing.operator_id.as_str())
                .bind(closing.day.number)
                .bind(account.account.as_str())
                .bind(account.debits_fen.0)
                .bind(account.credits_fen.0)
                .bind(account.balance_fen.0);
            query.execute(&mut *self.inner).await?;
        }
        Ok(true)
    }

    /// Keeps who made a transaction, and why.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn insert_reason(
        &mut self,
        head: &LedgerHead,
        who: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO ledger_reasons (operator_id, transaction_id, who, reason) \
                   VALUES ($1, $2, $3, $4)";
        let query = sqlx::query(sql).bind(head.operator_id.as_str()).bind(head.id.as_str());
        query.bind(who).bind(reason).execute(&mut *self.inner).await?;
        Ok(())
    }
}

impl Store {
    /// Every operator.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn operator_ids(&self) -> Result<Vec<OperatorId>, StoreError> {
        let rows =
            sqlx::query("SELECT id FROM operators ORDER BY id").fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(OperatorId(row.try_get("id")?))).collect()
    }

    /// Everybody who has books.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn books(&self) -> Result<Vec<OperatorId>, StoreError> {
        let sql = "SELECT id FROM operators UNION \
                   SELECT DISTINCT operator_id FROM ledger_transactions ORDER BY id";
        let rows = sqlx::query(sql).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(OperatorId(row.try_get("id")?))).collect()
    }

    /// When an operator's first transaction was posted, milliseconds UTC.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn first_posted_ms(&self, operator: &OperatorId) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT MIN(posted_ms) AS first_ms FROM ledger_transactions \
                   WHERE operator_id = $1";
        let row = sqlx::query(sql).bind(operator.as_str()).fetch_one(&self.pool).await?;
        Ok(row.try_get("first_ms")?)
    }

    /// The last closed day of an operator.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn last_closing(&self, operator: &OperatorId) -> Result<Option<Closing>, StoreError> {
        let sql = "SELECT operator_id, day, transactions, debits_fen, previous_hash, hash, closed_ms \
                   FROM ledger_closings WHERE operator_id = $1 ORDER BY day DESC LIMIT 1";
        let query = sqlx::query(sql).bind(operator.as_str());
        query.fetch_optional(&self.pool).await?.map(|row| closing(&row)).transpose()
    }

    /// An operator's closed days after `day`, oldest first, at most `most`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn closings_after(
        &self,
        operator: &OperatorId,
        day: Day,
        most: i64,
    ) -> Result<Vec<Closing>, StoreError> {
        let sql = "SELECT operator_id, day, transactions, debits_fen, previous_hash, hash, closed_ms \
                   FROM ledger_closings WHERE operator_id = $1 AND day > $2 ORDER BY day LIMIT $3";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(day.number).bind(most);
        query.fetch_all(&self.pool).await?.iter().map(closing).collect()
    }

    /// An operator's last closed days, newest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn last_closings(
        &self,
        operator: &OperatorId,
        most: i64,
    ) -> Result<Vec<Closing>, StoreError> {
        let sql = "SELECT operator_id, day, transactions, debits_fen, previous_hash, hash, closed_ms \
                   FROM ledger_closings WHERE operator_id = $1 ORDER BY day DESC LIMIT $2";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(most);
        query.fetch_all(&self.pool).await?.iter().map(closing).collect()
    }

    /// Where the accounts stood when a day was closed, by name.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn closing_accounts(
        &self,
        operator: &OperatorId,
        day: Day,
    ) -> Result<Vec<AccountDay>, StoreError> {
        let sql = "SELECT account, debits_fen, credits_fen, balance_fen FROM \
                   ledger_closing_accounts WHERE operator_id = $1 AND day = $2 ORDER BY account";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(day.number);
        let read = |row: &AnyRow| {
            Ok(AccountDay {
                account: row.try_get("account")?,
                debits_fen: Fen(row.try_get("debits_fen")?),
                credits_fen: Fen(row.try_get("credits_fen")?),
                balance_fen: Fen(row.try_get("balance_fen")?),
            })
        };
        query.fetch_all(&self.pool).await?.iter().map(read).collect()
    }

    /// The next transactions of a span after `after` (when it was posted, its id), in the order of
    /// those two, at most `most`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn entries(
        &self,
        span: &Span,
        after: &(i64, String),
        most: i64,
    ) -> Result<Vec<Entry>, StoreError> {
        let sql = "SELECT t.id, t.idempotency_key, t.input_hash, t.kind, t.order_id, t.posted_ms, \
                   p.account, p.amount_fen, r.who, r.reason FROM \
                   (SELECT * FROM ledger_transactions WHERE operator_id = $1 \
                   AND posted_ms < $2 AND (posted_ms, id) > ($3, $4) \
                   ORDER BY posted_ms, id LIMIT $5) t \
                   LEFT JOIN ledger_postings p \
                   ON p.operator_id = t.operator_id AND p.transaction_id = t.id \
                   LEFT JOIN ledger_reasons r \
                   ON r.operator_id = t.operator_id AND r.transaction_id = t.id \
                   ORDER BY t.posted_ms, t.id, p.line";
        // One bound from below: with two, SQLite takes the one that makes it read all before.
        let after = after.clone().max((span.from_ms, String::new()));
        let query = sqlx::query(sql)
            .bind(span.operator_id.as_str())
            .bind(span.to_ms)
            .bind(after.0)
            .bind(after.1)
            .bind(most);
        let mut entries: Vec<Entry> = Vec::new();
        for row in query.fetch_all(&self.pool).await? {
            let id: String = row.try_get("id")?;
            if entries.last().is_none_or(|entry| entry.head.id != id) {
                entries.push(entry(&span.operator_id, id, &row)?);
            }
            let account: Option<String> = row.try_get("account")?;
            if let (Some(entry), Some(account)) = (entries.last_mut(), account) {
                let amount_fen = Fen(row.try_get("amount_fen")?);
                entry.postings.push(Posting { account, amount_fen });
            }
        }
        Ok(entries)
    }
}

fn entry(operator: &OperatorId, id: String, row: &AnyRow) -> Result<Entry, StoreError> {
    let head = LedgerHead {
        id,
        operator_id: operator.clone(),
        key: row.try_get("idempotency_key")?,
        input_hash: row.try_get("input_hash")?,
        kind: row.try_get("kind")?,
        order_id: OrderId(row.try_get("order_id")?),
    };
    let text = |column: &str| -> Result<String, StoreError> {
        Ok(row.try_get::<Option<String>, _>(column)?.unwrap_or_default())
    };
    let by = (text("who")?, text("reason")?);
    Ok(Entry { head, posted_ms: row.try_get("posted_ms")?, by, postings: Vec::new() })
}

fn closing(row: &AnyRow) -> Result<Closing, StoreError> {
    Ok(Closing {
        operator_id: OperatorId(row.try_get("operator_id")?),
        day: Day { number: row.try_get("day")? },
        transactions: row.try_get("transactions")?,
        debits_fen: Fen(row.try_get("debits_fen")?),
        previous_hash: row.try_get("previous_hash")?,
        hash: row.try_get("hash")?,
        closed_ms: row.try_get("closed_ms")?,
    })
}
