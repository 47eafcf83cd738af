//! What the adapter must know of the merchant at `WeChat` Pay.

use std::fmt;
use std::time::Duration;

use super::seal::SealKey;
use crate::payments::keys::{KeyError, SigningKey, VerifyingKey};

/// Where `WeChat` Pay answers in production.
const PRODUCTION_BASE: &str = "https://api.mch.weixin.qq.com";
/// Where login codes are exchanged in production.
const PRODUCTION_API: &str = "https://api.weixin.qq.com";
/// Where a rider's browser inside `WeChat` logs in, in production.
const PRODUCTION_AUTHORIZE: &str = "https://open.weixin.qq.com/connect/oauth2/authorize";

/// A call that has no answer by then is *unknown*.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a configuration cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A key cannot be read.
    #[error("{0}: {1}")]
    Key(&'static str, KeyError),
    /// The `APIv3` key has another length.
    #[error("the APIv3 key must have 32 bytes")]
    SealKey,
    /// Neither a public key nor certificates: no answer could be believed.
    #[error("neither WeChat Pay's public key nor platform certificates are set up")]
    NoPlatformKey,
}

/// The merchant as people configure it. Keys are texts.
#[derive(Clone, Default)]
pub struct WechatSettings {
    /// `WeChat` Pay's address, without a trailing slash; none = production's.
    pub base_url: Option<String>,
    /// Where login codes are exchanged; none = production's.
    pub api_url: Option<String>,
    /// Where a rider's browser inside `WeChat` logs in; none = production's.
    pub authorize_url: Option<String>,
    /// The merchant's number.
    pub mchid: String,
    /// The official account or mini-program that payments belong to.
    pub appid: String,
    /// Its secret, for logins; none = nobody logs in with `WeChat`.
    pub app_secret: Option<String>,
    /// The mini-program's own id and secret, if the shell is another app than `appid`.
    pub mini_program: Option<(String, String)>,
    /// The serial number of the merchant's API certificate, hexadecimal.
    pub serial_no: String,
    /// The private key of that certificate: PKCS#8 or PKCS#1, PEM or bare base64.
    pub private_key: String,
    /// The `APIv3` key, 32 bytes.
    pub api_v3_key: String,
    /// How `WeChat` Pay's signatures are verified.
    pub platform: PlatformKeySettings,
    /// Pay score, if the merchant has it.
    pub pay_score: Option<PayScoreSettings>,
    /// Whether payments are kept back for profit sharing until they are split or released.
    pub profit_sharing: bool,
}

/// How `WeChat` Pay's signatures are verified. While a merchant moves from certificates to the
/// public key both are seen, so both can be set.
#[derive(Clone, Default)]
pub struct PlatformKeySettings {
    /// `WeChat` Pay's public key: its id (`PUB_KEY_ID_…`), and the key as PEM or bare base64.
    pub public_key: Option<(String, String)>,
    /// Whether platform certificates are fetched when one is needed.
    pub certificates: bool,
}

/// Pay score as people configure it.
#[derive(Clone)]
pub struct PayScoreSettings {
    /// The service's id.
    pub service_id: String,
    /// The `APIv2` key, which signs what the rider's `WeChat` opens.
    pub api_v2_key: String,
}

/// The merchant at `WeChat` Pay, keys read. Shows no key when printed.
#[derive(Clone)]
pub struct WechatConfig {
    /// `WeChat` Pay's address, without a trailing slash.
    pub base_url: String,
    /// Where login codes are exchanged.
    pub api_url: String,
    /// Where a rider's browser logs in.
    pub authorize_url: String,
    /// The merchant's number.
    pub mchid: String,
    /// The official account or mini-program that payments belong to.
    pub appid: String,
    /// Its secret, for logins.
    pub app_secret: Option<String>,
    /// The mini-program's own id and secret, if the shell is another app.
    pub mini_program: Option<(String, String)>,
    /// The serial number of the merchant's API certificate.
    pub serial_no: String,
    /// Our private key.
    pub private_key: SigningKey,
    /// What callbacks and certificates are sealed with.
    pub seal_key: SealKey,
    /// `WeChat` Pay's public key and its id.
    pub public_key: Option<(String, VerifyingKey)>,
    /// Whether platform certificates are fetched when one is needed.
    pub certificates: bool,
    /// Pay score, if the merchant has it.
    pub pay_score: Option<PayScore>,
    /// Whether payments are kept back for profit sharing.
    pub profit_sharing: bool,
    /// Where `WeChat` Pay reports: an absolute address without a query.
    pub notify_url: String,
    /// How long a call may take.
    pub timeout: Duration,
}

