//! One writer for the readings of all stations: whatever waits shares a commit, and each caller
//! hears after it.

use tokio::sync::{mpsc, oneshot};

use crate::crash;
use crate::store::Store;
use crate::store::samples::SampleRow;

/// Messages that may wait for the writer; beyond, links wait before they take more.
const QUEUE_MESSAGES: usize = 1_024;

/// Messages that share a commit at most.
const BATCH_MESSAGES: usize = 512;

/// The way to the writer. Cheap to clone; the writer ends with the last of them.
#[derive(Clone, Debug)]
pub struct SampleWriter {
    queue: mpsc::Sender<Waiting>,
}

/// The rows of one message, and who waits for them.
struct Waiting {
    rows: Vec<SampleRow>,
    stored: oneshot::Sender<()>,
}

/// The readings were not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotStored;

impl SampleWriter {
    /// Starts the writer.
    pub fn start(store: Store) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_MESSAGES);
        tokio::spawn(write(store, waiting));
        Self { queue }
    }

    /// Stores readings. They are durable when it returns.
    ///
    /// # Errors
    /// The database did not take them; storing them again does no harm.
    pub async fn store(&self, rows: Vec<SampleRow>) -> Result<(), NotStored> {
        let (stored, answer) = oneshot::channel();
        self.queue.send(Waiting { rows, stored }).await.map_err(|_| NotStored)?;
        answer.await.map_err(|_| NotStored)
    }
}

async fn write(store: Store, mut queue: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, BATCH_MESSAGES).await > 0 {
        let rows = batch.iter().flat_map(|waiting| waiting.rows.iter().copied()).collect();
        crash::point("before_commit", "readings");
        match store.insert_samples(rows).await {
            Ok(()) => {
                crash::point("after_commit", "readings");
                for waiting in batch.drain(..) {
                    // Whoever has gone away needs no answer.
                    let _ = waiting.stored.send(());
                }
            }
            Err(error) => {
                tracing::error!(%error, messages = batch.len(), "readings not stored");
                // Dropping the senders tells the callers.
                batch.clear();
            }
        }
        // A burst's memory is not kept.
        batch.shrink_to(BATCH_MESSAGES / 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at_ms: i64) -> SampleRow {
        SampleRow { transaction_id: 1, at_ms, register_wh: 0, power_w: None, received_ms: 0 }
    }

    #[tokio::test]
    async fn callers_hear_after_the_commit() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let writer = SampleWriter::start(store.clone());
        let callers = (0..200).map(|at_ms| {
            let (writer, store) = (writer.clone(), store.clone());
            tokio::spawn(async move {
                writer.store(vec![row(at_ms)]).await.unwrap();
                let stored = store.samples(1).await.unwrap();
                assert!(stored.iter().any(|row| row.at_ms == at_ms), "{at_ms} not there");
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.unwrap();
        }
        assert_eq!(store.samples(1).await.unwrap().len(), 200);
    }

    #[tokio::test]
    async fn a_database_without_the_table_is_told_to_the_caller() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let writer = SampleWriter::start(store);
        assert_eq!(writer.store(vec![row(1)]).await, Err(NotStored));
    }
}
