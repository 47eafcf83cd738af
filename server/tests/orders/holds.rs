//! Orders that run on money set aside: the bill is taken, the rest let go, whatever the platform
//! answers, and however often.

use std::sync::Arc;

use server::jobs::Workers;
use server::orders::{
    CaptureRequest, CommandAnswer, OrderError, Orders, PayVia, Platform, Platforms, Product,
    StartRecord, StopRecord, TradeState, VerifiedTrade,
};
use server::store::Lane;
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;
use wasm_core::order::{
    CancelReason, CaptureStatus, Channel, Event, Order, StartFailure, State, StopReason, apply,
};

use crate::fake_holds::Captures;
use crate::story;
use crate::support::{World, with_dbs};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const METER_START_WH: i64 = 5_000;
/// What the plan of these orders sets aside.
const CAP: Fen = Fen(500);

fn via() -> PayVia {
    PayVia::hold(Channel::Alipay, Some("open-1".to_owned()))
}

fn authorised(world: &World, payment: &PaymentId) -> VerifiedTrade {
    VerifiedTrade {
        held: true,
        buyer_open_id: Some("open-1".to_owned()),
        ..world.trade(payment, CAP)
    }
}

/// An order whose cap is set aside.
async fn held_order(world: &World) -> (Order, PaymentId) {
    let order = world.order("rider", "full-500").await;
    let payment = world.open_payment(&order, via()).await;
    world.orders.trade_changed(&authorised(world, &payment)).await.expect("a known payment");
    (world.stored(&order.id).await, payment)
}

/// An hour's charge on a hold, with this bill (fen).
pub async fn settled(world: &World, bill_fen: i64) -> Order {
    let (order, _) = held_order(world).await;
    let start = StartRecord {
        station_id: world.station.clone(),
        connector: 1,
        id_tag: order.id.0.clone(),
        at_ms: world.clock.now_ms(),
        meter_start_wh: METER_START_WH,
    };
    let transaction_id = world.orders.started(start).await.expect("an id");
    world.clock.advance_ms(60 * MINUTE_MS);
    let stop = StopRecord {
        station_id: world.station.clone(),
        transaction_id,
        id_tag: None,
        at_ms: world.clock.now_ms(),
        meter_stop_wh: METER_START_WH + 10 * bill_fen,
        reason: StopReason::Full,
        readings: vec![],
    };
    world.orders.stopped(stop).await.expect("confirmed");
    world.stored(&order.id).await
}

/// Lets all tries of what is due pass.
async fn run_out_of_tries(world: &World) {
    for _ in 0..12 {
        world.workers.run_due().await.expect("jobs");
        world.clock.advance_ms(DAY_MS);
    }
}

/// An operator's balances of a few accounts: `clearing`, `prepaid`, `holds`, `held`.
async fn balances(world: &World) -> [i64; 4] {
    world.books_are_whole().await;
    let all = world.store.balances_by_kind(&"op".into()).await.expect("balances");
    ["clearing", "prepaid", "holds", "held"].map(|kind| {
        let (_, amount_fen) = all.iter().find(|(known, _)| *known == kind).expect("the account");
        amount_fen.0
    })
}

#[tokio::test]
async fn the_bill_is_taken_and_the_rest_let_go() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        world.holds.behave(Captures::Work);
        let order = settled(&world, 90).await;
        let opened = world.payments.opened.lock().expect("lock")[0].clone();
        let buyer_open_id = Some("open-1".to_owned());
        assert_eq!(opened.via.product, Product::Hold { buyer_open_id: buyer_open_id.clone() });
        assert_eq!((order.state.name(), order.paid_fen()), ("settled", Fen::ZERO));
        assert_eq!(balances(&world).await, [0, 90, 500, -500], "billed, not yet taken");

        world.workers.run_due().await.expect("jobs");
        let closed = world.stored(&order.id).await;
        assert_eq!((closed.state.name(), closed.taken_fen()), ("closed", Fen(90)));
        assert_eq!(balances(&world).await, [90, 0, 0, 0]);
        let asked = world.holds.asked();
        assert_eq!(asked.len(), 1);
        let payment = &closed.payments[0];
        assert_eq!(asked[0].id, format!("{}C", payment.id));
        assert_eq!((&asked[0].payment_id, &asked[0].hold_no), (&payment.id, &payment.trade_no));
        assert_eq!((asked[0].held_fen, asked[0].amount_fen), (CAP, Fen(90)));
        assert_eq!((&asked[0].buyer_open_id, asked[0].duration_ms), (&buyer_open_id, 3_600_000));
        assert!(asked[0].subject.contains("一号院"), "{}", asked[0].subject);
        assert_eq!(asked[0].subject, opened.subject, "the rider reads the same at the platform");
        assert!(world.payments.refunds.lock().expect("lock").is_empty(), "nothing was paid");
        let takings = world.store.takings_since(&"op".into(), 0).await.expect("takings");
        assert_eq!((takings.paid_fen, takings.refunded_fen), (Fen(90), Fen::ZERO));
    })
    .await;
}

