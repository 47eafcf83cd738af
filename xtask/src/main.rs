//! The project's commands. `cargo xtask --help` lists them; each says what it does while it does it.

mod bench;
mod e2e;
mod kill;
mod layout;
mod lint;
mod mutate;
mod postgres;
mod python;
mod run;
mod simulate;
mod site;
mod system;
mod tally;
mod test;
mod tidy;
mod toolchain;
mod wasm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::layout::Layout;

#[derive(Parser)]
#[command(about = "The project's commands", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the pages and the server, then serve the demo on SQLite
    Run {
        /// Handed to `saochong serve` after our own arguments
        #[arg(last = true)]
        serve_arguments: Vec<String>,
    },
    /// Run every check: lint, Rust tests on both databases, the WASM package, the browser and the peers
    Test {
        /// Only these parts
        parts: Vec<test::Part>,
    },
    /// Check format, clippy and the rules of this repository
    Lint,
    /// Check the rules that neither compiler nor clippy sees
    Tidy,
    /// Build the browser's files and the JavaScript package of the domain
    Wasm,
    /// Measure against the limits of this machine
    Bench,
    /// Live through seeds of the simulation
    Simulate(simulate::Seeds),
    /// Kill the server at random moments under load, then check that nothing is lost or paid twice
    Kill(kill::Kills),
    /// Break the code on purpose, and see whether the simulation finds it
    Mutate(mutate::Mistakes),
}

fn main() -> ExitCode {
    match start(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(command: Command) -> anyhow::Result<()> {
    let layout = Layout::find()?;
    match command {
        Command::Run { serve_arguments } => run::serve_demo(&layout, &serve_arguments),
        Command::Test { parts } => test::all(&layout, &parts),
        Command::Lint => lint::all(&layout),
        Command::Tidy => lint::tidy(&layout),
        Command::Wasm => wasm::build(&layout).and_then(|()| site::weigh(&layout)),
        Command::Bench => bench::run_all(&layout),
        Command::Simulate(seeds) => simulate::live(&layout, &seeds),
        Command::Kill(kills) => kill::kill(&layout, &kills),
        Command::Mutate(mistakes) => mutate::all(&layout, &mistakes),
    }
}
