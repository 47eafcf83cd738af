//! Answers when nothing else answers: unknown addresses, refusals before any handler, and a handler
//! that panicked. Programs get a problem, people a page that says the same.

use std::any::Any;

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::pages::{self, Language};
use super::problem::Problem;

/// The answer of an address where nothing is.
pub(super) async fn nothing_here() -> Response {
    Problem::no_such_route().into_response()
}

/// The answer of a handler that panicked. What it said goes to the log only.
#[expect(clippy::needless_pass_by_value, reason = "the signature of CatchPanicLayer")]
pub(super) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("nothing");
    tracing::error!(said, "a handler panicked");
    metrics::counter!("http_panics_total").increment(1);
    Problem::internal().into_response()
}

/// Middleware: turns a problem into a page for whoever reads HTML and did not ask the API.
pub(super) async fn page(request: Request, next: Next) -> Response {
    let is_person = reads_html(request.headers()) && !request.uri().path().starts_with("/api/");
    let (parts, body) = request.into_parts();
    let language = Language::of(&parts);
    let response = next.run(Request::from_parts(parts, body)).await;
    if !is_person || !is_problem(response.headers()) {
        return response;
    }
    let mut page = pages::last_resort(language, response.status());
    for name in [header::CACHE_CONTROL, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    page
}

fn reads_html(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

fn is_problem(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes() == b"application/problem+json")
}
