//! Instants in words.

use crate::figures::{LocalTime, minute_of_day};
use crate::text::Text;

/// An instant as people say it on the day of `now_ms`: `今天 21:05`.
pub fn when(text: &Text, at_ms: i64, now_ms: i64, utc_offset_minutes: i64) -> String {
    let at = LocalTime::at(at_ms, utc_offset_minutes);
    let today = LocalTime::at(now_ms, utc_offset_minutes);
    let time = minute_of_day(at.minute);
    let (year, month, day) = at.date();
    match today.day - at.day {
        0 => (text.frame.today)(&time),
        1 => (text.frame.yesterday)(&time),
        -1 => (text.frame.tomorrow)(&time),
        _ if year == today.date().0 => (text.frame.date)(month, day, &time),
        _ => (text.frame.full_date)(year, month, day, &time),
    }
}

/// The time of day to the second: `21:05:30`.
pub fn to_the_second(at_ms: i64, utc_offset_minutes: i64) -> String {
    let at = LocalTime::at(at_ms, utc_offset_minutes);
    format!("{}:{:02}", minute_of_day(at.minute), at.second)
}
