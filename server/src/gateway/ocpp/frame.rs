//! OCPP-J frames: `[2, id, action, payload]`, `[3, id, payload]`, `[4, id, code, text, details]`.

use serde_json::{Value, json};

/// Longest message id, in characters.
const MAX_ID_CHARS: usize = 36;

/// The id of an answer to a frame whose own id cannot be read.
const UNREADABLE_ID: &str = "-1";

const CALL: u64 = 2;
const CALL_RESULT: u64 = 3;
const CALL_ERROR: u64 = 4;

/// A frame as read.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// The other side asks.
    Call(Call),
    /// It answers our call.
    Result {
        /// Our call's id.
        id: String,
        /// The answer.
        payload: Value,
    },
    /// It could not handle our call.
    Error {
        /// Our call's id.
        id: String,
        /// Its code, as written.
        code: String,
        /// Its words.
        description: String,
    },
}

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Unique on one connection only.
    pub id: String,
    /// What is asked.
    pub action: String,
    /// With which arguments.
    pub payload: Value,
}

/// OCPP-J's error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// We do not know the action.
    NotImplemented,
    /// We know the action but do not do it.
    NotSupported,
    /// Something broke on our side.
    InternalError,
    /// The payload of the action is incomplete.
    ProtocolError,
    /// Not allowed now or for this peer.
    SecurityError,
    /// The frame or payload is not of the right form.
    FormationViolation,
    /// A field's value is out of its bounds.
    PropertyConstraintViolation,
    /// A field is missing or too often there. (The spelling is the protocol's.)
    OccurenceConstraintViolation,
    /// A field is of another type.
    TypeConstraintViolation,
    /// Anything else.
    GenericError,
}

/// Why a frame or a payload is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The protocol's code.
    pub code: ErrorCode,
    /// What is wrong, for the device's engineer.
    pub description: String,
}

/// A text that is not a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The id to answer with; none when an answer has no place (it was itself an answer).
    pub id: Option<String>,
    /// What is wrong.
    pub refusal: Refusal,
}

impl ErrorCode {
    /// As written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotImplemented => "NotImplemented",
            Self::NotSupported => "NotSupported",
            Self::InternalError => "InternalError",
            Self::ProtocolError => "ProtocolError",
            Self::SecurityError => "SecurityError",
            Self::FormationViolation => "FormationViolation",
            Self::PropertyConstraintViolation => "PropertyConstraintViolation",
            Self::OccurenceConstraintViolation => "OccurenceConstraintViolation",
            Self::TypeConstraintViolation => "TypeConstraintViolation",
            Self::GenericError => "GenericError",
        }
    }
}

impl Refusal {
    /// A refusal with a code and words.
    pub fn new(code: ErrorCode, description: impl Into<String>) -> Self {
        Self { code, description: description.into() }
    }
}

impl Frame {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`Malformed`] says what to answer.
    pub fn read(text: &str) -> Result<Self, Malformed> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| formation(UNREADABLE_ID, format!("not JSON: {error}")))?;
        let Value::Array(parts) = value else {
            return Err(formation(UNREADABLE_ID, "a frame is an array"));
        };
        let kind = parts.first().and_then(Value::as_u64);
        let id = parts.get(1).and_then(Value::as_str).filter(|id| is_id(id)).map(str::to_owned);
        match (kind, id) {
            (Some(CALL), Some(id)) => read_call(id, parts),
            (Some(CALL), None) => Err(formation(UNREADABLE_ID, "the message id is not an id")),
            (Some(CALL_RESULT), Some(id)) => read_result(id, parts),
            (Some(CALL_ERROR), Some(id)) => read_error(id, &parts),
            (Some(CALL_RESULT | CALL_ERROR), None) => Err(unanswerable("an answer without an id")),
            // The protocol wants unknown message types ignored.
            (Some(_), _) => Err(unanswerable("unknown message type")),
            (None, _) => Err(formation(UNREADABLE_ID, "the message type is not a number")),
        }
    }
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.chars().count() <= MAX_ID_CHARS
}

fn read_call(id: String, parts: Vec<Value>) -> Result<Frame, Malformed> {
    let Ok([_, _, action, payload]) = <[Value; 4]>::try_from(parts) else {
        return Err(formation(&id, "a CALL has four parts"));
    };
    match (action, payload) {
        (Value::String(action), payload @ Value::Object(_)) => {
            Ok(Frame::Call(Call { id, action, payload }))
        }
        (Value::String(_), _) => Err(formation(&id, "the payload is not an object")),
        _ => Err(formation(&id, "the action is not a text")),
    }
}

fn read_result(id: String, parts: Vec<Value>) -> Result<Frame, Malformed> {
    match <[Value; 3]>::try_from(parts) {
        Ok([_, _, payload @ Value::Object(_)]) => Ok(Frame::Result { id, payload }),
        _ => Err(unanswerable("a CALLRESULT has three parts, the last an object")),
    }
}

