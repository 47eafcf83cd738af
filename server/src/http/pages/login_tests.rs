//! Riders in Alipay's app, over the real router and against the simulated platform: log in without
//! a word, pay in the app's cashier, or on the browser's way when that cannot be.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use reqwest::{Client, RequestBuilder, Response, StatusCode, header, redirect};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use wasm_core::ids::{OrderId, RiderId};
use wasm_core::link::ScanCode;
use wasm_core::order::{Channel, Order};
use wasm_core::tariff::Tariff;
use wasm_core::units::MS_PER_MINUTE;

use crate::clock::Clock;
use crate::demo::alipay::Platform;
use crate::http::{App, Options, Parts, Settings, router};
use crate::orders::{self, Orders};
use crate::payments::alipay::{Alipay, AlipayConfig, Notifies, SigningKey, notify, testing};
use crate::store::Store;
use crate::store::sites::{NewSite, Operator};
use crate::store::stations::{NewStation, Presence, new_codes};

const NOW_MS: i64 = 1_795_305_600_000;
const IN_ALIPAY: &str = "Mozilla/5.0 (Linux; Android 14) AliApp(AP/10.8.36) AlipayClient/10.8.36";
const IN_MINI_PROGRAM: &str =
    "Mozilla/5.0 (Linux; Android 14) AliApp(AP/10.8.36) AlipayClient/10.8.36 MiniProgram";
const IN_BROWSER: &str = "Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile";

/// The service with the simulated platform in it, and one station with three sockets.
struct Service {
    app: App,
    url: String,
    codes: Vec<ScanCode>,
    tariff: Tariff,
    client: Client,
    server: JoinHandle<()>,
    _folder: TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Service {
    /// `change` makes the adapter's configuration another one.
    async fn new(change: impl FnOnce(&mut AlipayConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.db");
        let store = Store::open(&format!("sqlite://{}", file.display())).await.unwrap();
        store.migrate().await.unwrap();
        let tariff: Tariff =
            serde_json::from_str(include_str!("../../demo/tariffs/village.json")).unwrap();
        let codes = seed(&store, &tariff).await;
        let clock = Clock::manual(NOW_MS);
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let (platform, mut config) =
            Platform::open(store.clone(), clock.clone(), &url, &url).await.unwrap();
        change(&mut config);
        let alipay = Arc::new(Alipay::new(config, clock.clone()).unwrap());
        let adapter = orders::Platform {
            logins: Some(alipay.clone()),
            ..orders::Platform::of(alipay.clone())
        };
        let platforms = orders::Platforms::default().with(Channel::Alipay, adapter);
        let app = App {
            orders: Orders::new(store.clone(), clock.clone(), platforms),
            settings: Arc::new(Settings { public_url: url.clone(), demo: false }),
            store,
            clock,
        };
        let server = tokio::spawn(serve(socket, whole(&app, &alipay, &platform)));
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none());
        let client = client.build().unwrap();
        Self { app, url, codes, tariff, client, server, _folder: folder }
    }

    fn phone(&self, agent: &'static str) -> Phone<'_> {
        Phone { service: self, agent, cookies: BTreeMap::new() }
    }

    async fn orders_of(&self, rider: &RiderId) -> Vec<Order> {
        self.app.orders.list(rider).await.unwrap()
    }
}

fn whole(app: &App, alipay: &Arc<Alipay>, platform: &Platform) -> Router {
    let notifies = Notifies {
        config: alipay.config().clone(),
        listener: Arc::new(app.orders.clone()),
        store: app.store.clone(),
        clock: app.clock.clone(),
    };
    let machines = vec![notify::router(notifies).with_state(()), platform.router().with_state(())];
    let parts = Parts { people: vec![super::router()], machines };
    router(app.clone(), Options::default(), parts)
}

async fn serve(socket: TcpListener, router: Router) {
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(socket, router).await.unwrap();
}

async fn seed(store: &Store, tariff: &Tariff) -> Vec<ScanCode> {
    // Making keys is slow.
    let key = |key: SigningKey| key.to_pkcs8_base64().unwrap();
    let keys = serde_json::json!({
        "merchant": key(SigningKey::parse(testing::OPENSSL_PKCS8_PEM).unwrap()),
        "platform": key(testing::key()),
        "stranger": key(testing::strange_key()),
    });
    store.put_demo_document("alipay/keys", &keys.to_string(), 0).await.unwrap();
    let operator =
        Operator { id: "op".into(), name: "运营".to_owned(), service_phone: "400".to_owned() };
    let site = NewSite {
        operator_id: "op".into(),
        id: "site".into(),
        name: "一号院".to_owned(),
        address: "一号路 1 号".to_owned(),
        tariff: tariff.clone(),
    };
    let mut tx = store.begin().await.unwrap();
    tx.add_operator(&operator, NOW_MS).await.unwrap();
    tx.add_site(&site, NOW_MS).await.unwrap();
    tx.commit().await.unwrap();
    let codes = new_codes(3);
    let station = NewStation {
        operator_id: "op".into(),
        site_id: "site".into(),
        identity: "BOX1".to_owned(),
        name: "1号箱".to_owned(),
        password: "0123456789abcdef".to_owned(),
        socket_max_w: 2_000,
        codes: codes.clone(),
    };
    let station = store.add_station(&station, NOW_MS).await.unwrap();
    let presence = Presence {
        operator_id: "op".into(),
        station_id: station.station_id,
        online: true,
        seen_ms: NOW_MS,
        boot: None,
        sockets: vec![],
    };
    store.write_presence(&[presence]).await.unwrap();
    codes
}

/// A browser: an agent and its cookies.
struct Phone<'a> {
    service: &'a Service,
    agent: &'static str,
    cookies: BTreeMap<String, String>,
}

impl Phone<'_> {
    async fn get(&mut self, address: &str) -> Response {
        let request = self.service.client.get(self.absolute(address));
        self.send(request).await
    }

