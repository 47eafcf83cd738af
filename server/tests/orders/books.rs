//! Days of the books: closed in turn, never posted into, and whatever is done to them is found.

use std::time::Duration;

use server::ledger::closing::{CLOSE_AFTER_MS, close_due};
use server::ledger::{self, Finding, Head};
use server::store::Store;
use server::store::closings::{Closing, Entry, Span};
use server::store::sites::Operator;
use sqlx::AnyPool;
use tokio_util::sync::CancellationToken;
use wasm_core::day::Day;
use wasm_core::ids::OperatorId;
use wasm_core::money::Fen;
use wasm_core::order::Channel;
use wasm_core::posting::Transaction;

use crate::story;
use crate::support::{World, browser, with_addresses, with_dbs};

const DAY_MS: i64 = 24 * 3_600_000;

fn op() -> OperatorId {
    "op".into()
}

/// An order that is paid, cancelled and paid back.
async fn business(world: &World) {
    *world.payments.refunds_work.lock().expect("lock") = true;
    let order = world.order("rider", "full-500").await;
    let way = browser();
    let payment = world.open_payment(&order, way).await;
    world.pay(&payment, Fen(500)).await;
    world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
    world.workers.run_due().await.expect("jobs");
}

async fn close(world: &World) -> Vec<Closing> {
    let never = CancellationToken::new();
    close_due(&world.store, world.clock.now_ms(), None, &never).await.expect("closed")
}

/// Moves the clock to so long after the beginning of a day.
fn at(world: &World, day: Day, after_ms: i64) {
    world.clock.advance_ms(day.begins_ms() + after_ms - world.clock.now_ms());
}

async fn all_entries(store: &Store) -> Vec<Entry> {
    let span = Span { operator_id: op(), from_ms: i64::MIN, to_ms: i64::MAX };
    store.entries(&span, &(i64::MIN, String::new()), 10_000).await.expect("entries")
}

async fn correct(store: &Store, now_ms: i64) {
    let moved = vec![("loss:other".to_owned(), Fen(7)), ("clearing:alipay".to_owned(), Fen(-7))];
    let correction = Transaction::correction("V1", moved).expect("a correction");
    let mut tx = store.begin().await.expect("begin");
    let by = ("finance", "counted twice");
    ledger::correct(&mut tx, &op(), &correction, by, now_ms).await.expect("posted");
    tx.commit().await.expect("commit");
}

async fn post_fee(store: Store, fact: &'static str, now_ms: i64) {
    let mut tx = store.begin().await.expect("begin");
    let fee = Transaction::fee(Channel::Alipay, fact, Fen(3));
    ledger::post_entry(&mut tx, &op(), &fee, now_ms).await.expect("posted");
    tx.commit().await.expect("commit");
}

#[tokio::test]
async fn books_that_cannot_be_closed_keep_no_others_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("t.db").display());
    let world = World::new(Store::open(&url).await.expect("sqlite"), story::tariff()).await;
    let first = Operator {
        id: "a-first".into(),
        name: "First".to_owned(),
        service_phone: "400".to_owned(),
    };
    let now_ms = world.clock.now_ms();
    let mut tx = world.store.begin().await.expect("begin");
    tx.add_operator(&first, now_ms).await.expect("an operator");
    let fee = Transaction::fee(Channel::Alipay, "1", Fen(3));
    ledger::post_entry(&mut tx, &first.id, &fee, now_ms).await.expect("posted");
    tx.commit().await.expect("commit");
    business(&world).await;
    let admin = AnyPool::connect(&url).await.expect("sqlite");
    let broken = "CREATE TRIGGER broken BEFORE INSERT ON ledger_cuts \
                  WHEN NEW.operator_id = 'a-first' BEGIN SELECT RAISE(FAIL, 'broken'); END";
    sqlx::query(broken).execute(&admin).await.expect("a trigger");
    let day = Day::of(now_ms);
    at(&world, day.next(), CLOSE_AFTER_MS);
    let never = CancellationToken::new();
    let closing = close_due(&world.store, world.clock.now_ms(), None, &never).await;
    assert!(closing.is_err(), "{closing:?}");
    let others = world.store.last_closing(&op()).await.expect("read").expect("closed");
    assert_eq!(others.day, day);

    sqlx::query("DROP TRIGGER broken").execute(&admin).await.expect("whole again");
    let [late] = close(&world).await.try_into().expect("one");
    assert_eq!((late.operator_id, late.day), (first.id, day));
}

