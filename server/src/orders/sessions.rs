//! Running charges in memory, so that a reading costs no query. Only a cache: what is missing is
//! read from the database again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use wasm_core::ids::{OrderId, StationId};
use wasm_core::order::{Order, Terms};
use wasm_core::tariff::{Reading, Remark, Usage};

use super::service::{OrderError, Orders};
use crate::store::{StoreError, TransactionRow, Tx};

/// A running charge.
pub(super) struct Running {
    pub(super) order_id: OrderId,
    pub(super) station_id: StationId,
    pub(super) terms: Terms,
    meter: Meter,
    /// How far the device's clock is behind ours, milliseconds.
    clock_shift_ms: i64,
    readings: Vec<Reading>,
}

impl Running {
    /// Adds a reading by the device's clock; repeats change nothing.
    pub(super) fn add(&mut self, mut reading: Reading) {
        reading.at_ms += self.clock_shift_ms;
        if self.readings.iter().rev().take(8).all(|known| known.at_ms != reading.at_ms) {
            self.readings.push(reading);
        }
    }

    /// What was metered until the last reading.
    pub(super) fn usage(&self) -> Usage {
        let last_ms = self.readings.iter().map(|reading| reading.at_ms).max();
        let ended_ms = last_ms.unwrap_or_default().max(self.meter.started_ms);
        self.meter.usage(ended_ms, &self.readings).0
    }
}

/// All running charges by transaction id.
#[derive(Default)]
pub(super) struct Sessions {
    running: Mutex<HashMap<i64, Arc<Mutex<Running>>>>,
}

impl Sessions {
    fn get(&self, transaction_id: i64) -> Option<Arc<Mutex<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).get(&transaction_id).cloned()
    }

    fn put(&self, transaction_id: i64, running: Running) -> Arc<Mutex<Running>> {
        let mut all = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(transaction_id).or_insert_with(|| Arc::new(Mutex::new(running))).clone()
    }

    /// The order is over.
    pub(super) fn forget(&self, order: &Order) {
        if let Some(session) = order.session() {
            let mut all = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            all.remove(&session.transaction_id);
        }
    }
}

impl Orders {
    /// A running charge, from memory or else from the database; none when no order runs on it.
    pub(super) async fn running(
        &self,
        transaction_id: i64,
    ) -> Result<Option<Arc<Mutex<Running>>>, OrderError> {
        if let Some(running) = self.inner.sessions.get(transaction_id) {
            return Ok(Some(running));
        }
        let store = &self.inner.store;
        let Some(row) = store.transaction_by_id(transaction_id).await? else { return Ok(None) };
        let Some(order_id) = row.order_id.clone() else { return Ok(None) };
        let Some(order) = store.order(&order_id).await? else { return Ok(None) };
        let runs = order.session().is_some_and(|s| s.transaction_id == transaction_id);
        if order.is_over() || !runs {
            return Ok(None);
        }
        let mut tx = store.begin().await?;
        let running = load(&mut tx, &row, order).await?;
        drop(tx);
        Ok(Some(self.inner.sessions.put(transaction_id, running)))
    }

    /// What a running transaction has metered so far.
    pub(super) async fn usage_so_far(&self, transaction_id: i64) -> Result<Usage, OrderError> {
        let running = self.running(transaction_id).await?;
        let running = running
            .ok_or_else(|| StoreError::Unreadable(format!("transaction {transaction_id}")))?;
        Ok(running.lock().unwrap_or_else(PoisonError::into_inner).usage())
    }
}

async fn load(tx: &mut Tx, row: &TransactionRow, order: Order) -> Result<Running, StoreError> {
    Ok(Running {
        order_id: order.id,
        station_id: row.station_id.clone(),
        terms: order.terms,
        meter: meter(tx, row).await?,
        clock_shift_ms: clock_shift_ms(row),
        readings: stored_readings(tx, row).await?,
    })
}

/// Where a transaction's meter stood at the start, and what its socket can deliver.
pub(super) struct Meter {
    started_ms: i64,
    start_wh: i64,
    socket_max_w: i64,
}

impl Meter {
    /// What was used until `ended_ms`, and what looked strange in the readings.
    pub(super) fn usage(&self, ended_ms: i64, readings: &[Reading]) -> (Usage, Vec<Remark>) {
        let span_ms = (self.started_ms, ended_ms);
        Usage::from_readings(span_ms, self.start_wh, readings, self.socket_max_w)
    }
}

/// How far the device's clock was behind ours when the charge started, milliseconds: all its
/// times are moved by that.
pub(super) fn clock_shift_ms(row: &TransactionRow) -> i64 {
    row.started_ms - row.device_started_ms
}

/// The meter of a transaction.
pub(super) async fn meter(tx: &mut Tx, row: &TransactionRow) -> Result<Meter, StoreError> {
    Ok(Meter {
        started_ms: row.started_ms,
        start_wh: row.meter_start_wh,
        socket_max_w: tx.socket_max_w(&row.station_id).await?,
    })
}

/// A transaction's stored readings, by our reckoning of time.
pub(super) async fn stored_readings(
    tx: &mut Tx,
    row: &TransactionRow,
) -> Result<Vec<Reading>, StoreError> {
    let shift_ms = clock_shift_ms(row);
    let mut readings = tx.readings(row.id).await?;
    for reading in &mut readings {
        reading.at_ms += shift_ms;
    }
    Ok(readings)
}
