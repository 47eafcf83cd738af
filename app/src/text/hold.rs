//! What is said of money that is only set aside.

use super::With1;

/// Charging on money that is only set aside: what is said in place of "paid" and "goes back".
pub struct Hold {
    /// Button: charge first, pay after.
    pub button: &'static str,
    /// On the button, before the amount.
    pub button_before: &'static str,
    /// On the button, after the amount.
    pub button_after: &'static str,
    /// Look whether it is set aside.
    pub confirmed_already: &'static str,
    /// What is set aside, and what will be taken at most.
    pub explain: With1,
    /// Step: set aside.
    pub step_held: With1,
    /// Starting: what happens, at the latest when.
    pub starting_promise: With1,
    /// Start unknown: the same.
    pub start_unknown_note: With1,
    /// Asks before cancelling.
    pub cancel_sure: With1,
    /// Asks before stopping.
    pub stop_sure: &'static str,
    /// What finishing waits for.
    pub finishing_note: &'static str,
    /// Would be let go.
    pub comes_back: &'static str,
    /// Set aside.
    pub aside: &'static str,
    /// Taken.
    pub taken: &'static str,
    /// Let go.
    pub released: &'static str,
    /// So much set aside, so much of it taken, the rest let go.
    pub sum: fn(&str, &str, &str) -> String,
    /// All that was set aside is let go.
    pub all_released: With1,
    /// The platform is being asked.
    pub pending: &'static str,
    /// Done, when.
    pub done: With1,
    /// A person looks after it.
    pub parked: &'static str,
}
