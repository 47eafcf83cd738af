//! Partners get their parts once an order is closed, whatever the platform answers.

use serde_json::json;
use server::orders::{OrderError, ShareState};
use server::store::splits::ShareStatus::{
    Asked, ByHand, Done, Failed, Kept, Parked, PulledBack, Refused,
};
use wasm_core::ids::PartyId;
use wasm_core::money::Fen;

use crate::splitting::{
    FakeSplits, Script, balance, closed, never, no, own, party, payable, queue, run, run_out,
    set_rule, shares, two_partners, unknown, world,
};
use crate::story;
use crate::support::{BEGIN_MS, World, with_dbs};

fn wuye() -> PartyId {
    "wuye".into()
}

fn got(splits: &FakeSplits, account: &str) -> i64 {
    splits.received().get(account).copied().unwrap_or_default().0
}

#[tokio::test]
async fn a_closed_order_is_split_once_and_its_partners_are_paid() {
    with_dbs(async |store| {
        let (world, splits) = world(store, two_partners()).await;
        let order = closed(&world).await;
        assert!(world.payments.opened.lock().expect("lock")[0].will_split, "frozen when paid");
        run(&world).await;
        // 60 of 150 are service: 12 and 6 of it leave; 90 + 42 stay.
        let expected = [("own", 132, Kept), ("wuye", 12, Done), ("touzi", 6, Done)];
        let expected = expected.map(|(party, fen, status)| (party.to_owned(), fen, status));
        assert_eq!(shares(&world, &order.id).await, expected);
        assert_eq!(splits.calls(), ["bind 2088wuye", "bind 2088touzi", "split S1", "split S0"]);
        assert_eq!((got(&splits, "2088wuye"), got(&splits, "2088touzi")), (12, 6));
        assert_eq!(
            (payable(&world, "wuye").await, payable(&world, "touzi").await),
            (Fen(0), Fen(0))
        );
        assert_eq!(balance(&world, "clearing:alipay").await, Fen(-132));
        assert_eq!(balance(&world, "electricity:op:site").await, Fen(90), "income as it was");
        assert_eq!(balance(&world, "service:op:site").await, Fen(60), "income as it was");
        assert_eq!(balance(&world, "share:op:site").await, Fen(-18), "and what it costs");
        world.books_are_whole().await;

        closed(&world).await;
        run(&world).await;
        let bound = splits.calls().iter().filter(|call| call.starts_with("bind")).count();
        assert_eq!(bound, 2, "the platform knows the receivers by now");
        assert_eq!(got(&splits, "2088wuye"), 24);
        let parties = world.store.party_balances(&own()).await.expect("balances");
        let brief: Vec<_> = parties
            .iter()
            .map(|each| {
                (each.party.as_str(), each.shares_fen.0, each.paid_fen.0, each.payable_fen.0)
            })
            .collect();
        assert_eq!(brief, [("touzi", 12, 12, 0), ("wuye", 24, 24, 0)]);
    })
    .await;
}

#[tokio::test]
async fn without_a_rule_nothing_is_split_and_nothing_is_frozen() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        *world.payments.refunds_work.lock().expect("lock") = true;
        let order = closed(&world).await;
        run(&world).await;
        assert!(!world.payments.opened.lock().expect("lock")[0].will_split);
        assert!(world.store.split(&order.id).await.expect("store").is_none());
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn a_rule_splits_orders_made_while_it_holds_and_no_others() {
    with_dbs(async |store| {
        let splits = std::sync::Arc::new(FakeSplits::default());
        let world = World::with_splits(store, story::tariff(), Some(splits)).await;
        *world.payments.refunds_work.lock().expect("lock") = true;
        let split = async |rule| {
            set_rule(&world, rule).await;
            let order = closed(&world).await;
            world.store.split(&order.id).await.expect("store").map(|(split, _)| split.rule_id)
        };
        let mut later = two_partners();
        later["valid_from_ms"] = json!(BEGIN_MS + 1_000_000_000_000_i64);
        assert_eq!(split(later).await, None, "not yet");
        let mut over = two_partners();
        over["valid_until_ms"] = json!(BEGIN_MS + 1);
        world.clock.advance_ms(1);
        assert_eq!(split(over).await, None, "no longer");
        let first = split(two_partners()).await.expect("a split");
        world.clock.advance_ms(1);
        assert_ne!(split(two_partners()).await, Some(first), "the newest holds");
        let alone = json!({
            "parties": [party("own", "operator", 0, &[])],
            "electricity": "inside",
            "rest_to": "own",
            "valid_from_ms": BEGIN_MS,
        });
        world.clock.advance_ms(1);
        assert_eq!(split(alone).await, None, "the operator alone");
    })
    .await;
}

