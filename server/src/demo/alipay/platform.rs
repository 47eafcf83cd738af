//! The platform itself: its keys, its book, its faults.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, redirect};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex as AsyncMutex;

use super::faults::Faults;
use super::gateway::Failure;
use super::rules::{Refusal, success, text};
use super::{bill, cashier, gateway};
use crate::clock::Clock;
use crate::payments::alipay::certificates;
use crate::payments::alipay::sign::Params;
use crate::payments::alipay::{
    AlipayConfig, CALL_TIMEOUT, CertificateError, HoldTerms, KeyError, NOTIFY_PATH, SigningKey,
    VerifyingKey,
};
use crate::random;
use crate::store::{Store, StoreError};

/// The demo merchant's app.
pub(super) const APP_ID: &str = "9021000000000001";
/// The demo merchant's user id.
pub(super) const SELLER_ID: &str = "2088000000000001";

/// The business category the demo merchant has holds for.
const HOLD_CATEGORY: &str = "CHARGE_PILE_CAR";

const KEYS_DOCUMENT: &str = "alipay/keys";

/// Taking a notify takes no longer.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(10);

/// A simulated Alipay. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) public_url: String,
    pub(super) loopback_url: String,
    /// The platform's own key.
    pub(super) key: SigningKey,
    /// A key that nobody trusts.
    pub(super) strange_key: SigningKey,
    pub(super) merchant: VerifyingKey,
    pub(super) http: Client,
    /// One change of a trade at a time.
    pub(super) changing: AsyncMutex<()>,
    /// How many notifies were made that may be reordered.
    pub(super) notifies: AtomicU64,
    faults: Mutex<Faults>,
    /// Certificate mode, if it is that.
    certified: Mutex<Option<Certified>>,
    /// How often a certificate was asked for.
    downloads: AtomicU64,
}

/// A certificate of the platform and the key it is for.
pub struct Issued {
    /// PEM, with its intermediates.
    pub pem: String,
    /// The key.
    pub key: SigningKey,
}

