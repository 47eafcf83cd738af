//! Keys and a configuration for tests. The files in `testdata` were made by OpenSSL and guard nothing.

use std::time::Duration;

use super::config::AlipayConfig;
use super::keys::SigningKey;

pub(crate) const OPENSSL_PKCS8_PEM: &str = include_str!("testdata/pkcs8.pem");
pub(crate) const OPENSSL_PKCS1_PEM: &str = include_str!("testdata/pkcs1.pem");
pub(crate) const OPENSSL_PUBLIC_PEM: &str = include_str!("testdata/public.pem");
/// `printf 'a=1&b=充电' | openssl dgst -sha256 -sign pkcs8.pem | base64 -w0`
pub(crate) const OPENSSL_SIGNATURE: &str = include_str!("testdata/signature.b64");

/// Alipay's key.
pub(crate) fn key() -> SigningKey {
    SigningKey::parse(include_str!("testdata/alipay.pem")).unwrap()
}

/// A key that nobody trusts.
pub(crate) fn strange_key() -> SigningKey {
    SigningKey::parse(include_str!("testdata/stranger.pem")).unwrap()
}

/// A merchant whose gateway nobody answers at.
pub(crate) fn config() -> AlipayConfig {
    AlipayConfig {
        gateway_url: "http://127.0.0.1:1/gateway.do".to_owned(),
        page_url: "http://127.0.0.1:1/gateway.do".to_owned(),
        authorize_url: "http://127.0.0.1:1/authorize".to_owned(),
        app_id: "2021000000000001".to_owned(),
        seller_id: "2088000000000001".to_owned(),
        private_key: SigningKey::parse(OPENSSL_PKCS8_PEM).unwrap(),
        alipay_public_key: key().public().unwrap(),
        notify_url: "http://127.0.0.1:1/notify/alipay".to_owned(),
        timeout: Duration::from_secs(5),
    }
}
