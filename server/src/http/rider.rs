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

/// A rider just made, with the secret that nobody will see again.
pub struct NewRider {
    /// Who.
    pub id: RiderId,
    /// The secret.
    pub token: String,
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

impl From<NewRider> for Rider {
    fn from(new: NewRider) -> Self {
        Self { id: new.id, open_ids: OpenIds::default(), secret: Secret(new.token) }
    }
}

impl NewRider {
    /// Makes and stores an anonymous rider.
    ///
    /// # Errors
    /// Too many from one address, or the database does not answer.
    pub(super) async fn make(app: &App, newcomers: &Newcomers) -> Result<Self, Problem> {
        newcomers.admit()?;
        let id = RiderId(random::base32::<20>());
        let token = random::base32::<TOKEN_SYMBOLS>();
        app.store.add_rider(&id, &token_hash(&token), app.clock.now_ms()).await?;
        Ok(Self { id, token })
    }

    /// The `Set-Cookie` value that makes a browser this rider.
    pub fn cookie(&self, public_url: &str) -> String {
        let secure = if public_url.starts_with("https://") { "; Secure" } else { "" };
        let token = &self.token;
        format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={COOKIE_AGE_S}{secure}")
    }
}

impl Rider {
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
