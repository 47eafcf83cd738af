//! Scan links that are photographed, replayed, altered, or whose socket is no longer there: a link
//! is an address and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};
use server::http::{App, Options, Parts, Rate, Rates, Settings, pages, router};
use server::orders::PayVia;
use server::store::Store;
use server::store::sites::NewSite;
use server::store::stations::new_codes;
use sqlx::AnyPool;
use tower::ServiceExt;
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use crate::story;
use crate::support::{BEGIN_MS, World, with_addresses, with_dbs};

/// The symbols of a code.
const SYMBOLS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A browser before the whole router.
struct Browser {
    router: Router,
}

impl Browser {
    fn new(world: &World) -> Self {
        let settings = Settings { public_url: "http://charge.example".to_owned(), demo: false };
        let app = App {
            orders: world.orders.clone(),
            store: world.store.clone(),
            clock: world.clock.clone(),
            settings: Arc::new(settings),
        };
        let without_limit = Rate { per_second: 0, burst: 0 };
        let rates = Rates { address: without_limit, ..Rates::default() };
        let parts = Parts { people: vec![pages::router()], ..Parts::default() };
        Self { router: router(app, Options { rates, ..Options::default() }, parts) }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> (u16, String) {
        let peer: SocketAddr = "198.51.100.7:4242".parse().expect("an address");
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "charge.example")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", server::random::base32::<16>())
            .extension(ConnectInfo(peer));
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = request.body(body).expect("a request");
        let answer = self.router.clone().oneshot(request).await.expect("an answer");
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    async fn get(&self, path: &str) -> (u16, String) {
        self.ask(Method::GET, path, "", None).await
    }

    async fn token(&self) -> String {
        let (_, made) = self.ask(Method::POST, "/api/v1/riders", "", None).await;
        let made: Value = serde_json::from_str(&made).expect("JSON");
        made["token"].as_str().expect("a token").to_owned()
    }

    async fn order(&self, token: &str, wanted: &Value) -> (u16, Value) {
        let (status, body) = self.ask(Method::POST, "/api/v1/orders", token, Some(wanted)).await;
        (status, serde_json::from_str(&body).unwrap_or_default())
    }
}

/// How many rows there are of all that a rider could make.
async fn rows(pool: &AnyPool) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in ["riders", "orders", "payments", "jobs", "ledger_transactions", "sockets"] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        counts.push(sqlx::query_scalar(sql).fetch_one(pool).await.expect("a count"));
    }
    counts
}

