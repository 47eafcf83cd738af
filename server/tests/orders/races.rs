//! Many at once: one wins, nobody loses money.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use crate::story;
use crate::support::{BEGIN_MS, World, browser, with_dbs};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use server::jobs::Workers;
use server::orders::{Answer, Chargers, CommandAnswer, StartRecord, StopRecord};
use server::store::JobRow;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wasm_core::ids::{OrderId, StationId};
use wasm_core::money::Fen;
use wasm_core::order::{CancelReason, Order, RefundStatus, State, StopReason};

const RIDERS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f37_many_riders_pay_for_one_socket_and_one_charges() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let mut paid = Vec::new();
        for rider in 0..RIDERS {
            let order = world.order(&format!("rider{rider}"), "full-500").await;
            paid.push((order.id.clone(), world.open_payment(&order, browser()).await));
        }
        join_all(paid.iter().map(|(_, payment)| world.pay(payment, Fen(500)))).await;

        let mut starting = 0;
        for (order, _) in &paid {
            match world.stored(order).await {
                order if matches!(order.state, State::Starting { .. }) => starting += 1,
                order => {
                    let State::Cancelled { reason, .. } = order.state else { panic!("{order:?}") };
                    assert_eq!(reason, CancelReason::SocketTaken);
                    assert_eq!(order.refunds[0].amount_fen, Fen(500));
                }
            }
        }
        assert_eq!(starting, 1, "exactly one rider charges");
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f01_the_same_notify_many_times_at_once_is_one_payment() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = world.order("rider", "full-500").await;
        let payment = world.open_payment(&order, browser()).await;
        join_all((0..15).map(|_| world.pay(&payment, Fen(500)))).await;
        let order = world.stored(&order.id).await;
        assert_eq!(order.payments.len(), 1);
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.chargers.starts.lock().expect("lock").len(), 1, "one start command");
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f21_f40_repeated_starts_and_stops_at_once_are_one_charge() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = world.order("rider", "full-500").await;
        let payment = world.open_payment(&order, browser()).await;
        world.pay(&payment, Fen(500)).await;
        let record = StartRecord {
            station_id: world.station.clone(),
            connector: 1,
            id_tag: order.id.0.clone(),
            at_ms: world.clock.now_ms(),
            meter_start_wh: 7,
        };
        let starts = (0..8).map(|_| world.orders.started(record.clone()));
        let ids: Vec<i64> =
            join_all(starts).await.into_iter().map(|id| id.expect("an id")).collect();
        assert!(ids[0] > 0 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");

        let stops = (0..50).map(|_| world.orders.stop(&order.id, &order.rider_id));
        for stopped in join_all(stops).await {
            assert!(matches!(stopped.expect("no error").state, State::Finishing { .. }));
        }
        assert_eq!(world.stored(&order.id).await.state.name(), "finishing");
        world.books_are_whole().await;
    })
    .await;
}

