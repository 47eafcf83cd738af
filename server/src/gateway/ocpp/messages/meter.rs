//! `MeterValues`: from the protocol's many forms to one reading, without floating point.

use serde::Deserialize;
use serde_json::Value;

use super::patient_number;
use crate::gateway::ocpp::time::DeviceTime;

/// Readings of a socket.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeterValues {
    /// Which socket; 0 is the station's own meter.
    #[serde(default, deserialize_with = "patient_number")]
    pub connector_id: i64,
    /// The transaction; none when the clock, not a charge, is the cause.
    #[serde(default)]
    pub transaction_id: Option<PatientId>,
    /// The readings.
    #[serde(default)]
    pub meter_value: Vec<MeterValue>,
}

/// A transaction id that may come as a text.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct PatientId(#[serde(deserialize_with = "patient_number")] pub i64);

/// What was measured at one moment.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeterValue {
    /// When, by the device's clock.
    #[serde(default)]
    pub timestamp: DeviceTime,
    /// The figures.
    #[serde(default)]
    pub sampled_value: Vec<SampledValue>,
}

/// One figure.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SampledValue {
    /// A decimal number, as a text by the schema and as a number in the field.
    pub value: Value,
    /// What was measured; a missing one is the energy register.
    #[serde(default)]
    pub measurand: Option<String>,
    /// In which unit; a missing one is Wh, or W for power.
    #[serde(default)]
    pub unit: Option<String>,
    /// On which phase; a missing one is the whole.
    #[serde(default)]
    pub phase: Option<String>,
    /// `Raw` or `SignedData`.
    #[serde(default)]
    pub format: Option<String>,
}

/// Energy and power at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The energy register, watt-hours, fractions dropped.
    pub register_wh: i64,
    /// Power, watts.
    pub power_w: Option<i64>,
}

const REGISTER: &str = "Energy.Active.Import.Register";
const POWER: &str = "Power.Active.Import";

impl MeterValue {
    /// Energy and power; none when the energy register is missing or makes no sense.
    pub fn measured(&self) -> Option<Measured> {
        let register_wh = self.total(REGISTER).filter(|wh| *wh >= 0)?;
        let power_w = self.total(POWER).filter(|w| *w >= 0);
        Some(Measured { register_wh, power_w })
    }

    /// Whether any figure claims to be the energy register.
    pub fn names_register(&self) -> bool {
        self.sampled_value.iter().any(|value| value.is(REGISTER))
    }

    /// The figure for the whole, or else the sum of the phases, in Wh or W.
    fn total(&self, measurand: &str) -> Option<i64> {
        let figures = || self.sampled_value.iter().filter(move |value| value.is(measurand));
        let whole = figures().filter(|value| value.phase.is_none()).find_map(SampledValue::base);
        let phases = || figures().filter_map(SampledValue::base).reduce(i64::saturating_add);
        whole.or_else(phases)
    }
}

impl SampledValue {
    fn is(&self, measurand: &str) -> bool {
        self.format.as_deref() != Some("SignedData")
            && self.measurand.as_deref().unwrap_or(REGISTER) == measurand
    }

    /// The figure in Wh or W.
    fn base(&self) -> Option<i64> {
        let kilo = match self.unit.as_deref() {
            None | Some("Wh" | "W") => 0,
            Some("kWh" | "kW") => 3,
            _ => return None,
        };
        match &self.value {
            Value::String(text) => decimal(text, kilo),
            Value::Number(number) => decimal(&number.to_string(), kilo),
            _ => None,
        }
    }
}

/// Most digits of a number: beyond the largest register that can be meant.
const MAX_DIGITS: usize = 15;

/// `text × 10^shift` as a whole number, fractions dropped; none when it is no plain decimal number
/// or absurdly long.
pub fn decimal(text: &str, shift: usize) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > MAX_DIGITS {
        return None;
    }
    let kept: String = fraction.chars().chain("000".chars()).take(shift).collect();
    let magnitude: i64 = format!("0{whole}{kept}").parse().ok()?;
    Some(if negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gateway::ocpp::messages::read;

    fn measured(values: &Value) -> Option<Measured> {
        let json = json!({"timestamp": "2026-01-01T00:00:00Z", "sampledValue": values});
        read::<MeterValue>(&json).unwrap().measured()
    }

    #[test]
    fn units_and_decimals_become_whole_watt_hours() {
        for (text, shift, expected) in [
            ("12", 0, Some(12)),
            ("12.9", 0, Some(12)),
            ("-1", 0, Some(-1)),
            ("1.2345", 3, Some(1_234)),
            ("0.03", 3, Some(30)),
            (" 7 ", 3, Some(7_000)),
            ("000000000000000012", 0, Some(12)),
            ("1e3", 0, None),
            ("", 0, None),
            (".5", 0, None),
            ("1,5", 0, None),
            ("NaN", 0, None),
            ("9999999999999999", 0, None),
        ] {
            assert_eq!(decimal(text, shift), expected, "{text}");
        }
    }

    #[test]
    fn a_reading_is_found_among_the_figures() {
        let power = json!({"value": "0.25", "unit": "kW", "measurand": POWER});
        let bare = json!({"value": "31"});
        let kwh = json!({"value": "0.031", "unit": "kWh", "measurand": REGISTER});
        let expected = Some(Measured { register_wh: 31, power_w: Some(250) });
        assert_eq!(measured(&json!([power, bare])), expected);
        assert_eq!(measured(&json!([kwh, power])), expected);
        let phases = json!([
            {"value": "10", "phase": "L1"}, {"value": 20, "phase": "L2"}, {"value": "1", "phase": "L3"}
        ]);
        assert_eq!(measured(&phases), Some(Measured { register_wh: 31, power_w: None }));
        let whole_first = json!([{"value": "10", "phase": "L1"}, {"value": "31"}]);
        assert_eq!(measured(&whole_first).map(|m| m.register_wh), Some(31));
        for none in [
            json!([]),
            json!([power]),
            json!([{"value": "-5"}]),
            json!([{"value": "5", "unit": "Celsius"}]),
            json!([{"value": "AAAA", "format": "SignedData"}]),
            json!([{"value": null}]),
        ] {
            assert_eq!(measured(&none), None);
        }
    }
}
