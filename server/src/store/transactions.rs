//! Device transactions: one row for each start a device recorded, ordered or not.

use sqlx::Row;
use sqlx::any::AnyRow;
use wasm_core::ids::{OperatorId, OrderId, StationId};
use wasm_core::tariff::Reading;

use super::samples::SampleRow;
use super::{Store, StoreError, Tx, one_row, taken};
use crate::random;

/// A device transaction, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionRow {
    /// The id we issued.
    pub id: i64,
    /// The tenant.
    pub operator_id: OperatorId,
    /// The station.
    pub station_id: StationId,
    /// The socket's number on it.
    pub connector: i64,
    /// The `idTag` of the start.
    pub id_tag: String,
    /// The order; none for current nobody ordered.
    pub order_id: Option<OrderId>,
    /// The start by the device's clock, milliseconds UTC.
    pub device_started_ms: i64,
    /// The register at the start, watt-hours.
    pub meter_start_wh: i64,
    /// The start by our reckoning, milliseconds UTC.
    pub started_ms: i64,
    /// The end by our reckoning; none while it runs.
    pub stopped_ms: Option<i64>,
}

/// How a transaction ended.
#[derive(Clone, Debug)]
pub struct TransactionEnd {
    /// By our reckoning, milliseconds UTC.
    pub stopped_ms: i64,
    /// The register, watt-hours, as reported.
    pub meter_stop_wh: i64,
    /// Why.
    pub stop_reason: String,
    /// What looked strange, or nothing.
    pub remark: String,
}

impl Tx {
    /// The transaction a repeated start record stands for.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn same_start(
        &mut self,
        start: &TransactionRow,
    ) -> Result<Option<TransactionRow>, StoreError> {
        let sql = "SELECT id, operator_id, station_id, connector, id_tag, order_id, \
                   device_started_ms, meter_start_wh, started_ms, stopped_ms FROM transactions \
                   WHERE operator_id = $1 AND station_id = $2 AND connector = $3 AND id_tag = $4 \
                   AND device_started_ms = $5 AND meter_start_wh = $6";
        let row = sqlx::query(sql)
            .bind(start.operator_id.as_str())
            .bind(start.station_id.as_str())
            .bind(start.connector)
            .bind(start.id_tag.as_str())
            .bind(start.device_started_ms)
            .bind(start.meter_start_wh)
            .fetch_optional(&mut *self.inner)
            .await?;
        row.map(|row| transaction(&row)).transpose()
    }

    /// Writes a new transaction.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the id or the same start exists.
    pub async fn insert_transaction(
        &mut self,
        row: &TransactionRow,
        remark: &str,
        received_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO transactions (id, operator_id, station_id, connector, id_tag, \
                   order_id, device_started_ms, meter_start_wh, started_ms, remark, received_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        sqlx::query(sql)
            .bind(row.id)
            .bind(row.operator_id.as_str())
            .bind(row.station_id.as_str())
            .bind(row.connector)
            .bind(row.id_tag.as_str())
            .bind(row.order_id.as_ref().map(|id| id.0.clone()))
            .bind(row.device_started_ms)
            .bind(row.meter_start_wh)
            .bind(row.started_ms)
            .bind(remark)
            .bind(received_ms)
            .execute(&mut *self.inner)
            .await
            .map_err(taken)?;
        Ok(())
    }

    /// A transaction of a station by the id we issued.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn transaction(
        &mut self,
        station: &StationId,
        id: i64,
    ) -> Result<Option<TransactionRow>, StoreError> {
        let sql = "SELECT id, operator_id, station_id, connector, id_tag, order_id, \
                   device_started_ms, meter_start_wh, started_ms, stopped_ms FROM transactions \
                   WHERE id = $1 AND station_id = $2";
        let query = sqlx::query(sql).bind(id).bind(station.as_str());
        let row = query.fetch_optional(&mut *self.inner).await?;
        row.map(|row| transaction(&row)).transpose()
    }

    /// The newest open transaction of a station with this `idTag`: what a stop means whose station
    /// never got an id (errata 3.18).
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn open_transaction_of_tag(
        &mut self,
        station: &StationId,
        id_tag: &str,
    ) -> Result<Option<TransactionRow>, StoreError> {
        let sql = "SELECT id, operator_id, station_id, connector, id_tag, order_id, \
                   device_started_ms, meter_start_wh, started_ms, stopped_ms FROM transactions \
                   WHERE station_id = $1 AND id_tag = $2 AND stopped_ms IS NULL \
                   ORDER BY started_ms DESC LIMIT 1";
        let query = sqlx::query(sql).bind(station.as_str()).bind(id_tag);
        let row = query.fetch_optional(&mut *self.inner).await?;
        row.map(|row| transaction(&row)).transpose()
    }

    /// Writes how a running transaction ended; the first end stays.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it has ended already.
    pub async fn end_transaction(
        &mut self,
        id: i64,
        end: &TransactionEnd,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE transactions SET stopped_ms = $1, meter_stop_wh = $2, stop_reason = $3, \
                   remark = CASE WHEN remark = '' THEN $4 ELSE remark || '; ' || $4 END \
                   WHERE id = $5 AND stopped_ms IS NULL";
        let updated = sqlx::query(sql)
            .bind(end.stopped_ms)
            .bind(end.meter_stop_wh)
            .bind(end.stop_reason.as_str())
            .bind(end.remark.as_str())
            .bind(id)
            .execute(&mut *self.inner)
            .await?;
        one_row(&updated)
    }

    /// A transaction's readings by the device's clock, by rising time.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn readings(&mut self, id: i64) -> Result<Vec<Reading>, StoreError> {
        let sql = "SELECT at_ms, register_wh, power_w FROM samples \
                   WHERE transaction_id = $1 ORDER BY at_ms";
        let rows = sqlx::query(sql).bind(id).fetch_all(&mut *self.inner).await?;
        let reading = |row: &AnyRow| {
            Ok(Reading {
                at_ms: row.try_get("at_ms")?,
                register_wh: row.try_get("register_wh")?,
                power_w: row.try_get("power_w")?,
            })
        };
        rows.iter().map(reading).collect()
    }

    /// Adds the readings that came with a transaction's end.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn add_readings(
        &mut self,
        id: i64,
        readings: &[Reading],
        received_ms: i64,
    ) -> Result<(), StoreError> {
        let row = |reading: &Reading| SampleRow {
            transaction_id: id,
            at_ms: reading.at_ms,
            register_wh: reading.register_wh,
            power_w: reading.power_w,
            received_ms,
        };
        let mut rows: Vec<_> = readings.iter().map(row).collect();
        // Stable: of two readings at one time the first stays.
        rows.sort_by_key(|row| row.at_ms);
        self.insert_sample_rows(rows).await
    }

    /// Keeps a stop that belongs to no transaction we know.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn keep_stray_stop(
        &mut self,
        station: &StationId,
        payload: &str,
        received_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO device_records (id, operator_id, station_id, action, payload_json, \
                   reason, received_ms) SELECT $1, operator_id, id, 'StopTransaction', $2, \
                   'no such transaction', $3 FROM stations WHERE id = $4";
        sqlx::query(sql)
            .bind(random::base32::<20>())
            .bind(payload)
            .bind(received_ms)
            .bind(station.as_str())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// The most power one socket of a station can deliver, watts.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn socket_max_w(&mut self, station: &StationId) -> Result<i64, StoreError> {
        let sql = "SELECT socket_max_w FROM stations WHERE id = $1";
        let row = sqlx::query(sql).bind(station.as_str()).fetch_one(&mut *self.inner).await?;
        Ok(row.try_get("socket_max_w")?)
    }
}