/// The rider presses stop, often and at once; what each answer says, and that nothing changes by it.
async fn stopping_changes_nothing(world: &World, order: &Order, phase: &str) {
    let before = world.stored(&order.id).await;
    let books = server::ledger::check(&world.store).await.expect("a check").transactions;
    let stops = (0..50).map(|_| world.orders.stop(&order.id, &order.rider_id));
    let answers: Vec<String> =
        join_all(stops).await.into_iter().map(|answer| format!("{answer:?}")).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{phase}: {answers:#?}");
    assert_eq!(world.stored(&order.id).await, before, "{phase}");
    let after = server::ledger::check(&world.store).await.expect("a check").transactions;
    assert_eq!(after, books, "{phase}: one settlement");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f40_stops_while_it_stops_while_money_goes_back_and_afterwards_are_nothing() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = world.order("rider", "full-500").await;
        let payment = world.open_payment(&order, browser()).await;
        world.pay(&payment, Fen(500)).await;
        let started = StartRecord {
            station_id: world.station.clone(),
            connector: 1,
            id_tag: order.id.0.clone(),
            at_ms: world.clock.now_ms(),
            meter_start_wh: 7,
        };
        let transaction_id = world.orders.started(started).await.expect("an id");
        world.orders.stop(&order.id, &order.rider_id).await.expect("stopping");
        stopping_changes_nothing(&world, &order, "the stop is under way").await;
        world.workers.run_due().await.expect("jobs");
        let asked = world.chargers.stops.lock().expect("lock").clone();
        assert_eq!(asked, [transaction_id], "the station is asked once");
        world.clock.advance_ms(60_000);
        let stopped = StopRecord {
            station_id: world.station.clone(),
            transaction_id,
            id_tag: None,
            at_ms: world.clock.now_ms(),
            meter_stop_wh: 207,
            reason: StopReason::Rider,
            readings: vec![],
        };
        // The station's own end and the rider's stops meet.
        let ends = join_all((0..5).map(|_| world.orders.stopped(stopped.clone())));
        let stops = (0..50).map(|_| world.orders.stop(&order.id, &order.rider_id));
        let (ends, _) = futures_util::join!(ends, join_all(stops));
        assert!(ends.iter().all(Result::is_ok), "{ends:?}");
        assert_eq!(world.stored(&order.id).await.state.name(), "settled");
        stopping_changes_nothing(&world, &order, "the refund is under way").await;
        *world.payments.refunds_work.lock().expect("lock") = true;
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.stored(&order.id).await.state.name(), "closed");
        stopping_changes_nothing(&world, &order, "all is done").await;
        assert_eq!(world.payments.refunds.lock().expect("lock").len(), 1);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f07_a_payment_of_another_amount_changes_nothing() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = world.order("rider", "full-500").await;
        let payment = world.open_payment(&order, browser()).await;
        for wrong in [499, 501] {
            let trade = world.trade(&payment, Fen(wrong));
            assert!(world.orders.trade_changed(&trade).await.is_err());
        }
        let stored = world.stored(&order.id).await;
        assert_eq!(stored, order);
        world.pay(&payment, Fen(500)).await;
        assert_eq!(world.stored(&order.id).await.state.name(), "starting");
    })
    .await;
}

/// Stations that never answer.
struct Mute;

impl Chargers for Mute {
    fn is_online(&self, _: &StationId) -> bool {
        true
    }

    fn start<'a>(
        &'a self,
        _: &'a StationId,
        _: i64,
        _: &'a OrderId,
    ) -> BoxFuture<'a, Answer<CommandAnswer>> {
        pending().boxed()
    }

    fn stop<'a>(&'a self, _: &'a StationId, _: i64) -> BoxFuture<'a, Answer<CommandAnswer>> {
        pending().boxed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mute_stations_keep_nobodys_money() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        *world.payments.refunds_work.lock().expect("lock") = true;
        let starting = world.order("rider", "full-500").await;
        let loser = world.order("other", "full-500").await;
        let via = browser();
        let payment = world.open_payment(&starting, via.clone()).await;
        world.pay(&payment, Fen(500)).await;
        let mut tx = world.store.begin().await.expect("begin");
        for nth in 0..200 {
            let job = JobRow {
                id: format!("start{nth}"),
                operator_id: starting.operator_id.clone(),
                order_id: starting.id.clone(),
                kind: "start_socket".to_owned(),
                payload_json: r#"{"job":"start_socket"}"#.to_owned(),
                run_at_ms: BEGIN_MS - 1,
                attempts: 0,
            };
            tx.insert_job(&job, BEGIN_MS).await.expect("a job");
        }
        tx.commit().await.expect("commit");
        let payment = world.open_payment(&loser, via).await;
        world.pay(&payment, Fen(500)).await;

        let old = &world.workers;
        let (orders, chargers) = (old.orders.clone(), Arc::new(Mute));
        let workers = Workers::new(old.store.clone(), old.clock.clone(), orders, chargers);
        let working = tokio::spawn(workers.run(CancellationToken::new()));
        let mut changes = world.orders.watch(&loser.id);
        let is_back = |order: &Order| matches!(order.refunds[0].status, RefundStatus::Done { .. });
        while !is_back(&world.stored(&loser.id).await) {
            let in_time = timeout(Duration::from_secs(20), changes.changed()).await;
            in_time.expect("the money is on its way").expect("the orders live");
        }
        working.abort();
    })
    .await;
}