/// Pay score.
#[derive(Clone)]
pub struct PayScore {
    /// The service's id.
    pub service_id: String,
    /// The `APIv2` key.
    pub api_v2_key: String,
}

impl WechatConfig {
    /// Reads the keys. `public_url` is how the outside reaches us, without a trailing slash.
    ///
    /// # Errors
    /// Says which key cannot be used.
    pub fn new(settings: &WechatSettings, public_url: &str) -> Result<Self, ConfigError> {
        let url = |given: &Option<String>, production: &str| {
            given.as_deref().unwrap_or(production).trim_end_matches('/').to_owned()
        };
        let platform = &settings.platform;
        if platform.public_key.is_none() && !platform.certificates {
            return Err(ConfigError::NoPlatformKey);
        }
        let public_key = platform.public_key.as_ref().map(|(id, key)| {
            let key = VerifyingKey::parse(key);
            let key = key.map_err(|error| ConfigError::Key("WeChat Pay's public key", error))?;
            Ok((id.clone(), key))
        });
        let private_key = SigningKey::parse(&settings.private_key)
            .map_err(|error| ConfigError::Key("the merchant's private key", error))?;
        let pay_score = settings.pay_score.as_ref().map(|score| PayScore {
            service_id: score.service_id.clone(),
            api_v2_key: score.api_v2_key.trim().to_owned(),
        });
        Ok(Self {
            base_url: url(&settings.base_url, PRODUCTION_BASE),
            api_url: url(&settings.api_url, PRODUCTION_API),
            authorize_url: url(&settings.authorize_url, PRODUCTION_AUTHORIZE),
            mchid: settings.mchid.clone(),
            appid: settings.appid.clone(),
            app_secret: settings.app_secret.as_deref().map(|secret| secret.trim().to_owned()),
            mini_program: settings.mini_program.clone(),
            serial_no: settings.serial_no.clone(),
            private_key,
            seal_key: SealKey::new(settings.api_v3_key.trim().as_bytes())
                .ok_or(ConfigError::SealKey)?,
            public_key: public_key.transpose()?,
            certificates: platform.certificates,
            pay_score,
            profit_sharing: settings.profit_sharing,
            notify_url: format!("{public_url}{}", super::NOTIFY_PATH),
            timeout: CALL_TIMEOUT,
        })
    }
}

impl WechatConfig {
    /// Whether an app is ours.
    pub(super) fn is_ours(&self, appid: &str) -> bool {
        appid == self.appid || self.mini_program.as_ref().is_some_and(|(mini, _)| mini == appid)
    }

    /// How orders know a rider: an `openid` means something within its app only, so that of the
    /// mini-program carries the app's id before a colon.
    pub(super) fn buyer(&self, appid: &str, openid: &str) -> String {
        if appid == self.appid { openid.to_owned() } else { format!("{appid}:{openid}") }
    }

    /// A rider's app and `openid`, of what [`Self::buyer`] made.
    pub(super) fn app_and_openid<'a>(&'a self, buyer: &'a str) -> (&'a str, &'a str) {
        buyer.split_once(':').unwrap_or((&self.appid, buyer))
    }
}

impl fmt::Debug for WechatSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WechatSettings")
            .field("mchid", &self.mchid)
            .field("appid", &self.appid)
            .field("serial_no", &self.serial_no)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WechatConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WechatConfig")
            .field("base_url", &self.base_url)
            .field("mchid", &self.mchid)
            .field("appid", &self.appid)
            .field("serial_no", &self.serial_no)
            .field("public_key_id", &self.public_key.as_ref().map(|(id, _)| id))
            .field("certificates", &self.certificates)
            .finish_non_exhaustive()
    }
}
