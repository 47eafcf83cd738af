//! The seeded simulation: riders, stations and platforms that drop, repeat, reorder and lie, the
//! real server between them, an auditor after every step. One seed is one life; a seed that fails
//! is lived again by `cargo xtask simulate --seed N`.

#![cfg(debug_assertions)]

#[path = "../audit/mod.rs"]
mod audit;
mod bank;
mod books;
mod chance;
mod fleet;
mod partners;
#[path = "../seed/mod.rs"]
mod seed;
mod trouble;
mod witness;
mod world;

use std::{panic, thread};

use server::random;

/// Seeds of an ordinary run.
const SEEDS: u64 = 24;
/// Lives at one time.
const AT_ONCE: u64 = 2;
/// The first seed, and how many, by environment.
const FROM: &str = "SAOCHONG_SIMULATE_FROM";
const COUNT: &str = "SAOCHONG_SIMULATE_SEEDS";

fn variable(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn whatever_happens_every_fen_and_every_watt_hour_is_accounted_for() {
    let (from, count) = (variable(FROM, 1), variable(COUNT, SEEDS));
    let mine = |nth| (from..from + count).filter(move |seed| seed % AT_ONCE == nth);
    let failed: Vec<u64> = thread::scope(|scope| {
        let lives = (0..AT_ONCE).map(|nth| {
            scope.spawn(move || mine(nth).filter(|seed| !survives(*seed)).collect::<Vec<_>>())
        });
        let lives: Vec<_> = lives.collect();
        lives.into_iter().flat_map(|life| life.join().expect("it catches its own")).collect()
    });
    assert!(
        failed.is_empty(),
        "seeds {failed:?}: live one again with `cargo xtask simulate --seed N`"
    );
}

/// Whether a seed's life comes to a good end; says what went wrong otherwise.
fn survives(seed: u64) -> bool {
    let life = panic::catch_unwind(|| {
        random::replay(seed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(world::World::live());
    });
    if life.is_err() {
        eprintln!("seed {seed} failed");
    }
    life.is_ok()
}
