//! A server for foreign Alipay libraries to talk to: the simulated platform, the notify endpoint,
//! and the adapter on demand. Listens on a free port of the loopback and prints one line of JSON
//! with the address, all keys and certificates. See `e2e/alipay/`. One argument, if any: the
//! database's address.

use std::net::{IpAddr, Ipv4Addr};

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wasm_core::ids::{PaymentId, RefundId};
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use server::clock::Clock;
use server::demo::alipay::{Faults, Issued, Platform};
use server::orders::{
    BillDay, Bills, CaptureRequest, Holds, NewPayment, OrderError, PayVia, Payments, Receiver,
    ReceiverKind, RefundRequest, ReturnRequest, SplitRequest, SplitShare, Splits, VerifiedTrade,
};
use server::payments::alipay::{
    Alipay, AlipayConfig, Certificates, Notifies, SigningKey, TradeListener, notify,
};
use server::store::Store;

/// Keys and certificates that guard nothing, the same at each run.
mod testdata {
    pub const MERCHANT_KEY: &str = include_str!("../src/payments/alipay/testdata/pkcs8.pem");
    pub const PLATFORM_KEY: &str = include_str!("../src/payments/alipay/testdata/alipay.pem");
    pub const NEXT_KEY: &str = include_str!("../src/payments/alipay/testdata/alipay-next.pem");
    pub const STRANGERS_KEY: &str = include_str!("../src/payments/alipay/testdata/stranger.pem");
    pub const APP: &str = include_str!("../src/payments/alipay/testdata/app-cert.pem");
    pub const ROOTS: &str = include_str!("../src/payments/alipay/testdata/root-certs.pem");
    pub const ALIPAY: &str = include_str!("../src/payments/alipay/testdata/alipay-cert.pem");
    pub const NEXT: &str = include_str!("../src/payments/alipay/testdata/alipay-next-cert.pem");
}

/// What every payment here costs.
const PRICE_FEN: Fen = Fen(500);

/// Knows every payment whose number begins with `K`.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl TradeListener for Told {
    fn trade_changed<'a>(
        &'a self,
        trade: &'a VerifiedTrade,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        Box::pin(async move {
            if !trade.payment_id.as_str().starts_with('K') {
                return Err(OrderError::NoSuchPayment);
            }
            if trade.amount_fen != PRICE_FEN {
                let paid_fen = trade.amount_fen;
                return Err(OrderError::WrongAmount { paid_fen, opened_fen: PRICE_FEN });
            }
            let mut told = self.0.lock().expect("no holder panics");
            told.push(format!("{} {:?}", trade.payment_id, trade.status));
            Ok(())
        })
    }
}

#[derive(Clone)]
struct Peer {
    config: AlipayConfig,
    /// What certificate mode needs; it learns of renewed certificates.
    certificates: Arc<Certificates>,
    platform: Platform,
    told: Arc<Told>,
}

/// A call of the adapter, at the platform's gateway or another.
#[derive(Deserialize)]
struct Call {
    gateway: Option<String>,
    deed: String,
    id: String,
    /// The platform's number of a trade or hold.
    #[serde(default)]
    no: String,
    /// In certificate mode.
    #[serde(default)]
    certified: bool,
}

async fn call(State(peer): State<Peer>, Query(call): Query<Call>) -> Json<Value> {
    let mut config = peer.config.clone();
    config.timeout = Duration::from_secs(2);
    config.gateway_url = call.gateway.clone().unwrap_or(config.gateway_url);
    config.certificates = call.certified.then(|| peer.certificates.clone());
    let alipay = Alipay::new(config, Clock::System).expect("TLS");
    let answer = match call.deed.as_str() {
        "bind" | "split" | "split_state" | "take_back" => split(&alipay, &call).await,
        "freeze" | "capture" | "captured" | "let_go" => hold(&alipay, &call).await,
        "bill" => bill(&alipay, &call.id).await,
        _ => pay(&alipay, &call).await,
    };
    Json(json!({ "answer": answer }))
}

