//! A station as its link knows it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use wasm_core::ids::StationId;
use wasm_core::units::MS_PER_MINUTE;

use super::Outcome;
use crate::gateway::ocpp::messages::status::ChargePointStatus;
use crate::gateway::ocpp::messages::stop::SocketSaid;
use crate::gateway::presence::{News, Word};
use crate::gateway::stations::Inner;
use crate::orders::OrderError;
use crate::store::samples::TransactionSeen;
use crate::store::stations::{DeviceRecord, StationAccount};

/// How long a running transaction is believed to run before the database is asked again.
const BELIEVED_MS: i64 = MS_PER_MINUTE;

/// Sockets and running transactions remembered for a station; the oldest go first.
const REMEMBERED: usize = 64;

/// The station behind a link, with what its handlers share.
pub struct Device {
    pub(super) gateway: Arc<Inner>,
    account: StationAccount,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    booted: bool,
    just_booted: bool,
    said: Vec<Heard>,
    running: Vec<Running>,
    noted_ms: i64,
}

/// What a socket said.
struct Heard {
    connector: i64,
    last: SocketSaid,
    /// The last thing it said before `Finishing` and `Available`, which tell nothing of the cause.
    telling: SocketSaid,
}

struct Running {
    transaction_id: i64,
    seen: TransactionSeen,
    believed_until_ms: i64,
}

impl Device {
    /// A station that just connected. One that booted before need not boot again: a lost link is
    /// no restart.
    pub fn new(gateway: Arc<Inner>, account: StationAccount) -> Self {
        let booted = account.last_seen_ms > 0;
        Self { gateway, account, memory: Mutex::new(Memory { booted, ..Memory::default() }) }
    }

    pub fn identity(&self) -> &str {
        &self.account.identity
    }

    pub fn station_id(&self) -> &StationId {
        &self.account.station_id
    }

    pub fn now_ms(&self) -> i64 {
        self.gateway.clock.now_ms()
    }

    pub fn booted(&self) -> bool {
        self.memory().booted
    }

    pub(super) fn set_booted(&self) {
        let mut memory = self.memory();
        memory.booted = true;
        memory.just_booted = true;
    }

    /// Whether a boot was accepted since this was last asked.
    pub fn take_just_booted(&self) -> bool {
        std::mem::take(&mut self.memory().just_booted)
    }

    /// Whether it is time again to note that the station lives.
    pub(super) fn is_note_due(&self, now_ms: i64) -> bool {
        let mut memory = self.memory();
        let due = now_ms - memory.noted_ms >= MS_PER_MINUTE;
        if due {
            memory.noted_ms = now_ms;
        }
        due
    }

    /// What a socket said that may tell why its charge ended; none if it did not on this link.
    pub(super) fn telling(&self, connector: i64) -> Option<SocketSaid> {
        let memory = self.memory();
        let heard = memory.said.iter().find(|heard| heard.connector == connector)?;
        Some(heard.telling.clone())
    }

    /// Remembers what a socket says. Whether it is news.
    pub(super) fn hear(&self, connector: i64, said: SocketSaid) -> bool {
        let mut memory = self.memory();
        let over = [ChargePointStatus::Finishing, ChargePointStatus::Available];
        let Some(heard) = memory.said.iter_mut().find(|heard| heard.connector == connector) else {
            make_room(&mut memory.said);
            memory.said.push(Heard { connector, last: said.clone(), telling: said });
            return true;
        };
        if !over.contains(&said.status) {
            heard.telling = said.clone();
        }
        let news = heard.last != said;
        heard.last = said;
        news
    }

    /// A transaction of this station, from memory while it is fresh. An ended one is never
    /// remembered.
    pub(super) async fn transaction(&self, id: i64) -> Result<Option<TransactionSeen>, Outcome> {
        let now_ms = self.now_ms();
        let fresh =
            |running: &&Running| running.transaction_id == id && now_ms < running.believed_until_ms;
        if let Some(running) = self.memory().running.iter().find(fresh) {
            return Ok(Some(running.seen));
        }
        let account = &self.account;
        let seen = self
            .gateway
            .store
            .transaction_seen(&account.operator_id, &account.station_id, id)
            .await
            .map_err(|error| Outcome::Trouble(error.to_string()))?;
        self.forget(id);
        if let Some(seen) = seen.filter(|seen| seen.stopped_ms.is_none()) {
            let mut memory = self.memory();
            make_room(&mut memory.running);
            let believed_until_ms = now_ms + BELIEVED_MS;
            memory.running.push(Running { transaction_id: id, seen, believed_until_ms });
        }
        Ok(seen)
    }

    /// The transaction that readings belong to: the one they name, or else the one that runs at
    /// their socket, since naming it is optional.
    pub(super) async fn metered_transaction(
        &self,
        named: Option<i64>,
        connector: i64,
    ) -> Result<Option<i64>, Outcome> {
        if named.is_some() {
            return Ok(named);
        }
        let here = |running: &&Running| running.seen.connector == connector;
        if let Some(running) = self.memory().running.iter().find(here) {
            return Ok(Some(running.transaction_id));
        }
        let account = &self.account;
        let store = &self.gateway.store;
        store
            .running_transaction(&account.operator_id, &account.station_id, connector)
            .await
            .map_err(|error| Outcome::Trouble(error.to_string()))
    }

    pub(super) fn forget(&self, transaction_id: i64) {
        self.memory().running.retain(|running| running.transaction_id != transaction_id);
    }

    /// Keeps a message that cannot be used.
    pub(super) async fn keep(
        &self,
        action: &str,
        payload: &Value,
        reason: &str,
    ) -> Result<(), Outcome> {
        tracing::warn!(identity = self.identity(), action, reason, "message kept unused");
        let record = DeviceRecord {
            operator_id: self.account.operator_id.clone(),
            station_id: self.account.station_id.clone(),
            action: action.to_owned(),
            payload_json: payload.to_string(),
            reason: reason.to_owned(),
            received_ms: self.now_ms(),
        };
        let kept = self.gateway.store.keep_device_record(&record).await;
        kept.map_err(|error| Outcome::Trouble(error.to_string()))
    }

    /// Tells the presence writer.
    pub async fn tell(&self, news: News) {
        let word = Word {
            operator_id: self.account.operator_id.clone(),
            station_id: self.account.station_id.clone(),
            at_ms: self.now_ms(),
            news,
        };
        self.gateway.presence.tell(word).await;
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Each use leaves the memory whole.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room<T>(list: &mut Vec<T>) {
    if list.len() >= REMEMBERED {
        list.remove(0);
    }
}

/// An error of `orders` about a device's message: a database that is away is our own trouble;
/// anything else would come again with the same message, so the message is to be kept.
pub(super) fn order_error(error: OrderError) -> Result<String, Outcome> {
    match error {
        OrderError::Store(error) => Err(Outcome::Trouble(error.to_string())),
        other => Ok(other.to_string()),
    }
}
