//! Charge first, pay after, over the real router: offered where a platform sets money aside, opened
//! as a hold, and nowhere else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode, header};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use wasm_core::ids::PaymentId;
use wasm_core::link::ScanCode;
use wasm_core::order::Channel;
use wasm_core::tariff::Tariff;

use crate::clock::Clock;
use crate::http::{App, Options, Parts, Settings, router};
use crate::orders::{
    Answer, CaptureRequest, Checkout, Holds, NewPayment, Orders, Payments, Platform, Platforms,
    Product, RefundRequest, TradeState,
};
use crate::store::Store;
use crate::store::sites::{NewSite, Operator};
use crate::store::stations::{NewStation, Presence, new_codes};

const NOW_MS: i64 = 1_795_305_600_000;
const IN_ALIPAY: &str = "Mozilla/5.0 (Linux; Android 14) AliApp(AP/10.8.36) AlipayClient/10.8.36";
const IN_WECHAT: &str = "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.49";
const IN_BROWSER: &str = "Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile";

/// Opens whatever it is asked for.
#[derive(Default)]
struct Opens(Mutex<Vec<NewPayment>>);

impl Opens {
    fn products(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().iter().map(|payment| payment.via.product.as_str()).collect()
    }
}

impl Payments for Opens {
    fn create<'a>(&'a self, payment: &'a NewPayment) -> BoxFuture<'a, Answer<Checkout>> {
        self.0.lock().unwrap().push(payment.clone());
        let checkout = match payment.via.product {
            Product::Hold { .. } => Checkout::OrderString("sign=freeze".to_owned()),
            _ => Checkout::Redirect("https://cashier.example".to_owned()),
        };
        async { Ok(checkout) }.boxed()
    }

    fn query<'a>(&'a self, _: &'a PaymentId) -> BoxFuture<'a, Answer<TradeState>> {
        async { Ok(TradeState::Waiting) }.boxed()
    }

    fn close<'a>(&'a self, _: &'a PaymentId) -> BoxFuture<'a, Answer<()>> {
        async { Ok(()) }.boxed()
    }

    fn refund<'a>(&'a self, _: &'a RefundRequest) -> BoxFuture<'a, Answer<()>> {
        async { Ok(()) }.boxed()
    }

    fn refund_done<'a>(&'a self, _: &'a RefundRequest) -> BoxFuture<'a, Answer<bool>> {
        async { Ok(true) }.boxed()
    }
}

impl Holds for Opens {
    fn capture<'a>(&'a self, _: &'a CaptureRequest) -> BoxFuture<'a, Answer<()>> {
        async { Ok(()) }.boxed()
    }

    fn captured<'a>(&'a self, _: &'a CaptureRequest) -> BoxFuture<'a, Answer<bool>> {
        async { Ok(true) }.boxed()
    }
}

struct Service {
    router: Router,
    platform: Arc<Opens>,
    code: ScanCode,
    tariff: Tariff,
}

impl Service {
    /// Alipay with or without holds, and one free socket.
    async fn new(with_holds: bool) -> Self {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let tariff: Tariff =
            serde_json::from_str(include_str!("../../demo/tariffs/village.json")).unwrap();
        let code = seed(&store, &tariff).await;
        let platform = Arc::new(Opens::default());
        let mut alipay = Platform::of(platform.clone());
        alipay.holds = with_holds.then(|| Arc::clone(&platform) as _);
        let platforms = Platforms::default().with(Channel::Alipay, alipay);
        let clock = Clock::manual(NOW_MS);
        let orders = Orders::new(store.clone(), clock.clone(), platforms);
        let public_url = "http://charge.example".to_owned();
        let settings = Arc::new(Settings { public_url, demo: false });
        let app = App { orders, store, clock, settings };
        let parts = Parts { people: vec![super::router()], ..Parts::default() };
        Self { router: router(app, Options::default(), parts), platform, code, tariff }
    }

    async fn send(
        &self,
        agent: &str,
        request: axum::http::request::Builder,
        body: String,
    ) -> Response<Body> {
        let peer: SocketAddr = "198.51.100.7:4242".parse().unwrap();
        let request = request
            .header(header::HOST, "charge.example")
            .header(header::USER_AGENT, agent)
            .extension(ConnectInfo(peer));
        self.router.clone().oneshot_whole(request.body(Body::from(body)).unwrap()).await
    }

    async fn page(&self, agent: &str) -> String {
        let path = format!("/s/{}", self.code.as_str());
        text(self.send(agent, Request::get(path), String::new()).await).await
    }

