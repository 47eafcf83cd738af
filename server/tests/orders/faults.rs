//! Faults of devices and platforms, each named after its row in the list of faults to survive.

use server::jobs::Workers;
use server::orders::{CommandAnswer, StartRecord, StopRecord};
use server::store::Store;
use server::store::samples::SampleRow;
use server::store::stations::{Presence, SocketStatus};
use wasm_core::ids::{OrderId, StationId};
use wasm_core::money::Fen;
use wasm_core::order::{Order, RefundStatus, StartFailure, State, StopReason};

use crate::story;
use crate::support::{BEGIN_MS, World, browser, with_addresses, with_dbs};

const MINUTE_MS: i64 = 60_000;
const METER_START_WH: i64 = 5_000;

async fn paid_order(world: &World) -> Order {
    let order = world.order("rider", "full-500").await;
    let payment = world.open_payment(&order, browser()).await;
    world.pay(&payment, Fen(500)).await;
    world.stored(&order.id).await
}

fn start_record(world: &World, order: &OrderId, at_ms: i64) -> StartRecord {
    StartRecord {
        station_id: world.station.clone(),
        connector: 1,
        id_tag: order.0.clone(),
        at_ms,
        meter_start_wh: METER_START_WH,
    }
}

fn stop_record(world: &World, transaction_id: i64, at_ms: i64, used_wh: i64) -> StopRecord {
    StopRecord {
        station_id: world.station.clone(),
        transaction_id,
        id_tag: None,
        at_ms,
        meter_stop_wh: METER_START_WH + used_wh,
        reason: StopReason::Full,
        readings: vec![],
    }
}

async fn charging(world: &World) -> (Order, i64) {
    let order = paid_order(world).await;
    let record = start_record(world, &order.id, world.clock.now_ms());
    let transaction_id = world.orders.started(record).await.expect("an id");
    (order, transaction_id)
}

/// What an order was billed, fen.
async fn billed(world: &World, order: &Order) -> i64 {
    match world.stored(&order.id).await.state {
        State::Settled(settlement) | State::Closed(settlement) => settlement.bill.total_fen.0,
        state => panic!("not settled: {state:?}"),
    }
}

#[tokio::test]
async fn f12_a_refused_refund_is_tried_again_and_then_waits_for_a_person() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = paid_order(&world).await;
        world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
        for _ in 0..12 {
            world.workers.run_due().await.expect("jobs");
            world.clock.advance_ms(24 * 60 * MINUTE_MS);
        }
        let stored = world.stored(&order.id).await;
        assert_eq!(stored.refunds[0].status, RefundStatus::Parked);
        assert_eq!(world.store.count_jobs("parked").await.expect("count"), 1);
        let asked = world.payments.refunds.lock().expect("lock").clone();
        assert_eq!(asked.len(), 9);
        assert!(asked.iter().all(|again| again.id == asked[0].id), "one refund number");
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f18_a_station_that_stays_offline_gives_the_money_back() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        *world.chargers.answer.lock().expect("lock") = Ok(CommandAnswer::Offline);
        let order = paid_order(&world).await;
        for _ in 0..25 {
            world.workers.run_due().await.expect("jobs");
            world.clock.advance_ms(1_000);
        }
        let stored = world.stored(&order.id).await;
        let State::StartFailed { reason, .. } = stored.state else { panic!("{stored:?}") };
        assert_eq!(reason, StartFailure::Offline);
        assert_eq!(stored.refunds[0].amount_fen, Fen(500));
    })
    .await;
}

#[tokio::test]
async fn f18_a_station_that_comes_back_in_time_starts() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        *world.chargers.answer.lock().expect("lock") = Ok(CommandAnswer::Offline);
        let order = paid_order(&world).await;
        world.workers.run_due().await.expect("jobs");
        world.clock.advance_ms(5_000);
        *world.chargers.answer.lock().expect("lock") = Ok(CommandAnswer::Accepted);
        world.workers.run_due().await.expect("jobs");
        let state = world.stored(&order.id).await.state;
        assert!(matches!(state, State::Starting { accepted: true, .. }), "{state:?}");
    })
    .await;
}