fn wanted(world: &World) -> Value {
    json!({
        "code": world.codes[0].as_str(),
        "plan_id": "full-500",
        "tariff_id": world.tariff.id,
        "prepaid_fen": 500,
    })
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

#[tokio::test]
async fn f39_a_link_is_only_an_address_and_looking_changes_nothing() {
    with_addresses(async |address| {
        let world = World::new(Store::open(address).await.expect("open"), story::tariff()).await;
        let browser = Browser::new(&world);
        let pool = AnyPool::connect(address).await.expect("a second look");
        let before = rows(&pool).await;
        let code = world.codes[0].as_str();
        let api = format!("/api/v1/sockets/{code}");
        let (status, honest) = browser.get(&api).await;
        assert_eq!(status, 200, "{honest}");
        let altered = [
            "operator_id=other&tenant=other",
            "price=1&prepaid_fen=1",
            "socket_id=2&connector=2",
            "tariff_id=cheap&state=paid",
        ];
        for query in altered {
            // Photographed and opened again and again, whatever is written behind it.
            for _ in 0..3 {
                assert_eq!(browser.get(&format!("{api}?{query}")).await, (200, honest.clone()));
                assert_eq!(browser.get(&format!("/s/{code}?{query}")).await.0, 200);
            }
            for deed in ["order", "order?plan=full-500:500", "pay"] {
                let (status, _) = browser.get(&format!("/s/{code}/{deed}")).await;
                assert!(matches!(status, 404 | 405), "{deed}: {status}");
            }
        }
        for at in 0..code.len() {
            for symbol in SYMBOLS.chars().filter(|symbol| !code[at..].starts_with(*symbol)) {
                let mut other = code.to_owned();
                other.replace_range(at..=at, &symbol.to_string());
                let (status, body) = browser.get(&format!("/api/v1/sockets/{other}")).await;
                assert!((400..500).contains(&status), "{other}: {status} {body}");
            }
        }
        let unknown = new_codes(1);
        // Who guesses so often is slowed down.
        let (status, _) = browser.get(&format!("/s/{}", unknown[0].as_str())).await;
        assert!(matches!(status, 404 | 429), "{status}");
        for odd in ["", "..%2f..%2fadmin", "%00", "'%20OR%201=1--", &"0".repeat(4_000)] {
            let (status, _) = browser.get(&format!("/s/{odd}")).await;
            assert!((300..500).contains(&status), "{odd}: {status}");
        }
        assert_eq!(rows(&pool).await, before, "looking makes no row");
    })
    .await;
}

#[tokio::test]
async fn f39_price_owner_and_state_come_from_the_server_when_an_order_is_made() {
    with_addresses(async |address| {
        let world = World::new(Store::open(address).await.expect("open"), story::tariff()).await;
        let browser = Browser::new(&world);
        let pool = AnyPool::connect(address).await.expect("a second look");
        let token = browser.token().await;
        let before = rows(&pool).await;
        let good = wanted(&world);
        for (name, value) in [
            ("prepaid_fen", json!(1)),
            ("prepaid_fen", json!(0)),
            ("prepaid_fen", json!(-500)),
            ("tariff_id", json!("cheap")),
            ("plan_id", json!("free")),
            ("code", json!(new_codes(1)[0].as_str())),
            ("operator_id", json!("other")),
            ("socket_id", json!("other")),
            ("state", json!({"is": "starting"})),
            ("rider_id", json!("other")),
        ] {
            let (status, answer) = browser.order(&token, &with(good.clone(), name, value)).await;
            assert!((400..500).contains(&status), "{name}: {status} {answer}");
        }
        assert_eq!(rows(&pool).await, before, "no order by an altered link");

        // The socket moves to a site with another price: the photographed price is refused.
        let mut dearer = world.tariff.clone();
        dearer.id = "dearer".into();
        let site = NewSite {
            operator_id: "op".into(),
            id: "elsewhere".into(),
            name: "二号院".to_owned(),
            address: "二号路 2 号".to_owned(),
            tariff: dearer,
        };
        let mut tx = world.store.begin().await.expect("begin");
        tx.add_site(&site, BEGIN_MS).await.expect("a site");
        tx.commit().await.expect("commit");
        let moved = "UPDATE stations SET site_id = 'elsewhere'";
        sqlx::query(moved).execute(&pool).await.expect("moved");
        let (status, answer) = browser.order(&token, &good).await;
        assert_eq!((status, &answer["code"]), (409, &json!("price_changed")), "{answer}");
        let (status, made) =
            browser.order(&token, &with(good.clone(), "tariff_id", json!("dearer"))).await;
        assert_eq!((status, &made["site_id"]), (201, &json!("elsewhere")), "{made}");

        // Its sticker is replaced: the old link leads nowhere, and to no other socket.
        let replaced = "UPDATE sockets SET code = $1 WHERE code = $2";
        let (new, old) = (new_codes(1), world.codes[0].as_str());
        let query = sqlx::query(replaced).bind(new[0].as_str()).bind(old);
        query.execute(&pool).await.expect("replaced");
        assert_eq!(browser.get(&format!("/s/{old}")).await.0, 404);
        let (status, answer) = browser.order(&token, &good).await;
        assert_eq!(status, 404, "{answer}");
        world.books_are_whole().await;
    })
    .await;
}

#[tokio::test]
async fn a_rider_is_not_told_the_id_that_a_platform_knows_the_payer_by() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let browser = Browser::new(&world);
        let token = browser.token().await;
        let (_, made) = browser.order(&token, &wanted(&world)).await;
        let id = made["id"].as_str().expect("an order").into();
        let order = world.stored(&id).await;
        let via = PayVia::hold(Channel::Alipay, None);
        let payment = world.open_payment(&order, via).await;
        let trade = server::orders::VerifiedTrade {
            held: true,
            buyer_open_id: Some("open-id-of-the-payer".to_owned()),
            ..world.trade(&payment, Fen(500))
        };
        world.orders.trade_changed(&trade).await.expect("held");
        let stored = world.stored(&id).await;
        assert!(stored.payments[0].buyer_open_id.is_some(), "kept for the bill");
        let path = format!("/api/v1/orders/{id}");
        for path in [path.as_str(), "/api/v1/orders"] {
            let (status, shown) = browser.ask(Method::GET, path, &token, None).await;
            assert!(status == 200 && shown.contains(payment.as_str()), "{shown}");
            assert!(!shown.contains("open-id-of-the-payer"), "{shown}");
        }
    })
    .await;
}
