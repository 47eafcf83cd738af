//! Money that arrives otherwise than agreed: it is found, booked as it is, and goes back.

use server::orders::{PayVia, TradeState};
use wasm_core::money::Fen;
use wasm_core::order::{CancelReason, Channel, RefundReason, State};

use crate::story;
use crate::support::{World, browser, with_dbs};

const MINUTE_MS: i64 = 60_000;

fn app() -> PayVia {
    PayVia::app(Channel::Alipay, "buyer".to_owned())
}

#[tokio::test]
async fn f07_another_amount_that_a_query_finds_goes_back_whole() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        *world.payments.refunds_work.lock().expect("lock") = true;
        let order = world.order("rider", "full-500").await;
        let payment = world.open_payment(&order, browser()).await;
        let trade = world.trade(&payment, Fen(501));
        assert!(world.orders.trade_changed(&trade).await.is_err(), "a notify is not enough");
        *world.payments.state.lock().expect("lock") = Some(TradeState::Paid(trade));
        world.clock.advance_ms(6_000);
        world.workers.run_due().await.expect("jobs");

        let stored = world.stored(&order.id).await;
        let State::Cancelled { reason, .. } = stored.state else { panic!("{stored:?}") };
        assert_eq!(reason, CancelReason::WrongAmount);
        assert_eq!(stored.paid_fen(), Fen(501));
        let refunds = world.payments.refunds.lock().expect("lock").clone();
        assert_eq!(refunds.iter().map(|refund| refund.amount_fen).collect::<Vec<_>>(), [Fen(501)]);
        assert!(world.chargers.starts.lock().expect("lock").is_empty());
        assert_eq!(world.store.count_jobs("parked").await.expect("count"), 0);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f07_another_amount_found_while_closing_goes_back_too() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = world.order("rider", "full-500").await;
        let payment = world.open_payment(&order, browser()).await;
        world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
        let trade = world.trade(&payment, Fen(499));
        *world.payments.state.lock().expect("lock") = Some(TradeState::Paid(trade));
        world.workers.run_due().await.expect("jobs");
        let stored = world.stored(&order.id).await;
        assert_eq!(stored.refunds[0].amount_fen, Fen(499));
        assert_eq!(stored.refunds[0].reason, RefundReason::TooLate);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f08_a_second_way_to_pay_is_closed_once_the_first_is_paid() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = world.order("rider", "full-500").await;
        let first = world.open_payment(&order, browser()).await;
        let second = world.open_payment(&order, app()).await;
        world.pay(&first, Fen(500)).await;
        world.clock.advance_ms(6_000);
        world.workers.run_due().await.expect("jobs");
        assert_eq!(*world.payments.closed.lock().expect("lock"), [second]);
    })
    .await;
}

#[tokio::test]
async fn f08_a_second_payment_whose_notify_is_lost_goes_back() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = world.order("rider", "full-500").await;
        let first = world.open_payment(&order, browser()).await;
        let second = world.open_payment(&order, app()).await;
        world.pay(&first, Fen(500)).await;
        let trade = world.trade(&second, Fen(500));
        *world.payments.state.lock().expect("lock") = Some(TradeState::Paid(trade));
        world.clock.advance_ms(6_000);
        world.workers.run_due().await.expect("jobs");
        let stored = world.stored(&order.id).await;
        assert_eq!(stored.payments.len(), 2);
        assert_eq!(stored.refunds.len(), 1);
        assert_eq!(stored.refunds[0].payment_id, second);
        assert_eq!(stored.refunds[0].reason, RefundReason::PaidTwice);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f03_a_cashier_not_yet_visited_is_looked_at_again_when_it_can_no_longer_be() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = world.order("rider", "full-500").await;
        let payment = world.open_payment(&order, browser()).await;
        *world.payments.state.lock().expect("lock") = Some(TradeState::Unknown);
        world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
        world.workers.run_due().await.expect("jobs");
        // The rider pays all the same at the address from before, and the notify is lost.
        let trade = world.trade(&payment, Fen(500));
        *world.payments.state.lock().expect("lock") = Some(TradeState::Paid(trade));
        world.clock.advance_ms(11 * MINUTE_MS);
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.stored(&order.id).await.refunds[0].amount_fen, Fen(500));
        world.books_are_whole().await;
    })
    .await;
}
