//! `BootNotification`.

use serde::Deserialize;

use super::Text;

/// A station says what it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BootNotification {
    /// Who made it.
    pub charge_point_vendor: Text<20>,
    /// What it is.
    pub charge_point_model: Text<20>,
    /// Its firmware.
    #[serde(default)]
    pub firmware_version: Option<Text<50>>,
}
