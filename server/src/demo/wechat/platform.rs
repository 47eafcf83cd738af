//! The platform itself: its keys and certificates, its faults, and what a merchant must know.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use reqwest::{Client, redirect};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex as AsyncMutex;

use super::faults::{Faults, SignedBy};
use super::keys::{Key, KeyError, new_serial};
use super::{cashier, gateway, login};
use crate::clock::Clock;
use crate::payments::wechat::{PayScoreSettings, PlatformKeySettings, WechatSettings};
use crate::random;
use crate::store::{Store, StoreError};

/// The demo merchant.
pub(super) const MCHID: &str = "1900000001";
/// Its official account and mini-program, one for both.
pub(super) const APPID: &str = "wx8888888888888888";
/// Its `PayScore` service.
pub(super) const SERVICE_ID: &str = "00002000000000000000000000000001";

const KEYS_DOCUMENT: &str = "keys";

/// A certificate is valid this long: five years.
const CERTIFICATE_MS: i64 = 5 * 365 * 24 * 60 * 60 * 1_000;

/// Taking a notify takes no longer.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(5);

/// A simulated `WeChat` Pay. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) public_url: String,
    pub(super) loopback_url: String,
    pub(super) merchant: Key,
    /// The `WeChat` Pay public key's other half.
    pub(super) key: Key,
    /// A key that nobody trusts.
    pub(super) stranger: Key,
    pub(super) keys: Keys,
    /// Platform certificates, the newest last.
    certificates: Mutex<Vec<Arc<Certificate>>>,
    pub(super) http: Client,
    /// One change at a time.
    pub(super) changing: AsyncMutex<()>,
    /// Nonces seen, and the second each was signed in.
    pub(super) nonces: Mutex<BTreeMap<String, i64>>,
    /// Probes that were refused, and that were taken.
    pub(super) probes: Mutex<(usize, usize)>,
    /// How many notifies were made.
    pub(super) notices: Mutex<u64>,
    faults: Mutex<Faults>,
}

/// What the adapter is configured with: plain values as the merchant's console shows them. All of
/// it guards play money only.
#[derive(Clone)]
pub struct WechatDemoConfig {
    /// In place of `https://api.mch.weixin.qq.com` and of `https://api.weixin.qq.com`; no trailing
    /// slash.
    pub api_url: String,
    /// In place of `https://open.weixin.qq.com/connect/oauth2/authorize`.
    pub authorize_url: String,
    /// Where the demo's stand-in for `getBrandWCPayRequest` goes, with the call's parameters and
    /// `return_url` as its query.
    pub bridge_url: String,
    /// Where the demo's stand-in for `openBusinessView` goes, with `queryString` as its query.
    pub business_view_url: String,
    /// The merchant.
    pub mchid: String,
    /// Its official account and mini-program.
    pub appid: String,
    /// The secret of `appid`.
    pub app_secret: String,
    /// Serial of the merchant's API certificate.
    pub merchant_serial: String,
    /// The merchant's private key, PKCS#8 in PEM.
    pub merchant_private_key_pem: String,
    /// `PUB_KEY_ID_…`.
    pub platform_public_key_id: String,
    /// The `WeChat` Pay public key, `SubjectPublicKeyInfo` in PEM.
    pub platform_public_key_pem: String,
    /// 32 characters: decrypts notifies and certificates.
    pub api_v3_key: String,
    /// 32 characters: signs the client's `PayScore` calls.
    pub api_v2_key: String,
    /// The `PayScore` service.
    pub service_id: String,
}

impl WechatDemoConfig {
    /// The same as our adapter is set up: it believes the public key and the certificates, as while
    /// a merchant moves from these to that, and keeps payments back for sharing.
    pub fn settings(&self) -> WechatSettings {
        WechatSettings {
            base_url: Some(self.api_url.clone()),
            api_url: Some(self.api_url.clone()),
            authorize_url: Some(self.authorize_url.clone()),
            mchid: self.mchid.clone(),
            appid: self.appid.clone(),
            app_secret: Some(self.app_secret.clone()),
            mini_program: None,
            serial_no: self.merchant_serial.clone(),
            private_key: self.merchant_private_key_pem.clone(),
            api_v3_key: self.api_v3_key.clone(),
            platform: PlatformKeySettings {
                public_key: Some((
                    self.platform_public_key_id.clone(),
                    self.platform_public_key_pem.clone(),
                )),
                certificates: true,
            },
            pay_score: Some(PayScoreSettings {
                service_id: self.service_id.clone(),
                api_v2_key: self.api_v2_key.clone(),
            }),
            profit_sharing: true,
        }
    }
}

