//! RSA keys as people paste them: PEM, or the bare base64 that Alipay's key tool gives. Both platforms
//! sign with them alike: `SHA256withRSA`, PKCS#1 v1.5.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::{
    KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::certificate::Certificate;

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither PEM nor base64.
    #[error("a key is neither PEM nor base64")]
    Encoding,
    /// Not an RSA private key of 2048 bits or more, in PKCS#8 or PKCS#1.
    #[error("not an RSA private key of at least 2048 bits (PKCS#8 or PKCS#1)")]
    Private,
    /// Not an RSA public key of 2048 bits or more.
    #[error("not an RSA public key of at least 2048 bits (SubjectPublicKeyInfo)")]
    Public,
}

/// A private key that signs with RSA2 (`SHA256withRSA`, PKCS#1 v1.5). Its text is never shown.
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<RsaKeyPair>,
}

/// The public key of the other side.
#[derive(Clone)]
pub struct VerifyingKey {
    key: Arc<ParsedPublicKey>,
    der: Arc<[u8]>,
}

impl SigningKey {
    /// Reads PKCS#8 or PKCS#1, as PEM or bare base64.
    ///
    /// # Errors
    /// [`KeyError::Encoding`] or [`KeyError::Private`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let der = decode(text)?;
        let pair = RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der));
        Ok(Self { pair: Arc::new(pair.map_err(|_| KeyError::Private)?) })
    }

    /// Makes a new key of 2048 bits.
    ///
    /// # Errors
    /// [`KeyError::Private`] if the system has no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Private)?;
        Ok(Self { pair: Arc::new(pair) })
    }

    /// The key itself, PKCS#8 in base64: a secret, to be stored and not shown.
    ///
    /// # Errors
    /// [`KeyError::Private`] if the key cannot be written.
    pub fn to_pkcs8_base64(&self) -> Result<String, KeyError> {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().map_err(|_| KeyError::Private)?;
        Ok(STANDARD.encode(der.as_ref()))
    }

    /// Its public half.
    ///
    /// # Errors
    /// [`KeyError::Public`] if the key cannot be written.
    pub fn public(&self) -> Result<VerifyingKey, KeyError> {
        let der: PublicKeyX509Der<'_> =
            self.pair.public_key().as_der().map_err(|_| KeyError::Public)?;
        VerifyingKey::from_der(der.as_ref())
    }

    /// The signature of `text` in base64.
    ///
    /// # Panics
    /// If the system has no randomness, when nothing should go on.
    pub fn sign(&self, text: &str) -> String {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = SystemRandom::new();
        self.pair
            .sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
            .expect("the buffer is as long as the modulus");
        STANDARD.encode(signature)
    }
}

impl VerifyingKey {
    /// Reads a `SubjectPublicKeyInfo`, as PEM or bare base64.
    ///
    /// # Errors
    /// [`KeyError::Encoding`] or [`KeyError::Public`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Self::from_der(&decode(text)?)
    }

    /// Reads the key of an X.509 certificate, as PEM. Whether to trust it is the caller's business.
    ///
    /// # Errors
    /// [`KeyError::Encoding`] or [`KeyError::Public`].
    pub fn of_certificate(text: &str) -> Result<Self, KeyError> {
        let der = decode(text)?;
        Self::from_der(Certificate::read(&der).ok_or(KeyError::Public)?.public_key)
    }

    pub(super) fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der);
        let key = Arc::new(key.map_err(|_| KeyError::Public)?);
        Ok(Self { key, der: der.into() })
    }

    /// As bare base64, the way Alipay's console shows it.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.der)
    }

    /// Whether `signature` is the other side's signature of `text`.
    pub(super) fn verify_bytes(&self, text: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(text, signature).is_ok()
    }

    /// Whether `signature` (base64) is the other side's signature of `text`.
    pub fn verify(&self, text: impl AsRef<[u8]>, signature: &str) -> bool {
        STANDARD
            .decode(signature)
            .is_ok_and(|signature| self.verify_bytes(text.as_ref(), &signature))
    }

    /// Encrypts for the other side alone (RSA-OAEP with SHA-1, as `WeChat` Pay wants names), in
    /// base64; none for a text too long for the key.
    pub fn encrypt(&self, text: &str) -> Option<String> {
        let key =
            OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(&self.der).ok()?).ok()?;
        let mut sealed = vec![0; key.ciphertext_size()];
        let sealed = key.encrypt(&OAEP_SHA1_MGF1SHA1, text.as_bytes(), &mut sealed, None).ok()?;
        Some(STANDARD.encode(sealed))
    }
}

/// Drops PEM's frame and every line break.
fn decode(text: &str) -> Result<Vec<u8>, KeyError> {
    let body: String =
        text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).map_err(|_| KeyError::Encoding)
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(redacted)")
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyingKey(redacted)")
    }
}
