//! All routes, and what every request passes through on its way to them.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use tokio_util::sync::CancellationToken;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;

use super::api::{self, Streams};
use super::client::{Network, client_ip};
use super::headers::{self, SecurityHeaders};
use super::problem::Problem;
use super::rates::{self, Limiter, Rates};
use super::{App, assets, last_resort, metrics};
use crate::client_ip::ClientIp;
use crate::random;

/// Largest request body, in bytes; forms, JSON and notifies are all far smaller.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The header that names a request in answers and logs.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How the router shall be, besides what handlers know.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder with `static/` and `pkg/`.
    pub site: PathBuf,
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<Network>,
    /// Origins of payment platforms that forms may lead to.
    pub payment_origins: Vec<String>,
    /// How often one may ask.
    pub rates: Rates,
    /// When event streams shall end.
    pub stop: CancellationToken,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            site: PathBuf::from("target/site"),
            trusted_proxies: Vec::new(),
            payment_origins: Vec::new(),
            rates: Rates::default(),
            stop: CancellationToken::new(),
        }
    }
}

/// What other parts of the server answer.
#[derive(Default)]
pub struct Parts {
    /// For riders in browsers: pages, the demo's cashier. Counted by [`Rates`].
    pub people: Vec<Router<App>>,
    /// For machines that prove who they are: device links, payment notifies, the demo's gateway.
    pub machines: Vec<Router<App>>,
}

/// The whole service.
pub fn router(app: App, options: Options, parts: Parts) -> Router {
    let limiter = Limiter::new(options.rates);
    let people = merged(parts.people)
        .merge(api::router())
        .layer(middleware::from_fn_with_state(limiter, rates::limit))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest));
    let operations = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics::show));
    if let Some(version) = assets::version(&options.site) {
        ::app::render::name_version(version);
    }
    let secure = SecurityHeaders::new(&app.settings.public_url, &options.payment_origins);
    let trusted = Arc::new(options.trusted_proxies);
    merged(parts.machines)
        .merge(people)
        .merge(operations)
        .merge(assets::router(&options.site))
        .fallback(last_resort::nothing_here)
        // From the inside out: the last layer sees the request first.
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(Extension(Streams::new(options.stop)))
        .layer(middleware::from_fn(headers::sound))
        .layer(CatchPanicLayer::custom(last_resort::panicked))
        .layer(middleware::from_fn(last_resort::page))
        .layer(middleware::from_fn_with_state(secure, headers::secure))
        .layer(middleware::from_fn(metrics::count))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_failure(()))
        .layer(middleware::from_fn_with_state(trusted, identify))
        .with_state(app)
}

fn merged(routers: Vec<Router<App>>) -> Router<App> {
    routers.into_iter().fold(Router::new(), Router::merge)
}

/// Ready is: the database answers.
async fn ready(State(app): State<App>) -> Response {
    match app.store.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Gives the request a name of our own making and finds out where it comes from.
async fn identify(
    State(trusted): State<Arc<Vec<Network>>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(address) = client_ip(request.extensions(), request.headers(), &trusted) {
        request.extensions_mut().insert(ClientIp(address));
    }
    let id = random::base32::<16>();
    let id = HeaderValue::from_str(&id).expect("base32 is plain ASCII");
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let mut response = next.run(request).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// What a log line says of a request: no headers, no query, no body, for those hold secrets.
fn span(request: &axum::http::Request<axum::body::Body>) -> Span {
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or("");
    let client = request.extensions().get::<ClientIp>().map(|ClientIp(address)| address);
    tracing::info_span!(
        "http",
        id,
        method = %request.method(),
        path = request.uri().path(),
        client = client.map(tracing::field::display),
    )
}
