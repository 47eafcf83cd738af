//! Certificate mode: an app that was given certificates instead of a bare key names its own in
//! every request, and `alipay_cert_sn` in an answer names the one that verifies it.
//!
//! Alipay renews its certificate. An unknown number is fetched once
//! (`alipay.open.app.alipaycert.download`) and believed only if the chain ends in the root bundle
//! we hold and the certificate is for the same subject as the one we began with: other merchants'
//! certificates have the same issuer.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use md5::{Digest, Md5};
use tokio::sync::Mutex as AsyncMutex;
use x509_parser::certificate::X509Certificate;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::pem::Pem;
use x509_parser::x509::X509Name;

use super::keys::{KeyError, VerifyingKey};

/// Certificates between Alipay's own and the root, at most.
const CHAIN_MAX: usize = 4;

/// PKCS#1, whatever the hash: the roots that count for `alipay_root_cert_sn`.
const RSA_OIDS: &str = "1.2.840.113549.1.1";

/// `sha256WithRSAEncryption`: the only signature we believe in a chain.
const SHA256_WITH_RSA: &str = "1.2.840.113549.1.1.11";

/// A number whose certificate could not be had is not asked for again so soon, milliseconds.
const ASK_AGAIN_MS: i64 = 30 * 1000;

/// Numbers of certificates that could not be had, kept at most.
const FAILED_MAX: usize = 64;

/// Why a certificate is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not PEM, or not X.509 inside.
    #[error("not a certificate in PEM")]
    Unreadable,
    /// Its key is not one that we use.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No certificate in the root bundle counts.
    #[error("no RSA certificate in the root bundle")]
    NoRoot,
    /// The chain does not end in the root bundle, or a certificate in it is out of date.
    #[error("not issued under the root certificates")]
    Untrusted,
    /// Issued to somebody else.
    #[error("issued to another subject")]
    Subject,
    /// Not the one that was asked for.
    #[error("another number than the one asked for")]
    Number,
}

/// Our certificate's number, the roots, and Alipay's certificates known so far.
pub struct Certificates {
    /// `app_cert_sn`.
    pub(super) app_sn: String,
    /// `alipay_root_cert_sn`.
    pub(super) root_sn: String,
    roots: String,
    subject: Vec<u8>,
    known: Mutex<Known>,
    /// One download at a time: who waits finds it done.
    pub(super) fetching: AsyncMutex<()>,
}

#[derive(Default)]
struct Known {
    keys: BTreeMap<String, VerifyingKey>,
    /// When a number could not be had, milliseconds UTC.
    failed: BTreeMap<String, i64>,
}

impl Certificates {
    /// Reads our certificate, the root bundle and Alipay's certificate, each as PEM; the last with
    /// its intermediates.
    ///
    /// # Errors
    /// One of them cannot be read, or Alipay's is not issued under the roots.
    pub fn new(
        app: &str,
        roots: &str,
        alipay: &str,
        now_ms: i64,
    ) -> Result<Self, CertificateError> {
        let trusted = trusted(alipay, roots, now_ms)?;
        let keys = BTreeMap::from([(trusted.sn, trusted.key)]);
        Ok(Self {
            app_sn: number_of(app)?,
            root_sn: root_number(roots)?,
            roots: roots.to_owned(),
            subject: trusted.subject,
            known: Mutex::new(Known { keys, failed: BTreeMap::new() }),
            fetching: AsyncMutex::new(()),
        })
    }

    /// All keys known so far.
    pub(super) fn keys(&self) -> Vec<VerifyingKey> {
        self.known().keys.values().cloned().collect()
    }

    pub(super) fn key(&self, sn: &str) -> Option<VerifyingKey> {
        self.known().keys.get(sn).cloned()
    }

    /// Whether asking for a number makes sense now.
    pub(super) fn may_ask(&self, sn: &str, now_ms: i64) -> bool {
        self.known().failed.get(sn).is_none_or(|at_ms| now_ms - at_ms >= ASK_AGAIN_MS)
    }

