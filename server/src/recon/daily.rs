//! What the server does each day by itself: it closes the books and reconciles the bills. Days it
//! missed are made up for.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wasm_core::day::Day;
use wasm_core::order::Channel;
use wasm_core::units::{MS_PER_HOUR, MS_PER_MINUTE};

use super::{Progress, Recon, ReconError};
use crate::ledger::closing::close_due;
use crate::store::StoreError;

/// How often is looked for what is due.
const LOOK_EVERY: Duration = Duration::from_mins(5);
/// How long after midnight bills are asked for, milliseconds: the platforms have them by ten.
const BILL_AFTER_MS: i64 = 10 * MS_PER_HOUR + 30 * MS_PER_MINUTE;
/// How long a bill that could not be had or read is let be, milliseconds.
const AGAIN_AFTER_MS: i64 = MS_PER_HOUR;
/// How many days back bills are asked for by itself.
const DAYS_BACK: i64 = 7;

/// Keeps the books until told to stop.
pub async fn keep_books(recon: Recon, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        tokio::select! {
            () = recon.due(&stop) => {}
            () = stop.cancelled() => return,
        }
    }
}

impl Recon {
    /// Does what is due now.
    pub async fn due(&self, stop: &CancellationToken) {
        let now_ms = self.clock.now_ms();
        if let Err(error) = close_due(&self.store, now_ms, None, stop).await {
            tracing::error!(%error, "the books cannot be closed");
        }
        let channels: Vec<Channel> = self.orders.platforms().channels().collect();
        for channel in channels {
            if let Err(error) = self.reconcile_due(channel, now_ms).await {
                tracing::warn!(channel = channel.as_str(), %error, "a bill was not reconciled");
            }
        }
    }

    async fn reconcile_due(&self, channel: Channel, now_ms: i64) -> Result<(), ReconError> {
        if self.orders.platforms().at(channel)?.bills.is_none() {
            return Ok(());
        }
        let Some(first) = self.first_day().await? else { return Ok(()) };
        let today = Day::of(now_ms - BILL_AFTER_MS);
        for number in first.number.max(today.number - DAYS_BACK)..today.number {
            let day = Day { number };
            let due = match self.store.run(channel, day).await? {
                None => true,
                Some(run) if run.status == "done" => false,
                Some(run) => run.updated_ms + AGAIN_AFTER_MS <= now_ms,
            };
            if due {
                let reports = watch::Sender::new(Progress::default());
                if let Err(error) = self.reconcile(channel, day, None, &reports).await {
                    tracing::warn!(channel = channel.as_str(), %day, %error, "no bill yet");
                }
            }
        }
        Ok(())
    }

    /// The first day on which anybody posted anything.
    async fn first_day(&self) -> Result<Option<Day>, StoreError> {
        let mut first: Option<i64> = None;
        for operator in self.store.operator_ids().await? {
            let begun = self.store.first_posted_ms(&operator).await?;
            first = first.into_iter().chain(begun).min();
        }
        Ok(first.map(Day::of))
    }
}
