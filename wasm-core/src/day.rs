//! Days of the books and of platforms' bills: midnight to midnight at UTC+8, in China everywhere
//! and always.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::{MS_PER_DAY, MS_PER_HOUR};

const UTC_OFFSET_MS: i64 = 8 * MS_PER_HOUR;

/// A day. Written as `2026-11-24`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Day {
    /// Days since 1970-01-01 at UTC+8.
    pub number: i64,
}

impl Day {
    /// The day of an instant, milliseconds UTC.
    pub fn of(at_ms: i64) -> Self {
        Self { number: (at_ms + UTC_OFFSET_MS).div_euclid(MS_PER_DAY) }
    }

    /// When it begins, milliseconds UTC.
    pub fn begins_ms(self) -> i64 {
        self.number * MS_PER_DAY - UTC_OFFSET_MS
    }

    /// When it is over, milliseconds UTC: the first instant of the next one.
    pub fn ends_ms(self) -> i64 {
        self.next().begins_ms()
    }

    /// The day after.
    #[must_use]
    pub fn next(self) -> Self {
        Self { number: self.number + 1 }
    }

    /// The day before.
    #[must_use]
    pub fn previous(self) -> Self {
        Self { number: self.number - 1 }
    }

    /// Reads `2026-11-24`; `None` for anything else, a 30th of February included.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut part = |digits: usize| {
            let part = parts.next()?;
            let plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
            if plain { part.parse::<i64>().ok() } else { None }
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        let number = days_from_civil(year, month, day);
        let read = Self { number };
        (parts.next().is_none() && read.to_string() == text).then_some(read)
    }

    /// Year, month and day of the month.
    fn civil(self) -> (i64, i64, i64) {
        let shifted = self.number + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        (year_of_era + era * 400 + i64::from(month <= 2), month, day)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar, counted in eras of 400
/// years that begin on the first of March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let year_of_era = year.rem_euclid(400);
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_change_at_midnight_in_china() {
        let midnight_ms = 1_795_449_600_000; // 2026-11-23T16:00:00Z
        assert_eq!(Day::of(midnight_ms).to_string(), "2026-11-24");
        assert_eq!(Day::of(midnight_ms - 1).to_string(), "2026-11-23");
        assert_eq!(Day::of(midnight_ms).begins_ms(), midnight_ms);
        assert_eq!(Day::of(midnight_ms - 1).ends_ms(), midnight_ms);
    }

    #[test]
    fn every_day_reads_back() {
        for number in (-1_000..80_000).step_by(7) {
            let day = Day { number };
            assert_eq!(Day::parse(&day.to_string()), Some(day));
        }
        for wrong in ["2026-02-30", "2026-2-3", "2026-11-24 ", "", "2026-11", "20261124", "x"] {
            assert_eq!(Day::parse(wrong), None, "{wrong}");
        }
    }
}
