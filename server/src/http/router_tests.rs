//! What every answer and every refusal looks like.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode, header};
use axum::routing::get;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::rates::{Rate, Rates};
use super::{App, Options, Parts, Settings, idempotent, router};
use crate::clock::Clock;
use crate::orders::{Orders, Platforms};
use crate::store::Store;

struct Service {
    router: Router,
    app: App,
    folder: TempDir,
}

async fn service_with(public_url: &str, change: impl FnOnce(&mut Options)) -> Service {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("t.db").display());
    let store = Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    let clock = Clock::manual(1_767_225_600_000);
    let orders = Orders::new(store.clone(), clock.clone(), Platforms::default());
    let settings = Arc::new(Settings { public_url: public_url.to_owned(), demo: false });
    let app = App { orders, store, clock, settings };
    let mut options = Options { site: folder.path().to_owned(), ..Options::default() };
    change(&mut options);
    let broken = Router::new()
        .route("/broken", get(|| async { [""; 0][std::hint::black_box(0)] }))
        .route("/page", get(|| async { "a page ".repeat(1_000) }));
    let router = router(app.clone(), options, Parts { people: vec![broken], ..Parts::default() });
    Service { router, app, folder }
}

async fn service() -> Service {
    service_with("https://charge.example", |_| {}).await
}

/// A request as the listener hands it over.
fn ask(method: &str, path: &str) -> axum::http::request::Builder {
    let peer: SocketAddr = "198.51.100.7:4242".parse().unwrap();
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "charge.example")
        .extension(ConnectInfo(peer))
}

fn empty(request: axum::http::request::Builder) -> Request<Body> {
    request.body(Body::empty()).unwrap()
}

fn with_json(request: axum::http::request::Builder, body: &str) -> Request<Body> {
    let request = request.header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(body.to_owned())).unwrap()
}

impl Service {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn problem(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.send(request).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let status = response.status();
        let value = body(response).await;
        assert_eq!(value["status"], status.as_u16());
        (status, value)
    }

    /// A rider's bearer token.
    async fn rider(&self) -> String {
        let made = body(self.send(empty(ask("POST", "/api/v1/riders"))).await).await;
        format!("Bearer {}", made["token"].as_str().unwrap())
    }
}

async fn body(response: Response<Body>) -> Value {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let origin = "https://openapi.alipay.example".to_owned();
    let service =
        service_with("https://charge.example", |options| options.payment_origins = vec![origin])
            .await;
    for path in ["/healthz", "/nowhere", "/broken", "/api/v1/orders"] {
        let response = service.send(empty(ask("GET", path))).await;
        let headers = response.headers();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval';"), "{path}: {policy}");
        assert!(policy.ends_with("form-action 'self' https://openapi.alipay.example"), "{policy}");
        assert!(!policy.contains("unsafe-inline"));
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert!(headers.contains_key(header::STRICT_TRANSPORT_SECURITY), "{path}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{path}");
        assert_eq!(headers["x-request-id"].len(), 16, "{path}");
    }
    let plain = service_with("http://127.0.0.1:8080", |_| {}).await;
    let response = plain.send(empty(ask("GET", "/healthz"))).await;
    assert!(!response.headers().contains_key(header::STRICT_TRANSPORT_SECURITY));
}

#[tokio::test]
async fn a_panic_is_a_problem_for_programs_and_a_page_for_people() {
    let service = service().await;
    let (status, problem) = service.problem(empty(ask("GET", "/broken"))).await;
    assert_eq!((status, &problem["code"]), (StatusCode::INTERNAL_SERVER_ERROR, &json!("internal")));
    let person = ask("GET", "/broken").header(header::ACCEPT, "text/html,*/*");
    let response = service.send(empty(person)).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let html = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    assert!(String::from_utf8_lossy(&html).contains("已付的钱都有记录"));
}

#[tokio::test]
async fn refusals_before_any_handler_are_pages_for_people() {
    let rates = Rates { address: Rate { per_second: 1, burst: 1 }, ..Rates::default() };
    let service = service_with("https://charge.example", |options| options.rates = rates).await;
    let person = |path| empty(ask("GET", path).header(header::ACCEPT, "text/html"));
    assert_eq!(service.send(person("/page")).await.status(), StatusCode::OK);
    let refused = service.send(person("/page")).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
    assert_eq!(refused.headers()[header::CACHE_CONTROL], "no-store");
    let html = to_bytes(refused.into_body(), 1 << 20).await.unwrap();
    assert!(String::from_utf8_lossy(&html).contains("操作太快了"));
    let icon = service.send(empty(ask("GET", "/favicon.ico"))).await;
    assert_eq!(icon.headers()[header::LOCATION], "/static/icon.svg");
}

