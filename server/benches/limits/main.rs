//! `cargo xtask bench`: what the server does, as a ratio to what the machine can.
//!
//! Each server under load runs in a process of its own ([`child`]): the product ([`ours`]) and the
//! bare limit ([`bare`]) get the same load from this process ([`fleet`], [`browse`]), one after the
//! other. Orders are measured within this process, against bare transactions on the same kind of
//! database. Everything is on loopback and in a temporary folder, and ends by itself.

mod bare;
mod browse;
mod child;
mod fleet;
mod orders;
mod ours;
mod table;
mod transaction;
mod world;

use std::env;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::browse::Browser;
use crate::child::{Server, Spent};
use crate::fleet::{Idle, Metering};
use crate::table::{Table, Target};

/// How long a figure is measured.
const SPAN: Duration = Duration::from_secs(4);

/// Stations that meter in a closed loop.
const ACTIVE: usize = 100;

/// Stations that are connected before memory is looked at, so that what every process needs once
/// is not counted.
const FIRST: usize = 50;

/// Idle stations at the first look at memory and at the second.
const IDLE: [usize; 2] = [1_000, 5_000];

/// Callers that settle orders side by side.
const CALLERS: usize = 16;

/// Requests a second at which the time to an answer is measured.
const PAGES_PER_SECOND: u32 = 500;

/// What the product asks a station after it booted.
const SETUP_CALLS: u64 = 7;

/// 5,000 stations back within 15 seconds.
const BACK_PER_SECOND: f64 = 5_000.0 / 15.0;

/// The same as in the tests.
const POSTGRES: &str = "SAOCHONG_TEST_POSTGRES";

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["ours", url, stations, orders] => ours::run(url, stations.parse()?, orders.parse()?).await,
        ["bare", page_bytes] => bare::run(page_bytes.parse()?).await,
        // Cargo says so itself.
        [] | ["--bench"] => measure().await,
        other => bail!("this program takes no arguments, not {other:?}"),
    }
}

async fn measure() -> Result<()> {
    let mut table = Table::default();
    say("device messages");
    messages(&mut table).await?;
    say("stations that connect and stay");
    idle(&mut table).await?;
    say("pages");
    pages(&mut table).await?;
    say("orders on SQLite");
    settle(&mut table, "SQLite", Folder::new()?.urls(), Target::None).await?;
    if let Ok(url) = env::var(POSTGRES) {
        say("orders on PostgreSQL");
        settle(&mut table, "PostgreSQL", [url.clone(), url], Target::AtLeast(1_000.0)).await?;
    }
    println!("\n{table}");
    Ok(())
}

fn say(what: &str) {
    eprintln!("Measure {what}");
}

/// A folder for databases, gone afterwards.
struct Folder(TempDir);

impl Folder {
    fn new() -> Result<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    fn url(&self, name: &str) -> String {
        format!("sqlite://{}", self.0.path().join(name).display())
    }

    /// One for the product and one for the bare limit.
    fn urls(&self) -> [String; 2] {
        ["ours.db", "bare.db"].map(|name| self.url(name))
    }
}

async fn start_ours(folder: &Folder, stations: usize, orders: usize) -> Result<Server> {
    let arguments = [folder.url("ours.db"), stations.to_string(), orders.to_string()];
    Server::start("ours", &arguments).await
}

async fn start_bare(page_bytes: usize) -> Result<Server> {
    Server::start("bare", &[page_bytes.to_string()]).await
}

/// Readings in a closed loop, each answered after it is stored.
async fn messages(table: &mut Table) -> Result<()> {
    let folder = Folder::new()?;
    let ours = start_ours(&folder, ACTIVE, ACTIVE).await?;
    let orders = ours.ready.orders.clone();
    let durable = meter(&ours, &orders).await?;
    drop(ours);
    let bare = meter(&start_bare(0).await?, &orders).await?;
    let what = format!("MeterValues, durable, {ACTIVE} stations");
    table.add(
        format!("{what}: messages/s"),
        durable.per_second,
        Some(bare.per_second),
        Target::None,
    );
    let target = Target::AtMost(120.0);
    table.add(format!("{what}: CPU µs/message"), durable.cpu_us, Some(bare.cpu_us), target);
    Ok(())
}

async fn meter(server: &Server, orders: &[String]) -> Result<Spent> {
    let mut metering = Metering::start(&server.ready.address, orders).await?;
    let span = server.span()?;
    let answered = metering.go_on(SPAN).await?;
    span.end(answered)
}

