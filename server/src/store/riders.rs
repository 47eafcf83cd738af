//! Riders: anonymous, known by the hash of a secret that only their browser has, until a payment
//! platform tells who they are there.

use sqlx::Row;
use sqlx::any::AnyRow;
use wasm_core::ids::RiderId;
use wasm_core::order::Channel;

use super::{Store, StoreError, Tx, one_row, taken};

/// A rider as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRider {
    /// The rider.
    pub id: RiderId,
    /// Who the rider is at the payment platforms.
    pub open_ids: OpenIds,
}

/// Who a rider is at each payment platform that has told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenIds(Vec<(Channel, String)>);

impl OpenIds {
    /// The rider's id at a platform.
    pub fn at(&self, channel: Channel) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| *known == channel);
        found.map(|(_, open_id)| open_id.as_str())
    }

    /// Whether no platform has told.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, channel: Channel, open_id: &str) -> Self {
        self.0.push((channel, open_id.to_owned()));
        self
    }
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
        let sql = "SELECT COALESCE(r.joined_rider_id, r.id) AS id, i.channel, i.open_id \
                   FROM riders r LEFT JOIN rider_identities i \
                   ON i.rider_id = COALESCE(r.joined_rider_id, r.id) WHERE r.token_hash = $1";
        rider(&sqlx::query(sql).bind(token_hash).fetch_all(&self.pool).await?)
    }
}

impl Tx {
    /// The rider, or whom the rider turned out to be.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn rider(&mut self, id: &RiderId) -> Result<Option<StoredRider>, StoreError> {
        let sql = "SELECT COALESCE(r.joined_rider_id, r.id) AS id, i.channel, i.open_id \
                   FROM riders r LEFT JOIN rider_identities i \
                   ON i.rider_id = COALESCE(r.joined_rider_id, r.id) WHERE r.id = $1";
        rider(&sqlx::query(sql).bind(id.as_str()).fetch_all(&mut *self.inner).await?)
    }

    /// The rider whom a platform knows by this id.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn rider_at(
        &mut self,
        channel: Channel,
        open_id: &str,
    ) -> Result<Option<RiderId>, StoreError> {
        let sql = "SELECT rider_id FROM rider_identities WHERE channel = $1 AND open_id = $2";
        let query = sqlx::query(sql).bind(channel.as_str()).bind(open_id);
        let row = query.fetch_optional(&mut *self.inner).await?;
        row.map(|row| Ok(RiderId(row.try_get(0)?))).transpose()
    }

    /// A platform has told who a rider is there.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when another rider is that, or this rider is somebody there already;
    /// [`StoreError::Stale`] when this rider turned out to be another meanwhile.
    pub async fn set_rider_at(
        &mut self,
        id: &RiderId,
        channel: Channel,
        open_id: &str,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.lock_rider(id).await?;
        let sql = "INSERT INTO rider_identities (channel, open_id, rider_id, created_ms) \
                   VALUES ($1, $2, $3, $4)";
        let query = sqlx::query(sql).bind(channel.as_str()).bind(open_id).bind(id.as_str());
        query.bind(now_ms).execute(&mut *self.inner).await.map_err(taken)?;
        Ok(())
    }

    /// An anonymous rider turned out to be `known`: the session becomes that rider's.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when this rider is no longer anonymous.
    pub async fn join_rider(&mut self, id: &RiderId, known: &RiderId) -> Result<(), StoreError> {
        self.lock_rider(id).await?;
        let sql = "UPDATE riders SET joined_rider_id = $1 WHERE id = $2 \
                   AND NOT EXISTS (SELECT 1 FROM rider_identities WHERE rider_id = $2)";
        let query = sqlx::query(sql).bind(known.as_str()).bind(id.as_str());
        one_row(&query.execute(&mut *self.inner).await?)
    }

    /// Nobody else joins or names this rider until the transaction ends.
    async fn lock_rider(&mut self, id: &RiderId) -> Result<(), StoreError> {
        let sql = "UPDATE riders SET joined_rider_id = NULL \
                   WHERE id = $1 AND joined_rider_id IS NULL";
        one_row(&sqlx::query(sql).bind(id.as_str()).execute(&mut *self.inner).await?)
    }
}

/// One row for each id at a platform, or one without any.
fn rider(rows: &[AnyRow]) -> Result<Option<StoredRider>, StoreError> {
    let Some(first) = rows.first() else { return Ok(None) };
    let mut open_ids = OpenIds::default();
    for row in rows {
        let Some(name) = row.try_get::<Option<&str>, _>("channel")? else { continue };
        let channel = Channel::parse(name)
            .ok_or_else(|| StoreError::Unreadable(format!("channel {name}")))?;
        open_ids = open_ids.with(channel, row.try_get("open_id")?);
    }
    Ok(Some(StoredRider { id: RiderId(first.try_get("id")?), open_ids }))
}
