//! Money that a platform sets aside for us, of which we take what the charge cost.
//!
//! A hold is opened, queried and closed as any payment ([`super::Payments`]); what it says it was
//! paid is what is set aside, and its `trade_no` is the platform's number of the hold.

use futures_util::future::BoxFuture;
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;

use super::Answer;

/// A platform that holds money (Alipay `fund.auth`, `WeChat` pay score).
pub trait Holds: Send + Sync {
    /// Takes part of a hold and lets the rest go. Zero takes nothing and lets all go. Asking again
    /// with the same id never takes twice.
    fn capture<'a>(&'a self, capture: &'a CaptureRequest) -> BoxFuture<'a, Answer<()>>;

    /// Whether a capture is done.
    fn captured<'a>(&'a self, capture: &'a CaptureRequest) -> BoxFuture<'a, Answer<bool>>;
}

/// What to take of a hold.
#[derive(Clone, Debug)]
pub struct CaptureRequest {
    /// Our number for the capture: the platform's idempotency key.
    pub id: String,
    /// The hold.
    pub payment_id: PaymentId,
    /// The platform's number of the hold (`auth_no`).
    pub hold_no: String,
    /// How much was set aside, fen.
    pub held_fen: Fen,
    /// How much to take, fen; at most `held_fen`.
    pub amount_fen: Fen,
    /// The rider's `open_id` at the platform, if it was told.
    pub buyer_open_id: Option<String>,
    /// What the rider reads at the platform; at most 256 characters.
    pub subject: String,
    /// How long the charge took, milliseconds; the two-wheeler form of pay score shows it.
    pub duration_ms: i64,
    /// Whether parts of what is taken will go to others.
    pub will_split: bool,
}
