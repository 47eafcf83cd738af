//! Faults of what we stand on: databases that break off, hang or fill up, jobs that panic.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};
use server::jobs::Workers;
use server::orders::{Answer, Chargers, CommandAnswer};
use server::store::{JobRow, Store};
use sqlx::{AnyPool, Row};
use wasm_core::ids::{OrderId, PaymentId, StationId};
use wasm_core::money::Fen;
use wasm_core::order::Order;

use crate::story;
use crate::support::{World, browser, scoped_postgres, with_dbs};

/// How long a pool may take to be whole again.
const HEALED_WITHIN: Duration = Duration::from_secs(10);
/// How long somebody keeps the tables to themselves.
const LOCKED: Duration = Duration::from_secs(3);
/// How many notifies come meanwhile.
const NOTIFIES: usize = 12;

/// Orders of as many riders, each with a payment opened.
async fn opened(world: &World, riders: usize) -> Vec<(Order, PaymentId)> {
    let mut opened = Vec::new();
    for rider in 0..riders {
        let order = world.order(&format!("rider{rider}"), "full-500").await;
        let via = browser();
        let payment = world.open_payment(&order, via).await;
        opened.push((order, payment));
    }
    opened
}

/// The platform tells until it is answered success, as platforms do.
async fn told_until_taken(world: &World, payment: &PaymentId) {
    let trade = world.trade(payment, Fen(500));
    let began = Instant::now();
    while let Err(error) = world.orders.trade_changed(&trade).await {
        assert!(began.elapsed() < HEALED_WITHIN, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Each payment is booked once: the money of one starts a charge, that of the others goes back.
async fn all_are_paid_once(world: &World, opened: &[(Order, PaymentId)]) {
    let mut starting = 0;
    for (order, _) in opened {
        let stored = world.stored(&order.id).await;
        assert_eq!((stored.payments.len(), stored.paid_fen()), (1, Fen(500)));
        starting += usize::from(stored.state.name() == "starting");
    }
    assert_eq!(starting, 1);
    world.books_are_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f52_connections_that_are_killed_lose_nothing_and_the_pool_heals() {
    let Some(url) = scoped_postgres().await else { return };
    let name = format!("f52{}", server::random::base32::<8>());
    let store = Store::open(&format!("{url}&application_name={name}")).await.expect("postgres");
    let world = World::new(store, story::tariff()).await;
    let opened = opened(&world, NOTIFIES).await;
    let admin = AnyPool::connect(&url).await.expect("postgres");
    let killer = async {
        let mut killed = 0;
        for _ in 0..10 {
            let sql = "SELECT COUNT(*) AS n FROM (SELECT pg_terminate_backend(pid) \
                       FROM pg_stat_activity WHERE application_name = $1) AS ended";
            let row = sqlx::query(sql).bind(&name).fetch_one(&admin).await.expect("an answer");
            killed += row.get::<i64, _>("n");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        killed
    };
    let told = join_all(opened.iter().map(|(_, payment)| told_until_taken(&world, payment)));
    let (ended, _) = futures_util::join!(killer, told);
    assert!(ended > 0, "nothing was killed");
    all_are_paid_once(&world, &opened).await;
    world.workers.run_due().await.expect("the pool is whole");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f53_tables_that_are_locked_for_seconds_only_cost_time() {
    let Some(url) = scoped_postgres().await else { return };
    let world = World::new(Store::open(&url).await.expect("postgres"), story::tariff()).await;
    let opened = opened(&world, NOTIFIES).await;
    let admin = AnyPool::connect(&url).await.expect("postgres");
    let mut lock = admin.begin().await.expect("begin");
    let sql = "LOCK TABLE orders, payments, jobs IN ACCESS EXCLUSIVE MODE";
    sqlx::query(sql).execute(&mut *lock).await.expect("locked");
    let began = Instant::now();
    let unlocks = async {
        tokio::time::sleep(LOCKED).await;
        lock.commit().await.expect("unlocked");
    };
    let told = join_all(opened.iter().map(|(_, payment)| told_until_taken(&world, payment)));
    futures_util::join!(unlocks, told);
    assert!(began.elapsed() >= LOCKED, "they waited");
    all_are_paid_once(&world, &opened).await;
}

#[tokio::test]
async fn f51_a_full_database_takes_nothing_by_halves_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("t.db").display());
    let world = World::new(Store::open(&url).await.expect("sqlite"), story::tariff()).await;
    let opened = opened(&world, 1).await;
    let (order, payment) = &opened[0];
    let before = world.stored(&order.id).await;
    // A trigger stands for a disk that is full from some write on: here the last one of the
    // transaction that books a payment.
    let admin = AnyPool::connect(&url).await.expect("sqlite");
    let full = "CREATE TRIGGER full BEFORE INSERT ON jobs \
                BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END";
    sqlx::query(full).execute(&admin).await.expect("a trigger");
    let trade = world.trade(payment, Fen(500));
    assert!(world.orders.trade_changed(&trade).await.is_err(), "not answered success");
    assert_eq!(world.stored(&order.id).await, before, "nothing by halves; reading works");
    world.books_are_whole().await;
    sqlx::query("DROP TRIGGER full").execute(&admin).await.expect("room again");
    world.orders.trade_changed(&trade).await.expect("taken without a restart");
    all_are_paid_once(&world, &opened).await;
}

/// A way to the stations that panics.
struct Panics;

impl Chargers for Panics {
    fn is_online(&self, _: &StationId) -> bool {
        true
    }

    fn start<'a>(
        &'a self,
        _: &'a StationId,
        _: i64,
        _: &'a OrderId,
    ) -> BoxFuture<'a, Answer<CommandAnswer>> {
        panic!("told to panic")
    }

    fn stop<'a>(&'a self, _: &'a StationId, _: i64) -> BoxFuture<'a, Answer<CommandAnswer>> {
        panic!("told to panic")
    }
}

#[tokio::test]
async fn f60_a_job_that_panics_is_parked_and_the_others_are_done() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        *world.payments.refunds_work.lock().expect("lock") = true;
        let orders = opened(&world, 2).await;
        for (_, payment) in &orders {
            world.pay(payment, Fen(500)).await;
        }
        let panics: Arc<dyn Chargers> = Arc::new(Panics);
        let workers =
            Workers::new(world.store.clone(), world.clock.clone(), world.orders.clone(), panics);
        workers.run_due().await.expect("the worker lives on");
        let parked = world.store.parked_jobs(&"op".into(), 10).await.expect("parked");
        assert_eq!(parked.len(), 1, "{parked:?}");
        assert_eq!(
            (parked[0].job.kind.as_str(), parked[0].why.as_str()),
            ("start_socket", "the job panicked")
        );
        // The second order found the socket taken: its refund was done beside the panic.
        assert_eq!(world.payments.refunds.lock().expect("lock").len(), 1);
        // And the first one's money goes back by its deadline, parked job or not.
        world.clock.advance_ms(10 * 60_000);
        for _ in 0..5 {
            world.workers.run_due().await.expect("jobs");
            world.clock.advance_ms(60_000);
        }
        assert_eq!(world.payments.refunds.lock().expect("lock").len(), 2);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn a_job_that_fails_for_ever_is_parked_unless_it_is_a_timer() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = world.order("rider", "full-500").await;
        world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
        let now_ms = world.clock.now_ms();
        let mut tx = world.store.begin().await.expect("begin");
        for kind in ["timer", "refund"] {
            let job = JobRow {
                id: format!("broken-{kind}"),
                operator_id: order.operator_id.clone(),
                order_id: order.id.clone(),
                kind: kind.to_owned(),
                payload_json: "{}".to_owned(),
                run_at_ms: now_ms,
                attempts: 0,
            };
            tx.insert_job(&job, now_ms).await.expect("a job");
        }
        tx.commit().await.expect("commit");
        let parked = async || world.store.parked_jobs(&"op".into(), 10).await.expect("parked");
        for tries in 0..20 {
            assert_eq!(parked().await.len(), 0, "after {tries} tries");
            world.workers.run_due().await.expect("jobs");
            world.clock.advance_ms(10 * 60_000);
        }
        for _ in 0..5 {
            world.workers.run_due().await.expect("jobs");
            world.clock.advance_ms(10 * 60_000);
        }
        let [refund] = parked().await.try_into().expect("one");
        assert_eq!((refund.job.id.as_str(), refund.job.attempts), ("broken-refund", 20));
        assert!(refund.why.contains("broken-refund"), "{}", refund.why);
        assert!(world.store.next_job_ms().await.expect("read").is_some(), "the timer goes on");
    })
    .await;
}
