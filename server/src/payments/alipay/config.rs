//! What the adapter must know of the merchant's app at Alipay.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::certificates::{CertificateError, Certificates};
use super::keys::{KeyError, SigningKey, VerifyingKey};

/// Where Alipay's gateway answers in production.
pub const PRODUCTION_GATEWAY: &str = "https://openapi.alipay.com/gateway.do";

/// Where a rider's browser logs in at production's Alipay.
pub const PRODUCTION_AUTHORIZE: &str = "https://openauth.alipay.com/oauth2/publicAppAuthorize.htm";

/// A call that has no answer by then is *unknown*.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// As written in the configuration file or the environment.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlipaySettings {
    /// The gateway's address; production's if left out.
    #[serde(default = "production_gateway")]
    pub gateway_url: String,
    /// Where a rider's browser logs in; production's if left out.
    #[serde(default = "production_authorize")]
    pub authorize_url: String,
    /// The app's id.
    pub app_id: String,
    /// The merchant's user id (2088…), which every notify must name.
    pub seller_id: String,
    /// Our private key: PKCS#8 or PKCS#1, PEM or bare base64.
    pub private_key: String,
    /// How Alipay's signatures are verified.
    pub trust: TrustSettings,
    /// What holds are opened with.
    #[serde(default)]
    pub hold: HoldTerms,
}

/// By what Alipay's signatures are verified.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum TrustSettings {
    /// By a bare key.
    PublicKey {
        /// Alipay's public key for this app: PEM or bare base64.
        current: String,
        /// The one that follows it, while Alipay changes keys: both count.
        next: Option<String>,
    },
    /// By certificates, all PEM.
    Certificates {
        /// Our own (`appCertPublicKey_….crt`).
        app: String,
        /// The roots (`alipayRootCert.crt`).
        roots: String,
        /// Alipay's (`alipayCertPublicKey_RSA2.crt`), with its intermediates.
        alipay: String,
    },
}

/// What Alipay agreed with the merchant for holds; without a category riders are offered none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HoldTerms {
    /// The business category (`category`), by which Alipay decides who need not deposit.
    pub category: Option<String>,
    /// The credit service's id (`serviceId`).
    pub service_id: Option<String>,
}

/// Why the settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate cannot be read or is not trusted.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

fn production_gateway() -> String {
    PRODUCTION_GATEWAY.to_owned()
}

fn production_authorize() -> String {
    PRODUCTION_AUTHORIZE.to_owned()
}

impl fmt::Debug for AlipaySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlipaySettings")
            .field("gateway_url", &self.gateway_url)
            .field("authorize_url", &self.authorize_url)
            .field("app_id", &self.app_id)
            .field("seller_id", &self.seller_id)
            .finish_non_exhaustive()
    }
}

/// The merchant's app at Alipay, keys read. Shows no key when printed.
#[derive(Clone, Debug)]
pub struct AlipayConfig {
    /// Where the server calls the gateway.
    pub gateway_url: String,
    /// Where a rider's browser is sent; Alipay has one address for both, the demo has two because
    /// a phone does not reach the server's loopback.
    pub page_url: String,
    /// Where a rider's browser is sent to log in.
    pub authorize_url: String,
    /// The app's id.
    pub app_id: String,
    /// The merchant's user id.
    pub seller_id: String,
    /// Our private key.
    pub private_key: SigningKey,
    /// Alipay's public key; in certificate mode the one it began with.
    pub alipay_public_key: VerifyingKey,
    /// The key that follows it, while Alipay changes keys.
    pub next_public_key: Option<VerifyingKey>,
    /// Certificate mode: these decide, and not the keys above.
    pub certificates: Option<Arc<Certificates>>,
    /// What holds are opened with.
    pub hold: HoldTerms,
    /// Where Alipay reports payments: an absolute address.
    pub notify_url: String,
    /// How long a call may take.
    pub timeout: Duration,
}

