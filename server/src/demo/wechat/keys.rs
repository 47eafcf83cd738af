//! The platform's cryptography: RSA signatures, self-signed certificates, AES-256-GCM, RSA-OAEP.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{
    KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::time::utc_time;
use crate::random;

/// `sha256WithRSAEncryption` as an `AlgorithmIdentifier`.
const SHA256_WITH_RSA: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00];

/// The object identifier of a common name, encoded.
const COMMON_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x03];

const SEQUENCE: u8 = 0x30;

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a usable RSA key of 2048 bits")]
pub struct KeyError;

/// An RSA key pair of 2048 bits.
pub(super) struct Key {
    pair: RsaKeyPair,
    pkcs8: Vec<u8>,
    public: ParsedPublicKey,
    spki: Vec<u8>,
}

impl Key {
    /// A new one, PKCS#8 in base64, as it is stored.
    pub(super) fn generate() -> Result<String, KeyError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError)?;
        Ok(STANDARD.encode(der.as_ref()))
    }

    /// Reads PKCS#8 in base64.
    pub(super) fn parse(base64: &str) -> Result<Self, KeyError> {
        let pkcs8 = STANDARD.decode(base64).map_err(|_| KeyError)?;
        let pair = RsaKeyPair::from_pkcs8(&pkcs8).map_err(|_| KeyError)?;
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| KeyError)?;
        let spki = spki.as_ref().to_vec();
        let public =
            ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &spki).map_err(|_| KeyError)?;
        Ok(Self { pair, pkcs8, public, spki })
    }

    /// The signature of `text` (SHA-256 with PKCS#1 v1.5).
    fn sign_bytes(&self, text: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
            .expect("the buffer is as long as the modulus");
        signature
    }

    /// The same in base64.
    pub(super) fn sign(&self, text: &[u8]) -> String {
        STANDARD.encode(self.sign_bytes(text))
    }

    /// Whether `signature` (base64) is this key's signature of `text`.
    pub(super) fn verify(&self, text: &[u8], signature: &str) -> bool {
        STANDARD
            .decode(signature)
            .is_ok_and(|signature| self.public.verify_sig(text, &signature).is_ok())
    }

    /// What was encrypted to this key (RSA-OAEP with SHA-1), in base64.
    pub(super) fn decrypt(&self, ciphertext: &str) -> Option<String> {
        let ciphertext = STANDARD.decode(ciphertext).ok()?;
        let key = PrivateDecryptingKey::from_pkcs8(&self.pkcs8).ok()?;
        let key = OaepPrivateDecryptingKey::new(key).ok()?;
        let mut buffer = vec![0; key.min_output_size()];
        let plain = key.decrypt(&OAEP_SHA1_MGF1SHA1, &ciphertext, &mut buffer, None).ok()?;
        String::from_utf8(plain.to_vec()).ok()
    }

    pub(super) fn private_pem(&self) -> String {
        pem("PRIVATE KEY", &self.pkcs8)
    }

    pub(super) fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.spki)
    }

    /// A certificate that this key signs for itself, as PEM. `serial` is 20 bytes.
    pub(super) fn certificate(&self, serial: &[u8; 20], from_ms: i64, until_ms: i64) -> String {
        let name = der(
            SEQUENCE,
            &[&der(0x31, &[&der(SEQUENCE, &[&COMMON_NAME, &der(0x0c, &[b"Demo WeChat Pay"])])])],
        );
        let time = |at_ms| der(0x17, &[utc_time(at_ms).as_bytes()]);
        let validity = der(SEQUENCE, &[&time(from_ms), &time(until_ms)]);
        // Version 3.
        let version = [0xa0, 0x03, 0x02, 0x01, 0x02];
        let serial = der(0x02, &[serial]);
        let parts: [&[u8]; 7] =
            [&version, &serial, &SHA256_WITH_RSA, &name, &validity, &name, &self.spki];
        let body = der(SEQUENCE, &parts);
        let signature = der(0x03, &[&[0], &self.sign_bytes(&body)]);
        pem("CERTIFICATE", &der(SEQUENCE, &[&body, &SHA256_WITH_RSA, &signature]))
    }
}

/// A DER value of several parts, below 64 KiB.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).expect("certificates are small").to_be_bytes();
    let mut encoded = vec![tag];
    match length {
        [0, short @ ..0x80] => encoded.push(short),
        [0, long] => encoded.extend([0x81, long]),
        [high, low] => encoded.extend([0x82, high, low]),
    }
    encoded.extend(content);
    encoded
}

fn pem(kind: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<&str> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("base64 is ASCII"))
        .collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

/// A serial number for a certificate: positive, 20 bytes.
pub(super) fn new_serial() -> [u8; 20] {
    let mut serial = random::bytes::<20>();
    // DER numbers carry a sign, and no idle zeros.
    serial[0] = 0x40 | (serial[0] & 0x3f);
    serial
}

/// Encrypts with the merchant's `APIv3` key; nonce and ciphertext with its tag, in base64.
pub(super) fn seal(key: &str, plain: &str, associated: &str) -> (String, String) {
    let key = UnboundKey::new(&AES_256_GCM, key.as_bytes()).expect("an APIv3 key has 32 bytes");
    // Merchants take the nonce as text of 12 characters.
    let nonce = random::base32::<12>();
    let bytes: [u8; 12] = nonce.as_bytes().try_into().expect("12 characters");
    let mut sealed = plain.as_bytes().to_vec();
    LessSafeKey::new(key)
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(bytes),
            Aad::from(associated.as_bytes()),
            &mut sealed,
        )
        .expect("a notify is short");
    (nonce, STANDARD.encode(sealed))
}

/// HMAC-SHA256 in upper-case hexadecimal, as `APIv2` signs.
pub(super) fn hmac_upper(key: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    random::hex(hmac::sign(&key, text.as_bytes()).as_ref()).to_uppercase()
}
