//! Orders through the real service: whole lives, and the settling transaction alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use server::jobs::Workers;
use server::orders::{StartRecord, StopRecord};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wasm_core::order::{Order, State, StopReason};

use crate::CALLERS;
use crate::fleet::as_f64;
use crate::world::{World, Yes};

/// Orders that run side by side before they are settled; each needs a socket of its own.
const SETTLED: usize = 480;

/// Commits of one order's life that are its own: order, payment row, paid, start answered, job
/// done, started, settled, refunded, job done. Claims of jobs are shared and not counted.
pub const COMMITS_OF_A_LIFE: f64 = 9.0;

/// What was measured, per second.
pub struct Rates {
    /// Lives from the order made to the refund done.
    pub lives: f64,
    /// Settling transactions.
    pub settled: f64,
}

/// Measures both on one database.
pub async fn measure(database_url: &str, span: Duration) -> Result<Rates> {
    let world = Arc::new(World::build(database_url, SETTLED).await?);
    world.all_online().await?;
    let stop = CancellationToken::new();
    let workers =
        Workers::new(world.store.clone(), world.clock.clone(), world.orders.clone(), Arc::new(Yes));
    let working = tokio::spawn(workers.run(stop.clone()));
    let lives = lives(&world, span).await?;
    stop.cancel();
    working.await??;
    let settled = settled(&world).await?;
    let report = server::ledger::check(&world.store).await?;
    anyhow::ensure!(report.findings.is_empty(), "the books: {:?}", report.findings);
    Ok(Rates { lives, settled })
}

async fn lives(world: &Arc<World>, span: Duration) -> Result<f64> {
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let world = Arc::clone(world);
        callers.spawn(async move {
            let mut lived = 0.0;
            while began.elapsed() < span {
                live(&world, caller).await?;
                lived += 1.0;
            }
            anyhow::Ok(lived)
        });
    }
    let mut lived = 0.0;
    while let Some(caller) = callers.join_next().await {
        lived += caller??;
    }
    Ok(lived / began.elapsed().as_secs_f64())
}

/// One order, from its making until its money is back.
async fn live(world: &World, station: usize) -> Result<()> {
    let order = world.order(station).await?;
    world.paid(&order).await?;
    until(world, &order, |state| matches!(state, State::Starting { accepted: true, .. })).await?;
    let transaction_id = start(world, station, &order).await?;
    stop(world, station, transaction_id).await?;
    until(world, &order, |state| matches!(state, State::Closed(_))).await
}

/// Follows an order as its page does.
async fn until(world: &World, order: &Order, reached: impl Fn(&State) -> bool) -> Result<()> {
    let mut changes = world.orders.watch(&order.id);
    while !reached(&world.orders.get(&order.id, &order.rider_id).await?.state) {
        changes.changed().await?;
    }
    Ok(())
}

async fn start(world: &World, station: usize, order: &Order) -> Result<i64> {
    let record = StartRecord {
        station_id: world.stations[station].0.clone(),
        connector: 1,
        id_tag: order.id.0.clone(),
        at_ms: world.clock.now_ms(),
        meter_start_wh: 0,
    };
    Ok(world.orders.started(record).await?)
}

async fn stop(world: &World, station: usize, transaction_id: i64) -> Result<()> {
    let record = StopRecord {
        station_id: world.stations[station].0.clone(),
        transaction_id,
        id_tag: None,
        at_ms: world.clock.now_ms(),
        meter_stop_wh: 0,
        reason: StopReason::Rider,
        readings: Vec::new(),
    };
    Ok(world.orders.stopped(record).await?)
}

/// Ends charges that run already: the transaction that makes the bill and books it.
async fn settled(world: &Arc<World>) -> Result<f64> {
    let mut running = Vec::with_capacity(SETTLED);
    for station in 0..SETTLED {
        let order = world.order(station).await?;
        world.paid(&order).await?;
        running.push((station, start(world, station, &order).await?));
    }
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for part in running.chunks(SETTLED.div_ceil(CALLERS)) {
        let (world, part) = (Arc::clone(world), part.to_vec());
        callers.spawn(async move {
            for (station, transaction_id) in part {
                stop(&world, station, transaction_id).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.context("a caller")??;
    }
    Ok(as_f64(SETTLED as u64) / began.elapsed().as_secs_f64())
}
