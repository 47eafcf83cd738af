//! Meter readings and the transactions they belong to.

use wasm_core::ids::{OperatorId, StationId};

use super::dialect::insert_rows;
use super::{Store, StoreError, Tx};

/// Rows of one insert at most. Batches are cut into powers of two, so that few statements are
/// prepared.
const ROWS_PER_INSERT: usize = 64;

/// A meter reading as stored: the register, not the difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SampleRow {
    /// The transaction.
    pub transaction_id: i64,
    /// When, milliseconds UTC.
    pub at_ms: i64,
    /// The register, watt-hours.
    pub register_wh: i64,
    /// Power, watts, if the device said.
    pub power_w: Option<i64>,
    /// When it came, milliseconds UTC.
    pub received_ms: i64,
}

/// A device transaction as readings need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionSeen {
    /// OCPP connector id.
    pub connector: i64,
    /// When it began by the device's clock, milliseconds UTC.
    pub device_started_ms: i64,
    /// When it began by our reckoning, milliseconds UTC.
    pub started_ms: i64,
    /// When it ended; none while it runs.
    pub stopped_ms: Option<i64>,
}

impl Store {
    /// Stores readings in one transaction; a reading that is already there stays as it is. The
    /// rows are sorted first, so that two batches never wait for each other in a circle.
    ///
    /// # Errors
    /// The database does not answer; whether the rows were stored is unknown, and storing them
    /// again does no harm.
    pub async fn insert_samples(&self, mut rows: Vec<SampleRow>) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        rows.sort_unstable();
        let mut tx = self.begin().await?;
        tx.insert_sample_rows(rows).await?;
        tx.commit().await
    }

    /// The readings of a transaction, by rising time.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn samples(&self, transaction_id: i64) -> Result<Vec<SampleRow>, StoreError> {
        let rows: Vec<(i64, i64, i64, Option<i64>, i64)> = sqlx::query_as(
            "SELECT transaction_id, at_ms, register_wh, power_w, received_ms
             FROM samples WHERE transaction_id = $1 ORDER BY at_ms",
        )
        .bind(transaction_id)
        .fetch_all(&self.pool)
        .await?;
        let sample = |(transaction_id, at_ms, register_wh, power_w, received_ms)| SampleRow {
            transaction_id,
            at_ms,
            register_wh,
            power_w,
            received_ms,
        };
        Ok(rows.into_iter().map(sample).collect())
    }

    /// The transaction that runs at a station's socket, the newest if there are several.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn running_transaction(
        &self,
        operator: &OperatorId,
        station: &StationId,
        connector: i64,
    ) -> Result<Option<i64>, StoreError> {
        let row: Option<(i64,)> = sqlx::query_as(
            "SELECT id FROM transactions WHERE operator_id = $1 AND station_id = $2
             AND connector = $3 AND stopped_ms IS NULL ORDER BY started_ms DESC LIMIT 1",
        )
        .bind(operator.as_str())
        .bind(station.as_str())
        .bind(connector)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(id,)| id))
    }

    /// A station's transaction; none if it never was, or is another station's.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn transaction_seen(
        &self,
        operator: &OperatorId,
        station: &StationId,
        transaction_id: i64,
    ) -> Result<Option<TransactionSeen>, StoreError> {
        let row: Option<(i64, i64, i64, Option<i64>)> = sqlx::query_as(
            "SELECT connector, device_started_ms, started_ms, stopped_ms FROM transactions
             WHERE id = $1 AND operator_id = $2 AND station_id = $3",
        )
        .bind(transaction_id)
        .bind(operator.as_str())
        .bind(station.as_str())
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(connector, device_started_ms, started_ms, stopped_ms)| TransactionSeen {
            connector,
            device_started_ms,
            started_ms,
            stopped_ms,
        }))
    }
}

impl Tx {
    /// Stores readings in rising order; of two at one time the first stays.
    pub(super) async fn insert_sample_rows(
        &mut self,
        mut rows: Vec<SampleRow>,
    ) -> Result<(), StoreError> {
        rows.dedup_by_key(|row| (row.transaction_id, row.at_ms));
        let mut rest = rows.as_slice();
        while !rest.is_empty() {
            let most = rest.len().min(ROWS_PER_INSERT);
            let (batch, later) = rest.split_at(1 << most.ilog2());
            self.insert_sample_batch(batch).await?;
            rest = later;
        }
        Ok(())
    }

    async fn insert_sample_batch(&mut self, rows: &[SampleRow]) -> Result<(), StoreError> {
        let sql = insert_rows(
            "INSERT INTO samples (transaction_id, at_ms, register_wh, power_w, received_ms)",
            5,
            rows.len(),
            "ON CONFLICT DO NOTHING",
        );
        let mut query = sqlx::query(sql);
        for row in rows {
            query = query
                .bind(row.transaction_id)
                .bind(row.at_ms)
                .bind(row.register_wh)
                .bind(row.power_w)
                .bind(row.received_ms);
        }
        query.execute(&mut *self.inner).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(transaction_id: i64, at_ms: i64) -> SampleRow {
        SampleRow { transaction_id, at_ms, register_wh: at_ms, power_w: None, received_ms: 9 }
    }

    #[tokio::test]
    async fn readings_are_stored_once_and_read_in_order() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let rows: Vec<_> = (0..150).rev().map(|at_ms| row(7, at_ms)).chain([row(8, 1)]).collect();
        store.insert_samples(rows).await.unwrap();
        let again = SampleRow { register_wh: 999, power_w: Some(5), ..row(7, 3) };
        store.insert_samples(vec![again, row(7, 150)]).await.unwrap();

        let stored = store.samples(7).await.unwrap();
        assert_eq!(stored, (0..=150).map(|at_ms| row(7, at_ms)).collect::<Vec<_>>());
        assert_eq!(store.samples(8).await.unwrap(), [row(8, 1)]);
    }
}
