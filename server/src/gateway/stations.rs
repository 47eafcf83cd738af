//! Who is connected, and the way to them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use wasm_core::ids::StationId;

use super::DeviceEvents;
use super::presence::PresenceWriter;
use super::samples::SampleWriter;
use crate::clock::Clock;
use crate::store::{Store, StoreError};

/// Commands that may wait for one station; beyond, they are refused.
const WAITING_COMMANDS: usize = 8;

/// Replacements of one identity's link within [`FLAP_WINDOW`] that mean two devices share it.
const FLAP_REPLACEMENTS: u32 = 4;

/// How long replacements are counted together.
const FLAP_WINDOW: Duration = Duration::from_mins(1);

/// How patient links are.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How often a silent station is pinged; it is dead when the next ping is due and nothing
    /// came. At most 60 s.
    pub ping_every: Duration,
    /// How long a station may take to answer a command.
    pub answer_within: Duration,
    /// How long a station may take to accept a frame.
    pub write_within: Duration,
    /// How often stations shall report readings (`MeterValueSampleInterval`).
    pub sample_every: Duration,
    /// How often stations shall say that they live (`HeartbeatInterval`).
    pub heartbeat_every: Duration,
}

impl Timing {
    /// For the demo, whose charges take three minutes: readings every two seconds.
    pub fn demo() -> Self {
        Self { sample_every: Duration::from_secs(2), ..Self::default() }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ping_every: Duration::from_secs(30),
            answer_within: Duration::from_secs(20),
            write_within: Duration::from_secs(10),
            sample_every: Duration::from_secs(15),
            heartbeat_every: Duration::from_mins(5),
        }
    }
}

/// The stations that are connected. Cheap to clone.
#[derive(Clone)]
pub struct Stations {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub store: Store,
    pub clock: Clock,
    pub events: Arc<dyn DeviceEvents>,
    pub timing: Timing,
    pub samples: SampleWriter,
    pub presence: PresenceWriter,
    pub links: Arc<Links>,
    pub closing: CancellationToken,
}

/// The live links by station.
#[derive(Default)]
pub struct Links {
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    links: HashMap<StationId, Entry>,
    flaps: HashMap<StationId, Flap>,
    last_generation: u64,
}

struct Entry {
    generation: u64,
    commands: mpsc::Sender<Box<Outgoing>>,
    replaced: CancellationToken,
}

/// How often an identity's link was replaced lately.
struct Flap {
    since: Instant,
    replacements: u32,
}

/// A station's new link.
pub(super) struct Attached {
    /// Tells this link from its predecessors and successors.
    pub generation: u64,
    /// Commands for the station.
    pub commands: mpsc::Receiver<Box<Outgoing>>,
    /// Cancelled when a newer link of the same station takes over, or the server ends.
    pub replaced: CancellationToken,
}

/// A command on its way to a station.
pub(super) struct Outgoing {
    pub action: &'static str,
    pub payload: Value,
    pub reply: oneshot::Sender<Reply>,
}

/// What became of a command. A dropped sender means that the link ended before it was sent.
pub(super) enum Reply {
    /// The station answered.
    Result(Value),
    /// The station could not handle it.
    Error { code: String, description: String },
    /// It was sent, and no answer came.
    Silence,
}

