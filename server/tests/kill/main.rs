//! `kill -9` between any two steps, and a restart: the same end.
//!
//! The server is the real binary on a database file. What is outside lives on while it is dead,
//! as in life: simulated stations and a simulated Alipay run in the test's own process. Riders
//! are HTTP clients that try again when nobody answers.

#![cfg(debug_assertions)]

#[expect(dead_code, reason = "the tables of a server that lives move while they are read")]
#[path = "../audit/mod.rs"]
mod audit;
mod books;
mod points;
mod rider;
mod scripts;
mod world;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt, stream};

use rider::Rider;
use scripts::Script;
use world::{Bank, Database, World};

/// Worlds at one time for each core: they mostly wait, and must not wait for the machine so long
/// that what is slow looks like what is broken.
const AT_ONCE_A_CORE: usize = 8;

/// Each step between "the rider orders" and "all money is where it belongs", by what brings the
/// rider there. More than one place: the restarted server dies again.
const DEATHS: &[(Script, &[&[&str]])] = &[
    (
        Script::Charge,
        &[
            &["before_commit.awaiting_payment"],
            &["after_commit.awaiting_payment"],
            &["before_commit.payment"],
            &["after_commit.payment"],
            &["after_call.pay"],
            &["verified.notify"],
            &["before_commit.starting"],
            &["after_commit.starting"],
            &["told.notify"],
            &["claimed.start_socket"],
            &["before_call.start_socket"],
            &["after_call.start_socket"],
            // The second change to the same state: the station has accepted.
            &["before_commit.starting:2"],
            &["after_commit.starting:2"],
            &["carried_out.start_socket"],
            &["recorded.start_socket"],
            &["before_commit.charging"],
            &["after_commit.charging"],
            &["before_commit.readings"],
            &["after_commit.readings"],
            &["before_commit.finishing"],
            &["after_commit.finishing"],
            &["claimed.stop_socket"],
            &["before_call.stop_socket"],
            &["after_call.stop_socket"],
            &["carried_out.stop_socket"],
            &["recorded.stop_socket"],
            &["before_commit.settled"],
            &["after_commit.settled"],
            &["claimed.refund"],
            &["before_call.refund"],
            &["after_call.refund"],
            &["before_commit.closed"],
            &["after_commit.closed"],
            &["carried_out.refund"],
            &["recorded.refund"],
            &["after_call.start_socket", "claimed.start_socket"],
            &["after_commit.settled", "before_call.refund", "after_call.refund"],
        ],
    ),
    (
        Script::NotifyLost,
        &[
            &["claimed.query_payment"],
            &["before_call.query_payment"],
            &["after_call.query_payment"],
            &["carried_out.query_payment"],
            &["recorded.query_payment"],
        ],
    ),
    (
        Script::LeaveUnpaid,
        &[
            &["before_commit.cancelled"],
            &["after_commit.cancelled"],
            &["claimed.close_payments"],
            &["before_call.close"],
            &["after_call.close"],
            &["carried_out.close_payments"],
            &["recorded.close_payments"],
        ],
    ),
    (
        Script::CancelStarting,
        &[
            &["before_commit.start_failed"],
            &["after_commit.start_failed"],
            &["claimed.record_free_energy"],
            &["carried_out.record_free_energy"],
            &["recorded.record_free_energy"],
        ],
    ),
    (
        Script::Hold,
        &[
            &["claimed.capture"],
            &["before_call.capture"],
            &["after_call.capture"],
            &["carried_out.capture"],
            &["recorded.capture"],
            &["after_call.capture", "before_call.capture"],
        ],
    ),
    (
        Script::Complain,
        &[
            &["claimed.split"],
            &["before_call.bind"],
            &["after_call.bind"],
            &["before_commit.split_asked"],
            &["after_commit.split_asked"],
            &["before_call.split"],
            &["after_call.split"],
            &["before_commit.split_learned"],
            &["after_commit.split_learned"],
            &["before_call.split_nobody"],
            &["after_call.split_nobody"],
            &["carried_out.split"],
            &["recorded.split"],
            &["claimed.pull_back"],
            &["before_call.pull_back"],
            &["after_call.pull_back"],
            &["before_commit.split_returned"],
            &["after_commit.split_returned"],
            &["carried_out.pull_back"],
            &["recorded.pull_back"],
        ],
    ),
    (Script::TimeUp, &[&["claimed.timer"], &["carried_out.timer"], &["recorded.timer"]]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_f11_f57_death_at_any_step_comes_to_the_same_end() {
    let bank = &Bank::open().await;
    let passed = &Mutex::new(BTreeSet::new());
    let each = DEATHS.iter().flat_map(|(script, deaths)| deaths.iter().map(|at| (*script, *at)));
    let cases = each.map(|(script, deaths)| {
        let case = async move {
            let world = World::open(bank, Database::Sqlite, 1, deaths).await;
            script.play(&world, 0).await;
            books::check(&world, bank).await;
            assert_eq!(world.deaths(), deaths.len(), "it died where it was told to");
            passed.lock().unwrap_or_else(PoisonError::into_inner).extend(world.passed());
        };
        (format!("{script:?} {deaths:?}"), case)
    });
    all_pass(cases).await;
    let passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
    let missing = points::missing(&passed);
    assert!(missing.is_empty(), "nobody dies at {missing:#?}");
}

/// Deaths at random moments while riders come and go. `cargo xtask kill --times 100` asks for
/// more of them, by `SAOCHONG_KILL_TIMES`, and for others, by `SAOCHONG_KILL_SEED`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_f11_blind_kills_under_load_come_to_the_same_end() {
    // Few deaths, but of several seeds, when nobody asked for more.
    let (times, runs) = number("SAOCHONG_KILL_TIMES").map_or((4, 3), |times| (times, 1));
    let seed = number("SAOCHONG_KILL_SEED").unwrap_or(1);
    let bank = &Bank::open().await;
    let cases = Database::to_test().iter().flat_map(|database| {
        (seed..seed + runs).map(move |seed| {
            let name = format!("{times} kills on {database:?}, --seed {seed}");
            println!("{name}");
            (name, killed_blindly(bank, *database, times, seed))
        })
    });
    all_pass(cases).await;
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().expect("a number"))
}

