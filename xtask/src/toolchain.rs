//! A compiler that can build for wasm32, whatever the machine allows.
//!
//! Three ways, the first that works is taken: the toolchain at hand has the target; rustup adds it;
//! Debian's Rust for web browsers is unpacked into the cache folder, without root, and std is built
//! for it once. Nobody after this module knows which way it was.

use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::layout::cache_folder;
use crate::system::{self, read, run, say};

/// The only target we build for besides the machine's own.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// A refused download must not hold up the way that works.
const RUSTUP_LIMIT: Duration = Duration::from_mins(2);

/// Debian packages the unpacked compiler is made of, by the beginnings of their names.
const PACKAGE_PREFIXES: [&str; 10] = [
    "rustc-web",
    "libstd-rust-web",
    "libllvm",
    "libz3",
    "libedit",
    "libbsd",
    "libmd0",
    "libxml2",
    "libicu",
    "rust-web-src",
];

/// A compiler with the wasm32 target.
pub struct WasmToolchain {
    /// `None`: the toolchain at hand.
    rustc: Option<PathBuf>,
}

impl WasmToolchain {
    /// Cargo, set up to build with this compiler.
    pub fn cargo(&self) -> Command {
        let mut cargo = system::cargo();
        if let Some(rustc) = &self.rustc {
            cargo.env("RUSTC", rustc);
        }
        cargo
    }
}

/// Finds a compiler with the target, or brings one.
pub fn ensure_wasm() -> Result<WasmToolchain> {
    // For trying the third way on a machine that has the first.
    let debian_only = env::var_os("SAOCHONG_WASM_DEBIAN").is_some();
    if !debian_only && (has_target(Path::new("rustc")) || add_by_rustup()?) {
        return Ok(WasmToolchain { rustc: None });
    }
    let folder = cache_folder()?.join("rust-wasm-debian");
    let rustc = folder.join("bin/rustc");
    if !has_target(&rustc) {
        system::timed(
            "Unpack Debian's Rust for wasm32 and build its std (once, about 2 minutes)",
            || debian::prepare(&folder),
        )?;
        ensure!(has_target(&rustc), "the unpacked compiler has no std for {WASM_TARGET}");
    }
    debian::link_linker(&folder)?;
    Ok(WasmToolchain { rustc: Some(rustc) })
}

/// Whether this compiler has a standard library for wasm32.
fn has_target(rustc: &Path) -> bool {
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", WASM_TARGET])
        .env_remove("LD_LIBRARY_PATH")
        .output();
    let Ok(output) = output else { return false };
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let Ok(files) = fs::read_dir(folder) else { return false };
    files.flatten().any(|file| {
        let name = file.file_name().to_string_lossy().into_owned();
        name.starts_with("libstd-") && has_extension(&file.path(), "rlib")
    })
}

