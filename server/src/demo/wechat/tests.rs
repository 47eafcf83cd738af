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

use super::*;
use crate::clock::Clock;
use crate::random;
use crate::store::Store;

/// 08:00 in China on 22 November 2026.
const NOW_MS: i64 = 1_795_305_600_000;

const RETRIES: &[Duration] = &[Duration::from_millis(5), Duration::from_millis(5)];

/// Keys are slow to make.
static KEYS: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();

struct Merchant {
    platform: Platform,
    config: WechatDemoConfig,
    clock: Clock,
    http: reqwest::Client,
    url: String,
    heard: Receiver<(HeaderMap, String)>,
    refuse: Arc<Mutex<usize>>,
}

/// An answer, and whether it is signed as it should be.
struct Answer {
    status: u16,
    body: Vec<u8>,
    headers: HeaderMap,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or("").to_owned()
    }
}

type Ear = (Sender<(HeaderMap, String)>, Arc<Mutex<usize>>);

/// Takes notifies, after refusing as many as it was told to; probes never.
async fn hear(State((heard, refuse)): State<Ear>, headers: HeaderMap, body: String) -> StatusCode {
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
    async fn new() -> Self {
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
    fn faults(&self, change: impl FnOnce(&mut Faults)) {
        let mut faults =
            Faults { takes: Duration::ZERO, retry_after: RETRIES, ..Faults::default() };
        change(&mut faults);
        self.platform.set_faults(faults);
    }

    fn authorization(
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

    async fn send(&self, method: &str, target: &str, body: &str, authorization: &str) -> Answer {
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

    async fn call(&self, method: &str, target: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let nonce = random::base32::<32>();
        let at_s = self.clock.now_ms() / 1_000;
        let authorization = self.authorization(method, target, &body, at_s, &nonce);
        self.send(method, target, &body, &authorization).await
    }

    async fn get(&self, target: &str) -> Answer {
        self.call("GET", target, &Value::Null).await
    }

    fn order(&self, number: &str) -> Value {
        json!({
            "appid": self.config.appid, "mchid": self.config.mchid, "description": "充电 3号插座",
            "out_trade_no": number, "notify_url": format!("{}/told", self.url),
            "amount": {"total": 500, "currency": "CNY"},
            "payer": {"openid": "o1"},
            "scene_info": {"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}},
            "settle_info": {"profit_sharing": true},
        })
    }

    async fn opened(&self, number: &str) -> String {
        let answer = self.call("POST", "/v3/pay/transactions/jsapi", &self.order(number)).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()["prepay_id"].as_str().unwrap().to_owned()
    }

    async fn press(&self, prepay_id: &str, action: &str) -> u16 {
        let address = format!("{}/demo/wechat/cashier/{prepay_id}", self.url);
        let answer = self.http.post(address).form(&[("action", action)]).send().await.unwrap();
        answer.status().as_u16()
    }

    /// Pays a new order; its number at the platform.
    async fn paid(&mut self, number: &str) -> String {
        let prepay_id = self.opened(number).await;
        assert_eq!(self.press(&prepay_id, "pay").await, 303);
        let told = self.told().await;
        assert_eq!(told["trade_state"], "SUCCESS");
        told["transaction_id"].as_str().unwrap().to_owned()
    }

    /// Whether a signature is the platform's and of now.
    fn is_signed(&self, headers: &HeaderMap, body: &[u8]) -> bool {
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

    async fn heard(&mut self) -> (HeaderMap, String) {
        let next = tokio::time::timeout(Duration::from_secs(5), self.heard.recv());
        next.await.expect("a notify in time").unwrap()
    }

    /// The next notify, verified and decrypted.
    async fn told(&mut self) -> Value {
        let (headers, body) = self.heard().await;
        assert!(self.is_signed(&headers, body.as_bytes()));
        self.open(&serde_json::from_str::<Value>(&body).unwrap()["resource"])
    }

    fn open(&self, sealed: &Value) -> Value {
        serde_json::from_str(&self.open_text(sealed)).unwrap()
    }

    fn open_text(&self, sealed: &Value) -> String {
        let text = |name: &str| sealed[name].as_str().unwrap();
        let key = UnboundKey::new(&AES_256_GCM, self.config.api_v3_key.as_bytes()).unwrap();
        let nonce = Nonce::try_assume_unique_for_key(text("nonce").as_bytes()).unwrap();
        let mut bytes = STANDARD.decode(text("ciphertext")).unwrap();
        let plain = LessSafeKey::new(key)
            .open_in_place(nonce, Aad::from(text("associated_data").as_bytes()), &mut bytes)
            .unwrap();
        String::from_utf8(plain.to_vec()).unwrap()
    }

    async fn refund(&self, number: &str, refund: &str, amount_fen: i64) -> Answer {
        let wanted = json!({
            "out_trade_no": number, "out_refund_no": refund, "notify_url": format!("{}/told", self.url),
            "amount": {"refund": amount_fen, "total": 500, "currency": "CNY"},
        });
        self.call("POST", "/v3/refund/domestic/refunds", &wanted).await
    }
}

#[tokio::test]
async fn only_what_the_merchant_signed_just_now_is_taken() {
    let merchant = Merchant::new().await;
    let target = "/v3/pay/transactions/out-trade-no/NOSUCH1?mchid=1900000001";
    let now_s = merchant.clock.now_ms() / 1_000;
    let good = merchant.authorization("GET", target, "", now_s, "n1");
    let first = merchant.send("GET", target, "", &good).await;
    assert_eq!((first.status, first.code().as_str()), (404, "ORDER_NOT_EXIST"));
    assert!(merchant.is_signed(&first.headers, &first.body));
    let bad = [
        good.clone(),
        good.replace("n1", "n2"),
        merchant.authorization("GET", target, "", now_s - 301, "n3"),
        merchant.authorization("GET", target, "", now_s + 301, "n4"),
        merchant.authorization("GET", "/v3/other", "", now_s, "n5"),
        merchant.authorization("POST", target, "", now_s, "n6"),
        merchant.authorization("GET", target, "{}", now_s, "n7"),
        good.replace(&merchant.config.merchant_serial, "1234"),
        "WECHATPAY2-SHA256-RSA2048 nonsense".to_owned(),
        String::new(),
    ];
    for authorization in bad {
        let answer = merchant.send("GET", target, "", &authorization).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "SIGN_ERROR"), "{authorization}");
    }
    let edge = merchant.authorization("GET", target, "", now_s - 300, "n8");
    assert_eq!(merchant.send("GET", target, "", &edge).await.status, 404);
}

#[tokio::test]
async fn an_order_is_opened_paid_told_and_asked_for() {
    let mut merchant = Merchant::new().await;
    let id = merchant.paid("ORDER1").await;
    for target in [
        format!("out-trade-no/ORDER1?mchid={}", merchant.config.mchid),
        format!("id/{id}?mchid={}", merchant.config.mchid),
    ] {
        let told = merchant.get(&format!("/v3/pay/transactions/{target}")).await.json();
        assert_eq!(
            (told["trade_state"].as_str(), told["amount"]["total"].as_i64()),
            (Some("SUCCESS"), Some(500))
        );
        assert_eq!(told["payer"]["openid"], "o1");
    }
    let again =
        merchant.call("POST", "/v3/pay/transactions/jsapi", &merchant.order("ORDER1")).await;
    assert_eq!(again.code(), "ORDERPAID");
    let close = json!({"mchid": merchant.config.mchid});
    let close_path = |number: &str| format!("/v3/pay/transactions/out-trade-no/{number}/close");
    assert_eq!(merchant.call("POST", &close_path("ORDER1"), &close).await.code(), "ORDERPAID");
    assert_eq!(
        merchant.call("POST", &close_path("ORDER9"), &close).await.code(),
        "ORDER_NOT_EXIST"
    );
    let prepay_id = merchant.opened("ORDER2").await;
    assert_eq!(merchant.opened("ORDER2").await, prepay_id, "the same order again");
    let mut other = merchant.order("ORDER2");
    other["amount"]["total"] = json!(501);
    let answer = merchant.call("POST", "/v3/pay/transactions/jsapi", &other).await;
    assert_eq!(answer.code(), "INVALID_REQUEST");
    assert_eq!(merchant.call("POST", &close_path("ORDER2"), &close).await.status, 204);
    merchant.press(&prepay_id, "pay").await;
    let told =
        merchant.get("/v3/pay/transactions/out-trade-no/ORDER2?mchid=1900000001").await.json();
    assert_eq!(told["trade_state"], "CLOSED", "what is closed cannot be paid");
}

#[tokio::test]
async fn refunds_take_their_time_and_their_limits() {
    let mut merchant = Merchant::new().await;
    merchant.paid("ORDER1").await;
    merchant.faults(|faults| faults.takes = Duration::from_secs(1));
    let first = merchant.refund("ORDER1", "R1", 300).await.json();
    assert_eq!(first["status"], "PROCESSING");
    merchant.clock.advance_ms(1_000);
    let done = merchant.get("/v3/refund/domestic/refunds/R1").await.json();
    assert_eq!(
        (done["status"].as_str(), &done["refund_id"]),
        (Some("SUCCESS"), &first["refund_id"])
    );
    assert_eq!(merchant.told().await["refund_status"], "SUCCESS");
    let again = merchant.refund("ORDER1", "R1", 300).await.json();
    assert_eq!(again["refund_id"], first["refund_id"]);
    assert_eq!(merchant.refund("ORDER1", "R1", 200).await.code(), "INVALID_REQUEST");
    assert_eq!(merchant.refund("ORDER1", "R2", 201).await.code(), "INVALID_REQUEST");
    merchant.faults(|faults| faults.refund = RefundFault::NotEnough);
    assert_eq!(merchant.refund("ORDER1", "R2", 200).await.code(), "NOT_ENOUGH");
    merchant.faults(|faults| faults.refund = RefundFault::Abnormal);
    assert_eq!(merchant.refund("ORDER1", "R2", 200).await.status, 200);
    assert_eq!(merchant.told().await["refund_status"], "ABNORMAL");
    assert_eq!(merchant.get("/v3/refund/domestic/refunds/R9").await.code(), "RESOURCE_NOT_EXISTS");
}

#[tokio::test]
async fn sharing_keeps_its_limits() {
    let mut merchant = Merchant::new().await;
    let id = merchant.paid("ORDER1").await;
    let share = |number: &str, account: &str, amount: i64| {
        json!({"appid": merchant.config.appid, "transaction_id": id, "out_order_no": number,
            "unfreeze_unsplit": false, "receivers": [{"type": "PERSONAL_OPENID", "account": account,
            "amount": amount, "description": "分账"}]})
    };
    let path = "/v3/profitsharing/orders";
    assert_eq!(
        merchant.call("POST", path, &share("S1", "o2", 100)).await.code(),
        "INVALID_REQUEST",
        "too early"
    );
    merchant.clock.advance_ms(60_000);
    assert_eq!(
        merchant.call("POST", path, &share("S1", "o2", 151)).await.code(),
        "RULE_LIMIT",
        "30 %"
    );
    let stranger = merchant.call("POST", path, &share("S0", "o9", 100)).await.json();
    assert_eq!(stranger["receivers"][0]["fail_reason"], "NO_RELATION");
    let receiver = json!({"appid": merchant.config.appid, "type": "PERSONAL_OPENID", "account": "o2",
        "relation_type": "PARTNER"});
    assert_eq!(
        merchant.call("POST", "/v3/profitsharing/receivers/add", &receiver).await.status,
        200
    );
    let done = merchant.call("POST", path, &share("S1", "o2", 150)).await.json();
    assert_eq!(
        (done["state"].as_str(), done["receivers"][0]["result"].as_str()),
        (Some("FINISHED"), Some("SUCCESS"))
    );
    let mut many = share("S3", "o2", 1);
    many["receivers"] = json!(vec![many["receivers"][0].clone(); 51]);
    assert_eq!(merchant.call("POST", path, &many).await.code(), "PARAM_ERROR");
    let left = format!("/v3/profitsharing/transactions/{id}/amounts");
    assert_eq!(merchant.get(&left).await.json()["unsplit_amount"], 350);
    let unfreeze = json!({"transaction_id": id, "out_order_no": "U1", "description": "解冻"});
    let freed = merchant.call("POST", "/v3/profitsharing/orders/unfreeze", &unfreeze).await.json();
    assert_eq!(freed["receivers"][0]["amount"], 350);
    assert_eq!(merchant.get(&left).await.json()["unsplit_amount"], 0);
    assert_eq!(merchant.call("POST", path, &share("S4", "o2", 1)).await.code(), "INVALID_REQUEST");
}

#[tokio::test]
async fn notifies_are_repeated_and_spoilt_as_told() {
    let mut merchant = Merchant::new().await;
    *merchant.refuse.lock().unwrap() = 2;
    let prepay_id = merchant.opened("ORDER1").await;
    merchant.faults(|faults| faults.probes = true);
    merchant.press(&prepay_id, "pay").await;
    let first = merchant.heard().await.1;
    assert_eq!(merchant.heard().await.1, first);
    assert_eq!(merchant.heard().await.1, first);
    assert_eq!(merchant.platform.probes(), (3, 0));
    for (nth, fault) in [
        NotifyFault::BadSignature,
        NotifyFault::OtherKey,
        NotifyFault::UnknownSerial,
        NotifyFault::Altered,
        NotifyFault::Old,
    ]
    .into_iter()
    .enumerate()
    {
        merchant.faults(|faults| faults.notify = fault);
        let prepay_id = merchant.opened(&format!("FORGED{nth}")).await;
        merchant.press(&prepay_id, "pay").await;
        let (headers, body) = merchant.heard().await;
        assert!(!merchant.is_signed(&headers, body.as_bytes()), "{fault:?}");
    }
    merchant.faults(|faults| faults.notify = NotifyFault::WrongAmount);
    let prepay_id = merchant.opened("WRONG1").await;
    merchant.press(&prepay_id, "pay").await;
    assert_eq!(merchant.told().await["amount"]["total"], 501);
    merchant.faults(|faults| faults.notify = NotifyFault::Copies(3));
    let prepay_id = merchant.opened("COPIES").await;
    merchant.press(&prepay_id, "pay").await;
    let first = merchant.heard().await.1;
    assert!(merchant.heard().await.1 == first && merchant.heard().await.1 == first);
    let prepay_id = merchant.opened("LOST01").await;
    merchant.press(&prepay_id, "pay_lost").await;
    let told =
        merchant.get("/v3/pay/transactions/out-trade-no/LOST01?mchid=1900000001").await.json();
    assert_eq!(told["trade_state"], "SUCCESS");
    assert!(merchant.heard.try_recv().is_err());
}

#[tokio::test]
async fn answers_are_spoilt_as_told() {
    let merchant = Merchant::new().await;
    let target = "/v3/pay/transactions/out-trade-no/NOSUCH1?mchid=1900000001";
    for fault in [
        AnswerFault::UnsignedError,
        AnswerFault::Truncated,
        AnswerFault::OtherKey,
        AnswerFault::Altered,
        AnswerFault::Old,
        AnswerFault::BadGateway,
    ] {
        merchant.faults(|faults| faults.answer = fault);
        let answer = merchant.get(target).await;
        assert!(!merchant.is_signed(&answer.headers, &answer.body), "{fault:?}");
    }
    merchant.faults(|faults| faults.skew_ms = 301_000);
    assert_eq!(merchant.get(target).await.status, 401);
    merchant.faults(|faults| faults.merchant_revoked = true);
    assert_eq!(merchant.get(target).await.code(), "SIGN_ERROR");
}

#[tokio::test]
async fn f17_certificates_overlap_when_they_are_rotated() {
    let merchant = Merchant::new().await;
    merchant.platform.rotate().await.unwrap();
    let list = merchant.get("/v3/certificates").await.json();
    let data = list["data"].as_array().unwrap();
    assert_eq!(data.len(), 2);
    for one in data {
        let pem = merchant.open_text(&one["encrypt_certificate"]);
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
    }
    assert_eq!(merchant.platform.sign("", b"x").0, merchant.config.platform_public_key_id);
    merchant.faults(|faults| faults.signed_by = SignedBy::Certificate);
    assert_eq!(merchant.platform.sign("", b"x").0, data[1]["serial_no"].as_str().unwrap());
}

#[tokio::test]
async fn a_bill_has_yesterdays_payments_and_refunds() {
    let mut merchant = Merchant::new().await;
    merchant.paid("ORDER1").await;
    merchant.refund("ORDER1", "R1", 200).await;
    let target = "/v3/bill/tradebill?bill_date=2026-11-22&bill_type=ALL&tar_type=GZIP";
    assert_eq!(merchant.get(target).await.code(), "PARAM_ERROR", "today");
    merchant.clock.advance_ms(24 * 3_600_000);
    assert_eq!(merchant.get(target).await.code(), "STATEMENT_CREATING", "08:00");
    merchant.clock.advance_ms(2 * 3_600_000);
    let told = merchant.get(target).await.json();
    let address = told["download_url"].as_str().unwrap().strip_prefix(&merchant.url).unwrap();
    let packed = merchant.get(address).await.body;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut bytes).unwrap();
    let sha1 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    assert_eq!(told["hash_value"], random::hex(sha1.as_ref()));
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[1].contains(",`ORDER1,") && lines[1].contains(",`SUCCESS,"));
    assert!(lines[2].contains(",`R1,`2.00,"));
    assert_eq!(lines[4], "`2,`5.00,`2.00,`0.00,`0.01800,`5.00,`2.00");
    let unsigned = merchant.send("GET", address, "", "").await;
    assert_eq!(unsigned.status, 401);
}

#[tokio::test]
async fn payscore_goes_by_the_two_wheeler_rules() {
    let mut merchant = Merchant::new().await;
    let path = "/v3/payscore/serviceorder";
    let (appid, service) = (merchant.config.appid.clone(), merchant.config.service_id.clone());
    let wanted = json!({"out_order_no": "SCORE1", "appid": appid, "service_id": service,
        "service_introduction": "两轮车充电", "time_range": {"start_time": "OnAccept"},
        "risk_fund": {"name": "ESTIMATE_ORDER_COST", "amount": 1000},
        "post_payments": [{"name": "收费标准", "description": "1元/小时"}],
        "device": {"start_device_id": "D1"}, "need_user_confirm": true,
        "notify_url": format!("{}/told", merchant.url)});
    for (name, value) in [
        ("post_payments", json!([{"name": "收费标准", "description": "x", "amount": 1}])),
        ("post_payments", json!([{"name": "服务费", "description": "x"}])),
        ("device", json!({})),
        ("post_payments", json!([])),
    ] {
        let mut wrong = wanted.clone();
        wrong[name] = value;
        assert_eq!(merchant.call("POST", path, &wrong).await.status, 400, "{wrong}");
    }
    let created = merchant.call("POST", path, &wanted).await.json();
    assert_eq!(created["state"], "CREATED");
    let complete = |tariff: i64, total: i64| {
        json!({"appid": appid, "service_id": service,
        "time_range": {"end_time": "20261122090000"}, "total_amount": total,
        "post_payments": [{"name": "收费标准", "amount": tariff, "description": "1元/小时"},
            {"name": "使用时长", "description": "1小时"}]})
    };
    let deed = |deed: &str| format!("{path}/SCORE1/{deed}");
    assert_eq!(
        merchant.call("POST", &deed("complete"), &complete(300, 300)).await.code(),
        "INVALID_ORDER_STATE"
    );
    let form = [("package", created["package"].as_str().unwrap()), ("action", "pay")];
    merchant.http.post(&merchant.config.business_view_url).form(&form).send().await.unwrap();
    assert_eq!(merchant.told().await["state_description"], "USER_CONFIRM");
    assert_eq!(
        merchant.call("POST", &deed("complete"), &complete(300, 200)).await.code(),
        "PARAM_ERROR"
    );
    assert_eq!(
        merchant.call("POST", &deed("complete"), &complete(1001, 1001)).await.code(),
        "PARAM_ERROR"
    );
    let done = merchant.call("POST", &deed("complete"), &complete(300, 300)).await.json();
    assert_eq!(done["state"], "DONE", "{done}");
    let paid = merchant.told().await;
    let id = paid["collection"]["details"][0]["transaction_id"].as_str().unwrap();
    let cancel = json!({"appid": appid, "service_id": service, "reason": "x"});
    assert_eq!(merchant.call("POST", &deed("cancel"), &cancel).await.code(), "INVALID_ORDER_STATE");
    let refund = json!({"transaction_id": id, "out_refund_no": "R1",
        "amount": {"refund": 100, "total": 300, "currency": "CNY"}});
    assert_eq!(merchant.call("POST", "/v3/refund/domestic/refunds", &refund).await.status, 200);
}

#[tokio::test]
async fn a_login_code_serves_once() {
    let merchant = Merchant::new().await;
    let authorize = |uri: &str| {
        format!(
            "{}?appid={}&state=s1&payer=o7&redirect_uri={uri}",
            merchant.config.authorize_url, merchant.config.appid
        )
    };
    let evil = merchant.http.get(authorize("https://evil.example/")).send().await.unwrap();
    assert_eq!(evil.status(), 400);
    let back =
        merchant.http.get(authorize(&format!("{}/login", merchant.url))).send().await.unwrap();
    let location = back.headers()["location"].to_str().unwrap().to_owned();
    let code = location.split_once("code=").unwrap().1.split('&').next().unwrap();
    let exchange = |path: &str, name: &str, code: &str, secret: &str| {
        let address = format!(
            "{}/sns/{path}?appid={}&secret={secret}&{name}={code}&grant_type=authorization_code",
            merchant.url, merchant.config.appid
        );
        let http = merchant.http.clone();
        async move { http.get(address).send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let secret = &merchant.config.app_secret;
    assert_eq!(exchange("oauth2/access_token", "code", code, "wrong").await["errcode"], 40125);
    assert_eq!(exchange("oauth2/access_token", "code", code, secret).await["openid"], "o7");
    assert_eq!(exchange("oauth2/access_token", "code", code, secret).await["errcode"], 40163);
    assert_eq!(exchange("jscode2session", "js_code", "guessed", secret).await["errcode"], 40029);
}

#[tokio::test]
async fn the_bridge_opens_only_for_a_right_signature() {
    let merchant = Merchant::new().await;
    let package = format!("prepay_id={}", merchant.opened("ORDER1").await);
    let text = format!("{}\n1795305600\nn1\n{package}\n", merchant.config.appid);
    let pem = &merchant.config.merchant_private_key_pem;
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let sign = keys::Key::parse(&base64).unwrap().sign(text.as_bytes());
    for (nonce, status) in [("n1", 303), ("n2", 400)] {
        let query = [
            ("appId", merchant.config.appid.as_str()),
            ("timeStamp", "1795305600"),
            ("nonceStr", nonce),
            ("package", &package),
            ("signType", "RSA"),
            ("paySign", &sign),
        ];
        let address = cashier::with_query(&merchant.config.bridge_url, &query);
        let answer = merchant.http.get(address).send().await.unwrap();
        assert_eq!(answer.status(), status);
    }
}
