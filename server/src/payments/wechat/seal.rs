//! What only `WeChat` Pay and we can read: AES-256-GCM under the `APIv3` key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// The only algorithm we open.
pub const ALGORITHM: &str = "AEAD_AES_256_GCM";

/// The `APIv3` key. Its bytes are never shown.
#[derive(Clone)]
pub struct SealKey(Arc<LessSafeKey>);

/// Something sealed, as it stands in callbacks and among certificates.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sealed {
    /// [`ALGORITHM`].
    pub algorithm: String,
    /// Base64, the tag at the end.
    pub ciphertext: String,
    /// Twelve characters.
    pub nonce: String,
    /// What the seal covers beside the text; may be empty or left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub associated_data: Option<String>,
}

/// It was not sealed with our key, or was changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the seal does not open")]
pub struct Broken;

impl SealKey {
    /// A key of 32 bytes; none for another length.
    pub fn new(key: &[u8]) -> Option<Self> {
        Some(Self(Arc::new(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?))))
    }

    /// Opens a seal.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn open(&self, sealed: &Sealed) -> Result<Vec<u8>, Broken> {
        if sealed.algorithm != ALGORITHM {
            return Err(Broken);
        }
        let mut text = STANDARD.decode(&sealed.ciphertext).map_err(|_| Broken)?;
        let nonce = nonce(&sealed.nonce)?;
        let aad = Aad::from(sealed.associated_data.as_deref().unwrap_or_default());
        let length = self.0.open_in_place(nonce, aad, &mut text).map_err(|_| Broken)?.len();
        text.truncate(length);
        Ok(text)
    }

    /// Seals, as `WeChat` Pay does. The nonce must be new each time and have twelve bytes.
    ///
    /// # Errors
    /// [`Broken`] if the nonce has another length.
    pub fn seal(&self, text: &[u8], nonce_text: &str, aad: &str) -> Result<Sealed, Broken> {
        let mut sealed = text.to_vec();
        let nonce = nonce(nonce_text)?;
        let aad_bytes = Aad::from(aad);
        self.0.seal_in_place_append_tag(nonce, aad_bytes, &mut sealed).map_err(|_| Broken)?;
        Ok(Sealed {
            algorithm: ALGORITHM.to_owned(),
            ciphertext: STANDARD.encode(sealed),
            nonce: nonce_text.to_owned(),
            associated_data: Some(aad.to_owned()),
        })
    }
}

fn nonce(text: &str) -> Result<Nonce, Broken> {
    Nonce::try_assume_unique_for_key(text.as_bytes()).map_err(|_| Broken)
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SealKey {
        SealKey::new(b"0123456789abcdef0123456789ABCDEF").unwrap()
    }

    #[test]
    fn a_key_has_32_bytes_and_is_not_shown() {
        assert!(SealKey::new(b"short").is_none());
        assert!(SealKey::new(&[0; 33]).is_none());
        assert_eq!(format!("{:?}", key()), "SealKey(redacted)");
    }

    #[test]
    fn a_seal_opens_once_and_unchanged() {
        for aad in ["transaction", ""] {
            let sealed = key().seal("{\"金额\":1}".as_bytes(), "abcdefghijkl", aad).unwrap();
            assert_eq!(key().open(&sealed).unwrap(), "{\"金额\":1}".as_bytes());
            let raw = STANDARD.decode(&sealed.ciphertext).unwrap();
            for at in 0..raw.len() {
                let mut changed = raw.clone();
                changed[at] ^= 1;
                let ciphertext = STANDARD.encode(changed);
                assert!(key().open(&Sealed { ciphertext, ..sealed.clone() }).is_err(), "{at}");
            }
            for changed in [
                Sealed { associated_data: Some("x".to_owned()), ..sealed.clone() },
                Sealed { nonce: "abcdefghijkm".to_owned(), ..sealed.clone() },
                Sealed { nonce: "short".to_owned(), ..sealed.clone() },
                Sealed { algorithm: "none".to_owned(), ..sealed.clone() },
                Sealed { ciphertext: String::new(), ..sealed.clone() },
            ] {
                assert_eq!(key().open(&changed), Err(Broken), "{changed:?}");
            }
            if aad.is_empty() {
                let left_out = Sealed { associated_data: None, ..sealed };
                assert!(key().open(&left_out).is_ok());
            }
        }
    }
}