impl Stations {
    /// Starts the writers. Until a station connects, all are offline.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn start(
        store: Store,
        clock: Clock,
        events: Arc<dyn DeviceEvents>,
        timing: Timing,
    ) -> Result<Self, StoreError> {
        store.mark_all_offline().await?;
        let links = Arc::new(Links::default());
        let samples = SampleWriter::start(store.clone());
        let presence =
            PresenceWriter::start(store.clone(), Arc::clone(&links), Arc::clone(&events));
        let closing = CancellationToken::new();
        let inner = Inner { store, clock, events, timing, samples, presence, links, closing };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether a station has a live link, and its identity is not used by two devices at once.
    pub fn online(&self, station: &StationId) -> bool {
        self.inner.links.is_online(station)
    }

    /// How many stations are connected.
    pub fn connected(&self) -> usize {
        self.inner.links.lock().links.len()
    }

    /// How many commands wait for a station.
    #[cfg(test)]
    pub(super) fn waiting(&self, station: &StationId) -> usize {
        let commands = self.inner.links.commands(station);
        commands.map_or(0, |commands| commands.max_capacity() - commands.capacity())
    }

    /// Closes all links, as before the server ends. Stations keep what they have to say.
    pub fn close(&self) {
        self.inner.closing.cancel();
    }
}

impl Links {
    fn lock(&self) -> MutexGuard<'_, Live> {
        // Nothing panics while the lock is held; if it ever does, the map is still whole.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a station has a live link of its own.
    pub fn is_online(&self, station: &StationId) -> bool {
        let live = self.lock();
        live.links.contains_key(station)
            && !live.flaps.get(station).is_some_and(Flap::is_two_devices)
    }

    /// Takes a new link in. The newest wins: an older one of the same station is told to end.
    pub(super) fn attach(&self, station: &StationId, closing: &CancellationToken) -> Attached {
        let (commands_in, commands) = mpsc::channel(WAITING_COMMANDS);
        let replaced = closing.child_token();
        let mut live = self.lock();
        live.last_generation += 1;
        let generation = live.last_generation;
        let entry = Entry { generation, commands: commands_in, replaced: replaced.clone() };
        if let Some(older) = live.links.insert(station.clone(), entry) {
            older.replaced.cancel();
            live.note_replacement(station);
        }
        Attached { generation, commands, replaced }
    }

    /// Lets a link go. A newer link of the same station stays.
    pub(super) fn detach(&self, station: &StationId, generation: u64) {
        let mut live = self.lock();
        if live.links.get(station).is_some_and(|entry| entry.generation == generation) {
            live.links.remove(station);
        }
    }

    pub(super) fn commands(&self, station: &StationId) -> Option<mpsc::Sender<Box<Outgoing>>> {
        self.lock().links.get(station).map(|entry| entry.commands.clone())
    }
}

impl Live {
    fn note_replacement(&mut self, station: &StationId) {
        self.flaps.retain(|_, flap| flap.since.elapsed() < FLAP_WINDOW);
        let flap = self
            .flaps
            .entry(station.clone())
            .or_insert_with(|| Flap { since: Instant::now(), replacements: 0 });
        flap.replacements += 1;
        if flap.replacements == FLAP_REPLACEMENTS {
            metrics::counter!("ocpp_identity_conflicts_total").increment(1);
            tracing::error!(%station, "two devices seem to share this identity; no orders on it");
        }
    }
}

impl Flap {
    fn is_two_devices(&self) -> bool {
        self.replacements >= FLAP_REPLACEMENTS && self.since.elapsed() < FLAP_WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_link_wins_and_the_older_ones_end_changes_nothing() {
        let links = Links::default();
        let (station, closing) = (StationId::from("S"), CancellationToken::new());
        let older = links.attach(&station, &closing);
        let newer = links.attach(&station, &closing);
        assert!(older.replaced.is_cancelled());
        assert!(!newer.replaced.is_cancelled());
        links.detach(&station, older.generation);
        assert!(links.is_online(&station));
        links.detach(&station, newer.generation);
        assert!(!links.is_online(&station));
    }

    #[test]
    fn f30_an_identity_used_by_two_devices_is_not_online() {
        let links = Links::default();
        let (station, closing) = (StationId::from("S"), CancellationToken::new());
        for _ in 0..FLAP_REPLACEMENTS {
            links.attach(&station, &closing);
            assert!(links.is_online(&station));
        }
        links.attach(&station, &closing);
        assert!(!links.is_online(&station));
    }
}
