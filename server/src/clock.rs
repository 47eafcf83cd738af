//! Time, as an argument: only this file asks the machine what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where `now` comes from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that tests move; milliseconds UTC.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock for tests, standing at `now_ms`.
    pub fn manual(now_ms: i64) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(now_ms)))
    }

    /// Milliseconds since 1970, UTC.
    ///
    /// # Panics
    /// If the machine's clock stands before 1970.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => {
                let since_epoch =
                    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
                i64::try_from(since_epoch.as_millis()).expect("a clock before the year 292,000,000")
            }
            Self::Manual(now_ms) => now_ms.load(Ordering::SeqCst),
        }
    }

    /// Moves a manual clock; the system's clock cannot be moved.
    pub fn advance_ms(&self, by_ms: i64) {
        if let Self::Manual(now_ms) = self {
            now_ms.fetch_add(by_ms, Ordering::SeqCst);
        }
    }
}
