//! Alipay's clock: `yyyy-MM-dd HH:mm:ss` at UTC+8, wherever the server stands.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, offset};

const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// Writes milliseconds UTC; the empty text for times beyond the calendar.
pub fn to_beijing(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map_or_else(
        |_| String::new(),
        |at| at.to_zoned(TimeZone::fixed(offset(8))).strftime(FORMAT).to_string(),
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
        for bad in ["", "2026-11-22", "2026-11-22T08:00:00", "2026-13-22 08:00:00"] {
            assert_eq!(from_beijing(bad), None, "{bad}");
        }
    }
}