/// A rider at each socket of a station, one after the other and each with another intent, and a
/// server that dies at any moment: while it answers, while it works, while it starts.
async fn killed_blindly(bank: &Bank, database: Database, times: u64, seed: u64) {
    const SOCKETS: usize = 6;
    let world = &World::open(bank, database, SOCKETS, &[]).await;
    let is_over = &AtomicBool::new(false);
    let riders = (0..SOCKETS).map(|socket| async move {
        let mut turn = socket + usize::try_from(seed).expect("a small number");
        loop {
            Script::ALL[turn % Script::ALL.len()].play(world, socket).await;
            turn += 1;
            if is_over.load(Ordering::SeqCst) {
                return;
            }
        }
    });
    let kills = async {
        let mut chance = Chance(seed);
        for _ in 0..times {
            tokio::time::sleep(chance.between_ms(50, 3_000)).await;
            world.kill().await;
        }
        is_over.store(true, Ordering::SeqCst);
    };
    tokio::join!(join_all(riders), kills);
    let books = books::check(world, bank).await;
    assert_eq!(world.deaths() as u64, times);
    println!("{database:?}: {times} kills, seed {seed}: ledger check exit 0; {books}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f37_two_riders_pay_for_one_socket_and_one_charges() {
    let bank = &Bank::open().await;
    let deaths: [&[&str]; 4] = [
        &[],
        &["after_commit.starting"],
        &["before_commit.cancelled"],
        &["after_commit.cancelled"],
    ];
    let databases = Database::to_test();
    let cases = databases.iter().flat_map(|database| deaths.map(|at| (*database, at)));
    let cases = cases.map(|(database, deaths)| {
        (format!("{deaths:?} on {database:?}"), two_for_one_socket(bank, database, deaths))
    });
    all_pass(cases).await;
}

async fn two_for_one_socket(bank: &Bank, database: Database, deaths: &[&str]) {
    let world = World::open(bank, database, 1, deaths).await;
    let (ann, bob) = (Rider::new(&world).await, Rider::new(&world).await);
    let (one, two) = (ann.order(&world, 0).await, bob.order(&world, 0).await);
    tokio::join!(ann.pay(&one, "pay"), bob.pay(&two, "pay"));
    let (one, two) = tokio::join!(ann.charge(&one), bob.charge(&two));
    let mut ends = [one.state.name(), two.state.name()];
    ends.sort_unstable();
    assert_eq!(ends, ["cancelled", "closed"], "one charges");
    books::check(&world, bank).await;
    assert_eq!(world.deaths(), deaths.len());
}

/// Runs cases side by side, and names those that fail.
async fn all_pass(cases: impl Iterator<Item = (String, impl Future<Output = ()>)>) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let failed: Vec<String> = stream::iter(cases)
        .map(async |(name, case)| AssertUnwindSafe(case).catch_unwind().await.err().map(|_| name))
        .buffer_unordered(AT_ONCE_A_CORE * cores)
        .filter_map(async |failed| failed)
        .collect()
        .await;
    assert!(failed.is_empty(), "{failed:#?}");
}

/// A seeded source of chance (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn between_ms(&mut self, low: u64, high: u64) -> Duration {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Duration::from_millis(low + (mixed ^ (mixed >> 31)) % (high - low))
    }
}
