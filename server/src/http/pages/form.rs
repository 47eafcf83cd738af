//! What a form sends, and whether it is one of ours.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::Deserialize;
use wasm_core::ids::{PlanId, TariffId};
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::answer;
use super::language::Language;
use app::pages::rider::trouble::Trouble;

/// Longest key and longest plan of a form, in bytes; our keys have 16.
const KEY_MAX: usize = 100;

/// Proof that a POST comes from a page of ours. Browsers keep the rider's cookie from other sites'
/// forms (`SameSite=Lax`) and say where a form comes from; this refuses what they say is foreign.
pub(super) struct OwnForm;

impl<S: Send + Sync> FromRequestParts<S> for OwnForm {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        if is_own(&parts.headers) {
            return Ok(Self);
        }
        let language = Language::from_request_parts(parts, state).await;
        let language = language.unwrap_or_else(|never| match never {});
        Err(answer::trouble(language, Trouble::BadForm))
    }
}

/// Whether a form comes from a page of ours: `Sec-Fetch-Site` where browsers send it; on older ones
/// `Origin` must name the host asked.
pub(in crate::http) fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match text(header::ORIGIN.as_str()) {
        Some(origin) => origin.split_once("://").map(|(_, host)| host) == text("host"),
        None => true,
    }
}

/// The form of a socket's page.
#[derive(Debug, Deserialize)]
pub(super) struct OrderForm {
    /// The chosen plan and the price that was shown: `plan:fen`.
    plan: String,
    /// The price list that was shown.
    pub tariff_id: TariffId,
    /// Made for that page.
    pub idempotency_key: String,
    /// The platform to pay at, where the page offers a choice.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// `hold` when the rider wants the money set aside and the bill taken of it.
    #[serde(default)]
    pay: String,
}

impl OrderForm {
    /// The plan and its price as shown; none if the form is not ours.
    pub(super) fn offer(&self) -> Option<(PlanId, Fen)> {
        let (plan, fen) = self.plan.rsplit_once(':')?;
        Some((PlanId::from(plan), Fen(fen.parse().ok()?)))
    }

    /// Whether the money is to be set aside instead of being paid.
    pub(super) fn wants_hold(&self) -> bool {
        self.pay == "hold"
    }

    /// Whether the key can be one that a page of ours made: the database keeps it, with the plan.
    pub(super) fn has_good_key(&self) -> bool {
        let is_short = |text: &str| (1..=KEY_MAX).contains(&text.len());
        is_short(&self.idempotency_key)
            && self.idempotency_key.bytes().all(|byte| byte.is_ascii_graphic())
            && is_short(&self.plan)
            && !self.plan.contains(char::is_control)
    }

    /// One key for each choice on one page: who goes back and chooses anew makes a new order.
    pub(super) fn key(&self) -> String {
        format!("{}:{}", self.idempotency_key, self.plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn foreign_forms_are_refused() {
        for (pairs, own) in [
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("origin", "https://a.example"), ("host", "a.example")], true),
            (vec![("origin", "http://a.example:8080"), ("host", "a.example:8080")], true),
            (vec![("origin", "https://evil.example"), ("host", "a.example")], false),
            (vec![("origin", "null"), ("host", "a.example")], false),
            (vec![("host", "a.example")], true),
        ] {
            assert_eq!(is_own(&headers(&pairs)), own, "{pairs:?}");
        }
    }

    #[test]
    fn an_offer_is_a_plan_and_a_price() {
        let form = |plan: &str| OrderForm {
            plan: plan.to_owned(),
            tariff_id: "T1".into(),
            idempotency_key: "k".to_owned(),
            channel: None,
            pay: String::new(),
        };
        assert_eq!(form("h4:100").offer(), Some(("h4".into(), Fen(100))));
        assert_eq!(form("a:b:5").offer(), Some(("a:b".into(), Fen(5))));
        for bad in ["h4", "h4:", "h4:1.5", ""] {
            assert_eq!(form(bad).offer(), None, "{bad}");
        }
        assert_ne!(form("h4:100").key(), form("m2:200").key());
        assert!(form("h4:100").has_good_key());
        assert!(!form("h\0:100").has_good_key());
        for bad in ["", "a\0", "a b", &"k".repeat(KEY_MAX + 1)] {
            let form = OrderForm { idempotency_key: bad.to_owned(), ..form("h4:100") };
            assert!(!form.has_good_key(), "{bad:?}");
        }
    }
}