    async fn post(&mut self, address: &str, form: &[(&str, String)]) -> Response {
        let request = self.service.client.post(self.absolute(address)).form(form);
        self.send(request).await
    }

    fn absolute(&self, address: &str) -> String {
        let base = if address.starts_with('/') { self.service.url.as_str() } else { "" };
        format!("{base}{address}")
    }

    async fn send(&mut self, request: RequestBuilder) -> Response {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request
            .header(header::USER_AGENT, self.agent)
            .header(header::COOKIE, cookies.join("; "));
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        response
    }

    /// Presses Pay on a socket's page; where that leads.
    async fn order(&mut self, socket: usize) -> String {
        location(&self.post_order(socket).await)
    }

    async fn post_order(&mut self, socket: usize) -> Response {
        // Orders of one rider are told apart by their time.
        self.service.app.clock.advance_ms(1_000);
        let path = format!("/s/{}", self.service.codes[socket].as_str());
        let page = self.get(&path).await;
        assert_eq!(page.status(), StatusCode::OK, "the first screen asks nobody who they are");
        let plan = &self.service.tariff.plans[0];
        let form = [
            ("plan", format!("{}:{}", plan.id, plan.prepaid_fen().0)),
            ("tariff_id", self.service.tariff.id.to_string()),
            ("idempotency_key", format!("key{socket}")),
        ];
        self.post(&format!("{path}/order"), &form).await
    }

    /// Goes through the login as `buyer`; the address with which the platform sends back.
    async fn login(&mut self, authorize: &str, buyer: &str) -> String {
        assert!(authorize.contains("scope=auth_base"), "{authorize}");
        location(&self.get(&format!("{authorize}&buyer={buyer}")).await)
    }

    async fn rider(&self) -> (RiderId, Option<String>) {
        let mut headers = axum::http::HeaderMap::new();
        let cookie = format!("sc_rider={}", self.cookies["sc_rider"]);
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        let rider = crate::http::rider::Rider::of(&self.service.app, &headers).await;
        let rider = rider.unwrap().unwrap();
        (rider.id, rider.open_ids.at(Channel::Alipay).map(str::to_owned))
    }

    async fn newest_order(&self) -> OrderId {
        self.service.orders_of(&self.rider().await.0).await[0].id.clone()
    }

    /// Presses the button of the app's cashier, and waits until the server knows.
    async fn pay_in_app(&mut self, page: Response) -> Order {
        let html = page.text().await.unwrap();
        let trade_no = html.split("data-trade-no=\"").nth(1).expect("the app's cashier");
        let trade_no = trade_no.split('"').next().unwrap();
        let cashier =
            location(&self.get(&format!("/demo/alipay/tradepay?tradeNO={trade_no}")).await);
        self.pay_at(&cashier).await
    }

    async fn pay_at(&mut self, cashier: &str) -> Order {
        let id = self.newest_order().await;
        let mut changes = self.service.app.orders.watch(&id);
        self.post(cashier, &[("action", "pay".to_owned())]).await;
        changes.changed().await.unwrap();
        self.service.app.store.order(&id).await.unwrap().unwrap()
    }
}