fn payment(id: &str, via: PayVia) -> NewPayment {
    NewPayment {
        id: PaymentId::from(id),
        amount_fen: PRICE_FEN,
        subject: "扫充 3号插座 + \"50%\"".to_owned(),
        via,
        expires_ms: Clock::System.now_ms() + 600_000,
        return_url: "http://127.0.0.1/orders/1?a=b&c=充".to_owned(),
        will_split: false,
    }
}

async fn pay(alipay: &Alipay, call: &Call) -> String {
    let id = PaymentId::from(call.id.as_str());
    let refund = RefundRequest {
        paid_fen: PRICE_FEN,
        id: RefundId(format!("{id}R")),
        payment_id: id.clone(),
        amount_fen: Fen(100),
        reason: "未用完".to_owned(),
    };
    let browser = PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST));
    let app = PayVia::app(Channel::Alipay, "open-1".to_owned());
    match call.deed.as_str() {
        "wap" => format!("{:?}", alipay.create(&payment(&call.id, browser)).await),
        "create" => format!("{:?}", alipay.create(&payment(&call.id, app)).await),
        "query" => format!("{:?}", alipay.query(&id).await),
        "close" => format!("{:?}", alipay.close(&id).await),
        "refund" => format!("{:?}", alipay.refund(&refund).await),
        "refund_done" => format!("{:?}", alipay.refund_done(&refund).await),
        "login" => format!("{:?}", alipay.login(&call.id).await),
        other => format!("no such deed: {other}"),
    }
}

async fn hold(alipay: &Alipay, call: &Call) -> String {
    let mut capture = CaptureRequest {
        id: format!("{}C", call.id),
        payment_id: PaymentId::from(call.id.as_str()),
        hold_no: call.no.clone(),
        held_fen: PRICE_FEN,
        amount_fen: Fen(230),
        buyer_open_id: Some("open-1".to_owned()),
        subject: "扫充 3号插座".to_owned(),
        duration_ms: 3_600_000,
        will_split: true,
    };
    match call.deed.as_str() {
        "freeze" => {
            let via = PayVia::hold(Channel::Alipay, Some("open-1".to_owned()));
            format!("{:?}", alipay.create(&payment(&call.id, via)).await)
        }
        "let_go" => {
            capture.amount_fen = Fen::ZERO;
            format!("{:?}", alipay.capture(&capture).await)
        }
        "capture" => format!("{:?}", alipay.capture(&capture).await),
        _ => format!("{:?}", alipay.captured(&capture).await),
    }
}

/// ¥0.60 and ¥0.50 of a trade, to two merchants.
async fn split(alipay: &Alipay, call: &Call) -> String {
    let receiver = |nth: i64| Receiver {
        kind: ReceiverKind::Merchant,
        account: format!("208800000000100{nth}"),
        name: String::new(),
    };
    let share = |nth: i64| SplitShare {
        receiver: receiver(nth),
        amount_fen: Fen(70 - 10 * nth),
        description: "充电订单分账".to_owned(),
    };
    let split = SplitRequest {
        id: format!("{}S1", call.id),
        payment_id: PaymentId::from(call.id.as_str()),
        trade_no: call.no.clone(),
        held: false,
        shares: vec![share(1), share(2)],
    };
    let back = ReturnRequest {
        id: format!("{}B1", call.id),
        split_id: split.id.clone(),
        payment_id: split.payment_id.clone(),
        by_code: false,
        trade_no: call.no.clone(),
        held: false,
        receiver: receiver(1),
        amount_fen: Fen(25),
    };
    match call.deed.as_str() {
        "bind" => {
            let first = alipay.bind(&receiver(1)).await;
            format!("{:?} {:?}", first, alipay.bind(&receiver(2)).await)
        }
        "split" => format!("{:?}", alipay.split(&split).await),
        "split_state" => format!("{:?}", alipay.split_state(&split).await),
        _ => format!("{:?}", alipay.take_back(&back).await),
    }
}

