//! Files as `cargo xtask` leaves them: `/static` (styles, icons) and `/pkg` (WASM, JS), with `.br`
//! and `.gz` beside each.

use std::fs;
use std::path::Path;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use tower_http::services::ServeDir;

use super::problem::Problem;
use super::sha256_hex;

/// An address with `?v=` names one content for ever.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Any other is asked for again each time, which costs a 304.
const ASK_AGAIN: &str = "no-cache";

/// Length of a version: enough that no two are alike, short enough for each address.
const VERSION_CHARS: usize = 12;

/// Names the present content of all files below `site`; none if there are none.
pub(super) fn version(site: &Path) -> Option<String> {
    let mut content = Vec::new();
    for folder in ["static", "pkg"] {
        let entries = fs::read_dir(site.join(folder)).ok()?;
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        for file in files {
            content.extend(fs::read(file).unwrap_or_default());
        }
    }
    let mut version = sha256_hex(&content);
    version.truncate(VERSION_CHARS);
    Some(version)
}

/// The routes of the files below `site`.
pub(super) fn router<S: Clone + Send + Sync + 'static>(site: &Path) -> Router<S> {
    let files = |folder: &str| {
        ServeDir::new(site.join(folder))
            .append_index_html_on_directories(false)
            .precompressed_br()
            .precompressed_gzip()
    };
    Router::new()
        .nest_service("/static", files("static"))
        .nest_service("/pkg", files("pkg"))
        .route("/favicon.ico", get(|| async { Redirect::permanent("/static/icon.svg") }))
        .layer(middleware::from_fn(cache))
}

async fn cache(request: Request, next: Next) -> Response {
    let is_versioned = request
        .uri()
        .query()
        .is_some_and(|query| query.split('&').any(|pair| pair.starts_with("v=")));
    let mut response = next.run(request).await;
    if response.status() == StatusCode::NOT_FOUND {
        return Problem::no_such_route().into_response();
    }
    let is_good = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let caching = if is_versioned && is_good { FOR_EVER } else { ASK_AGAIN };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}
