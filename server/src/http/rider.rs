//! Who asks: an anonymous rider, known by a secret in a cookie (browsers) or a bearer token
//! (programs). Only the secret's hash is stored.

use std::fmt;

use aws_lc_rs::hmac;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use wasm_core::ids::RiderId;

use super::App;
use super::problem::Problem;
use super::rates::Newcomers;
use super::sha256_hex;
use crate::random;
use crate::store::{OpenIds, StoreError};

/// The cookie's name.
pub const COOKIE: &str = "sc_rider";

/// How long a browser keeps the cookie, in seconds: a year.
const COOKIE_AGE_S: u32 = 365 * 24 * 60 * 60;

/// Symbols of a secret, five bits each.
const TOKEN_SYMBOLS: usize = 40;

/// The rider who asks. As an extractor it refuses requests of nobody; as `Option<Rider>` it does
/// not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rider {
    /// Who.
    pub id: RiderId,
    /// Who that is at the payment platforms that have told.
    pub open_ids: OpenIds,
    /// What only this rider's browser has, and we while it asks.
    pub secret: Secret,
}

/// The secret of a rider's session. Shows nothing when printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// A secret that nobody has yet. It costs nothing until a rider is made of it.
pub struct Token(String);

/// A rider just made, with the secret that nobody will see again.
pub struct NewRider {
    /// Who.
    pub id: RiderId,
    /// The secret.
    pub token: Token,
}

impl Secret {
    /// A key for what only this session shall be able to show again.
    pub(super) fn hmac_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes())
    }

    /// A session's secret for tests.
    #[cfg(test)]
    pub(super) fn of(token: &str) -> Self {
        Self(token.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Token {
    /// A new one.
    pub(super) fn fresh() -> Self {
        Self(random::base32::<TOKEN_SYMBOLS>())
    }

    /// For a program, which keeps it itself.
    pub(super) fn into_string(self) -> String {
        self.0
    }

    /// The `Set-Cookie` value that gives it to a browser.
    pub(super) fn cookie(&self, public_url: &str) -> String {
        let secure = if public_url.starts_with("https://") { "; Secure" } else { "" };
        let token = &self.0;
        format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={COOKIE_AGE_S}{secure}")
    }
}

impl NewRider {
    /// Makes and stores an anonymous rider.
    ///
    /// # Errors
    /// Too many from one address, or the database does not answer.
    pub(super) async fn make(app: &App, newcomers: &Newcomers) -> Result<Self, Problem> {
        newcomers.admit()?;
        let (id, token) = (RiderId(random::base32::<20>()), Token::fresh());
        app.store.add_rider(&id, &token_hash(&token.0), app.clock.now_ms()).await?;
        Ok(Self { id, token })
    }
}

impl Rider {
    /// The rider that these headers name, made now if this is its first deed, and the cookie for a
    /// browser that dropped the one it was given. A deed sent twice comes from one and the same.
    ///
    /// # Errors
    /// Too many new ones from one address, or the database does not answer.
    pub(super) async fn of_or_new(
        app: &App,
        newcomers: &Newcomers,
        headers: &HeaderMap,
    ) -> Result<(Self, Option<String>), Problem> {
        if let Some(rider) = Self::of(app, headers).await? {
            return Ok((rider, None));
        }
        let Some(token) = token(headers) else {
            let NewRider { id, token } = NewRider::make(app, newcomers).await?;
            let cookie = token.cookie(&app.settings.public_url);
            let rider = Self { id, open_ids: OpenIds::default(), secret: Secret(token.0) };
            return Ok((rider, Some(cookie)));
        };
        newcomers.admit()?;
        let id = RiderId(random::base32::<20>());
        match app.store.add_rider(&id, &token_hash(token), app.clock.now_ms()).await {
            Ok(()) | Err(StoreError::Taken) => {}
            Err(error) => return Err(error.into()),
        }
        let rider = Self::of(app, headers).await?.ok_or_else(Problem::internal)?;
        Ok((rider, None))
    }

    /// The rider that these headers name, if there is one.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn of(app: &App, headers: &HeaderMap) -> Result<Option<Self>, StoreError> {
        let Some(token) = token(headers) else { return Ok(None) };
        let stored = app.store.rider_by_token(&token_hash(token)).await?;
        let secret = Secret(token.to_owned());
        Ok(stored.map(|rider| Self { id: rider.id, open_ids: rider.open_ids, secret }))
    }
}

impl FromRequestParts<App> for Rider {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Self::of(app, &parts.headers).await?.ok_or_else(Problem::rider_required)
    }
}

impl OptionalFromRequestParts<App> for Rider {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Problem> {
        Ok(Self::of(app, &parts.headers).await?)
    }
}

/// What this request's rate is counted by; never an error, and never a look at the database.
pub(super) fn rate_key(headers: &HeaderMap) -> Option<String> {
    token(headers).map(token_hash)
}

/// Whether the request brings a secret, known or not yet.
pub(super) fn has_token(headers: &HeaderMap) -> bool {
    token(headers).is_some()
}

fn token_hash(token: &str) -> String {
    sha256_hex(token.as_bytes())
}

fn token(headers: &HeaderMap) -> Option<&str> {
    bearer(headers).or_else(|| cookie(headers)).filter(|token| is_token(token))
}

fn is_token(text: &str) -> bool {
    text.len() == TOKEN_SYMBOLS && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    cookie_named(headers, COOKIE)
}

/// A cookie's value.
pub(super) fn cookie_named<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == wanted).then_some(value))
}
