//! The `state` that goes through a platform's login and comes back: which order is to be paid,
//! until when, and proof that it was made for this very session. Nothing of it is stored.
//!
//! The proof is an HMAC under the session's own secret. A state made by somebody else, for another
//! session or by no one does not pass, so nobody can be made to log in as another (RFC 6749 10.12).

use aws_lc_rs::hmac;
use wasm_core::ids::OrderId;
use wasm_core::order::Channel;
use wasm_core::units::{MS_PER_MINUTE, MS_PER_SECOND};

use crate::http::rider::Secret;
use crate::random;

/// How long a login may take; it asks the rider nothing.
const VALID_MS: i64 = 5 * MS_PER_MINUTE;

/// Keeps this use of the secret apart from any other.
const PURPOSE: &str = "login";

/// Digits of the end, in seconds since 1970.
const END_DIGITS: usize = 10;
/// Hexadecimal digits of the proof.
const PROOF_DIGITS: usize = 64;

/// Why a state does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Not made for this session.
    Forged,
    /// It was, for this order, but too long ago.
    Expired(OrderId),
}

/// A state for paying `order` in the session with this secret: letters and digits only, at most 94
/// for our order ids; Alipay takes 100.
pub(super) fn make(secret: &Secret, channel: Channel, order: &OrderId, now_ms: i64) -> String {
    let ends_s = (now_ms + VALID_MS) / MS_PER_SECOND;
    let claim = format!("{order}{ends_s:010}");
    let proof = hmac::sign(&secret.hmac_key(), told(channel, &claim).as_bytes());
    format!("{claim}{}", random::hex(proof.as_ref()))
}

/// The order to pay.
pub(super) fn read(
    secret: &Secret,
    channel: Channel,
    state: &str,
    now_ms: i64,
) -> Result<OrderId, Refused> {
    let claim_len = state.len().checked_sub(PROOF_DIGITS).ok_or(Refused::Forged)?;
    let (claim, proof) = state.split_at_checked(claim_len).ok_or(Refused::Forged)?;
    let proof = bytes(proof).ok_or(Refused::Forged)?;
    hmac::verify(&secret.hmac_key(), told(channel, claim).as_bytes(), &proof)
        .map_err(|_| Refused::Forged)?;
    let order_len = claim.len().checked_sub(END_DIGITS).ok_or(Refused::Forged)?;
    let (order, ends_s) = claim.split_at_checked(order_len).ok_or(Refused::Forged)?;
    let ends_s: i64 = ends_s.parse().map_err(|_| Refused::Forged)?;
    let order = OrderId(order.to_owned());
    if now_ms < ends_s * MS_PER_SECOND { Ok(order) } else { Err(Refused::Expired(order)) }
}

fn told(channel: Channel, claim: &str) -> String {
    format!("{PURPOSE}\n{}\n{claim}", channel.as_str())
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(str::from_utf8(two).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIPAY: Channel = Channel::Alipay;
    const NOW_MS: i64 = 1_795_305_600_000;

    #[test]
    fn a_state_passes_in_its_own_session_for_a_while() {
        let (mine, order) = (Secret::of("mine"), OrderId::from("0123456789ABCDEFGHJK"));
        let state = make(&mine, ALIPAY, &order, NOW_MS);
        assert!(state.len() <= 100 && state.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(read(&mine, ALIPAY, &state, NOW_MS + VALID_MS - 1), Ok(order.clone()));
        let late = read(&mine, ALIPAY, &state, NOW_MS + VALID_MS);
        assert_eq!(late, Err(Refused::Expired(order)));
        assert_eq!(read(&mine, Channel::Wechat, &state, NOW_MS), Err(Refused::Forged));
        assert_eq!(read(&Secret::of("other"), ALIPAY, &state, NOW_MS), Err(Refused::Forged));
    }

    #[test]
    fn a_changed_state_does_not_pass() {
        let (mine, order) = (Secret::of("mine"), OrderId::from("0123456789ABCDEFGHJK"));
        let state = make(&mine, ALIPAY, &order, NOW_MS);
        for at in 0..state.len() {
            let mut changed = state.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(read(&mine, ALIPAY, &changed, NOW_MS), Err(Refused::Forged), "{at}");
        }
        let cut: Vec<&str> = (0..state.len()).map(|end| &state[..end]).collect();
        let strange = ["", "0", "充".repeat(40).leak()];
        for bad in cut.into_iter().chain(strange) {
            assert_eq!(read(&mine, ALIPAY, bad, NOW_MS), Err(Refused::Forged), "{bad}");
        }
    }
}
