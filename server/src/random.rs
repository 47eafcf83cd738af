//! Randomness for ids, codes and secrets, from the system's secure source and nothing else; and how
//! bytes are written. A simulation may make it a sequence of its own, in debug builds only.

use std::cell::Cell;

use aws_lc_rs::{digest, rand};

thread_local! {
    /// Where this thread's sequence stands, if it has one.
    static SEQUENCE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Makes what is random on this thread a sequence that `seed` decides, so that a simulation can be
/// replayed. A release build ignores it.
pub fn replay(seed: u64) {
    SEQUENCE.set(cfg!(debug_assertions).then_some(seed));
}

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// `N` random bytes.
///
/// # Panics
/// If the system has no randomness, when nothing should go on.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if cfg!(debug_assertions) && continue_sequence(&mut bytes) {
        return bytes;
    }
    rand::fill(&mut bytes).expect("the system's random source");
    bytes
}

/// Fills from this thread's sequence (`SplitMix64`), if it has one.
fn continue_sequence(bytes: &mut [u8]) -> bool {
    let Some(mut state) = SEQUENCE.get() else { return false };
    for chunk in bytes.chunks_mut(8) {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes()[..chunk.len()]);
    }
    SEQUENCE.set(Some(state));
    true
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