/// Certificate mode.
struct Certified {
    app_sn: String,
    root_sn: String,
    sn: String,
    issued: Issued,
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
    /// The stored document cannot be read.
    #[error("stored keys: {0}")]
    Document(#[from] serde_json::Error),
    /// No HTTP client.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

/// The key pairs as stored: PKCS#8 in base64. They guard play money only.
#[derive(Serialize, Deserialize)]
struct Keys {
    merchant: String,
    platform: String,
    stranger: String,
}

impl Platform {
    /// Opens the platform, with the keys and trades it had, and the configuration with which the
    /// adapter reaches it. `public_url` is where riders' browsers reach this server,
    /// `loopback_url` where it reaches itself; both without a trailing slash. Call
    /// [`Self::resume`] once the server listens.
    ///
    /// # Errors
    /// The database does not answer or what it has cannot be read.
    pub async fn open(
        store: Store,
        clock: Clock,
        public_url: &str,
        loopback_url: &str,
    ) -> Result<(Self, AlipayConfig), OpenError> {
        let keys = Keys::load(&store, clock.now_ms()).await?;
        let merchant_key = SigningKey::parse(&keys.merchant)?;
        let key = SigningKey::parse(&keys.platform)?;
        let config = AlipayConfig {
            gateway_url: format!("{loopback_url}{}", gateway::PATH),
            page_url: format!("{public_url}{}", gateway::PATH),
            authorize_url: format!("{public_url}{}", cashier::AUTHORIZE_PATH),
            app_id: APP_ID.to_owned(),
            seller_id: SELLER_ID.to_owned(),
            alipay_public_key: key.public()?,
            next_public_key: None,
            certificates: None,
            hold: HoldTerms { category: Some(HOLD_CATEGORY.to_owned()), service_id: None },
            private_key: merchant_key.clone(),
            notify_url: format!("{loopback_url}{NOTIFY_PATH}"),
            timeout: CALL_TIMEOUT,
        };
        let http = Client::builder()
            .timeout(NOTIFY_TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()?;
        let inner = Inner {
            store,
            clock,
            public_url: public_url.to_owned(),
            loopback_url: loopback_url.to_owned(),
            key,
            strange_key: SigningKey::parse(&keys.stranger)?,
            merchant: merchant_key.public()?,
            http,
            changing: AsyncMutex::new(()),
            notifies: AtomicU64::new(0),
            faults: Mutex::new(Faults::default()),
            certified: Mutex::new(None),
            downloads: AtomicU64::new(0),
        };
        Ok((Self { inner: Arc::new(inner) }, config))
    }

    /// Gateway and cashier, to be merged into the server's routes: all under `/demo/alipay/`.
    pub fn router(&self) -> Router {
        gateway::router(self.clone())
            .merge(cashier::router(self.clone()))
            .merge(bill::router(self.clone()))
    }

    /// Changes what goes wrong.
    pub fn set_faults(&self, faults: Faults) {
        *self.lock_faults() = faults;
    }

    pub(super) fn faults(&self) -> Faults {
        self.lock_faults().clone()
    }

    fn lock_faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.inner.faults)
    }

    /// The platform's clock, which may be off.
    pub(super) fn now_ms(&self) -> i64 {
        self.inner.clock.now_ms() + self.faults().skew_ms
    }

    /// Changes to certificate mode: from now on the merchant must name its certificate `app` and
    /// the `roots` (PEM), and answers are signed with `issued`. Called again, the platform has
    /// renewed its certificate.
    ///
    /// # Errors
    /// A certificate cannot be read.
    pub fn certify(&self, app: &str, roots: &str, issued: Issued) -> Result<(), CertificateError> {
        *lock(&self.inner.certified) = Some(Certified {
            app_sn: certificates::number_of(app)?,
            root_sn: certificates::root_number(roots)?,
            sn: certificates::number_of(&issued.pem)?,
            issued,
        });
        Ok(())
    }

    /// How often a certificate was asked for.
    pub fn certificate_downloads(&self) -> u64 {
        self.inner.downloads.load(Ordering::Relaxed)
    }

    /// What signs now, and the number of its certificate.
    pub(super) fn signing(&self) -> (SigningKey, Option<String>) {
        match &*lock(&self.inner.certified) {
            Some(certified) => (certified.issued.key.clone(), Some(certified.sn.clone())),
            None => (self.inner.key.clone(), None),
        }
    }

    /// Whether a request names what it must in certificate mode.
    pub(super) fn names_certificates(&self, params: &Params) -> bool {
        let certified = lock(&self.inner.certified);
        let Some(certified) = &*certified else { return true };
        params.get("app_cert_sn") == Some(&certified.app_sn)
            && params.get("alipay_root_cert_sn") == Some(&certified.root_sn)
    }

    /// `alipay.open.app.alipaycert.download`
    pub(super) fn give_certificate(&self, wanted: &Value) -> Result<Value, Failure> {
        self.inner.downloads.fetch_add(1, Ordering::Relaxed);
        let certified = lock(&self.inner.certified);
        let asked = text(wanted, "alipay_cert_sn");
        let known = certified.as_ref().filter(|certified| certified.sn == asked);
        let known = known.ok_or(Refusal::business("isv.cert-not-exist"))?;
        Ok(success(json!({ "alipay_cert_content": STANDARD.encode(&known.issued.pem) })))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Keys {
    /// Reads the keys, or makes and stores them the first time.
    async fn load(store: &Store, now_ms: i64) -> Result<Self, OpenError> {
        if let Some(stored) = store.demo_document(KEYS_DOCUMENT).await? {
            return Ok(serde_json::from_str(&stored)?);
        }
        let make = || SigningKey::generate()?.to_pkcs8_base64();
        let keys = Self { merchant: make()?, platform: make()?, stranger: make()? };
        store.put_demo_document(KEYS_DOCUMENT, &serde_json::to_string(&keys)?, now_ms).await?;
        Ok(keys)
    }
}

/// `N` random digits.
pub(super) fn digits<const N: usize>() -> String {
    random::bytes::<N>().iter().map(|byte| char::from(b'0' + byte % 10)).collect()
}
