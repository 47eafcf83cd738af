//! What the simulated platform does wrong on purpose.

use std::time::Duration;

/// The real schedule, 4 min to 15 h, made short.
const RETRY_AFTER: &[Duration] = &[
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(5),
];

/// Switches, all off at first.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Applied to notifies made from now on.
    pub notify: NotifyFault,
    /// Applied to answers given from now on.
    pub answer: AnswerFault,
    /// How far the platform's clock is ahead of ours, in milliseconds; negative: behind.
    pub skew_ms: i64,
    /// Refunds are refused with this `sub_code`.
    pub refuse_refunds: Option<&'static str>,
    /// How late the cashier's "late" button makes a notify.
    pub late: Duration,
    /// Pauses before each further delivery of a notify that was not answered `success`; after the
    /// last one the platform gives up.
    pub retry_after: &'static [Duration],
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
    /// It is signed by a stranger's key.
    Forged,
    /// It says one fen more, properly signed.
    WrongAmount,
    /// It is for another app, properly signed.
    OtherApp,
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
    /// HTTP 502.
    ServerError,
    /// Half of the answer.
    Truncated,
    /// Signed by a stranger's key.
    Forged,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            notify: NotifyFault::None,
            answer: AnswerFault::None,
            skew_ms: 0,
            refuse_refunds: None,
            late: Duration::from_secs(30),
            retry_after: RETRY_AFTER,
        }
    }
}
