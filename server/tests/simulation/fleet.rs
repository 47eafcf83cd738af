//! Stations with sockets and registers of their own. They lose links and power, answer and do
//! nothing, start after everybody has given up, and say things twice.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::future::{BoxFuture, FutureExt, ready};
use server::clock::Clock;
use server::orders::{Answer, Chargers, CommandAnswer, Reading, StartRecord, StopRecord, Unsure};
use wasm_core::ids::{OrderId, StationId};
use wasm_core::order::StopReason;

use crate::chance::{below, between, percent};

const MS_PER_HOUR: i64 = 3_600_000;
/// Between two readings, milliseconds.
const READ_EVERY_MS: i64 = 60_000;

/// What a station has to say, in the order it happened.
#[derive(Clone, Debug)]
pub enum Word {
    Start(StartRecord),
    Read { tag: String, reading: Reading },
    Stop { tag: String, record: StopRecord },
}

/// A charge at a socket.
#[derive(Clone, Debug)]
pub struct Charge {
    pub tag: String,
    pub transaction_id: Option<i64>,
    /// By the station's clock.
    pub started_ms: i64,
    pub start_wh: i64,
    pub stop_wh: Option<i64>,
    /// It ended without a word.
    pub forgotten: bool,
    /// The station restarted while it ran, so its registers may have jumped.
    pub disturbed: bool,
    power_w: i64,
    full_wh: i64,
    read_ms: i64,
}

/// A socket.
pub struct Socket {
    pub connector: i64,
    /// Thousandths of a watt-hour.
    register_mwh: i64,
    moved_ms: i64,
    /// An accepted start, and when it comes about.
    starts: Option<(i64, String)>,
    /// When the running charge ends, and why.
    ends: Option<(i64, StopReason)>,
    running: Option<usize>,
}

/// A station.
pub struct Station {
    pub id: StationId,
    pub online: bool,
    /// How far its clock is ahead of the truth, milliseconds.
    ahead_ms: i64,
    pub sockets: Vec<Socket>,
    pub words: VecDeque<Word>,
    /// Sockets that report idle after a restart.
    pub idle: Vec<i64>,
}

/// All stations, and every charge there ever was.
pub struct Yard {
    pub stations: Vec<Station>,
    pub charges: Vec<Charge>,
    pub calm: bool,
    /// Orders whose start was commanded.
    pub commanded: Vec<OrderId>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Fleet {
    yard: Arc<Mutex<Yard>>,
    clock: Clock,
}

impl Fleet {
    pub fn new(clock: Clock, stations: Vec<(StationId, usize)>) -> Self {
        let now_ms = clock.now_ms();
        let socket = |connector| Socket {
            connector,
            register_mwh: between(0, 900_000) * 1_000,
            moved_ms: now_ms,
            starts: None,
            ends: None,
            running: None,
        };
        let station = |(id, sockets): (StationId, usize)| Station {
            id,
            online: true,
            // Right, a little off, or at its factory's 1970.
            ahead_ms: [0, 0, 100_000, -170_000, 1_000 - now_ms][below(5)],
            sockets: (1..=sockets).map(|nth| socket(i64::try_from(nth).expect("few"))).collect(),
            words: VecDeque::new(),
            idle: Vec::new(),
        };
        let stations = stations.into_iter().map(station).collect();
        let yard = Yard { stations, charges: Vec::new(), calm: false, commanded: Vec::new() };
        Self { yard: Arc::new(Mutex::new(yard)), clock }
    }

    pub fn yard(&self) -> MutexGuard<'_, Yard> {
        self.yard.lock().expect("no panic while locked")
    }

    /// Lets current flow until now, and what falls due happen.
    pub fn tick(&self) {
        let now_ms = self.clock.now_ms();
        let mut yard = self.yard();
        let Yard { stations, charges, .. } = &mut *yard;
        for station in stations {
            let Station { id, sockets, words, ahead_ms, .. } = station;
            let by_its_clock = (now_ms, now_ms + *ahead_ms);
            for socket in sockets {
                socket.flow(charges, now_ms);
                socket.begin(id, charges, words, by_its_clock);
                socket.read(charges, words, by_its_clock);
                socket.end_if_due(id, charges, words, by_its_clock);
            }
        }
    }

