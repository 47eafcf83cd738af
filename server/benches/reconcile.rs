//! A bill of a million lines against a ledger of a million payments, in bounded memory:
//! `cargo bench --bench reconcile [LINES]`, a part of `cargo xtask bench`.

use std::fs::{File, read_to_string};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use server::clock::Clock;
use server::orders::{Orders, Platforms};
use server::recon::{BILL_HEAD, Progress, Recon};
use server::store::Store;
use sqlx::AnyPool;
use tokio::sync::watch;
use wasm_core::day::Day;
use wasm_core::order::Channel;

/// Lines unless told otherwise.
const LINES: u64 = 1_000_000;
/// What the whole process may take while it compares, KiB.
const MEMORY_MAX_KIB: u64 = 256 << 10;
/// One line in so many is left out, and one is unknown to us.
const WRONG_EVERY: u64 = 10_000;
/// Brings numbers into no order: it has no divisor in common with a round number of lines.
const FACTOR: u64 = 7_919;
/// How often is looked how much memory is in use.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The day that is billed.
const DAY: Day = Day { number: 20_700 };

#[tokio::main]
async fn main() -> Result<()> {
    let lines = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(LINES);
    let folder = tempfile::tempdir()?;
    let address = format!("sqlite://{}", folder.path().join("books.db").display());
    let store = Store::open(&address).await?;
    store.migrate().await?;
    seed(&address, lines).await?;
    let bill = folder.path().join("bill.csv");
    let wrong = write_bill(&bill, lines)?;

    let clock = Clock::manual(DAY.next().ends_ms());
    let orders = Orders::new(store.clone(), clock.clone(), Platforms::default());
    let recon = Recon::new(store, clock, orders);
    let before_kib = resident_kib()?;
    let peak_kib = Arc::new(AtomicU64::new(before_kib));
    let looking = Arc::clone(&peak_kib);
    let looker = tokio::spawn(async move {
        loop {
            looking.fetch_max(resident_kib().unwrap_or_default(), Ordering::Relaxed);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
    let begun = Instant::now();
    let reports = watch::Sender::new(Progress::default());
    let run = recon.reconcile(Channel::Alipay, DAY, Some(&bill), &reports).await?;
    let took = begun.elapsed();
    looker.abort();
    let (peak_kib, after_kib) = (peak_kib.load(Ordering::Relaxed), resident_kib()?);
    println!(
        "reconcile: {} lines against {} payments in {} ms ({} lines/s), {} differences; \
         resident {} MiB before, {} MiB at most, {} MiB after; limit {} MiB",
        run.bill_lines,
        run.ours,
        took.as_millis(),
        u128::try_from(run.bill_lines)? * 1_000 / took.as_millis().max(1),
        run.differences,
        before_kib >> 10,
        peak_kib >> 10,
        after_kib >> 10,
        MEMORY_MAX_KIB >> 10,
    );
    if u64::try_from(run.differences)? != wrong {
        bail!("{} differences found, {wrong} made", run.differences);
    }
    if peak_kib > MEMORY_MAX_KIB {
        bail!("more memory than allowed");
    }
    Ok(())
}

/// Payments in our ledger, all of the one day.
async fn seed(address: &str, lines: u64) -> Result<()> {
    let pool = AnyPool::connect(address).await?;
    sqlx::query("INSERT INTO operators VALUES ('op', 'op', '1', 0)").execute(&pool).await?;
    let numbers = "WITH RECURSIVE n (v) AS (SELECT 0 UNION ALL SELECT v + 1 FROM n \
                   WHERE v + 1 < $1)";
    let heads = format!(
        "INSERT INTO ledger_transactions {numbers} SELECT 'op', printf('%020d', v), \
         'paid:P' || (v * {FACTOR} % $1), '', 'paid', '', $2 + v % 86000000 FROM n"
    );
    let lines = i64::try_from(lines)?;
    let heads = sqlx::query(sqlx::AssertSqlSafe(heads)).bind(lines).bind(DAY.begins_ms());
    heads.execute(&pool).await?;
    for (line, account, amount) in [(0, "clearing:alipay", 500), (1, "prepaid:O", -500)] {
        let postings = format!(
            "INSERT INTO ledger_postings {numbers} \
             SELECT 'op', printf('%020d', v), {line}, '{account}', {amount} FROM n"
        );
        sqlx::query(sqlx::AssertSqlSafe(postings)).bind(lines).execute(&pool).await?;
    }
    pool.close().await;
    Ok(())
}

/// The bill of them, with some left out and as many that nobody knows; returns how many differ.
fn write_bill(path: &Path, lines: u64) -> Result<u64> {
    let mut bill = BufWriter::new(File::create(path)?);
    writeln!(bill, "{BILL_HEAD}")?;
    let at_ms = DAY.begins_ms();
    let mut wrong = 0;
    for number in (0..lines).rev() {
        let name = number * FACTOR % lines;
        if number % WRONG_EVERY == 0 {
            wrong += 2;
            writeln!(bill, "payment,X{name},,T{name},5.00,0.03,{at_ms}")?;
        } else {
            // As long as a platform's line with its names and remarks.
            writeln!(bill, "payment,P{name},,T{name:0>200},5.00,0.03,{at_ms}")?;
        }
    }
    bill.flush()?;
    Ok(wrong)
}

/// What this process has in memory.
fn resident_kib() -> Result<u64> {
    let status = read_to_string("/proc/self/status").context("no /proc: run this on Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
    Ok(kib.parse()?)
}
