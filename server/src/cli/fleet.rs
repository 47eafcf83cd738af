//! `saochong fleet`: simulated stations against any server, over real OCPP connections.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use server::demo::fleet::{self, SimulatedStation};
use tokio_util::sync::CancellationToken;

#[derive(Args)]
pub struct FleetArgs {
    /// The server's address for devices: `ws://host:port`
    #[arg(long, env = "SAOCHONG_FLEET_SERVER", default_value = "ws://127.0.0.1:8080")]
    server: String,
    /// How many stations, named SIM0001 and so on
    #[arg(long, env = "SAOCHONG_FLEET_DEVICES", default_value_t = 12)]
    devices: usize,
    /// Sockets of each station
    #[arg(long, env = "SAOCHONG_FLEET_SOCKETS", default_value_t = 10,
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=20))]
    sockets: usize,
    /// Seed of their behaviour
    #[arg(long, env = "SAOCHONG_FLEET_SEED", default_value_t = 1)]
    seed: u64,
    /// How many times faster than in life batteries fill
    #[arg(long, env = "SAOCHONG_FLEET_SPEED", default_value_t = fleet::DEMO_SPEED)]
    speed: u32,
    /// The key of all stations
    #[arg(long, env = "SAOCHONG_DEVICE_PASSWORD", hide_env_values = true, default_value = "")]
    password: String,
    /// A JSON file with the stations instead: `[{"identity", "password", "sockets"}]`
    #[arg(long, env = "SAOCHONG_FLEET_STATIONS", value_name = "FILE")]
    stations: Option<PathBuf>,
}

impl FleetArgs {
    /// Runs until SIGINT.
    pub async fn run(self) -> Result<()> {
        let stations = match &self.stations {
            Some(file) => read(file)?,
            None => fleet::numbered(self.devices, self.sockets, &self.password),
        };
        let stop = CancellationToken::new();
        let running = fleet::run(&self.server, stations, self.seed, self.speed, stop.clone());
        tokio::select! {
            () = running => Ok(()),
            interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot watch SIGINT"),
        }
    }
}

fn read(file: &PathBuf) -> Result<Vec<SimulatedStation>> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} has no stations", file.display()))
}
