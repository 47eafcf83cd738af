//! The adapter against a small platform that says what each test wants, signed as the test wants.

mod beyond_tests;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wasm_core::ids::{PaymentId, RefundId};
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::testing::{self, KEY_ID, config, signed};
use super::{Wechat, WechatConfig, sign};
use crate::clock::Clock;
use crate::orders::{
    BillDay, Bills, CaptureRequest, Checkout, Holds, Logins, NewPayment, PayVia, Payments,
    Receiver, ReceiverKind, RefundRequest, ReturnRequest, ShareState, SplitRequest, SplitShare,
    Splits, TradeState, Unsure,
};
use crate::payments::keys::SigningKey;
use crate::random;

const NOW_MS: i64 = 1_795_305_600_000;

/// What the platform says to a call.
#[derive(Clone)]
struct Say {
    status: u16,
    body: Vec<u8>,
    headers: Signing,
    /// How long it thinks first.
    after: Duration,
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
    Say {
        status,
        body: body.to_string().into_bytes(),
        headers: Signing::Right,
        after: Duration::ZERO,
    }
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
    tokio::time::sleep(say.after).await;
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
        will_split: false,
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

#[tokio::test]
async fn each_product_gets_its_checkout() {
    let gateway = Gateway::default();
    let wechat = gateway.start(|config| config.profit_sharing = true).await;
    gateway.says("POST /v3/pay/transactions/jsapi", say(200, &json!({"prepay_id": "wx2026"})));
    let url = "https://wx.tenpay.com/h5?prepay_id=wx1&package=2";
    gateway.says("POST /v3/pay/transactions/h5", say(200, &json!({ "h5_url": url })));
    let code = json!({ "code_url": "weixin://wxpay/bizpayurl/up?pr=1" });
    gateway.says("POST /v3/pay/transactions/native", say(200, &code));

    let app = PayVia::app(Channel::Wechat, "wx0000000000000002:open-2");
    let split = NewPayment { will_split: true, ..payment(app) };
    let Ok(Checkout::Bridge(params)) = wechat.create(&split).await else { panic!() };
    let params: BTreeMap<String, String> = serde_json::from_str(&params).unwrap();
    let text = sign::cashier_text(
        "wx0000000000000002",
        &params["timeStamp"],
        &params["nonceStr"],
        "prepay_id=wx2026",
    );
    assert!(config().private_key.public().unwrap().verify(text, &params["paySign"]));
    assert_eq!((params["signType"].as_str(), params["timeStamp"].as_str()), ("RSA", "1795305600"));
    let (_, _, body) = gateway.seen().remove(0);
    assert_eq!(body["appid"], "wx0000000000000002");
    assert_eq!(body["payer"]["openid"], "open-2");
    assert_eq!(body["amount"], json!({ "total": 500, "currency": "CNY" }));
    assert_eq!(body["time_expire"], "2026-11-22T08:15:00+08:00");
    assert_eq!(body["settle_info"]["profit_sharing"], true);
    assert_eq!(body["description"].as_str().unwrap().chars().count(), 127);

    let browser = PayVia::browser(Channel::Wechat, IpAddr::V4(Ipv4Addr::LOCALHOST));
    let redirect = wechat.create(&payment(browser)).await.unwrap();
    let back = "https%3A%2F%2Fcharge.example%2Forders%2F1%3Fa%3Db%26c%3D%E5%85%85";
    assert_eq!(redirect, Checkout::Redirect(format!("{url}&redirect_url={back}")));
    let (_, _, body) = gateway.seen().remove(0);
    assert_eq!(body["scene_info"]["payer_client_ip"], "127.0.0.1");
    assert_eq!(body.get("settle_info"), None, "nobody else gets anything");

    let code = wechat.create(&payment(PayVia::code(Channel::Wechat))).await.unwrap();
    assert_eq!(code, Checkout::Code("weixin://wxpay/bizpayurl/up?pr=1".to_owned()));
}

#[tokio::test]
async fn states_of_a_trade_are_told_apart() {
    let gateway = Gateway::default();
    let wechat = gateway.start(|config| config.pay_score = None).await;
    let id = PaymentId::from("K1");
    for (state, expected) in [
        ("NOTPAY", "Ok(Waiting)"),
        ("USERPAYING", "Ok(Waiting)"),
        ("PAYERROR", "Ok(Waiting)"),
        ("CLOSED", "Ok(Closed)"),
        ("REVOKED", "Ok(Closed)"),
        ("SUCCESS", "Ok(Paid("),
        ("REFUND", "Ok(Paid("),
        ("ODD", "Err(Unknown("),
    ] {
        gateway.says(QUERY, say(200, &trade(state)));
        let answer = format!("{:?}", wechat.query(&id).await);
        assert!(answer.starts_with(expected), "{state}: {answer}");
    }
    assert_eq!(gateway.seen()[0].1, "/base/v3/pay/transactions/out-trade-no/K1?mchid=1900000001");
    for (name, value) in [("out_trade_no", "K2"), ("mchid", "1"), ("appid", "wx9")] {
        let mut another = trade("SUCCESS");
        another[name] = json!(value);
        gateway.says(QUERY, say(200, &another));
        assert!(matches!(wechat.query(&id).await, Err(Unsure::Unknown(_))), "{name}");
    }
    gateway.says(QUERY, say(404, &json!({ "code": "ORDER_NOT_EXIST", "message": "none" })));
    assert_eq!(wechat.query(&id).await, Ok(TradeState::Unknown));
}

#[tokio::test]
async fn f06_an_answer_that_is_not_the_platforms_is_unknown() {
    let gateway = Gateway::default();
    let wechat = gateway.start(|_| {}).await;
    let good = say(200, &trade("SUCCESS"));
    for headers in [
        Signing::None,
        Signing::OfAnother,
        Signing::By(testing::second_key(), KEY_ID),
        Signing::By(testing::key(), "UNKNOWN"),
        Signing::At(NOW_MS - 301_000),
        Signing::At(NOW_MS + 301_000),
    ] {
        gateway.says(QUERY, Say { headers, ..good.clone() });
        let answer = wechat.query(&PaymentId::from("K1")).await;
        assert!(matches!(answer, Err(Unsure::Unknown(_))), "{answer:?}");
    }
    for body in [b"{".to_vec(), Vec::new(), vec![b'a'; 300_000]] {
        gateway.says(QUERY, Say { body, ..good.clone() });
        let answer = wechat.query(&PaymentId::from("K1")).await;
        assert!(matches!(answer, Err(Unsure::Unknown(_))), "{answer:?}");
    }
    gateway.says(QUERY, good);
    assert!(matches!(wechat.query(&PaymentId::from("K1")).await, Ok(TradeState::Paid(_))));
}

#[tokio::test]
async fn f12_refusals_are_no_never_or_unknown() {
    let gateway = Gateway::default();
    let wechat = gateway.start(|config| config.pay_score = None).await;
    for (status, code, headers, expected) in [
        (403, "NOT_ENOUGH", Signing::Right, "No"),
        (403, "NOT_ENOUGH", Signing::None, "No"),
        (403, "NOT_ENOUGH", Signing::OfAnother, "Unknown"),
        (401, "SIGN_ERROR", Signing::None, "No"),
        (404, "RESOURCE_NOT_EXISTS", Signing::None, "No"),
        (400, "INVALID_REQUEST", Signing::None, "No"),
        (400, "PARAM_ERROR", Signing::None, "Never"),
        (403, "USER_ACCOUNT_ABNORMAL", Signing::None, "Never"),
        (500, "SYSTEM_ERROR", Signing::None, "Unknown"),
        (500, "NOT_ENOUGH", Signing::Right, "Unknown"),
        (429, "FREQUENCY_LIMITED", Signing::Right, "Unknown"),
        (400, "SOMETHING_NEW", Signing::Right, "Unknown"),
        (302, "", Signing::Right, "Unknown"),
        (202, "", Signing::Right, "Unknown"),
    ] {
        let refusal = say(status, &json!({ "code": code, "message": "words" }));
        gateway.says(REFUND, Say { headers, ..refusal });
        let answer = format!("{:?}", wechat.refund(&refund()).await);
        assert!(answer.starts_with(&format!("Err({expected}")), "{status} {code}: {answer}");
    }
}

#[tokio::test]
async fn f12_a_refund_under_way_is_not_done() {
    let gateway = Gateway::default();
    let wechat = gateway.start(|_| {}).await;
    let answer = |status: &str| {
        json!({ "out_trade_no": "K1", "out_refund_no": "K1R1", "refund_id": "5",
                "status": status, "amount": { "refund": 100, "total": 500 } })
    };
    for (status, refunded, done) in [
        ("SUCCESS", "Ok(())", "Ok(true)"),
        ("PROCESSING", "Err(Unknown(\"processing\"))", "Ok(false)"),
        ("ABNORMAL", "Err(Never", "Ok(false)"),
        ("CLOSED", "Err(Never", "Ok(false)"),
        ("ODD", "Err(Unknown", "Err(Unknown"),
    ] {
        gateway.says(REFUND, say(200, &answer(status)));
        gateway.says(REFUND_QUERY, say(200, &answer(status)));
        let said = format!("{:?}", wechat.refund(&refund()).await);
        assert!(said.starts_with(refunded), "{status}: {said}");
        let said = format!("{:?}", wechat.refund_done(&refund()).await);
        assert!(said.starts_with(done), "{status}: {said}");
    }
    assert_eq!(gateway.seen()[0].2["amount"]["total"], 500);
    for (name, value) in [
        ("out_refund_no", json!("K1R2")),
        ("out_trade_no", json!("K2")),
        ("amount", json!({ "refund": 99 })),
    ] {
        let mut another = answer("SUCCESS");
        another[name] = value;
        gateway.says(REFUND_QUERY, say(200, &another));
        assert!(matches!(wechat.refund_done(&refund()).await, Err(Unsure::Unknown(_))), "{name}");
    }
    gateway.says(REFUND_QUERY, say(404, &json!({ "code": "RESOURCE_NOT_EXISTS" })));
    assert_eq!(wechat.refund_done(&refund()).await, Ok(false));
}

#[tokio::test]
async fn closing_is_done_when_nothing_is_open() {
    let gateway = Gateway::default();
    let wechat = gateway.start(|config| config.pay_score = None).await;
    let close = "POST /v3/pay/transactions/out-trade-no/K1/close";
    for (status, code, expected) in [
        (204, "", "Ok(())"),
        (404, "ORDER_NOT_EXIST", "Ok(())"),
        (400, "ORDER_CLOSED", "Ok(())"),
        (400, "ORDER_PAID", "Err(No"),
        (500, "SYSTEM_ERROR", "Err(Unknown"),
    ] {
        let body =
            if status == 204 { Vec::new() } else { json!({ "code": code }).to_string().into() };
        gateway.says(close, Say { status, body, ..say(200, &Value::Null) });
        let answer = format!("{:?}", wechat.close(&PaymentId::from("K1")).await);
        assert!(answer.starts_with(expected), "{code}: {answer}");
    }
    assert_eq!(gateway.seen()[0].2, json!({ "mchid": "1900000001" }));
}

fn certificates(serials: &[(&str, usize)]) -> Vec<u8> {
    let data: Vec<Value> = serials
        .iter()
        .map(|(serial, nth)| {
            let pem = testing::CERTIFICATES[*nth].as_bytes();
            let sealed = config().seal_key.seal(pem, &random::base32::<12>(), "certificate");
            json!({
                "serial_no": serial, "encrypt_certificate": sealed.unwrap(),
                "effective_time": "2026-01-01T00:00:00+08:00",
                "expire_time": "2031-01-01T00:00:00+08:00",
            })
        })
        .collect();
    json!({ "data": data }).to_string().into_bytes()
}

const CERTIFICATES: &str = "GET /v3/certificates";

#[tokio::test]
async fn f17_certificates_are_fetched_once_and_change_with_an_overlap() {
    let gateway = Gateway::default();
    let wechat = gateway
        .start(|config| {
            config.public_key = None;
            config.certificates = true;
        })
        .await;
    let list = |says: Vec<u8>, key, serial| Say {
        body: says,
        headers: Signing::By(key, serial),
        ..say(200, &Value::Null)
    };
    let fetches = || gateway.seen().iter().filter(|(call, _, _)| call == CERTIFICATES).count();
    gateway.says(CERTIFICATES, list(certificates(&[("OLD", 0)]), testing::key(), "OLD"));
    let by = |key, serial| Say { headers: Signing::By(key, serial), ..say(200, &trade("NOTPAY")) };
    let id = PaymentId::from("K1");

    gateway.says(QUERY, by(testing::key(), "OLD"));
    let at_once = futures_util::future::join_all((0..20).map(|_| wechat.query(&id))).await;
    assert!(at_once.iter().all(|answer| *answer == Ok(TradeState::Waiting)), "{at_once:?}");
    assert_eq!(fetches(), 1, "however many ask");

    gateway.says(QUERY, by(testing::second_key(), "NEW"));
    for _ in 0..10 {
        assert!(matches!(wechat.query(&id).await, Err(Unsure::Unknown(_))));
    }
    assert_eq!(fetches(), 0, "not again at once");

    let both = certificates(&[("OLD", 0), ("NEW", 1)]);
    gateway.says(CERTIFICATES, list(both, testing::second_key(), "NEW"));
    wechat.clock.advance_ms(60_000);
    assert_eq!(wechat.query(&id).await, Ok(TradeState::Waiting));
    gateway.says(QUERY, by(testing::key(), "OLD"));
    assert_eq!(wechat.query(&id).await, Ok(TradeState::Waiting), "both in the overlap");
    assert_eq!(fetches(), 1);
    gateway.says(QUERY, by(testing::second_key(), "OLD"));
    assert!(matches!(wechat.query(&id).await, Err(Unsure::Unknown(_))), "its own key only");
}

#[tokio::test]
async fn f17_certificates_of_a_stranger_are_not_believed() {
    let gateway = Gateway::default();
    let wechat = gateway
        .start(|config| {
            config.public_key = None;
            config.certificates = true;
        })
        .await;
    gateway.says(
        QUERY,
        Say { headers: Signing::By(testing::key(), "A"), ..say(200, &trade("NOTPAY")) },
    );
    let mut sealed: Value = serde_json::from_slice(&certificates(&[("A", 0)])).unwrap();
    sealed["data"][0]["encrypt_certificate"]["associated_data"] = json!("other");
    for (body, signing) in [
        (sealed.to_string().into_bytes(), Signing::By(testing::key(), "A")),
        (certificates(&[("A", 0)]), Signing::By(testing::second_key(), "A")),
        (certificates(&[("A", 0)]), Signing::By(testing::key(), "B")),
        (certificates(&[("A", 0)]), Signing::None),
        (b"{}".to_vec(), Signing::By(testing::key(), "A")),
    ] {
        gateway.says(CERTIFICATES, Say { body, headers: signing, ..say(200, &Value::Null) });
        let answer = wechat.query(&PaymentId::from("K1")).await;
        assert!(matches!(answer, Err(Unsure::Unknown(_))), "{answer:?}");
        wechat.clock.advance_ms(60_000);
    }
}
