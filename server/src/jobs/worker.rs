//! Claims what is due and carries it out, a bounded number at once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wasm_core::units::{MS_PER_MINUTE, MS_PER_SECOND};

use super::{Done, moved_on};
use crate::clock::Clock;
use crate::crash;
use crate::orders::{Chargers, Job, OrderError, Orders, Platforms};
use crate::store::{JobRow, Lane, Postponed, Store, StoreError};

/// The lanes, and how many jobs of each are carried out at once.
const LANES: [(Lane, usize); 2] = [(Lane::Stations, 64), (Lane::Rest, 32)];
/// Jobs claimed at a time.
const CLAIM_MOST: i64 = 32;
/// Longest sleep between looks at the outbox, milliseconds.
const LOOK_MS: i64 = MS_PER_SECOND;
/// Wait before a job that failed for reasons of our own is tried again, for each failure so far,
/// milliseconds.
const FAILED_AGAIN_MS: i64 = 2 * MS_PER_SECOND;
/// The longest such wait, milliseconds.
const FAILED_AGAIN_MOST_MS: i64 = 5 * MS_PER_MINUTE;
/// From this try on a failure for reasons of our own is more than a hiccup.
const FAILED_ALARMS: i64 = 3;
/// The last such try, after which a person must look.
const FAILED_TRIES: i64 = 20;
/// Jobs that look again until the order has moved on. They have no last try: one that gave up would
/// leave an order hanging.
const LOOKS: [&str; 3] = ["timer", "query_payment", "close_payments"];
/// Wait before what became of a job is recorded again, when the database did not do it.
const RECORD_AGAIN: Duration = Duration::from_secs(1);

/// Carries jobs out. Cheap to clone.
#[derive(Clone)]
pub struct Workers {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// The orders.
    pub orders: Orders,
    /// The stations.
    pub chargers: Arc<dyn Chargers>,
    /// The payment platforms.
    pub platforms: Platforms,
    /// Since when this server can hear stations, milliseconds UTC.
    pub(super) up_since_ms: i64,
}

impl Workers {
    /// Workers of a server that starts now.
    pub fn new(store: Store, clock: Clock, orders: Orders, chargers: Arc<dyn Chargers>) -> Self {
        let up_since_ms = clock.now_ms();
        let platforms = orders.platforms().clone();
        Self { store, clock, orders, chargers, platforms, up_since_ms }
    }

    /// Works until told to stop, then lets the running jobs end.
    ///
    /// # Errors
    /// The database does not answer at the start.
    ///
    /// # Panics
    /// Never: the places are not closed while it runs.
    pub async fn run(self, stop: CancellationToken) -> Result<(), StoreError> {
        let revived = self.store.revive_jobs().await?;
        if revived > 0 {
            tracing::info!(revived, "jobs of the last run go on");
        }
        let lanes = LANES.map(|(lane, most)| (lane, Arc::new(Semaphore::new(most))));
        let (running, freed) = (TaskTracker::new(), Arc::new(Notify::new()));
        while !stop.is_cancelled() {
            let mut begun = 0;
            for (lane, places) in &lanes {
                for row in self.claim(*lane, places.available_permits()).await {
                    let place = places.clone().acquire_owned().await.expect("never closed");
                    let (workers, freed) = (self.clone(), freed.clone());
                    running.spawn(async move {
                        workers.one(row).await;
                        drop(place);
                        freed.notify_one();
                    });
                    begun += 1;
                }
            }
            if begun == 0 {
                let is_full = lanes.iter().any(|(_, places)| places.available_permits() == 0);
                self.rest(&stop, &freed, is_full).await;
            }
        }
        running.close();
        running.wait().await;
        Ok(())
    }

    /// What is due in a lane, as many as there are places.
    async fn claim(&self, lane: Lane, places: usize) -> Vec<JobRow> {
        let most = CLAIM_MOST.min(i64::try_from(places).unwrap_or(CLAIM_MOST));
        if most == 0 {
            return Vec::new();
        }
        let claimed = self.store.claim_jobs(lane, self.clock.now_ms(), most).await;
        claimed.unwrap_or_else(|error| {
            tracing::error!(%error, "the outbox cannot be read");
            Vec::new()
        })
    }