#[tokio::test]
async fn days_are_closed_in_turn_and_chained() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        assert_eq!(close(&world).await, [], "nothing was ever posted");
        let first = Day::of(world.clock.now_ms());
        business(&world).await;
        let third = first.next().next();
        at(&world, third, 3_600_000);
        business(&world).await;
        correct(&world.store, world.clock.now_ms()).await;
        at(&world, third.next(), CLOSE_AFTER_MS - 1);
        let closed = close(&world).await;
        assert_eq!(closed.iter().map(|day| day.day).collect::<Vec<_>>(), [first, first.next()]);
        assert_eq!(closed.iter().map(|day| day.transactions).collect::<Vec<_>>(), [3, 0]);
        assert_eq!(closed[0].debits_fen, Fen(1_500));
        world.clock.advance_ms(1);
        let last = close(&world).await;
        assert_eq!(last.len(), 1);
        assert_eq!((last[0].day, last[0].transactions), (third, 4));
        assert_eq!(last[0].previous_hash, closed[1].hash);
        assert_eq!(close(&world).await, [], "each day once");

        let accounts = world.store.closing_accounts(&op(), third).await.expect("accounts");
        let clearing = accounts.iter().find(|day| day.account == "clearing:alipay").expect("one");
        assert_eq!((clearing.debits_fen, clearing.credits_fen), (Fen(500), Fen(507)));
        assert_eq!(clearing.balance_fen, Fen(-7));
        let sum_fen: Fen = accounts.iter().map(|day| day.balance_fen).sum();
        assert_eq!(sum_fen, Fen::ZERO);

        let noted: Vec<_> = closed.iter().chain(&last).map(|day| day.hash.clone()).collect();
        let report = ledger::check_noted(&world.store, &noted).await.expect("a check");
        assert_eq!(report.findings, []);
        assert_eq!(report.days, 3);
        let head = Head {
            operator_id: "op".to_owned(),
            day: third.to_string(),
            hash: last[0].hash.clone(),
        };
        assert_eq!(report.heads, [head]);
        let report = ledger::check_noted(&world.store, &["00".to_owned()]).await.expect("a check");
        assert_eq!(report.findings, [Finding::NotedIsGone { hash: "00".to_owned() }]);
    })
    .await;
}

#[tokio::test]
async fn who_commits_late_holds_the_closing_up() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        business(&world).await;
        let day = Day::of(world.clock.now_ms());
        let mut late = world.store.begin().await.expect("begin");
        let fee = Transaction::fee(Channel::Alipay, "late", Fen(3));
        let posted = ledger::post_entry(&mut late, &op(), &fee, world.clock.now_ms()).await;
        posted.expect("posted");
        at(&world, day.next(), CLOSE_AFTER_MS);
        let mut closing = Box::pin(close(&world));
        let early = tokio::time::timeout(Duration::from_millis(200), &mut closing).await;
        assert!(early.is_err(), "closed while somebody was posting");
        late.commit().await.expect("commit");
        assert_eq!(closing.await[0].transactions, 4);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn who_posts_after_the_cut_posts_after_the_day() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        business(&world).await;
        let (now_ms, day) = (world.clock.now_ms(), Day::of(world.clock.now_ms()));
        let mut cut = world.store.begin().await.expect("begin");
        cut.cut_day(&op(), day, now_ms).await.expect("cut");
        // Its clock is behind: it means to post into the day that is being cut.
        let mut posting = tokio::spawn(post_fee(world.store.clone(), "behind", now_ms));
        let early = tokio::time::timeout(Duration::from_millis(200), &mut posting).await;
        assert!(early.is_err(), "posted while the day was being cut");
        cut.commit().await.expect("commit");
        posting.await.expect("posted");
        let last = all_entries(&world.store).await.pop().expect("entries");
        assert_eq!((last.head.key.as_str(), last.posted_ms), ("fee:alipay:behind", day.ends_ms()));
        at(&world, day.next(), CLOSE_AFTER_MS);
        assert_eq!(close(&world).await[0].transactions, 3);
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn a_closing_that_was_interrupted_goes_on() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        business(&world).await;
        let day = Day::of(world.clock.now_ms());
        at(&world, day.next(), CLOSE_AFTER_MS);
        let mut cut = world.store.begin().await.expect("begin");
        cut.cut_day(&op(), day, world.clock.now_ms()).await.expect("cut");
        cut.commit().await.expect("commit");
        world.books_are_whole().await;
        assert_eq!(close(&world).await[0].transactions, 3);
        world.books_are_whole().await;
    })
    .await;
}