/// Description and details are often left out in the field.
fn read_error(id: String, parts: &[Value]) -> Result<Frame, Malformed> {
    let text = |index: usize| parts.get(index).and_then(Value::as_str);
    let Some(code) = text(2) else {
        return Err(unanswerable("a CALLERROR without a code"));
    };
    let description = text(3).unwrap_or_default().to_owned();
    Ok(Frame::Error { id, code: code.to_owned(), description })
}

fn formation(id: &str, description: impl Into<String>) -> Malformed {
    let refusal = Refusal::new(ErrorCode::FormationViolation, description);
    Malformed { id: Some(id.to_owned()), refusal }
}

fn unanswerable(description: &str) -> Malformed {
    Malformed { id: None, refusal: Refusal::new(ErrorCode::FormationViolation, description) }
}

/// Writes a CALL.
pub fn write_call(id: &str, action: &str, payload: &Value) -> String {
    json!([CALL, id, action, payload]).to_string()
}

/// Writes a CALLRESULT.
pub fn write_result(id: &str, payload: &Value) -> String {
    json!([CALL_RESULT, id, payload]).to_string()
}

/// Writes a CALLERROR.
pub fn write_error(id: &str, refusal: &Refusal) -> String {
    // The schema allows 255 characters of description.
    let description: String = refusal.description.chars().take(255).collect();
    json!([CALL_ERROR, id, refusal.code.as_str(), description, {}]).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read() {
        let call = Frame::read(r#"[2,"7","Heartbeat",{}]"#).unwrap();
        let expected = Call { id: "7".into(), action: "Heartbeat".into(), payload: json!({}) };
        assert_eq!(call, Frame::Call(expected));
        let result = Frame::read(r#"[3,"7",{"status":"Accepted"}]"#).unwrap();
        let payload = json!({"status": "Accepted"});
        assert_eq!(result, Frame::Result { id: "7".into(), payload });
        for text in [r#"[4,"7","GenericError","",{}]"#, r#"[4,"7","GenericError"]"#] {
            let (id, code) = ("7".into(), "GenericError".into());
            let error = Frame::Error { id, code, description: String::new() };
            assert_eq!(Frame::read(text).unwrap(), error);
        }
    }

    #[test]
    fn what_is_not_a_frame_is_answered_or_ignored() {
        let deep = format!(r#"[2,"7","Heartbeat",{}{}]"#, "[".repeat(10_000), "]".repeat(10_000));
        let long_id = format!(r#"[2,"{}","Heartbeat",{{}}]"#, "x".repeat(37));
        let table: &[(&str, Option<&str>)] = &[
            ("", Some("-1")),
            ("hello", Some("-1")),
            ("{}", Some("-1")),
            ("[]", Some("-1")),
            ("[2]", Some("-1")),
            (r#"["2","7","Heartbeat",{}]"#, Some("-1")),
            (r#"[2,7,"Heartbeat",{}]"#, Some("-1")),
            (r#"[2,"","Heartbeat",{}]"#, Some("-1")),
            (&long_id, Some("-1")),
            (&deep, Some("-1")),
            (r#"[2,"7","Heartbeat",{"a":NaN}]"#, Some("-1")),
            (r#"[2,"7","Heartbeat"]"#, Some("7")),
            (r#"[2,"7","Heartbeat",{},{}]"#, Some("7")),
            (r#"[2,"7","Heartbeat",null]"#, Some("7")),
            (r#"[2,"7","Heartbeat",[]]"#, Some("7")),
            (r#"[2,"7",8,{}]"#, Some("7")),
            (r#"[3,"7"]"#, None),
            (r#"[3,"7",null]"#, None),
            ("[3,7,{}]", None),
            (r#"[4,"7"]"#, None),
            (r#"[5,"7",{}]"#, None),
            (r#"[18446744073709551615,"7",{}]"#, None),
        ];
        for (text, id) in table {
            let malformed = Frame::read(text).unwrap_err();
            assert_eq!(malformed.id.as_deref(), *id, "{}", &text[..text.len().min(60)]);
            assert_eq!(malformed.refusal.code, ErrorCode::FormationViolation);
        }
    }

    #[test]
    fn what_we_write_we_read() {
        let text = write_call("1", "Reset", &json!({"type": "Soft"}));
        assert_eq!(text, r#"[2,"1","Reset",{"type":"Soft"}]"#);
        assert_eq!(write_result("1", &json!({})), r#"[3,"1",{}]"#);
        let refusal = Refusal::new(ErrorCode::GenericError, "x".repeat(300));
        let Frame::Error { description, .. } = Frame::read(&write_error("1", &refusal)).unwrap()
        else {
            panic!("not a CALLERROR");
        };
        assert_eq!(description.len(), 255);
    }
}
