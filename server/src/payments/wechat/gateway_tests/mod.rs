//! The adapter against a small platform that says what each test wants, signed as the test wants.

mod beyond;
mod payments;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use wasm_core::ids::{PaymentId, RefundId};
use wasm_core::money::Fen;

use super::testing::{self, KEY_ID, config, signed};
use super::{Wechat, WechatConfig};
use crate::clock::Clock;
use crate::orders::{NewPayment, PayVia, RefundRequest};
use crate::payments::keys::SigningKey;

const NOW_MS: i64 = 1_795_305_600_000;

/// What the platform says to a call.
#[derive(Clone)]
struct Say {
    status: u16,
    body: Vec<u8>,
    headers: Signing,
}

#[derive(Clone)]
enum Signing {
    Right,
    By(SigningKey, &'static str),
    At(i64),
    OfAnother,
    None,
}

fn say(status: u16, body: &Value) -> Say {
    Say { status, body: body.to_string().into_bytes(), headers: Signing::Right }
}

type Seen = Vec<(String, String, Value)>;

#[derive(Clone, Default)]
struct Gateway {
    says: Arc<Mutex<BTreeMap<String, Say>>>,
    seen: Arc<Mutex<Seen>>,
}

impl Gateway {
    /// From now on, what it says to a call: `POST /path`.
    fn says(&self, call: &str, say: Say) {
        self.says.lock().unwrap().insert(call.to_owned(), say);
    }

    fn seen(&self) -> Seen {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    async fn start(&self, change: impl FnOnce(&mut WechatConfig)) -> Wechat {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
        let mut config = config();
        config.base_url = format!("{url}/base");
        config.api_url = url;
        change(&mut config);
        Wechat::new(config, Clock::manual(NOW_MS)).unwrap()
    }
}

async fn answer(
    State(gateway): State<Gateway>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = uri.path_and_query().unwrap().as_str().to_owned();
    if uri.path().starts_with("/base/") {
        assert_signed(&method, &target, &headers, &body);
    }
    let path = uri.path().trim_start_matches("/base").to_owned();
    let seen = serde_json::from_slice(&body).unwrap_or(Value::Null);
    gateway.seen.lock().unwrap().push((format!("{method} {path}"), target, seen));
    let says = gateway.says.lock().unwrap().get(&format!("{method} {path}")).cloned();
    let Some(say) = says else { return StatusCode::BAD_GATEWAY.into_response() };
    let headers = match &say.headers {
        Signing::Right => signed(&say.body, NOW_MS, &testing::key(), KEY_ID),
        Signing::By(key, serial) => signed(&say.body, NOW_MS, key, serial),
        Signing::At(at_ms) => signed(&say.body, *at_ms, &testing::key(), KEY_ID),
        Signing::OfAnother => signed(b"another", NOW_MS, &testing::key(), KEY_ID),
        Signing::None => HeaderMap::new(),
    };
    (StatusCode::from_u16(say.status).unwrap(), headers, say.body).into_response()
}

/// The five lines, put together here once more.
fn assert_signed(method: &Method, target: &str, headers: &HeaderMap, body: &Bytes) {
    let authorization = headers["authorization"].to_str().unwrap();
    let pairs = authorization.strip_prefix("WECHATPAY2-SHA256-RSA2048 ").unwrap();
    let value = |name: &str| {
        let pair = pairs.split(',').find_map(|pair| pair.strip_prefix(&format!("{name}=\"")));
        pair.unwrap().trim_end_matches('"').to_owned()
    };
    let body = str::from_utf8(body).unwrap();
    let text =
        format!("{method}\n{target}\n{}\n{}\n{body}\n", value("timestamp"), value("nonce_str"));
    assert!(config().private_key.public().unwrap().verify(text, &value("signature")));
    assert_eq!(value("mchid"), "1900000001");
    assert_eq!(value("serial_no"), config().serial_no);
    assert_eq!(headers["accept"], "application/json");
}

fn payment(via: PayVia) -> NewPayment {
    NewPayment {
        id: PaymentId::from("K1"),
        amount_fen: Fen(500),
        subject: "扫充 3号插座\n".repeat(50),
        via,
        expires_ms: NOW_MS + 900_000,
        return_url: "https://charge.example/orders/1?a=b&c=充".to_owned(),
    }
}

fn refund() -> RefundRequest {
    RefundRequest {
        id: RefundId::from("K1R1"),
        payment_id: PaymentId::from("K1"),
        paid_fen: Fen(500),
        amount_fen: Fen(100),
        reason: "充电未用部分退回".to_owned(),
    }
}

fn trade(state: &str) -> Value {
    json!({
        "mchid": "1900000001", "appid": "wx0000000000000001", "out_trade_no": "K1",
        "transaction_id": "4200000001", "trade_state": state,
        "amount": { "total": 500, "currency": "CNY" },
    })
}

const QUERY: &str = "GET /v3/pay/transactions/out-trade-no/K1";
const REFUND: &str = "POST /v3/refund/domestic/refunds";
const REFUND_QUERY: &str = "GET /v3/refund/domestic/refunds/K1R1";
const ORDER: &str = "GET /v3/payscore/serviceorder";
