//! The messages that carry a bill. They are never refused for what they say: what looks strange
//! is confirmed and kept with its reason. Only what cannot be read at all is refused, and kept
//! as well.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::device::order_error;
use super::station::tag_status;
use super::{Device, Handled, Outcome};
use crate::gateway::ocpp::frame::{ErrorCode, Refusal};
use crate::gateway::ocpp::messages::meter::{MeterValue, MeterValues};
use crate::gateway::ocpp::messages::start::StartTransaction;
use crate::gateway::ocpp::messages::stop::{StopTransaction, trade_reason};
use crate::gateway::ocpp::messages::{self};
use crate::gateway::ocpp::time::as_device_clock;
use crate::orders::{Reading, StartRecord, StopRecord};
use crate::store::samples::{SampleRow, TransactionSeen};

const START: &str = "StartTransaction";
const STOP: &str = "StopTransaction";
const METER: &str = "MeterValues";

pub(super) async fn start(device: &Device, payload: &Value) -> Handled {
    let start: StartTransaction = read(device, START, payload).await?;
    let record = StartRecord {
        station_id: device.station_id().clone(),
        connector: start.connector_id,
        id_tag: start.id_tag.0.clone(),
        // An unreadable time is the same each time the message comes: so a repeat stays a repeat.
        at_ms: start.timestamp.0.unwrap_or(0),
        meter_start_wh: start.meter_start,
    };
    let transaction_id = match device.gateway.events.started(record).await {
        Ok(transaction_id) => transaction_id,
        Err(error) => {
            let reason = order_error(error)?;
            device.keep(START, payload, &reason).await?;
            let code = ErrorCode::InternalError;
            return Err(Outcome::Refuse(Refusal::new(code, "kept for a person to look at")));
        }
    };
    let status = tag_status(device, Some(start.connector_id), &start.id_tag.0).await?;
    Ok(json!({"transactionId": transaction_id, "idTagInfo": {"status": status}}))
}

pub(super) async fn stop(device: &Device, payload: &Value) -> Handled {
    let stop: StopTransaction = read(device, STOP, payload).await?;
    let received_ms = device.now_ms();
    let transaction = device.transaction(stop.transaction_id).await?;
    if transaction.is_none() {
        device.keep(STOP, payload, "no such transaction at this station").await?;
    }
    let at_ms = match &transaction {
        Some(transaction) => stop.timestamp.by_device_clock(transaction, received_ms),
        None => stop.timestamp.alone(received_ms),
    };
    let readings = transaction
        .map(|transaction| readings(&stop.transaction_data, &transaction, received_ms))
        .unwrap_or_default();
    let said = transaction.and_then(|transaction| device.telling(transaction.connector));
    let reason = stop.reason.as_ref().map(|reason| reason.0.as_str());
    let record = StopRecord {
        station_id: device.station_id().clone(),
        transaction_id: stop.transaction_id,
        id_tag: stop.id_tag.as_ref().map(|tag| tag.0.clone()),
        at_ms,
        meter_stop_wh: stop.meter_stop,
        reason: trade_reason(reason, said.as_ref()),
        readings,
    };
    device.forget(stop.transaction_id);
    if let Err(error) = device.gateway.events.stopped(record).await {
        let reason = order_error(error)?;
        device.keep(STOP, payload, &reason).await?;
    }
    Ok(json!({}))
}

