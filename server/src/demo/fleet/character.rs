//! Chance that repeats with its seed, and what it makes of stations and sockets.

/// A seeded source of chance (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
}

/// What is the matter with a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Character {
    /// Nothing.
    Sound,
    /// No plug is in: it refuses to start.
    NoPlug,
    /// It accepts the start, and no current flows.
    NoCurrent,
    /// Out of order, and says so.
    Faulted,
}

impl Dice {
    /// The dice of the `index`th station.
    pub fn of(seed: u64, index: usize) -> Self {
        let index = u64::try_from(index).unwrap_or(u64::MAX);
        Self { state: seed ^ index.wrapping_mul(0xA076_1D64_78BD_642F) }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        let span = u64::from(high.saturating_sub(low)) + 1;
        low + u32::try_from(self.next() % span).unwrap_or(0)
    }

    /// Yes once in `times`.
    pub fn once_in(&mut self, times: u32) -> bool {
        self.between(1, times) == 1
    }
}

impl Character {
    /// What chance makes of a socket: four of five are sound.
    pub fn any(dice: &mut Dice) -> Self {
        match dice.between(1, 20) {
            1 | 2 => Self::NoPlug,
            3 => Self::NoCurrent,
            4 => Self::Faulted,
            _ => Self::Sound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_repeats_with_its_seed_and_differs_between_stations() {
        let roll = |seed, index| {
            let mut dice = Dice::of(seed, index);
            (0..40).map(|_| dice.between(1, 6)).collect::<Vec<_>>()
        };
        assert_eq!(roll(7, 3), roll(7, 3));
        assert_ne!(roll(7, 3), roll(7, 4));
        assert_ne!(roll(7, 3), roll(8, 3));
        assert!((1..=6).all(|pips| roll(7, 3).contains(&pips)));
    }
}