/// Two closed days, the second with a correction, and a third that is open.
async fn closed_books(address: &str) -> (World, AnyPool, Vec<Closing>) {
    let world = World::new(Store::open(address).await.expect("a database"), story::tariff()).await;
    business(&world).await;
    world.clock.advance_ms(DAY_MS);
    business(&world).await;
    correct(&world.store, world.clock.now_ms()).await;
    let day = Day::of(world.clock.now_ms());
    at(&world, day.next(), CLOSE_AFTER_MS);
    let closed = close(&world).await;
    business(&world).await;
    world.books_are_whole().await;
    let pool = AnyPool::connect(address).await.expect("a second look");
    (world, pool, closed)
}

async fn run(pool: &AnyPool, statements: &[&str]) {
    for sql in statements {
        let sql = sqlx::AssertSqlSafe((*sql).to_owned());
        sqlx::query(sql).execute(pool).await.expect("tampered");
    }
}

/// The names of what is found, as programs read them, each once.
async fn found(world: &World, noted: &[String]) -> Vec<String> {
    let report = ledger::check_noted(&world.store, noted).await.expect("a check");
    let name = |finding: &Finding| {
        let json = serde_json::to_value(finding).expect("JSON");
        let day = json.get("day").and_then(|day| day.as_str()).unwrap_or_default();
        format!("{} {day}", json["finding"].as_str().unwrap_or_default()).trim().to_owned()
    };
    let mut names: Vec<_> = report.findings.iter().map(name).collect();
    names.sort();
    names.dedup();
    names
}

const FIRST_PAID: &str = "(SELECT id FROM ledger_transactions WHERE kind = 'paid' \
                          ORDER BY posted_ms LIMIT 1)";

#[expect(clippy::too_many_lines, reason = "one tampering after the other")]
#[tokio::test]
async fn whatever_is_done_to_closed_books_is_found() {
    with_addresses(async |address| {
        let (world, pool, closed) = closed_books(address).await;
        let [first, second] = [0, 1].map(|nth: usize| closed[nth].day.to_string());
        let on = |name: &str, day: &str| format!("{name} {day}");
        let fen = |by: &str| {
            format!(
                "UPDATE ledger_postings SET amount_fen = amount_fen {by} WHERE amount_fen > 0 \
                 AND transaction_id = {FIRST_PAID}"
            )
        };
        let both = |by: &str| {
            format!(
                "UPDATE ledger_postings SET amount_fen = CASE WHEN amount_fen > 0 \
                 THEN amount_fen {by} ELSE -(-amount_fen {by}) END \
                 WHERE transaction_id = {FIRST_PAID}"
            )
        };
        let number = closed[0].day.number;
        let hash = |hash: &str| {
            format!("UPDATE ledger_closings SET hash = '{hash}' WHERE day = {number}")
        };
        let differs = on("day_differs", &first);
        let balance = on("balance_differs", &first);
        let cases: Vec<(&str, String, String, Vec<String>)> = vec![
            (
                "one fen",
                fen("+ 1"),
                fen("- 1"),
                vec![
                    "altered".to_owned(),
                    balance.clone(),
                    on("balance_differs", &second),
                    differs.clone(),
                    "order_differs".to_owned(),
                    "unbalanced".to_owned(),
                ],
            ),
            (
                "one fen on both sides",
                both("+ 1"),
                both("- 1"),
                vec![
                    "altered".to_owned(),
                    balance.clone(),
                    on("balance_differs", &second),
                    differs.clone(),
                    "order_differs".to_owned(),
                ],
            ),
            (
                "another time of the same day",
                format!("UPDATE ledger_transactions SET posted_ms = posted_ms + 1 WHERE id = {FIRST_PAID}"),
                "UPDATE ledger_transactions SET posted_ms = posted_ms - 1 WHERE kind = 'paid' \
                 AND posted_ms = (SELECT MIN(posted_ms) + 1 FROM ledger_transactions)".to_owned(),
                vec![differs.clone()],
            ),
            ("a hash", hash(&"1".repeat(64)), hash(&closed[0].hash), vec![
                on("chain_broken", &second),
                differs.clone(),
            ]),
            (
                "a balance",
                format!("UPDATE ledger_closing_accounts SET balance_fen = balance_fen + 1 WHERE day = {number}"),
                format!("UPDATE ledger_closing_accounts SET balance_fen = balance_fen - 1 WHERE day = {number}"),
                vec![balance],
            ),
            (
                "a reason",
                "UPDATE ledger_reasons SET reason = 'none'".to_owned(),
                "UPDATE ledger_reasons SET reason = 'counted twice'".to_owned(),
                vec![on("day_differs", &second)],
            ),
        ];
        for (name, tamper, undo, expected) in &cases {
            run(&pool, &[tamper]).await;
            assert_eq!(&found(&world, &[]).await, expected, "{name}");
            run(&pool, &[undo]).await;
            world.books_are_whole().await;
        }
    })
    .await;
}