#[tokio::test]
async fn f18_a_server_that_comes_back_lets_stations_come_back_too() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        *world.chargers.answer.lock().expect("lock") = Ok(CommandAnswer::Offline);
        let order = paid_order(&world).await;
        world.clock.advance_ms(30_000);
        let old = &world.workers;
        let workers = Workers::new(
            old.store.clone(),
            old.clock.clone(),
            old.orders.clone(),
            old.chargers.clone(),
        );
        workers.run_due().await.expect("jobs");
        assert_eq!(world.stored(&order.id).await.state.name(), "starting");
        world.clock.advance_ms(2_000);
        *world.chargers.answer.lock().expect("lock") = Ok(CommandAnswer::Accepted);
        workers.run_due().await.expect("jobs");
        let state = world.stored(&order.id).await.state;
        assert!(matches!(state, State::Starting { accepted: true, .. }), "{state:?}");
    })
    .await;
}

#[tokio::test]
async fn f20_a_start_after_the_refund_is_stopped_and_remembered() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = paid_order(&world).await;
        world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
        let record = start_record(&world, &order.id, world.clock.now_ms());
        let id = world.orders.started(record).await.expect("confirmed all the same");
        world.workers.run_due().await.expect("jobs");
        assert_eq!(*world.chargers.stops.lock().expect("lock"), [id]);
        let may = world.orders.authorizes(&world.station, None, order.id.as_str()).await;
        assert!(!may.expect("an answer"));
        // What flowed all the same is a gift, and is written down as one.
        world.clock.advance_ms(MINUTE_MS);
        let stop = stop_record(&world, id, world.clock.now_ms(), 20);
        world.orders.stopped(stop).await.expect("confirmed");
        *world.payments.refunds_work.lock().expect("lock") = true;
        world.workers.run_due().await.expect("jobs");
        let after = world.stored(&order.id).await;
        assert_eq!((after.payments.len(), after.received_fen()), (1, Fen(500)));
        assert_eq!(after.refunds.iter().map(|refund| refund.amount_fen).sum::<Fen>(), Fen(500));
        assert!(after.kept_fen().is_none(), "no second charge");
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn an_order_charges_at_its_own_socket_only() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = paid_order(&world).await;
        let elsewhere = StationId::from("elsewhere");
        for (station, connector, may) in [
            (&world.station, None, true),
            (&world.station, Some(1), true),
            (&world.station, Some(2), false),
            (&elsewhere, None, false),
            (&elsewhere, Some(1), false),
        ] {
            let told = world.orders.authorizes(station, connector, order.id.as_str()).await;
            assert_eq!(told.expect("an answer"), may, "{station} {connector:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn f22_a_stop_five_times_is_one_settlement() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let (order, id) = charging(&world).await;
        world.clock.advance_ms(60 * MINUTE_MS);
        let at_ms = world.clock.now_ms();
        for used_wh in [900, 900, 950, 2_000, 0] {
            world.orders.stopped(stop_record(&world, id, at_ms, used_wh)).await.expect("confirmed");
        }
        assert_eq!(billed(&world, &order).await, 90);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f23_a_stop_without_an_id_finds_its_charge_by_the_tag() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let (order, _) = charging(&world).await;
        world.clock.advance_ms(60 * MINUTE_MS);
        let mut record = stop_record(&world, -1, world.clock.now_ms(), 700);
        world.orders.stopped(record.clone()).await.expect("confirmed, kept as stray");
        assert_eq!(world.stored(&order.id).await.state.name(), "charging");
        record.id_tag = Some(order.id.0.clone());
        world.orders.stopped(record).await.expect("confirmed");
        assert_eq!(billed(&world, &order).await, 70);
    })
    .await;
}

