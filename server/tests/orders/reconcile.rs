//! Bills that disagree with our ledger: each difference is found once, none is invented, and
//! nothing is repaired before a person says so.

use std::collections::{BTreeMap, BTreeSet};

use server::ledger;
use server::orders::{BillLine, BillLineKind, Orders, Platform, Platforms, TradeState};
use server::recon::{Progress, Recon, ReconError, Repair, Settled};
use server::store::Store;
use server::store::recon::{CaseRow, RunRow};
use tokio::sync::watch;
use wasm_core::day::Day;
use wasm_core::ids::{OperatorId, PaymentId};
use wasm_core::money::Fen;
use wasm_core::order::{Channel, Order, State};

use crate::story;
use crate::support::{World, browser, with_addresses, with_dbs};

const FEE_BP: i64 = 60;

pub(crate) fn recon(world: &World) -> Recon {
    Recon::new(world.store.clone(), world.clock.clone(), world.orders.clone())
}

pub(crate) async fn reconcile(world: &World, day: Day) -> RunRow {
    let reports = watch::Sender::new(Progress::default());
    recon(world).reconcile(Channel::Alipay, day, None, &reports).await.expect("reconciled")
}

pub(crate) fn settled<'a>(case: &'a CaseRow, reason: &'a str) -> Settled<'a> {
    Settled { id: &case.id, scope: None, operator: None, who: "finance", reason }
}

pub(crate) async fn cases(world: &World, status: &str) -> Vec<CaseRow> {
    world.store.cases(None, status, 1_000).await.expect("cases")
}

fn kinds(cases: &[CaseRow]) -> BTreeSet<(String, String)> {
    cases.iter().map(|case| (case.kind.clone(), case.number.clone())).collect()
}

pub(crate) async fn balance(world: &World, account: &str) -> Fen {
    let balances = world.store.balances(&"op".into()).await.expect("balances");
    balances.iter().find(|(name, _)| name == account).map_or(Fen::ZERO, |(_, fen)| *fen)
}

pub(crate) async fn unpaid(world: &World) -> (Order, PaymentId) {
    let order = world.order("rider", "full-500").await;
    let way = browser();
    let payment = world.open_payment(&order, way).await;
    (order, payment)
}

/// A payment that is cancelled and paid back.
pub(crate) async fn business(world: &World) -> PaymentId {
    *world.payments.refunds_work.lock().expect("lock") = true;
    let (order, payment) = unpaid(world).await;
    world.pay(&payment, Fen(500)).await;
    world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
    world.workers.run_due().await.expect("jobs");
    payment
}

pub(crate) fn payment_line(payment: &str, amount: i64, at_ms: i64) -> BillLine {
    BillLine {
        kind: BillLineKind::Payment,
        payment_id: payment.into(),
        our_no: String::new(),
        trade_no: format!("T{payment}"),
        amount_fen: Fen(amount),
        fee_fen: Fen((amount * FEE_BP + 5_000) / 10_000),
        at_ms,
        raw: format!("payment,{payment},{amount}"),
    }
}

fn refund_line(payment: &str, refund: &str, amount: i64, at_ms: i64) -> BillLine {
    let line = payment_line(payment, amount, at_ms);
    BillLine {
        kind: BillLineKind::Refund,
        our_no: refund.to_owned(),
        fee_fen: -line.fee_fen,
        raw: format!("refund,{payment},{refund},{amount}"),
        ..line
    }
}

/// What an honest platform bills for what our ledger has, by day.
async fn honest_bills(world: &World) -> BTreeMap<Day, Vec<BillLine>> {
    let mut bills: BTreeMap<Day, Vec<BillLine>> = BTreeMap::new();
    let all = (i64::MIN, i64::MAX);
    let start = (i64::MIN, String::new());
    let (rows, _) = world.store.cleared(Channel::Alipay, all, &start, 10_000).await.expect("rows");
    for row in rows {
        let (fact, number) = row.key.split_once(':').expect("a key");
        let line = if fact == "paid" {
            payment_line(number, row.amount_fen.0, row.posted_ms)
        } else {
            let order = world.stored(&row.order_id).await;
            refund_line(&order.payments[0].id.0, number, -row.amount_fen.0, row.posted_ms)
        };
        bills.entry(Day::of(row.posted_ms)).or_default().push(line);
    }
    bills
}

