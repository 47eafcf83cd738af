//! The stretches between two readings: cut to what may be billed, split over the day, and
//! compared with power tiers. All in integers: times in ms, energy in mWh, power as a fraction.

use std::cmp::Ordering;

use super::{DayPrices, Limits, Usage};
use crate::units::{
    MINUTES_PER_DAY, MS_PER_DAY, MS_PER_MINUTE, MWH_PER_WH, SECONDS_PER_HOUR, mul_div_floor,
};

/// The stretch between two readings.
#[derive(Clone, Copy, Debug)]
pub struct Interval {
    /// Begin, milliseconds UTC.
    pub from_ms: i64,
    /// End, milliseconds UTC.
    pub to_ms: i64,
    /// Energy that flowed, milliwatt-hours.
    pub energy_mwh: i64,
    /// The power of the reading that ends it.
    pub power: Power,
}

/// A power in watts, kept as a fraction so that no tier is missed by rounding.
#[derive(Clone, Copy, Debug)]
pub struct Power {
    numerator: i64,
    denominator: i64,
}

impl Power {
    /// No power at all.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };

    /// As told by the device.
    pub fn watts(power_w: i64) -> Self {
        Self { numerator: power_w, denominator: 1 }
    }

    /// Energy ÷ time; zero where no time passed.
    pub fn average(energy_mwh: i64, duration_ms: i64) -> Self {
        if duration_ms == 0 {
            return Self::ZERO;
        }
        Self { numerator: energy_mwh * SECONDS_PER_HOUR, denominator: duration_ms }
    }

    /// Whether it is `bound_w` or less.
    pub fn is_within(self, bound_w: i64) -> bool {
        i128::from(self.numerator) <= i128::from(bound_w) * i128::from(self.denominator)
    }

    /// Which of two powers is higher.
    pub fn compare(&self, other: &Self) -> Ordering {
        let cross = |a: &Self, b: &Self| i128::from(a.numerator) * i128::from(b.denominator);
        cross(self, other).cmp(&cross(other, self))
    }
}

impl Interval {
    /// Its length in milliseconds.
    pub fn duration_ms(&self) -> i64 {
        self.to_ms - self.from_ms
    }

    /// The energy that had flowed by `at_ms`, evenly over the interval, rounded down.
    fn energy_by(&self, at_ms: i64) -> i64 {
        if at_ms >= self.to_ms {
            return self.energy_mwh;
        }
        mul_div_floor(self.energy_mwh, at_ms - self.from_ms, self.duration_ms())
    }

    /// Adds its energy to the sums of the day's periods. The parts add up to the whole: each is
    /// the difference between two roundings of the same running sum.
    pub fn split_over_day(&self, prices: &DayPrices, offset_minutes: i64, sums_mwh: &mut [i64]) {
        let (mut at_ms, mut counted_mwh) = (self.from_ms, 0);
        loop {
            let (nth, ends_ms) = prices.period_at(at_ms, offset_minutes);
            let by_then_mwh = self.energy_by(ends_ms);
            sums_mwh[nth] += by_then_mwh - counted_mwh;
            if ends_ms >= self.to_ms {
                return;
            }
            (at_ms, counted_mwh) = (ends_ms, by_then_mwh);
        }
    }
}

impl DayPrices {
    /// The period at a moment, and when it ends, milliseconds UTC.
    fn period_at(&self, at_ms: i64, offset_minutes: i64) -> (usize, i64) {
        let of_day_ms = (at_ms + offset_minutes * MS_PER_MINUTE).rem_euclid(MS_PER_DAY);
        let next = self.0.partition_point(|period| period.from_minute * MS_PER_MINUTE <= of_day_ms);
        let nth = next - 1;
        (nth, at_ms - of_day_ms + self.end_minute(nth) * MS_PER_MINUTE)
    }

    /// The minute of the day at which a period ends, at most 1440.
    pub(super) fn end_minute(&self, nth: usize) -> i64 {
        self.0.get(nth + 1).map_or(MINUTES_PER_DAY, |next| next.from_minute)
    }
}

/// The part of a valid usage that `limits` let us bill: nothing after the longest time, no
/// energy beyond the most.
pub fn billable(usage: &Usage, limits: &Limits) -> Vec<Interval> {
    let cut_ms = usage.started_ms + limits.duration_ms;
    let mut left_mwh = limits.energy_wh.map_or(i64::MAX, |most_wh| most_wh * MWH_PER_WH);
    let mut before = usage.first();
    let mut intervals = Vec::with_capacity(usage.samples.len() + 1);
    for reading in usage.samples.iter().copied().chain([usage.last()]) {
        let (from_ms, to_ms) = (before.at_ms, reading.at_ms);
        let energy_mwh = (reading.energy_wh - before.energy_wh) * MWH_PER_WH;
        let derived = Power::average(energy_mwh, to_ms - from_ms);
        let power = reading.power_w.map_or(derived, Power::watts);
        before = reading;
        if from_ms >= cut_ms && to_ms > cut_ms {
            break;
        }
        let whole = Interval { from_ms, to_ms, energy_mwh, power };
        let energy_mwh = whole.energy_by(cut_ms).min(left_mwh);
        left_mwh -= energy_mwh;
        intervals.push(Interval { to_ms: to_ms.min(cut_ms), energy_mwh, ..whole });
    }
    intervals
}
