//! Keys and a configuration for tests. The files in `testdata` were made by OpenSSL and guard nothing.

use std::time::Duration;

use super::certificates::Certificates;
use super::config::{AlipayConfig, HoldTerms};
use super::keys::SigningKey;
use crate::clock::Clock;

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
        next_public_key: None,
        certificates: None,
        hold: HoldTerms::default(),
        notify_url: "http://127.0.0.1:1/notify/alipay".to_owned(),
        timeout: Duration::from_secs(5),
    }
}

/// Our certificate, Alipay's, the one that follows it, one of another merchant and a forged one:
/// each with its intermediate, good from 2020 to 2120.
pub(crate) const APP_PEM: &str = include_str!("testdata/app-cert.pem");
pub(crate) const ALIPAY_PEM: &str = include_str!("testdata/alipay-cert.pem");
pub(crate) const ALIPAY_NEXT_PEM: &str = include_str!("testdata/alipay-next-cert.pem");
pub(crate) const OTHER_PEM: &str = include_str!("testdata/other-cert.pem");
pub(crate) const FORGED_PEM: &str = include_str!("testdata/forged-cert.pem");
/// One root with an elliptic key, which does not count, and one with an RSA key.
pub(crate) const ROOTS_PEM: &str = include_str!("testdata/root-certs.pem");
/// Their numbers.
pub(crate) const APP_SN: &str = "f0f78c1c951a1b6d5784f4129986d059";
pub(crate) const ALIPAY_SN: &str = "1db30da0d111a3e28bc1ced1704cdb3c";
pub(crate) const ROOT_SN: &str = "4fabd834bf9661560c1e4a087c563285";

/// The key that follows Alipay's.
pub(crate) fn next_key() -> SigningKey {
    SigningKey::parse(include_str!("testdata/alipay-next.pem")).unwrap()
}

/// What an app in certificate mode holds.
pub(crate) fn certificates() -> Certificates {
    let now_ms = Clock::System.now_ms();
    Certificates::new(APP_PEM, ROOTS_PEM, ALIPAY_PEM, now_ms).unwrap()
}
