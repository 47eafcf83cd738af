//! What an operator gives back after the bill: never more than was paid, and partners first.

use futures_util::future::join_all;
use server::orders::OrderError;
use server::store::StoreError;
use server::store::splits::ShareStatus::{Done, PulledBack, Refused};
use wasm_core::ids::OrderId;
use wasm_core::money::Fen;
use wasm_core::order::{Order, RefundReason, RefundStatus, Rejected, State};

use crate::audit::Moment;
use crate::fake_holds::Captures;
use crate::holds::settled;
use crate::splitting::{
    balance, closed, never, own, payable, run, run_out, shares, two_partners, unknown, world,
};
use crate::story;
use crate::support::{World, with_dbs};

async fn give_back(
    world: &World,
    order: &OrderId,
    fen: i64,
    key: &str,
) -> Result<Order, OrderError> {
    world.orders.refund_for_operator(&own(), order, Fen(fen), "充电慢", key).await
}

fn given_back(order: &Order) -> Fen {
    let given = order.refunds.iter().filter(|refund| refund.reason == RefundReason::Complaint);
    given.map(|refund| refund.amount_fen).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f13_fifty_refunds_at_once_never_give_back_more_than_was_paid() {
    with_dbs(async |store| {
        let (world, splits) = world(store, two_partners()).await;
        let order = closed(&world).await;
        run(&world).await;
        let keys: Vec<String> = (0..50).map(|nth| format!("k{nth}")).collect();
        let asked = join_all(keys.iter().map(|key| give_back(&world, &order.id, 20, key))).await;
        let mut done = asked.iter().filter(|answer| answer.is_ok()).count();
        for (key, answer) in keys.iter().zip(asked) {
            match answer {
                Ok(_) | Err(OrderError::Rejected(Rejected::TooMuchBack)) => {}
                // Lost every race: it may try again, and so it does.
                Err(OrderError::Store(StoreError::Stale | StoreError::Taken)) => {
                    done += usize::from(give_back(&world, &order.id, 20, key).await.is_ok());
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(done, 7, "140 of 150");
        let stored = world.stored(&order.id).await;
        assert_eq!(given_back(&stored), Fen(140));
        run(&world).await;
        let stored = world.stored(&order.id).await;
        assert!(matches!(stored.state, State::Closed(_)), "{stored:?}");
        let back: Fen = stored.refunds.iter().map(|refund| refund.amount_fen).sum();
        assert_eq!(back, Fen(490));
        let at = shares(&world, &order.id).await;
        assert_eq!(at.iter().map(|(_, left, _)| left).sum::<i64>(), 10, "{at:?}");
        let partners: Fen = splits.received().into_values().sum();
        assert_eq!(partners, Fen(at[1].1 + at[2].1), "what they have is what is theirs");
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn a_refund_is_asked_for_once_under_its_key_and_only_of_what_is_left() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        *world.payments.refunds_work.lock().expect("lock") = true;
        let order = closed(&world).await;
        for (fen, key) in [(151, "a"), (0, "b"), (-1, "c")] {
            let refused = give_back(&world, &order.id, fen, key).await;
            let too_much = matches!(refused, Err(OrderError::Rejected(Rejected::TooMuchBack)));
            assert!(too_much, "{fen}: {refused:?}");
        }
        let other = "other".into();
        let strange = world.orders.refund_for_operator(&other, &order.id, Fen(1), "", "d").await;
        assert!(matches!(strange, Err(OrderError::NoSuchOrder)), "{strange:?}");
        give_back(&world, &order.id, 100, "e").await.expect("given back");
        give_back(&world, &order.id, 100, "e").await.expect("the same again");
        let reused = give_back(&world, &order.id, 50, "e").await;
        assert!(matches!(reused, Err(OrderError::KeyReused)), "{reused:?}");
        run(&world).await;
        let stored = world.stored(&order.id).await;
        assert_eq!(given_back(&stored), Fen(100));
        assert!(matches!(stored.state, State::Closed(_)), "{stored:?}");
        assert_eq!(world.payments.refunds.lock().expect("lock").len(), 2, "the unused and this");
        assert_eq!(balance(&world, "allowance:op:site").await, Fen(-100));
        assert_eq!(balance(&world, "clearing:alipay").await, Fen(-50));
        world.books_are_whole().await;

        let fresh = world.order("rider2", "full-500").await;
        let early = give_back(&world, &fresh.id, 1, "f").await;
        let no_bill = matches!(early, Err(OrderError::Rejected(Rejected::TooMuchBack)));
        assert!(no_bill, "{early:?}");
    })
    .await;
}

#[tokio::test]
async fn f14_a_refund_after_the_split_first_takes_the_split_back() {
    with_dbs(async |store| {
        let (world, splits) = world(store, two_partners()).await;
        let order = closed(&world).await;
        run(&world).await;
        splits.script(|script| script.take_back.push_back(Err(unknown())));
        give_back(&world, &order.id, 75, "k").await.expect("given back");
        assert_eq!(payable(&world, "wuye").await, Fen(-6), "the partner owes half of 12");
        world.workers.run_due().await.expect("jobs");
        let refunds = world.payments.refunds.lock().expect("lock").len();
        assert_eq!(refunds, 1, "the rider waits until partners have given back");
        run(&world).await;
        // Half of 132, 12 and 6: 66, 6 and 3.
        let calls = splits.calls();
        assert_eq!(
            calls[4..],
            ["take_back 2088wuye 6", "take_back 2088touzi 3", "take_back 2088wuye 6"]
        );
        assert_eq!(world.payments.refunds.lock().expect("lock")[1].amount_fen, Fen(75));
        assert_eq!(
            (payable(&world, "wuye").await, payable(&world, "touzi").await),
            (Fen(0), Fen(0))
        );
        assert_eq!(balance(&world, "share:op:site").await, Fen(-9));
        assert_eq!(balance(&world, "clearing:alipay").await, Fen(-66));
        let received = splits.received();
        assert_eq!((received["2088wuye"], received["2088touzi"]), (Fen(6), Fen(3)));
        world.books_are_whole().await;

        give_back(&world, &order.id, 75, "k2").await.expect("given back");
        run(&world).await;
        let at = shares(&world, &order.id).await;
        assert!(at.iter().all(|(_, left, _)| *left == 0), "{at:?}");
        assert_eq!((at[1].2, at[2].2), (PulledBack, PulledBack));
        assert_eq!(splits.received().into_values().sum::<Fen>(), Fen::ZERO);
        assert_eq!(balance(&world, "clearing:alipay").await, Fen(0));
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f14_a_partner_that_does_not_give_back_owes_and_the_rider_is_paid() {
    with_dbs(async |store| {
        let (world, splits) = world(store, two_partners()).await;
        let order = closed(&world).await;
        run(&world).await;
        let refusal = never("PAYER_ACCOUNT_ABNORMAL");
        splits.script(|script| script.take_back.push_back(Err(refusal)));
        give_back(&world, &order.id, 75, "k").await.expect("given back");
        run(&world).await;
        let stored = world.stored(&order.id).await;
        assert!(matches!(stored.refunds[1].status, RefundStatus::Done { .. }), "{stored:?}");
        assert_eq!(
            (payable(&world, "wuye").await, payable(&world, "touzi").await),
            (Fen(-6), Fen(0))
        );
        let stuck = world.store.stuck_returns(&own(), 10).await.expect("a queue");
        assert_eq!(stuck.len(), 1);
        assert!(stuck[0].back.reason.contains("PAYER_ACCOUNT_ABNORMAL"), "{stuck:?}");
        world.books_are_whole().await;

        let id = &stuck[0].back.id;
        assert!(world.orders.retry_return(&"other".into(), &order.id, id).await.is_err());
        world.orders.retry_return(&own(), &order.id, id).await.expect("tried again");
        run(&world).await;
        assert_eq!(payable(&world, "wuye").await, Fen(0));
        assert_eq!(splits.received()["2088wuye"], Fen(6));
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn what_never_left_is_taken_off_on_paper_and_less_is_sent() {
    with_dbs(async |store| {
        let (world, splits) = world(store, two_partners()).await;
        splits.script(|script| script.split.push_back(Err(never("RULE_LIMIT"))));
        let order = closed(&world).await;
        run(&world).await;
        assert_eq!(shares(&world, &order.id).await[1].2, Refused);
        give_back(&world, &order.id, 50, "k").await.expect("given back");
        run(&world).await;
        // A third of 132, 12 and 6: 44, 4 and 2.
        assert_eq!(
            (payable(&world, "wuye").await, payable(&world, "touzi").await),
            (Fen(8), Fen(4))
        );
        assert!(!splits.calls().iter().any(|call| call.starts_with("take_back")));
        world.orders.retry_share(&own(), &order.id, &"wuye".into()).await.expect("tried again");
        world.orders.retry_share(&own(), &order.id, &"touzi".into()).await.expect("tried again");
        run(&world).await;
        let at = shares(&world, &order.id).await;
        assert_eq!((at[1].1, at[1].2, at[2].1, at[2].2), (8, Done, 4, Done));
        assert_eq!(splits.received()["2088wuye"], Fen(8));
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn a_refund_while_the_split_is_unknown_waits_and_then_goes_to_the_rider() {
    with_dbs(async |store| {
        let (world, splits) = world(store, two_partners()).await;
        splits.script(|script| script.split.extend((0..9).map(|_| Err(unknown()))));
        let order = closed(&world).await;
        run(&world).await;
        give_back(&world, &order.id, 75, "k").await.expect("given back");
        world.workers.run_due().await.expect("jobs");
        assert_eq!(world.payments.refunds.lock().expect("lock").len(), 1, "it waits");
        run_out(&world).await;
        assert_eq!(world.payments.refunds.lock().expect("lock").len(), 2, "the rider is paid");
        assert_eq!(world.store.stuck_returns(&own(), 10).await.expect("a queue").len(), 2);
        world.books_are_whole().await;

        // The split turns out not to have happened: what is sent now is what is left, and the
        // return is settled.
        splits.script(|script| script.split.push_back(Err(never("CLOSED"))));
        world.orders.retry_share(&own(), &order.id, &"wuye".into()).await.expect("tried again");
        run(&world).await;
        assert!(world.store.stuck_returns(&own(), 10).await.expect("a queue").is_empty());
        assert_eq!(
            (payable(&world, "wuye").await, payable(&world, "touzi").await),
            (Fen(6), Fen(3))
        );
        for party in ["wuye", "touzi"] {
            world.orders.retry_share(&own(), &order.id, &party.into()).await.expect("again");
        }
        run(&world).await;
        assert_eq!(splits.received().into_values().sum::<Fen>(), Fen(9));
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_given_back_of_a_hold_waits_until_the_bill_is_taken() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        *world.payments.refunds_work.lock().expect("lock") = true;
        let order = settled(&world, 90).await;
        give_back(&world, &order.id, 30, "k").await.expect("given back");
        world.workers.run_due().await.expect("jobs");
        let asked = || world.payments.refunds.lock().expect("lock").clone();
        assert!(asked().is_empty(), "nothing was taken that could go back");

        world.holds.behave(Captures::Work);
        world.clock.advance_ms(60_000);
        run(&world).await;
        world.clock.advance_ms(60_000);
        run(&world).await;
        let request = asked().pop().expect("a refund");
        assert_eq!((request.paid_fen, request.amount_fen), (Fen(90), Fen(30)));
        assert_eq!(asked().len(), 1);
        assert_eq!(world.stored(&order.id).await.state.name(), "closed");
        world.is_sound(Moment::AtRest).await;
    })
    .await;
}
