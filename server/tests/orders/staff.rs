//! What an operator's people do: stop a charge, try a parked refund again, read the books.

use server::ledger;
use server::orders::OrderError;
use server::store::Takings;
use server::store::users::User;
use wasm_core::ids::OperatorId;
use wasm_core::money::Fen;
use wasm_core::order::{Order, RefundStatus};

use crate::story;
use crate::support::{BEGIN_MS, World, browser, with_dbs};

const DAY_MS: i64 = 24 * 60 * 60_000;

fn own() -> OperatorId {
    "op".into()
}

fn other() -> OperatorId {
    "other".into()
}

async fn paid(world: &World) -> Order {
    let order = world.order("rider", "full-500").await;
    let payment = world.open_payment(&order, browser()).await;
    world.pay(&payment, Fen(500)).await;
    world.stored(&order.id).await
}

/// A paid order that was cancelled while the platform did not answer, until the refund was parked.
async fn with_a_parked_refund(world: &World) -> Order {
    let order = paid(world).await;
    world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
    for _ in 0..12 {
        world.workers.run_due().await.expect("jobs");
        world.clock.advance_ms(DAY_MS);
    }
    let order = world.stored(&order.id).await;
    assert_eq!(order.refunds[0].status, RefundStatus::Parked);
    order
}

#[tokio::test]
async fn a_parked_refund_tried_again_reaches_the_rider() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = with_a_parked_refund(&world).await;
        let parked = world.store.parked_jobs(&own(), 10).await.expect("parked jobs");
        assert_eq!(parked.len(), 1);
        assert_eq!((parked[0].job.kind.as_str(), &parked[0].order), ("refund", &order));
        assert!(parked[0].why.contains("no answer"), "{}", parked[0].why);

        *world.payments.refunds_work.lock().expect("lock") = true;
        let asked_before = world.payments.refunds.lock().expect("lock").len();
        world.orders.retry_job(&own(), &parked[0].job.id).await.expect("tried again");
        assert_eq!(world.stored(&order.id).await.refunds[0].status, RefundStatus::Pending);
        assert_eq!(world.store.count_jobs("parked").await.expect("count"), 0);
        world.workers.run_due().await.expect("jobs");
        let refund = world.stored(&order.id).await.refunds[0].clone();
        assert!(matches!(refund.status, RefundStatus::Done { .. }), "{refund:?}");
        let asked = world.payments.refunds.lock().expect("lock").clone();
        assert_eq!(asked.len(), asked_before + 1, "the platform is asked once");
        assert_eq!(asked[asked_before].id, refund.id, "under the same refund number");
        world.books_are_whole().await;

        let again = world.orders.retry_job(&own(), &parked[0].job.id).await;
        assert!(matches!(again, Err(OrderError::NoSuchJob)), "{again:?}");
    })
    .await;
}

#[tokio::test]
async fn a_refund_that_fails_again_has_all_its_tries_and_is_parked_again() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = with_a_parked_refund(&world).await;
        let parked = world.store.parked_jobs(&own(), 10).await.expect("parked jobs");
        world.orders.retry_job(&own(), &parked[0].job.id).await.expect("tried again");
        for _ in 0..12 {
            world.workers.run_due().await.expect("jobs");
            world.clock.advance_ms(DAY_MS);
        }
        assert_eq!(world.stored(&order.id).await.refunds[0].status, RefundStatus::Parked);
        assert_eq!(world.store.parked_jobs(&own(), 10).await.expect("parked jobs").len(), 1);
        assert_eq!(world.payments.refunds.lock().expect("lock").len(), 18);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn another_operators_orders_and_jobs_are_as_good_as_none() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let order = with_a_parked_refund(&world).await;
        let parked = world.store.parked_jobs(&own(), 10).await.expect("parked jobs");
        let retried = world.orders.retry_job(&other(), &parked[0].job.id).await;
        assert!(matches!(retried, Err(OrderError::NoSuchJob)), "{retried:?}");
        let stopped = world.orders.stop_for_operator(&other(), &order.id).await;
        assert!(matches!(stopped, Err(OrderError::NoSuchOrder)), "{stopped:?}");
        assert_eq!(world.stored(&order.id).await, order, "nothing changed");

        let running = paid(&world).await;
        let store = &world.store;
        assert_eq!(world.orders.running_at(&own(), 10).await.expect("orders")[0].order, running);
        assert!(world.orders.running_at(&other(), 10).await.expect("orders").is_empty());
        assert_eq!(store.orders_since(&own(), BEGIN_MS, 10).await.expect("orders").len(), 2);
        assert_eq!(store.count_orders_since(&other(), 0).await.expect("count"), 0);
        assert!(store.parked_jobs(&other(), 10).await.expect("jobs").is_empty());
        assert!(store.sockets_of_operator(&other(), 10).await.expect("sockets").is_empty());
        let takings = store.takings_since(&other(), 0).await.expect("takings");
        assert_eq!(takings, Takings::default());
    })
    .await;
}

#[tokio::test]
async fn the_books_of_one_operator_add_up() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        paid(&world).await;
        let balances = world.store.balances_by_kind(&own()).await.expect("balances");
        assert!(balances.contains(&("clearing", Fen(500))), "{balances:?}");
        assert!(balances.contains(&("prepaid", Fen(-500))), "{balances:?}");
        assert_eq!(balances.iter().map(|(_, fen)| *fen).sum::<Fen>(), Fen::ZERO);
        let takings = world.store.takings_since(&own(), BEGIN_MS).await.expect("takings");
        assert_eq!(takings, Takings { paid_fen: Fen(500), ..Takings::default() });
        let later = world.store.takings_since(&own(), BEGIN_MS + 1).await.expect("takings");
        assert_eq!(later, Takings::default(), "yesterday's money is not today's");
        let report = ledger::check_operator(&world.store, &own()).await.expect("a check");
        assert_eq!((report.transactions, report.orders, report.is_clean()), (1, 1, true));
        let nothing = ledger::check_operator(&world.store, &other()).await.expect("a check");
        assert_eq!((nothing.transactions, nothing.debits_fen), (0, Fen::ZERO));
    })
    .await;
}

#[tokio::test]
async fn a_session_lasts_until_it_is_over_or_closed() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let (store, now_ms) = (&world.store, BEGIN_MS);
        let user = User {
            id: "u".to_owned(),
            operator_id: own(),
            login: "owner".to_owned(),
            role: "owner".to_owned(),
            password_hash: "none".to_owned(),
        };
        store.add_user(&user, now_ms).await.expect("a user");
        store.open_session("a", "u", now_ms, now_ms + DAY_MS).await.expect("a session");
        let known = store.session_user("a", now_ms + DAY_MS - 1).await.expect("an answer");
        assert_eq!(known.expect("a user").operator_id, own());
        assert_eq!(store.session_user("a", now_ms + DAY_MS).await.expect("an answer"), None);
        assert_eq!(store.session_user("b", now_ms).await.expect("an answer"), None);
        store.close_session("a").await.expect("closed");
        assert_eq!(store.session_user("a", now_ms).await.expect("an answer"), None);

        store.open_session("b", "u", now_ms, now_ms + DAY_MS).await.expect("a session");
        store.set_password("owner", "another").await.expect("another password");
        assert_eq!(store.session_user("b", now_ms).await.expect("an answer"), None);
    })
    .await;
}
