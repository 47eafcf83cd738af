//! What a platform reports later: refunds that ended, bills that were taken of holds.

use server::orders::{OrderError, PayVia, VerifiedCapture, VerifiedRefund};
use wasm_core::money::Fen;
use wasm_core::order::{CaptureStatus, Channel, Order, RefundStatus};

use crate::holds::settled;
use crate::story;
use crate::support::{World, with_dbs};

/// An order that was cancelled and then paid; its refund was asked for and is under way.
async fn refunding(world: &World) -> Order {
    let order = world.order("rider", "full-500").await;
    let payment = world.open_payment(&order, PayVia::app(Channel::Alipay, "buyer")).await;
    world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
    world.pay(&payment, Fen(500)).await;
    world.workers.run_due().await.expect("jobs");
    world.stored(&order.id).await
}

fn report(order: &Order, paid_back: bool) -> VerifiedRefund {
    let refund = &order.refunds[0];
    VerifiedRefund {
        channel: Channel::Alipay,
        id: refund.id.clone(),
        payment_id: refund.payment_id.clone(),
        amount_fen: refund.amount_fen,
        paid_back,
    }
}

#[tokio::test]
async fn f12_a_refund_that_ends_later_closes_once() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = refunding(&world).await;
        assert_eq!(order.refunds[0].status, RefundStatus::Pending);
        for wrong in [
            VerifiedRefund { amount_fen: Fen(499), ..report(&order, true) },
            VerifiedRefund { id: "another".into(), ..report(&order, true) },
            VerifiedRefund { payment_id: "another".into(), ..report(&order, true) },
            VerifiedRefund { channel: Channel::Wechat, ..report(&order, true) },
        ] {
            let refused = world.orders.refund_ended(&wrong).await;
            let named =
                matches!(refused, Err(OrderError::NoSuchRefund | OrderError::NoSuchPayment));
            assert!(named, "{refused:?}");
            assert_eq!(world.stored(&order.id).await, order);
        }
        for _ in 0..3 {
            world.orders.refund_ended(&report(&order, true)).await.expect("told");
        }
        // Told too late that it failed: the money is back, and stays so.
        world.orders.refund_ended(&report(&order, false)).await.expect("told");
        let stored = world.stored(&order.id).await;
        assert!(matches!(stored.refunds[0].status, RefundStatus::Done { .. }), "{stored:?}");
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f12_a_refund_that_fails_later_waits_for_a_person() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = refunding(&world).await;
        for _ in 0..2 {
            world.orders.refund_ended(&report(&order, false)).await.expect("told");
        }
        assert_eq!(world.stored(&order.id).await.refunds[0].status, RefundStatus::Parked);
        world.clock.advance_ms(60_000);
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.store.count_jobs("parked").await.expect("count"), 1, "visible");
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn a_bill_that_is_taken_later_closes_the_order_once() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = settled(&world, 90).await;
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.stored(&order.id).await.state.name(), "settled", "no answer yet");
        let report = VerifiedCapture {
            channel: Channel::Alipay,
            payment_id: order.payments[0].id.clone(),
            amount_fen: Fen(90),
        };
        let wrong = VerifiedCapture { amount_fen: Fen(91), ..report.clone() };
        let refused = world.orders.hold_captured(&wrong).await;
        assert!(matches!(refused, Err(OrderError::WrongAmount { .. })), "{refused:?}");
        for _ in 0..3 {
            world.orders.hold_captured(&report).await.expect("told");
        }
        let stored = world.stored(&order.id).await;
        assert_eq!((stored.state.name(), stored.taken_fen()), ("closed", Fen(90)));
        assert!(matches!(stored.captures[0].status, CaptureStatus::Done { .. }));
        world.books_are_whole().await;
    })
    .await;
}
