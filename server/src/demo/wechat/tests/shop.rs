//! The real adapter and callback endpoint against the simulated platform, over loopback HTTP.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use wasm_core::ids::{PaymentId, RefundId};
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::super::*;
use super::merchant::{KEYS, NOW_MS, RETRIES};
use crate::clock::Clock;
use crate::orders::{
    Answer, Checkout, NewPayment, OrderError, PayVia, Payments, RefundRequest, TradeState, Unsure,
    VerifiedCapture, VerifiedRefund, VerifiedTrade,
};
use crate::payments::TradeListener;
use crate::payments::wechat::{Notifies, Wechat, WechatConfig, WechatSettings, notify};
use crate::store::Store;

pub(super) const PRICE_FEN: Fen = Fen(500);

/// A call that is not answered is unknown this soon.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Takes payments and holds of ¥5.00.
#[derive(Default)]
pub(super) struct Listener(Mutex<Vec<String>>);

impl Listener {
    fn hear(&self, what: String) -> BoxFuture<'_, Result<(), OrderError>> {
        self.0.lock().unwrap().push(what);
        Box::pin(async { Ok(()) })
    }
}

impl TradeListener for Listener {
    fn trade_changed<'a>(
        &'a self,
        trade: &'a VerifiedTrade,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        if trade.amount_fen != PRICE_FEN {
            let (paid_fen, opened_fen) = (trade.amount_fen, PRICE_FEN);
            return Box::pin(async move { Err(OrderError::WrongAmount { paid_fen, opened_fen }) });
        }
        self.hear(format!("{} {}", if trade.held { "held" } else { "paid" }, trade.payment_id))
    }

    fn refund_ended<'a>(
        &'a self,
        refund: &'a VerifiedRefund,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        let how = if refund.paid_back { "back" } else { "given up" };
        self.hear(format!("{how} {} {}", refund.id, refund.amount_fen.0))
    }

    fn hold_captured<'a>(
        &'a self,
        capture: &'a VerifiedCapture,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        self.hear(format!("captured {} {}", capture.payment_id, capture.amount_fen.0))
    }
}

/// A server with the platform, the callback endpoint and an adapter, and a rider's browser.
pub(super) struct Shop {
    pub(super) platform: Platform,
    pub(super) wechat: Wechat,
    pub(super) known: WechatDemoConfig,
    pub(super) clock: Clock,
    pub(super) browser: reqwest::Client,
    pub(super) url: String,
    listener: Arc<Listener>,
    answers: Receiver<u16>,
}

impl Shop {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The adapter set up in another way.
    pub(super) async fn with(change: impl FnOnce(&mut WechatSettings)) -> Self {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let new =
            || async { serde_json::to_string(&platform::Keys::new(NOW_MS).unwrap()).unwrap() };
        store.put_demo_document("wechat/keys", KEYS.get_or_init(new).await, 0).await.unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let clock = Clock::manual(NOW_MS);
        let opened = Platform::open(store.clone(), clock.clone(), &url, &url).await;
        let (platform, known) = opened.unwrap();
        let mut settings = known.settings();
        change(&mut settings);
        let mut config = WechatConfig::new(&settings, &url).unwrap();
        config.timeout = TIMEOUT;
        let wechat = Wechat::new(config, clock.clone()).unwrap();
        let listener = Arc::new(Listener::default());
        let notifies = Notifies { wechat: wechat.clone(), listener: listener.clone(), store };
        let (sender, answers) = channel(64);
        let endpoint = notify::router(notifies).layer(from_fn_with_state(sender, overhear));
        let router = platform.router().merge(endpoint);
        tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
        let browser = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let shop = Self { platform, wechat, known, clock, browser, url, listener, answers };
        shop.faults(|_| {});
        shop
    }

    /// Sets faults over the tests' own: all is done at once, and repeated soon.
    pub(super) fn faults(&self, change: impl FnOnce(&mut Faults)) {
        let mut faults =
            Faults { takes: Duration::ZERO, retry_after: RETRIES, ..Faults::default() };
        change(&mut faults);
        self.platform.set_faults(faults);
    }

