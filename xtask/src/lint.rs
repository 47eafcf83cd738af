//! `cargo xtask lint`: format, clippy, and [`crate::tidy`] over what git knows.

use std::fs;
use std::process::Command;

use anyhow::{Result, bail};

use crate::layout::Layout;
use crate::system::{self, find_program, read, run, say, timed};
use crate::tally::Tally;
use crate::tidy::{self, Source};

/// Clippy's runs: the native workspace, then the code that only browsers run. Cargo unifies features
/// over one build, so the second kind needs builds of its own.
const CLIPPY: [&[&str]; 3] = [
    &["--workspace", "--all-targets"],
    &["--package", "app", "--lib", "--features", "browser"],
    &["--package", "wasm-core", "--lib", "--features", "wasm"],
];

/// Everything; stops at the end, so that one run shows all that is wrong.
pub fn all(layout: &Layout) -> Result<()> {
    let tally = counted(layout);
    if tally.failed > 0 {
        bail!("{} of the checks failed", tally.failed);
    }
    Ok(())
}

/// The same, counted.
pub fn counted(layout: &Layout) -> Tally {
    let mut tally = Tally::default();
    let mut check = |name: &str, work: &dyn Fn() -> Result<()>| {
        tally += match timed(name, work) {
            Ok(()) => Tally::PASSED,
            Err(error) => {
                eprintln!("xtask: {error:#}");
                Tally::FAILED
            }
        };
    };
    check("tidy", &|| tidy(layout));
    check("cargo fmt", &|| {
        run(system::cargo().args(["fmt", "--all", "--check"]).current_dir(&layout.root))
    });
    for arguments in CLIPPY {
        check(&format!("cargo clippy {}", arguments.join(" ")), &|| clippy(layout, arguments));
    }
    // Its rules on who may depend on what are in tidy as well: this one takes minutes to install.
    if find_program("cargo-deny").is_some() {
        check("cargo deny", &|| {
            run(system::cargo()
                .args(["deny", "--offline", "check", "bans", "licenses", "sources"])
                .current_dir(&layout.root))
        });
    } else {
        say("cargo-deny is not installed: licences of dependencies are not checked");
    }
    tally
}

fn clippy(layout: &Layout, arguments: &[&str]) -> Result<()> {
    run(system::cargo()
        .arg("clippy")
        .args(arguments)
        .args(["--", "-D", "warnings"])
        .current_dir(&layout.root))
}

/// The rules of this repository, over tracked and new files.
pub fn tidy(layout: &Layout) -> Result<()> {
    let listing = read(
        Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
            .current_dir(&layout.root),
    )?;
    let mut sources = Vec::new();
    for path in listing.split('\0').filter(|path| !path.is_empty()) {
        // What git still lists but is gone, and what is not text, has nothing to check.
        if let Ok(text) = fs::read_to_string(layout.root.join(path)) {
            sources.push(Source { path: path.to_owned(), text });
        }
    }
    let findings = tidy::check(&sources);
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    Ok(())
}