    /// Presses a button of the socket's page: the answer, and the rider's cookie.
    async fn press(&self, agent: &str, button: &str) -> (Response<Body>, String) {
        let plan = &self.tariff.plans[0];
        let form = format!(
            "plan={}:{}&tariff_id={}&idempotency_key=key1",
            plan.id,
            plan.prepaid_fen().0,
            self.tariff.id
        );
        let path = format!("/s/{}/order", self.code.as_str());
        let request =
            Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = self.send(agent, request, format!("{form}{button}")).await;
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        (response, cookie)
    }
}

/// One request through a router.
trait Oneshot {
    async fn oneshot_whole(self, request: Request<Body>) -> Response<Body>;
}

impl Oneshot for Router {
    async fn oneshot_whole(self, request: Request<Body>) -> Response<Body> {
        tower::ServiceExt::oneshot(self, request).await.unwrap()
    }
}

async fn text(response: Response<Body>) -> String {
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

async fn seed(store: &Store, tariff: &Tariff) -> ScanCode {
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
    let codes = new_codes(1);
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
    codes[0].clone()
}

#[tokio::test]
async fn a_hold_is_offered_inside_the_app_of_a_platform_that_has_them() {
    let service = Service::new(true).await;
    let without = Service::new(false).await;
    let offers = |page: String| page.contains("value=\"hold\"");
    assert!(offers(service.page(IN_ALIPAY).await));
    assert!(!offers(service.page(IN_BROWSER).await), "no app could ask the rider");
    assert!(!offers(service.page(IN_WECHAT).await), "that platform is not set up");
    assert!(!offers(without.page(IN_ALIPAY).await), "that platform has none");
}

#[tokio::test]
async fn the_button_opens_a_hold_and_says_what_is_taken_at_most() {
    let service = Service::new(true).await;
    let (response, cookie) = service.press(IN_ALIPAY, "&pay=hold").await;
    assert_eq!(response.status(), StatusCode::OK);
    let page = text(response).await;
    assert!(page.contains("data-order-string=\"sign=freeze\""), "{page}");
    let cap = service.tariff.plans[0].prepaid_fen();
    assert!(page.contains(&format!("最多扣 {cap}")), "{page}");
    assert_eq!(service.platform.products(), ["hold"]);

    // The order's page offers both ways still; the same hold is opened again.
    let order = page.split("data-then=\"").nth(1).unwrap().split('"').next().unwrap();
    let request = Request::get(order).header(header::COOKIE, &cookie);
    let shown = text(service.send(IN_ALIPAY, request, String::new()).await).await;
    assert!(shown.contains(&format!("action=\"{order}/pay?way=hold\"")), "{shown}");
    let request = Request::post(format!("{order}/pay?way=hold")).header(header::COOKIE, &cookie);
    let again = service.send(IN_ALIPAY, request, String::new()).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(service.platform.products(), ["hold", "hold"]);
    let opened = service.platform.0.lock().unwrap().clone();
    assert_eq!(opened[0].id, opened[1].id);
}

#[tokio::test]
async fn a_wish_for_a_hold_where_there_is_none_is_paid_as_ever() {
    for (with_holds, agent) in [(true, IN_BROWSER), (false, IN_BROWSER)] {
        let service = Service::new(with_holds).await;
        let (response, _) = service.press(agent, "&pay=hold").await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(service.platform.products(), ["browser"]);
    }
    let service = Service::new(true).await;
    let (response, _) = service.press(IN_BROWSER, "").await;
    assert_eq!(response.headers()[header::LOCATION], "https://cashier.example");
}

#[tokio::test]
async fn programs_open_holds_by_name() {
    for (with_holds, status) in [(true, StatusCode::OK), (false, StatusCode::CONFLICT)] {
        let service = Service::new(with_holds).await;
        let (response, cookie) = service.press(IN_BROWSER, "").await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        let payment = service.platform.0.lock().unwrap()[0].id.0.clone();
        let order = payment.rsplit_once('P').unwrap().0;
        let request = Request::post(format!("/api/v1/orders/{order}/pay"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::COOKIE, &cookie);
        let body = r#"{"via":"hold","channel":"alipay"}"#.to_owned();
        let answer = service.send(IN_BROWSER, request, body).await;
        assert_eq!(answer.status(), status);
        let answer: Value = serde_json::from_str(&text(answer).await).unwrap();
        if with_holds {
            assert_eq!(answer["order_string"], "sign=freeze");
            assert_eq!(service.platform.products(), ["browser", "hold"]);
        } else {
            assert_eq!(answer["code"], "no_holds");
        }
    }
}