fn add_by_rustup() -> Result<bool> {
    if system::find_program("rustup").is_none() {
        return Ok(false);
    }
    say(format!("rustup target add {WASM_TARGET}"));
    let mut rustup = Command::new("rustup");
    let status = system::run_within(rustup.args(["target", "add", WASM_TARGET]), RUSTUP_LIMIT)?;
    let added = status.is_some_and(|status| status.success()) && has_target(Path::new("rustc"));
    if !added {
        say("rustup could not add it; taking Debian's Rust instead");
    }
    Ok(added)
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// The third way.
mod debian {
    use super::{
        Command, Context, PACKAGE_PREFIXES, Path, PathBuf, PermissionsExt, Result, WASM_TARGET,
        ensure, fs, has_extension, read, run, symlink, system,
    };

    /// Builds the folder beside its place and moves it there when it is whole.
    pub fn prepare(folder: &Path) -> Result<()> {
        let new = folder.with_extension(format!("new-{}", std::process::id()));
        let made = fill(&new);
        if made.is_ok() {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
            fs::rename(&new, folder)?;
        } else {
            // What is half done is of no use; the error below says why it stopped.
            let _ = fs::remove_dir_all(&new);
        }
        made
    }

    fn fill(new: &Path) -> Result<()> {
        unpack_packages(new)?;
        write_wrapper(new)?;
        link_linker(new)?;
        build_std(new)?;
        for spent in ["deb", "seed", "usr/lib/rustlib/src", "usr/src", "usr/share"] {
            let spent = new.join(spent);
            if spent.exists() {
                fs::remove_dir_all(spent)?;
            }
        }
        Ok(())
    }

    fn unpack_packages(new: &Path) -> Result<()> {
        let downloads = new.join("deb");
        fs::create_dir_all(&downloads)?;
        if !system::succeeds(Command::new("apt-cache").args(["show", "rustc-web"])) {
            // Only root may; without it the lists must be there already.
            let _ = Command::new("apt-get").args(["update", "-qq"]).status();
        }
        run(Command::new("apt-get")
            .args(["download", "-qq"])
            .args(package_names()?)
            .current_dir(&downloads))?;
        for package in fs::read_dir(&downloads)?.flatten() {
            if has_extension(&package.path(), "deb") {
                run(Command::new("dpkg-deb").arg("-x").arg(package.path()).arg(new))?;
            }
        }
        Ok(())
    }

    fn package_names() -> Result<Vec<String>> {
        let dropped = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"];
        let listing = read(
            Command::new("apt-cache")
                .args(["depends", "--recurse"])
                .args(dropped.map(|relation| format!("--no-{relation}")))
                .arg("rustc-web"),
        )?;
        let mut names: Vec<String> = listing
            .lines()
            .filter(|line| PACKAGE_PREFIXES.iter().any(|prefix| line.starts_with(prefix)))
            .map(str::to_owned)
            .collect();
        ensure!(!names.is_empty(), "the system's package lists know no rustc-web");
        names.push("rust-web-src".to_owned());
        if rust_lld()?.is_none() {
            names.extend(["lld-19".to_owned(), "libllvm19".to_owned()]);
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The compiler finds its libraries beside itself, wherever the folder is moved.
    fn write_wrapper(new: &Path) -> Result<()> {
        let driver =
            find_driver(&new.join("usr/lib"))?.context("no rustc_driver in the packages")?;
        let libraries = driver.parent().context("a file lies in a folder")?.strip_prefix(new)?;
        let script = format!(
            "#!/bin/sh\nroot=$(cd \"$(dirname \"$0\")/..\" && pwd)\n\
             export LD_LIBRARY_PATH=\"$root/{}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\n\
             exec \"$root/usr/bin/rustc\" --sysroot \"$root/usr\" \"$@\"\n",
            libraries.display()
        );
        fs::create_dir_all(new.join("bin"))?;
        let wrapper = new.join("bin/rustc");
        fs::write(&wrapper, script)?;
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
        Ok(())
    }

    fn find_driver(folder: &Path) -> Result<Option<PathBuf>> {
        for entry in fs::read_dir(folder)?.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("librustc_driver-") && has_extension(&path, "so") {
                return Ok(Some(path));
            }
            if entry.file_type()?.is_dir()
                && let Some(found) = find_driver(&path)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Points at the linker; done before each use, because a rustup update moves it.
    pub fn link_linker(folder: &Path) -> Result<()> {
        let place = folder.join("usr/lib/rustlib").join(host()?).join("bin");
        let link = place.join("rust-lld");
        let linker = match rust_lld()? {
            Some(linker) => linker,
            None => PathBuf::from("../../../llvm-19/bin/lld"),
        };
        if fs::read_link(&link).is_ok_and(|found| found == linker) {
            return Ok(());
        }
        fs::create_dir_all(&place)?;
        if link.symlink_metadata().is_ok() {
            fs::remove_file(&link)?;
        }
        symlink(linker, link)?;
        Ok(())
    }

    /// The linker of the toolchain at hand, if it has one.
    fn rust_lld() -> Result<Option<PathBuf>> {
        let sysroot = read(Command::new("rustc").args(["--print", "sysroot"]))?;
        let linker =
            Path::new(sysroot.trim()).join("lib/rustlib").join(host()?).join("bin/rust-lld");
        Ok(linker.exists().then_some(linker))
    }

    fn host() -> Result<String> {
        let version = read(Command::new("rustc").arg("-vV"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        Ok(host.context("rustc names its host")?.to_owned())
    }

    /// Builds std with its bitcode, which `lto = "fat"` needs, and lays it into the sysroot.
    fn build_std(new: &Path) -> Result<()> {
        let seed = new.join("seed");
        fs::create_dir_all(seed.join("src"))?;
        fs::write(seed.join("src/lib.rs"), "")?;
        fs::write(
            seed.join("Cargo.toml"),
            "[package]\nname = \"seed\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [workspace]\n[profile.release]\nopt-level = \"s\"\n",
        )?;
        run(system::cargo()
            .args(["build", "--release", "--target", WASM_TARGET])
            .arg("-Zbuild-std=std,panic_abort")
            .env("RUSTC", new.join("bin/rustc"))
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", "-Cembed-bitcode=yes")
            .env("CARGO_TARGET_DIR", seed.join("target"))
            .current_dir(&seed))?;
        let libraries = new.join("usr/lib/rustlib").join(WASM_TARGET).join("lib");
        fs::create_dir_all(&libraries)?;
        let built = seed.join("target").join(WASM_TARGET).join("release/deps");
        for file in fs::read_dir(built)?.flatten() {
            let name = file.file_name();
            let ours = name.to_string_lossy().starts_with("libseed-");
            if has_extension(&file.path(), "rlib") && !ours {
                fs::copy(file.path(), libraries.join(name))?;
            }
        }
        Ok(())
    }
}
