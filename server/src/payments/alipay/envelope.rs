//! An answer of the gateway: the node that was signed, byte for byte, and its signature.
//!
//! `{"<method>_response":{…},"alipay_cert_sn":"…","sign":"…"}`. The signature covers the node's
//! raw text, so the text is cut out and not written again. A JSON parser that keeps the raw text
//! does the cutting: braces, quotes and backslashes inside strings cannot mislead it, and a
//! second node of the same name, however it is escaped, is refused.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::keys::VerifyingKey;
use crate::misread::without_value;

/// Why an answer is not believed.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Not a JSON object, cut short, or a name comes twice.
    #[error("not an answer: {}", without_value(&.0.to_string()))]
    Malformed(#[from] serde_json::Error),
    /// Neither the method's node nor `error_response`, or both.
    #[error("the answer has not exactly one of {0} and error_response")]
    Node(String),
    /// No signature. What it says is for the log only.
    #[error("an answer without signature: {0}")]
    Unsigned(String),
    /// The signature is not Alipay's.
    #[error("the answer's signature is wrong")]
    Signature,
}

/// Longest piece of an untrusted answer that goes into an error's text, in characters.
const QUOTED_CHARS: usize = 300;

/// Cuts, verifies and reads the answer to `method`.
///
/// # Errors
/// Says why the answer is not believed.
pub fn open(body: &str, method: &str, key: &VerifyingKey) -> Result<Value, EnvelopeError> {
    let TopLevel(nodes) = serde_json::from_str(body)?;
    let name = format!("{}_response", method.replace('.', "_"));
    let node = match (nodes.get(&name), nodes.get("error_response")) {
        (Some(node), None) | (None, Some(node)) => node.get(),
        _ => return Err(EnvelopeError::Node(name)),
    };
    let Some(signature) = nodes.get("sign") else {
        return Err(EnvelopeError::Unsigned(node.chars().take(QUOTED_CHARS).collect()));
    };
    let signature: String = serde_json::from_str(signature.get())?;
    // Some of Alipay's systems sign before they escape slashes.
    if !key.verify(node, &signature) && !key.verify(node.replace("\\/", "/"), &signature) {
        return Err(EnvelopeError::Signature);
    }
    Ok(serde_json::from_str(node)?)
}

/// An object's members with their raw text, each name once.
struct TopLevel<'a>(BTreeMap<String, &'a RawValue>);

impl<'de> Deserialize<'de> for TopLevel<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = TopLevel<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut nodes = BTreeMap::new();
        while let Some((name, raw)) = members.next_entry::<String, &'de RawValue>()? {
            if nodes.contains_key(&name) {
                return Err(Error::custom(format_args!("{name} comes twice")));
            }
            nodes.insert(name, raw);
        }
        Ok(TopLevel(nodes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payments::alipay::testing;

    const METHOD: &str = "alipay.trade.query";

    fn open_with_test_key(body: &str) -> Result<Value, EnvelopeError> {
        open(body, METHOD, &testing::key().public().unwrap())
    }

    fn envelope(node: &str, signed: &str) -> String {
        let sign = testing::key().sign(signed);
        format!("{{\"alipay_trade_query_response\":{node},\"sign\":\"{sign}\"}}")
    }

    #[test]
    fn the_signed_bytes_are_cut_whatever_stands_in_strings() {
        for node in [
            r#"{"code":"10000"}"#,
            r#"{ "msg" : "a } b { c" , "code":"10000" }"#,
            r#"{"msg":"\"}\\","code":"10000"}"#,
            r#"{"msg":"\"sign\":\"x\"","code":"10000"}"#,
            r#"{"msg":"alipay_trade_query_response","code":"10000"}"#,
            r#"{"list":[{"a":{"b":"}"}}],"code":"10000"}"#,
            r#"{"url":"https:\/\/a\/b","code":"10000"}"#,
            "{\"msg\":\"\u{6210}\\u529f\",\"code\":\"10000\"}",
        ] {
            let value = open_with_test_key(&envelope(node, node)).unwrap();
            assert_eq!(value["code"], "10000", "{node}");
        }
    }

    #[test]
    fn a_certificate_number_and_spaces_stand_outside_the_signed_bytes() {
        let node = r#"{"code":"10000"}"#;
        let sign = testing::key().sign(node);
        let body = format!(
            " {{ \"alipay_trade_query_response\" : {node} ,\"alipay_cert_sn\":\"1\", \"sign\":\"{sign}\" }}\n"
        );
        assert!(open_with_test_key(&body).is_ok());
    }

    #[test]
    fn slashes_escaped_after_signing_are_accepted() {
        let node = r#"{"url":"https:\/\/a","code":"10000"}"#;
        assert!(open_with_test_key(&envelope(node, &node.replace("\\/", "/"))).is_ok());
    }

    #[test]
    fn a_second_node_is_refused() {
        let node = r#"{"code":"10000"}"#;
        let good = envelope(node, node);
        for attack in [
            r#""alipay_trade_query_response":{"code":"10000","trade_status":"TRADE_SUCCESS"},"#,
            r#""\u0061lipay_trade_query_response":{"code":"10000"},"#,
            r#""error_response":{"code":"20000"},"#,
            r#""sign":"AAAA","#,
        ] {
            let body = good.replacen('{', &format!("{{{attack}"), 1);
            assert!(open_with_test_key(&body).is_err(), "{attack}");
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let node = r#"{"code":"10000","trade_status":"TRADE_SUCCESS","total_amount":"1.00"}"#;
        let key = testing::key().public().unwrap();
        let good = envelope(node, node);
        for at in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= 1;
            let body = String::from_utf8(bytes).unwrap();
            assert!(open(&body, METHOD, &key).is_err(), "byte {at}");
        }
        for length in 0..good.len() {
            assert!(open(&good[..length], METHOD, &key).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn errors_count_only_when_signed() {
        let node = r#"{"code":"40002","sub_code":"isv.code-invalid"}"#;
        let sign = testing::key().sign(node);
        let signed = format!("{{\"error_response\":{node},\"sign\":\"{sign}\"}}");
        assert_eq!(open_with_test_key(&signed).unwrap()["code"], "40002");
        let unsigned = format!("{{\"error_response\":{node}}}");
        assert!(matches!(open_with_test_key(&unsigned), Err(EnvelopeError::Unsigned(_))));
    }
}
