//! What devices report. Nothing a device says is refused: strange records are confirmed, kept and
//! marked, because a refusal makes a station drop a bill for good.

use std::sync::PoisonError;

use wasm_core::ids::{OrderId, StationId};
use wasm_core::order::{Event, Order, Session, State, StopReason, Terms};
use wasm_core::tariff::{PlanLimit, Reading, Remark, Usage, progress};
use wasm_core::units::MS_PER_MINUTE;

use super::service::{OrderError, Orders, commit, retry};
use super::sessions::{clock_shift_ms, meter, stored_readings};
use crate::random;
use crate::store::{TransactionEnd, TransactionRow, Tx};

/// A device's time is believed up to this far from ours; beyond it ours counts.
const CLOCK_TOLERANCE_MS: i64 = 5 * MS_PER_MINUTE;

/// A station says that a transaction began (OCPP `StartTransaction`).
#[derive(Clone, Debug)]
pub struct StartRecord {
    /// Which station.
    pub station_id: StationId,
    /// Which socket, from 1.
    pub connector: i64,
    /// The `idTag`: an order's id if the start was ours.
    pub id_tag: String,
    /// When, by the device's clock, milliseconds UTC.
    pub at_ms: i64,
    /// The register then, watt-hours.
    pub meter_start_wh: i64,
}

/// A station says that a transaction ended (OCPP `StopTransaction`).
#[derive(Clone, Debug)]
pub struct StopRecord {
    /// Which station.
    pub station_id: StationId,
    /// The transaction; 0, −1 or unknown when the station never got an id.
    pub transaction_id: i64,
    /// The `idTag`, if the station sent one.
    pub id_tag: Option<String>,
    /// When, by the device's clock, milliseconds UTC.
    pub at_ms: i64,
    /// The register then, watt-hours; may lag, reset or be −1.
    pub meter_stop_wh: i64,
    /// Why, in the trade's terms.
    pub reason: StopReason,
    /// Readings that came with it (transactionData).
    pub readings: Vec<Reading>,
}

impl Orders {
    /// A transaction began. Returns the transaction id to answer: always a positive one, the same
    /// for the same record. Durable when it returns.
    ///
    /// # Errors
    /// Only our own trouble: the database did not do it.
    pub async fn started(&self, record: StartRecord) -> Result<i64, OrderError> {
        let (transaction_id, order) = retry!(self.try_started(&record))?;
        if let Some(order) = order {
            tracing::info!(order = %order.id, transaction_id, state = order.state.name(), "started");
            self.changed(&order);
        }
        Ok(transaction_id)
    }

    async fn try_started(&self, record: &StartRecord) -> Result<(i64, Option<Order>), OrderError> {
        let mut tx = self.inner.store.begin().await?;
        let operator_id = tx.operator_of_station(&record.station_id).await?;
        let operator_id = operator_id.ok_or(OrderError::NoSuchSocket)?;
        let order = self.order_of_start(&mut tx, record).await?;
        let now_ms = self.inner.clock.now_ms();
        let earliest_ms = order.as_ref().map_or(now_ms, |order| order.created_ms);
        let mut row = TransactionRow {
            id: new_transaction_id(),
            operator_id,
            station_id: record.station_id.clone(),
            connector: record.connector,
            id_tag: record.id_tag.clone(),
            order_id: order.as_ref().map(|order| order.id.clone()),
            device_started_ms: record.at_ms,
            meter_start_wh: record.meter_start_wh,
            started_ms: believed_start_ms(record.at_ms, earliest_ms, now_ms),
            stopped_ms: None,
        };
        if let Some(known) = tx.same_start(&row).await? {
            row = known;
        } else {
            let remark = if order.is_some() { "" } else { "no order" };
            tx.insert_transaction(&row, remark, now_ms).await?;
        }
        let changed = match &row.order_id {
            Some(order_id) => {
                let session = Session { transaction_id: row.id, started_ms: row.started_ms };
                Some(self.apply_in(&mut tx, order_id, Event::Started { session }).await?)
            }
            None => None,
        };
        commit(tx, changed.as_ref().map_or("no_order", |order| order.state.name())).await?;
        Ok((row.id, changed))
    }

