//! The two languages of the pages, and how one is chosen.

use serde::{Deserialize, Serialize};

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lang {
    /// Simplified Chinese, the default.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// All, in the order they are offered.
    pub const ALL: [Self; 2] = [Self::Zh, Self::En];

    /// As in `?lang=` and in the cookie: `zh` or `en`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// As in HTML's `lang` attribute.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }

    /// Reads `zh`, `en` and their regional forms; none for other languages.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|lang| lang.code().eq_ignore_ascii_case(primary))
    }

    /// Chooses from an `Accept-Language` header: the known language with the highest weight,
    /// the first of equals; Chinese if none is known.
    pub fn from_accept(header: &str) -> Self {
        let mut best = (Self::Zh, 0);
        for part in header.split(',') {
            let (tag, weight) = part.split_once(';').unwrap_or((part, ""));
            let weight = weight.trim().strip_prefix("q=").map_or(1_000, permille);
            if let Some(lang) = Self::from_tag(tag)
                && weight > best.1
            {
                best = (lang, weight);
            }
        }
        best.0
    }
}

/// `0.8` as 800; anything unreadable as 0.
fn permille(weight: &str) -> u32 {
    let (whole, part) = weight.trim().split_once('.').unwrap_or((weight.trim(), ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    format!("{whole}{part}").parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_language_chooses_the_highest_known_weight() {
        for (header, lang) in [
            ("", Lang::Zh),
            ("en-US,en;q=0.9", Lang::En),
            ("en;q=0.3, zh-CN;q=0.8", Lang::Zh),
            ("fr-FR, de;q=0.9", Lang::Zh),
            ("fr, en;q=0.1", Lang::En),
            ("en;q=nonsense", Lang::Zh),
        ] {
            assert_eq!(Lang::from_accept(header), lang, "{header}");
        }
    }
}
