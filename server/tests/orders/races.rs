//! Many at once: one wins, nobody loses money.

use std::net::{IpAddr, Ipv4Addr};

use crate::story;
use crate::support::{World, with_dbs};
use futures_util::future::join_all;
use server::orders::{PayVia, StartRecord};
use wasm_core::money::Fen;
use wasm_core::order::{CancelReason, Channel, State};

const RIDERS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f37_many_riders_pay_for_one_socket_and_one_charges() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let mut paid = Vec::new();
        for rider in 0..RIDERS {
            let order = world.order(&format!("rider{rider}"), "full-500").await;
            paid.push((
                order.id.clone(),
                world
                    .open_payment(
                        &order,
                        PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST)),
                    )
                    .await,
            ));
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
        let payment = world
            .open_payment(&order, PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST)))
            .await;
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
        let payment = world
            .open_payment(&order, PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST)))
            .await;
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

#[tokio::test]
async fn f07_a_payment_of_another_amount_changes_nothing() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = world.order("rider", "full-500").await;
        let payment = world
            .open_payment(&order, PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST)))
            .await;
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
