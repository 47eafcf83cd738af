//! A server for foreign Alipay libraries to talk to: the simulated platform, the notify endpoint,
//! and the adapter on demand. Listens on a free port of the loopback and prints one line of JSON
//! with the address and all keys. See `e2e/alipay/`. One argument, if any: the database's address.

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
use server::demo::alipay::Platform;
use server::orders::{NewPayment, OrderError, PayVia, Payments, RefundRequest, VerifiedTrade};
use server::payments::alipay::{Alipay, AlipayConfig, Notifies, TradeListener, notify};
use server::store::Store;

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
    told: Arc<Told>,
}

/// A call of the adapter, at the platform's gateway or another.
#[derive(Deserialize)]
struct Call {
    gateway: Option<String>,
    deed: String,
    id: String,
}

async fn call(State(peer): State<Peer>, Query(call): Query<Call>) -> Json<Value> {
    let mut config = peer.config.clone();
    config.timeout = Duration::from_secs(2);
    config.gateway_url = call.gateway.unwrap_or(config.gateway_url);
    let alipay = Alipay::new(config, Clock::System).expect("TLS");
    let id = PaymentId(call.id.clone());
    let refund = RefundRequest {
        paid_fen: PRICE_FEN,
        id: RefundId(format!("{id}R")),
        payment_id: id.clone(),
        amount_fen: Fen(100),
        reason: "未用完".to_owned(),
    };
    let payment = |via| NewPayment {
        id: id.clone(),
        amount_fen: PRICE_FEN,
        subject: "扫充 3号插座 + \"50%\"".to_owned(),
        via,
        expires_ms: Clock::System.now_ms() + 600_000,
        return_url: "http://127.0.0.1/orders/1?a=b&c=充".to_owned(),
        will_split: false,
    };
    let app = PayVia::app(Channel::Alipay, "open-1".to_owned());
    let answer = match call.deed.as_str() {
        "wap" => format!(
            "{:?}",
            alipay
                .create(&payment(PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST))))
                .await
        ),
        "create" => format!("{:?}", alipay.create(&payment(app)).await),
        "query" => format!("{:?}", alipay.query(&id).await),
        "close" => format!("{:?}", alipay.close(&id).await),
        "refund" => format!("{:?}", alipay.refund(&refund).await),
        "refund_done" => format!("{:?}", alipay.refund_done(&refund).await),
        "login" => format!("{:?}", alipay.login(&call.id).await),
        other => format!("no such deed: {other}"),
    };
    Json(json!({ "answer": answer }))
}

async fn told(State(peer): State<Peer>) -> Json<Vec<String>> {
    Json(peer.told.0.lock().expect("no holder panics").clone())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1);
    let store = Store::open(url.as_deref().unwrap_or("sqlite::memory:")).await?;
    store.migrate().await?;
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
    let keys = store.demo_document("alipay/keys").await?.unwrap_or_default();
    let keys: Value = serde_json::from_str(&keys)?;
    let facts = json!({
        "url": url,
        "gateway": config.gateway_url,
        "app_id": config.app_id,
        "seller_id": config.seller_id,
        "merchant_private_key": keys["merchant"],
        "merchant_public_key": config.private_key.public()?.to_base64(),
        "alipay_private_key": keys["platform"],
        "alipay_public_key": config.alipay_public_key.to_base64(),
    });
    println!("{facts}");
    let peer = Peer { config, told: told_trades };
    let peers = Router::new()
        .route("/peer/call", get(call))
        .route("/peer/told", get(told))
        .with_state(peer);
    axum::serve(socket, platform.router().merge(notify::router(notifies)).merge(peers)).await?;
    Ok(())
}
