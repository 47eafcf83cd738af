//! End to end: the real server, a real browser, and other people's protocol libraries.
//!
//! A suite is a file below `e2e/`: `*.test.mjs` is run by node's test runner; `peer.mjs`, `peer.py`
//! and `test_*.py` are programs that fail by their exit code. All find the demo in `SAOCHONG_URL`;
//! `e2e/NAME/peer.*` is given the path of the server's example `NAME_peer`, if there is one.

use std::fs;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::layout::Layout;
use crate::python;
use crate::system::{
    self, Need, ensure_needs, find_program, free_port, run, say, timed, wait_until,
};
use crate::tally::{Tally, run_counted};

/// Debian's browser.
const CHROMIUM: &str = "/usr/bin/chromium";

const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// How long one look at the server may take.
const LOOK_LIMIT: Duration = Duration::from_secs(2);

/// Runs every suite against one demo server; needs the browser's files to be built.
pub fn all(layout: &Layout) -> Result<Tally> {
    prepare(layout)?;
    let suites = suites(&layout.e2e())?;
    let python = python::ensure_environment(layout)?;
    build_servers(layout)?;
    let server = timed("Start the demo server", || Server::start(layout))?;
    let mut tally = Tally::default();
    for suite in suites {
        say(format!("e2e: {}", suite.strip_prefix(layout.e2e())?.display()));
        let mut command = runner(layout, &suite, &python);
        server.describe(layout, &mut command);
        command.env("SAOCHONG_PYTHON", &python);
        let counted = run_counted(command.current_dir(layout.e2e()))?;
        // A program that only exits with 0 is one passed test.
        tally += if counted == Tally::default() { Tally::PASSED } else { counted };
    }
    if tally.failed > 0 {
        say(format!("The server's log: {}", server.log.display()));
    }
    Ok(tally)
}

/// Brings Node, Chromium, a Chinese font and the packages of `e2e/package-lock.json`.
fn prepare(layout: &Layout) -> Result<()> {
    ensure_needs(&[
        Need {
            what: "Node",
            met: || find_program("node").is_some() && find_program("npm").is_some(),
            packages: &["nodejs", "npm"],
        },
        Need { what: "Chromium", met: || Path::new(CHROMIUM).exists(), packages: &["chromium"] },
        Need {
            what: "a Chinese font",
            met: || Path::new("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc").exists(),
            packages: &["fonts-noto-cjk"],
        },
    ])?;
    fs::create_dir_all(layout.e2e_output())?;
    let lock = fs::read_to_string(layout.e2e().join("package-lock.json"))?;
    let stamp = layout.e2e().join("node_modules/.installed-lock.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    timed("Install the Node packages of e2e/", || {
        run(Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .stdin(Stdio::null())
            .current_dir(layout.e2e()))
    })?;
    Ok(fs::write(stamp, lock)?)
}

/// Node for the tests of the JavaScript package, which need nothing else.
pub fn ensure_node() -> Result<()> {
    ensure_needs(&[Need {
        what: "Node",
        met: || find_program("node").is_some(),
        packages: &["nodejs"],
    }])
}

/// Every suite, browser and peers, in a fixed order.
fn suites(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && name != "node_modules" {
            found.extend(suites(&path)?);
        } else if is_suite(&name) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn is_suite(name: &str) -> bool {
    name.ends_with(".test.mjs") || is_program(name)
}

/// A suite that counts as one test.
fn is_program(name: &str) -> bool {
    let is_python = Path::new(name).extension().is_some_and(|extension| extension == "py");
    matches!(name, "peer.mjs" | "peer.py") || (name.starts_with("test_") && is_python)
}

fn runner(layout: &Layout, suite: &Path, python: &Path) -> Command {
    let name = suite.file_name().unwrap_or_default().to_string_lossy();
    let is_python = suite.extension().is_some_and(|extension| extension == "py");
    let mut command = match (is_program(&name), is_python) {
        (true, true) => Command::new(python),
        (true, false) => Command::new("node"),
        _ => node_test(),
    };
    command.arg(suite).args(peer_server(layout, suite));
    command
}

/// The example of the server that a peer talks to, for platforms the demo does not show outside.
fn peer_server(layout: &Layout, suite: &Path) -> Option<PathBuf> {
    let name = suite.parent()?.file_name()?.to_string_lossy();
    let example = layout.target.join(format!("debug/examples/{name}_peer"));
    example.is_file().then_some(example)
}

/// The server and its examples, as the Rust tests build them: another choice of packages would choose
/// other features of the dependencies, and compile them once more.
fn build_servers(layout: &Layout) -> Result<()> {
    timed("Build the server, and the ones for the peers", || {
        run(system::cargo()
            .args(["build", "--workspace", "--exclude", "xtask", "--bins", "--examples"])
            .current_dir(&layout.root))
    })
}

/// Node's test runner, with the closing lines that [`Tally`] reads.
pub fn node_test() -> Command {
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]);
    node
}

/// The demo on a database of its own; dropping it stops it.
struct Server {
    process: Child,
    url: String,
    database_url: String,
    log: PathBuf,
}

impl Server {
    fn start(layout: &Layout) -> Result<Self> {
        let folder = layout.e2e_output().join("data");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let listen = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let url = format!("http://{listen}");
        let database_url = format!("sqlite://{}", folder.join("saochong.db").display());
        let log = layout.e2e_output().join("server.log");
        let output = File::create(&log)?;
        let process = system::bound_to_us(&layout.server_binary())
            .args(["serve", "--demo", "--listen", &listen.to_string(), "--public-url", &url])
            .args(["--database-url", &database_url])
            .env("SAOCHONG_ASSETS", layout.site())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("cannot start the server")?;
        let mut server = Self { process, url, database_url, log };
        let mut ended = None;
        let answered = wait_until(START_LIMIT, || {
            ended = server.process.try_wait()?;
            Ok(ended.is_some() || is_ready(listen))
        })?;
        if ended.is_some() || !answered {
            let log = fs::read_to_string(&server.log).unwrap_or_default();
            bail!("the server is not ready ({ended:?}); it said:\n{log}");
        }
        Ok(server)
    }

    /// Tells a suite where everything is.
    fn describe(&self, layout: &Layout, suite: &mut Command) {
        suite
            // Alipay's libraries write the machine's local time and mean China's.
            .env("TZ", "Asia/Shanghai")
            .env("SAOCHONG_URL", &self.url)
            .env("SAOCHONG_DATABASE_URL", &self.database_url)
            .env("SAOCHONG_BIN", layout.server_binary())
            .env("SAOCHONG_CHROMIUM", CHROMIUM)
            .env("SAOCHONG_E2E_OUT", layout.e2e_output());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        system::stop(&mut self.process, "TERM", STOP_LIMIT);
    }
}

/// Whether `/readyz` answers 200.
fn is_ready(listen: SocketAddr) -> bool {
    let look = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&listen, LOOK_LIMIT)?;
        stream.set_read_timeout(Some(LOOK_LIMIT))?;
        write!(stream, "GET /readyz HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status == *b"HTTP/1.1 200")
    };
    look().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::is_suite;

    #[test]
    fn suites_are_known_by_their_names() {
        assert!(is_suite("rider.test.mjs") && is_suite("test_ocpp.py") && is_suite("peer.mjs"));
        assert!(!is_suite("browser.mjs") && !is_suite("station.py") && !is_suite("test_data.json"));
    }
}
