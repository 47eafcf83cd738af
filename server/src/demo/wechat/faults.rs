//! What the simulated platform does wrong on purpose, and how fast it is.

use std::time::Duration;

/// The real schedule, 15 s to 6 h, made short: fifteen tries in all.
const RETRY_AFTER: &[Duration] = &[
    Duration::from_secs(1),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(30),
    Duration::from_secs(30),
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(3),
    Duration::from_mins(3),
    Duration::from_mins(3),
    Duration::from_mins(6),
];

/// Switches, all off at first.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Applied to notifies made from now on.
    pub notify: NotifyFault,
    /// Before each notify comes a probe with a wrong signature, to be refused.
    pub probes: bool,
    /// Applied to answers given from now on.
    pub answer: AnswerFault,
    /// Applied to refunds asked for from now on.
    pub refund: RefundFault,
    /// How far the platform's clock is ahead of ours, in milliseconds; negative: behind.
    pub skew_ms: i64,
    /// The merchant's key is revoked: every request is refused.
    pub merchant_revoked: bool,
    /// Deductions of `PayScore` do not succeed: the rider owes.
    pub score_unpaid: bool,
    /// What signs notifies, and answers to requests that name no key.
    pub signed_by: SignedBy,
    /// How late the cashier's "late" button makes a notify.
    pub late: Duration,
    /// How long a refund, a share or a deduction is under way.
    pub takes: Duration,
    /// The highest part of a payment that may be shared, in permille.
    pub share_max_permille: i64,
    /// Pauses before each further delivery of a notify that was not taken; after the last one the
    /// platform gives up.
    pub retry_after: &'static [Duration],
}

/// With what the platform signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignedBy {
    /// The `WeChat` Pay public key, as for new merchants.
    #[default]
    PublicKey,
    /// The newest platform certificate.
    Certificate,
}

/// What goes wrong with a notify.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotifyFault {
    /// Nothing.
    #[default]
    None,
    /// It is sent this late.
    Late(Duration),
    /// It is sent this many times, at once.
    Copies(u32),
    /// Every other one is sent this late, so that the next overtakes it.
    Reordered(Duration),
    /// It is never sent.
    Lost,
    /// Its signature is of other bytes.
    BadSignature,
    /// It is signed by a stranger's key under the platform's serial.
    OtherKey,
    /// It names a serial that nobody knows.
    UnknownSerial,
    /// Its body is altered after signing.
    Altered,
    /// It was signed ten minutes ago.
    Old,
    /// It says one fen more, properly signed.
    WrongAmount,
    /// It is for another merchant, properly signed.
    OtherMerchant,
}

/// What goes wrong with an answer. The deed is done all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnswerFault {
    /// Nothing.
    #[default]
    None,
    /// No answer at all.
    Silence,
    /// An error without signature.
    UnsignedError,
    /// HTTP 500 `SYSTEM_ERROR`, signed.
    SystemError,
    /// HTTP 502 of a proxy.
    BadGateway,
    /// Half of the answer.
    Truncated,
    /// Signed by a stranger's key.
    OtherKey,
    /// Altered after signing.
    Altered,
    /// Signed ten minutes ago.
    Old,
}

/// What goes wrong with a refund.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefundFault {
    /// Nothing.
    #[default]
    None,
    /// Refused: the merchant's balance is empty (`NOT_ENOUGH`).
    NotEnough,
    /// Taken, and then it fails because the rider's account is gone.
    Abnormal,
    /// Taken, and then closed.
    Closed,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            notify: NotifyFault::None,
            probes: false,
            answer: AnswerFault::None,
            refund: RefundFault::None,
            skew_ms: 0,
            merchant_revoked: false,
            score_unpaid: false,
            signed_by: SignedBy::PublicKey,
            late: Duration::from_secs(30),
            takes: Duration::from_secs(1),
            share_max_permille: 300,
            retry_after: RETRY_AFTER,
        }
    }
}
