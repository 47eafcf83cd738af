//! The keys that `WeChat` Pay signs with: its public key, pinned by us, or platform certificates,
//! fetched when one is needed that we do not have.
//!
//! Anybody may name a serial number that we do not know. Fetching is therefore one at a time and
//! not again within [`FETCH_GAP_MS`], however many ask.

use std::collections::BTreeMap;
use std::sync::RwLock;

use axum::http::HeaderMap;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::config::WechatConfig;
use super::seal::{SealKey, Sealed};
use super::sign::{Headers, SignatureError};
use crate::misread::without_value;
use crate::orders::Unsure;
use crate::payments::keys::VerifyingKey;
use crate::payments::time::from_rfc3339;

/// After a fetch no other follows before this, milliseconds.
pub(super) const FETCH_GAP_MS: i64 = 60_000;

/// Certificates that we keep at most; the platform has one, and two while it changes.
const CERTIFICATES_MAX: usize = 8;

/// `WeChat` Pay's keys by serial number or id.
#[derive(Debug)]
pub struct PlatformKeys {
    pinned: Option<(String, VerifyingKey)>,
    /// None when certificates are not used.
    fetched: Option<Fetched>,
}

#[derive(Debug, Default)]
struct Fetched {
    certificates: RwLock<BTreeMap<String, PlatformCertificate>>,
    /// When a fetch was last begun, milliseconds UTC; held while one runs.
    begun_ms: Mutex<Option<i64>>,
}

/// A platform certificate's key and its days.
#[derive(Clone, Debug)]
pub(super) struct PlatformCertificate {
    key: VerifyingKey,
    begins_ms: i64,
    ends_ms: i64,
}

/// The answer of `GET /v3/certificates`.
#[derive(Deserialize)]
struct Listed {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    serial_no: String,
    effective_time: String,
    expire_time: String,
    encrypt_certificate: Sealed,
}

impl PlatformKeys {
    /// As configured; certificates are fetched when the first is needed.
    pub(super) fn new(config: &WechatConfig) -> Self {
        Self {
            pinned: config.public_key.clone(),
            fetched: config.certificates.then(Fetched::default),
        }
    }

    /// The key of a serial number, if we have it and its days are not over.
    fn get(&self, serial: &str, now_ms: i64) -> Option<VerifyingKey> {
        if let Some((_, key)) = self.pinned.as_ref().filter(|(id, _)| id == serial) {
            return Some(key.clone());
        }
        let certificates = self.fetched.as_ref()?.certificates.read().ok()?;
        certificates.get(serial).filter(|one| now_ms < one.ends_ms).map(|one| one.key.clone())
    }

    /// The key that names are encrypted with, and its id: the pinned one, or else that of the
    /// newest certificate.
    pub(super) fn newest(&self, now_ms: i64) -> Option<(String, VerifyingKey)> {
        if self.pinned.is_some() {
            return self.pinned.clone();
        }
        let certificates = self.fetched.as_ref()?.certificates.read().ok()?;
        let valid = certificates.iter().filter(|(_, one)| now_ms < one.ends_ms);
        let newest = valid.max_by_key(|(_, one)| one.begins_ms)?;
        Some((newest.0.clone(), newest.1.key.clone()))
    }

    /// Verifies headers and body with the keys we have.
    ///
    /// # Errors
    /// Says why it is not believed; [`SignatureError::Serial`] may go away after a fetch.
    pub(super) fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now_ms: i64,
    ) -> Result<(), SignatureError> {
        let headers = Headers::read(headers, now_ms)?;
        let key = self.get(&headers.serial, now_ms).ok_or(SignatureError::Serial)?;
        if key.verify(headers.signed_text(body), &headers.signature) {
            return Ok(());
        }
        Err(headers.refusal())
    }

    /// Runs `fetch` for new certificates, unless certificates are not used or were fetched a moment
    /// ago. Whoever waited for another's fetch finds its certificates.
    pub(super) async fn renew<F>(&self, now_ms: i64, fetch: F) -> Result<(), Unsure>
    where
        F: AsyncFnOnce() -> Result<BTreeMap<String, PlatformCertificate>, Unsure>,
    {
        let Some(fetched) = &self.fetched else { return Ok(()) };
        let mut begun_ms = fetched.begun_ms.lock().await;
        if begun_ms.is_some_and(|begun_ms| now_ms < begun_ms + FETCH_GAP_MS) {
            return Ok(());
        }
        *begun_ms = Some(now_ms);
        let certificates = fetch().await?;
        tracing::info!(serials = ?certificates.keys(), "platform certificates fetched");
        if let Ok(mut known) = fetched.certificates.write() {
            // The platform lists all that it may sign with; what it lists no more is withdrawn.
            *known = certificates;
        }
        Ok(())
    }
}

/// Reads the list of certificates, and believes it: each is sealed with the `APIv3` key, and the
/// list's signature is one of theirs.
pub(super) fn read_certificates(
    headers: &HeaderMap,
    body: &[u8],
    seal_key: &SealKey,
    now_ms: i64,
) -> Result<BTreeMap<String, PlatformCertificate>, Unsure> {
    let unknown = |why: &str| Unsure::Unknown(format!("certificates: {why}"));
    let listed: Listed = serde_json::from_slice(body)
        .map_err(|error| unknown(&without_value(&error.to_string())))?;
    let mut certificates = BTreeMap::new();
    for entry in listed.data.into_iter().take(CERTIFICATES_MAX) {
        let pem = seal_key.open(&entry.encrypt_certificate);
        let pem = pem.map_err(|broken| unknown(&broken.to_string()))?;
        let pem = String::from_utf8(pem).map_err(|_| unknown("not a text"))?;
        let key =
            VerifyingKey::of_certificate(&pem).map_err(|error| unknown(&error.to_string()))?;
        let days = from_rfc3339(&entry.effective_time).zip(from_rfc3339(&entry.expire_time));
        let (begins_ms, ends_ms) = days.ok_or_else(|| unknown("no days"))?;
        certificates.insert(entry.serial_no, PlatformCertificate { key, begins_ms, ends_ms });
    }
    let headers = Headers::read(headers, now_ms).map_err(|error| unknown(&error.to_string()))?;
    let signer = certificates.get(&headers.serial).ok_or_else(|| unknown("another's signature"))?;
    if !signer.key.verify(headers.signed_text(body), &headers.signature) {
        return Err(unknown(&headers.refusal().to_string()));
    }
    Ok(certificates)
}
