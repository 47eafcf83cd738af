//! Notifies that come often, late, never, out of order or too soon: the same end each time.

use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use server::orders::{
    Answer, Checkout, NewPayment, Orders, Payments, Platform, Platforms, RefundRequest, TradeState,
    TradeStatus, VerifiedRefund, VerifiedTrade,
};
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;
use wasm_core::order::{Channel, Order, RefundReason, RefundStatus, State};

use crate::story;
use crate::support::{World, browser, with_dbs};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60_000;
/// Far more than one rider or operator presses a button.
const AT_ONCE: usize = 50;

async fn opened(world: &World) -> (Order, PaymentId) {
    let order = world.order("rider", "full-500").await;
    let payment = world.open_payment(&order, browser()).await;
    (order, payment)
}

/// All money of an order is back, once.
async fn is_back(world: &World, order: &Order, reason: RefundReason) {
    world.workers.run_due().await.expect("jobs");
    let stored = world.stored(&order.id).await;
    assert_eq!((stored.paid_fen(), stored.refunds.len()), (Fen(500), 1));
    let refund = &stored.refunds[0];
    assert_eq!((refund.amount_fen, refund.reason), (Fen(500), reason));
    assert!(matches!(refund.status, RefundStatus::Done { .. }), "{refund:?}");
    assert_eq!(world.payments.refunds.lock().expect("lock").len(), 1);
    assert!(world.chargers.starts.lock().expect("lock").is_empty(), "nothing starts");
    world.books_are_whole().await;
}

#[tokio::test]
async fn f02_money_that_comes_after_the_order_is_over_goes_back_whole() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        *world.payments.refunds_work.lock().expect("lock") = true;
        let (order, payment) = opened(&world).await;
        world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
        world.workers.run_due().await.expect("jobs");
        assert_eq!(*world.payments.closed.lock().expect("lock"), slice(&payment), "closed");
        world.pay(&payment, Fen(500)).await;
        is_back(&world, &order, RefundReason::TooLate).await;
        world.pay(&payment, Fen(500)).await;
        is_back(&world, &order, RefundReason::TooLate).await;
    })
    .await;
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        *world.payments.refunds_work.lock().expect("lock") = true;
        let (order, payment) = opened(&world).await;
        world.clock.advance_ms(60 * MINUTE_MS);
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.stored(&order.id).await.state.name(), "cancelled");
        world.pay(&payment, Fen(500)).await;
        is_back(&world, &order, RefundReason::TooLate).await;
    })
    .await;
}

fn slice(payment: &PaymentId) -> [PaymentId; 1] {
    [payment.clone()]
}

#[tokio::test]
async fn f03_a_notify_that_never_comes_is_asked_for() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let (order, payment) = opened(&world).await;
        world.workers.run_due().await.expect("jobs");
        *world.payments.state.lock().expect("lock") =
            Some(TradeState::Paid(world.trade(&payment, Fen(500))));
        world.clock.advance_ms(5 * SECOND_MS);
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.stored(&order.id).await.state.name(), "starting");
        assert_eq!(*world.chargers.starts.lock().expect("lock"), [order.id]);
        world.books_are_whole().await;
    })
    .await;
}

/// All orders of so many things.
fn permutations(of: usize) -> Vec<Vec<usize>> {
    let Some(last) = of.checked_sub(1) else { return vec![vec![]] };
    let shorter = permutations(last);
    let insert = |shorter: &Vec<usize>, at: usize| {
        let mut longer = shorter.clone();
        longer.insert(at, last);
        longer
    };
    shorter
        .iter()
        .flat_map(|list| (0..=last).map(|at| insert(list, at)).collect::<Vec<_>>())
        .collect()
}

#[tokio::test]
async fn f04_four_messages_in_any_order_come_to_the_same_end() {
    use TradeStatus::{Closed, Finished, Success, Waiting};
    assert_eq!(permutations(4).len(), 24);
    for order_of in permutations(4) {
        let store = server::store::Store::open("sqlite::memory:").await.expect("sqlite");
        let world = World::new(store, story::tariff()).await;
        let (order, payment) = opened(&world).await;
        for index in &order_of {
            let status = [Waiting, Success, Finished, Closed][*index];
            let trade = VerifiedTrade { status, ..world.trade(&payment, Fen(500)) };
            world.orders.trade_changed(&trade).await.expect("taken");
        }
        let stored = world.stored(&order.id).await;
        assert_eq!((stored.state.name(), stored.payments.len()), ("starting", 1), "{order_of:?}");
        assert_eq!(stored.refunds, []);
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.chargers.starts.lock().expect("lock").len(), 1);
        world.books_are_whole().await;
    }
}

