//! What operators give back after the bill, and what that takes back from shares.

use sqlx::Row;
use sqlx::any::AnyRow;
use wasm_core::ids::{OperatorId, OrderId, PartyId, RefundId};
use wasm_core::money::Fen;

use crate::store::{Store, StoreError, Tx, one_row, taken};

/// What an operator gave back after the bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorRefund {
    /// The tenant.
    pub operator_id: OperatorId,
    /// The asker's key: the same key is the same refund.
    pub key: String,
    /// Of which order.
    pub order_id: OrderId,
    /// The order's refund.
    pub refund_id: RefundId,
    /// How much, fen.
    pub amount_fen: Fen,
    /// Why, in the operator's words.
    pub reason: String,
}

/// What a refund takes back from one share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnRow {
    /// Our number: the platform's idempotency key.
    pub id: String,
    /// Of which order.
    pub order_id: OrderId,
    /// For which refund.
    pub refund_id: RefundId,
    /// From whom.
    pub party: PartyId,
    /// How much, fen.
    pub amount_fen: Fen,
    /// How far it is.
    pub status: ReturnStatus,
    /// Why it does not come, as the platform said.
    pub reason: String,
}

/// How far a return is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnStatus {
    /// To be asked for.
    Open,
    /// It came back, or never left.
    Done,
    /// Given up: the partner owes it, and a person must look.
    Parked,
}

impl ReturnStatus {
    const ALL: [Self; 3] = [Self::Open, Self::Done, Self::Parked];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Parked => "parked",
        }
    }
}

const RETURNS: &str = "SELECT id, order_id, refund_id, party_id, amount_fen, status, reason \
     FROM split_returns WHERE operator_id = $1 AND order_id = $2 ORDER BY id";

impl Tx {
    /// Writes a refund of an operator under its key.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the key is in use.
    pub async fn insert_operator_refund(
        &mut self,
        refund: &OperatorRefund,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO operator_refunds (operator_id, idempotency_key, order_id, \
                   refund_id, amount_fen, reason, created_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        sqlx::query(sql)
            .bind(refund.operator_id.as_str())
            .bind(refund.key.as_str())
            .bind(refund.order_id.as_str())
            .bind(refund.refund_id.as_str())
            .bind(refund.amount_fen.0)
            .bind(refund.reason.as_str())
            .bind(now_ms)
            .execute(&mut *self.inner)
            .await
            .map_err(taken)?;
        Ok(())
    }

    /// The refund that an operator asked for under a key.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn operator_refund(
        &mut self,
        operator: &OperatorId,
        key: &str,
    ) -> Result<Option<OperatorRefund>, StoreError> {
        let sql = "SELECT order_id, refund_id, amount_fen, reason FROM operator_refunds \
                   WHERE operator_id = $1 AND idempotency_key = $2";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(key);
        let refund = |row: AnyRow| {
            Ok(OperatorRefund {
                operator_id: operator.clone(),
                key: key.to_owned(),
                order_id: OrderId(row.try_get("order_id")?),
                refund_id: RefundId(row.try_get("refund_id")?),
                amount_fen: Fen(row.try_get("amount_fen")?),
                reason: row.try_get("reason")?,
            })
        };
        query.fetch_optional(&mut *self.inner).await?.map(refund).transpose()
    }

    /// Writes what a refund takes back from a share.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the number is in use.
    pub async fn insert_return(
        &mut self,
        operator: &OperatorId,
        row: &ReturnRow,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO split_returns (operator_id, id, order_id, refund_id, party_id, \
                   amount_fen, status, reason, updated_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        sqlx::query(sql)
            .bind(operator.as_str())
            .bind(row.id.as_str())
            .bind(row.order_id.as_str())
            .bind(row.refund_id.as_str())
            .bind(row.party.as_str())
            .bind(row.amount_fen.0)
            .bind(row.status.as_str())
            .bind(row.reason.as_str())
            .bind(now_ms)
            .execute(&mut *self.inner)
            .await
            .map_err(taken)?;
        Ok(())
    }

    /// Writes how far a return is; the caller has claimed the split by [`Tx::change_split`].
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is no such return.
    pub async fn update_return(
        &mut self,
        operator: &OperatorId,
        row: &ReturnRow,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE split_returns SET status = $1, reason = $2, updated_ms = $3 \
                   WHERE operator_id = $4 AND id = $5";
        let updated = sqlx::query(sql)
            .bind(row.status.as_str())
            .bind(row.reason.as_str())
            .bind(now_ms)
            .bind(operator.as_str())
            .bind(row.id.as_str())
            .execute(&mut *self.inner)
            .await?;
        one_row(&updated)
    }

    /// What refunds of an order took back from its shares.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn returns(
        &mut self,
        operator: &OperatorId,
        order: &OrderId,
    ) -> Result<Vec<ReturnRow>, StoreError> {
        let query = sqlx::query(RETURNS).bind(operator.as_str()).bind(order.as_str());
        query.fetch_all(&mut *self.inner).await?.iter().map(returned).collect()
    }
}

impl Store {
    /// What refunds of an order took back from its shares.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn returns(
        &self,
        operator: &OperatorId,
        order: &OrderId,
    ) -> Result<Vec<ReturnRow>, StoreError> {
        let query = sqlx::query(RETURNS).bind(operator.as_str()).bind(order.as_str());
        query.fetch_all(&self.pool).await?.iter().map(returned).collect()
    }
}

pub(super) fn returned(row: &AnyRow) -> Result<ReturnRow, StoreError> {
    let name: String = row.try_get("status")?;
    let status = ReturnStatus::ALL.into_iter().find(|status| status.as_str() == name);
    Ok(ReturnRow {
        id: row.try_get("id")?,
        order_id: OrderId(row.try_get("order_id")?),
        refund_id: RefundId(row.try_get("refund_id")?),
        party: PartyId(row.try_get("party_id")?),
        amount_fen: Fen(row.try_get("amount_fen")?),
        status: status.ok_or_else(|| StoreError::Unreadable(format!("return status {name}")))?,
        reason: row.try_get("reason")?,
    })
}
