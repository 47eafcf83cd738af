//! The operator's pages, `/admin`. Whoever is not logged in is led to the login; whoever is sees
//! and changes what is its own operator's only.

mod answer;
mod books;
mod cases;
mod ledger;
mod login;
mod orders;
mod overview;
mod passwords;
mod rights;
mod sites;
mod splits;
mod staff;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use app::pages::admin::trouble::Trouble;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};

use super::App;
use super::pages::form;
use super::pages::language::Language;
use books::Checks;
use passwords::Passwords;

/// The routes. Each form of theirs must come from a page of ours.
pub fn router() -> Router<App> {
    Router::new()
        .route("/admin", get(overview::show))
        .route("/admin/books", get(books::show))
        .route("/admin/books/days", get(ledger::days))
        .route("/admin/books/days/{day}", get(ledger::day_book))
        .route("/admin/books/statement", get(ledger::statement))
        .route("/admin/books/statement.csv", get(ledger::statement_csv))
        .route("/admin/books/cases", get(cases::list))
        .route("/admin/books/cases/{id}", get(cases::show))
        .route("/admin/books/cases/{id}/accept", post(cases::accept))
        .route("/admin/books/cases/{id}/dismiss", post(cases::dismiss))
        .route("/admin/splits", get(splits::show))
        .route("/admin/splits/sites/{id}", get(splits::edit).post(splits::save))
        .route("/admin/splits/orders/{order}/shares/{party}/retry", post(splits::retry_share))
        .route("/admin/splits/orders/{order}/returns/{id}/retry", post(splits::retry_return))
        .route("/admin/sites/{id}/codes", get(sites::codes))
        .route("/admin/orders", get(orders::find))
        .route("/admin/orders/{id}", get(orders::show))
        .route("/admin/orders/{id}/refund", post(orders::refund))
        .route("/admin/orders/{id}/stop", post(overview::stop))
        .route("/admin/jobs/{id}/retry", post(overview::retry))
        .route("/admin/login", get(login::show).post(login::log_in))
        .route("/admin/logout", post(login::log_out))
        .layer(middleware::from_fn(own_forms))
        .layer(Extension(Arc::new(Passwords::default())))
        .layer(Extension(Arc::new(Checks::default())))
}

async fn own_forms(language: Language, request: Request, next: Next) -> Response {
    if *request.method() == Method::POST && !form::is_own(request.headers()) {
        return answer::trouble(language, Trouble::BadForm);
    }
    next.run(request).await
}
