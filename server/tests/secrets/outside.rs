//! What is outside of the server: a simulated Alipay, and a `WeChat` Pay that answers strangely.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde_json::{Value, json};
use server::clock::Clock;
use server::demo::alipay::{Faults, Platform};
use server::payments::alipay::AlipayConfig;
use server::payments::keys::SigningKey;
use server::payments::wechat::seal::SealKey;
use server::payments::wechat::sign;
use server::store::Store;
use tokio::net::TcpListener;

use crate::stage::{PHONE, SESSION_KEY, V3_KEY, WECHAT_OPEN_ID};

/// The id of the platform's key.
pub const KEY_ID: &str = "PUB_KEY_ID_0119000000000001";

/// What a login's answer looks like: right, and with a secret where something else belongs.
pub const STRANGE_SHAPES: &[&str] = &[
    r#"{"openid": "OPENID", "session_key": "SESSIONKEY"}"#,
    r#"{"openid": "OPENID", "errcode": "SESSIONKEY"}"#,
    r#"{"openid": ["OPENID"], "session_key": "SESSIONKEY"}"#,
    r#"{"errcode": 40029, "errmsg": "invalid code"}"#,
    r#"{"session_key": "SESSIONKEY"#,
];

/// A simulated Alipay whose riders come from `shop`; where it is, and how it is reached.
pub async fn alipay(shop: &str) -> (String, AlipayConfig, Store) {
    let store = Store::open("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (platform, config) =
        Platform::open(store.clone(), Clock::System, shop, &url).await.unwrap();
    platform.set_faults(Faults::default());
    let router = platform.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, config, store)
}

/// A `WeChat` Pay.
pub struct Wechat {
    /// Where it is.
    pub url: String,
    /// Its own key.
    pub key: SigningKey,
    answer: Arc<Mutex<String>>,
}

impl Wechat {
    /// Opens on a free port.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(STRANGE_SHAPES[0].to_owned()));
        let router = Router::new().fallback(answered).with_state(Arc::clone(&answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, key: SigningKey::generate().unwrap(), answer }
    }

    /// What logins are answered from now on.
    pub fn answers(&self, shape: &str) {
        let shape = shape.replace("OPENID", WECHAT_OPEN_ID).replace("SESSIONKEY", SESSION_KEY);
        *self.answer.lock().unwrap() = shape;
    }
}

/// Logins as told; a payment is never opened.
async fn answered(State(answer): State<Arc<Mutex<String>>>, uri: Uri) -> (StatusCode, String) {
    if uri.path().starts_with("/sns/") {
        return (StatusCode::OK, answer.lock().unwrap().clone());
    }
    (StatusCode::INTERNAL_SERVER_ERROR, r#"{"code": "SYSTEM_ERROR", "message": "busy"}"#.to_owned())
}

/// Contents of callbacks, and whether the right key signs them.
pub fn wechat_callbacks() -> Vec<(Value, bool)> {
    let paid = json!({
        "mchid": "1900000001", "appid": "wx0000000000000001", "out_trade_no": "NOBODYS",
        "transaction_id": "4200000001", "trade_type": "JSAPI", "trade_state": "SUCCESS",
        "success_time": "2026-11-22T07:59:58+08:00", "payer": {"openid": WECHAT_OPEN_ID},
        "amount": {"total": 500, "payer_total": 500, "currency": "CNY"},
    });
    let with = |name: &str, value: Value| {
        let mut content = paid.clone();
        content[name] = value;
        content
    };
    vec![
        (paid.clone(), true),
        (paid.clone(), false),
        (with("payer", json!(WECHAT_OPEN_ID)), true),
        (with("amount", json!({"total": PHONE})), true),
        (with("success_time", json!(PHONE)), true),
        (with("mchid", json!(WECHAT_OPEN_ID)), true),
        (with("trade_state", json!(WECHAT_OPEN_ID)), true),
        (with("out_trade_no", json!({"openid": WECHAT_OPEN_ID})), true),
        (json!(WECHAT_OPEN_ID), true),
    ]
}

/// A callback, sealed and signed.
pub fn signed_by_wechat(
    wechat: &Wechat,
    content: &Value,
    is_ours: bool,
) -> (Vec<(String, String)>, Vec<u8>) {
    let seal = SealKey::new(V3_KEY.as_bytes()).unwrap();
    let sealed = seal.seal(content.to_string().as_bytes(), "abcdefghijkl", "transaction").unwrap();
    let mut resource = serde_json::to_value(sealed).unwrap();
    resource["original_type"] = json!("transaction");
    let body = json!({
        "id": server::random::base32::<16>(), "create_time": "2026-11-22T08:00:00+08:00",
        "event_type": "TRANSACTION.SUCCESS", "resource_type": "encrypt-resource",
        "summary": "支付成功", "resource": resource,
    });
    let body = body.to_string().into_bytes();
    let timestamp = (Clock::System.now_ms() / 1_000).to_string();
    let text = sign::answer_text(&timestamp, "nonce", if is_ours { &body } else { b"other" });
    let headers = [
        ("wechatpay-timestamp", timestamp.as_str()),
        ("wechatpay-nonce", "nonce"),
        ("wechatpay-signature", &wechat.key.sign(str::from_utf8(&text).unwrap())),
        ("wechatpay-serial", KEY_ID),
        ("wechatpay-signature-type", sign::SIGN_TYPE),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    (headers.to_vec(), body)
}
