//! The platform itself: its keys, its book, its faults.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use reqwest::{Client, redirect};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex as AsyncMutex;

use super::faults::Faults;
use super::{cashier, gateway};
use crate::clock::Clock;
use crate::payments::alipay::{
    AlipayConfig, CALL_TIMEOUT, KeyError, NOTIFY_PATH, SigningKey, VerifyingKey,
};
use crate::random;
use crate::store::{Store, StoreError};

/// The demo merchant's app.
pub(super) const APP_ID: &str = "9021000000000001";
/// The demo merchant's user id.
pub(super) const SELLER_ID: &str = "2088000000000001";

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
            key,
            strange_key: SigningKey::parse(&keys.stranger)?,
            merchant: merchant_key.public()?,
            http,
            changing: AsyncMutex::new(()),
            notifies: AtomicU64::new(0),
            faults: Mutex::new(Faults::default()),
        };
        Ok((Self { inner: Arc::new(inner) }, config))
    }

    /// Gateway and cashier, to be merged into the server's routes: all under `/demo/alipay/`.
    pub fn router(&self) -> Router {
        gateway::router(self.clone()).merge(cashier::router(self.clone()))
    }

    /// Changes what goes wrong.
    pub fn set_faults(&self, faults: Faults) {
        *self.lock_faults() = faults;
    }

    pub(super) fn faults(&self) -> Faults {
        self.lock_faults().clone()
    }

    fn lock_faults(&self) -> MutexGuard<'_, Faults> {
        self.inner.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The platform's clock, which may be off.
    pub(super) fn now_ms(&self) -> i64 {
        self.inner.clock.now_ms() + self.faults().skew_ms
    }
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