pub(crate) fn set_bill(world: &World, day: Day, lines: Vec<BillLine>) {
    world.payments.bills.lock().expect("lock").insert(day, lines);
}

/// The same numbers for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("64 bits") % most
    }
}

/// Puts errors into a bill and says which cases they must become.
fn spoil(lines: &mut Vec<BillLine>, dice: &mut Dice) -> BTreeSet<(String, String)> {
    let number = |line: &BillLine| match line.kind {
        BillLineKind::Payment => format!("in:{}", line.payment_id),
        BillLineKind::Refund => format!("out:{}", line.our_no),
    };
    let mut expected = BTreeSet::new();
    let mut touched = BTreeSet::new();
    for nth in 0..15 {
        let index = dice.below(lines.len());
        if !touched.insert(number(&lines[index])) {
            continue;
        }
        let mut line = lines[index].clone();
        let kind = match nth % 5 {
            0 => {
                lines.remove(index);
                "ours_only"
            }
            1 => {
                lines[index].amount_fen += Fen(1);
                "other_amount"
            }
            2 => {
                lines[index].fee_fen += Fen(2);
                "other_fee"
            }
            3 => {
                let at = dice.below(lines.len() + 1);
                lines.insert(at, line.clone());
                "duplicate"
            }
            _ => {
                let unknown = format!("UNKNOWN{nth}");
                if line.kind == BillLineKind::Refund {
                    line.our_no = unknown;
                } else {
                    line.payment_id = unknown.into();
                }
                lines.push(line.clone());
                "theirs_only"
            }
        };
        expected.insert((kind.to_owned(), number(&line)));
    }
    // A bill is in no order we could rely on.
    for index in (1..lines.len()).rev() {
        lines.swap(index, dice.below(index + 1));
    }
    expected
}

