//! A small merchant against the simulated platform, over loopback HTTP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::super::*;
use crate::clock::Clock;
use crate::random;
use crate::store::Store;

/// 08:00 in China on 22 November 2026.
pub(super) const NOW_MS: i64 = 1_795_305_600_000;

pub(super) const RETRIES: &[Duration] = &[Duration::from_millis(5), Duration::from_millis(5)];

/// Keys are slow to make.
pub(super) static KEYS: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();

pub(super) struct Merchant {
    pub(super) platform: Platform,
    pub(super) config: WechatDemoConfig,
    pub(super) clock: Clock,
    pub(super) http: reqwest::Client,
    pub(super) url: String,
    pub(super) heard: Receiver<(HeaderMap, String)>,
    pub(super) refuse: Arc<Mutex<usize>>,
}

/// An answer, and whether it is signed as it should be.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) headers: HeaderMap,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(super) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or("").to_owned()
    }
}

pub(super) type Ear = (Sender<(HeaderMap, String)>, Arc<Mutex<usize>>);

/// Takes notifies, after refusing as many as it was told to; probes never.
pub(super) async fn hear(
    State((heard, refuse)): State<Ear>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    if headers["wechatpay-signature"].to_str().unwrap().starts_with("WECHATPAY/SIGNTEST/") {
        return StatusCode::UNAUTHORIZED;
    }
    heard.send((headers, body)).await.unwrap();
    let mut refuse = refuse.lock().unwrap();
    if *refuse > 0 {
        *refuse -= 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    StatusCode::NO_CONTENT
}

impl Merchant {
    pub(super) async fn new() -> Self {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let keys = KEYS
            .get_or_init(async || {
                serde_json::to_string(&platform::Keys::new(NOW_MS).unwrap()).unwrap()
            })
            .await;
        store.put_demo_document("wechat/keys", keys, 0).await.unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let clock = Clock::manual(NOW_MS);
        let (platform, config) = Platform::open(store, clock.clone(), &url, &url).await.unwrap();
        let (sender, heard) = channel(64);
        let refuse = Arc::new(Mutex::new(0));
        let ear = Router::new().route("/told", post(hear)).with_state((sender, refuse.clone()));
        let router = platform.router().merge(ear);
        tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(2))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let merchant = Self { platform, config, clock, http, url, heard, refuse };
        merchant.faults(|_| {});
        merchant
    }

    /// Sets faults over the tests' own: everything is done at once, and repeated soon.
    pub(super) fn faults(&self, change: impl FnOnce(&mut Faults)) {
        let mut faults =
            Faults { takes: Duration::ZERO, retry_after: RETRIES, ..Faults::default() };
        change(&mut faults);
        self.platform.set_faults(faults);
    }

    pub(super) fn authorization(
        &self,
        method: &str,
        target: &str,
        body: &str,
        at_s: i64,
        nonce: &str,
    ) -> String {
        let text = format!("{method}\n{target}\n{at_s}\n{nonce}\n{body}\n");
        let pem = &self.config.merchant_private_key_pem;
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let signature = keys::Key::parse(&base64).unwrap().sign(text.as_bytes());
        format!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"{}\",nonce_str=\"{nonce}\",timestamp=\"{at_s}\",\
             serial_no=\"{}\",signature=\"{signature}\"",
            self.config.mchid, self.config.merchant_serial
        )
    }

    pub(super) async fn send(
        &self,
        method: &str,
        target: &str,
        body: &str,
        authorization: &str,
    ) -> Answer {
        let method = method.parse().unwrap();
        let answer = self
            .http
            .request(method, format!("{}{target}", self.url))
            .header("authorization", authorization)
            .header("wechatpay-serial", &self.config.platform_public_key_id)
            .body(body.to_owned())
            .send()
            .await
            .unwrap();
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.bytes().await.unwrap().to_vec(),
        }
    }

    pub(super) async fn call(&self, method: &str, target: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let nonce = random::base32::<32>();
        let at_s = self.clock.now_ms() / 1_000;
        let authorization = self.authorization(method, target, &body, at_s, &nonce);
        self.send(method, target, &body, &authorization).await
    }

    pub(super) async fn get(&self, target: &str) -> Answer {
        self.call("GET", target, &Value::Null).await
    }

    pub(super) fn order(&self, number: &str) -> Value {
        json!({
            "appid": self.config.appid, "mchid": self.config.mchid, "description": "充电 3号插座",
            "out_trade_no": number, "notify_url": format!("{}/told", self.url),
            "amount": {"total": 500, "currency": "CNY"},
            "payer": {"openid": "o1"},
            "scene_info": {"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}},
            "settle_info": {"profit_sharing": true},
        })
    }

    pub(super) async fn opened(&self, number: &str) -> String {
        let answer = self.call("POST", "/v3/pay/transactions/jsapi", &self.order(number)).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()["prepay_id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn press(&self, prepay_id: &str, action: &str) -> u16 {
        let address = format!("{}/demo/wechat/cashier/{prepay_id}", self.url);
        let answer = self.http.post(address).form(&[("action", action)]).send().await.unwrap();
        answer.status().as_u16()
    }

    /// Pays a new order; its number at the platform.
    pub(super) async fn paid(&mut self, number: &str) -> String {
        let prepay_id = self.opened(number).await;
        assert_eq!(self.press(&prepay_id, "pay").await, 303);
        let told = self.told().await;
        assert_eq!(told["trade_state"], "SUCCESS");
        told["transaction_id"].as_str().unwrap().to_owned()
    }

    /// Whether a signature is the platform's and of now.
    pub(super) fn is_signed(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let get = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
        let pem = &self.config.platform_public_key_pem;
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(base64).unwrap();
        let key = aws_lc_rs::signature::ParsedPublicKey::new(
            &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256,
            der,
        );
        let (time, nonce) = (get("wechatpay-timestamp"), get("wechatpay-nonce"));
        let text = [format!("{time}\n{nonce}\n").as_bytes(), body, b"\n"].concat();
        let signature = STANDARD.decode(get("wechatpay-signature")).unwrap_or_default();
        let age_s = time.parse::<i64>().unwrap_or(0).abs_diff(self.clock.now_ms() / 1_000);
        get("wechatpay-serial") == self.config.platform_public_key_id
            && age_s <= 300
            && key.unwrap().verify_sig(&text, &signature).is_ok()
    }

    pub(super) async fn heard(&mut self) -> (HeaderMap, String) {
        let next = tokio::time::timeout(Duration::from_secs(5), self.heard.recv());
        next.await.expect("a notify in time").unwrap()
    }

    /// The next notify, verified and decrypted.
    pub(super) async fn told(&mut self) -> Value {
        let (headers, body) = self.heard().await;
        assert!(self.is_signed(&headers, body.as_bytes()));
        self.open(&serde_json::from_str::<Value>(&body).unwrap()["resource"])
    }

    pub(super) fn open(&self, sealed: &Value) -> Value {
        serde_json::from_str(&self.open_text(sealed)).unwrap()
    }

    pub(super) fn open_text(&self, sealed: &Value) -> String {
        let text = |name: &str| sealed[name].as_str().unwrap();
        let key = UnboundKey::new(&AES_256_GCM, self.config.api_v3_key.as_bytes()).unwrap();
        let nonce = Nonce::try_assume_unique_for_key(text("nonce").as_bytes()).unwrap();
        let mut bytes = STANDARD.decode(text("ciphertext")).unwrap();
        let plain = LessSafeKey::new(key)
            .open_in_place(nonce, Aad::from(text("associated_data").as_bytes()), &mut bytes)
            .unwrap();
        String::from_utf8(plain.to_vec()).unwrap()
    }

    pub(super) async fn refund(&self, number: &str, refund: &str, amount_fen: i64) -> Answer {
        let wanted = json!({
            "out_trade_no": number, "out_refund_no": refund, "notify_url": format!("{}/told", self.url),
            "amount": {"refund": amount_fen, "total": 500, "currency": "CNY"},
        });
        self.call("POST", "/v3/refund/domestic/refunds", &wanted).await
    }
}
