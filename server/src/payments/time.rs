//! The platforms' clock: UTC+8, wherever the server stands; Alipay writes `yyyy-MM-dd HH:mm:ss`,
//! `WeChat` Pay RFC 3339.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, offset};

const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// Writes milliseconds UTC; the empty text for times beyond the calendar.
pub fn to_beijing(at_ms: i64) -> String {
    write(at_ms, FORMAT)
}

/// Writes milliseconds UTC as RFC 3339 at UTC+8, to the second.
pub fn to_rfc3339(at_ms: i64) -> String {
    write(at_ms, "%Y-%m-%dT%H:%M:%S+08:00")
}

/// Writes the day that an instant falls on at UTC+8: `2026-11-22`.
pub fn to_day(at_ms: i64) -> String {
    write(at_ms, "%Y-%m-%d")
}

/// Writes `20261122080000`, as pay score wants times.
pub fn to_digits(at_ms: i64) -> String {
    write(at_ms, "%Y%m%d%H%M%S")
}

/// Reads RFC 3339 with any offset to milliseconds UTC.
pub fn from_rfc3339(text: &str) -> Option<i64> {
    Some(text.parse::<Timestamp>().ok()?.as_millisecond())
}

fn write(at_ms: i64, format: &str) -> String {
    Timestamp::from_millisecond(at_ms).map_or_else(
        |_| String::new(),
        |at| at.to_zoned(TimeZone::fixed(offset(8))).strftime(format).to_string(),
    )
}

/// Reads to milliseconds UTC.
pub fn from_beijing(text: &str) -> Option<i64> {
    let local = DateTime::strptime(FORMAT, text).ok()?;
    let at = local.to_zoned(TimeZone::fixed(offset(8))).ok()?;
    Some(at.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_eight_hours_east() {
        assert_eq!(to_beijing(0), "1970-01-01 08:00:00");
        assert_eq!(to_beijing(1_795_305_600_999), "2026-11-22 08:00:00");
        assert_eq!(from_beijing("2026-11-22 08:00:00"), Some(1_795_305_600_000));
        assert_eq!(to_rfc3339(1_795_305_600_999), "2026-11-22T08:00:00+08:00");
        assert_eq!(
            to_day(1_795_276_799_999),
            "2026-11-21",
            "one millisecond before midnight there"
        );
        assert_eq!(to_digits(1_795_305_600_000), "20261122080000");
        assert_eq!(from_rfc3339("2026-11-22T08:00:00+08:00"), Some(1_795_305_600_000));
        assert_eq!(from_rfc3339("2026-11-22T00:00:00Z"), Some(1_795_305_600_000));
        assert_eq!(from_rfc3339("2026-11-22 08:00:00"), None);
        for bad in ["", "2026-11-22", "2026-11-22T08:00:00", "2026-13-22 08:00:00"] {
            assert_eq!(from_beijing(bad), None, "{bad}");
        }
    }
}