#[tokio::test]
async fn f24_a_queue_of_three_days_is_billed_by_the_devices_time() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let (order, id) = charging(&world).await;
        let started_ms = world.clock.now_ms();
        world.clock.advance_ms(3 * 24 * 60 * MINUTE_MS);
        let ended_ms = started_ms + 90 * MINUTE_MS;
        // What is no part of the queue overtakes it: the socket is free, says the station.
        idle(&world).await;
        assert_eq!(world.stored(&order.id).await.state.name(), "charging");
        let reading = |nth: i64| SampleRow {
            transaction_id: id,
            at_ms: started_ms + nth * 13_000,
            register_wh: METER_START_WH + nth * 3,
            power_w: None,
            received_ms: world.clock.now_ms(),
        };
        world.store.insert_samples((1..=400).map(reading).collect()).await.expect("stored");
        world.orders.stopped(stop_record(&world, id, ended_ms, 1_200)).await.expect("confirmed");
        let State::Settled(settlement) = world.stored(&order.id).await.state else {
            panic!("not settled");
        };
        assert_eq!(settlement.usage.ended_ms, ended_ms);
        assert_eq!(settlement.bill.total_fen, Fen(120));
    })
    .await;
}

#[tokio::test]
async fn f26_a_station_that_forgot_a_charge_is_settled_by_its_last_reading() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let (order, transaction_id) = charging(&world).await;
        world.clock.advance_ms(10 * MINUTE_MS);
        let at_ms = world.clock.now_ms();
        let register_wh = METER_START_WH + 300;
        let sample =
            SampleRow { transaction_id, at_ms, register_wh, power_w: None, received_ms: at_ms };
        world.store.insert_samples(vec![sample]).await.expect("stored");
        world.clock.advance_ms(MINUTE_MS);
        idle(&world).await;
        world.clock.advance_ms(4 * MINUTE_MS);
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.stored(&order.id).await.state.name(), "finishing");
        world.clock.advance_ms(2 * MINUTE_MS);
        world.workers.run_due().await.expect("jobs");
        assert_eq!(billed(&world, &order).await, 30);
        world.books_are_whole().await;

        // The end that comes after all is confirmed and kept; the rider has a bill, and keeps it.
        let late = stop_record(&world, transaction_id, world.clock.now_ms(), 900);
        world.orders.stopped(late).await.expect("confirmed, or the station never drops it");
        assert_eq!(billed(&world, &order).await, 30);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f26_a_station_that_lost_power_settles_when_it_is_back() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let (order, transaction_id) = charging(&world).await;
        let began_ms = world.clock.now_ms();
        // Dark for an hour; what it says on its next start is what it knew before.
        world.clock.advance_ms(70 * MINUTE_MS);
        let mut stop = stop_record(&world, transaction_id, began_ms + 10 * MINUTE_MS, 300);
        stop.reason = StopReason::PowerLoss;
        world.orders.stopped(stop).await.expect("confirmed");
        let State::Settled(settlement) = world.stored(&order.id).await.state else {
            panic!("not settled");
        };
        assert_eq!(settlement.usage.ended_ms, began_ms + 10 * MINUTE_MS);
        assert_eq!(settlement.bill.total_fen, Fen(30));
        world.books_are_whole().await;
    })
    .await;
}

