//! Riders: anonymous, known by the hash of a secret that only their browser has.

use sqlx::Row;
use sqlx::any::AnyRow;
use wasm_core::ids::RiderId;

use super::{Store, StoreError, Tx, one_row, taken};

/// A rider as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRider {
    /// The rider.
    pub id: RiderId,
    /// Who the rider is at Alipay, once the platform has told.
    pub alipay_open_id: Option<String>,
}

impl Store {
    /// Adds a rider known by this hash of its secret.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the id or the hash is in use.
    pub async fn add_rider(
        &self,
        id: &RiderId,
        token_hash: &str,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO riders (id, token_hash, created_ms) VALUES ($1, $2, $3)")
            .bind(id.as_str())
            .bind(token_hash)
            .bind(now_ms)
            .execute(&mut *tx.inner)
            .await
            .map_err(taken)?;
        tx.commit().await
    }

    /// The rider whose secret has this hash.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn rider_by_token(
        &self,
        token_hash: &str,
    ) -> Result<Option<StoredRider>, StoreError> {
        let sql = "SELECT k.id, k.alipay_open_id FROM riders r \
                   JOIN riders k ON k.id = COALESCE(r.joined_rider_id, r.id) \
                   WHERE r.token_hash = $1";
        let row = sqlx::query(sql).bind(token_hash).fetch_optional(&self.pool).await?;
        row.map(|row| rider(&row)).transpose()
    }
}

impl Tx {
    /// The rider, or whom the rider turned out to be.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn rider(&mut self, id: &RiderId) -> Result<Option<StoredRider>, StoreError> {
        let sql = "SELECT k.id, k.alipay_open_id FROM riders r \
                   JOIN riders k ON k.id = COALESCE(r.joined_rider_id, r.id) WHERE r.id = $1";
        let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(&mut *self.inner).await?;
        row.map(|row| rider(&row)).transpose()
    }

    /// The rider whom Alipay knows by this id.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn rider_at_alipay(&mut self, open_id: &str) -> Result<Option<RiderId>, StoreError> {
        let sql = "SELECT id FROM riders WHERE alipay_open_id = $1";
        let row = sqlx::query(sql).bind(open_id).fetch_optional(&mut *self.inner).await?;
        row.map(|row| Ok(RiderId(row.try_get(0)?))).transpose()
    }

    /// Alipay has told who an anonymous rider is there.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when another rider is that; [`StoreError::Stale`] when this rider is
    /// no longer anonymous.
    pub async fn set_rider_at_alipay(
        &mut self,
        id: &RiderId,
        open_id: &str,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE riders SET alipay_open_id = $1 \
                   WHERE id = $2 AND alipay_open_id IS NULL AND joined_rider_id IS NULL";
        let query = sqlx::query(sql).bind(open_id).bind(id.as_str());
        one_row(&query.execute(&mut *self.inner).await.map_err(taken)?)
    }

    /// An anonymous rider turned out to be `known`: the session becomes that rider's.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when this rider is no longer anonymous.
    pub async fn join_rider(&mut self, id: &RiderId, known: &RiderId) -> Result<(), StoreError> {
        let sql = "UPDATE riders SET joined_rider_id = $1 \
                   WHERE id = $2 AND alipay_open_id IS NULL AND joined_rider_id IS NULL";
        let query = sqlx::query(sql).bind(known.as_str()).bind(id.as_str());
        one_row(&query.execute(&mut *self.inner).await?)
    }
}

fn rider(row: &AnyRow) -> Result<StoredRider, StoreError> {
    Ok(StoredRider { id: RiderId(row.try_get(0)?), alipay_open_id: row.try_get(1)? })
}
