//! `/`: the demo's sockets, or a field for a code.

use app::pages::home;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::language::Language;
use crate::demo;
use crate::http::App;

/// The first page.
pub(super) async fn show(State(app): State<App>, language: Language) -> Response {
    if !app.settings.demo {
        return answer::html(language, StatusCode::OK, home::html(language.lang));
    }
    match demo::home::page(&app.store, &app.settings.public_url).await {
        Ok(page) => answer::html(language, StatusCode::OK, home::demo_html(language.lang, page)),
        Err(error) => answer::problem(language, &error.into(), "/"),
    }
}