impl AlipayConfig {
    /// Reads the keys. `public_url` is how the outside reaches us, without a trailing slash.
    /// Certificates must be valid at `now_ms`, milliseconds UTC.
    ///
    /// # Errors
    /// A key or a certificate cannot be read.
    pub fn new(
        settings: &AlipaySettings,
        public_url: &str,
        now_ms: i64,
    ) -> Result<Self, ConfigError> {
        let (alipay_public_key, next_public_key, certificates) = settings.trust.read(now_ms)?;
        Ok(Self {
            gateway_url: settings.gateway_url.clone(),
            page_url: settings.gateway_url.clone(),
            authorize_url: settings.authorize_url.clone(),
            app_id: settings.app_id.clone(),
            seller_id: settings.seller_id.clone(),
            private_key: SigningKey::parse(&settings.private_key)?,
            alipay_public_key,
            next_public_key,
            certificates,
            hold: settings.hold.clone(),
            notify_url: format!("{public_url}{}", super::NOTIFY_PATH),
            timeout: CALL_TIMEOUT,
        })
    }

    /// The keys by which a notify may be signed. Its own `alipay_cert_sn`, if it has one, is not
    /// asked: a certificate that is not known yet is learnt from the next answer, and Alipay tells
    /// again.
    pub(super) fn keys(&self) -> Vec<VerifyingKey> {
        if let Some(certificates) = &self.certificates {
            return certificates.keys();
        }
        let current = [self.alipay_public_key.clone()];
        current.into_iter().chain(self.next_public_key.clone()).collect()
    }
}

/// Alipay's key, the one that follows, and the certificates.
type Trust = (VerifyingKey, Option<VerifyingKey>, Option<Arc<Certificates>>);

impl TrustSettings {
    fn read(&self, now_ms: i64) -> Result<Trust, ConfigError> {
        match self {
            Self::PublicKey { current, next } => {
                let next = next.as_deref().map(VerifyingKey::parse).transpose()?;
                Ok((VerifyingKey::parse(current)?, next, None))
            }
            Self::Certificates { app, roots, alipay } => {
                let certificates = Certificates::new(app, roots, alipay, now_ms)?;
                let key = certificates.keys().pop().ok_or(CertificateError::Unreadable)?;
                Ok((key, None, Some(Arc::new(certificates))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payments::alipay::testing;

    fn settings(trust: TrustSettings) -> AlipaySettings {
        AlipaySettings {
            gateway_url: production_gateway(),
            authorize_url: production_authorize(),
            app_id: "1".to_owned(),
            seller_id: "2".to_owned(),
            private_key: testing::OPENSSL_PKCS8_PEM.to_owned(),
            trust,
            hold: HoldTerms::default(),
        }
    }

    fn certificates(app: &str, alipay: &str) -> TrustSettings {
        TrustSettings::Certificates {
            app: app.to_owned(),
            roots: testing::ROOTS_PEM.to_owned(),
            alipay: alipay.to_owned(),
        }
    }

    #[test]
    fn keys_and_certificates_are_read_and_never_shown() {
        let current = testing::OPENSSL_PUBLIC_PEM.to_owned();
        let next = Some(testing::key().public().unwrap().to_base64());
        let keys = TrustSettings::PublicKey { current, next };
        let certified = certificates(testing::APP_PEM, testing::ALIPAY_PEM);
        for (trust, keys) in [(keys, 2), (certified, 1)] {
            let settings = settings(trust);
            let config = AlipayConfig::new(&settings, "https://charge.example", 1_800_000_000_000);
            let config = config.unwrap();
            assert_eq!(config.keys().len(), keys);
            assert_eq!(config.notify_url, "https://charge.example/notify/alipay");
            let shown = format!("{settings:?} {config:?}");
            let secret = testing::OPENSSL_PKCS8_PEM.lines().nth(3).unwrap();
            assert!(!shown.contains(secret) && !shown.contains("BEGIN"), "{shown}");
        }
    }

    #[test]
    fn what_cannot_be_trusted_is_refused_at_the_start() {
        let read = |app: &str, alipay: &str, now_ms| {
            AlipayConfig::new(&settings(certificates(app, alipay)), "https://a.example", now_ms)
                .map(|_| ())
        };
        let now_ms = 1_800_000_000_000;
        assert_eq!(read(testing::APP_PEM, testing::ALIPAY_PEM, now_ms), Ok(()));
        for (app, alipay, now_ms) in [
            (testing::APP_PEM, testing::FORGED_PEM, now_ms),
            (testing::APP_PEM, testing::OPENSSL_PUBLIC_PEM, now_ms),
            ("", testing::ALIPAY_PEM, now_ms),
            (testing::APP_PEM, testing::ALIPAY_PEM, 0),
        ] {
            assert!(matches!(read(app, alipay, now_ms), Err(ConfigError::Certificate(_))));
        }
    }
}
