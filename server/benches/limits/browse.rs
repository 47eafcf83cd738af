//! The load of browsers: HTTP over kept connections, read just far enough to know the end of each
//! answer.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Connections that ask at the same time.
const CONNECTIONS: usize = 16;

/// A kept connection that asks for one page again and again.
pub struct Browser {
    stream: TcpStream,
    request: String,
    answer: Vec<u8>,
}

impl Browser {
    /// `headers` are whole lines, each with its end.
    pub async fn open(address: &str, path: &str, headers: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: text/html\r\n\
             accept-language: zh-CN\r\n{headers}\r\n"
        );
        Ok(Self { stream, request, answer: Vec::new() })
    }

    /// Asks once; the head and the body as they came.
    pub async fn ask(&mut self) -> Result<(&str, &[u8])> {
        self.stream.write_all(self.request.as_bytes()).await?;
        self.answer.clear();
        while !is_whole(&self.answer)? {
            let read = self.stream.read_buf(&mut self.answer).await?;
            ensure!(read > 0, "the server hung up");
        }
        let end = head_end(&self.answer).context("a head")?;
        let head = std::str::from_utf8(&self.answer[..end])?;
        ensure!(head.starts_with("HTTP/1.1 200"), "not a page: {head}");
        Ok((head, &self.answer[end..]))
    }
}

fn head_end(answer: &[u8]) -> Option<usize> {
    answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|at| at + 4)
}

fn is_whole(answer: &[u8]) -> Result<bool> {
    let Some(end) = head_end(answer) else { return Ok(false) };
    let head = std::str::from_utf8(&answer[..end])?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    match length {
        Some(length) => Ok(answer.len() >= end + length.parse::<usize>()?),
        // In chunks; the last one is empty.
        None => Ok(answer.ends_with(b"\r\n0\r\n\r\n")),
    }
}

/// Asks for a page from many connections for so long, each as fast as it is answered. Returns how
/// many answers came.
pub async fn saturate(address: &str, path: &str, headers: &str, span: Duration) -> Result<f64> {
    let until = Instant::now() + span;
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut browser = Browser::open(address, path, headers).await?;
        tasks.spawn(async move {
            let mut asked = 0.0;
            while Instant::now() < until {
                browser.ask().await?;
                asked += 1.0;
            }
            anyhow::Ok(asked)
        });
    }
    let mut asked = 0.0;
    while let Some(done) = tasks.join_next().await {
        asked += done??;
    }
    Ok(asked)
}

/// Asks at a fixed rate, whether answers come or not, and returns the 99th percentile of the time
/// from when a request was due to its answer.
pub async fn p99(
    address: &str,
    path: &str,
    headers: &str,
    per_second: u32,
    span: Duration,
) -> Result<Duration> {
    let connections = u32::try_from(CONNECTIONS)?;
    let step = Duration::from_secs(1) * connections / per_second;
    let began = Instant::now() + step;
    let mut tasks = JoinSet::new();
    for nth in 0..connections {
        let mut browser = Browser::open(address, path, headers).await?;
        let mut due = began + step * nth / connections;
        tasks.spawn(async move {
            let mut times = Vec::new();
            while due < began + span {
                sleep_until(due).await;
                browser.ask().await?;
                times.push(due.elapsed());
                due += step;
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().context("some answers")
}
