//! Stories: text tables of what happens to an order and what must be so afterwards. The domain's
//! test plays them on `apply` alone, the server's test through the whole server on both databases.
//!
//! ```text
//! story: the name
//! plan: money-300
//! 0s    paid 300        => starting paid=300
//! 3s    started 1       => charging
//! 1h    stopped 1 full 1500  => settled total=150 refund=150
//! 1h1s  refunded        => closed
//! ```
//!
//! A line is a time, a verb with its words, and after `=>` the state and figures in fen:
//! `paid`, `held` (ever set aside), `total` (billed), `refund` (all refunds, done or not), `take` (to
//! be taken of holds, done or not), `taken` (done), `reason`. `effects=` lists what `apply` asks for,
//! checked where `apply` is called directly.

use wasm_core::money::Fen;
use wasm_core::tariff::Tariff;

/// A story.
pub struct Story {
    pub name: String,
    pub plan: String,
    pub lines: Vec<StoryLine>,
}

/// One line of a story.
pub struct StoryLine {
    pub at_ms: i64,
    pub verb: String,
    pub words: Vec<String>,
    pub expected: Vec<(String, String)>,
    pub text: String,
}

/// Prices of all stories: 0.60 + 0.40 yuan for a kWh, so that 10 Wh cost 1 fen.
pub fn tariff() -> Tariff {
    serde_json::from_str(include_str!("tariff.json")).expect("the stories' tariff")
}

/// All stories of a file.
pub fn parse(text: &str) -> Vec<Story> {
    let mut stories: Vec<Story> = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(name) = line.strip_prefix("story:") {
            let name = name.trim().to_owned();
            stories.push(Story { name, plan: String::new(), lines: Vec::new() });
        } else if let Some(plan) = line.strip_prefix("plan:") {
            plan.trim().clone_into(&mut stories.last_mut().expect("a story").plan);
        } else if !line.is_empty() {
            stories.last_mut().expect("a story").lines.push(parse_line(line));
        }
    }
    stories
}

fn parse_line(line: &str) -> StoryLine {
    let (happens, expected) = line.split_once("=>").unwrap_or((line, ""));
    let mut words = happens.split_whitespace().map(str::to_owned);
    let at_ms = parse_time(&words.next().expect("a time"));
    let verb = words.next().expect("a verb");
    let expected = expected.split_whitespace().map(|word| {
        let (key, value) = word.split_once('=').unwrap_or(("state", word));
        (key.to_owned(), value.to_owned())
    });
    StoryLine {
        at_ms,
        verb,
        words: words.collect(),
        expected: expected.collect(),
        text: line.to_owned(),
    }
}

/// `1h2m3s` and parts of it, in milliseconds.
fn parse_time(text: &str) -> i64 {
    let mut number = 0;
    let mut total_ms = 0;
    for c in text.chars() {
        match c {
            '0'..='9' => number = number * 10 + i64::from(c as u8 - b'0'),
            'h' => total_ms += std::mem::take(&mut number) * 3_600_000,
            'm' => total_ms += std::mem::take(&mut number) * 60_000,
            's' => total_ms += std::mem::take(&mut number) * 1_000,
            _ => panic!("not a time: {text}"),
        }
    }
    total_ms
}

impl StoryLine {
    /// The nth word as a number.
    pub fn number(&self, nth: usize) -> i64 {
        self.words[nth].parse().unwrap_or_else(|_| panic!("a number in: {}", self.text))
    }

    /// The nth word as one of the domain's `snake_case` names.
    pub fn name<T: serde::de::DeserializeOwned>(&self, nth: usize) -> T {
        let value = serde_json::Value::String(self.words[nth].clone());
        serde_json::from_value(value).unwrap_or_else(|_| panic!("a name in: {}", self.text))
    }

    /// Whether a word is there.
    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|known| known == word)
    }

    /// Compares an order with what the line expects; effects are the caller's.
    pub fn check(&self, story: &str, order: &wasm_core::order::Order) {
        use wasm_core::order::{Order, State};
        let total = |order: &Order| match &order.state {
            State::Settled(settlement) | State::Closed(settlement) => settlement.bill.total_fen,
            _ => Fen::ZERO,
        };
        let reason = |order: &Order| {
            let json = serde_json::to_value(&order.state).expect("a state");
            json["reason"].as_str().unwrap_or_default().to_owned()
        };
        let refund: Fen = order.refunds.iter().map(|refund| refund.amount_fen).sum();
        let take: Fen = order.captures.iter().map(|capture| capture.amount_fen).sum();
        for (key, expected) in &self.expected {
            let actual = match key.as_str() {
                "state" => order.state.name().to_owned(),
                "paid" => order.paid_fen().0.to_string(),
                "held" => order.held_fen().0.to_string(),
                "take" => take.0.to_string(),
                "taken" => order.taken_fen().0.to_string(),
                "total" => total(order).0.to_string(),
                "refund" => refund.0.to_string(),
                "reason" => reason(order),
                _ => continue,
            };
            assert_eq!(actual, *expected, "{key}\n  in: {story}\n  at: {}", self.text);
        }
    }
}