#[tokio::test]
async fn f04_the_refunds_end_may_come_before_the_payment_it_is_of() {
    use TradeStatus::{Closed, Finished, Success};
    let mut ends = Vec::new();
    for order_of in permutations(4) {
        let store = server::store::Store::open("sqlite::memory:").await.expect("sqlite");
        let world = World::new(store, story::tariff()).await;
        let (order, payment) = opened(&world).await;
        // Paid when all was over: the money goes back under a number that we choose.
        world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
        let refund = VerifiedRefund {
            channel: Channel::Alipay,
            id: format!("{payment}R1").into(),
            payment_id: payment.clone(),
            amount_fen: Fen(500),
            paid_back: true,
        };
        let tell = async |index: usize| match [Success, Finished, Closed].get(index) {
            Some(status) => {
                let trade = VerifiedTrade { status: *status, ..world.trade(&payment, Fen(500)) };
                world.orders.trade_changed(&trade).await
            }
            None => world.orders.refund_ended(&refund).await,
        };
        // What is not answered success comes again, as it does in life.
        let mut left = order_of.clone();
        for _ in 0..order_of.len() {
            let mut again = Vec::new();
            for index in left {
                if tell(index).await.is_err() {
                    again.push(index);
                }
            }
            left = again;
        }
        assert_eq!(left, [0; 0], "{order_of:?}");
        let stored = world.stored(&order.id).await;
        let [refund] = &stored.refunds[..] else { panic!("{order_of:?}: {stored:?}") };
        assert!(matches!(refund.status, RefundStatus::Done { .. }), "{order_of:?}: {refund:?}");
        world.books_are_whole().await;
        let balances = world.store.balances(&"op".into()).await.expect("balances");
        let sums: Vec<Fen> = balances.into_iter().map(|(_, fen)| fen).collect();
        ends.push((stored.state.name(), stored.paid_fen(), sums));
    }
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:#?}");
}

/// A platform that tells of the payment before it has answered that it was opened.
#[derive(Default)]
struct Hasty {
    orders: OnceLock<Orders>,
}

impl Payments for Hasty {
    fn create<'a>(&'a self, payment: &'a NewPayment) -> BoxFuture<'a, Answer<Checkout>> {
        async {
            let trade = VerifiedTrade {
                channel: Channel::Alipay,
                payment_id: payment.id.clone(),
                trade_no: "T1".to_owned(),
                amount_fen: payment.amount_fen,
                paid_ms: payment.expires_ms,
                status: TradeStatus::Success,
                buyer_open_id: None,
                held: false,
            };
            let orders = self.orders.get().expect("set");
            orders.trade_changed(&trade).await.expect("the payment's row is there already");
            Ok(Checkout::Redirect("http://cashier".to_owned()))
        }
        .boxed()
    }

    fn query<'a>(&'a self, _: &'a PaymentId) -> BoxFuture<'a, Answer<TradeState>> {
        async { Ok(TradeState::Unknown) }.boxed()
    }

    fn close<'a>(&'a self, _: &'a PaymentId) -> BoxFuture<'a, Answer<()>> {
        async { Ok(()) }.boxed()
    }

    fn refund<'a>(&'a self, _: &'a RefundRequest) -> BoxFuture<'a, Answer<()>> {
        async { Ok(()) }.boxed()
    }

    fn refund_done<'a>(&'a self, _: &'a RefundRequest) -> BoxFuture<'a, Answer<bool>> {
        async { Ok(false) }.boxed()
    }
}

#[tokio::test]
async fn f05_a_notify_within_the_call_that_opens_the_payment_counts() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let hasty = Arc::new(Hasty::default());
        let platforms = Platforms::default().with(Channel::Alipay, Platform::of(hasty.clone()));
        let orders = Orders::new(world.store.clone(), world.clock.clone(), platforms);
        assert!(hasty.orders.set(orders.clone()).is_ok());
        let order = world.order("rider", "full-500").await;
        let back = "http://back".to_owned();
        orders.pay(&order.id, &order.rider_id, browser(), back).await.expect("a checkout");
        let stored = world.stored(&order.id).await;
        assert_eq!((stored.state.name(), stored.payments.len()), ("starting", 1));
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f08_one_trade_of_the_platform_pays_one_order_only() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let (first, payment) = opened(&world).await;
        let second = world.order_at(1, "rider2", "full-500").await;
        let other = world.open_payment(&second, browser()).await;
        let trade = world.trade(&payment, Fen(500));
        world.orders.trade_changed(&trade).await.expect("taken");
        let again = VerifiedTrade { payment_id: other, ..trade };
        assert!(world.orders.trade_changed(&again).await.is_err(), "never answered success");
        assert_eq!(world.stored(&first.id).await.state.name(), "starting");
        assert_eq!(world.stored(&second.id).await, second);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f13_refunds_from_all_sides_at_once_move_the_money_once() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let (order, payment) = opened(&world).await;
        world.pay(&payment, Fen(500)).await;
        *world.payments.refunds_work.lock().expect("lock") = true;
        // The rider presses cancel again and again, the platform repeats itself, workers race.
        let cancels = (0..AT_ONCE).map(|_| world.orders.cancel(&order.id, &order.rider_id));
        let told = (0..AT_ONCE).map(|_| world.pay(&payment, Fen(500)));
        let workers = (0..AT_ONCE).map(|_| world.workers.run_due());
        futures_util::join!(join_all(cancels), join_all(told), join_all(workers));
        is_back_once(&world, &order).await;
    })
    .await;
}

async fn is_back_once(world: &World, order: &Order) {
    world.workers.run_due().await.expect("jobs");
    let stored = world.stored(&order.id).await;
    assert!(matches!(stored.state, State::StartFailed { .. }), "{stored:?}");
    let returned: Fen = stored.refunds.iter().map(|refund| refund.amount_fen).sum();
    assert_eq!((returned, stored.refunds.len()), (Fen(500), 1));
    let asked = world.payments.refunds.lock().expect("lock").clone();
    assert!(asked.iter().all(|again| again.id == asked[0].id), "one number at the platform");
    world.books_are_whole().await;
}