/// Each refusal: what is answered, whether bind or split answers it, and its reason in the queue.
#[tokio::test]
async fn f14_a_refused_share_stays_payable_and_is_tried_again_under_the_same_number() {
    with_dbs(async |store| {
        let (world, splits) = world(store, two_partners()).await;
        for (code, at_bind, for_good) in [
            ("USER_NOT_EXIST", true, true),
            ("SYSTEM_BUSY", true, false),
            ("ACQ.SELLER_NOT_ALLOWED_ROYALTY_AMOUNT", false, true),
            ("ACQ.TRADE_SETTLE_ERROR", false, false),
            ("NO_RELATION", false, true),
            ("RULE_LIMIT", false, true),
            ("ORDER_FINISHED", false, true),
        ] {
            splits.script(|script| *script = Script::default());
            let refusal = || Err(if for_good { never(code) } else { no(code) });
            splits.script(|script| {
                let answers = if at_bind { &mut script.bind } else { &mut script.split };
                answers.extend((0..9).map(|_| refusal()).take(if for_good { 1 } else { 9 }));
            });
            let order = closed(&world).await;
            run_out(&world).await;
            let waiting = queue(&world).await;
            assert_eq!(waiting[0].0, "wuye", "{code}");
            assert!(waiting[0].1.contains(code), "{code}: {waiting:?}");
            assert_eq!(payable(&world, "wuye").await, Fen(12), "{code}");
            assert_eq!(got(&splits, "2088wuye"), 0, "{code}");
            world.books_are_whole().await;

            world.orders.retry_share(&own(), &order.id, &wuye()).await.expect("tried again");
            run(&world).await;
            let (at, left) = (shares(&world, &order.id).await, queue(&world).await);
            assert_eq!((at[1].2, at[2].2, left.len()), (Done, Done, 0), "{code}");
            assert_eq!((got(&splits, "2088wuye"), got(&splits, "2088touzi")), (12, 6), "{code}");
            assert_eq!(payable(&world, "wuye").await, Fen(0), "{code}");
            let of_it = |number: &&String| number.starts_with(order.id.as_str());
            let numbers = splits.script(|script| script.requests.keys().filter(of_it).count());
            // One more ends the split.
            assert_eq!(numbers, if at_bind { 3 } else { 2 }, "{code}: {:?}", splits.calls());
            world.books_are_whole().await;
            let again = world.orders.retry_share(&own(), &order.id, &wuye()).await;
            assert!(matches!(again, Err(OrderError::NoSuchJob)), "{code}: {again:?}");
            let (_, shares) = world.store.split(&order.id).await.expect("store").expect("a split");
            for account in shares.iter().filter_map(|share| share.account.as_ref()) {
                world.store.forget_bound(&own(), account).await.expect("forgotten");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn f14_a_lost_answer_is_found_and_nobody_is_paid_twice() {
    with_dbs(async |store| {
        let (world, splits) = world(store, two_partners()).await;
        splits.script(|script| {
            script.split.push_back(Err(unknown()));
            script.unknown_is_done = true;
        });
        let order = closed(&world).await;
        run(&world).await;
        assert_eq!(shares(&world, &order.id).await[1].2, Done);
        assert_eq!((got(&splits, "2088wuye"), got(&splits, "2088touzi")), (12, 6));
        assert_eq!(payable(&world, "wuye").await, Fen(0));
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f14_a_refusal_that_says_nothing_of_an_earlier_try_refuses_no_share() {
    with_dbs(async |store| {
        let (world, splits) = world(store, two_partners()).await;
        splits.script(|script| {
            script.unknown_is_done = true;
            script.mute_about_states = true;
            script.split.push_back(Err(unknown()));
            script.split.extend((0..9).map(|_| Err(no("SIGN_ERROR"))));
        });
        let order = closed(&world).await;
        run_out(&world).await;
        let at = shares(&world, &order.id).await;
        assert_eq!((at[1].2, at[2].2), (Parked, Parked), "it may have happened, and has");
        assert!(queue(&world).await[0].1.contains("SIGN_ERROR"), "why is told");
        splits.script(|script| script.mute_about_states = false);
        world.orders.retry_share(&own(), &order.id, &wuye()).await.expect("tried again");
        run(&world).await;
        assert_eq!((got(&splits, "2088wuye"), got(&splits, "2088touzi")), (12, 6));
        assert_eq!(payable(&world, "wuye").await, Fen(0));
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f14_what_refunds_take_off_changes_no_request_under_way() {
    with_dbs(async |store| {
        let (world, splits) = world(store, two_partners()).await;
        let failed = ShareState::Failed("RECEIVER_HIGH_RISK".to_owned());
        splits.script(|script| {
            script.states.insert("2088wuye".to_owned(), failed);
            script.states.insert("2088touzi".to_owned(), ShareState::Pending);
        });
        let order = closed(&world).await;
        run(&world).await;
        let operator = own();
        let given = world.orders.refund_for_operator(&operator, &order.id, Fen(75), "投诉", "k");
        given.await.expect("given back");
        splits.script(|script| script.states.remove("2088touzi"));
        run_out(&world).await;
        let at = shares(&world, &order.id).await;
        assert_eq!((at[1].2, at[2].2), (Failed, Done));
        assert_eq!(payable(&world, "wuye").await, Fen(6), "what is left of its part");
        assert_eq!(payable(&world, "touzi").await, Fen(0), "it has its part, and gave back");
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f14_an_unknown_split_is_asked_for_under_the_same_number_until_a_person_must_look() {
    with_dbs(async |store| {
        let (world, splits) = world(store, two_partners()).await;
        splits.script(|script| script.split.extend((0..9).map(|_| Err(unknown()))));
        let order = closed(&world).await;
        run_out(&world).await;
        let at = shares(&world, &order.id).await;
        assert_eq!((at[1].2, at[2].2), (Parked, Parked));
        assert_eq!(queue(&world).await.len(), 2);
        assert_eq!(payable(&world, "wuye").await, Fen(12));
        world.books_are_whole().await;
        let other = world.orders.retry_share(&"other".into(), &order.id, &wuye()).await;
        assert!(matches!(other, Err(OrderError::NoSuchJob)), "{other:?}");
        world.orders.retry_share(&own(), &order.id, &wuye()).await.expect("tried again");
        assert_eq!(shares(&world, &order.id).await[2].2, Asked, "the request is one");
        run(&world).await;
        assert_eq!((got(&splits, "2088wuye"), got(&splits, "2088touzi")), (12, 6));
        assert_eq!(splits.script(|script| script.requests.len()), 2, "one number, and the end");
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f14_a_share_that_fails_alone_is_tried_again_under_a_new_number() {
    with_dbs(async |store| {
        let (world, splits) = world(store, two_partners()).await;
        let failed = ShareState::Failed("RECEIVER_HIGH_RISK".to_owned());
        splits.script(|script| script.states.insert("2088wuye".to_owned(), failed));
        let order = closed(&world).await;
        run(&world).await;
        let at = shares(&world, &order.id).await;
        assert_eq!((at[1].2, at[2].2), (Failed, Done));
        assert_eq!(queue(&world).await, [("wuye".to_owned(), "RECEIVER_HIGH_RISK".to_owned())]);
        assert_eq!(
            (payable(&world, "wuye").await, payable(&world, "touzi").await),
            (Fen(12), Fen(0))
        );
        world.books_are_whole().await;

        // The partner names another account; the next rule has it, and the retry takes it.
        let mut rule = two_partners();
        rule["parties"][1]["accounts"][0]["account"] = json!("2088other");
        set_rule(&world, rule).await;
        world.orders.retry_share(&own(), &order.id, &wuye()).await.expect("tried again");
        run(&world).await;
        assert_eq!(shares(&world, &order.id).await[1].2, Done);
        let received = splits.received();
        assert_eq!((received["2088other"], received["2088touzi"]), (Fen(12), Fen(6)));
        assert!(splits.calls().ends_with(&["split S2".to_owned(), "split S0".to_owned()]));
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn a_split_under_way_is_looked_at_and_not_asked_for_again() {
    with_dbs(async |store| {
        let (world, splits) = world(store, two_partners()).await;
        splits.script(|script| {
            script.states.insert("2088wuye".to_owned(), ShareState::Pending);
        });
        let order = closed(&world).await;
        run(&world).await;
        assert_eq!(payable(&world, "wuye").await, Fen(12));
        assert_eq!(payable(&world, "touzi").await, Fen(0), "who has it is paid");
        splits.script(|script| script.states.clear());
        run_out(&world).await;
        assert_eq!(shares(&world, &order.id).await[1].2, Done);
        let asked = splits.calls().iter().filter(|call| *call == "split S1").count();
        assert_eq!(asked, 1);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn partners_without_an_account_are_owed_and_what_is_frozen_is_let_go() {
    with_dbs(async |store| {
        let mut rule = two_partners();
        rule["parties"][1]["accounts"] = json!([]);
        rule["parties"][2]["accounts"][0]["channel"] = json!("wechat");
        let (world, splits) = world(store, rule).await;
        let order = closed(&world).await;
        run(&world).await;
        let at = shares(&world, &order.id).await;
        assert_eq!((at[1].2, at[2].2), (ByHand, Refused));
        assert!(queue(&world).await[0].1.starts_with("NO_ACCOUNT"));
        assert_eq!(
            (payable(&world, "wuye").await, payable(&world, "touzi").await),
            (Fen(12), Fen(6))
        );
        assert_eq!(splits.calls().len(), 0, "the investor's part may still be sent");
        world.books_are_whole().await;

        let operator = own();
        let refund = world.orders.refund_for_operator(&operator, &order.id, Fen(150), "投诉", "k");
        refund.await.expect("given back");
        run(&world).await;
        let at = shares(&world, &order.id).await;
        assert_eq!((at[1].2, at[2].2), (PulledBack, PulledBack));
        let mut alone = two_partners();
        alone["parties"][1]["accounts"] = json!([]);
        alone["parties"][2]["accounts"] = json!([]);
        set_rule(&world, alone).await;
        closed(&world).await;
        run(&world).await;
        assert_eq!(splits.calls(), ["split S0"], "nobody gets anything");
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f15_three_thirds_add_up_in_the_books_too() {
    with_dbs(async |store| {
        let thirds = json!({
            "parties": [
                party("own", "operator", 0, &[]),
                party("a", "property", 3_333, &["2088a"]),
                party("b", "investor", 3_333, &["2088b"]),
                party("c", "installer", 3_333, &["2088c"]),
            ],
            "electricity": "inside",
            "rest_to": "own",
            "valid_from_ms": BEGIN_MS,
        });
        let (world, splits) = world(store, thirds).await;
        closed(&world).await;
        run(&world).await;
        // 149.985 are dealt out: 149; 49.995 each, so 49, and two fen to a and b; 1 is left.
        let received: Vec<_> = splits.received().into_values().collect();
        assert_eq!(received, [Fen(50), Fen(50), Fen(49)]);
        assert_eq!(balance(&world, "clearing:alipay").await, Fen(-1));
        world.books_are_whole().await;
    })
    .await;
}