#[tokio::test]
async fn a_bill_of_nothing_lets_all_go() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        world.holds.behave(Captures::Work);
        let order = settled(&world, 0).await;
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.stored(&order.id).await.state.name(), "closed");
        assert_eq!(world.holds.taken(), [Fen::ZERO]);
        assert_eq!(balances(&world).await, [0, 0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn f19_a_start_that_fails_lets_all_go() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        world.holds.behave(Captures::Work);
        *world.chargers.answer.lock().expect("lock") = Ok(CommandAnswer::Rejected);
        let (order, _) = held_order(&world).await;
        world.workers.run_due().await.expect("jobs");
        let stored = world.stored(&order.id).await;
        let State::StartFailed { reason, .. } = stored.state else { panic!("{stored:?}") };
        assert_eq!(reason, StartFailure::Refused);
        assert_eq!(world.holds.taken(), [Fen::ZERO]);
        assert!(matches!(stored.captures[0].status, CaptureStatus::Done { .. }));
        assert_eq!(balances(&world).await, [0, 0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn f02_a_hold_after_the_order_expired_is_let_go() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        world.holds.behave(Captures::Work);
        let order = world.order("rider", "full-500").await;
        let payment = world.open_payment(&order, via()).await;
        world.clock.advance_ms(11 * MINUTE_MS);
        world.workers.run_due().await.expect("jobs");
        let closed = world.payments.closed.lock().expect("lock").clone();
        assert_eq!((closed.len(), &closed[0]), (1, &payment), "closed as any payment");

        for _ in 0..3 {
            let trade = authorised(&world, &payment);
            world.orders.trade_changed(&trade).await.expect("a known payment");
            world.workers.run_due().await.expect("jobs");
        }
        let stored = world.stored(&order.id).await;
        let State::Cancelled { reason, .. } = stored.state else { panic!("{stored:?}") };
        assert_eq!(reason, CancelReason::Expired);
        assert_eq!(world.holds.taken(), [Fen::ZERO]);
        assert_eq!(world.holds.asked().len(), 1);
        assert!(world.chargers.starts.lock().expect("lock").is_empty());
        assert_eq!(balances(&world).await, [0, 0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn f02_a_hold_found_while_closing_is_let_go_too() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        world.holds.behave(Captures::Work);
        let order = world.order("rider", "full-500").await;
        let payment = world.open_payment(&order, via()).await;
        world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
        let found = TradeState::Paid(authorised(&world, &payment));
        *world.payments.state.lock().expect("lock") = Some(found);
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.stored(&order.id).await.held_fen(), CAP);
        assert_eq!(world.holds.taken(), [Fen::ZERO]);
        assert_eq!(balances(&world).await, [0, 0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn f03_a_hold_whose_notify_is_lost_starts_the_charge_all_the_same() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = world.order("rider", "full-500").await;
        let payment = world.open_payment(&order, via()).await;
        let found = TradeState::Paid(authorised(&world, &payment));
        *world.payments.state.lock().expect("lock") = Some(found);
        world.clock.advance_ms(6_000);
        world.workers.run_due().await.expect("jobs");
        let stored = world.stored(&order.id).await;
        assert_eq!((stored.state.name(), stored.runs_on_hold()), ("starting", true));
        assert_eq!(balances(&world).await, [0, 0, 500, -500]);
    })
    .await;
}

#[tokio::test]
async fn f08_a_second_hold_is_let_go_while_the_charge_runs_on_the_first() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        world.holds.behave(Captures::Work);
        let order = world.order("rider", "full-500").await;
        let first = world.open_payment(&order, via()).await;
        let second = world.open_payment(&order, PayVia::hold(Channel::Wechat, None)).await;
        assert_ne!(first, second);
        for (payment, channel) in [(&first, Channel::Alipay), (&second, Channel::Wechat)] {
            let trade = VerifiedTrade { channel, ..authorised(&world, payment) };
            world.orders.trade_changed(&trade).await.expect("a known payment");
        }
        world.workers.run_due().await.expect("jobs");
        let stored = world.stored(&order.id).await;
        assert_eq!((stored.state.name(), stored.held_fen()), ("starting", Fen(1_000)));
        let asked = world.holds.asked();
        assert_eq!((asked.len(), &asked[0].payment_id), (1, &second));
        assert_eq!(world.holds.taken(), [Fen::ZERO]);
        assert_eq!(balances(&world).await, [0, 0, 500, -500]);
    })
    .await;
}

#[tokio::test]
async fn f09_a_capture_done_without_an_answer_is_done_once() {
    for lost in [Captures::AreDoneInSilence, Captures::AreDoneAndFound] {
        with_dbs(async |store| {
            let world = World::new(store, story::tariff()).await;
            world.holds.behave(lost);
            let order = settled(&world, 90).await;
            world.workers.run_due().await.expect("jobs");
            let stored = world.stored(&order.id).await;
            if lost == Captures::AreDoneInSilence {
                assert_eq!(stored.captures[0].status, CaptureStatus::Pending, "not taken for a no");
                assert_eq!(balances(&world).await, [0, 90, 500, -500]);
                world.holds.behave(Captures::Work);
                world.clock.advance_ms(2_000);
                world.workers.run_due().await.expect("jobs");
            }
            assert_eq!(world.stored(&order.id).await.state.name(), "closed");
            assert_eq!(world.holds.taken(), [Fen(90)]);
            let asked = world.holds.asked();
            assert!(asked.iter().all(|again| again.id == asked[0].id), "one number");
            assert_eq!(balances(&world).await, [90, 0, 0, 0]);
        })
        .await;
    }
}

#[tokio::test]
async fn f09_a_refusal_after_a_lost_answer_is_asked_about() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        world.holds.behave(Captures::AreDoneInSilence);
        let order = settled(&world, 90).await;
        world.workers.run_due().await.expect("jobs");
        // The hold is used up: the platform refuses for good what it has already done.
        world.holds.behave(Captures::AreRefusedForGood);
        world.clock.advance_ms(2_000);
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.stored(&order.id).await.state.name(), "closed");
        assert_eq!(balances(&world).await, [90, 0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_capture_refused_for_good_waits_for_a_person_and_can_be_tried_again() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        world.holds.behave(Captures::AreRefusedForGood);
        let order = settled(&world, 90).await;
        run_out_of_tries(&world).await;
        let stored = world.stored(&order.id).await;
        assert_eq!(stored.captures[0].status, CaptureStatus::Parked);
        assert_eq!(stored.state.name(), "settled");
        assert_eq!(world.holds.asked().len(), 1, "for good is not asked again");
        assert_eq!(balances(&world).await, [0, 90, 500, -500]);
        let parked = world.store.parked_jobs(&"op".into(), 10).await.expect("parked jobs");
        assert_eq!((parked.len(), parked[0].job.kind.as_str()), (1, "capture"));
        let other = world.orders.retry_job(&"other".into(), &parked[0].job.id).await;
        assert!(matches!(other, Err(OrderError::NoSuchJob)), "{other:?}");

        world.holds.behave(Captures::Work);
        world.orders.retry_job(&"op".into(), &parked[0].job.id).await.expect("tried again");
        assert_eq!(world.stored(&order.id).await.captures[0].status, CaptureStatus::Pending);
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.stored(&order.id).await.state.name(), "closed");
        assert_eq!(world.store.count_jobs("parked").await.expect("count"), 0);
        assert_eq!(world.holds.taken(), [Fen(90)]);
        assert_eq!(balances(&world).await, [90, 0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_refused_capture_has_all_its_tries_and_then_waits_for_a_person() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        world.holds.behave(Captures::AreRefused);
        let order = settled(&world, 90).await;
        run_out_of_tries(&world).await;
        assert_eq!(world.stored(&order.id).await.captures[0].status, CaptureStatus::Parked);
        assert_eq!(world.store.count_jobs("parked").await.expect("count"), 1);
        let asked = world.holds.asked();
        assert_eq!(asked.len(), 9);
        assert!(asked.iter().all(|again| again.id == asked[0].id), "one number");
        world.books_are_whole().await;
    })
    .await;
}

