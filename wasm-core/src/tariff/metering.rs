//! From a device's raw readings to a usage that can be billed, whatever the device says.
//!
//! Registers reset at boot, step back, jump, lag and repeat themselves; readings come late and
//! in any order. The energy of a charge is the sum of the plausible increments of its register.

use serde::{Deserialize, Serialize};

use super::usage::LAST_MS;
use super::validate::{HIGHEST_POWER_W, MOST_ENERGY_WH};
use super::{Sample, Usage};
use crate::units::{MS_PER_SECOND, SECONDS_PER_HOUR};

/// What the registers of one charge may rise beyond the socket's power in all, watt-hours: a
/// register that shows whole kilowatt-hours steps by one at once, perhaps right after the start.
pub const COARSE_STEP_WH: i64 = 1_000;

/// One raw reading of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// When, milliseconds UTC.
    pub at_ms: i64,
    /// The energy register, watt-hours.
    pub register_wh: i64,
    /// Power in watts, if the device says.
    #[serde(default)]
    pub power_w: Option<i64>,
}

/// Something implausible that was put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remark {
    /// The time the reading claims, milliseconds UTC.
    pub at_ms: i64,
    /// What was wrong.
    pub kind: RemarkKind,
}

/// What was wrong with a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemarkKind {
    /// The charge ended before it started: it has no length.
    EndBeforeStart,
    /// The reading lies outside the charge and was left out.
    OutsideCharge,
    /// The register was negative and was left out.
    NegativeRegister,
    /// The register began again at 0; what it shows since then counts.
    RegisterReset,
    /// The register fell; nothing counts.
    RegisterFell,
    /// The register rose faster than the socket's highest power can; only that much counts.
    RegisterJumped,
    /// The power was negative or above the socket's highest and was left out.
    ImplausiblePower,
}

impl Usage {
    /// The usage of a charge from `started_ms` to `ended_ms` by the raw `readings` of a register
    /// that stood at `meter_start_wh`, at a socket that carries `socket_max_w` at most. The final
    /// reading belongs among them. [`super::settle`] accepts whatever comes out.
    ///
    /// Readings are taken in order of time; of several at one time the highest counts. An
    /// increment counts up to the energy that the highest power gives since the register last
    /// moved, rounded up, and [`COARSE_STEP_WH`] more once in a charge. A register below its last
    /// value counts from 0 if that is plausible (the device restarted); else nothing counts: a
    /// small step back is waited out, after a large one counting goes on from the new value.
    ///
    /// A reading without power keeps the power of the one before: what whole watt-hours give over
    /// the few seconds to a final reading may be far off and would lift the charge into a wrong
    /// tier. A device that never tells its power is better sold by average power or by energy.
    pub fn from_readings(
        (started_ms, ended_ms): (i64, i64),
        meter_start_wh: i64,
        readings: &[Reading],
        socket_max_w: i64,
    ) -> (Self, Vec<Remark>) {
        let started_ms = started_ms.clamp(0, LAST_MS);
        let ended_ms = ended_ms.clamp(0, LAST_MS);
        let mut remarks = Vec::new();
        if ended_ms < started_ms {
            remarks.push(Remark { at_ms: ended_ms, kind: RemarkKind::EndBeforeStart });
        }
        let ended_ms = ended_ms.max(started_ms);
        let readings = in_order(readings, started_ms, ended_ms, &mut remarks);
        let mut register = Register {
            // An unknown start is taken from the first reading: nothing before it is billed.
            value_wh: if meter_start_wh < 0 {
                remarks.push(Remark { at_ms: started_ms, kind: RemarkKind::NegativeRegister });
                readings.first().map_or(0, |first| first.register_wh)
            } else {
                meter_start_wh
            },
            moved_ms: started_ms,
            energy_wh: 0,
            power_w: None,
            max_w: socket_max_w.clamp(0, HIGHEST_POWER_W),
            spare_wh: if ended_ms > started_ms { COARSE_STEP_WH } else { 0 },
            remarks,
        };
        let samples: Vec<Sample> = readings.iter().map(|reading| register.read(reading)).collect();
        let usage = Self { started_ms, ended_ms, energy_wh: register.energy_wh, samples };
        (usage, register.remarks)
    }
}