    /// A station loses power: charges end, with a word about it later or none.
    pub fn restart(&self, nth: usize) {
        let now_ms = self.clock.now_ms();
        let mut yard = self.yard();
        let calm = yard.calm;
        let Yard { stations, charges, .. } = &mut *yard;
        let Station { id, sockets, words, idle, ahead_ms, .. } = &mut stations[nth];
        for socket in sockets {
            socket.flow(charges, now_ms);
            socket.starts = None;
            let Some(running) = socket.running else { continue };
            charges[running].disturbed = true;
            if !calm && percent(40) {
                charges[running].forgotten = true;
                charges[running].stop_wh = Some(socket.register_mwh / 1_000);
                socket.running = None;
                socket.ends = None;
                idle.push(socket.connector);
                if percent(50) {
                    socket.register_mwh = 0;
                }
            } else {
                socket.end(id, charges, words, now_ms + *ahead_ms, StopReason::PowerLoss);
            }
        }
    }
}

impl Socket {
    fn flow(&mut self, charges: &[Charge], now_ms: i64) {
        if let Some(running) = self.running {
            let flown_ms = now_ms - self.moved_ms;
            self.register_mwh += charges[running].power_w * flown_ms * 1_000 / MS_PER_HOUR;
        }
        self.moved_ms = now_ms;
    }

    fn begin(
        &mut self,
        station: &StationId,
        charges: &mut Vec<Charge>,
        words: &mut VecDeque<Word>,
        (now_ms, told_ms): (i64, i64),
    ) {
        let due = self.starts.as_ref().is_some_and(|(at_ms, _)| *at_ms <= now_ms);
        if !due || self.running.is_some() {
            return;
        }
        let (_, tag) = self.starts.take().expect("it is due");
        let start_wh = self.register_mwh / 1_000;
        self.register_mwh = start_wh * 1_000;
        self.running = Some(charges.len());
        self.ends =
            percent(20).then(|| (now_ms + between(1, 4 * MS_PER_HOUR), StopReason::Unplugged));
        words.push_back(Word::Start(StartRecord {
            station_id: station.clone(),
            connector: self.connector,
            id_tag: tag.clone(),
            at_ms: told_ms,
            meter_start_wh: start_wh,
        }));
        charges.push(Charge {
            tag,
            transaction_id: None,
            started_ms: told_ms,
            start_wh,
            stop_wh: None,
            forgotten: false,
            disturbed: false,
            power_w: between(60, 900),
            full_wh: between(50, 2_500),
            read_ms: now_ms,
        });
    }

    fn read(
        &self,
        charges: &mut [Charge],
        words: &mut VecDeque<Word>,
        (now_ms, told_ms): (i64, i64),
    ) {
        let Some(charge) = self.running.map(|running| &mut charges[running]) else { return };
        if now_ms - charge.read_ms >= READ_EVERY_MS {
            charge.read_ms = now_ms;
            let register_wh = self.register_mwh / 1_000;
            let reading = Reading { at_ms: told_ms, register_wh, power_w: Some(charge.power_w) };
            words.push_back(Word::Read { tag: charge.tag.clone(), reading });
        }
    }

    fn end_if_due(
        &mut self,
        station: &StationId,
        charges: &mut [Charge],
        words: &mut VecDeque<Word>,
        (now_ms, told_ms): (i64, i64),
    ) {
        let Some(running) = self.running else { return };
        let drawn_wh = self.register_mwh / 1_000 - charges[running].start_wh;
        let full = (drawn_wh >= charges[running].full_wh).then_some(StopReason::Full);
        let told = self.ends.filter(|(at_ms, _)| *at_ms <= now_ms).map(|(_, reason)| reason);
        if let Some(reason) = full.or(told) {
            self.end(station, charges, words, told_ms, reason);
        }
    }

