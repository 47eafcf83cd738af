//! One writer for what stations say of themselves: online or not, boots, socket states.
//!
//! It writes what is true when it writes, not what was true when it was told: so an old link's
//! end can never overwrite a new link's beginning, and a storm of boots becomes a few commits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use wasm_core::ids::{OperatorId, StationId};

use super::DeviceEvents;
use super::stations::Links;
use crate::store::Store;
use crate::store::stations::{BootInfo, Presence, SocketStatus};

/// Words that may wait for the writer; beyond, links wait.
const QUEUE_WORDS: usize = 1_024;

/// Words that share a commit at most.
const BATCH_WORDS: usize = 512;

/// How long the writer waits before it tries a database again that refused.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The way to the writer. Cheap to clone.
#[derive(Clone)]
pub struct PresenceWriter {
    queue: mpsc::Sender<Word>,
}

/// What a station said, or what its link saw.
pub struct Word {
    /// The tenant.
    pub operator_id: OperatorId,
    /// The station.
    pub station_id: StationId,
    /// When, milliseconds UTC.
    pub at_ms: i64,
    /// What.
    pub news: News,
}

/// The news itself.
pub enum News {
    /// The link came, went, or is still there.
    Link,
    /// The station booted.
    Boot(BootInfo),
    /// A socket's state.
    Socket(SocketStatus),
}

/// What is known and not yet written of one station.
struct Unwritten {
    operator_id: OperatorId,
    seen_ms: i64,
    boot: Option<BootInfo>,
    sockets: BTreeMap<i64, SocketStatus>,
}

impl PresenceWriter {
    /// Starts the writer.
    pub fn start(store: Store, links: Arc<Links>, events: Arc<dyn DeviceEvents>) -> Self {
        let (queue, words) = mpsc::channel(QUEUE_WORDS);
        let writer = Writer { store, links, events, unwritten: HashMap::new() };
        tokio::spawn(writer.run(words));
        Self { queue }
    }

    /// Tells the writer; it writes soon.
    pub async fn tell(&self, word: Word) {
        // The writer lives as long as this sender.
        let _ = self.queue.send(word).await;
    }
}

struct Writer {
    store: Store,
    links: Arc<Links>,
    events: Arc<dyn DeviceEvents>,
    unwritten: HashMap<StationId, Unwritten>,
}

impl Writer {
    async fn run(mut self, mut words: mpsc::Receiver<Word>) {
        let mut batch = Vec::new();
        while words.recv_many(&mut batch, BATCH_WORDS).await > 0 {
            for word in batch.drain(..) {
                self.note(word);
            }
            while !self.write().await {
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }

    fn note(&mut self, word: Word) {
        let unwritten = self.unwritten.entry(word.station_id).or_insert_with(|| Unwritten {
            operator_id: word.operator_id,
            seen_ms: 0,
            boot: None,
            sockets: BTreeMap::new(),
        });
        unwritten.seen_ms = unwritten.seen_ms.max(word.at_ms);
        match word.news {
            News::Link => {}
            News::Boot(boot) => unwritten.boot = Some(boot),
            News::Socket(socket) => {
                unwritten.sockets.insert(socket.connector, socket);
            }
        }
    }

    /// Whether all is written.
    async fn write(&mut self) -> bool {
        let presences: Vec<Presence> = self
            .unwritten
            .iter()
            .map(|(station_id, unwritten)| Presence {
                operator_id: unwritten.operator_id.clone(),
                station_id: station_id.clone(),
                online: self.links.is_online(station_id),
                seen_ms: unwritten.seen_ms,
                boot: unwritten.boot.clone(),
                sockets: unwritten.sockets.values().cloned().collect(),
            })
            .collect();
        if let Err(error) = self.store.write_presence(&presences).await {
            tracing::error!(%error, stations = presences.len(), "stations' states not written");
            return false;
        }
        for presence in presences.iter().filter(|presence| !presence.sockets.is_empty()) {
            self.events.station_changed(&presence.station_id);
        }
        self.unwritten = HashMap::new();
        true
    }
}
