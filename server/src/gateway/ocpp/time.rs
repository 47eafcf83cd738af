//! Device clocks: how their times are read, and which of them are believed.
//!
//! A device's clock may be wrong (1970, a zone error, drift), and its messages may be old, replayed
//! from an offline queue. The two look alike, so the rule is:
//!
//! 1. A time within [`TOLERANCE_MS`] of ours is the device's.
//! 2. A time further ahead is wrong: ours, by receipt, stands for it.
//! 3. A time further back is an old message if the device's clock is known to have been right: its
//!    transaction's start is known, was believed, and is not later. Else ours stands for it.
//!
//! `StartTransaction` carries the device's time unbounded into [`crate::orders::StartRecord`],
//! because it is part of what makes a repeated start the same start; `orders` bounds it there.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer};
use wasm_core::units::{MS_PER_DAY, MS_PER_MINUTE};

use crate::store::samples::TransactionSeen;

/// How far a device's clock may be off.
pub const TOLERANCE_MS: i64 = 5 * MS_PER_MINUTE;

/// How old a message without a known start may be.
pub const OLDEST_MS: i64 = 7 * MS_PER_DAY;

/// A device's time in milliseconds UTC; none when it cannot be read. A time without a zone, as
/// some devices write it, is UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceTime(pub Option<i64>);

impl DeviceTime {
    /// Reads a time.
    pub fn read(text: &str) -> Self {
        let text = text.trim();
        let utc = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
        let instant = text.parse::<Timestamp>().ok().or_else(|| Some(utc()?.timestamp()));
        Self(instant.map(Timestamp::as_millisecond))
    }

    /// The time to use for something that happened in a transaction, by the rule above.
    pub fn within(self, transaction: &TransactionSeen, received_ms: i64) -> i64 {
        let clock_was_right = was_right(transaction);
        match self.0 {
            Some(at_ms) if (at_ms - received_ms).abs() <= TOLERANCE_MS => at_ms,
            Some(at_ms)
                if clock_was_right && (transaction.started_ms..=received_ms).contains(&at_ms) =>
            {
                at_ms
            }
            _ => received_ms,
        }
    }

    /// The same by the clock of the device as it ran at the transaction's start: so times are
    /// stored, and `orders` moves all of them by how far that clock was off.
    pub fn by_device_clock(self, transaction: &TransactionSeen, received_ms: i64) -> i64 {
        let at_ms = self.within(transaction, received_ms);
        let is_devices = was_right(transaction) && self.0 == Some(at_ms);
        if is_devices { at_ms } else { as_device_clock(transaction, at_ms) }
    }

    /// The time to use when nothing else is known.
    pub fn alone(self, received_ms: i64) -> i64 {
        let plausible = received_ms - OLDEST_MS..=received_ms + TOLERANCE_MS;
        self.0.filter(|at_ms| plausible.contains(at_ms)).unwrap_or(received_ms)
    }
}

/// A time of ours, by the clock of the device as it ran at the transaction's start.
pub fn as_device_clock(transaction: &TransactionSeen, at_ms: i64) -> i64 {
    at_ms - (transaction.started_ms - transaction.device_started_ms)
}

fn was_right(transaction: &TransactionSeen) -> bool {
    (transaction.device_started_ms - transaction.started_ms).abs() <= TOLERANCE_MS
}

impl<'de> Deserialize<'de> for DeviceTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::read(&text))
    }
}

/// A time as OCPP writes it: `2026-11-22T13:00:00.000Z`.
///
/// # Panics
/// When `at_ms` is outside the years −9999 to 9999.
pub fn write(at_ms: i64) -> String {
    let instant = Timestamp::from_millisecond(at_ms).expect("a time of our own clock");
    format!("{instant:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_devices_write_them() {
        for (text, at_ms) in [
            ("1970-01-01T00:00:01Z", Some(1_000)),
            ("1970-01-01T08:00:01.250+08:00", Some(1_250)),
            ("1970-01-01T00:00:01", Some(1_000)),
            ("1970-01-01 00:00:01.5", Some(1_500)),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(DeviceTime::read(text).0, at_ms, "{text}");
        }
        assert_eq!(write(1_250), "1970-01-01T00:00:01.250Z");
    }

    #[test]
    fn a_replay_keeps_its_time_and_a_wrong_clock_does_not() {
        const HOUR: i64 = 60 * MS_PER_MINUTE;
        let started = 1_000 * HOUR;
        let right = TransactionSeen {
            connector: 1,
            device_started_ms: started,
            started_ms: started,
            stopped_ms: None,
        };
        let wrong = TransactionSeen { device_started_ms: started + 8 * HOUR, ..right };
        let at = |ms| DeviceTime(Some(ms));
        let received = started + 72 * HOUR;
        // Offline for three days.
        assert_eq!(at(started + HOUR).within(&right, received), started + HOUR);
        // The same from a clock that was wrong at the start.
        assert_eq!(at(started + HOUR).within(&wrong, received), received);
        // 1970, before the start, ahead, and unreadable.
        assert_eq!(at(0).within(&right, received), received);
        assert_eq!(at(started - 1).within(&right, received), received);
        assert_eq!(at(received + 6 * MS_PER_MINUTE).within(&right, received), received);
        assert_eq!(DeviceTime(None).within(&right, received), received);
        // Whatever the clock was at the start, `orders` gets back to the time that is used.
        for device_started_ms in [0, started - MS_PER_MINUTE, started, started + 8 * HOUR] {
            let of = TransactionSeen { device_started_ms, ..right };
            let shift_ms = started - device_started_ms;
            for said in [None, Some(0), Some(received)] {
                let by_device = DeviceTime(said).by_device_clock(&of, received);
                let is_devices = was_right(&of) && said == Some(by_device);
                assert!(is_devices || by_device + shift_ms == received, "{said:?} {of:?}");
            }
        }
        // A little ahead is the device's.
        assert_eq!(at(received + 1).within(&wrong, received), received + 1);
        assert_eq!(at(received - HOUR).alone(received), received - HOUR);
        assert_eq!(at(0).alone(received), received);
    }
}
