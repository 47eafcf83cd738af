//! OCPP 1.6 messages, as far as we use them, after the protocol's JSON schemas.
//!
//! Unknown fields are ignored, because vendors add their own. The three messages that carry a bill
//! ([`start`], [`stop`], [`meter`]) are read with more patience than the schemas demand: a refusal
//! would make the station drop the bill in the end.

pub mod authorize;
pub mod boot;
pub mod commands;
pub mod meter;
pub mod start;
pub mod status;
pub mod stop;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::frame::{ErrorCode, Refusal};

/// A text of at most `MAX` characters, without NUL characters: devices fill fixed fields up with
/// them, and PostgreSQL takes none, so one such text would hold up whatever shares its commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text<const MAX: usize>(pub String);

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = String::deserialize(deserializer)?;
        text.retain(|c| c != '\0');
        if text.chars().count() > MAX {
            return Err(D::Error::custom(format_args!("longer than {MAX} characters")));
        }
        Ok(Self(text))
    }
}

/// Reads a payload.
///
/// # Errors
/// The protocol's own error for what is wrong.
pub fn read<T: DeserializeOwned>(payload: &Value) -> Result<T, Refusal> {
    T::deserialize(payload).map_err(|error| {
        let description = error.to_string();
        Refusal { code: violation(&description), description }
    })
}

/// serde says in words only what kind of error it met.
fn violation(description: &str) -> ErrorCode {
    if description.starts_with("missing field") || description.starts_with("duplicate field") {
        ErrorCode::OccurenceConstraintViolation
    } else if description.starts_with("invalid type") {
        ErrorCode::TypeConstraintViolation
    } else {
        ErrorCode::PropertyConstraintViolation
    }
}

/// A whole number that may come as `12`, `12.0` or `"12"`.
pub(super) fn patient_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let text = match &value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Err(D::Error::custom("invalid type: expected a number")),
    };
    meter::decimal(&text, 0).ok_or_else(|| D::Error::custom("not a number in range"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_has_no_nul_characters() {
        let text: Text<3> = read(&json!("ab\u{0}\u{0}c\u{0}")).unwrap();
        assert_eq!(text.0, "abc");
    }

    #[test]
    fn each_kind_of_error_has_its_code() {
        let code = |payload| read::<boot::BootNotification>(&payload).unwrap_err().code;
        assert_eq!(
            code(json!({"chargePointVendor": "V"})),
            ErrorCode::OccurenceConstraintViolation
        );
        assert_eq!(
            code(json!({"chargePointVendor": 1, "chargePointModel": "M"})),
            ErrorCode::TypeConstraintViolation
        );
        assert_eq!(
            code(json!({"chargePointVendor": "V".repeat(21), "chargePointModel": "M"})),
            ErrorCode::PropertyConstraintViolation
        );
        let status = json!({"connectorId": 1, "errorCode": "NoError", "status": "Sleeping"});
        let refusal = read::<status::StatusNotification>(&status).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::PropertyConstraintViolation);
    }
}
