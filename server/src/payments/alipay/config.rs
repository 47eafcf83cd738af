//! What the adapter must know of the merchant's app at Alipay.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

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
    /// Alipay's public key for this app: PEM or bare base64.
    pub alipay_public_key: String,
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
    /// Alipay's public key.
    pub alipay_public_key: VerifyingKey,
    /// Where Alipay reports payments: an absolute address.
    pub notify_url: String,
    /// How long a call may take.
    pub timeout: Duration,
}

impl AlipayConfig {
    /// Reads the keys. `public_url` is how the outside reaches us, without a trailing slash.
    ///
    /// # Errors
    /// A key cannot be read.
    pub fn new(settings: &AlipaySettings, public_url: &str) -> Result<Self, KeyError> {
        Ok(Self {
            gateway_url: settings.gateway_url.clone(),
            page_url: settings.gateway_url.clone(),
            authorize_url: settings.authorize_url.clone(),
            app_id: settings.app_id.clone(),
            seller_id: settings.seller_id.clone(),
            private_key: SigningKey::parse(&settings.private_key)?,
            alipay_public_key: VerifyingKey::parse(&settings.alipay_public_key)?,
            notify_url: format!("{public_url}{}", super::NOTIFY_PATH),
            timeout: CALL_TIMEOUT,
        })
    }
}
