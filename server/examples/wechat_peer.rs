//! A server for foreign `WeChat` Pay libraries to talk to: the callback endpoint, the adapter on
//! demand against a gateway that the peer brings, and the simulated platform. Listens on a free port
//! of the loopback and prints one line of JSON with the address and all keys. See `e2e/wechat/`. One
//! argument, if any: the database's address.

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
use server::demo::wechat::{Platform, WechatDemoConfig};
use server::orders::{
    Logins, NewPayment, OrderError, PayVia, Payments, Receiver, ReceiverKind, RefundRequest,
    Splits, VerifiedRefund, VerifiedTrade,
};
use server::payments::TradeListener;
use server::payments::keys::SigningKey;
use server::payments::wechat::{
    Notifies, PayScoreSettings, PlatformKeySettings, Wechat, WechatConfig, WechatSettings, notify,
};
use server::random;
use server::store::Store;

/// What every payment here costs.
const PRICE_FEN: Fen = Fen(500);
/// The id of the peer's key.
const KEY_ID: &str = "PUB_KEY_ID_0119000000000001";

/// Knows every payment whose number begins with `K`.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Told {
    fn hear(&self, payment: &PaymentId, what: String) -> Result<(), OrderError> {
        if !payment.as_str().starts_with('K') {
            return Err(OrderError::NoSuchPayment);
        }
        self.0.lock().expect("no holder panics").push(what);
        Ok(())
    }
}

impl TradeListener for Told {
    fn trade_changed<'a>(
        &'a self,
        trade: &'a VerifiedTrade,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        Box::pin(async move {
            if trade.amount_fen != PRICE_FEN {
                let paid_fen = trade.amount_fen;
                return Err(OrderError::WrongAmount { paid_fen, opened_fen: PRICE_FEN });
            }
            self.hear(&trade.payment_id, format!("{} {:?}", trade.payment_id, trade.status))
        })
    }

    fn refund_ended<'a>(
        &'a self,
        refund: &'a VerifiedRefund,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        let what = format!("{} {}", refund.id, if refund.paid_back { "back" } else { "given up" });
        Box::pin(async move { self.hear(&refund.payment_id, what) })
    }
}

#[derive(Clone)]
struct Peer {
    config: WechatConfig,
    told: Arc<Told>,
}

/// A call of the adapter at the peer's gateway.
#[derive(Deserialize)]
struct Call {
    gateway: Option<String>,
    /// Whether certificates are used in place of the public key.
    #[serde(default)]
    certificates: bool,
    deed: String,
    id: String,
}

async fn call(State(peer): State<Peer>, Query(call): Query<Call>) -> Json<Value> {
    let mut config = peer.config.clone();
    config.timeout = Duration::from_secs(2);
    config.base_url = call.gateway.clone().unwrap_or(config.base_url);
    if call.certificates {
        config.public_key = None;
        config.certificates = true;
    }
    let wechat = Wechat::new(config, Clock::System).expect("TLS");
    let answer = carry_out(&wechat, &call).await;
    Json(json!({ "answer": answer }))
}

async fn carry_out(wechat: &Wechat, call: &Call) -> String {
    let id = PaymentId(call.id.clone());
    let payment = |via| NewPayment {
        id: id.clone(),
        amount_fen: PRICE_FEN,
        subject: "扫充 3号插座 + \"50%\"".to_owned(),
        via,
        expires_ms: Clock::System.now_ms() + 600_000,
        return_url: "http://127.0.0.1/orders/1?a=b&c=充".to_owned(),
        will_split: false,
    };
    let refund = RefundRequest {
        paid_fen: PRICE_FEN,
        id: RefundId(format!("{id}R")),
        payment_id: id.clone(),
        amount_fen: Fen(100),
        reason: "未用完".to_owned(),
    };
    let channel = Channel::Wechat;
    let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
    match call.deed.as_str() {
        "jsapi" => format!("{:?}", wechat.create(&payment(PayVia::app(channel, "open-1"))).await),
        "h5" => format!("{:?}", wechat.create(&payment(PayVia::browser(channel, localhost))).await),
        "native" => format!("{:?}", wechat.create(&payment(PayVia::code(channel))).await),
        "hold" => format!("{:?}", wechat.create(&payment(PayVia::hold(channel, None))).await),
        "query" => format!("{:?}", wechat.query(&id).await),
        "close" => format!("{:?}", wechat.close(&id).await),
        "refund" => format!("{:?}", wechat.refund(&refund).await),
        "refund_done" => format!("{:?}", wechat.refund_done(&refund).await),
        "bind" => {
            let (kind, account) = (ReceiverKind::Merchant, call.id.clone());
            let receiver = Receiver { kind, account, name: "物业公司".to_owned() };
            format!("{:?}", wechat.bind(&receiver).await)
        }
        "login" => format!("{:?}", wechat.login(&call.id).await),
        other => format!("no such deed: {other}"),
    }
}

