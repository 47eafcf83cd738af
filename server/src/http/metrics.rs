//! Counters of requests, and `/metrics` in Prometheus' text form.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Instant;

use axum::Extension;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::problem::Problem;
use crate::client_ip::ClientIp;

/// Upper bounds of the time buckets, in seconds.
const SECONDS: &[f64] = &[0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0];

/// The process's recorder; installed once, because `metrics` is global.
///
/// # Panics
/// When something else has installed another recorder.
pub fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        PrometheusBuilder::new()
            .set_buckets(SECONDS)
            .expect("there are buckets")
            .install_recorder()
            .expect("nothing else installs a recorder")
    })
}

/// `GET /metrics`: for the machine's own network only, and not through a proxy.
pub(super) async fn show(
    client: Option<Extension<ClientIp>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let near = client.is_none_or(|Extension(ClientIp(address))| is_near(address));
    if !near || headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded") {
        return Err(Problem::no_such_route());
    }
    let text = recorder().render();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

/// Counts and times requests by route, method and status; never by address, which has no bound.
pub(super) async fn count(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = method_name(request.method());
    let began = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!(
        "http_requests_total", "route" => route.clone(), "method" => method, "status" => status
    )
    .increment(1);
    metrics::histogram!("http_request_seconds", "route" => route, "method" => method)
        .record(began.elapsed());
    response
}

/// Methods are named by whoever asks, so unknown ones share a name.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
