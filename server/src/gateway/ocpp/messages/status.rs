//! `StatusNotification`.

use serde::{Deserialize, Serialize};

use super::Text;

/// A socket's state changed.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusNotification {
    /// Which socket; 0 is the station itself.
    pub connector_id: i64,
    /// What is wrong, or `NoError`. Vendors invent codes, so it is kept as a text.
    pub error_code: Text<50>,
    /// Its state.
    pub status: ChargePointStatus,
}

/// A socket's state, as OCPP names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChargePointStatus {
    /// Free.
    Available,
    /// Plugged in or told to start, no current yet.
    Preparing,
    /// Current flows.
    Charging,
    /// The station holds the current back.
    SuspendedEVSE,
    /// The vehicle takes no current.
    SuspendedEV,
    /// The transaction is over, the plug still in.
    Finishing,
    /// Kept for somebody.
    Reserved,
    /// Out of use on purpose.
    Unavailable,
    /// Out of order.
    Faulted,
}

impl ChargePointStatus {
    /// As written on the wire and as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "Available",
            Self::Preparing => "Preparing",
            Self::Charging => "Charging",
            Self::SuspendedEVSE => "SuspendedEVSE",
            Self::SuspendedEV => "SuspendedEV",
            Self::Finishing => "Finishing",
            Self::Reserved => "Reserved",
            Self::Unavailable => "Unavailable",
            Self::Faulted => "Faulted",
        }
    }
}
