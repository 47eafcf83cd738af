//! Times as the platform writes them: RFC 3339 at +08:00, bills in China's local time.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, offset};

fn write(at_ms: i64, zone: i8, format: &str) -> String {
    Timestamp::from_millisecond(at_ms).map_or_else(
        |_| String::new(),
        |at| at.to_zoned(TimeZone::fixed(offset(zone))).strftime(format).to_string(),
    )
}

/// `2026-11-22T08:00:00+08:00`.
pub(super) fn rfc3339(at_ms: i64) -> String {
    write(at_ms, 8, "%Y-%m-%dT%H:%M:%S+08:00")
}

/// Reads RFC 3339 to milliseconds UTC.
pub(super) fn from_rfc3339(text: &str) -> Option<i64> {
    Some(text.parse::<Timestamp>().ok()?.as_millisecond())
}

/// `2026-11-22 08:00:00`, China's local time.
pub(super) fn local(at_ms: i64) -> String {
    write(at_ms, 8, "%Y-%m-%d %H:%M:%S")
}

/// `20261122080000`, China's local time.
pub(super) fn compact(at_ms: i64) -> String {
    write(at_ms, 8, "%Y%m%d%H%M%S")
}

/// Reads `yyyyMMddHHmmss`, as `PayScore` writes times, to milliseconds UTC.
pub(super) fn from_compact(text: &str) -> Option<i64> {
    let local = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    let at = local.to_zoned(TimeZone::fixed(offset(8))).ok()?;
    Some(at.timestamp().as_millisecond())
}

/// When a day (`2026-11-22`) begins in China, milliseconds UTC.
pub(super) fn day_begins(day: &str) -> Option<i64> {
    let date = Date::strptime("%Y-%m-%d", day).ok()?;
    let at = date.to_zoned(TimeZone::fixed(offset(8))).ok()?;
    Some(at.timestamp().as_millisecond())
}

/// `261122000000Z`, for certificates.
pub(super) fn utc_time(at_ms: i64) -> String {
    write(at_ms, 0, "%y%m%d%H%M%SZ")
}
