//! Where things lie: the sources, and what we make of them under cargo's target folder.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::system;

/// The folders every command works in.
pub struct Layout {
    /// The workspace.
    pub root: PathBuf,
    /// Cargo's target folder, wherever `CARGO_TARGET_DIR` or the configuration put it.
    pub target: PathBuf,
}

impl Layout {
    /// Asks cargo, so that a build cache outside of the clone is followed.
    pub fn find() -> Result<Self> {
        // At run time, because a shared target folder may hold an xtask compiled in another clone.
        let manifest = env::var("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let root = Path::new(&manifest).parent().context("xtask lies in the workspace")?.to_owned();
        let metadata = system::read(
            system::cargo()
                .args(["metadata", "--no-deps", "--format-version=1"])
                .current_dir(&root),
        )?;
        let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
        let target =
            metadata["target_directory"].as_str().context("cargo names its target folder")?;
        Ok(Self { root, target: target.into() })
    }

    /// What the server sends to browsers: `pkg/` and `static/`, precompressed.
    pub fn site(&self) -> PathBuf {
        self.target.join("site")
    }

    /// The domain as a JavaScript package.
    pub fn core_package(&self) -> PathBuf {
        self.target.join("wasm/core")
    }

    /// Cargo's target folder for wasm32, apart from the native one: another compiler may work there.
    pub fn wasm_build(&self) -> PathBuf {
        self.target.join("wasm/build")
    }

    /// The server as `cargo build` leaves it.
    pub fn server_binary(&self) -> PathBuf {
        self.target.join("debug/saochong")
    }

    /// The browser suites and the independent peers.
    pub fn e2e(&self) -> PathBuf {
        self.root.join("e2e")
    }

    /// Screenshots, logs and the Python packages of the e2e suites.
    pub fn e2e_output(&self) -> PathBuf {
        self.target.join("e2e")
    }
}

/// The user's cache folder, for what outlives a clone.
pub fn cache_folder() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        return Ok(PathBuf::from(folder).join("saochong"));
    }
    let home = env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(PathBuf::from(home).join(".cache/saochong"))
}