/// Why the platform cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No HTTP client.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

/// All keys as stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Keys {
    merchant: String,
    platform: String,
    stranger: String,
    pub(super) merchant_serial: String,
    pub(super) public_key_id: String,
    pub(super) api_v3: String,
    pub(super) api_v2: String,
    pub(super) app_secret: String,
    certificates: Vec<StoredCertificate>,
}

#[derive(Clone, Serialize, Deserialize)]
struct StoredCertificate {
    key: String,
    serial: String,
    pem: String,
    from_ms: i64,
}

/// A platform certificate and its key.
pub(super) struct Certificate {
    pub(super) key: Key,
    pub(super) serial: String,
    pub(super) pem: String,
    pub(super) from_ms: i64,
    pub(super) until_ms: i64,
}

impl Platform {
    /// Opens the platform, with the keys and orders it had, and what a merchant must know of it.
    /// `public_url` is where riders' browsers reach this server, `loopback_url` where it reaches
    /// itself; both without a trailing slash. Call [`Self::resume`] once the server listens.
    ///
    /// # Errors
    /// The database does not answer or what it has cannot be read.
    pub async fn open(
        store: Store,
        clock: Clock,
        public_url: &str,
        loopback_url: &str,
    ) -> Result<(Self, WechatDemoConfig), OpenError> {
        let keys = Keys::load(&store, clock.now_ms()).await?;
        let certificates: Result<Vec<_>, KeyError> =
            keys.certificates.iter().map(|stored| stored.open().map(Arc::new)).collect();
        let inner = Inner {
            store,
            clock,
            public_url: public_url.to_owned(),
            loopback_url: loopback_url.to_owned(),
            merchant: Key::parse(&keys.merchant)?,
            key: Key::parse(&keys.platform)?,
            stranger: Key::parse(&keys.stranger)?,
            keys,
            certificates: Mutex::new(certificates?),
            http: Client::builder()
                .timeout(NOTIFY_TIMEOUT)
                .redirect(redirect::Policy::none())
                .no_proxy()
                .build()?,
            changing: AsyncMutex::new(()),
            nonces: Mutex::default(),
            probes: Mutex::default(),
            notices: Mutex::default(),
            faults: Mutex::new(Faults::default()),
        };
        let config = inner.config();
        Ok((Self { inner: Arc::new(inner) }, config))
    }

    /// API, logins and cashier, to be merged into the server's routes: `/v3/`, `/sns/`,
    /// `/connect/oauth2/authorize` and `/demo/wechat/`.
    pub fn router(&self) -> Router {
        gateway::router(self.clone())
            .merge(login::router(self.clone()))
            .merge(cashier::router(self.clone()))
    }

    /// Changes what goes wrong.
    pub fn set_faults(&self, faults: Faults) {
        *lock(&self.inner.faults) = faults;
    }

    pub(super) fn faults(&self) -> Faults {
        lock(&self.inner.faults).clone()
    }

    /// How many probes with a wrong signature were refused, and how many were taken.
    pub fn probes(&self) -> (usize, usize) {
        *lock(&self.inner.probes)
    }