/// The usable readings by rising time, one for each moment.
fn in_order(
    readings: &[Reading],
    started_ms: i64,
    ended_ms: i64,
    remarks: &mut Vec<Remark>,
) -> Vec<Reading> {
    let mut usable: Vec<Reading> = Vec::with_capacity(readings.len());
    for reading in readings {
        let at_ms = reading.at_ms;
        if !(started_ms..=ended_ms).contains(&at_ms) {
            remarks.push(Remark { at_ms, kind: RemarkKind::OutsideCharge });
        } else if reading.register_wh < 0 {
            remarks.push(Remark { at_ms, kind: RemarkKind::NegativeRegister });
        } else {
            usable.push(*reading);
        }
    }
    // Of readings that say the same but for their power, the lowest power counts: the outcome
    // must not depend on the order of arrival.
    usable.sort_by_key(|reading| {
        (reading.at_ms, -reading.register_wh, reading.power_w.is_none(), reading.power_w)
    });
    usable.dedup_by_key(|reading| reading.at_ms);
    usable
}

/// A register while it is being followed.
struct Register {
    value_wh: i64,
    moved_ms: i64,
    energy_wh: i64,
    power_w: Option<i64>,
    max_w: i64,
    /// What is left of [`COARSE_STEP_WH`].
    spare_wh: i64,
    remarks: Vec<Remark>,
}

impl Register {
    fn read(&mut self, reading: &Reading) -> Sample {
        let Reading { at_ms, register_wh, .. } = *reading;
        let most_wh = self.most_since_moved_wh(at_ms);
        let rise_wh = register_wh - self.value_wh;
        if rise_wh > most_wh && rise_wh - most_wh <= self.spare_wh {
            self.spare_wh -= rise_wh - most_wh;
            self.move_to(reading, rise_wh, None);
        } else if rise_wh > most_wh {
            self.move_to(reading, most_wh, Some(RemarkKind::RegisterJumped));
        } else if rise_wh > 0 {
            self.move_to(reading, rise_wh, None);
        } else if rise_wh < 0 && register_wh <= most_wh {
            self.move_to(reading, register_wh, Some(RemarkKind::RegisterReset));
        } else if -rise_wh > most_wh {
            self.move_to(reading, 0, Some(RemarkKind::RegisterFell));
        } else if rise_wh < 0 {
            self.remarks.push(Remark { at_ms, kind: RemarkKind::RegisterFell });
        }
        self.power_w = self.plausible_power(reading).or(self.power_w);
        Sample { at_ms, energy_wh: self.energy_wh, power_w: self.power_w }
    }

    /// The energy that can have flowed since the register last moved, rounded up because
    /// registers show whole watt-hours.
    fn most_since_moved_wh(&self, at_ms: i64) -> i64 {
        let watt_ms = i128::from(self.max_w) * i128::from(at_ms - self.moved_ms);
        let one_wh = i128::from(SECONDS_PER_HOUR * MS_PER_SECOND);
        let most_wh = (watt_ms + one_wh - 1) / one_wh;
        i64::try_from(most_wh).unwrap_or(i64::MAX).min(MOST_ENERGY_WH - self.energy_wh)
    }

    fn move_to(&mut self, reading: &Reading, counted_wh: i64, kind: Option<RemarkKind>) {
        self.value_wh = reading.register_wh;
        self.moved_ms = reading.at_ms;
        self.energy_wh += counted_wh;
        self.remarks.extend(kind.map(|kind| Remark { at_ms: reading.at_ms, kind }));
    }

    fn plausible_power(&mut self, reading: &Reading) -> Option<i64> {
        let plausible = reading.power_w.filter(|power_w| (0..=self.max_w).contains(power_w));
        if plausible.is_none() && reading.power_w.is_some() {
            let (at_ms, kind) = (reading.at_ms, RemarkKind::ImplausiblePower);
            self.remarks.push(Remark { at_ms, kind });
        }
        plausible
    }
}

#[cfg(test)]
mod tests {
    use super::RemarkKind::{
        EndBeforeStart, ImplausiblePower, NegativeRegister, OutsideCharge, RegisterFell,
        RegisterJumped, RegisterReset,
    };
    use super::*;
    use crate::units::MS_PER_MINUTE;

    /// A charge of an hour at a socket of 1,200 W (20 Wh a minute) whose register began at 5,000;
    /// readings by minute.
    fn metered(readings: &[(i64, i64)]) -> (Usage, Vec<RemarkKind>) {
        from(5_000, readings)
    }

    fn from(meter_start_wh: i64, readings: &[(i64, i64)]) -> (Usage, Vec<RemarkKind>) {
        let reading = |&(minute, register_wh): &(i64, i64)| Reading {
            at_ms: minute * MS_PER_MINUTE,
            register_wh,
            power_w: None,
        };
        let readings: Vec<Reading> = readings.iter().map(reading).collect();
        let span = (0, 60 * MS_PER_MINUTE);
        let (usage, remarks) = Usage::from_readings(span, meter_start_wh, &readings, 1_200);
        assert_eq!(usage.validate(), Ok(()));
        (usage, remarks.into_iter().map(|remark| remark.kind).collect())
    }