    /// Carries out everything that is due now, and what that brings, one after the other: for
    /// tests and simulations. Returns how many jobs ran.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn run_due(&self) -> Result<usize, StoreError> {
        let mut ran = 0;
        loop {
            let mut jobs = Vec::new();
            for (lane, _) in LANES {
                jobs.extend(self.store.claim_jobs(lane, self.clock.now_ms(), CLAIM_MOST).await?);
            }
            if jobs.is_empty() {
                return Ok(ran);
            }
            jobs.sort_by(|a, b| (a.run_at_ms, &a.id).cmp(&(b.run_at_ms, &b.id)));
            for row in jobs {
                self.one(row).await;
                ran += 1;
            }
        }
    }

    /// Sleeps until the outbox rings, a place is free, the next job is due, or a second has passed.
    /// What is due and has no place is no reason to look again.
    async fn rest(&self, stop: &CancellationToken, freed: &Notify, is_full: bool) {
        let due_ms = self.store.next_job_ms().await.ok().flatten().filter(|_| !is_full);
        let now_ms = self.clock.now_ms();
        let rest_ms = due_ms.map_or(LOOK_MS, |due_ms| (due_ms - now_ms).clamp(1, LOOK_MS));
        let rest = Duration::from_millis(u64::try_from(rest_ms).unwrap_or(1));
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.orders.outbox_rang() => {}
            () = freed.notified() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }

    async fn one(&self, row: JobRow) {
        crash::point("claimed", &row.kind);
        let done = match AssertUnwindSafe(self.attempt(&row)).catch_unwind().await {
            Ok(Ok(done)) => done,
            Ok(Err(error)) if moved_on(&error) => Done::Finished,
            Ok(Err(error)) => failed(&row, &error.to_string()),
            Err(_) => Done::Parked("the job panicked".to_owned()),
        };
        metrics::counter!("saochong_jobs_total", "job" => row.kind.clone(), "done" => done.name())
            .increment(1);
        crash::point("carried_out", &row.kind);
        // A job that is not recorded stays claimed, and nobody would take it up before a restart.
        while let Err(error) = self.record(&row, &done).await {
            tracing::error!(job = row.id, kind = row.kind, %error, "job not recorded");
            if matches!(error, StoreError::Stale) {
                break;
            }
            tokio::time::sleep(RECORD_AGAIN).await;
        }
        crash::point("recorded", &row.kind);
    }

    async fn attempt(&self, row: &JobRow) -> Result<Done, OrderError> {
        let job: Job = serde_json::from_str(&row.payload_json)
            .map_err(|error| StoreError::Unreadable(format!("job {}: {error}", row.id)))?;
        self.carry_out(row, job).await
    }

    async fn record(&self, row: &JobRow, done: &Done) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let postponed = match done {
            Done::Finished => return self.store.finish_job(&row.id).await,
            Done::Again { in_ms, why } => {
                tracing::debug!(order = %row.order_id, kind = row.kind, why, "again");
                Postponed { status: "waiting", run_at_ms: now_ms + in_ms, why, tried: true }
            }
            Done::NotYet { in_ms, why } => {
                Postponed { status: "waiting", run_at_ms: now_ms + in_ms, why, tried: false }
            }
            Done::Parked(why) => {
                tracing::error!(order = %row.order_id, kind = row.kind, why, "parked");
                Postponed { status: "parked", run_at_ms: row.run_at_ms, why, tried: true }
            }
        };
        self.store.postpone_job(&row.id, &postponed, now_ms).await
    }
}

impl Done {
    fn name(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Again { .. } => "again",
            Self::NotYet { .. } => "not_yet",
            Self::Parked(_) => "parked",
        }
    }
}

/// What becomes of a job that failed for reasons of our own.
fn failed(row: &JobRow, why: &str) -> Done {
    let (order, kind, tries) = (&row.order_id, &row.kind, row.attempts);
    if tries >= FAILED_TRIES && !LOOKS.contains(&kind.as_str()) {
        return Done::Parked(why.to_owned());
    }
    if tries >= FAILED_ALARMS {
        tracing::error!(%order, kind, tries, why, "a job fails again and again");
    }
    let in_ms = (FAILED_AGAIN_MS * tries).min(FAILED_AGAIN_MOST_MS);
    Done::Again { in_ms, why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing::Level;

    use super::*;

    #[test]
    fn failures_are_errors_from_the_third_try_on() {
        for tries in 1..=FAILED_TRIES {
            let kind = if tries == FAILED_TRIES { "timer" } else { "refund" };
            let row = JobRow {
                id: "J1".to_owned(),
                operator_id: "op".into(),
                order_id: "O1".into(),
                kind: kind.to_owned(),
                payload_json: String::new(),
                run_at_ms: 0,
                attempts: tries,
            };
            let log = tempfile::NamedTempFile::new().unwrap();
            let hears = tracing_subscriber::fmt()
                .with_max_level(Level::ERROR)
                .with_writer(Arc::new(log.reopen().unwrap()))
                .finish();
            let done = tracing::subscriber::with_default(hears, || failed(&row, "broken"));
            assert!(matches!(done, Done::Again { .. }), "{tries}: {done:?}");
            let said = std::fs::read_to_string(log.path()).unwrap();
            assert_eq!(said.contains("broken"), tries >= 3, "{tries}: {said}");
            assert_eq!(said.contains("O1"), tries >= 3, "{tries}: {said}");
        }
    }
}