#[tokio::test]
async fn what_is_wrong_with_a_request_has_a_code() {
    let service = service().await;
    let rider = service.rider().await;
    let order = || {
        ask("POST", "/api/v1/orders")
            .header(header::AUTHORIZATION, &rider)
            .header(idempotent::HEADER, "k1")
    };
    let cases = [
        (empty(ask("GET", "/api/v1/nowhere")), 404, "no_such_route"),
        (empty(ask("DELETE", "/api/v1/orders")), 405, "wrong_method"),
        (empty(ask("GET", "/api/v1/orders")), 401, "rider_required"),
        (empty(ask("GET", "/api/v1/sockets/0000-0000-0001")), 404, "mistyped_code"),
        (with_json(order(), "{"), 400, "bad_json"),
        (with_json(order(), r#"{"price": 1}"#), 422, "bad_fields"),
        (order().body(Body::from("{}")).unwrap(), 415, "json_required"),
        (with_json(order(), &"[".repeat(70_000)), 413, "too_large"),
        (
            with_json(ask("POST", "/api/v1/orders").header(header::AUTHORIZATION, &rider), "{}"),
            400,
            "idempotency_key_required",
        ),
    ];
    for (request, status, code) in cases {
        let (actual, problem) = service.problem(request).await;
        assert_eq!((actual.as_u16(), &problem["code"]), (status, &json!(code)), "{problem}");
    }
}

#[tokio::test]
async fn extra_fields_in_an_order_are_refused() {
    let service = service().await;
    let rider = service.rider().await;
    let request = ask("POST", "/api/v1/orders")
        .header(header::AUTHORIZATION, &rider)
        .header(idempotent::HEADER, "k1");
    let order = json!({
        "code": "0000-0000-0000", "plan_id": "p", "tariff_id": "t", "prepaid_fen": 1,
        "operator_id": "other", "state": "charging",
    });
    let (status, problem) = service.problem(with_json(request, &order.to_string())).await;
    assert_eq!((status.as_u16(), &problem["code"]), (422, &json!("bad_fields")));
}

#[tokio::test]
async fn requests_that_two_servers_read_in_two_ways_are_refused() {
    let service = service().await;
    let twice = ask("GET", "/healthz").header(header::HOST, "other.example");
    let framed_twice = ask("POST", "/api/v1/riders")
        .header(header::TRANSFER_ENCODING, "chunked")
        .header(header::CONTENT_LENGTH, "5");
    for request in [twice, framed_twice] {
        let response = service.send(empty(request)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[header::CONNECTION], "close");
    }
    let foreign = ask("POST", "/api/v1/riders").header("sec-fetch-site", "cross-site");
    let (status, problem) = service.problem(empty(foreign)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (403, &json!("cross_site")));
}

#[tokio::test]
async fn a_rider_is_known_by_cookie_and_by_token() {
    let service = service().await;
    let response = service.send(empty(ask("POST", "/api/v1/riders"))).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    for part in ["sc_rider=", "HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let made = body(response).await;
    let token = made["token"].as_str().unwrap();
    assert!(cookie.starts_with(&format!("sc_rider={token};")));
    let mut headers = axum::http::HeaderMap::new();
    assert_eq!(super::rider::Rider::of(&service.app, &headers).await.unwrap(), None);
    headers.insert(header::COOKIE, format!("a=b; sc_rider={token}").parse().unwrap());
    let known = super::rider::Rider::of(&service.app, &headers).await.unwrap().unwrap();
    assert_eq!(known.id.as_str(), made["rider_id"]);
    let wrong = "0".repeat(token.len());
    headers.insert(header::COOKIE, format!("sc_rider={wrong}").parse().unwrap());
    assert_eq!(super::rider::Rider::of(&service.app, &headers).await.unwrap(), None);
}

#[tokio::test]
async fn too_many_changes_of_one_rider_are_told_to_wait() {
    let few = Rate { per_second: 1, burst: 3 };
    let rates = Rates { changes: few, ..Rates::default() };
    let service = service_with("http://x", |options| options.rates = rates).await;
    let rider = service.rider().await;
    let other = service.rider().await;
    let send = |who: String| {
        let request = ask("POST", "/api/v1/orders").header(header::AUTHORIZATION, who);
        service.send(with_json(request, "{}"))
    };
    for _ in 0..3 {
        assert_eq!(send(rider.clone()).await.status(), StatusCode::BAD_REQUEST);
    }
    let limited = send(rider.clone()).await;
    assert_eq!(limited.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(limited.headers().contains_key(header::RETRY_AFTER));
    assert_eq!(send(other).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn new_riders_are_counted_by_address_whatever_token_they_bring() {
    let few = Rate { per_second: 1, burst: 2 };
    let rates = Rates { new_riders: few, ..Rates::default() };
    let service = service_with("http://x", |options| options.rates = rates).await;
    let mut codes = Vec::new();
    for nth in 0..3 {
        let token = format!("Bearer {nth:040}");
        let request = ask("POST", "/api/v1/riders").header(header::AUTHORIZATION, token);
        codes.push(service.send(empty(request)).await.status().as_u16());
    }
    assert_eq!(codes, [201, 201, 429]);
}

#[tokio::test]
async fn guesses_are_counted_by_address() {
    let few = Rate { per_second: 1, burst: 2 };
    let rates = Rates { misses: few, ..Rates::default() };
    let service = service_with("http://x", |options| options.rates = rates).await;
    let mut codes = Vec::new();
    for _ in 0..3 {
        let guess = empty(ask("GET", "/api/v1/sockets/0000-0000-0001"));
        codes.push(service.send(guess).await.status().as_u16());
    }
    assert_eq!(codes, [404, 404, 429]);
    // Another address is not concerned.
    let mut other = empty(ask("GET", "/api/v1/sockets/0000-0000-0001"));
    let peer: SocketAddr = "198.51.100.8:1".parse().unwrap();
    other.extensions_mut().insert(ConnectInfo(peer));
    assert_eq!(service.send(other).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn metrics_are_for_the_own_network_only() {
    let service = service().await;
    super::metrics::recorder();
    service.send(empty(ask("GET", "/healthz"))).await;
    let from = |peer: &str| {
        let mut request = empty(ask("GET", "/metrics"));
        request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        request
    };
    assert_eq!(service.send(from("198.51.100.7:1")).await.status(), StatusCode::NOT_FOUND);
    let mut proxied = from("127.0.0.1:1");
    proxied.headers_mut().insert("x-forwarded-for", "8.8.8.8".parse().unwrap());
    assert_eq!(service.send(proxied).await.status(), StatusCode::NOT_FOUND);
    let shown = service.send(from("127.0.0.1:1")).await;
    assert_eq!(shown.status(), StatusCode::OK);
    let text = to_bytes(shown.into_body(), 1 << 20).await.unwrap();
    assert!(String::from_utf8_lossy(&text).contains("http_requests_total{route=\"/healthz\""));
}

#[tokio::test]
async fn pages_are_compressed_and_files_come_precompressed() {
    let service = service().await;
    let page = ask("GET", "/page").header(header::ACCEPT_ENCODING, "br");
    let page = service.send(empty(page)).await;
    assert_eq!(page.headers()[header::CONTENT_ENCODING], "br");
    let pkg = service.folder.path().join("pkg");
    std::fs::create_dir(&pkg).unwrap();
    std::fs::write(pkg.join("app.js"), "long").unwrap();
    std::fs::write(pkg.join("app.js.br"), "short").unwrap();
    let file = ask("GET", "/pkg/app.js?v=1").header(header::ACCEPT_ENCODING, "gzip, br");
    let file = service.send(empty(file)).await;
    assert_eq!(file.headers()[header::CONTENT_ENCODING], "br");
    assert_eq!(file.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    assert_eq!(file.headers()[header::VARY], "accept-encoding");
    assert_eq!(&to_bytes(file.into_body(), 99).await.unwrap()[..], b"short");
    let plain = service.send(empty(ask("GET", "/pkg/app.js"))).await;
    assert_eq!(plain.headers()[header::CACHE_CONTROL], "no-cache");
    for bad in ["/pkg/none.js?v=1", "/static/../t.db", "/pkg/%2e%2e/t.db"] {
        let response = service.send(empty(ask("GET", bad))).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{bad}");
    }
}

#[tokio::test]
async fn readiness_follows_the_database() {
    let service = service().await;
    let ready = || empty(ask("GET", "/readyz"));
    assert_eq!(service.send(ready()).await.status(), StatusCode::OK);
    service.app.store.pool.close().await;
    let (status, problem) = service.problem(ready()).await;
    assert_eq!((status.as_u16(), &problem["code"]), (503, &json!("unavailable")));
    assert_eq!(service.send(empty(ask("GET", "/healthz"))).await.status(), StatusCode::OK);
}
