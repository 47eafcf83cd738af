//! The product as a server: its gateway, its orders, its pages and its listener, put together as
//! `saochong serve` does, over a database of its own.

use std::sync::Arc;

use anyhow::Result;
use server::gateway::{Stations, Timing, ocpp};
use server::http::server::{Limits, serve};
use server::http::{App, Options, Parts, Rate, Rates, Settings, metrics, pages, router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::child::{Ready, serve_until_orphaned};
use crate::world::World;

/// Without limit: all requests come from one address.
const UNLIMITED: Rate = Rate { per_second: 0, burst: 0 };

/// Serves a site of so many stations, the first of them with paid orders.
pub async fn run(database_url: &str, stations: usize, orders: usize) -> Result<()> {
    // As in production, but nobody reads it.
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(EnvFilter::new("info"))
        .with_writer(std::io::sink)
        .init();
    metrics::recorder();
    let world = World::build(database_url, stations).await?;
    let events = Arc::new(world.orders.clone());
    let (store, clock) = (world.store.clone(), world.clock.clone());
    let gateway = Stations::start(store.clone(), clock.clone(), events, Timing::default()).await?;
    let waiting = paid_orders(&world, orders).await?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let ready = Ready {
        page: format!("/s/{}", world.stations[stations - 1].1.as_str()),
        address,
        orders: waiting,
    };
    let settings = Settings { public_url: format!("http://{}", ready.address), demo: false };
    let app = App { orders: world.orders, store, clock, settings: Arc::new(settings) };
    let rates =
        Rates { address: UNLIMITED, changes: UNLIMITED, new_riders: UNLIMITED, misses: UNLIMITED };
    let options = Options { rates, ..Options::default() };
    let parts = Parts {
        people: vec![pages::router()],
        machines: vec![ocpp::router(gateway).with_state(())],
    };
    let router = router(app, options, parts);
    tokio::spawn(serve(listener, router, Limits::default(), CancellationToken::new()));
    serve_until_orphaned(&ready).await
}

/// Orders that were paid and whose sockets were not yet told to start.
async fn paid_orders(world: &World, orders: usize) -> Result<Vec<String>> {
    world.all_online().await?;
    let mut waiting = Vec::with_capacity(orders);
    for station in 0..orders {
        let order = world.order(station).await?;
        world.paid(&order).await?;
        waiting.push(order.id.0);
    }
    Ok(waiting)
}
