//! What was metered during a charge.

use serde::{Deserialize, Serialize};

use super::TariffError;
use super::validate::{HIGHEST_POWER_W, MOST_ENERGY_WH};

/// No moment is later: the end of the year 9999, in milliseconds UTC.
pub(super) const LAST_MS: i64 = 253_402_300_799_999;

/// What the meter says of one charge. Energy counts from the start of the charge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// When current began, milliseconds UTC.
    pub started_ms: i64,
    /// When it ended, milliseconds UTC.
    pub ended_ms: i64,
    /// Energy in all, watt-hours.
    pub energy_wh: i64,
    /// Readings in between, by rising time; energy never falls.
    #[serde(default)]
    pub samples: Vec<Sample>,
}

/// One meter reading during a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// When, milliseconds UTC.
    pub at_ms: i64,
    /// Energy since the start, watt-hours.
    pub energy_wh: i64,
    /// Power in watts, if the device says; else it is derived from the energy.
    #[serde(default)]
    pub power_w: Option<i64>,
}

impl Usage {
    /// Whether it can have happened: times and energy never fall, nothing is negative or beyond
    /// all measure.
    ///
    /// # Errors
    /// It cannot ([`TariffError::BadUsage`]).
    pub fn validate(&self) -> Result<(), TariffError> {
        let mut before = self.first();
        let possible = (0..=LAST_MS).contains(&self.started_ms)
            && self.samples.iter().copied().chain([self.last()]).all(|reading| {
                let rises = before.at_ms <= reading.at_ms && before.energy_wh <= reading.energy_wh;
                before = reading;
                rises && reading.power_w.is_none_or(|power| (0..=HIGHEST_POWER_W).contains(&power))
            })
            && self.ended_ms <= LAST_MS
            && self.energy_wh <= MOST_ENERGY_WH;
        if possible { Ok(()) } else { Err(TariffError::BadUsage) }
    }

    /// The reading every charge begins with.
    pub(super) fn first(&self) -> Sample {
        Sample { at_ms: self.started_ms, energy_wh: 0, power_w: None }
    }

    /// The reading every charge ends with.
    pub(super) fn last(&self) -> Sample {
        Sample { at_ms: self.ended_ms, energy_wh: self.energy_wh, power_w: None }
    }
}
