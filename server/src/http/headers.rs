//! What every answer says to browsers, and what no request may look like.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// Strict transport for two years, as browsers' lists demand.
const HSTS: &str = "max-age=63072000; includeSubDomains";

/// In an answer's extensions: its page also runs scripts of this origin, a payment platform's
/// bridge to the app around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScriptFrom(pub &'static str);

/// Headers that every answer carries unless it has its own.
#[derive(Clone, Debug)]
pub(super) struct SecurityHeaders(Arc<Headers>);

#[derive(Debug)]
struct Headers {
    payment_origins: String,
    others: Vec<(HeaderName, HeaderValue)>,
}

impl SecurityHeaders {
    /// For a service at `public_url` whose forms may lead to `payment_origins`.
    pub(super) fn new(public_url: &str, payment_origins: &[String]) -> Self {
        let mut headers = vec![
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
            (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
            (
                HeaderName::from_static("permissions-policy"),
                HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()"),
            ),
            (
                HeaderName::from_static("cross-origin-opener-policy"),
                HeaderValue::from_static("same-origin"),
            ),
        ];
        if public_url.starts_with("https://") {
            headers.push((header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS)));
        }
        let payment_origins = payment_origins.join(" ");
        let policy = policy("", &payment_origins);
        headers.push((header::CONTENT_SECURITY_POLICY, policy));
        Self(Arc::new(Headers { payment_origins, others: headers }))
    }
}

/// There are no inline scripts or styles, so no nonces: `'self'` is all that runs, and where a
/// page needs it one payment platform's bridge.
fn policy(script_origin: &str, payment_origins: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'{script_origin}; \
         style-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; \
         base-uri 'none'; frame-ancestors 'none'; form-action 'self' {payment_origins}"
    );
    HeaderValue::from_str(policy.trim_end())
        .unwrap_or(HeaderValue::from_static("default-src 'self'; form-action 'self'"))
}

/// Adds the security headers. Answers that say nothing of caching are not kept: they are about
/// one rider.
pub(super) async fn secure(
    State(SecurityHeaders(headers)): State<SecurityHeaders>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let bridge = response.extensions().get::<ScriptFrom>().copied();
    let present = response.headers_mut();
    if let Some(ScriptFrom(origin)) = bridge {
        let policy = policy(&format!(" {origin}"), &headers.payment_origins);
        present.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in &headers.others {
        present.entry(name).or_insert_with(|| value.clone());
    }
    present.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses requests that two servers in a row could read in two ways, and changes that another
/// site's page asks for.
pub(super) async fn sound(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let hosts = headers.get_all(header::HOST).iter().count();
    let has_one_host = hosts == 1 || (hosts == 0 && request.version() != Version::HTTP_11);
    let framed_twice = headers.contains_key(header::TRANSFER_ENCODING)
        && headers.contains_key(header::CONTENT_LENGTH);
    if !has_one_host || framed_twice {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "unsound", "not a sound request");
        let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
        return (close, problem).into_response();
    }
    let is_change = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let is_cross_site =
        headers.get("sec-fetch-site").is_some_and(|site| site.as_bytes() == b"cross-site");
    if is_change && is_cross_site {
        return Problem::new(
            StatusCode::FORBIDDEN,
            "cross_site",
            "another site's page may not ask for this",
        )
        .into_response();
    }
    next.run(request).await
}
