//! Who is logged in: known by a secret in a cookie, of which only the hash is stored.

use app::pages::admin::frame::{self, Rights};
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use wasm_core::ids::OperatorId;
use wasm_core::units::{MS_PER_HOUR, MS_PER_SECOND};

use super::{answer, rights};
use crate::http::pages::language::Language;
use crate::http::rider::cookie_named;
use crate::http::{App, sha256_hex};
use crate::random;
use crate::store::StoreError;

/// The cookie's name.
const COOKIE: &str = "sc_staff";
/// How long a session lasts, milliseconds.
pub(super) const SESSION_MS: i64 = 12 * MS_PER_HOUR;
/// Symbols of a secret, five bits each.
const TOKEN_SYMBOLS: usize = 40;

/// Somebody who is logged in. As an extractor it leads everybody else to the login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Staff {
    /// The user's id, for the log.
    pub user_id: String,
    /// The tenant: all that the user can see or do is within it.
    pub operator_id: OperatorId,
    /// The operator's name.
    operator_name: String,
    /// The name the user logged in with.
    login: String,
    /// What the user may do.
    pub rights: Rights,
}

impl Staff {
    /// Who these headers say is logged in, if anybody is.
    pub async fn of(app: &App, headers: &HeaderMap) -> Result<Option<Self>, StoreError> {
        let Some(token) = token(headers) else { return Ok(None) };
        let user = app.store.session_user(&hash(token), app.clock.now_ms()).await?;
        Ok(user.map(|user| Self {
            rights: rights::of(&user.role),
            user_id: user.user_id,
            operator_id: user.operator_id,
            operator_name: user.operator_name,
            login: user.login,
        }))
    }

    /// The name the user logged in with, for what is kept of a decision.
    pub fn login(&self) -> &str {
        &self.login
    }

    /// For the top of a page.
    pub fn view(&self) -> frame::Staff {
        frame::Staff {
            operator_name: self.operator_name.clone(),
            login: self.login.clone(),
            rights: self.rights,
        }
    }
}

impl FromRequestParts<App> for Staff {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        match Self::of(app, &parts.headers).await {
            Ok(Some(staff)) => Ok(staff),
            Ok(None) => Err(answer::see("/admin/login")),
            Err(error) => {
                let language = Language::from_request_parts(parts, app).await;
                let language = language.unwrap_or_else(|never| match never {});
                Err(answer::problem(language, &error.into()))
            }
        }
    }
}

/// Logs a user in; the answer is the `Set-Cookie` value.
pub(super) async fn open(app: &App, user_id: &str) -> Result<String, StoreError> {
    let token = random::base32::<TOKEN_SYMBOLS>();
    let now_ms = app.clock.now_ms();
    app.store.open_session(&hash(&token), user_id, now_ms, now_ms + SESSION_MS).await?;
    Ok(cookie(app, &token, SESSION_MS / MS_PER_SECOND))
}

/// Logs out whoever these headers name; the answer is the `Set-Cookie` value.
pub(super) async fn close(app: &App, headers: &HeaderMap) -> Result<String, StoreError> {
    if let Some(token) = token(headers) {
        app.store.close_session(&hash(token)).await?;
    }
    Ok(cookie(app, "", 0))
}

fn cookie(app: &App, token: &str, age_s: i64) -> String {
    let secure = if app.settings.public_url.starts_with("https://") { "; Secure" } else { "" };
    format!("{COOKIE}={token}; Path=/admin; HttpOnly; SameSite=Lax; Max-Age={age_s}{secure}")
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let is_token = |text: &&str| {
        text.len() == TOKEN_SYMBOLS && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    cookie_named(headers, COOKIE).filter(is_token)
}

fn hash(token: &str) -> String {
    sha256_hex(token.as_bytes())
}