/// The station says that its first socket is free, and the server has noted to look again.
async fn idle(world: &World) {
    let before = world.store.count_jobs("waiting").await.expect("count");
    let status = SocketStatus {
        connector: 1,
        status: "Available".to_owned(),
        error_code: "NoError".to_owned(),
        at_ms: world.clock.now_ms(),
    };
    let presence = Presence {
        operator_id: "op".into(),
        station_id: world.station.clone(),
        online: true,
        seen_ms: world.clock.now_ms(),
        boot: None,
        sockets: vec![status],
    };
    world.store.write_presence(&[presence]).await.expect("stored");
    world.orders.station_changed(&world.station);
    while world.store.count_jobs("waiting").await.expect("count") == before {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn f27_a_meter_that_resets_never_bills_backwards() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let (order, id) = charging(&world).await;
        world.clock.advance_ms(60 * MINUTE_MS);
        let mut record = stop_record(&world, id, world.clock.now_ms(), 0);
        record.meter_stop_wh = -1;
        world.orders.stopped(record).await.expect("confirmed");
        assert_eq!(billed(&world, &order).await, 0);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f28_a_device_whose_clock_is_wrong_is_billed_by_our_time() {
    let hour_ms = 60 * MINUTE_MS;
    for (began_ms, step_ms) in [
        // 1970, and counting on by the same thirty minutes.
        (1_000, 30 * MINUTE_MS),
        // Local time that calls itself UTC.
        (BEGIN_MS + 8 * hour_ms, 30 * MINUTE_MS),
        (BEGIN_MS - 8 * hour_ms, 30 * MINUTE_MS),
        // It steps back while current flows.
        (BEGIN_MS, -2 * hour_ms),
    ] {
        billed_by_our_time(began_ms, began_ms + step_ms).await;
    }
}

async fn billed_by_our_time(device_began_ms: i64, device_ended_ms: i64) {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = paid_order(&world).await;
        let record = start_record(&world, &order.id, device_began_ms);
        let id = world.orders.started(record).await.expect("id");
        let started_ms = world.clock.now_ms();
        world.clock.advance_ms(30 * MINUTE_MS);
        let stop = stop_record(&world, id, device_ended_ms, 400);
        world.orders.stopped(stop).await.expect("confirmed");
        let State::Settled(settlement) = world.stored(&order.id).await.state else {
            panic!("not settled");
        };
        assert_eq!(settlement.usage.started_ms, started_ms);
        assert_eq!(settlement.usage.ended_ms, started_ms + 30 * MINUTE_MS);
        assert_eq!(settlement.bill.total_fen, Fen(40));
    })
    .await;
}

#[tokio::test]
async fn f59_what_devices_say_of_charges_that_the_backup_has_lost_is_taken_and_kept() {
    with_addresses(async |address| {
        // The restored database knows of a paid order, and of nothing that came after.
        let world = World::new(Store::open(address).await.expect("open"), story::tariff()).await;
        let order = paid_order(&world).await;
        let lost = 4_711;
        let began_ms = world.clock.now_ms();
        world.clock.advance_ms(60 * MINUTE_MS);
        // A reading and the end of a charge whose start was lost, and which names its order.
        let tagged = StopRecord {
            id_tag: Some(order.id.0.clone()),
            ..stop_record(&world, lost, began_ms + 30 * MINUTE_MS, 300)
        };
        for _ in 0..3 {
            world.orders.stopped(tagged.clone()).await.expect("taken, or the station drops it");
        }
        // And one of an order that is not there at all.
        let nobodys =
            StopRecord { transaction_id: lost + 1, id_tag: Some("GONE".into()), ..tagged };
        world.orders.stopped(nobodys).await.expect("taken");
        let pool = sqlx::AnyPool::connect(address).await.expect("a second look");
        let sql = "SELECT payload_json FROM device_records WHERE action = 'StopTransaction'";
        let kept: Vec<String> = sqlx::query_scalar(sql).fetch_all(&pool).await.expect("the rows");
        assert!(kept.iter().any(|row| row.contains("GONE")), "a person can find it: {kept:?}");
        assert!(kept.iter().any(|row| row.contains(&order.id.0)), "{kept:?}");
        // Nobody is billed for what nobody can prove: the rider has the money back.
        *world.payments.refunds_work.lock().expect("lock") = true;
        for _ in 0..5 {
            world.workers.run_due().await.expect("jobs");
            world.clock.advance_ms(MINUTE_MS);
        }
        let stored = world.stored(&order.id).await;
        assert!(matches!(stored.state, State::StartFailed { .. }), "{stored:?}");
        assert_eq!(stored.refunds[0].amount_fen, Fen(500));
        assert!(matches!(stored.refunds[0].status, RefundStatus::Done { .. }), "{stored:?}");
        world.books_are_whole().await;
    })
    .await;
}