#[tokio::test]
async fn rows_that_come_and_go_are_found() {
    with_addresses(async |address| {
        let (world, pool, closed) = closed_books(address).await;
        let first = closed[0].day.to_string();
        // Added with its right hash, as by one who knows the code.
        let text = "fee\nfee:alipay=5\nclearing:alipay=-5";
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        let hash = server::random::hex(digest.as_ref());
        let at_ms = closed[0].day.ends_ms() - 1;
        let head = format!(
            "INSERT INTO ledger_transactions VALUES ('op', 'X1', 'fee:x', '{hash}', 'fee', '', {at_ms})"
        );
        run(&pool, &[
            &head,
            "INSERT INTO ledger_postings VALUES ('op', 'X1', 0, 'fee:alipay', 5)",
            "INSERT INTO ledger_postings VALUES ('op', 'X1', 1, 'clearing:alipay', -5)",
        ])
        .await;
        let names = found(&world, &[]).await;
        assert!(names.contains(&format!("day_differs {first}")), "{names:?}");
        assert!(!names.iter().any(|name| name.starts_with("altered")), "{names:?}");
        let report = ledger::check(&world.store).await.expect("a check");
        let counts = report.findings.iter().find_map(|finding| match finding {
            Finding::DayDiffers { closed_transactions, found_transactions, .. } => {
                Some((*closed_transactions, *found_transactions))
            }
            _ => None,
        });
        assert_eq!(counts, Some((3, 4)));
        run(&pool, &[
            "DELETE FROM ledger_postings WHERE transaction_id = 'X1'",
            "DELETE FROM ledger_transactions WHERE id = 'X1'",
        ])
        .await;
        world.books_are_whole().await;

        // One of long ago, before there were books.
        run(&pool, &[&head.replace(&format!("{at_ms})"), "5)")]).await;
        let names = found(&world, &[]).await;
        assert!(names.contains(&"before_the_books".to_owned()), "{names:?}");
        run(&pool, &["DELETE FROM ledger_transactions WHERE id = 'X1'"]).await;

        // A correction is no order's: only the chain knows that it was there.
        run(&pool, &[
            "DELETE FROM ledger_postings WHERE transaction_id = \
             (SELECT id FROM ledger_transactions WHERE kind = 'correction')",
            "DELETE FROM ledger_transactions WHERE kind = 'correction'",
        ])
        .await;
        let names = found(&world, &[]).await;
        let second = closed[1].day.to_string();
        assert!(names.contains(&format!("day_differs {second}")), "{names:?}");
    })
    .await;
}

#[tokio::test]
async fn a_chain_that_was_made_anew_is_found_by_a_noted_hash() {
    with_addresses(async |address| {
        let (world, pool, closed) = closed_books(address).await;
        let noted = vec![closed[1].hash.clone()];
        assert_eq!(found(&world, &noted).await, Vec::<String>::new());
        let middle = format!("DELETE FROM ledger_closings WHERE day = {}", closed[0].day.number);
        run(&pool, &["DELETE FROM ledger_reasons", &middle]).await;
        let names = found(&world, &noted).await;
        let second = closed[1].day.to_string();
        assert!(names.contains(&format!("chain_broken {second}")), "{names:?}");
        run(&pool, &["DELETE FROM ledger_closings", "DELETE FROM ledger_closing_accounts"]).await;
        assert_eq!(close(&world).await.len(), 2);
        world.books_are_whole().await;
        assert_eq!(found(&world, &noted).await, ["noted_is_gone"]);
    })
    .await;
}
