//! Chance, all of it from the seed: the thread's own sequence.

use server::random;

/// A number from 0 up to, not including, `end`.
pub fn below(end: usize) -> usize {
    let end = u64::try_from(end.max(1)).expect("fits");
    usize::try_from(random::bits() % end).expect("fits")
}

/// Whether something happens that happens so often in a hundred.
pub fn percent(often: usize) -> bool {
    below(100) < often
}

/// A number from `low` to `high`.
pub fn between(low: i64, high: i64) -> i64 {
    low + i64::try_from(below(usize::try_from(high - low + 1).expect("low ≤ high"))).expect("fits")
}

/// One of several; none of none.
pub fn one_of<T>(all: &[T]) -> Option<&T> {
    all.get(below(all.len()))
}