    /// Makes a new platform certificate, with which everything is signed that a certificate signs.
    /// The ones before stay valid: this is the overlap.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn rotate(&self) -> Result<(), OpenError> {
        let _changing = self.inner.changing.lock().await;
        let new = StoredCertificate::new(self.inner.clock.now_ms())?;
        let opened = Arc::new(new.open()?);
        let keys = self.read::<Keys>(KEYS_DOCUMENT).await?;
        let mut keys = keys.unwrap_or_else(|| self.inner.keys.clone());
        keys.certificates.push(new);
        self.write(KEYS_DOCUMENT, &keys).await?;
        lock(&self.inner.certificates).push(opened);
        Ok(())
    }

    /// Platform certificates, the newest last.
    pub(super) fn certificates(&self) -> Vec<Arc<Certificate>> {
        lock(&self.inner.certificates).clone()
    }

    /// Signs `text` by the key that `asked` names (a public key's id or a certificate's serial),
    /// or else by the one that is set; serial and signature.
    pub(super) fn sign(&self, asked: &str, text: &[u8]) -> (String, String) {
        let keys = &self.inner.keys;
        let by_certificate = match asked {
            "" => self.faults().signed_by == SignedBy::Certificate,
            asked => asked != keys.public_key_id,
        };
        let newest = self.certificates().pop().filter(|_| by_certificate);
        newest.map_or_else(
            || (keys.public_key_id.clone(), self.inner.key.sign(text)),
            |certificate| (certificate.serial.clone(), certificate.key.sign(text)),
        )
    }

    /// Decrypts what was encrypted to the key that `serial` names.
    pub(super) fn decrypt(&self, serial: &str, ciphertext: &str) -> Option<String> {
        if serial == self.inner.keys.public_key_id {
            return self.inner.key.decrypt(ciphertext);
        }
        let known = self.certificates().into_iter().find(|known| known.serial == serial)?;
        known.key.decrypt(ciphertext)
    }

    /// The platform's clock, which may be off.
    pub(super) fn now_ms(&self) -> i64 {
        self.inner.clock.now_ms() + self.faults().skew_ms
    }
}

/// Locks; a holder that panicked left nothing half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    fn config(&self) -> WechatDemoConfig {
        let (public, keys) = (&self.public_url, &self.keys);
        WechatDemoConfig {
            api_url: self.loopback_url.clone(),
            authorize_url: format!("{public}{}", login::AUTHORIZE_PATH),
            bridge_url: format!("{public}{}", cashier::BRIDGE_PATH),
            business_view_url: format!("{public}{}", cashier::VIEW_PATH),
            mchid: MCHID.to_owned(),
            appid: APPID.to_owned(),
            app_secret: keys.app_secret.clone(),
            merchant_serial: keys.merchant_serial.clone(),
            merchant_private_key_pem: self.merchant.private_pem(),
            platform_public_key_id: keys.public_key_id.clone(),
            platform_public_key_pem: self.key.public_pem(),
            api_v3_key: keys.api_v3.clone(),
            api_v2_key: keys.api_v2.clone(),
            service_id: SERVICE_ID.to_owned(),
        }
    }
}

impl Keys {
    /// Reads the keys, or makes and stores them the first time.
    async fn load(store: &Store, now_ms: i64) -> Result<Self, OpenError> {
        let key = format!("wechat/{KEYS_DOCUMENT}");
        let unreadable = |error: serde_json::Error| StoreError::Unreadable(error.to_string());
        if let Some(stored) = store.demo_document(&key).await? {
            return Ok(serde_json::from_str(&stored).map_err(unreadable)?);
        }
        let keys = Self::new(now_ms)?;
        let body = serde_json::to_string(&keys).map_err(unreadable)?;
        store.put_demo_document(&key, &body, now_ms).await?;
        Ok(keys)
    }

    pub(super) fn new(now_ms: i64) -> Result<Self, KeyError> {
        Ok(Self {
            merchant: Key::generate()?,
            platform: Key::generate()?,
            stranger: Key::generate()?,
            merchant_serial: random::hex(&new_serial()).to_uppercase(),
            public_key_id: format!("PUB_KEY_ID_0{}", digits::<30>()),
            api_v3: random::base32::<32>(),
            api_v2: random::base32::<32>(),
            app_secret: random::hex(&random::bytes::<16>()),
            certificates: vec![StoredCertificate::new(now_ms)?],
        })
    }
}

impl StoredCertificate {
    fn new(now_ms: i64) -> Result<Self, KeyError> {
        let text = Key::generate()?;
        let serial = new_serial();
        let pem = Key::parse(&text)?.certificate(&serial, now_ms, now_ms + CERTIFICATE_MS);
        Ok(Self { key: text, serial: random::hex(&serial).to_uppercase(), pem, from_ms: now_ms })
    }

    fn open(&self) -> Result<Certificate, KeyError> {
        Ok(Certificate {
            key: Key::parse(&self.key)?,
            serial: self.serial.clone(),
            pem: self.pem.clone(),
            from_ms: self.from_ms,
            until_ms: self.from_ms + CERTIFICATE_MS,
        })
    }
}

/// `N` random digits.
pub(super) fn digits<const N: usize>() -> String {
    random::bytes::<N>().iter().map(|byte| char::from(b'0' + byte % 10)).collect()
}
