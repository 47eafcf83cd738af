//! `saochong`: the server and its tools.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
