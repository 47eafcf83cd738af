//! The real adapter against the simulated platform, over loopback HTTP.

mod bills;
mod certified;
mod holds;
mod payments;
mod royalties;

use std::net::{IpAddr, Ipv4Addr};

use std::slice;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use wasm_core::ids::{PaymentId, RefundId};
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::*;
use crate::clock::Clock;
use crate::orders::{
    Answer, Checkout, NewPayment, OrderError, PayVia, Payments, RefundRequest, TradeState,
    TradeStatus, Unsure, VerifiedTrade,
};
use crate::payments::alipay::sign::{self, Params};
use crate::payments::alipay::{
    Alipay, AlipayConfig, Notifies, SigningKey, TradeListener, notify, testing,
};
use crate::store::Store;

const PRICE_FEN: Fen = Fen(500);
const RETRIES: &[Duration] = &[Duration::from_millis(10), Duration::from_millis(20)];

/// Takes payments of ¥5.00.
#[derive(Default)]
struct Listener {
    told: Mutex<Vec<VerifiedTrade>>,
}

impl TradeListener for Listener {
    fn trade_changed<'a>(
        &'a self,
        trade: &'a VerifiedTrade,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        Box::pin(async move {
            if trade.amount_fen != PRICE_FEN {
                let paid_fen = trade.amount_fen;
                return Err(OrderError::WrongAmount { paid_fen, opened_fen: PRICE_FEN });
            }
            self.told.lock().unwrap().push(trade.clone());
            Ok(())
        })
    }
}

/// A server with the platform, the notify endpoint and an adapter.
struct Fixture {
    platform: Platform,
    alipay: Alipay,
    listener: Arc<Listener>,
    /// What each notify was answered.
    answers: Receiver<String>,
    browser: reqwest::Client,
    url: String,
    server: JoinHandle<()>,
}

impl Fixture {
    async fn new() -> Self {
        Self::set_up(Clock::System, |_| {}).await
    }

    /// All by one clock, which stands at `now_ms`.
    async fn at(now_ms: i64) -> (Self, Clock) {
        let clock = Clock::manual(now_ms);
        (Self::set_up(clock.clone(), |_| {}).await, clock)
    }

    async fn set_up(clock: Clock, change: impl FnOnce(&mut AlipayConfig)) -> Self {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        // Making keys is slow.
        let key = |key: SigningKey| key.to_pkcs8_base64().unwrap();
        let keys = serde_json::json!({
            "merchant": key(SigningKey::parse(testing::OPENSSL_PKCS8_PEM).unwrap()),
            "platform": key(testing::key()),
            "stranger": key(testing::strange_key()),
        });
        store.put_demo_document("alipay/keys", &keys.to_string(), 0).await.unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::over(store, socket, (clock.clone(), clock), change).await
    }

    /// The clocks are the platform's and the adapter's.
    async fn over(
        store: Store,
        socket: TcpListener,
        (theirs, ours): (Clock, Clock),
        change: impl FnOnce(&mut AlipayConfig),
    ) -> Self {
        let url = format!("http://{}", socket.local_addr().unwrap());
        let (platform, mut config) =
            Platform::open(store.clone(), theirs, &url, &url).await.unwrap();
        config.timeout = Duration::from_millis(500);
        change(&mut config);
        let alipay = Alipay::new(config, ours.clone()).unwrap();
        let listener = Arc::new(Listener::default());
        let notifies = notify::router(Notifies {
            config: alipay.config().clone(),
            listener: listener.clone(),
            store,
            clock: ours,
        });
        let (sender, answers) = channel(64);
        let router = platform.router().merge(notifies.layer(from_fn_with_state(sender, overhear)));
        let server = tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
        let browser = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { platform, alipay, listener, answers, browser, url, server }
    }

    fn payment(&self, id: &str, via: PayVia) -> NewPayment {
        NewPayment {
            id: PaymentId::from(id),
            amount_fen: PRICE_FEN,
            subject: "充电 3号插座 / A&B".to_owned(),
            via,
            expires_ms: self.platform.now_ms() + 600_000,
            return_url: format!("{}/orders/1?from=pay", self.url),
            will_split: false,
        }
    }

    async fn open(&self, id: &str) -> Answer<Checkout> {
        let via = PayVia::app(Channel::Alipay, "open-1".to_owned());
        self.alipay.create(&self.payment(id, via)).await
    }

    /// Opens a trade in the app and pays it.
    async fn paid(&mut self, id: &str) -> VerifiedTrade {
        let trade_no = trade_no(&self.open(id).await.unwrap());
        self.press(&trade_no, "pay").await;
        assert_eq!(self.answered().await, "success");
        let TradeState::Paid(trade) = self.query(id).await.unwrap() else { panic!("not paid") };
        trade
    }

    async fn query(&self, id: &str) -> Answer<TradeState> {
        self.alipay.query(&PaymentId::from(id)).await
    }

    async fn get(&self, address: &str) -> reqwest::Response {
        self.browser.get(address).send().await.unwrap()
    }

    async fn press(&self, trade_no: &str, action: &str) -> reqwest::Response {
        let address = format!("{}{}", self.url, cashier::path(trade_no));
        self.browser.post(address).form(&[("action", action)]).send().await.unwrap()
    }

    async fn answered(&mut self) -> String {
        let answer = tokio::time::timeout(Duration::from_secs(10), self.answers.recv()).await;
        answer.expect("a notify").unwrap()
    }

    fn told(&self) -> Vec<VerifiedTrade> {
        self.listener.told.lock().unwrap().clone()
    }
}

/// Tells the test what a notify was answered.
async fn overhear(
    axum::extract::State(sender): axum::extract::State<Sender<String>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let body = to_bytes(next.run(request).await.into_body(), 100).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    // The test may be over.
    sender.send(text.clone()).await.unwrap_or_default();
    text.into_response()
}

fn trade_no(checkout: &Checkout) -> String {
    match checkout {
        Checkout::TradeNo(trade_no) => trade_no.clone(),
        other => panic!("{other:?}"),
    }
}

fn location(answer: &reqwest::Response) -> String {
    answer.headers()["location"].to_str().unwrap().to_owned()
}

fn refund(id: &str, payment: &str, amount_fen: i64) -> RefundRequest {
    RefundRequest {
        id: RefundId::from(id),
        payment_id: PaymentId::from(payment),
        paid_fen: Fen(amount_fen),
        amount_fen: Fen(amount_fen),
        reason: "未用完".to_owned(),
    }
}

fn assert_no<T: std::fmt::Debug>(answer: Answer<T>, expected: &str) {
    match answer {
        Err(Unsure::No { code, .. }) => assert_eq!(code, expected),
        other => panic!("{other:?}, expected {expected}"),
    }
}

fn assert_never<T: std::fmt::Debug>(answer: Answer<T>, expected: &str) {
    match answer {
        Err(Unsure::Never { code, .. }) => assert_eq!(code, expected),
        other => panic!("{other:?}, expected {expected} for good"),
    }
}

fn assert_unknown<T: std::fmt::Debug>(answer: &Answer<T>, of: &str) {
    assert!(matches!(answer, Err(Unsure::Unknown(_))), "{of}: {answer:?}");
}