    fn end(
        &mut self,
        station: &StationId,
        charges: &mut [Charge],
        words: &mut VecDeque<Word>,
        told_ms: i64,
        reason: StopReason,
    ) {
        let Some(running) = self.running.take() else { return };
        self.ends = None;
        let charge = &mut charges[running];
        let meter_stop_wh = self.register_mwh / 1_000;
        charge.stop_wh = Some(meter_stop_wh);
        let tag = charge.tag.clone();
        let record = StopRecord {
            station_id: station.clone(),
            transaction_id: charge.transaction_id.unwrap_or(-1),
            id_tag: Some(tag.clone()),
            at_ms: told_ms,
            meter_stop_wh,
            reason,
            readings: Vec::new(),
        };
        words.push_back(Word::Stop { tag, record });
    }
}

impl Chargers for Fleet {
    fn is_online(&self, station: &StationId) -> bool {
        self.yard().stations.iter().any(|known| known.id == *station && known.online)
    }

    fn start<'a>(
        &'a self,
        station: &'a StationId,
        connector: i64,
        order: &'a OrderId,
    ) -> BoxFuture<'a, Answer<CommandAnswer>> {
        ready(self.command_start(station, connector, order)).boxed()
    }

    fn stop<'a>(
        &'a self,
        station: &'a StationId,
        transaction_id: i64,
    ) -> BoxFuture<'a, Answer<CommandAnswer>> {
        ready(self.command_stop(station, transaction_id)).boxed()
    }
}

impl Fleet {
    fn command_start(
        &self,
        station: &StationId,
        connector: i64,
        order: &OrderId,
    ) -> Answer<CommandAnswer> {
        let now_ms = self.clock.now_ms();
        let mut yard = self.yard();
        yard.commanded.push(order.clone());
        let calm = yard.calm;
        let station = yard.stations.iter_mut().find(|known| known.id == *station);
        let station = station.expect("a station of ours");
        if !station.online {
            return Ok(CommandAnswer::Offline);
        }
        let at = usize::try_from(connector - 1).expect("from 1");
        let socket = &mut station.sockets[at];
        let fate = if calm { 99 } else { below(100) };
        if fate < 8 {
            return Err(Unsure::Unknown("the command was lost".to_owned()));
        }
        if socket.running.is_some() || (8..16).contains(&fate) {
            return Ok(CommandAnswer::Rejected);
        }
        if (16..26).contains(&fate) {
            // Accepted, and nothing happens.
            return Ok(CommandAnswer::Accepted);
        }
        let after_ms =
            if calm || percent(80) { between(500, 9_000) } else { between(9_000, 400_000) };
        socket.starts = Some((now_ms + after_ms, order.0.clone()));
        if (26..34).contains(&fate) {
            return Err(Unsure::Unknown("the answer was lost".to_owned()));
        }
        Ok(CommandAnswer::Accepted)
    }

    fn command_stop(&self, station: &StationId, transaction_id: i64) -> Answer<CommandAnswer> {
        let now_ms = self.clock.now_ms();
        let mut yard = self.yard();
        let calm = yard.calm;
        let Yard { stations, charges, .. } = &mut *yard;
        let station = stations.iter_mut().find(|known| known.id == *station);
        let station = station.expect("a station of ours");
        if !station.online {
            return Ok(CommandAnswer::Offline);
        }
        if !calm && percent(15) {
            return Err(Unsure::Unknown("the command was lost".to_owned()));
        }
        let is_it = |socket: &&mut Socket| {
            socket.running.is_some_and(|at| charges[at].transaction_id == Some(transaction_id))
        };
        let Some(socket) = station.sockets.iter_mut().find(is_it) else {
            return Ok(CommandAnswer::Rejected);
        };
        socket.ends = Some((now_ms + between(0, 3_000), StopReason::Unknown));
        Ok(CommandAnswer::Accepted)
    }
}