#[tokio::test]
async fn f16_every_seeded_error_of_a_bill_is_found_once_and_none_is_invented() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        world.store.set_fee_bp(Channel::Alipay, FEE_BP).await.expect("terms");
        let mut dice = Dice(16);
        for _ in 0..20 {
            business(&world).await;
            world.clock.advance_ms(60_000);
        }
        let day = Day::of(world.clock.now_ms());
        let mut bills = honest_bills(&world).await;
        let mut lines = bills.remove(&day).expect("a bill");
        let honest = lines.clone();
        let mut expected = spoil(&mut lines, &mut dice);
        // Opened with us and never heard of again, but paid there.
        let (_, lost) = unpaid(&world).await;
        lines.push(payment_line(lost.as_str(), 500, world.clock.now_ms()));
        expected.insert(("theirs_only".to_owned(), format!("in:{lost}")));
        set_bill(&world, day, lines);
        set_bill(&world, day.next(), vec![]);
        world.clock.advance_ms(3 * 24 * 3_600_000);

        let before = world.store.ledger_size(None).await.expect("size").0;
        let run = reconcile(&world, day).await;
        assert_eq!(run.ours, i64::try_from(honest.len()).expect("few"));
        let found = cases(&world, "").await;
        assert_eq!(kinds(&found), expected);
        assert_eq!(found.len(), expected.len(), "each once");
        assert_eq!(run.differences, i64::try_from(expected.len()).expect("few"));
        for case in &found {
            let waits = case.kind == "ours_only";
            assert_eq!(case.status, if waits { "waiting" } else { "open" }, "{case:?}");
            assert!(case.evidence_json.contains("\"line\"") || waits, "{case:?}");
            assert!(Repair::parse(&case.repair).is_some(), "{case:?}");
        }
        let after = world.store.ledger_size(None).await.expect("size").0;
        assert_eq!(after, before + 1, "the fees of what agrees, and nothing else");

        // Of lines that agree, the fees; of the others, nothing yet.
        let differs: BTreeSet<&str> = expected
            .iter()
            .filter(|(kind, _)| kind != "duplicate")
            .map(|(_, number)| number.as_str())
            .collect();
        let fee_fen: i64 = honest
            .iter()
            .filter(|line| match line.kind {
                BillLineKind::Payment => {
                    !differs.contains(format!("in:{}", line.payment_id).as_str())
                }
                BillLineKind::Refund => !differs.contains(format!("out:{}", line.our_no).as_str()),
            })
            .map(|line| line.fee_fen.0)
            .sum();
        assert_eq!(balance(&world, "fee:alipay").await, Fen(fee_fen));

        // Again, and the next day: what was missing is missing.
        reconcile(&world, day).await;
        assert!(cases(&world, "").await == found, "others than before");
        assert_eq!(world.store.ledger_size(None).await.expect("size").0, after);
        reconcile(&world, day.next()).await;
        assert_eq!(cases(&world, "waiting").await, []);
        assert_eq!(kinds(&cases(&world, "open").await), expected);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f16_an_honest_bill_has_no_difference_and_its_fees_are_posted_once() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        for _ in 0..5 {
            business(&world).await;
        }
        let day = Day::of(world.clock.now_ms());
        for (day, mut lines) in honest_bills(&world).await {
            // The platform keeps its fee.
            lines.iter_mut().filter(|line| line.fee_fen < Fen::ZERO).for_each(|line| {
                line.fee_fen = Fen::ZERO;
            });
            set_bill(&world, day, lines);
        }
        world.clock.advance_ms(24 * 3_600_000);
        let run = reconcile(&world, day).await;
        assert_eq!((run.matched, run.differences, run.bill_lines), (10, 0, 10));
        reconcile(&world, day).await;
        assert_eq!(balance(&world, "fee:alipay").await, Fen(5 * 3));
        assert_eq!(balance(&world, "clearing:alipay").await, Fen(-5 * 3));
        assert_eq!(cases(&world, "").await, []);

        // The bill comes again with another fee: what was posted is another sum.
        let mut bill = world.payments.bills.lock().expect("lock")[&day].clone();
        bill[0].fee_fen += Fen(4);
        set_bill(&world, day, bill);
        reconcile(&world, day).await;
        let [case] = cases(&world, "open").await.try_into().expect("one");
        assert_eq!((case.kind.as_str(), case.fee_fen), ("other_fee", Fen(4)));
        recon(&world).accept(&settled(&case, ""), None).await.expect("accepted");
        assert_eq!(balance(&world, "fee:alipay").await, Fen(5 * 3 + 4));
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn around_midnight_the_bill_of_either_day_will_do() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let day = Day::of(world.clock.now_ms());
        let to = |at_ms: i64| world.clock.advance_ms(at_ms - world.clock.now_ms());
        to(day.ends_ms() - 100);
        business(&world).await;
        to(day.ends_ms() + 100);
        business(&world).await;
        let bills = honest_bills(&world).await;
        let (ours_first, ours_second) = (bills[&day].clone(), bills[&day.next()].clone());
        // Theirs the other way round: what we posted before midnight is in their next bill.
        set_bill(&world, day, ours_second);
        set_bill(&world, day.next(), ours_first);
        to(day.next().ends_ms() + 1);
        let first = reconcile(&world, day).await;
        assert_eq!((first.matched, first.differences), (2, 2));
        assert_eq!(cases(&world, "waiting").await.len(), 2);
        let second = reconcile(&world, day.next()).await;
        assert_eq!((second.matched, second.ours, second.differences), (2, 2, 0));
        let explained = cases(&world, "explained").await;
        assert_eq!(explained.len(), 2);
        assert!(explained.iter().all(|case| case.note == format!("in the bill of {}", day.next())));
        assert_eq!(cases(&world, "").await, explained);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn accepting_a_lost_payment_asks_the_platform_and_books_it_the_usual_way() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        *world.payments.refunds_work.lock().expect("lock") = true;
        let day = Day::of(world.clock.now_ms());
        let (order, payment) = unpaid(&world).await;
        world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
        set_bill(&world, day, vec![payment_line(payment.as_str(), 500, world.clock.now_ms())]);
        world.clock.advance_ms(24 * 3_600_000);
        reconcile(&world, day).await;
        let [case] = cases(&world, "open").await.try_into().expect("one");
        assert_eq!((case.kind.as_str(), case.repair.as_str()), ("theirs_only", "ask_platform"));
        assert_eq!(case.order_id, order.id);

        let refused = recon(&world).accept(&settled(&case, ""), None).await;
        assert!(matches!(refused, Err(ReconError::NotConfirmed(_))), "{refused:?}");
        assert_eq!(world.store.ledger_size(None).await.expect("size").0, 0);

        let trade = world.trade(&payment, Fen(500));
        *world.payments.state.lock().expect("lock") = Some(TradeState::Paid(trade));
        let other: OperatorId = "other".into();
        let strange = Settled { scope: Some(&other), ..settled(&case, "") };
        let refused = recon(&world).accept(&strange, None).await;
        assert!(matches!(refused, Err(ReconError::NoSuchCase)), "another operator's");
        recon(&world).accept(&settled(&case, ""), None).await.expect("accepted");
        world.workers.run_due().await.expect("jobs");
        let stored = world.stored(&order.id).await;
        assert!(matches!(stored.state, State::Cancelled { .. }));
        assert_eq!((stored.paid_fen(), stored.refunds[0].amount_fen), (Fen(500), Fen(500)));
        assert_eq!(balance(&world, "fee:alipay").await, Fen(3));
        let again = recon(&world).accept(&settled(&case, ""), None).await;
        assert!(matches!(again, Err(ReconError::Decided)), "{again:?}");
        assert_eq!(reconcile(&world, day).await.matched, 1);
        assert_eq!(balance(&world, "fee:alipay").await, Fen(3), "once");
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn accepting_a_lost_refund_closes_the_order() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let day = Day::of(world.clock.now_ms());
        let (order, payment) = unpaid(&world).await;
        world.pay(&payment, Fen(500)).await;
        world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
        world.workers.run_due().await.expect("jobs");
        let refund = world.stored(&order.id).await.refunds[0].id.clone();
        let now_ms = world.clock.now_ms();
        let paid = payment_line(payment.as_str(), 500, now_ms);
        set_bill(&world, day, vec![paid, refund_line(payment.as_str(), &refund.0, 500, now_ms)]);
        world.clock.advance_ms(24 * 3_600_000);
        reconcile(&world, day).await;
        let [case] = cases(&world, "open").await.try_into().expect("one");
        assert_eq!(case.number, format!("out:{refund}"));
        let refused = recon(&world).accept(&settled(&case, ""), None).await;
        assert!(matches!(refused, Err(ReconError::NotConfirmed(_))), "{refused:?}");
        *world.payments.refund_is_done.lock().expect("lock") = true;
        recon(&world).accept(&settled(&case, ""), None).await.expect("accepted");
        assert_eq!(balance(&world, "clearing:alipay").await, Fen::ZERO);
        assert_eq!(balance(&world, &format!("refunds:{}", order.id)).await, Fen::ZERO);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn what_nobody_can_explain_is_booked_only_with_a_reason() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let day = Day::of(world.clock.now_ms());
        business(&world).await;
        let mut bill = honest_bills(&world).await.remove(&day).expect("a bill");
        bill[0].amount_fen += Fen(1);
        bill.push(payment_line("NOBODYS", 700, world.clock.now_ms()));
        set_bill(&world, day, bill);
        world.clock.advance_ms(24 * 3_600_000);
        reconcile(&world, day).await;
        let open = cases(&world, "open").await;
        assert_eq!(open.len(), 2);
        for case in &open {
            let refused = recon(&world).accept(&settled(case, " "), None).await;
            assert!(matches!(refused, Err(ReconError::NoReason)), "{refused:?}");
            let refused = recon(&world).dismiss(&settled(case, "")).await;
            assert!(matches!(refused, Err(ReconError::NoReason)), "{refused:?}");
            let fit = recon(&world).accept(&settled(case, "x"), Some(Repair::BookFee)).await;
            assert!(matches!(fit, Err(ReconError::DoesNotFit)), "{fit:?}");
        }
        assert_eq!(balance(&world, "suspense:alipay").await, Fen::ZERO);
        let extra = open.iter().find(|case| case.kind == "theirs_only").expect("one");
        recon(&world).accept(&settled(extra, "asked the platform"), None).await.expect("accepted");
        assert_eq!(balance(&world, "suspense:alipay").await, Fen(-700));
        let other = open.iter().find(|case| case.kind == "other_amount").expect("one");
        recon(&world).dismiss(&settled(other, "a misprint")).await.expect("dismissed");
        let dismissed = cases(&world, "dismissed").await;
        assert_eq!(
            (dismissed[0].decided_by.as_str(), dismissed[0].note.as_str()),
            ("finance", "a misprint")
        );
        assert_eq!(cases(&world, "open").await, []);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn f59_after_an_old_backup_the_bill_says_all_that_is_missing() {
    with_addresses(async |address| {
        let Some(file) = address.strip_prefix("sqlite://") else { return };
        let world = World::new(Store::open(address).await.expect("open"), story::tariff()).await;
        business(&world).await;
        let (second, paid_later) = unpaid(&world).await;
        let backup = format!("{file}.backup");
        let pool = sqlx::AnyPool::connect(address).await.expect("a second look");
        sqlx::query("VACUUM INTO $1").bind(backup.as_str()).execute(&pool).await.expect("a backup");

        // Ten minutes that the backup does not know of.
        world.clock.advance_ms(60_000);
        world.pay(&paid_later, Fen(500)).await;
        world.orders.cancel(&second.id, &second.rider_id).await.expect("cancelled");
        world.workers.run_due().await.expect("jobs");
        let refund = world.stored(&second.id).await.refunds[0].id.clone();
        let never_heard_of = business(&world).await;
        let bills = honest_bills(&world).await;
        let (day, lines) = bills.into_iter().next().expect("a day");
        let unknown_refund = lines
            .iter()
            .find(|line| line.kind == BillLineKind::Refund && line.payment_id == never_heard_of);
        let unknown_refund = unknown_refund.expect("one").our_no.clone();
        let theirs_fen: i64 = lines
            .iter()
            .map(|line| match line.kind {
                BillLineKind::Payment => line.amount_fen.0 - line.fee_fen.0,
                BillLineKind::Refund => -line.amount_fen.0 - line.fee_fen.0,
            })
            .sum();
        set_bill(&world, day, lines);

        let store = Store::open(&format!("sqlite://{backup}")).await.expect("the backup");
        let platform = Platform {
            bills: Some(world.payments.clone()),
            ..Platform::of(world.payments.clone())
        };
        let platforms = Platforms::default().with(Channel::Alipay, platform);
        let orders = Orders::new(store.clone(), world.clock.clone(), platforms);
        let restored = World { store, orders, ..world };
        restored.clock.advance_ms(24 * 3_600_000);
        reconcile(&restored, day).await;
        let open = cases(&restored, "open").await;
        let missing = [
            format!("in:{paid_later}"),
            format!("out:{refund}"),
            format!("in:{never_heard_of}"),
            format!("out:{unknown_refund}"),
        ];
        let expected = missing.map(|number| ("theirs_only".to_owned(), number));
        assert_eq!(kinds(&open), expected.into_iter().collect(), "all of it, and nothing else");

        // What the orders know is booked as ever, the rest with a reason; then both agree.
        let trade = restored.trade(&paid_later, Fen(500));
        *restored.payments.state.lock().expect("lock") = Some(TradeState::Paid(trade));
        for case in &open {
            let by = settled(case, "restored from a backup");
            recon(&restored).accept(&by, None).await.expect("accepted");
        }
        assert_eq!(restored.stored(&second.id).await.paid_fen(), Fen(500));
        assert_eq!(balance(&restored, "clearing:alipay").await, Fen(theirs_fen));
        assert_eq!(ledger::check(&restored.store).await.expect("a check").findings, []);
    })
    .await;
}