/// The server died after the platform had done it and before that was written down.
#[tokio::test]
async fn f57_a_server_that_died_after_the_capture_finds_it_done() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        world.holds.behave(Captures::Work);
        let order = settled(&world, 90).await;
        let claimed =
            world.store.claim_jobs(Lane::Rest, world.clock.now_ms(), 100).await.expect("claimed");
        assert!(claimed.iter().any(|job| job.kind == "capture"));
        let hold = &order.payments[0];
        world.holds.take(&CaptureRequest {
            id: order.captures[0].id.0.clone(),
            payment_id: hold.id.clone(),
            hold_no: hold.trade_no.clone(),
            held_fen: CAP,
            amount_fen: Fen(90),
            buyer_open_id: None,
            subject: String::new(),
            duration_ms: 0,
            will_split: false,
        });
        world.store.revive_jobs().await.expect("revived");
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.stored(&order.id).await.state.name(), "closed");
        assert_eq!(world.holds.taken(), [Fen(90)]);
        assert_eq!(balances(&world).await, [90, 0, 0, 0]);
    })
    .await;
}

/// The server died between parking the capture and parking its job.
#[tokio::test]
async fn f57_a_parked_capture_always_has_a_parked_job() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        world.holds.behave(Captures::Work);
        let order = settled(&world, 90).await;
        let event = Event::CaptureParked { capture_id: order.captures[0].id.clone() };
        let now_ms = world.clock.now_ms();
        let (parked, _) = apply(&order, event, now_ms).expect("accepted");
        let mut tx = world.store.begin().await.expect("begin");
        let version = tx.order(&order.id).await.expect("store").expect("the order").version;
        tx.update_order(&parked, version, now_ms).await.expect("stored");
        tx.commit().await.expect("commit");
        world.workers.run_due().await.expect("jobs");
        assert!(world.holds.asked().is_empty(), "a person decides");
        let jobs = world.store.parked_jobs(&"op".into(), 10).await.expect("parked jobs");
        world.orders.retry_job(&"op".into(), &jobs[0].job.id).await.expect("tried again");
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.stored(&order.id).await.state.name(), "closed");
        assert_eq!(balances(&world).await, [90, 0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn what_is_set_aside_is_never_taken_for_paid() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = world.order("rider", "full-500").await;
        let hold = world.open_payment(&order, via()).await;
        let app = PayVia::app(Channel::Alipay, "open-1");
        let payment = world.open_payment(&order, app).await;
        for (id, held) in [(&hold, false), (&payment, true)] {
            let trade = VerifiedTrade { held, ..world.trade(id, CAP) };
            let told = world.orders.trade_changed(&trade).await;
            assert!(matches!(told, Err(OrderError::NoSuchPayment)), "{told:?}");
        }
        assert_eq!(world.stored(&order.id).await.state.name(), "awaiting_payment");
        assert_eq!(balances(&world).await, [0, 0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_platform_without_holds_opens_none_and_takes_none() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = settled(&world, 90).await;
        let platforms =
            Platforms::default().with(Channel::Alipay, Platform::of(world.payments.clone()));
        let orders = Orders::new(world.store.clone(), world.clock.clone(), platforms);
        let chargers = Arc::clone(&world.chargers);
        let workers =
            Workers::new(world.store.clone(), world.clock.clone(), orders.clone(), chargers);
        workers.run_due().await.expect("jobs");
        let capture = world.stored(&order.id).await.captures[0].clone();
        assert_eq!(capture.status, CaptureStatus::Pending, "the platform may be set up again");

        let order = world.order("other rider", "full-500").await;
        let back = "http://back".to_owned();
        let opened = orders.pay(&order.id, &order.rider_id, via(), back).await;
        assert!(matches!(opened, Err(OrderError::NoHolds)), "{opened:?}");
        assert!(world.store.payments_of_order(&order.id).await.expect("payments").is_empty());
        world.books_are_whole().await;
    })
    .await;
}
