//! Keys and a configuration for tests. The files in `testdata` were made by OpenSSL and guard nothing.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

use super::config::{PayScore, WechatConfig};
use super::seal::SealKey;
use super::sign;
use crate::payments::keys::SigningKey;

/// The public key's id.
pub(crate) const KEY_ID: &str = "PUB_KEY_ID_0119000000000001";
/// The `APIv3` key.
pub(crate) const SEAL_KEY: &str = "0123456789abcdef0123456789ABCDEF";

/// The platform's key.
pub(crate) fn key() -> SigningKey {
    SigningKey::parse(include_str!("testdata/platform.pem")).unwrap()
}

/// The platform's next key.
pub(crate) fn second_key() -> SigningKey {
    SigningKey::parse(include_str!("testdata/second.pem")).unwrap()
}

/// The certificates of both keys.
pub(crate) const CERTIFICATES: [&str; 2] =
    [include_str!("testdata/platform.crt"), include_str!("testdata/second.crt")];

/// A merchant whose platform nobody answers for.
pub(crate) fn config() -> WechatConfig {
    let url = "http://127.0.0.1:1".to_owned();
    WechatConfig {
        base_url: url.clone(),
        api_url: url.clone(),
        authorize_url: format!("{url}/authorize"),
        mchid: "1900000001".to_owned(),
        appid: "wx0000000000000001".to_owned(),
        app_secret: Some("the-secret".to_owned()),
        mini_program: Some(("wx0000000000000002".to_owned(), "the-other".to_owned())),
        serial_no: "5157F09EFDC096DE15EBE81A47057A7232F1B8E1".to_owned(),
        private_key: SigningKey::parse(include_str!("testdata/merchant.pem")).unwrap(),
        seal_key: SealKey::new(SEAL_KEY.as_bytes()).unwrap(),
        public_key: Some((KEY_ID.to_owned(), key().public().unwrap())),
        certificates: false,
        pay_score: Some(PayScore {
            service_id: "00004000000000000000000000000001".to_owned(),
            api_v2_key: "the-api-v2-key".to_owned(),
        }),
        profit_sharing: false,
        notify_url: "http://127.0.0.1:1/notify/wechat".to_owned(),
        timeout: Duration::from_secs(5),
    }
}

/// Signs a body as the platform does.
pub(crate) fn signed(body: &[u8], at_ms: i64, key: &SigningKey, serial: &str) -> HeaderMap {
    let (timestamp, nonce) = ((at_ms / 1_000).to_string(), "nonce-of-the-platform");
    let text = sign::answer_text(&timestamp, nonce, body);
    let signature = key.sign(str::from_utf8(&text).unwrap());
    let pairs = [
        ("wechatpay-timestamp", timestamp.as_str()),
        ("wechatpay-nonce", nonce),
        ("wechatpay-signature", &signature),
        ("wechatpay-serial", serial),
        ("wechatpay-signature-type", sign::SIGN_TYPE),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect()
}
