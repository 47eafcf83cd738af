//! What a rule answers: a body, a refusal in the platform's words, or that the database is away.

use serde_json::{Value, json};
use wasm_core::money::Fen;

use crate::store::StoreError;

/// An answer: HTTP status and body. No content has no body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) is_file: bool,
}

impl Reply {
    pub(super) fn ok(body: &Value) -> Self {
        Self { status: 200, body: body.to_string().into_bytes(), is_file: false }
    }

    pub(super) fn nothing() -> Self {
        Self { status: 204, body: Vec::new(), is_file: false }
    }

    /// A download, which the real one does not sign.
    pub(super) fn file(body: Vec<u8>) -> Self {
        Self { status: 200, body, is_file: true }
    }
}

/// A no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: &'static str,
}

impl Refusal {
    pub(super) fn into_reply(self) -> Reply {
        let body = json!({"code": self.code, "message": self.message});
        Reply { status: self.status, ..Reply::ok(&body) }
    }
}

/// What can go wrong inside.
#[derive(Debug)]
pub(super) enum Failure {
    /// Answered, signed.
    Refused(Refusal),
    /// Answered `SYSTEM_ERROR`.
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A refusal by its parts.
pub(super) fn no(status: u16, code: &'static str, message: &'static str) -> Refusal {
    Refusal { status, code, message }
}

/// A field is wrong.
pub(super) fn bad(message: &'static str) -> Refusal {
    no(400, "PARAM_ERROR", message)
}

/// The state forbids it.
pub(super) fn invalid(message: &'static str) -> Refusal {
    no(400, "INVALID_REQUEST", message)
}

/// Demands `holds`.
pub(super) fn demand(holds: bool, refusal: Refusal) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(refusal) }
}

/// A text field; the empty text if it is not there.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("")
}

/// An amount in fen, at least one.
pub(super) fn fen(value: &Value) -> Result<Fen, Refusal> {
    let amount = value.as_i64().filter(|fen| (1..=10_000_000_000).contains(fen));
    amount.map(Fen).ok_or(bad("金额必须是大于零的整数"))
}

/// A merchant's number: 1 to `max` letters, digits or `_-|*@`.
pub(super) fn number(value: &Value, name: &str, max: usize) -> Result<String, Refusal> {
    let number = text(value, name);
    let right = (1..=max).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte));
    demand(right, bad("商户单号不符合规则"))?;
    Ok(number.to_owned())
}

/// A notify address: absolute and without a query.
pub(super) fn notify_url(value: &Value, required: bool) -> Result<String, Refusal> {
    let url = text(value, "notify_url");
    let right = if url.is_empty() {
        !required
    } else {
        (url.starts_with("https://") || url.starts_with("http://"))
            && !url.contains('?')
            && url.len() <= 255
    };
    demand(right, bad("notify_url 不能为空、不能带参数"))?;
    Ok(url.to_owned())
}