    /// Remembers that a number could not be had.
    pub(super) fn failed(&self, sn: &str, now_ms: i64) {
        let mut known = self.known();
        if known.failed.len() >= FAILED_MAX {
            known.failed.retain(|_, at_ms| now_ms - *at_ms < ASK_AGAIN_MS);
        }
        if known.failed.len() < FAILED_MAX {
            known.failed.insert(sn.to_owned(), now_ms);
        }
    }

    /// Takes a downloaded certificate in, with its intermediates, if it is Alipay's.
    ///
    /// # Errors
    /// Says why it is not.
    pub(super) fn admit(
        &self,
        pem: &str,
        sn: &str,
        now_ms: i64,
    ) -> Result<VerifyingKey, CertificateError> {
        let trusted = trusted(pem, &self.roots, now_ms)?;
        if trusted.sn != sn {
            return Err(CertificateError::Number);
        }
        if trusted.subject != self.subject {
            return Err(CertificateError::Subject);
        }
        let mut known = self.known();
        known.failed.remove(sn);
        known.keys.insert(trusted.sn, trusted.key.clone());
        Ok(trusted.key)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("app_sn", &self.app_sn).finish_non_exhaustive()
    }
}

/// Alipay's number of the first certificate in a PEM text: the MD5 of its issuer, written from the
/// most specific part to the least, and its decimal serial number.
///
/// # Errors
/// [`CertificateError::Unreadable`].
pub fn number_of(pem: &str) -> Result<String, CertificateError> {
    let blocks = blocks(pem)?;
    let first = blocks.first().ok_or(CertificateError::Unreadable)?;
    number(&first.parse_x509().map_err(|_| CertificateError::Unreadable)?)
}

/// `alipay_root_cert_sn`: the numbers of the RSA certificates in the bundle, joined.
///
/// # Errors
/// [`CertificateError::Unreadable`], [`CertificateError::NoRoot`].
pub fn root_number(bundle: &str) -> Result<String, CertificateError> {
    let mut numbers = Vec::new();
    for block in &blocks(bundle)? {
        let certificate = block.parse_x509().map_err(|_| CertificateError::Unreadable)?;
        if certificate.signature_algorithm.algorithm.to_id_string().starts_with(RSA_OIDS) {
            numbers.push(number(&certificate)?);
        }
    }
    if numbers.is_empty() {
        return Err(CertificateError::NoRoot);
    }
    Ok(numbers.join("_"))
}

/// What a certificate whose chain is right says.
struct Trusted {
    sn: String,
    key: VerifyingKey,
    subject: Vec<u8>,
}

/// Reads the first certificate of `pem`, if its chain ends in `roots`; what else is in `pem` may
/// be on the way.
fn trusted(pem: &str, roots: &str, now_ms: i64) -> Result<Trusted, CertificateError> {
    let (chain, roots) = (blocks(pem)?, blocks(roots)?);
    let chain = parse(&chain)?;
    let roots = parse(&roots)?;
    let leaf = chain.first().ok_or(CertificateError::Unreadable)?;
    let mut current = leaf;
    for _ in 0..=CHAIN_MAX {
        if !is_valid(current, now_ms) {
            return Err(CertificateError::Untrusted);
        }
        let issued = |by: &&X509Certificate<'_>| is_issued(current, by);
        if roots.iter().find(issued).is_some_and(|root| is_valid(root, now_ms)) {
            let key = VerifyingKey::from_der(leaf.public_key().raw)?;
            let subject = leaf.subject().as_raw().to_vec();
            return Ok(Trusted { sn: number(leaf)?, key, subject });
        }
        current = chain.iter().skip(1).find(issued).ok_or(CertificateError::Untrusted)?;
    }
    Err(CertificateError::Untrusted)
}

fn is_valid(certificate: &X509Certificate<'_>, now_ms: i64) -> bool {
    let validity = certificate.validity();
    let seconds = validity.not_before.timestamp()..=validity.not_after.timestamp();
    seconds.contains(&now_ms.div_euclid(1_000))
}