pub(super) async fn meter_values(
    device: &Arc<Device>,
    payload: &Value,
    then: &mut Option<BoxFuture<'static, ()>>,
) -> Handled {
    let meter: MeterValues = read(device, METER, payload).await?;
    let named = meter.transaction_id.map(|id| id.0);
    let Some(transaction_id) = device.metered_transaction(named, meter.connector_id).await? else {
        // Readings by the clock, outside of any charge.
        return Ok(json!({}));
    };
    let received_ms = device.now_ms();
    let transaction = match device.transaction(transaction_id).await? {
        Some(transaction) if transaction.stopped_ms.is_none() => transaction,
        seen => {
            let ended = "the transaction is over";
            let reason = if seen.is_some() { ended } else { "no such transaction" };
            device.keep(METER, payload, reason).await?;
            return Ok(json!({}));
        }
    };
    let readings = readings(&meter.meter_value, &transaction, received_ms);
    if readings.is_empty() && says_energy_oddly(&meter.meter_value) {
        device.keep(METER, payload, "no energy register that makes sense").await?;
    }
    let Some(last) = readings.last().copied() else { return Ok(json!({})) };
    let rows = readings.iter().map(|reading| sample(transaction_id, reading, received_ms));
    let stored = device.gateway.samples.store(rows.collect()).await;
    stored.map_err(|_| Outcome::Trouble("readings not stored".to_owned()))?;

    let device = Arc::clone(device);
    *then = Some(Box::pin(async move {
        device.gateway.events.metered(device.station_id(), transaction_id, last).await;
    }));
    Ok(json!({}))
}

/// Reads a payload; what cannot be read is kept before it is refused.
async fn read<T: DeserializeOwned>(
    device: &Device,
    action: &str,
    payload: &Value,
) -> Result<T, Outcome> {
    match messages::read(payload) {
        Ok(message) => Ok(message),
        Err(refusal) => {
            device.keep(action, payload, &refusal.description).await?;
            Err(Outcome::Refuse(refusal))
        }
    }
}

/// The readings by rising time of the device's clock. Readings that got our time by receipt are set one millisecond
/// apart in the order in which they came, so that none hides another.
fn readings(values: &[MeterValue], of: &TransactionSeen, received_ms: i64) -> Vec<Reading> {
    let mut readings: Vec<Reading> = Vec::with_capacity(values.len());
    let mut by_receipt_ms = received_ms - i64::try_from(values.len()).unwrap_or(0);
    for value in values {
        let Some(measured) = value.measured() else { continue };
        let mut at_ms = value.timestamp.by_device_clock(of, received_ms);
        if value.timestamp.0 != Some(value.timestamp.within(of, received_ms)) {
            by_receipt_ms += 1;
            at_ms = as_device_clock(of, by_receipt_ms);
        }
        let (register_wh, power_w) = (measured.register_wh, measured.power_w);
        readings.push(Reading { at_ms, register_wh, power_w });
    }
    readings.sort_by_key(|reading| reading.at_ms);
    readings
}

/// Whether there are figures, but none that gives a register.
fn says_energy_oddly(values: &[MeterValue]) -> bool {
    values.iter().any(MeterValue::names_register)
}

fn sample(transaction_id: i64, reading: &Reading, received_ms: i64) -> SampleRow {
    SampleRow {
        transaction_id,
        at_ms: reading.at_ms,
        register_wh: reading.register_wh,
        power_w: reading.power_w,
        received_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_of_a_wrong_clock_come_out_at_our_time() {
        const STARTED_MS: i64 = 1_790_000_000_000;
        const RECEIVED_MS: i64 = STARTED_MS + 60_000;
        let value = |text: &str| json!({"timestamp": text, "sampledValue": [{"value": "7"}]});
        let values = [value("1970-01-01T00:01:00Z"), value("2026-09-21T14:14:20Z")];
        let values: Vec<MeterValue> = values.map(|v| serde_json::from_value(v).unwrap()).into();
        for skew_ms in [-STARTED_MS, -8 * 3_600_000, 8 * 3_600_000] {
            let of = TransactionSeen {
                connector: 1,
                device_started_ms: STARTED_MS + skew_ms,
                started_ms: STARTED_MS,
                stopped_ms: None,
            };
            let readings = readings(&values, &of, RECEIVED_MS);
            // As `orders` does with all times of this transaction.
            let ours = readings.iter().map(|reading| reading.at_ms - skew_ms);
            assert!(ours.clone().all(|at_ms| (STARTED_MS..=RECEIVED_MS).contains(&at_ms)));
            assert_eq!(ours.count(), 2);
        }
    }
}
