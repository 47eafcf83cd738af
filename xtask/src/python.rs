//! The Python peers: a virtual environment of their own, made again when the requirements change.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::layout::Layout;
use crate::system::{Need, ensure_needs, run, succeeds, timed};

/// The interpreter that has the peers' packages.
pub fn ensure_environment(layout: &Layout) -> Result<PathBuf> {
    ensure_needs(&[Need {
        what: "Python with venv for the peers",
        met: || succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"])),
        packages: &["python3", "python3-venv"],
    }])?;
    let folder = layout.e2e_output().join("python");
    let python = folder.join("bin/python");
    let wanted = fs::read_to_string(layout.e2e().join("requirements.txt"))?;
    let stamp = folder.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    timed("Install the Python peers", || {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        run(Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(layout.e2e().join("requirements.txt")))
    })?;
    fs::write(stamp, wanted)?;
    Ok(python)
}