/// Whether `by`, an authority, signed `certificate`.
fn is_issued(certificate: &X509Certificate<'_>, by: &X509Certificate<'_>) -> bool {
    certificate.issuer().as_raw() == by.subject().as_raw()
        && by.is_ca()
        && certificate.signature_algorithm.algorithm.to_id_string() == SHA256_WITH_RSA
        && VerifyingKey::from_der(by.public_key().raw).is_ok_and(|key| {
            let signed = certificate.tbs_certificate.as_ref();
            key.verify_bytes(signed, certificate.signature_value.as_ref())
        })
}

fn blocks(pem: &str) -> Result<Vec<Pem>, CertificateError> {
    let blocks = Pem::iter_from_buffer(pem.as_bytes()).collect::<Result<_, _>>();
    blocks.map_err(|_| CertificateError::Unreadable)
}

fn parse(blocks: &[Pem]) -> Result<Vec<X509Certificate<'_>>, CertificateError> {
    let all = blocks.iter().map(Pem::parse_x509).collect::<Result<_, _>>();
    all.map_err(|_| CertificateError::Unreadable)
}

fn number(certificate: &X509Certificate<'_>) -> Result<String, CertificateError> {
    let text = format!("{}{}", name(certificate.issuer())?, certificate.tbs_certificate.serial);
    Ok(Md5::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        write!(hex, "{byte:02x}").unwrap_or_default();
        hex
    }))
}

/// A distinguished name from the most specific part to the least: `CN=…,OU=…,O=…,C=…`.
fn name(name: &X509Name<'_>) -> Result<String, CertificateError> {
    let mut parts = Vec::new();
    for attribute in name.iter_attributes() {
        let short = oid2abbrev(attribute.attr_type(), oid_registry());
        let value = attribute.as_str();
        let (Ok(short), Ok(value)) = (short, value) else {
            return Err(CertificateError::Unreadable);
        };
        parts.push(format!("{short}={value}"));
    }
    parts.reverse();
    Ok(parts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payments::alipay::testing;

    const NOW_MS: i64 = 1_800_000_000_000;

    /// Made by `printf '%s' "$(issuer)$(serial in decimal)" | md5sum` with OpenSSL's words.
    #[test]
    fn numbers_are_those_that_openssl_words_give() {
        assert_eq!(number_of(testing::APP_PEM), Ok(testing::APP_SN.to_owned()));
        assert_eq!(number_of(testing::ALIPAY_PEM), Ok(testing::ALIPAY_SN.to_owned()));
        assert_eq!(root_number(testing::ROOTS_PEM), Ok(testing::ROOT_SN.to_owned()));
        assert_eq!(number_of("no pem"), Err(CertificateError::Unreadable));
        assert_eq!(root_number(""), Err(CertificateError::NoRoot));
    }

    #[test]
    fn only_alipays_own_certificate_under_the_roots_is_admitted() {
        let held = testing::certificates();
        let sn = |pem| number_of(pem).unwrap();
        let admit = |pem: &str, sn: &str, now_ms| held.admit(pem, sn, now_ms).map(|_| ());
        let next = testing::ALIPAY_NEXT_PEM;
        assert_eq!(admit(next, &sn(next), NOW_MS), Ok(()));
        assert_eq!(admit(next, testing::ALIPAY_SN, NOW_MS), Err(CertificateError::Number));
        let other = testing::OTHER_PEM;
        assert_eq!(admit(other, &sn(other), NOW_MS), Err(CertificateError::Subject));
        let forged = testing::FORGED_PEM;
        assert_eq!(admit(forged, &sn(forged), NOW_MS), Err(CertificateError::Untrusted));
        let long_ago = 1_000_000_000_000;
        assert_eq!(admit(next, &sn(next), long_ago), Err(CertificateError::Untrusted));
        let alone = next.split_inclusive("-----END CERTIFICATE-----").next().unwrap();
        assert_eq!(admit(alone, &sn(next), NOW_MS), Err(CertificateError::Untrusted));
        assert_eq!(held.keys().len(), 2);
    }

    #[test]
    fn a_number_that_could_not_be_had_rests() {
        let held = testing::certificates();
        assert!(held.may_ask("x", NOW_MS));
        held.failed("x", NOW_MS);
        assert!(!held.may_ask("x", NOW_MS + ASK_AGAIN_MS - 1));
        assert!(held.may_ask("x", NOW_MS + ASK_AGAIN_MS));
    }
}