    pub(super) async fn open(&self, id: &str, via: PayVia) -> Answer<Checkout> {
        let payment = NewPayment {
            id: PaymentId::from(id),
            amount_fen: PRICE_FEN,
            subject: "充电 3号插座".to_owned(),
            via,
            expires_ms: self.clock.now_ms() + 600_000,
            return_url: format!("{}/orders/1?from=pay", self.url),
            will_split: true,
        };
        self.wechat.create(&payment).await
    }

    pub(super) async fn open_in_app(&self, id: &str) -> Answer<Checkout> {
        self.open(id, PayVia::app(Channel::Wechat, "o1")).await
    }

    pub(super) async fn open_in_browser(&self, id: &str) -> Answer<Checkout> {
        let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
        self.open(id, PayVia::browser(Channel::Wechat, localhost)).await
    }

    /// Where an address of the platform leads the rider's browser.
    pub(super) async fn go(&self, address: &str) -> String {
        let answer = self.browser.get(address).send().await.unwrap();
        let status = answer.status();
        let location = answer.headers().get("location");
        let location = location.unwrap_or_else(|| panic!("{address}: {status}"));
        let location = location.to_str().unwrap();
        if location.starts_with('/') { format!("{}{location}", self.url) } else { location.into() }
    }

    /// The cashier's address, from what the rider's app or browser was given.
    pub(super) async fn cashier(&self, checkout: &Checkout) -> String {
        match checkout {
            Checkout::Redirect(address) => self.go(address).await,
            Checkout::Code(address) => address.clone(),
            Checkout::Bridge(params) => {
                let params: serde_json::Value = serde_json::from_str(params).unwrap();
                let params = params.as_object().unwrap().iter();
                let query: Vec<(&str, &str)> =
                    params.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
                self.go(&cashier::with_query(&self.known.bridge_url, &query)).await
            }
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn press(&self, cashier: &str, action: &str) {
        let pressed = self.browser.post(cashier).form(&[("action", action)]).send().await;
        assert_eq!(pressed.unwrap().status(), 303);
    }

    /// Opens a payment in the app and pays it; the platform's number.
    pub(super) async fn paid(&mut self, id: &str) -> String {
        let cashier = self.cashier(&self.open_in_app(id).await.unwrap()).await;
        self.press(&cashier, "pay").await;
        assert_eq!(self.answered().await, 204);
        let TradeState::Paid(trade) = self.query(id).await.unwrap() else { panic!("not paid") };
        trade.trade_no
    }

    pub(super) async fn query(&self, id: &str) -> Answer<TradeState> {
        self.wechat.query(&PaymentId::from(id)).await
    }

    pub(super) async fn close(&self, id: &str) -> Answer<()> {
        self.wechat.close(&PaymentId::from(id)).await
    }

    /// What the next callback was answered.
    pub(super) async fn answered(&mut self) -> u16 {
        let next = tokio::time::timeout(Duration::from_secs(10), self.answers.recv());
        next.await.expect("a callback in time").unwrap()
    }

    /// What callbacks told so far.
    pub(super) fn told(&self) -> Vec<String> {
        self.listener.0.lock().unwrap().clone()
    }
}

/// Tells the test what a callback was answered.
async fn overhear(State(sender): State<Sender<u16>>, request: Request, next: Next) -> Response {
    let answer = next.run(request).await;
    // The test may be over.
    sender.send(answer.status().as_u16()).await.unwrap_or_default();
    answer
}

pub(super) fn refund(id: &str, payment: &str, amount_fen: i64) -> RefundRequest {
    RefundRequest {
        id: RefundId::from(id),
        payment_id: PaymentId::from(payment),
        paid_fen: PRICE_FEN,
        amount_fen: Fen(amount_fen),
        reason: "未用完".to_owned(),
    }
}

/// The platform's code of a no.
pub(super) fn code<T: std::fmt::Debug>(answer: Answer<T>) -> String {
    match answer {
        Err(Unsure::No { code, .. } | Unsure::Never { code, .. }) => code,
        other => panic!("{other:?} is no refusal"),
    }
}

pub(super) fn is_unknown<T>(answer: &Answer<T>) -> bool {
    matches!(answer, Err(Unsure::Unknown(_)))
}
