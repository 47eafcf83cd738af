//! Figures as people read them: prices, energy, time. Integers only.

use wasm_core::units::{MINUTES_PER_DAY, MS_PER_DAY, MS_PER_MINUTE};

/// A price in mfen as yuan, with two to five places: `¥0.5469`, `¥1.20`.
pub fn yuan_of_mfen(price_mfen: i64) -> String {
    let mut text = format!("¥{}.{:05}", price_mfen / 100_000, price_mfen % 100_000);
    while text.ends_with('0') && text.len() - text.find('.').unwrap_or_default() > 3 {
        text.pop();
    }
    text
}

/// Watt-hours as kWh with two places, rounded down: `0.31`.
pub fn kwh_short(energy_wh: i64) -> String {
    format!("{}.{:02}", energy_wh / 1_000, energy_wh % 1_000 / 10)
}

/// Watt-hours as kWh to the watt-hour: `0.312`.
pub fn kwh_exact(energy_wh: i64) -> String {
    format!("{}.{:03}", energy_wh / 1_000, energy_wh % 1_000)
}

/// Seconds as a clock: `1:02:05`, `02:05`.
pub fn clock(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (h, m, s) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m:02}:{s:02}") }
}

/// A minute of the day: `07:30`; 1440 is `24:00`.
pub fn minute_of_day(minute: i64) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// An instant on a site's clock, by calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// Days since 1970-01-01 on the site's clock.
    pub day: i64,
    /// Minute of the day.
    pub minute: i64,
    /// Second of the minute.
    pub second: i64,
}

impl LocalTime {
    /// The local time at `at_ms` (UTC) where clocks are `utc_offset_minutes` ahead.
    pub fn at(at_ms: i64, utc_offset_minutes: i64) -> Self {
        let local_ms = at_ms + utc_offset_minutes * MS_PER_MINUTE;
        let minutes = local_ms.div_euclid(MS_PER_MINUTE);
        Self {
            day: local_ms.div_euclid(MS_PER_DAY),
            minute: minutes.rem_euclid(MINUTES_PER_DAY),
            second: local_ms.rem_euclid(MS_PER_MINUTE) / 1_000,
        }
    }

    /// Year, month and day of the Gregorian calendar (H. Hinnant's `civil_from_days`).
    pub fn date(self) -> (i64, i64, i64) {
        let z = self.day + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        (year_of_era + era * 400 + i64::from(month <= 2), month, day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(yuan_of_mfen(54_690), "¥0.5469");
        assert_eq!(yuan_of_mfen(120_000), "¥1.20");
        assert_eq!(yuan_of_mfen(0), "¥0.00");
        assert_eq!(kwh_short(319), "0.31");
        assert_eq!(kwh_exact(1_005), "1.005");
        assert_eq!(clock(3_725), "1:02:05");
        assert_eq!(clock(-5), "00:00");
        assert_eq!(minute_of_day(1_440), "24:00");
    }

    #[test]
    fn local_time_crosses_midnight_and_leap_days() {
        // 2024-02-28 16:05:09 UTC is 2024-02-29 00:05:09 in China.
        let local = LocalTime::at(1_709_136_309_000, 480);
        assert_eq!((local.date(), local.minute, local.second), ((2024, 2, 29), 5, 9));
    }
}
