//! The scan code: what the QR on a socket holds, `/s/{code}`.
//!
//! Twelve symbols of Crockford base32 (no I, L, O, U), shown as `XXXX-XXXX-XXXX`: ten random
//! ones (50 bits, so that guessing finds nothing) and two check symbols that catch every single
//! wrong symbol and every swap of two neighbours.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The symbols by value: Crockford's base32.
const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Symbols that carry the random bits.
const RANDOM_SYMBOLS: usize = 10;
/// All symbols.
const LENGTH: usize = RANDOM_SYMBOLS + 2;
/// Bits a symbol carries.
const SYMBOL_BITS: usize = 5;

/// A well-formed scan code, in canonical form: twelve upper-case symbols without dashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScanCode(String);

/// Why a text is not a scan code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeError {
    /// Not twelve symbols.
    Length,
    /// A symbol that no code contains.
    Symbol,
    /// All symbols are possible, but not together: a typing error.
    Mistyped,
}

impl ScanCode {
    /// Makes a code from 50 random bits (the low ones of `random`).
    pub fn from_random(random: u64) -> Self {
        let mut values = [0; LENGTH];
        for (nth, value) in values[..RANDOM_SYMBOLS].iter_mut().enumerate() {
            let shift = SYMBOL_BITS * (RANDOM_SYMBOLS - 1 - nth);
            *value = ((random >> shift) & 31) as u8;
        }
        let (sum, weighted) = checksums(&values);
        // Both checksums become 0 with c + d = sum and αc + d = weighted, so c = (sum + weighted)
        // ÷ (α + 1); in this field 1 ÷ (α + 1) = α¹³.
        let c = (0..13).fold(sum ^ weighted, |value, _| times_alpha(value));
        values[RANDOM_SYMBOLS..].copy_from_slice(&[c, sum ^ c]);
        Self(values.iter().map(|value| char::from(SYMBOLS[usize::from(*value)])).collect())
    }

    /// Reads a code as people type it: any case, dashes and spaces ignored, I and L read as 1,
    /// O as 0.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let typed = text.chars().filter(|c| !matches!(c, '-' | ' '));
        let code: String = typed.map(canonical).take(LENGTH + 1).collect();
        let values: Option<Vec<u8>> = code.chars().map(value).collect();
        let values = values.ok_or(CodeError::Symbol)?;
        if values.len() != LENGTH {
            return Err(CodeError::Length);
        }
        if checksums(&values) == (0, 0) { Ok(Self(code)) } else { Err(CodeError::Mistyped) }
    }

    /// The canonical form, as stored and as in the QR.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a typed symbol is written.
fn canonical(symbol: char) -> char {
    match symbol.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    }
}

/// A symbol's value, 0 to 31.
fn value(symbol: char) -> Option<u8> {
    (0..).zip(SYMBOLS).find(|(_, known)| char::from(**known) == symbol).map(|(value, _)| value)
}

/// The sum of all symbols, and their sum weighted by powers of α, in GF(32). In a code both are
/// 0. One wrong symbol changes the first; any two wrong symbols, so also a swap, change one of
/// the two, because no two of the twelve weights are alike.
fn checksums(values: &[u8]) -> (u8, u8) {
    values
        .iter()
        .fold((0, 0), |(sum, weighted), value| (sum ^ value, times_alpha(weighted) ^ value))
}

/// α times a value, in GF(32) = GF(2)\[α\] with α⁵ = α² + 1.
fn times_alpha(value: u8) -> u8 {
    let shifted = value << 1;
    if shifted < 32 { shifted } else { shifted ^ 0b10_0101 }
}

impl TryFrom<String> for ScanCode {
    type Error = CodeError;

    fn try_from(text: String) -> Result<Self, CodeError> {
        Self::parse(&text)
    }
}

