//! `cargo xtask simulate`: lives through seeds of the simulation (server/tests/simulation).

use anyhow::Result;
use clap::Args;

use crate::layout::Layout;
use crate::system::{self, run, say};

/// Which seeds.
#[derive(Args)]
pub struct Seeds {
    /// How many
    #[arg(long = "seeds", default_value_t = 200)]
    count: u64,
    /// The first one
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// This one alone: lives a seed again that failed
    #[arg(long = "seed", conflicts_with_all = ["count", "from"])]
    only: Option<u64>,
}

/// Builds the simulation and lives through the seeds; those that fail are named, each with what
/// happened last.
pub fn live(layout: &Layout, seeds: &Seeds) -> Result<()> {
    let (from, count) = seeds.only.map_or((seeds.from, seeds.count), |seed| (seed, 1));
    say(format!("Live through {count} seeds from {from}"));
    let mut command = system::cargo();
    command.args(["test", "--quiet", "--package", "server", "--test", "simulation", "--"]);
    command.arg("--nocapture").current_dir(&layout.root);
    command.env("SAOCHONG_SIMULATE_FROM", from.to_string());
    command.env("SAOCHONG_SIMULATE_SEEDS", count.to_string());
    run(&mut command)
}
