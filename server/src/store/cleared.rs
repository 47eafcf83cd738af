//! What our ledger says moved at a platform, for reconciliation.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use wasm_core::day::Day;
use wasm_core::ids::{OperatorId, OrderId};
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::recon::CaseRow;
use super::{Store, StoreError, Tx};

/// What our ledger says moved at a platform by one payment, capture or refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// The tenant.
    pub operator_id: OperatorId,
    /// The ledger transaction.
    pub transaction_id: String,
    /// Its idempotency key: a word, a colon and our number.
    pub key: String,
    /// The order.
    pub order_id: OrderId,
    /// When it was posted, milliseconds UTC.
    pub posted_ms: i64,
    /// How much came in; negative when it went out, zero when nothing moved there.
    pub amount_fen: Fen,
}

impl Tx {
    /// What our ledger has under a case's number and which other day's bill has it, as it stays
    /// until this transaction ends: nobody posts to the operator's books meanwhile.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn movement_held(
        &mut self,
        operator: &OperatorId,
        case: &CaseRow,
    ) -> Result<(Option<Cleared>, Option<Day>), StoreError> {
        self.lock_books(operator, false).await?;
        let moved = movement(&mut self.inner, case.channel, &case.number).await?;
        Ok((moved, crossed(&mut self.inner, case.channel, &case.number).await?))
    }
}

impl Store {
    /// What moved at a platform by transactions posted in a span, after a position, with the last
    /// position that was looked at; none at the end. Looks at `most` transactions.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn cleared(
        &self,
        channel: Channel,
        (from_ms, to_ms): (i64, i64),
        after: &(i64, String),
        most: i64,
    ) -> Result<(Vec<Cleared>, Option<(i64, String)>), StoreError> {
        let sql = "SELECT t.operator_id, t.id, t.idempotency_key, t.order_id, t.posted_ms, \
                   CAST(COALESCE(SUM(CASE WHEN p.account = $1 \
                   AND t.kind IN ('paid', 'captured', 'refunded') THEN p.amount_fen ELSE 0 END), 0) \
                   AS BIGINT) AS amount_fen FROM \
                   (SELECT * FROM ledger_transactions WHERE posted_ms < $2 \
                   AND (posted_ms, id) > ($3, $4) ORDER BY posted_ms, id LIMIT $5) t \
                   LEFT JOIN ledger_postings p ON p.operator_id = t.operator_id \
                   AND p.transaction_id = t.id \
                   GROUP BY t.operator_id, t.id, t.idempotency_key, t.order_id, t.posted_ms \
                   ORDER BY t.posted_ms, t.id";
        // The account is asked for in the sum, not in the join, where SQLite would go through all
        // postings of the account for each transaction. And one bound from below: with two, it may
        // take the one that makes it read all before.
        let after = after.clone().max((from_ms, String::new()));
        let query = sqlx::query(sql)
            .bind(format!("clearing:{}", channel.as_str()))
            .bind(to_ms)
            .bind(after.0)
            .bind(after.1)
            .bind(most);
        let rows = query.fetch_all(&self.pool).await?;
        let mut all = rows.iter().map(cleared).collect::<Result<Vec<_>, _>>()?;
        let position = all.last().map(|last| (last.posted_ms, last.transaction_id.clone()));
        all.retain(|row| row.amount_fen != Fen::ZERO);
        Ok((all, position))
    }

    /// What moved at a platform under a number of a case, whoever's, on whatever day.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn movement(
        &self,
        channel: Channel,
        number: &str,
    ) -> Result<Option<Cleared>, StoreError> {
        movement(&mut *self.pool.acquire().await?, channel, number).await
    }

    /// The bill of another day that contains a number.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn crossed(&self, channel: Channel, number: &str) -> Result<Option<Day>, StoreError> {
        crossed(&mut *self.pool.acquire().await?, channel, number).await
    }
}

/// A payment or a capture under `in:` and our number, a refund under `out:`.
async fn movement(
    from: &mut AnyConnection,
    channel: Channel,
    number: &str,
) -> Result<Option<Cleared>, StoreError> {
    let sql = "SELECT t.operator_id, t.id, t.idempotency_key, t.order_id, t.posted_ms, \
               CAST(SUM(CASE WHEN p.account = $1 THEN p.amount_fen ELSE 0 END) AS BIGINT) \
               AS amount_fen FROM operators o JOIN ledger_transactions t \
               ON t.operator_id = o.id AND t.idempotency_key = $2 \
               JOIN ledger_postings p ON p.operator_id = t.operator_id \
               AND p.transaction_id = t.id \
               GROUP BY t.operator_id, t.id, t.idempotency_key, t.order_id, t.posted_ms";
    let (way, number) = number.split_once(':').unwrap_or_default();
    let facts: &[&str] = if way == "in" { &["paid", "captured"] } else { &["refunded"] };
    for fact in facts {
        let query = sqlx::query(sql).bind(format!("clearing:{}", channel.as_str()));
        let row = query.bind(format!("{fact}:{number}")).fetch_optional(&mut *from).await?;
        let row = row.map(|row| cleared(&row)).transpose()?;
        if let Some(row) = row.filter(|row| row.amount_fen != Fen::ZERO) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

async fn crossed(
    from: &mut AnyConnection,
    channel: Channel,
    number: &str,
) -> Result<Option<Day>, StoreError> {
    let sql = "SELECT bill_day FROM recon_crossed WHERE channel = $1 AND number = $2";
    let query = sqlx::query(sql).bind(channel.as_str()).bind(number);
    let row = query.fetch_optional(from).await?;
    row.map(|row| Ok(Day { number: row.try_get("bill_day")? })).transpose()
}

fn cleared(row: &AnyRow) -> Result<Cleared, StoreError> {
    Ok(Cleared {
        operator_id: OperatorId(row.try_get("operator_id")?),
        transaction_id: row.try_get("id")?,
        key: row.try_get("idempotency_key")?,
        order_id: OrderId(row.try_get("order_id")?),
        posted_ms: row.try_get("posted_ms")?,
        amount_fen: Fen(row.try_get("amount_fen")?),
    })
}
