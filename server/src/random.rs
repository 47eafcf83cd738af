//! Randomness for ids, codes and secrets, from the system's secure source and nothing else; and how
//! bytes are written.

use aws_lc_rs::{digest, rand};

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// `N` random bytes.
///
/// # Panics
/// If the system has no randomness, when nothing should go on.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system's random source");
    bytes
}

/// `N` symbols of Crockford base32, five bits each.
pub fn base32<const N: usize>() -> String {
    bytes::<N>().iter().map(|byte| char::from(CROCKFORD[usize::from(byte & 31)])).collect()
}

/// 64 random bits.
pub fn bits() -> u64 {
    u64::from_le_bytes(bytes())
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}
