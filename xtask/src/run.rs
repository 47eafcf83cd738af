//! `cargo xtask run`: the demo, from nothing to an open page.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::layout::Layout;
use crate::system::{self, run, say, timed};
use crate::wasm;

/// Builds what is missing and becomes the server, so that Ctrl-C reaches it.
pub fn serve_demo(layout: &Layout, arguments: &[String]) -> Result<()> {
    wasm::build(layout)?;
    build_server(layout)?;
    let folder = layout.target.join("demo");
    fs::create_dir_all(&folder)?;
    let database = format!("sqlite://{}", folder.join("saochong.db").display());
    say(format!("Serve the demo on {database}; Ctrl-C stops it"));
    let error = Command::new(layout.server_binary())
        .args(["serve", "--demo"])
        .args(arguments)
        .env("SAOCHONG_ASSETS", layout.site())
        // By environment, so that an argument after `--` wins.
        .env("SAOCHONG_DATABASE_URL", database)
        .current_dir(&layout.root)
        .exec();
    Err(error).context("cannot start the server")
}

/// Builds the server as developers run it.
fn build_server(layout: &Layout) -> Result<()> {
    timed("Build the server (some minutes the first time)", || {
        run(system::cargo()
            .args(["build", "--package", "server", "--bin", "saochong"])
            .current_dir(&layout.root))
    })
}