    /// The order a start belongs to: its `idTag` names one for this very socket.
    async fn order_of_start(
        &self,
        tx: &mut Tx,
        record: &StartRecord,
    ) -> Result<Option<Order>, OrderError> {
        let Some(stored) = tx.order(&OrderId(record.id_tag.clone())).await? else {
            return Ok(None);
        };
        let socket = tx.socket_of_station(&record.station_id, record.connector).await?;
        let here = socket.is_some_and(|socket| socket == stored.order.socket_id);
        Ok(here.then_some(stored.order))
    }

    /// A transaction ended. Durable when it returns; repeats change nothing.
    ///
    /// # Errors
    /// Only our own trouble: the database did not do it.
    pub async fn stopped(&self, record: StopRecord) -> Result<(), OrderError> {
        let order = retry!(self.try_stopped(&record))?;
        if let Some(order) = order {
            tracing::info!(order = %order.id, state = order.state.name(), "stopped");
            self.changed(&order);
        }
        Ok(())
    }

    async fn try_stopped(&self, record: &StopRecord) -> Result<Option<Order>, OrderError> {
        let now_ms = self.inner.clock.now_ms();
        let mut tx = self.inner.store.begin().await?;
        let Some(row) = transaction_of_stop(&mut tx, record).await? else {
            tx.keep_stray_stop(&record.station_id, &format!("{record:?}"), now_ms).await?;
            tx.commit().await?;
            return Ok(None);
        };
        if row.stopped_ms.is_some() {
            return Ok(None);
        }
        tx.add_readings(row.id, &record.readings, now_ms).await?;
        let stopped_ms = believed_stop_ms(record.at_ms + clock_shift_ms(&row), &row, now_ms);
        let (usage, remarks) = final_usage(&mut tx, &row, record, stopped_ms).await?;
        let end = TransactionEnd {
            stopped_ms,
            meter_stop_wh: record.meter_stop_wh,
            stop_reason: format!("{:?}", record.reason),
            remark: remark_text(&remarks),
        };
        tx.end_transaction(row.id, &end).await?;
        let changed = match &row.order_id {
            Some(order_id) => {
                let event = Event::Stopped {
                    transaction_id: row.id,
                    reason: record.reason,
                    usage,
                    final_reading_missing: false,
                };
                Some(self.apply_in(&mut tx, order_id, event).await?)
            }
            None => None,
        };
        commit(tx, changed.as_ref().map_or("no_order", |order| order.state.name())).await?;
        Ok(changed)
    }

    /// Readings of a running transaction have been stored (by the batching sample writer): shows
    /// them to whoever watches and ends the charge when a limit is reached.
    pub async fn metered(&self, station: &StationId, transaction_id: i64, reading: Reading) {
        if let Err(error) = self.try_metered(station, transaction_id, reading).await {
            tracing::warn!(%station, transaction_id, %error, "reading kept, limits not checked");
        }
    }

    async fn try_metered(
        &self,
        station: &StationId,
        transaction_id: i64,
        reading: Reading,
    ) -> Result<(), OrderError> {
        let Some(running) = self.running(transaction_id).await? else { return Ok(()) };
        let (order_id, reached) = {
            let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
            if running.station_id != *station {
                return Ok(());
            }
            running.add(reading);
            (running.order_id.clone(), limit_reached(&running.terms, &running.usage()))
        };
        self.inner.watchers.changed(&order_id);
        if let Some(reason) = reached {
            self.handle(&order_id, Event::StopWanted { reason }).await?;
        }
        Ok(())
    }

    /// The final reading did not come: the last known one stands for it.
    ///
    /// # Errors
    /// The database did not do it.
    pub(crate) async fn give_up_final_reading(&self, id: &OrderId) -> Result<(), OrderError> {
        let order = self.inner.store.order(id).await?.ok_or(OrderError::NoSuchOrder)?;
        let State::Finishing { session, reason, deadline_ms, .. } = &order.state else {
            return Ok(());
        };
        if self.inner.clock.now_ms() < *deadline_ms {
            return Ok(());
        }
        let event = Event::Stopped {
            transaction_id: session.transaction_id,
            reason: *reason,
            usage: self.usage_so_far(session.transaction_id).await?,
            final_reading_missing: true,
        };
        self.handle(id, event).await?;
        Ok(())
    }

