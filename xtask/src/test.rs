//! `cargo xtask test`: every check there is, and one line that counts them all.

use std::env;
use std::process::Command;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::e2e;
use crate::layout::Layout;
use crate::lint;
use crate::postgres::{Postgres, URL_VARIABLE};
use crate::site;
use crate::system::{self, say, succeeds, timed};
use crate::tally::{Tally, run_counted};
use crate::wasm;

/// What can be tested by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Format, clippy and the rules of this repository
    Lint,
    /// Every Rust test, on SQLite and PostgreSQL
    Rust,
    /// Build the WASM and test the JavaScript package of the domain
    Wasm,
    /// The browser and the protocol peers against the real server
    E2e,
}

/// Runs the parts, all if none is named. A part that fails does not keep the next from running.
pub fn all(layout: &Layout, parts: &[Part]) -> Result<()> {
    let parts = if parts.is_empty() { Part::value_variants() } else { parts };
    let mut tally = Tally::default();
    let mut failed = Vec::new();
    for part in parts {
        let counted =
            timed(&format!("Test: {part:?}"), || part.run(layout)).unwrap_or_else(|error| {
                eprintln!("xtask: {error:#}");
                Tally::FAILED
            });
        if counted.failed > 0 {
            failed.push(format!("{part:?}"));
        }
        tally += counted;
    }
    if !failed.is_empty() {
        say(format!("Failed: {}", failed.join(", ")));
    }
    println!("{tally}");
    if tally.failed > 0 {
        bail!("not every test passed");
    }
    Ok(())
}

impl Part {
    fn run(self, layout: &Layout) -> Result<Tally> {
        match self {
            Self::Lint => Ok(lint::counted(layout)),
            Self::Rust => rust(layout),
            Self::Wasm => wasm_package(layout),
            Self::E2e => {
                wasm::build(layout)?;
                e2e::all(layout)
            }
        }
    }
}

/// Rust tests, with a PostgreSQL that the caller named or that lives as long as they run.
fn rust(layout: &Layout) -> Result<Tally> {
    let started = if env::var_os(URL_VARIABLE).is_none() { Some(Postgres::start()?) } else { None };
    let with_database = |mut command: Command| {
        if let Some(postgres) = &started {
            command.env(URL_VARIABLE, postgres.url());
        }
        command.current_dir(&layout.root);
        command
    };
    let mut tests = system::cargo();
    // Without nextest cargo's own runner does the same, slower: installing it would take longer.
    let has_nextest = succeeds(system::cargo().args(["nextest", "--version"]));
    if has_nextest {
        tests.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    } else {
        tests.args(["test", "--workspace", "--all-targets", "--no-fail-fast"]);
    }
    let mut tally = run_counted(&mut with_database(tests))?;
    let mut documentation = system::cargo();
    documentation.args(["test", "--workspace", "--doc", "--no-fail-fast"]);
    tally += run_counted(&mut with_database(documentation))?;
    Ok(tally)
}

/// Builds what browsers and Node load, and lets Node use it.
fn wasm_package(layout: &Layout) -> Result<Tally> {
    wasm::build(layout)?;
    let mut tally = match site::weigh(layout) {
        Ok(()) => Tally::PASSED,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            Tally::FAILED
        }
    };
    e2e::ensure_node()?;
    tally += run_counted(
        e2e::node_test()
            .arg(layout.root.join("wasm-core/js/test.mjs"))
            .env("SAOCHONG_CORE", layout.core_package()),
    )?;
    Ok(tally)
}