impl From<ScanCode> for String {
    fn from(code: ScanCode) -> Self {
        code.0
    }
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "a scan code has twelve symbols",
            Self::Symbol => "no scan code contains such a symbol",
            Self::Mistyped => "the scan code is mistyped",
        })
    }
}

impl std::error::Error for CodeError {}

/// As printed under the QR: `XXXX-XXXX-XXXX`.
impl fmt::Display for ScanCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", &self.0[..4], &self.0[4..8], &self.0[8..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: u64 = 0x3_1415_9265_3589;

    fn with(code: &str, nth: usize, symbol: u8) -> String {
        let mut bytes = code.as_bytes().to_vec();
        bytes[nth] = symbol;
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn reads_what_people_type() {
        let code = ScanCode::from_random(RANDOM);
        let printed = code.to_string();
        assert_eq!(printed.len(), LENGTH + 2);
        for typed in [printed.clone(), printed.to_lowercase(), printed.replace('-', " ")] {
            assert_eq!(ScanCode::parse(&typed), Ok(code.clone()), "{typed}");
        }
        let code = ScanCode::from_random(1 << SYMBOL_BITS);
        let typed = code.as_str().replace('0', "o").replacen('1', "l", 1).replace('1', "i");
        assert_eq!(ScanCode::parse(&typed), Ok(code), "{typed}");
    }

    #[test]
    fn says_what_is_wrong() {
        let code = ScanCode::from_random(RANDOM);
        assert_eq!(ScanCode::parse(""), Err(CodeError::Length));
        assert_eq!(ScanCode::parse(&code.as_str()[1..]), Err(CodeError::Length));
        assert_eq!(ScanCode::parse(&"0".repeat(10_000)), Err(CodeError::Length));
        assert_eq!(ScanCode::parse(&with(code.as_str(), 3, b'U')), Err(CodeError::Symbol));
        assert_eq!(ScanCode::parse("充电000000000000"), Err(CodeError::Symbol));
    }

    #[test]
    fn any_two_wrong_symbols_are_noticed() {
        let code = ScanCode::from_random(RANDOM);
        for first in 0..LENGTH {
            for second in first..LENGTH {
                for (a, b) in SYMBOLS.iter().flat_map(|a| SYMBOLS.iter().map(move |b| (*a, *b))) {
                    let typed = with(&with(code.as_str(), first, a), second, b);
                    let expected = if typed == code.as_str() {
                        Ok(code.clone())
                    } else {
                        Err(CodeError::Mistyped)
                    };
                    assert_eq!(ScanCode::parse(&typed), expected, "{typed}");
                }
            }
        }
    }

    #[test]
    fn any_swap_is_noticed() {
        let code = ScanCode::from_random(RANDOM);
        let symbols = code.as_str().as_bytes();
        for (nth, other) in (0..LENGTH).flat_map(|a| (a + 1..LENGTH).map(move |b| (a, b))) {
            let swapped = with(&with(code.as_str(), nth, symbols[other]), other, symbols[nth]);
            assert_eq!(ScanCode::parse(&swapped).is_ok(), symbols[nth] == symbols[other]);
        }
    }

    #[test]
    fn codes_differ_and_ignore_the_high_bits() {
        let low = (1 << 50) - 1;
        assert_eq!(ScanCode::from_random(RANDOM), ScanCode::from_random(RANDOM | !low));
        let codes: std::collections::BTreeSet<_> =
            (0..5_000).map(|n| ScanCode::from_random(n << 38 | n).0).collect();
        assert_eq!(codes.len(), 5_000);
    }

    #[test]
    fn json_holds_only_well_formed_codes() {
        let code = ScanCode::from_random(RANDOM);
        let json = serde_json::to_string(&code).unwrap();
        assert_eq!(json, format!("\"{}\"", code.as_str()));
        assert_eq!(serde_json::from_str::<ScanCode>(&json).unwrap(), code);
        assert!(serde_json::from_str::<ScanCode>("\"000000000001\"").is_err());
    }
}
