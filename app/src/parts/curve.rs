//! The power curve of a charge, as SVG path data.

use std::fmt::Write as _;

use wasm_core::tariff::Usage;
use wasm_core::units::MS_PER_HOUR;

/// Width of the drawing, in its own units.
pub const WIDTH: i64 = 320;
/// Height of the drawing, in its own units.
pub const HEIGHT: i64 = 96;
/// Points drawn at most; longer charges are thinned.
const POINTS_MAX: usize = 120;
/// Steps of the scale's upper edge, watts.
const TOP_STEP_W: i64 = 100;

/// Time (ms UTC) and power (W) at each reading; power the device did not tell follows from energy.
pub fn powers(usage: &Usage) -> Vec<(i64, i64)> {
    let mut before = (usage.started_ms, 0);
    let mut powers = Vec::with_capacity(usage.samples.len());
    for sample in &usage.samples {
        let (took_ms, gained_wh) = (sample.at_ms - before.0, sample.energy_wh - before.1);
        let derived_w = if took_ms > 0 { gained_wh * MS_PER_HOUR / took_ms } else { 0 };
        powers.push((sample.at_ms, sample.power_w.unwrap_or(derived_w).max(0)));
        before = (sample.at_ms, sample.energy_wh);
    }
    powers
}

/// A round figure above the highest power, watts.
pub fn top_w(powers: &[(i64, i64)]) -> i64 {
    let highest = powers.iter().map(|(_, power_w)| *power_w).max().unwrap_or(0);
    (highest / TOP_STEP_W + 1) * TOP_STEP_W
}

/// The curve from the first reading at the left edge to the last at the right. Empty before the
/// second reading.
pub fn path(powers: &[(i64, i64)], top_w: i64) -> String {
    let (Some(first), Some(last)) = (powers.first(), powers.last()) else { return String::new() };
    let span_ms = last.0 - first.0;
    if span_ms <= 0 {
        return String::new();
    }
    let step = powers.len().div_ceil(POINTS_MAX);
    let mut path = String::new();
    for (index, (at_ms, power_w)) in powers.iter().enumerate() {
        if index % step == 0 || index + 1 == powers.len() {
            let x = (at_ms - first.0) * WIDTH / span_ms;
            let y = HEIGHT - power_w * HEIGHT / top_w.max(1);
            let command = if path.is_empty() { 'M' } else { 'L' };
            write!(path, "{command}{x} {y}").expect("a String takes all");
        }
    }
    path
}

/// The curve closed along the bottom, to be filled.
pub fn area(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}L{WIDTH} {HEIGHT}L0 {HEIGHT}Z") }
}

#[cfg(test)]
mod tests {
    use wasm_core::tariff::Sample;

    use super::*;

    fn usage(samples: usize) -> Usage {
        let sample = |n: usize| {
            let n = i64::try_from(n).expect("few");
            Sample { at_ms: n * 60_000, energy_wh: n * 4, power_w: None }
        };
        Usage { samples: (1..=samples).map(sample).collect(), ..Usage::default() }
    }

    #[test]
    fn power_follows_from_energy_when_the_device_is_silent() {
        assert_eq!(powers(&usage(2)), [(60_000, 240), (120_000, 240)]);
        assert_eq!(top_w(&powers(&usage(2))), 300);
    }

    #[test]
    fn a_curve_spans_the_drawing_and_is_thinned() {
        let powers = powers(&usage(1_000));
        let path = path(&powers, 480);
        assert!(path.starts_with("M0 48L"), "{path}");
        assert!(path.ends_with("L320 48"), "{path}");
        assert!(path.matches('L').count() <= POINTS_MAX + 1);
    }

    #[test]
    fn one_reading_draws_nothing() {
        assert_eq!(path(&powers(&usage(1)), 300), "");
        assert_eq!(area(""), "");
    }
}