async fn told(State(peer): State<Peer>) -> Json<Vec<String>> {
    Json(peer.told.0.lock().expect("no holder panics").clone())
}

/// A seal made here, for the peer to open.
async fn seal(State(peer): State<Peer>) -> Json<Value> {
    let nonce = random::base32::<12>();
    let sealed = peer.config.seal_key.seal("密封 sealed".as_bytes(), &nonce, "transaction");
    Json(json!(sealed.expect("a nonce of twelve bytes")))
}

/// What a merchant of the simulated platform knows.
fn simulated_facts(known: &WechatDemoConfig) -> Value {
    json!({
        "mchid": known.mchid,
        "appid": known.appid,
        "app_secret": known.app_secret,
        "serial_no": known.merchant_serial,
        "private_key": known.merchant_private_key_pem,
        "key_id": known.platform_public_key_id,
        "public_key": known.platform_public_key_pem,
        "api_v3_key": known.api_v3_key,
        "api_v2_key": known.api_v2_key,
        "service_id": known.service_id,
        "bridge_url": known.bridge_url,
        "business_view_url": known.business_view_url,
    })
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1);
    let store = Store::open(url.as_deref().unwrap_or("sqlite::memory:")).await?;
    store.migrate().await?;
    let socket = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", socket.local_addr()?);
    let (merchant, platform) = (SigningKey::generate()?, SigningKey::generate()?);
    let opened = Platform::open(store.clone(), Clock::System, &url, &url);
    let (simulated, known) = opened.await?;
    let settings = WechatSettings {
        base_url: Some(url.clone()),
        mchid: "1900000001".to_owned(),
        appid: "wx0000000000000001".to_owned(),
        serial_no: "5157F09EFDC096DE15EBE81A47057A7232F1B8E1".to_owned(),
        private_key: merchant.to_pkcs8_base64()?,
        api_v3_key: random::base32::<32>(),
        platform: PlatformKeySettings {
            public_key: Some((KEY_ID.to_owned(), platform.public()?.to_base64())),
            certificates: false,
        },
        pay_score: Some(PayScoreSettings {
            service_id: "00004000000000000000000000000001".to_owned(),
            api_v2_key: random::base32::<32>(),
        }),
        ..WechatSettings::default()
    };
    let config = WechatConfig::new(&settings, &url)?;
    let facts = json!({
        "url": url,
        "mchid": config.mchid,
        "appid": config.appid,
        "serial_no": config.serial_no,
        "key_id": KEY_ID,
        "api_v3_key": settings.api_v3_key,
        "api_v2_key": settings.pay_score.as_ref().map(|score| &score.api_v2_key),
        "merchant_private_key": settings.private_key,
        "merchant_public_key": merchant.public()?.to_base64(),
        "platform_private_key": platform.to_pkcs8_base64()?,
        "platform_public_key": platform.public()?.to_base64(),
        "simulated": simulated_facts(&known),
    });
    println!("{facts}");
    let told_news = Arc::new(Told::default());
    let notifies = Notifies {
        wechat: Wechat::new(config.clone(), Clock::System)?,
        listener: told_news.clone(),
        store,
    };
    let peers = Router::new()
        .route("/peer/call", get(call))
        .route("/peer/told", get(told))
        .route("/peer/seal", get(seal))
        .with_state(Peer { config, told: told_news });
    let router = notify::router(notifies).merge(peers).merge(simulated.router());
    axum::serve(socket, router).await?;
    Ok(())
}
