//! `/admin/login` and `/admin/logout`.

use std::sync::Arc;

use app::pages::admin::login as page;
use app::pages::admin::trouble::Trouble;
use axum::Extension;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::answer;
use super::passwords::{Passwords, Refused};
use super::staff::{self, Staff};
use crate::http::pages::language::Language;
use crate::http::{App, ClientIp};

/// Longest login that is shown back, in characters.
const SHOWN_MAX: usize = 64;

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct LoginForm {
    login: String,
    password: String,
}

/// The form; whoever is logged in goes on.
pub(super) async fn show(
    State(app): State<App>,
    language: Language,
    headers: HeaderMap,
) -> Response {
    match Staff::of(&app, &headers).await {
        Ok(Some(_)) => answer::see("/admin"),
        Ok(None) => answer::page(language, page::html(language.lang, None, String::new())),
        Err(error) => answer::problem(language, &error.into()),
    }
}

/// Lets somebody in, or says no in the same words whatever is wrong.
pub(super) async fn log_in(
    State(app): State<App>,
    Extension(passwords): Extension<Arc<Passwords>>,
    address: Option<Extension<ClientIp>>,
    language: Language,
    form: Result<Form<LoginForm>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else { return answer::trouble(language, Trouble::BadForm) };
    let address = address.map(|Extension(ClientIp(address))| address);
    let login = form.login.trim();
    let (status, refused) = match passwords.check(&app, address, login, form.password).await {
        Ok(user) => {
            tracing::info!(user = user.id, operator = %user.operator_id, "logged in");
            return match staff::open(&app, &user.id).await {
                Ok(cookie) => answer::with_cookie(answer::see("/admin"), Some(cookie)),
                Err(error) => answer::problem(language, &error.into()),
            };
        }
        // What was typed stays out of the log: people type passwords into the wrong field.
        Err(Refused::Wrong) => (StatusCode::UNAUTHORIZED, page::Refused::Wrong),
        Err(Refused::TooMany) => (StatusCode::TOO_MANY_REQUESTS, page::Refused::TooMany),
        Err(Refused::Store(error)) => return answer::problem(language, &error.into()),
    };
    tracing::warn!(?refused, "not logged in");
    metrics::counter!("saochong_logins_refused_total").increment(1);
    let typed = login.chars().take(SHOWN_MAX).collect();
    answer::page_with(language, status, page::html(language.lang, Some(refused), typed))
}

/// Ends the session.
pub(super) async fn log_out(
    State(app): State<App>,
    language: Language,
    headers: HeaderMap,
) -> Response {
    match staff::close(&app, &headers).await {
        Ok(cookie) => answer::with_cookie(answer::see("/admin/login"), Some(cookie)),
        Err(error) => answer::problem(language, &error.into()),
    }
}
