//! What commands print: results to standard output, one sentence of failure to standard error.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

/// Prints a result as JSON.
pub fn json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    line(&text)
}

/// Prints a line. A reader that has gone away is no failure of ours.
pub fn line(text: &str) -> Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

/// Says why it could not be done.
pub fn failed(error: &anyhow::Error) -> ExitCode {
    // If nobody hears it, the exit code still says it.
    let _: io::Result<()> = writeln!(io::stderr().lock(), "saochong: {error:#}");
    ExitCode::FAILURE
}

/// Prints text as it is. A reader that has gone away is no failure of ours.
pub fn text(text: &str) -> Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}