fn location(response: &Response) -> String {
    assert!(response.status().is_redirection(), "{}", response.status());
    response.headers()[header::LOCATION].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_pay_in_the_app_logs_in_and_opens_the_apps_cashier() {
    let service = Service::new(|_| {}).await;
    let mut phone = service.phone(IN_ALIPAY);
    let authorize = phone.order(0).await;
    assert!(authorize.starts_with(&format!("{}/demo/alipay/authorize?", service.url)));
    let back = phone.login(&authorize, "open-1").await;
    let cashier = phone.get(&back).await;
    let order = phone.pay_in_app(cashier).await;
    assert_eq!(order.state.name(), "starting");
    let (rider, open_id) = phone.rider().await;
    assert_eq!((order.rider_id, open_id.as_deref()), (rider, Some("open-1")));

    // The page once more: its code is used up, the rider is known.
    let again = phone.get(&back).await;
    assert_eq!(again.status(), StatusCode::CONFLICT, "the order is paid");
    // From now on Pay leads straight to the cashier.
    service.app.clock.advance_ms(1_000);
    let path = format!("/s/{}", service.codes[1].as_str());
    let plan = &service.tariff.plans[0];
    let form = [
        ("plan", format!("{}:{}", plan.id, plan.prepaid_fen().0)),
        ("tariff_id", service.tariff.id.to_string()),
        ("idempotency_key", "next".to_owned()),
    ];
    let next = phone.post(&format!("{path}/order"), &form).await;
    assert_eq!(next.status(), StatusCode::OK);
    assert!(next.text().await.unwrap().contains("data-trade-no"));
    // A rider whom the app's cashier does not suit asks for the other way.
    let order = phone.newest_order().await;
    let way = location(&phone.post(&format!("/orders/{order}/pay?way=browser"), &[]).await);
    assert!(way.contains("alipay.trade.wap.pay"), "{way}");
}

#[tokio::test]
async fn a_browser_is_never_sent_to_log_in() {
    let service = Service::new(|_| {}).await;
    let way = service.phone(IN_BROWSER).order(0).await;
    assert!(way.contains("alipay.trade.wap.pay"), "{way}");
}

#[tokio::test]
async fn a_look_at_the_price_stores_nobody_and_a_form_sent_twice_makes_one_order() {
    let service = Service::new(|_| {}).await;
    let mut phone = service.phone(IN_BROWSER);
    phone.get(&format!("/s/{}", service.codes[0].as_str())).await;
    let mut headers = axum::http::HeaderMap::new();
    let cookie = format!("sc_rider={}", phone.cookies["sc_rider"]);
    headers.insert(header::COOKIE, cookie.parse().unwrap());
    let rider = crate::http::rider::Rider::of(&service.app, &headers).await.unwrap();
    assert_eq!(rider, None, "nothing is stored yet");
    let mut again = Phone { cookies: phone.cookies.clone(), ..service.phone(IN_BROWSER) };
    let (first, second) = tokio::join!(phone.order(0), again.order(0));
    assert!(first.contains("alipay.trade.wap.pay") && second.contains("alipay.trade.wap.pay"));
    assert_eq!(service.orders_of(&phone.rider().await.0).await.len(), 1);
}

#[tokio::test]
async fn a_shells_ticket_lets_its_rider_in_once_and_only_in_its_mini_program() {
    let service = Service::new(|_| {}).await;
    let ticket = async |buyer: &str| {
        let mut shell = service.phone(IN_ALIPAY);
        let authorize = shell.order(0).await;
        let back = shell.login(&authorize, buyer).await;
        let (_, code) = back.split_once("auth_code=").unwrap();
        let asked = serde_json::json!({"channel": "alipay", "code": code.split('&').next()});
        let asked = service.client.post(format!("{}/api/v1/tickets", service.url)).json(&asked);
        let made = asked.send().await.unwrap();
        assert_eq!(made.status(), StatusCode::CREATED);
        let made: serde_json::Value = made.json().await.unwrap();
        format!("/enter?ticket={}&to=/me", made["ticket"].as_str().unwrap())
    };
    let entry = ticket("open-1").await;
    let mut view = service.phone(IN_MINI_PROGRAM);
    assert_eq!(location(&view.get(&entry).await), "/me");
    assert_eq!(view.rider().await.1.as_deref(), Some("open-1"));
    let mut again = service.phone(IN_MINI_PROGRAM);
    assert_eq!(location(&again.get(&entry).await), "/me");
    assert!(again.cookies.is_empty(), "a ticket serves once");

    let entry = ticket("open-2").await;
    let mut browser = service.phone(IN_BROWSER);
    assert_eq!(location(&browser.get(&entry).await), "/me");
    assert!(browser.cookies.is_empty(), "not in a browser");
    service.app.clock.advance_ms(3 * MS_PER_MINUTE);
    browser.agent = IN_MINI_PROGRAM;
    browser.get(&entry).await;
    assert!(browser.cookies.is_empty(), "not for long");

    // The web-view knows its buyer, and its cashier is the app's.
    let mut view_page = view.post_order(1).await;
    assert_eq!(view_page.status(), StatusCode::OK);
    let policy = view_page.headers_mut().remove("content-security-policy").unwrap();
    assert!(
        policy.to_str().unwrap().contains("script-src 'self' 'wasm-unsafe-eval' https://appx;")
    );
    assert!(view_page.text().await.unwrap().contains("https://appx/web-view.min.js"));
}

#[tokio::test]
async fn a_state_of_another_session_a_forged_and_an_old_one_join_nobody() {
    let service = Service::new(|_| {}).await;
    let (mut victim, mut attacker) = (service.phone(IN_ALIPAY), service.phone(IN_ALIPAY));
    let authorize = attacker.order(0).await;
    let attackers = attacker.login(&authorize, "attacker").await;
    let authorize = victim.order(1).await;
    let own = victim.login(&authorize, "victim").await;

    let (attackers_code, _) = attackers.split_once("&state=").unwrap();
    let (_, own_state) = own.split_once("&state=").unwrap();
    let forged = format!("{attackers_code}&state={}", own_state.replace(&own_state[90..], "0000"));
    for address in [attackers.as_str(), &forged, &format!("{attackers_code}&state=")] {
        assert_eq!(location(&victim.get(address).await), "/me", "{address}");
        assert_eq!(victim.rider().await.1, None);
    }
    let nobody = service.phone(IN_ALIPAY).get(&own).await;
    assert_eq!(location(&nobody), "/me", "without a cookie");

    service.app.clock.advance_ms(5 * MS_PER_MINUTE);
    let order = victim.newest_order().await;
    assert_eq!(location(&victim.get(&own).await), format!("/orders/{order}"));
    assert_eq!(victim.rider().await.1, None);
    // None of that used the code up, and Pay begins anew.
    let authorize = location(&victim.post(&format!("/orders/{order}/pay"), &[]).await);
    let back = victim.login(&authorize, "victim").await;
    assert_eq!(victim.get(&back).await.status(), StatusCode::OK);
    assert_eq!(victim.rider().await.1.as_deref(), Some("victim"));
}

#[tokio::test]
async fn a_rider_who_lost_the_cookie_gets_everything_together_again() {
    let service = Service::new(|_| {}).await;
    let mut before = service.phone(IN_ALIPAY);
    let authorize = before.order(0).await;
    let back = before.login(&authorize, "open-1").await;
    let cashier = before.get(&back).await;
    before.pay_in_app(cashier).await;

    let mut now = service.phone(IN_BROWSER);
    let gateway = now.order(1).await;
    let cashier = location(&now.get(&gateway).await);
    assert_eq!(now.pay_at(&cashier).await.state.name(), "starting");
    let anonymous = now.rider().await.0;
    now.agent = IN_ALIPAY;
    let authorize = now.order(2).await;
    let back = now.login(&authorize, "open-1").await;
    let cashier = now.get(&back).await;
    assert_eq!(now.pay_in_app(cashier).await.state.name(), "starting");

    let (known, open_id) = now.rider().await;
    assert_eq!((&known, open_id.as_deref()), (&before.rider().await.0, Some("open-1")));
    let orders = service.orders_of(&known).await;
    assert_eq!(orders.len(), 3);
    assert!(orders.iter().all(|order| order.rider_id == known));
    assert_eq!(service.orders_of(&anonymous).await, []);
    let mine = now.get("/me").await.text().await.unwrap();
    assert!(orders.iter().all(|order| mine.contains(order.id.as_str())));
    let report = crate::ledger::check(&service.app.store).await.unwrap();
    assert_eq!((report.orders, report.findings), (3, vec![]));
}

#[tokio::test]
async fn a_login_that_fails_leaves_the_browsers_way() {
    let service = Service::new(|_| {}).await;
    let mut phone = service.phone(IN_ALIPAY);
    let authorize = phone.order(0).await;
    let back = phone.login(&authorize, "open-1").await;
    let (_, state) = back.split_once("state=").unwrap();
    for code in ["", "auth_code=&", "auth_code=wrong&", &format!("auth_code={}&", "x".repeat(999))]
    {
        let way = location(&phone.get(&format!("/login/alipay?{code}state={state}")).await);
        assert!(way.contains("alipay.trade.wap.pay"), "{code}: {way}");
    }
    let gateway = location(&phone.get(&format!("/login/alipay?state={state}")).await);
    let cashier = location(&phone.get(&gateway).await);
    assert_eq!(phone.pay_at(&cashier).await.state.name(), "starting");
    assert_eq!(phone.rider().await.1, None);
}

#[tokio::test]
async fn a_gateway_that_is_away_leaves_the_browsers_way() {
    let away =
        |config: &mut AlipayConfig| "http://127.0.0.1:1/".clone_into(&mut config.gateway_url);
    let service = Service::new(away).await;
    let mut phone = service.phone(IN_ALIPAY);
    let authorize = phone.order(0).await;
    let back = phone.login(&authorize, "open-1").await;
    assert!(location(&phone.get(&back).await).contains("alipay.trade.wap.pay"));
}