    /// Whether an `idTag` may charge at a station (OCPP Authorize), and at one socket of it if that
    /// is known: an order that is paid and not over, for a socket there. At any other socket its
    /// current would be nobody's.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn authorizes(
        &self,
        station: &StationId,
        connector: Option<i64>,
        id_tag: &str,
    ) -> Result<bool, OrderError> {
        let store = &self.inner.store;
        let order = store.order(&OrderId(id_tag.to_owned())).await?;
        let Some(order) = order.filter(Order::holds_socket) else { return Ok(false) };
        let socket = store.socket(&order.operator_id, &order.socket_id).await?;
        Ok(socket.is_some_and(|socket| {
            socket.station_id == *station
                && connector.is_none_or(|connector| connector == socket.connector)
        }))
    }
}

/// A positive 31-bit number, as OCPP's integer allows; the table's key keeps it unique.
fn new_transaction_id() -> i64 {
    let bits = i64::try_from(random::bits() >> 33).expect("31 bits");
    bits.max(1)
}

/// The device's time when it is possible: after the order was made and not in the future, give or
/// take the tolerance. An offline queue's old times are possible; a clock in 1970 is not.
fn believed_start_ms(device_ms: i64, earliest_ms: i64, now_ms: i64) -> i64 {
    let possible = (earliest_ms - CLOCK_TOLERANCE_MS)..=(now_ms + CLOCK_TOLERANCE_MS);
    if possible.contains(&device_ms) {
        device_ms.clamp(earliest_ms.min(now_ms), now_ms)
    } else {
        now_ms
    }
}

/// The end by the device's clock as it ran at the start; ours when that is impossible.
fn believed_stop_ms(shifted_ms: i64, row: &TransactionRow, now_ms: i64) -> i64 {
    if shifted_ms < row.started_ms || shifted_ms > now_ms + CLOCK_TOLERANCE_MS {
        return now_ms.max(row.started_ms);
    }
    shifted_ms.min(now_ms).max(row.started_ms)
}

async fn transaction_of_stop(
    tx: &mut Tx,
    record: &StopRecord,
) -> Result<Option<TransactionRow>, OrderError> {
    if let Some(row) = tx.transaction(&record.station_id, record.transaction_id).await? {
        return Ok(Some(row));
    }
    match &record.id_tag {
        Some(id_tag) => Ok(tx.open_transaction_of_tag(&record.station_id, id_tag).await?),
        None => Ok(None),
    }
}

/// All readings, with the final register as the last one, and what looked strange in them.
async fn final_usage(
    tx: &mut Tx,
    row: &TransactionRow,
    record: &StopRecord,
    stopped_ms: i64,
) -> Result<(Usage, Vec<Remark>), OrderError> {
    let mut readings = stored_readings(tx, row).await?;
    let last = Reading { at_ms: stopped_ms, register_wh: record.meter_stop_wh, power_w: None };
    readings.push(last);
    let meter = meter(tx, row).await?;
    Ok(meter.usage(stopped_ms, &readings))
}

/// The kinds of strangeness, each once.
fn remark_text(remarks: &[Remark]) -> String {
    let mut kinds: Vec<String> = remarks.iter().map(|r| format!("{:?}", r.kind)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.join(" ")
}

/// Which limit of the plan a running charge has reached. Time has its own timer.
fn limit_reached(terms: &Terms, usage: &Usage) -> Option<StopReason> {
    if let PlanLimit::Energy { energy_wh } = terms.plan.limit
        && usage.energy_wh >= energy_wh
    {
        return Some(StopReason::EnergyReached);
    }
    let bill = progress(&terms.tariff, &terms.plan, terms.prepaid_fen, usage).ok()?;
    let metered = terms.limits.amount_fen.is_some();
    (metered && bill.is_overpaid()).then_some(StopReason::MoneyReached)
}
