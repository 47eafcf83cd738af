//! Splits as people and the check of the books see them.

use std::collections::HashMap;

use sqlx::Row;
use sqlx::any::AnyRow;
use wasm_core::ids::{OperatorId, OrderId, PartyId};
use wasm_core::money::Fen;

use super::refunds::returned;
use super::{ReturnRow, ShareRow, share};
use crate::store::{Store, StoreError};

/// A share that waits for a person.
#[derive(Clone, Debug)]
pub struct StuckShare {
    /// Of which order.
    pub order_id: OrderId,
    /// The share.
    pub share: ShareRow,
}

/// A return that waits for a person: the partner owes it.
#[derive(Clone, Debug)]
pub struct StuckReturn {
    /// The return.
    pub back: ReturnRow,
    /// The party's name.
    pub name: String,
    /// Since when, milliseconds UTC.
    pub since_ms: i64,
}

/// How an operator stands with a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyBalance {
    /// Who.
    pub party: PartyId,
    /// As people read it.
    pub name: String,
    /// Its parts of all orders, less what refunds took off, fen.
    pub shares_fen: Fen,
    /// Confirmed to have arrived, less what came back.
    pub paid_fen: Fen,
    /// By the ledger: still owed; negative when the partner owes.
    pub payable_fen: Fen,
}

/// What the splits of one order say that its accounts must show, fen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SplitSums {
    /// Partners' parts, less what refunds took off.
    pub shares_fen: Fen,
    /// What left to partners, less what came back.
    pub paid_fen: Fen,
}

impl Store {
    /// An operator's shares that wait for a person, oldest first, at most `most`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn stuck_shares(
        &self,
        operator: &OperatorId,
        most: i64,
    ) -> Result<Vec<StuckShare>, StoreError> {
        let sql = "SELECT order_id, party_id, name, role, amount_fen, back_fen, paper_fen, \
                   paid_fen, returned_fen, status, reason, ask, asked_fen, account_json, updated_ms \
                   FROM split_shares WHERE operator_id = $1 \
                   AND status IN ('failed', 'refused', 'parked') \
                   ORDER BY updated_ms, order_id, line LIMIT $2";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(most);
        let stuck = |row: &AnyRow| {
            Ok(StuckShare { order_id: OrderId(row.try_get("order_id")?), share: share(row)? })
        };
        query.fetch_all(&self.pool).await?.iter().map(stuck).collect()
    }

    /// An operator's returns that wait for a person, oldest first, at most `most`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn stuck_returns(
        &self,
        operator: &OperatorId,
        most: i64,
    ) -> Result<Vec<StuckReturn>, StoreError> {
        let sql = "SELECT r.id, r.order_id, r.refund_id, r.party_id, r.amount_fen, r.status, \
                   r.reason, r.updated_ms, s.name FROM split_returns r JOIN split_shares s \
                   ON s.operator_id = r.operator_id AND s.order_id = r.order_id \
                   AND s.party_id = r.party_id \
                   WHERE r.operator_id = $1 AND r.status = 'parked' \
                   ORDER BY r.updated_ms, r.id LIMIT $2";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(most);
        let stuck = |row: &AnyRow| {
            Ok(StuckReturn {
                back: returned(row)?,
                name: row.try_get("name")?,
                since_ms: row.try_get("updated_ms")?,
            })
        };
        query.fetch_all(&self.pool).await?.iter().map(stuck).collect()
    }

    /// How an operator stands with each partner, by the partner's id.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn party_balances(
        &self,
        operator: &OperatorId,
    ) -> Result<Vec<PartyBalance>, StoreError> {
        let sql = "SELECT s.party_id, MAX(s.name) AS name, \
                   CAST(SUM(s.amount_fen - s.back_fen) AS BIGINT) AS shares_fen, \
                   CAST(SUM(s.paid_fen - s.returned_fen) AS BIGINT) AS paid_fen, \
                   CAST(COALESCE((SELECT SUM(-p.amount_fen) FROM ledger_postings p \
                   WHERE p.operator_id = $1 \
                   AND p.account = 'payable:' || $1 || ':' || s.party_id), 0) AS BIGINT) \
                   AS payable_fen FROM split_shares s \
                   WHERE s.operator_id = $1 AND s.role <> 'operator' \
                   GROUP BY s.party_id ORDER BY s.party_id";
        let balance = |row: &AnyRow| {
            Ok(PartyBalance {
                party: PartyId(row.try_get("party_id")?),
                name: row.try_get("name")?,
                shares_fen: Fen(row.try_get("shares_fen")?),
                paid_fen: Fen(row.try_get("paid_fen")?),
                payable_fen: Fen(row.try_get("payable_fen")?),
            })
        };
        let query = sqlx::query(sql).bind(operator.as_str());
        query.fetch_all(&self.pool).await?.iter().map(balance).collect()
    }

    /// What the splits of the orders after `after`, up to and with `last`, say of their accounts.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn split_sums(
        &self,
        operator: Option<&OperatorId>,
        after: &str,
        last: &OrderId,
    ) -> Result<HashMap<OrderId, SplitSums>, StoreError> {
        let sql = "SELECT order_id, CAST(SUM(amount_fen - back_fen) AS BIGINT) AS shares_fen, \
                   CAST(SUM(paid_fen - returned_fen) AS BIGINT) AS paid_fen FROM split_shares \
                   WHERE ($1 = '' OR operator_id = $1) AND order_id > $2 AND order_id <= $3 \
                   AND role <> 'operator' GROUP BY order_id";
        let query = sqlx::query(sql)
            .bind(operator.map_or("", OperatorId::as_str))
            .bind(after)
            .bind(last.as_str());
        let sums = |row: &AnyRow| {
            let shares_fen = Fen(row.try_get("shares_fen")?);
            let paid_fen = Fen(row.try_get("paid_fen")?);
            Ok((OrderId(row.try_get("order_id")?), SplitSums { shares_fen, paid_fen }))
        };
        query.fetch_all(&self.pool).await?.iter().map(sums).collect()
    }
}
