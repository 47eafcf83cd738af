//! Cases that do not fit any more when somebody accepts them: nothing is counted twice.

use server::recon::{ReconError, Repair};
use server::store::recon::CaseRow;
use wasm_core::day::Day;
use wasm_core::money::Fen;

use crate::reconcile::{
    balance, business, cases, payment_line, recon, reconcile, set_bill, settled, unpaid,
};
use crate::story;
use crate::support::{World, with_dbs};

const DAY_MS: i64 = 24 * 3_600_000;

async fn to_suspense(world: &World, case: &CaseRow) -> Result<String, ReconError> {
    recon(world).accept(&settled(case, "cannot be explained"), Some(Repair::Suspense)).await
}

#[tokio::test]
async fn what_the_next_bill_may_have_is_not_unexplained_yet() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let day = Day::of(world.clock.now_ms());
        let payment = business(&world).await;
        set_bill(&world, day, vec![]);
        set_bill(&world, day.next(), vec![]);
        world.clock.advance_ms(2 * DAY_MS);
        reconcile(&world, day).await;
        let waiting = cases(&world, "waiting").await;
        let number = format!("in:{payment}");
        let case = waiting.iter().find(|case| case.number == number).expect("the payment");
        let refused = to_suspense(&world, case).await;
        assert!(matches!(refused, Err(ReconError::Waits)), "{refused:?}");
        assert_eq!(balance(&world, "suspense:alipay").await, Fen::ZERO);

        reconcile(&world, day.next()).await;
        let case = world.store.case(&case.id).await.expect("read").expect("the case");
        assert_eq!(case.status, "open");
        // Another day's bill has it, and the run that found so has not said it yet.
        let mut tx = world.store.begin().await.expect("begin");
        tx.insert_crossed(case.channel, &number, day.next()).await.expect("crossed");
        tx.commit().await.expect("commit");
        let refused = to_suspense(&world, &case).await;
        assert!(matches!(refused, Err(ReconError::Outdated)), "{refused:?}");
        let other = cases(&world, "open").await.into_iter().find(|other| other.id != case.id);
        to_suspense(&world, &other.expect("the refund")).await.expect("missing for good");
        assert_eq!(balance(&world, "suspense:alipay").await, Fen(-500));
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn what_was_booked_since_is_not_booked_as_unexplained() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let day = Day::of(world.clock.now_ms());
        let (_, payment) = unpaid(&world).await;
        set_bill(&world, day, vec![payment_line(payment.as_str(), 500, world.clock.now_ms())]);
        world.clock.advance_ms(DAY_MS);
        reconcile(&world, day).await;
        let [case] = cases(&world, "open").await.try_into().expect("one");
        assert_eq!(case.kind, "theirs_only");
        // The platform's notify comes late.
        world.pay(&payment, Fen(500)).await;
        let refused = to_suspense(&world, &case).await;
        assert!(matches!(refused, Err(ReconError::Outdated)), "{refused:?}");
        assert_eq!(balance(&world, "suspense:alipay").await, Fen::ZERO);
        let still = world.store.case(&case.id).await.expect("read").expect("the case");
        assert_eq!(still.status, "open");

        // Bill and ledger agree by now: of the case its fee is left, and nobody need be asked.
        recon(&world).accept(&settled(&case, ""), None).await.expect("accepted");
        assert_eq!(balance(&world, "fee:alipay").await, Fen(3));
        assert_eq!(balance(&world, "clearing:alipay").await, Fen(497));
        world.books_are_whole().await;
    })
    .await;
}
