//! The machine: programs, packages of the system, and words about what is going on.

use std::env;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// How often a condition outside of this process is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Says what happens now.
pub fn say(text: impl Display) {
    println!("==> {text}");
}

/// Says what happens now, does it, and says how long it took.
pub fn timed<T>(text: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    say(text);
    let start = Instant::now();
    let result = work().with_context(|| text.to_owned())?;
    println!("    {text}: {:.1} s", start.elapsed().as_secs_f64());
    Ok(result)
}

/// The program's path, when it can be started by its name.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Cargo, without what the cargo that started us set for our own package: build scripts watch the
/// environment, and a difference would build everything twice.
pub fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.env_remove("LD_LIBRARY_PATH");
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|p| name.starts_with(p)) {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// A program that is asked to end when we die, however we die; where the system has no `setpriv`,
/// just the program.
pub fn bound_to_us(program: &Path) -> Command {
    if find_program("setpriv").is_none() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
}

/// Runs to the end; a failure is an error that names the command.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    ensure!(status.success(), "{} failed: {status}", shown(command));
    Ok(())
}

/// Runs to the end and returns what was printed.
pub fn read(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    ensure!(output.status.success(), "{} failed: {}", shown(command), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether the command runs and succeeds, in silence.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs at most so long; `None` when the time was up and the command was ended.
pub fn run_within(command: &mut Command, limit: Duration) -> Result<Option<ExitStatus>> {
    let mut child = command.spawn().with_context(|| format!("cannot start {}", shown(command)))?;
    let ended = wait_until(limit, || Ok(child.try_wait()?.is_some()))?;
    if !ended {
        child.kill()?;
    }
    let status = child.wait()?;
    Ok(ended.then_some(status))
}

/// Looks again and again until the condition holds; `false` when the time was up.
#[expect(clippy::disallowed_methods, reason = "this is the wait for a condition")]
pub fn wait_until(limit: Duration, mut holds: impl FnMut() -> Result<bool>) -> Result<bool> {
    let start = Instant::now();
    loop {
        if holds()? {
            return Ok(true);
        }
        if start.elapsed() > limit {
            return Ok(false);
        }
        thread::sleep(POLL);
    }
}

/// Asks a process to end by a signal, and makes it end when it does not within the limit.
pub fn stop(child: &mut Child, signal: &str, limit: Duration) {
    let id = child.id().to_string();
    let asked = succeeds(Command::new("kill").args(["-s", signal, &id]));
    let ended = wait_until(limit, || Ok(child.try_wait()?.is_some())).unwrap_or(false);
    if !asked || !ended {
        // It may have ended between the two looks; there is nobody left to tell.
        let _ = child.kill();
    }
    let _ = child.wait();
}

/// One thing a command needs of the system, and the Debian packages that bring it.
pub struct Need {
    /// What it is for, in a few words.
    pub what: &'static str,
    /// Whether it is there.
    pub met: fn() -> bool,
    /// Debian's packages.
    pub packages: &'static [&'static str],
}

/// Installs what is missing with one call of the package manager, or says which command would.
pub fn ensure_needs(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.met)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    let whats: Vec<&str> = missing.iter().map(|need| need.what).collect();
    let command = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    let Some(mut prefix) = package_manager() else {
        bail!("missing: {}. Run this once: sudo {command}", whats.join(", "));
    };
    timed(&format!("Install {} ({command})", whats.join(", ")), || {
        // A stale list of packages is worse than a source that did not answer.
        let _ = prefix().arg("update").arg("-qq").status();
        run(prefix()
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(&packages)
            .stdin(Stdio::null()))
    })?;
    for need in missing {
        ensure!((need.met)(), "{} is still missing after: {command}", need.what);
    }
    Ok(())
}

/// How apt-get can be called without a question: as root, or by sudo without a password.
fn package_manager() -> Option<impl FnMut() -> Command> {
    find_program("apt-get")?;
    let root = is_root();
    if !root && !succeeds(Command::new("sudo").args(["-n", "true"])) {
        return None;
    }
    Some(move || {
        let mut command = Command::new(if root { "env" } else { "sudo" });
        if !root {
            command.args(["-n", "env"]);
        }
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        command
    })
}

/// Whether we are root.
pub fn is_root() -> bool {
    user_id(None) == Some(0)
}

/// The numeric id of a user; ours when none is named.
pub fn user_id(name: Option<&str>) -> Option<u32> {
    numeric_id("-u", name)
}

/// The numeric id of a user's group.
pub fn group_id(name: &str) -> Option<u32> {
    numeric_id("-g", Some(name))
}

fn numeric_id(which: &str, name: Option<&str>) -> Option<u32> {
    let output = Command::new("id").arg(which).args(name).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// A port of the loopback address that was free a moment ago.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}
