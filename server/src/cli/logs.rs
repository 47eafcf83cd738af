//! Logs to standard error, written by a thread of their own: a slow or full sink loses lines, never
//! the time of whoever logs.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait for the sink; further ones are lost.
const LINES_MAX: usize = 10_000;

/// How long the last lines may take at the end.
const FINISH_WITHIN: Duration = Duration::from_secs(2);

enum Message {
    Line(Vec<u8>),
    /// Everything before is written: say so.
    Flush(SyncSender<()>),
}

/// The running log.
pub struct Logs(SyncSender<Message>);

/// Starts logging by `filter` (`info,sqlx=warn`), as text or as JSON lines.
pub fn start(filter: &str, json: bool) -> Result<Logs> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .with_context(|| format!("--log: not a filter: {filter}"))?;
    let (sender, lines) = sync_channel(LINES_MAX);
    thread::Builder::new()
        .name("logs".to_owned())
        .spawn(move || write_lines(&lines))
        .context("cannot start the log thread")?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Lines(sender.clone()))
        .with_ansi(false)
        // It would print to the very sink that failed.
        .log_internal_errors(false);
    if json {
        subscriber.json().init();
    } else {
        subscriber.init();
    }
    Ok(Logs(sender))
}

impl Logs {
    /// Waits for the last lines.
    pub fn finish(self) {
        let (done, written) = sync_channel(1);
        if self.0.try_send(Message::Flush(done)).is_ok() {
            // A sink that takes nothing does not hold the process.
            let _: Result<(), _> = written.recv_timeout(FINISH_WITHIN);
        }
    }
}

fn write_lines(lines: &Receiver<Message>) {
    let mut sink = io::stderr();
    for message in lines {
        match message {
            // A sink that fails must not stop the charging.
            Message::Line(line) => drop(sink.write_all(&line)),
            Message::Flush(done) => drop(done.send(())),
        }
    }
}

#[derive(Clone)]
struct Lines(SyncSender<Message>);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.0.try_send(Message::Line(line.to_vec())) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                metrics::counter!("log_lines_lost_total").increment(1);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
