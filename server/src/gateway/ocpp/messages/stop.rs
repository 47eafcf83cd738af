//! `StopTransaction`, and what its reason means in the trade's terms.

use serde::Deserialize;
use wasm_core::order::StopReason;

use super::meter::MeterValue;
use super::status::ChargePointStatus;
use super::{Text, patient_number};
use crate::gateway::ocpp::time::DeviceTime;

/// A transaction ended.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StopTransaction {
    /// Which; 0 or −1 when the station never got an id.
    #[serde(deserialize_with = "patient_number")]
    pub transaction_id: i64,
    /// The register, watt-hours; −1 when the station does not know, or does not say.
    #[serde(default = "unknown_register", deserialize_with = "patient_number")]
    pub meter_stop: i64,
    /// When, by the device's clock.
    #[serde(default)]
    pub timestamp: DeviceTime,
    /// Who stopped it, or whose transaction it was.
    #[serde(default)]
    pub id_tag: Option<Text<255>>,
    /// Why, as written; the protocol reads a missing one as `Local`.
    #[serde(default)]
    pub reason: Option<Text<50>>,
    /// Readings that came with it.
    #[serde(default)]
    pub transaction_data: Vec<MeterValue>,
}

fn unknown_register() -> i64 {
    -1
}

/// What the socket said of itself while it charged, before `Finishing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketSaid {
    /// Its state.
    pub status: ChargePointStatus,
    /// Its error code, `NoError` if none.
    pub error_code: String,
}

/// The trade's reason for a stop.
///
/// OCPP has no word for *full*: a vehicle that takes no more current shows as `SuspendedEV`, and
/// a station that then ends the transaction by itself says `Local` or `Other`. A protective trip
/// shows in the socket's error code. `Remote` means that we asked, and the order knows why.
pub fn trade_reason(reason: Option<&str>, said: Option<&SocketSaid>) -> StopReason {
    match reason {
        Some("Remote") => StopReason::Unknown,
        Some("EVDisconnected") => StopReason::Unplugged,
        Some("PowerLoss") => StopReason::PowerLoss,
        Some("Reboot" | "HardReset" | "SoftReset") => StopReason::Reboot,
        Some("DeAuthorized" | "UnlockCommand") => StopReason::Operator,
        Some("EmergencyStop") => tripped(said).unwrap_or(StopReason::EmergencyStop),
        _ => tripped(said).unwrap_or_else(|| {
            match said.map(|said| said.status) {
                Some(ChargePointStatus::SuspendedEV) => StopReason::Full,
                // By hand at the device: a card is what our sockets know.
                _ if reason == Some("Local") => StopReason::Card,
                _ => StopReason::Unknown,
            }
        }),
    }
}

fn tripped(said: Option<&SocketSaid>) -> Option<StopReason> {
    match said?.error_code.as_str() {
        "OverCurrentFailure" => Some(StopReason::OverCurrent),
        "OverVoltage" => Some(StopReason::OverVoltage),
        "UnderVoltage" => Some(StopReason::UnderVoltage),
        "HighTemperature" => Some(StopReason::SocketTemperature),
        "PowerSwitchFailure" => Some(StopReason::RelayStuck),
        "GroundFailure" => Some(StopReason::ShortCircuit),
        "InternalError" | "ReaderFailure" | "LocalListConflict" | "ResetFailure" | "WeakSignal" => {
            None
        }
        "PowerMeterFailure" => Some(StopReason::BoardLost),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gateway::ocpp::messages::read;

    #[test]
    fn reasons_become_the_trades() {
        let said = |status, error_code: &str| SocketSaid { status, error_code: error_code.into() };
        let full = said(ChargePointStatus::SuspendedEV, "NoError");
        let hot = said(ChargePointStatus::Faulted, "HighTemperature");
        let charging = said(ChargePointStatus::Charging, "NoError");
        for (reason, said, expected) in [
            (Some("Local"), Some(&full), StopReason::Full),
            (Some("Other"), Some(&full), StopReason::Full),
            (None, Some(&full), StopReason::Full),
            (Some("Remote"), Some(&full), StopReason::Unknown),
            (Some("EVDisconnected"), Some(&full), StopReason::Unplugged),
            (Some("Other"), Some(&hot), StopReason::SocketTemperature),
            (Some("EmergencyStop"), Some(&hot), StopReason::SocketTemperature),
            (Some("EmergencyStop"), Some(&charging), StopReason::EmergencyStop),
            (Some("Local"), Some(&charging), StopReason::Card),
            (Some("Other"), None, StopReason::Unknown),
            (Some("Banana"), None, StopReason::Unknown),
            (Some("PowerLoss"), None, StopReason::PowerLoss),
            (Some("HardReset"), None, StopReason::Reboot),
        ] {
            assert_eq!(trade_reason(reason, said), expected, "{reason:?} {said:?}");
        }
    }

    #[test]
    fn a_stop_is_read_with_patience() {
        let stop: StopTransaction =
            read(&json!({"transactionId": "-1", "reason": "Weird"})).unwrap();
        assert_eq!((stop.transaction_id, stop.meter_stop), (-1, -1));
        let stop: StopTransaction =
            read(&json!({"transactionId": 4.0, "meterStop": "12.9", "timestamp": "?"})).unwrap();
        assert_eq!((stop.transaction_id, stop.meter_stop, stop.timestamp.0), (4, 12, None));
        assert!(read::<StopTransaction>(&json!({"meterStop": 1})).is_err());
    }
}