    fn check(readings: &[(i64, i64)], energy_wh: i64, remarks: &[RemarkKind]) {
        let (usage, found) = metered(readings);
        assert_eq!((usage.energy_wh, found.as_slice()), (energy_wh, remarks), "{readings:?}");
    }

    #[test]
    fn a_good_meter_is_believed() {
        check(&[], 0, &[]);
        check(&[(0, 5_000), (10, 5_100), (60, 5_500)], 500, &[]);
        check(&[(60, 5_500), (10, 5_100), (10, 5_100), (0, 5_000)], 500, &[]);
    }

    #[test]
    fn a_lagging_meter_may_catch_up() {
        check(&[(10, 5_000), (20, 5_000), (21, 5_400)], 400, &[]);
    }

    #[test]
    fn f27_a_reset_counts_from_zero() {
        check(&[(10, 5_100), (20, 40), (60, 140)], 240, &[RegisterReset]);
        check(&[(10, 0), (60, 100)], 100, &[RegisterReset]);
    }

    #[test]
    fn f27_a_step_back_never_counts() {
        check(&[(10, 5_100), (20, 5_095), (30, 5_110)], 110, &[RegisterFell]);
        check(&[(10, 5_100), (20, 4_000), (30, 4_050)], 150, &[RegisterFell]);
        check(&[(60, 4_999)], 0, &[RegisterFell]);
    }

    #[test]
    fn f27_a_jump_counts_as_much_as_the_socket_can_give() {
        check(&[(10, 1_005_000)], 200, &[RegisterJumped]);
        check(&[(10, 1_005_000), (20, 5_300), (30, 5_400)], 300, &[RegisterJumped, RegisterFell]);
    }

    #[test]
    fn a_coarse_register_may_step_by_a_kilowatt_hour_once() {
        check(&[(0, 5_001)], 1, &[]);
        check(&[(1, 6_000), (50, 6_000)], 1_000, &[]);
        check(&[(1, 6_000), (2, 7_000)], 1_020, &[RegisterJumped]);
    }

    #[test]
    fn f27_a_negative_register_is_no_reading() {
        check(&[(10, 5_100), (60, -1)], 100, &[NegativeRegister]);
        let (usage, remarks) = from(-1, &[(1, 7_000), (2, 7_020)]);
        assert_eq!((usage.energy_wh, remarks), (20, vec![NegativeRegister]));
    }

    #[test]
    fn readings_outside_the_charge_are_left_out() {
        check(&[(-1, 4_999), (30, 5_100), (61, 5_200)], 100, &[OutsideCharge, OutsideCharge]);
    }

    #[test]
    fn a_charge_that_ends_before_it_starts_has_no_length() {
        let reading = Reading { at_ms: 5_000, register_wh: 50, power_w: Some(100) };
        let (usage, remarks) = Usage::from_readings((5_000, 4_000), 0, &[reading], 1_200);
        assert_eq!((usage.started_ms, usage.ended_ms, usage.energy_wh), (5_000, 5_000, 0));
        let kinds: Vec<RemarkKind> = remarks.iter().map(|remark| remark.kind).collect();
        assert_eq!(kinds, [EndBeforeStart, RegisterJumped]);
    }

    #[test]
    fn power_is_believed_within_the_sockets_range() {
        let reading = |at_ms, power_w| Reading { at_ms, register_wh: 0, power_w: Some(power_w) };
        let readings = [reading(1, 1_201), reading(2, 1_200), reading(3, -5)];
        let (usage, remarks) = Usage::from_readings((0, 9), 0, &readings, 1_200);
        let powers: Vec<Option<i64>> = usage.samples.iter().map(|s| s.power_w).collect();
        assert_eq!(powers, [None, Some(1_200), Some(1_200)]);
        assert!(remarks.iter().all(|remark| remark.kind == ImplausiblePower));
        assert_eq!(remarks.len(), 2);
    }

    #[test]
    fn a_final_reading_without_power_keeps_the_last() {
        let reading = |at_ms, register_wh, power_w| Reading { at_ms, register_wh, power_w };
        let readings = [reading(3_600_000, 150, Some(150)), reading(3_605_000, 151, None)];
        let (usage, _) = Usage::from_readings((0, 3_605_000), 0, &readings, 1_200);
        assert_eq!(usage.samples[1].power_w, Some(150), "not the 720 W of 1 Wh in 5 s");
    }
}
