//! Simulated charging stations, over real OCPP 1.6-J connections.
//!
//! A station boots, beats, reports its sockets, starts 1 to 3 seconds after it was asked, meters,
//! ends by itself when the battery is full (`SuspendedEV`, then `StopTransaction` with reason
//! `Local`), keeps Start, Meter and Stop while its link is away and replays them in order.
//!
//! **Speed.** The clock is real, because bills are by the second; batteries fill `times_faster`
//! than in life: at 60 a charge of three hours takes three minutes. The power shown is the
//! bike's own (120 to 450 W). The register runs faster than that power, so that a short charge
//! brings a bill worth reading, but at most [`battery::REGISTER_SPEED_MAX`] times: a meter beyond
//! what the socket can deliver would rightly be taken for broken.
//!
//! **Faults** follow the seed (see [`character`]). The first station never has any.

mod battery;
mod character;
mod outbox;
mod socket;
mod station;

use std::time::Duration;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::character::Dice;
use self::station::Station;

/// How much faster than in life the demo's batteries fill.
pub const DEMO_SPEED: u32 = 60;

/// Pause between the first connections of two stations, so that a fleet is no flood.
const STAGGER: Duration = Duration::from_millis(5);

/// A station to simulate. Reads from JSON: `{"identity":"…","password":"…","sockets":10}`.
#[derive(Clone, Debug, Deserialize)]
pub struct SimulatedStation {
    /// OCPP charge point identity.
    pub identity: String,
    /// The device's key.
    pub password: String,
    /// How many sockets.
    pub sockets: usize,
}

/// Runs stations against `server` (`ws://host:port`; `http://…` will do, TLS will not) until `shutdown`.
pub async fn run(
    server: &str,
    stations: Vec<SimulatedStation>,
    seed: u64,
    times_faster: u32,
    shutdown: CancellationToken,
) {
    let base = websocket_address(server);
    let tasks = TaskTracker::new();
    for (index, simulated) in stations.iter().enumerate() {
        let dice = Dice::of(seed, index);
        let station = Station::new(&base, simulated, index, dice, times_faster.max(1));
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(station.run()));
        tokio::time::sleep(STAGGER).await;
    }
    tasks.close();
    tasks.wait().await;
}

/// The stations `SIM0001` to `SIMnnnn` with one password, as `saochong fleet` runs them. The
/// server must know them (`saochong device add`).
pub fn numbered(devices: usize, sockets: usize, password: &str) -> Vec<SimulatedStation> {
    let station = |number| SimulatedStation {
        identity: format!("SIM{number:04}"),
        password: password.to_owned(),
        sockets,
    };
    (1..=devices).map(station).collect()
}

fn websocket_address(server: &str) -> String {
    let server = server.trim_end_matches('/');
    server.strip_prefix("http").map_or_else(|| server.to_owned(), |rest| format!("ws{rest}"))
}

#[cfg(test)]
mod tests;
