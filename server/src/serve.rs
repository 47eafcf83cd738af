//! The server, put together: database, payments, orders, devices, HTTP, and for the demo the
//! simulated world around it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::config::Config;
use crate::demo::fleet::{self, SimulatedStation};
use crate::demo::seed::{self, Seeded};
use crate::gateway::{self, Stations, Timing};
use crate::http::server::{self, Limits};
use crate::http::{self, App, Options, Parts, Settings};
use crate::jobs::Workers;
use crate::orders::{Orders, Platforms};
use crate::recon::{Recon, keep_books};
use crate::store::Store;

mod paying;

use paying::Paying;

/// How long answers to repeated POSTs are kept, in milliseconds.
const KEYS_KEPT_MS: i64 = 24 * 60 * 60 * 1_000;
/// How often older ones are forgotten.
const KEYS_SWEEP_EVERY: Duration = Duration::from_hours(1);

/// How long running jobs may take to end at a stop.
const TASKS_END_WITHIN: Duration = Duration::from_secs(5);
/// The demo's stations behave the same each time.
const FLEET_SEED: u64 = 1;

/// What the server says when it listens.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How the outside reaches it.
    pub public_url: String,
    /// What the demo consists of.
    pub seeded: Option<Seeded>,
}

/// Runs the server until SIGTERM or SIGINT. `announce` is called once it listens.
///
/// # Errors
/// The address is taken, the database does not open, or a setting is not right.
pub async fn run(config: Config, demo: bool, announce: impl FnOnce(&Ready)) -> Result<()> {
    http::metrics::recorder();
    let store = Store::open(&config.database_url).await.context("cannot open the database")?;
    store.migrate().await.context("cannot bring the database up to date")?;
    store.give_up_claims().await.context("cannot give up the last run's requests")?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let listen = listener.local_addr().context("the listener has no address")?;
    let public_url = config.public_url(listen);
    let stop = stop_on_signal()?;
    let clock = Clock::System;
    let seeded = if demo { Some(seed::seed(&store, clock.now_ms()).await?) } else { None };
    let paying = if demo {
        Paying::demo(&store, &clock, &public_url, &loopback_url(listen)).await?
    } else {
        Paying::of(&config, &clock, &public_url)?
    };
    let orders = Orders::new(store.clone(), clock.clone(), paying.platforms());
    let settings = Arc::new(Settings { public_url: public_url.clone(), demo });
    let app = App { orders, store, clock, settings };
    let stations = link_stations(&app, demo).await?;
    let router = http::router(
        app.clone(),
        options(config, &paying, stop.clone()),
        parts(&app, &paying, &stations),
    );
    let tasks = TaskTracker::new();
    tasks.spawn(work(&app, &stations, stop.clone()));
    let recon = Recon::new(app.store.clone(), app.clock.clone(), app.orders.clone());
    tasks.spawn(keep_books(recon, stop.clone()));
    tasks.spawn(forget_old_keys(app.store, app.clock, stop.clone()));
    tasks.spawn(close_links(stations, stop.clone()));
    if let Some(seeded) = &seeded {
        tasks.spawn(fleet(seeded, listen, stop.clone()));
    }
    info!(%listen, public_url, "listening");
    announce(&Ready { listen, public_url, seeded });
    paying.resume().await?;
    server::serve(listener, router, Limits::default(), stop).await;
    tasks.close();
    if tokio::time::timeout(TASKS_END_WITHIN, tasks.wait()).await.is_err() {
        warn!(running = tasks.len(), "tasks cut at the end; their jobs go on at the next start");
    }
    info!("stopped");
    Ok(())
}

/// The payment platforms as configured, for commands that ask them.
///
/// # Errors
/// A key is wrong.
pub fn platforms(config: &Config, clock: &Clock) -> Result<Platforms> {
    let public_url = config.public_url(config.listen);
    Ok(Paying::of(config, clock, &public_url)?.platforms())
}

fn options(config: Config, paying: &Paying, stop: CancellationToken) -> Options {
    if !config.assets.is_dir() {
        warn!(assets = %config.assets.display(), "no such folder: pages have no styles or scripts");
    }
    Options {
        site: config.assets,
        trusted_proxies: config.trusted_proxies,
        payment_origins: paying.origins(),
        rates: config.rates,
        stop,
    }
}

/// The routes of the server's other parts, each handed what it needs.
fn parts(app: &App, paying: &Paying, stations: &Stations) -> Parts {
    let mut machines = paying.routes(app);
    machines.push(gateway::ocpp::router(stations.clone()).with_state(()));
    Parts { people: vec![http::pages::router(), http::admin::router()], machines }
}

/// Gets ready for stations to come.
async fn link_stations(app: &App, demo: bool) -> Result<Stations> {
    let timing = if demo { Timing::demo() } else { Timing::default() };
    let events = Arc::new(app.orders.clone());
    Stations::start(app.store.clone(), app.clock.clone(), events, timing)
        .await
        .context("cannot get ready for stations")
}

/// Closes the device links at the stop: stations keep what they have to say and come back.
async fn close_links(stations: Stations, stop: CancellationToken) {
    stop.cancelled().await;
    stations.close();
}

/// Carries out what orders leave to be done.
fn work(
    app: &App,
    stations: &Stations,
    stop: CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let workers = Workers::new(
        app.store.clone(),
        app.clock.clone(),
        app.orders.clone(),
        Arc::new(stations.clone()),
    );
    async move {
        if let Err(error) = workers.run(stop.clone()).await {
            error!(%error, "the workers do not start: stopping");
            stop.cancel();
        }
    }
}

/// The demo's stations, which come in over the loopback like any others.
fn fleet(
    seeded: &Seeded,
    listen: SocketAddr,
    stop: CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let stations = seeded.stations.iter().map(|station| SimulatedStation {
        identity: station.identity.clone(),
        password: station.password.clone(),
        sockets: station.codes.len(),
    });
    let stations = stations.collect();
    async move {
        fleet::run(&loopback_url(listen), stations, FLEET_SEED, fleet::DEMO_SPEED, stop).await;
    }
}

/// Where the server reaches itself.
fn loopback_url(listen: SocketAddr) -> String {
    let address = match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    format!("http://{}", SocketAddr::new(address, listen.port()))
}

/// A token that is cancelled by SIGTERM or SIGINT.
fn stop_on_signal() -> Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch SIGINT")?;
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => info!("SIGTERM: stopping"),
            _ = interrupt.recv() => info!("SIGINT: stopping"),
        }
        stopping.cancel();
    });
    Ok(stop)
}

/// Forgets answers to repeated POSTs that nobody will repeat any more.
async fn forget_old_keys(store: Store, clock: Clock, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(KEYS_SWEEP_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = store.forget_keys(clock.now_ms() - KEYS_KEPT_MS).await {
            warn!(%error, "old idempotency keys stay");
        }
    }
}
