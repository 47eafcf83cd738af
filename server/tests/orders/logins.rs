//! Riders and who they are at Alipay: the id joins the rider, two riders who are one become one,
//! and nobody ever loses an id, an order or a fen.

use futures_util::future::join_all;
use server::orders::OrderError;
use server::store::Store;
use wasm_core::ids::RiderId;
use wasm_core::money::Fen;
use wasm_core::order::{Channel, Order};

use crate::story;
use crate::support::{BEGIN_MS, World, browser, with_dbs};

async fn rider(store: &Store, name: &str) -> RiderId {
    let id = RiderId::from(name);
    store.add_rider(&id, &hash(name), BEGIN_MS).await.expect("a rider");
    id
}

fn hash(name: &str) -> String {
    format!("hash of {name}")
}

/// Whom a session belongs to, and the id at Alipay.
async fn session(store: &Store, name: &str) -> (String, Option<String>) {
    let rider = store.rider_by_token(&hash(name)).await.expect("store").expect("a rider");
    (rider.id.0, rider.open_ids.at(Channel::Alipay).map(str::to_owned))
}

async fn paid(world: &World, rider: &str) -> Order {
    let order = world.order(rider, "full-500").await;
    let payment = world.open_payment(&order, browser()).await;
    world.pay(&payment, Fen(500)).await;
    order
}

#[tokio::test]
async fn the_id_joins_the_rider_and_stays() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let id = rider(&world.store, "r1").await;
        for (told, kept) in [("open-1", "open-1"), ("open-1", "open-1"), ("open-2", "open-1")] {
            let known = world.orders.known_at(Channel::Alipay, &id, told).await.expect("known");
            assert_eq!((known.id.as_str(), known.open_ids.at(Channel::Alipay)), ("r1", Some(kept)));
        }
        let nobody = world.orders.known_at(Channel::Alipay, &"nobody".into(), "open-3").await;
        assert!(matches!(nobody, Err(OrderError::NoSuchRider)), "{nobody:?}");
    })
    .await;
}

#[tokio::test]
async fn a_rider_with_an_id_never_becomes_another() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        for (name, open_id) in [("r1", "open-1"), ("r2", "open-2")] {
            let id = rider(&world.store, name).await;
            world.orders.known_at(Channel::Alipay, &id, open_id).await.expect("known");
        }
        let order = world.order("r2", "full-500").await;
        let known = world
            .orders
            .known_at(Channel::Alipay, &"r2".into(), "open-1")
            .await
            .expect("an answer");
        assert_eq!(known.open_ids.at(Channel::Alipay), Some("open-2"));
        assert_eq!(world.stored(&order.id).await.rider_id.as_str(), "r2");
        assert_eq!(session(&world.store, "r2").await, ("r2".into(), Some("open-2".into())));
    })
    .await;
}

#[tokio::test]
async fn a_lost_cookie_finds_its_rider_and_brings_its_orders() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let (known, lost) = (rider(&world.store, "r1").await, rider(&world.store, "r2").await);
        world.orders.known_at(Channel::Alipay, &known, "open-1").await.expect("known");
        let running = paid(&world, "r2").await;
        let unpaid = world.order_at(1, "r2", "full-500").await;
        let other = world.order_at(1, "r3", "full-500").await;

        let joined = world.orders.known_at(Channel::Alipay, &lost, "open-1").await.expect("joined");
        assert_eq!(joined.id, known);
        assert_eq!(session(&world.store, "r2").await, ("r1".into(), Some("open-1".into())));
        assert_eq!(session(&world.store, "r1").await, ("r1".into(), Some("open-1".into())));
        let ids = |orders: Vec<Order>| orders.into_iter().map(|order| order.id).collect::<Vec<_>>();
        let mine = world.orders.list(&known).await.expect("a list");
        assert!(mine.iter().all(|order| order.rider_id == known));
        let mine = ids(mine);
        assert!(mine.contains(&running.id) && mine.contains(&unpaid.id) && mine.len() == 2);
        assert_eq!(ids(world.orders.list(&lost).await.expect("a list")), []);
        assert_eq!(world.stored(&other.id).await.rider_id.as_str(), "r3");

        // Life goes on: what was made under the old name belongs to the known rider as well.
        assert!(world.orders.cancel(&running.id, &lost).await.is_err());
        world.orders.cancel(&running.id, &known).await.expect("cancelled");
        *world.payments.refunds_work.lock().expect("lock") = true;
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.payments.refunds.lock().expect("lock")[0].amount_fen, Fen(500));
        let late = world.order_at(1, "r2", "full-500").await;
        assert_eq!(late.rider_id, known);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_logging_in_many_times_at_once_is_one_rider() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let names: Vec<String> = (0..6).map(|nth| format!("r{nth}")).collect();
        for name in &names {
            rider(&world.store, name).await;
            world.order(name, "full-500").await;
        }
        let ids: Vec<RiderId> = names.iter().map(|name| name.as_str().into()).collect();
        let logins = ids.iter().map(|id| world.orders.known_at(Channel::Alipay, id, "open-1"));
        let mut known = Vec::new();
        for joined in join_all(logins).await {
            known.push(joined.expect("joined").id);
        }
        assert!(known.iter().all(|id| *id == known[0]), "{known:?}");
        assert_eq!(world.orders.list(&known[0]).await.expect("a list").len(), names.len());
    })
    .await;
}
