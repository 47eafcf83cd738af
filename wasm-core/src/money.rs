//! Money: whole fen (1 yuan = 100 fen), never a float.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use serde::{Deserialize, Serialize};

/// An amount in fen. Negative only inside the ledger, never on a bill line.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Fen(pub i64);

impl Fen {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The part of `self` above `floor`, or nothing.
    #[must_use]
    pub fn above(self, floor: Self) -> Self {
        Self((self.0 - floor.0).max(0))
    }

    /// Yuan with two places and no sign of currency, as payment platforms write it: `12.05`.
    pub fn to_yuan(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        format!("{sign}{}.{:02}", fen / 100, fen % 100)
    }

    /// Reads yuan with at most two places, as payment platforms write it. `None` for anything
    /// else: a sign, an exponent, a third decimal, an empty part, an overflow.
    pub fn from_yuan(text: &str) -> Option<Self> {
        let (yuan, cents) = text.split_once('.').unwrap_or((text, "00"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(yuan) || !digits(cents) || cents.len() > 2 {
            return None;
        }
        let cents_fen: i64 = format!("{cents:0<2}").parse().ok()?;
        yuan.parse::<i64>().ok()?.checked_mul(100)?.checked_add(cents_fen).map(Self)
    }
}

impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yuan = self.to_yuan();
        match yuan.strip_prefix('-') {
            Some(positive) => write!(f, "-¥{positive}"),
            None => write!(f, "¥{yuan}"),
        }
    }
}

impl Add for Fen {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Fen {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Fen {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl SubAssign for Fen {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Neg for Fen {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Fen {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_text_goes_both_ways() {
        for (fen, text) in [(0, "0.00"), (5, "0.05"), (1205, "12.05"), (-7, "-0.07")] {
            assert_eq!(Fen(fen).to_yuan(), text);
        }
        for (text, fen) in [("0.01", 1), ("12", 1200), ("1.5", 150), ("88.88", 8888)] {
            assert_eq!(Fen::from_yuan(text), Some(Fen(fen)));
        }
        for bad in ["", ".5", "1.", "1.005", "-1.00", "+1", "1e2", " 1", "99999999999999999999"] {
            assert_eq!(Fen::from_yuan(bad), None, "{bad}");
        }
    }
}