/// How fast stations come back, and what each costs while it says nothing.
async fn idle(table: &mut Table) -> Result<()> {
    let folder = Folder::new()?;
    let ours = start_ours(&folder, IDLE[1], 0).await?;
    let product = connect(&ours, SETUP_CALLS).await?;
    drop(ours);
    let bare = connect(&start_bare(0).await?, 0).await?;
    let storm = (product.storm, Some(bare.storm));
    table.add(
        format!("{} stations come back: connect + login + boot per s", IDLE[1] - IDLE[0]),
        storm.0,
        storm.1,
        Target::AtLeast(BACK_PER_SECOND),
    );
    for (nth, stations) in IDLE.into_iter().enumerate() {
        let target = Target::AtMost(20.0);
        let (ours, bare) = (product.kib_each[nth], bare.kib_each[nth]);
        table.add(
            format!("memory of an idle station, of {stations}: KiB"),
            ours,
            Some(bare),
            target,
        );
    }
    Ok(())
}

/// What connecting stations showed.
struct Connected {
    /// Stations per second.
    storm: f64,
    kib_each: [f64; 2],
}

async fn connect(server: &Server, calls_each: u64) -> Result<Connected> {
    let address = &server.ready.address;
    let mut fleet = Idle::new();
    fleet.connect(address, 0..FIRST).await?;
    fleet.quiet(calls_each).await?;
    let before_kib = server.rss_kib()?;
    let mut connected = Connected { storm: 0.0, kib_each: [0.0; 2] };
    let mut from = FIRST;
    for (nth, to) in IDLE.into_iter().enumerate() {
        connected.storm = fleet.connect(address, from..to).await?;
        fleet.quiet(calls_each).await?;
        let grown_kib = server.rss_kib()? - before_kib;
        connected.kib_each[nth] = grown_kib / fleet::as_f64((to - FIRST) as u64);
        from = to;
    }
    Ok(connected)
}

/// The page behind a scan code.
async fn pages(table: &mut Table) -> Result<()> {
    let folder = Folder::new()?;
    let ours = start_ours(&folder, 1, 0).await?;
    let (page_bytes, known) = first_visit(&ours).await?;
    let zipped = format!("{known}accept-encoding: gzip, br\r\n");
    let plain = Browsed::of(&ours, &known).await?;
    let packed = Browsed::of(&ours, &zipped).await?;
    let new = Browsed::of(&ours, "accept-encoding: gzip, br\r\n").await?;
    drop(ours);
    let bare = Browsed::of(&start_bare(page_bytes).await?, "").await?;
    let page = format!("scan page ({:.1} KiB)", fleet::as_f64(page_bytes as u64) / 1_024.0);
    for (what, browsed) in
        [("uncompressed", plain), ("compressed", packed), ("compressed, first visit", new)]
    {
        let target = Target::AtMost(500.0);
        table.add(format!("{page}, {what}: CPU µs"), browsed.cpu_us, Some(bare.cpu_us), target);
        let (what, p99_ms) =
            (format!("{page}, {what}: p99 ms at {PAGES_PER_SECOND}/s"), browsed.p99_ms);
        table.add(what, p99_ms, Some(bare.p99_ms), Target::AtMost(20.0));
    }
    Ok(())
}

/// The size of the page, and the cookie that makes the next visits the same rider's.
async fn first_visit(server: &Server) -> Result<(usize, String)> {
    let mut browser = Browser::open(&server.ready.address, &server.ready.page, "").await?;
    let (head, body) = browser.ask().await?;
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: sc_rider="));
    let token = cookie.and_then(|cookie| cookie.split(';').next()).context("a rider's cookie")?;
    Ok((body.len(), format!("cookie: sc_rider={token}\r\n")))
}

/// What loading a page costs.
struct Browsed {
    cpu_us: f64,
    p99_ms: f64,
}

impl Browsed {
    async fn of(server: &Server, headers: &str) -> Result<Self> {
        let (address, page) = (&server.ready.address, &server.ready.page);
        browse::saturate(address, page, headers, SPAN / 8).await?;
        let span = server.span()?;
        let asked = browse::saturate(address, page, headers, SPAN / 2).await?;
        let cpu_us = span.end(asked)?.cpu_us;
        let p99 = browse::p99(address, page, headers, PAGES_PER_SECOND, SPAN / 2).await?;
        Ok(Self { cpu_us, p99_ms: p99.as_secs_f64() * 1e3 })
    }
}

/// Orders through the service against bare transactions, as many commits for as many.
async fn settle(
    table: &mut Table,
    database: &str,
    [ours, bare]: [String; 2],
    target: Target,
) -> Result<()> {
    let orders = orders::measure(&ours, SPAN).await?;
    let commits = transaction::measure(&bare, SPAN).await?;
    let lives = commits / orders::COMMITS_OF_A_LIFE;
    table.add(
        format!("orders, made to refunded, {database}: per s"),
        orders.lives,
        Some(lives),
        Target::None,
    );
    table.add(
        format!("settling transactions, {database}: per s"),
        orders.settled,
        Some(commits),
        target,
    );
    Ok(())
}