impl Store {
    /// A transaction by the id we issued.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn transaction_by_id(&self, id: i64) -> Result<Option<TransactionRow>, StoreError> {
        let sql = "SELECT id, operator_id, station_id, connector, id_tag, order_id, \
                   device_started_ms, meter_start_wh, started_ms, stopped_ms FROM transactions \
                   WHERE id = $1";
        let row = sqlx::query(sql).bind(id).fetch_optional(&self.pool).await?;
        row.map(|row| transaction(&row)).transpose()
    }

    /// Marks a transaction as current that nobody paid for.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn remark_transaction(&self, id: i64, remark: &str) -> Result<(), StoreError> {
        let sql = "UPDATE transactions SET remark = $1 WHERE id = $2";
        let mut tx = self.begin().await?;
        sqlx::query(sql).bind(remark).bind(id).execute(&mut *tx.inner).await?;
        tx.commit().await
    }
}

fn transaction(row: &AnyRow) -> Result<TransactionRow, StoreError> {
    Ok(TransactionRow {
        id: row.try_get("id")?,
        operator_id: OperatorId(row.try_get("operator_id")?),
        station_id: StationId(row.try_get("station_id")?),
        connector: row.try_get("connector")?,
        id_tag: row.try_get("id_tag")?,
        order_id: row.try_get::<Option<String>, _>("order_id")?.map(OrderId),
        device_started_ms: row.try_get("device_started_ms")?,
        meter_start_wh: row.try_get("meter_start_wh")?,
        started_ms: row.try_get("started_ms")?,
        stopped_ms: row.try_get("stopped_ms")?,
    })
}