/// The lines of a day's bill, shortly; `day` is 2026-11-24.
async fn bill(alipay: &Alipay, day: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(day) = BillDay::parse(day) else { return "no day".to_owned() };
    match alipay.bill(day, folder.path()).await {
        Ok(lines) => lines.fold(String::new(), |all, line| match line {
            Ok(line) => {
                let (kind, id, our_no) = (line.kind, line.payment_id, line.our_no);
                format!("{all}{kind:?} {id} {our_no} {} {};", line.amount_fen.0, line.fee_fen.0)
            }
            Err(error) => format!("{all}{error};"),
        }),
        Err(unsure) => format!("{unsure:?}"),
    }
}

/// Which certificate the platform has now, and how far its clock is off.
#[derive(Deserialize)]
struct Set {
    certificate: Option<String>,
    skew_ms: Option<i64>,
}

async fn set(State(peer): State<Peer>, Query(set): Query<Set>) -> Json<u64> {
    if let Some(which) = set.certificate {
        let (pem, key) = match which.as_str() {
            "next" => (testdata::NEXT, testdata::NEXT_KEY),
            _ => (testdata::ALIPAY, testdata::PLATFORM_KEY),
        };
        let key = SigningKey::parse(key).expect("a key");
        let issued = Issued { pem: pem.to_owned(), key };
        peer.platform.certify(testdata::APP, testdata::ROOTS, issued).expect("certificates");
    }
    if let Some(skew_ms) = set.skew_ms {
        peer.platform.set_faults(Faults { skew_ms, ..Faults::default() });
    }
    Json(peer.platform.certificate_downloads())
}

async fn told(State(peer): State<Peer>) -> Json<Vec<String>> {
    Json(peer.told.0.lock().expect("no holder panics").clone())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1);
    let store = Store::open(url.as_deref().unwrap_or("sqlite::memory:")).await?;
    store.migrate().await?;
    let bare = |pem: &str| SigningKey::parse(pem)?.to_pkcs8_base64();
    let keys = json!({
        "merchant": bare(testdata::MERCHANT_KEY)?,
        "platform": bare(testdata::PLATFORM_KEY)?,
        "stranger": bare(testdata::STRANGERS_KEY)?,
    });
    let now_ms = Clock::System.now_ms();
    store.put_demo_document("alipay/keys", &keys.to_string(), now_ms).await?;
    let certificates = Certificates::new(testdata::APP, testdata::ROOTS, testdata::ALIPAY, now_ms)?;
    let certificates = Arc::new(certificates);
    let socket = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", socket.local_addr()?);
    let (platform, config) = Platform::open(store.clone(), Clock::System, &url, &url).await?;
    let told_trades = Arc::new(Told::default());
    let notifies = Notifies {
        config: Arc::new(config.clone()),
        listener: told_trades.clone(),
        store: store.clone(),
        clock: Clock::System,
    };
    let facts = json!({
        "url": url,
        "gateway": config.gateway_url,
        "app_id": config.app_id,
        "seller_id": config.seller_id,
        "merchant_private_key": keys["merchant"],
        "merchant_public_key": config.private_key.public()?.to_base64(),
        "alipay_private_key": keys["platform"],
        "alipay_public_key": config.alipay_public_key.to_base64(),
        "next_private_key": bare(testdata::NEXT_KEY)?,
        "app_cert": testdata::APP,
        "root_cert": testdata::ROOTS,
        "alipay_cert": testdata::ALIPAY,
        "next_cert": testdata::NEXT,
    });
    println!("{facts}");
    let peer = Peer { config, certificates, platform: platform.clone(), told: told_trades };
    let peers = Router::new()
        .route("/peer/call", get(call))
        .route("/peer/told", get(told))
        .route("/peer/set", get(set))
        .with_state(peer);
    axum::serve(socket, platform.router().merge(notify::router(notifies)).merge(peers)).await?;
    Ok(())
}
