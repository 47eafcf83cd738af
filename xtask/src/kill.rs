//! `cargo xtask kill`: kills the server under load, again and again (server/tests/kill).

use std::env;

use anyhow::Result;
use clap::Args;

use crate::layout::Layout;
use crate::postgres::{Postgres, URL_VARIABLE};
use crate::system::{self, run, say};

/// How often, and when.
#[derive(Args)]
pub struct Kills {
    /// How often each database's server is killed
    #[arg(long, default_value_t = 100)]
    times: u64,
    /// Chooses the moments: a run that failed is repeated with its seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs a server on each database for riders who come and go, kills it at random moments, and then
/// compares its books with themselves (`saochong ledger check`), the station's and the platform's.
pub fn kill(layout: &Layout, kills: &Kills) -> Result<()> {
    let Kills { times, seed } = kills;
    let started = if env::var(URL_VARIABLE).is_ok() { None } else { Some(Postgres::start()?) };
    say(format!("Kill the server {times} times on each database, seed {seed}"));
    let mut command = system::cargo();
    command.args(["test", "--quiet", "--package", "server", "--test", "kill", "--"]);
    command.args(["f10_f11_blind_kills_under_load_come_to_the_same_end", "--exact", "--nocapture"]);
    command.current_dir(&layout.root);
    command.env("SAOCHONG_KILL_TIMES", times.to_string());
    command.env("SAOCHONG_KILL_SEED", seed.to_string());
    if let Some(postgres) = &started {
        command.env(URL_VARIABLE, postgres.url());
    }
    run(&mut command)
}
