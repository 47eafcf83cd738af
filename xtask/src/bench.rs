//! `cargo xtask bench`: what the server does, as a ratio to what the machine can.

use anyhow::Result;

use crate::layout::Layout;
use crate::system::{self, run, say, timed};

/// Builds the bench program as it would ship, then runs it; it prints a table. Only this command
/// builds without debug assertions, so the first time is long.
pub fn run_all(layout: &Layout) -> Result<()> {
    let bench = |program: &str, arguments: &[&str]| {
        let mut command = system::cargo();
        command.args(["bench", "--package", "server", "--bench", program]).args(arguments);
        command.current_dir(&layout.root);
        command
    };
    timed("Build the benchmarks (long the first time)", || {
        run(&mut bench("limits", &["--no-run"]))?;
        run(&mut bench("reconcile", &["--no-run"]))
    })?;
    say("Measure; set SAOCHONG_TEST_POSTGRES to measure PostgreSQL as well");
    run(&mut bench("limits", &["--quiet"]))?;
    run(&mut bench("reconcile", &["--quiet"]))
}
