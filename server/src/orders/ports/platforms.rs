//! Which platforms this server works with.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasm_core::order::Channel;

use super::{Answer, Bills, Holds, Logins, Payments, Splits, Unsure};

/// One platform and what it can do beyond payments.
#[derive(Clone)]
pub struct Platform {
    /// Payments in advance, and refunds.
    pub payments: Arc<dyn Payments>,
    /// Who a rider is there.
    pub logins: Option<Arc<dyn Logins>>,
    /// Holds and captures.
    pub holds: Option<Arc<dyn Holds>>,
    /// Parts to others.
    pub splits: Option<Arc<dyn Splits>>,
    /// Daily bills.
    pub bills: Option<Arc<dyn Bills>>,
}

impl Platform {
    /// A platform that takes payments and pays them back, no more.
    pub fn of(payments: Arc<dyn Payments>) -> Self {
        Self { payments, logins: None, holds: None, splits: None, bills: None }
    }
}

/// The platforms, by channel. Cheap to clone.
#[derive(Clone, Default)]
pub struct Platforms {
    each: BTreeMap<Channel, Platform>,
}

impl Platforms {
    /// With one more platform.
    #[must_use]
    pub fn with(mut self, channel: Channel, platform: Platform) -> Self {
        self.each.insert(channel, platform);
        self
    }

    /// Whether riders can pay there.
    pub fn has(&self, channel: Channel) -> bool {
        self.each.contains_key(&channel)
    }

    /// The channels riders can pay by, in a fixed order.
    pub fn channels(&self) -> impl Iterator<Item = Channel> {
        self.each.keys().copied()
    }

    /// A platform; a channel that is not set up says no.
    ///
    /// # Errors
    /// [`Unsure::No`] `NOT_CONFIGURED`.
    pub fn at(&self, channel: Channel) -> Answer<&Platform> {
        self.each.get(&channel).ok_or_else(|| Unsure::No {
            code: "NOT_CONFIGURED".to_owned(),
            message: format!("{} is not set up", channel.as_str()),
        })
    }
}
