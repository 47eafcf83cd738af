//! Which language a page speaks: `?lang=`, else the cookie, else `Accept-Language`.

use std::convert::Infallible;

use app::lang::Lang;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

/// The cookie's name.
const COOKIE: &str = "sc_lang";
/// How long a browser keeps it, in seconds: a year.
const COOKIE_AGE_S: u32 = 365 * 24 * 60 * 60;

/// The language of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Language {
    /// Which.
    pub lang: Lang,
    /// Whether it was just chosen and shall be kept.
    pub chosen: bool,
}

impl Language {
    /// The wish that a request carries.
    pub(in crate::http) fn of(parts: &Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        if let Some(lang) = value(query.split('&'), "lang").and_then(Lang::from_tag) {
            return Self { lang, chosen: true };
        }
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let cookies = text(header::COOKIE).unwrap_or_default();
        let kept = value(cookies.split(';').map(str::trim), COOKIE).and_then(Lang::from_tag);
        let accepted = || Lang::from_accept(text(header::ACCEPT_LANGUAGE).unwrap_or_default());
        Self { lang: kept.unwrap_or_else(accepted), chosen: false }
    }

    /// The `Set-Cookie` value that keeps a choice.
    pub(in crate::http) fn cookie(self) -> Option<String> {
        let code = self.lang.code();
        self.chosen
            .then(|| format!("{COOKIE}={code}; Path=/; SameSite=Lax; Max-Age={COOKIE_AGE_S}"))
    }
}

fn value<'a>(pairs: impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    pairs.filter_map(|pair| pair.split_once('=')).find_map(|(n, v)| (n == name).then_some(v))
}

impl<S: Send + Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn language(uri: &str, cookie: &str, accept: &str) -> Language {
        let request = Request::builder()
            .uri(uri)
            .header("cookie", cookie)
            .header("accept-language", accept)
            .body(())
            .unwrap();
        Language::of(&request.into_parts().0)
    }

    #[test]
    fn the_nearest_wish_wins() {
        let chosen = language("/me?a=b&lang=en", "sc_lang=zh", "zh");
        assert_eq!(chosen, Language { lang: Lang::En, chosen: true });
        assert!(chosen.cookie().unwrap().starts_with("sc_lang=en; "));
        let kept = language("/me?lang=xx", "a=b; sc_lang=en", "zh");
        assert_eq!(kept, Language { lang: Lang::En, chosen: false });
        assert_eq!(kept.cookie(), None);
        assert_eq!(language("/me", "", "en-GB").lang, Lang::En);
        assert_eq!(language("/me", "", "").lang, Lang::Zh);
    }
}
