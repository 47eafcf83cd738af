//! RSA2 over sorted parameters: the text that is signed, for requests and for notifies.

use std::collections::BTreeMap;

use url::form_urlencoded;

use super::keys::{SigningKey, VerifyingKey};

/// Parameters, decoded, sorted by name as the signature wants them.
pub type Params = BTreeMap<String, String>;

/// A form or query that names a parameter twice: which one was signed could not be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter {0:?} comes twice")]
pub struct Repeated(pub String);

/// Longest piece of a stranger's name that goes into an error's text, in characters.
const NAME_QUOTED_CHARS: usize = 64;

/// Decodes a query or a form.
///
/// # Errors
/// A name comes twice.
pub fn decode(form: &str) -> Result<Params, Repeated> {
    let mut params = Params::new();
    for (name, value) in form_urlencoded::parse(form.as_bytes()) {
        if params.insert(name.to_string(), value.into_owned()).is_some() {
            return Err(Repeated(name.chars().take(NAME_QUOTED_CHARS).collect()));
        }
    }
    Ok(params)
}

/// Encodes parameters as a query or a form.
pub fn encode(params: &Params) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}

/// The text that a request's signature covers: everything but `sign`, empty values dropped,
/// values not encoded.
pub fn request_text(params: &Params) -> String {
    signed_text(params, &["sign"])
}

/// The text that a payment notify's signature covers: as a request's, and without `sign_type`.
pub fn notify_text(params: &Params) -> String {
    signed_text(params, &["sign", "sign_type"])
}

fn signed_text(params: &Params, without: &[&str]) -> String {
    let signed = params.iter().filter(|(name, value)| {
        !name.is_empty() && !value.is_empty() && !without.contains(&name.as_str())
    });
    signed.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Adds `sign` to a request's parameters.
pub fn sign_request(params: &mut Params, key: &SigningKey) {
    let signature = key.sign(&request_text(params));
    params.insert("sign".to_owned(), signature);
}

/// Adds `sign` and `sign_type` to a notify's parameters, as Alipay does.
pub fn sign_notify(params: &mut Params, key: &SigningKey) {
    let signature = key.sign(&notify_text(params));
    params.insert("sign_type".to_owned(), SIGN_TYPE.to_owned());
    params.insert("sign".to_owned(), signature);
}

/// Whether a notify is signed by one of `keys`. `sign_type` is outside the signature, so it is checked.
pub fn notify_is_signed(params: &Params, keys: &[VerifyingKey]) -> bool {
    let text = notify_text(params);
    keys.iter().any(|key| is_signed(params, key, &text))
}

/// Whether a request is signed by `key`.
pub fn request_is_signed(params: &Params, key: &VerifyingKey) -> bool {
    is_signed(params, key, &request_text(params))
}

fn is_signed(params: &Params, key: &VerifyingKey, text: &str) -> bool {
    params.get("sign_type").is_some_and(|kind| kind == SIGN_TYPE)
        && params.get("sign").is_some_and(|signature| key.verify(text, signature))
}

/// The only kind of signature we make or accept.
pub const SIGN_TYPE: &str = "RSA2";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payments::alipay::testing;

    fn params(pairs: &[(&str, &str)]) -> Params {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_signed_text_is_sorted_raw_and_without_empties() {
        let params = params(&[
            ("version", "1.0"),
            ("biz_content", "{\"subject\":\"充电 a+b\"}"),
            ("sign_type", "RSA2"),
            ("sign", "old"),
            ("app_id", "2021"),
            ("notify_url", ""),
        ]);
        assert_eq!(
            request_text(&params),
            "app_id=2021&biz_content={\"subject\":\"充电 a+b\"}&sign_type=RSA2&version=1.0"
        );
        assert_eq!(
            notify_text(&params),
            "app_id=2021&biz_content={\"subject\":\"充电 a+b\"}&version=1.0"
        );
    }

    #[test]
    fn a_signature_made_by_openssl_is_accepted() {
        let key = VerifyingKey::parse(testing::OPENSSL_PUBLIC_PEM).unwrap();
        assert!(key.verify("a=1&b=充电", testing::OPENSSL_SIGNATURE));
        assert!(!key.verify("a=2&b=充电", testing::OPENSSL_SIGNATURE));
        assert!(!key.verify("a=1&b=充电", "not base64"));
        // PKCS#1 v1.5 is deterministic: our signature is OpenSSL's, byte for byte.
        for pem in [testing::OPENSSL_PKCS8_PEM, testing::OPENSSL_PKCS1_PEM] {
            let ours = SigningKey::parse(pem).unwrap();
            assert_eq!(ours.sign("a=1&b=充电"), testing::OPENSSL_SIGNATURE);
            let bare: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            assert_eq!(
                SigningKey::parse(&bare).unwrap().sign("a=1&b=充电"),
                ours.sign("a=1&b=充电")
            );
            assert_eq!(ours.public().unwrap().to_base64(), key.to_base64());
            assert_eq!(format!("{ours:?}"), "SigningKey(redacted)");
        }
    }

    #[test]
    fn forms_go_both_ways_and_repeats_are_refused() {
        let params = params(&[("a", "1 + 1 = 2 & 充"), ("b", "%")]);
        assert_eq!(decode(&encode(&params)), Ok(params));
        assert_eq!(decode("a=1&b=2&a=1"), Err(Repeated("a".to_owned())));
        assert_eq!(decode("a=1&%61=2"), Err(Repeated("a".to_owned())));
        let long = format!("{0}=1&{0}=2", "%0A".repeat(9_000));
        let words = decode(&long).unwrap_err().to_string();
        assert!(words.len() < 200 && !words.contains('\n'), "{words}");
    }
}
