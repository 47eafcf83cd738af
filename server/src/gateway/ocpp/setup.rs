//! What a station is told after it boots or comes back: how often to report, and to keep its
//! bills for long. The answers are only logged; a station that cannot do it still charges.

use serde_json::{Value, json};

use crate::gateway::Timing;

/// Tries a station shall make with a bill before it drops it.
const BILL_ATTEMPTS: u32 = 20;

/// Seconds between the first two tries; the protocol lets the pause grow.
const BILL_RETRY_S: u32 = 10;

/// How long a socket told to start waits for the plug, in seconds: less than an order waits.
const PLUG_WITHIN_S: u32 = 30;

const BOOT_STEPS: u8 = 7;
const RECONNECT_STEPS: u8 = 1;

/// The steps still to do; each is one call. Last the socket states are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Setup {
    steps_left: u8,
}

impl Setup {
    /// All there is to say.
    pub fn after_boot() -> Self {
        Self { steps_left: BOOT_STEPS }
    }

    /// A station that did not restart still knows the rest.
    pub fn after_reconnect() -> Self {
        Self { steps_left: RECONNECT_STEPS }
    }

    /// The next call; none when all is said.
    pub fn next(&mut self, timing: &Timing) -> Option<(&'static str, Value)> {
        let step = self.steps_left;
        self.steps_left = step.checked_sub(1)?;
        let (key, value) = match step {
            1 => {
                return Some(("TriggerMessage", json!({"requestedMessage": "StatusNotification"})));
            }
            2 => ("ConnectionTimeOut", PLUG_WITHIN_S.to_string()),
            3 => ("HeartbeatInterval", timing.heartbeat_every.as_secs().to_string()),
            4 => ("TransactionMessageRetryInterval", BILL_RETRY_S.to_string()),
            5 => ("TransactionMessageAttempts", BILL_ATTEMPTS.to_string()),
            6 => {
                let measurands = "Energy.Active.Import.Register,Power.Active.Import";
                ("MeterValuesSampledData", measurands.to_owned())
            }
            _ => ("MeterValueSampleInterval", timing.sample_every.as_secs().to_string()),
        };
        Some(("ChangeConfiguration", json!({"key": key, "value": value})))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_comes_once_and_states_last() {
        let timing = Timing::default();
        let steps =
            |mut setup: Setup| std::iter::from_fn(move || setup.next(&timing)).collect::<Vec<_>>();
        let boot = steps(Setup::after_boot());
        assert_eq!(boot.len(), usize::from(BOOT_STEPS));
        assert_eq!(boot[0].1, json!({"key": "MeterValueSampleInterval", "value": "15"}));
        assert_eq!(boot.last().unwrap().0, "TriggerMessage");
        assert_eq!(steps(Setup::after_reconnect()).len(), 1);
        assert!(steps(Setup::default()).is_empty());
    }
}
