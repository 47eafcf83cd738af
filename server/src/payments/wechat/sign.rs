//! `WECHATPAY2-SHA256-RSA2048`: the texts that are signed, for requests, for answers and callbacks,
//! and for what the rider's `WeChat` is called with.

use aws_lc_rs::hmac;
use axum::http::HeaderMap;

use crate::payments::keys::SigningKey;
use crate::random;

/// The only kind of signature we make or accept.
pub const SIGN_TYPE: &str = "WECHATPAY2-SHA256-RSA2048";

/// How far the other side's clock may be from ours, seconds.
pub const CLOCK_SKEW_S: i64 = 300;

/// How a signature begins that is wrong on purpose, to see whether we look.
pub const PROBE: &str = "WECHATPAY/SIGNTEST/";

/// Longest serial number or id of a key that we look up, characters.
const SERIAL_MAX_CHARS: usize = 128;

/// What the headers of an answer or a callback say of its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// `Wechatpay-Timestamp`: seconds UTC, as written.
    pub timestamp: String,
    /// `Wechatpay-Nonce`.
    pub nonce: String,
    /// `Wechatpay-Signature`, base64.
    pub signature: String,
    /// `Wechatpay-Serial`: by which key.
    pub serial: String,
}

/// Why a signature is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing or cannot be read.
    #[error("no {0}")]
    Header(&'static str),
    /// Made in a way that we do not know.
    #[error("not {SIGN_TYPE}")]
    Type,
    /// Made too long ago, or in the future.
    #[error("signed {0} s from now")]
    Age(i64),
    /// By a key that we do not know.
    #[error("signed by an unknown key")]
    Serial,
    /// Wrong.
    #[error("wrong signature")]
    Wrong,
    /// Wrong on purpose.
    #[error("a probe with a wrong signature")]
    Probe,
}

impl Headers {
    /// Reads the headers, and checks the age.
    ///
    /// # Errors
    /// [`SignatureError::Header`], [`SignatureError::Type`] or [`SignatureError::Age`].
    pub fn read(headers: &HeaderMap, now_ms: i64) -> Result<Self, SignatureError> {
        let text = |name: &'static str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            let value = value.filter(|value| !value.is_empty());
            value.map(ToOwned::to_owned).ok_or(SignatureError::Header(name))
        };
        // The header came later than the rest of the protocol; old gateways leave it out.
        if headers.get("wechatpay-signature-type").is_some_and(|kind| kind != SIGN_TYPE) {
            return Err(SignatureError::Type);
        }
        let read = Self {
            timestamp: text("wechatpay-timestamp")?,
            nonce: text("wechatpay-nonce")?,
            signature: text("wechatpay-signature")?,
            serial: text("wechatpay-serial")?,
        };
        let signed_s: i64 =
            read.timestamp.parse().map_err(|_| SignatureError::Header("wechatpay-timestamp"))?;
        let age_s = (now_ms / 1_000).saturating_sub(signed_s);
        if age_s.saturating_abs() > CLOCK_SKEW_S {
            return Err(SignatureError::Age(age_s));
        }
        if read.serial.len() > SERIAL_MAX_CHARS {
            return Err(SignatureError::Serial);
        }
        Ok(read)
    }

    /// What the signature covers: timestamp, nonce and the raw body, a line each.
    pub fn signed_text(&self, body: &[u8]) -> Vec<u8> {
        answer_text(&self.timestamp, &self.nonce, body)
    }

    /// What a wrong signature is called.
    pub fn refusal(&self) -> SignatureError {
        if self.signature.starts_with(PROBE) {
            SignatureError::Probe
        } else {
            SignatureError::Wrong
        }
    }
}

/// What an answer's or callback's signature covers.
pub fn answer_text(timestamp: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    let mut text = format!("{timestamp}\n{nonce}\n").into_bytes();
    text.extend_from_slice(body);
    text.push(b'\n');
    text
}

/// What a request's signature covers: five lines, each ended. `target` is path and query exactly as
/// sent.
pub fn request_text(
    method: &str,
    target: &str,
    timestamp: &str,
    nonce: &str,
    body: &str,
) -> String {
    format!("{method}\n{target}\n{timestamp}\n{nonce}\n{body}\n")
}

/// What `paySign` covers: four lines, each ended. `package` is `prepay_id=…`.
pub fn cashier_text(appid: &str, timestamp: &str, nonce: &str, package: &str) -> String {
    format!("{appid}\n{timestamp}\n{nonce}\n{package}\n")
}

/// A request's `Authorization`.
pub fn authorization(
    (mchid, serial_no): (&str, &str),
    key: &SigningKey,
    (method, target, body): (&str, &str, &str),
    now_ms: i64,
) -> String {
    let (timestamp, nonce) = ((now_ms / 1_000).to_string(), nonce());
    let signature = key.sign(&request_text(method, target, &timestamp, &nonce, body));
    format!(
        "{SIGN_TYPE} mchid=\"{mchid}\",nonce_str=\"{nonce}\",timestamp=\"{timestamp}\",\
         serial_no=\"{serial_no}\",signature=\"{signature}\""
    )
}

/// A new nonce of 32 symbols.
pub fn nonce() -> String {
    random::base32::<32>()
}

/// `sign` of what pay score is opened with: HMAC-SHA256 under the `APIv2` key over the sorted pairs
/// and the key itself, upper-case hexadecimal. `pairs` must be sorted.
pub fn score_sign(pairs: &[(&str, &str)], api_v2_key: &str) -> String {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    let mut text = String::new();
    for (name, value) in given {
        text.extend([name, "=", value, "&"]);
    }
    text.push_str("key=");
    text.push_str(api_v2_key);
    let key = hmac::Key::new(hmac::HMAC_SHA256, api_v2_key.as_bytes());
    random::hex(hmac::sign(&key, text.as_bytes()).as_ref()).to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_ended() {
        assert_eq!(request_text("GET", "/v3/a?b=%20", "1", "N", ""), "GET\n/v3/a?b=%20\n1\nN\n\n");
        assert_eq!(answer_text("1", "N", b"{}"), b"1\nN\n{}\n");
        assert_eq!(cashier_text("wx", "1", "N", "prepay_id=x"), "wx\n1\nN\nprepay_id=x\n");
    }

    #[test]
    fn pay_score_is_signed_as_openssl_does() {
        // printf 'mch_id=1&nonce_str=N&package=p&key=k' | openssl dgst -sha256 -hmac k
        let pairs = [("empty", ""), ("mch_id", "1"), ("nonce_str", "N"), ("package", "p")];
        assert_eq!(score_sign(&pairs, "k"), SCORE_SIGN);
    }

    const SCORE_SIGN: &str = "814F2116A0F4D238BE39874C317461F0A64C852983A37190F122F3AF2F2B74F5";
}
