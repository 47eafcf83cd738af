//! A server in a process of its own, so that its CPU time and its memory are its own as well.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// How long a server may take to be ready: it fills its database first.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// The kernel counts CPU time in hundredths of a second wherever Linux runs.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a server says once it listens.
#[derive(Serialize, Deserialize)]
pub struct Ready {
    /// Host and port.
    pub address: String,
    /// The path of a page.
    pub page: String,
    /// Orders that wait for current, one at each of the first stations.
    pub orders: Vec<String>,
}

/// A running server; dropping it ends it.
pub struct Server {
    process: Child,
    pub ready: Ready,
}

impl Server {
    /// Starts this program again in another role and waits until it listens.
    pub async fn start(role: &str, arguments: &[String]) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(role)
            .args(arguments)
            // It ends when this pipe closes, however we end.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let says = process.stdout.take().context("a pipe")?;
        let ready = timeout(READY_WITHIN, spawn_blocking(|| first_line(says))).await;
        let line = ready.with_context(|| format!("the server {role} is not ready"))???;
        Ok(Self { process, ready: serde_json::from_str(&line)? })
    }

    /// CPU seconds used so far, in user and in system mode.
    fn cpu_s(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The program's name, in brackets, may hold anything.
        let (_, fields) = stat.rsplit_once(") ").context("fields of /proc/…/stat")?;
        let mut times = fields.split(' ').skip(11).map(str::parse::<f64>);
        let mut next = || anyhow::Ok(times.next().context("a time")??);
        Ok((next()? + next()?) / TICKS_PER_SECOND)
    }

    /// Resident memory, KiB.
    pub fn rss_kib(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()).context("VmRSS")?;
        Ok(number.parse()?)
    }

    /// Begins to measure.
    pub fn span(&self) -> Result<Span<'_>> {
        Ok(Span { server: self, cpu_s: self.cpu_s()?, began: Instant::now() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn first_line(says: ChildStdout) -> Result<String> {
    let mut line = String::new();
    BufReader::new(says).read_line(&mut line)?;
    ensure!(!line.is_empty(), "it ended early");
    Ok(line)
}

/// A stretch of time in which a server is watched.
pub struct Span<'a> {
    server: &'a Server,
    cpu_s: f64,
    began: Instant,
}

/// What a server did in a span.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// Per second of wall time.
    pub per_second: f64,
    /// Microseconds of CPU time each.
    pub cpu_us: f64,
}

impl Span<'_> {
    /// Ends it, after so many things were done.
    pub fn end(self, done: f64) -> Result<Spent> {
        let cpu_s = self.server.cpu_s()? - self.cpu_s;
        let per_second = done / self.began.elapsed().as_secs_f64();
        Ok(Spent { per_second, cpu_us: cpu_s * 1e6 / done })
    }
}

/// Says that this process, a server, is ready; ends with the pipe from the one that started it.
pub async fn serve_until_orphaned(ready: &Ready) -> Result<()> {
    println!("{}", serde_json::to_string(ready)?);
    spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
