//! `StartTransaction`.

use serde::Deserialize;

use super::{Text, patient_number};
use crate::gateway::ocpp::time::DeviceTime;

/// A transaction began.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartTransaction {
    /// Which socket, from 1.
    #[serde(deserialize_with = "patient_number")]
    pub connector_id: i64,
    /// An order's id if the start was ours. Longer than the schema's 20 is kept, not refused.
    #[serde(default)]
    pub id_tag: Text<255>,
    /// The register, watt-hours.
    #[serde(deserialize_with = "patient_number")]
    pub meter_start: i64,
    /// When, by the device's clock.
    #[serde(default)]
    pub timestamp: DeviceTime,
}
