//! Units of time, energy and power, and the one integer operation all prices need.

/// Milliseconds in a second.
pub const MS_PER_SECOND: i64 = 1_000;
/// Milliseconds in a minute.
pub const MS_PER_MINUTE: i64 = 60 * MS_PER_SECOND;
/// Milliseconds in an hour.
pub const MS_PER_HOUR: i64 = 60 * MS_PER_MINUTE;
/// Milliseconds in a day.
pub const MS_PER_DAY: i64 = 24 * MS_PER_HOUR;
/// Minutes in a day.
pub const MINUTES_PER_DAY: i64 = 24 * 60;
/// Seconds in an hour.
pub const SECONDS_PER_HOUR: i64 = 3_600;
/// Watt-hours in a kWh.
pub const WH_PER_KWH: i64 = 1_000;
/// Thousandths of a fen, the unit of prices, in a fen.
pub const MFEN_PER_FEN: i64 = 1_000;
/// Milliwatt-hours in a watt-hour.
pub const MWH_PER_WH: i64 = 1_000;

/// `a × b ÷ c`, rounded down, without overflow in between. `c` must be positive.
///
/// # Panics
/// When the result does not fit 64 bits: inputs are bounded long before that.
pub fn mul_div_floor(a: i64, b: i64, c: i64) -> i64 {
    let exact = i128::from(a) * i128::from(b);
    i64::try_from(exact.div_euclid(i128::from(c))).expect("bounded by the tariff's limits")
}
