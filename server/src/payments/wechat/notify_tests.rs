//! Callbacks: what is believed, what is refused, what is answered.

use std::sync::Mutex;

use axum::body::Body;
use axum::http::Request;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tower::ServiceExt;
use wasm_core::ids::{PaymentId, RefundId};
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::*;
use crate::clock::Clock;
use crate::orders::TradeStatus;
use crate::payments::wechat::sign::PROBE;
use crate::payments::wechat::testing::{self, KEY_ID, config, signed};

const NOW_MS: i64 = 1_795_305_600_000;

/// Knows one payment, `K1` of ¥5.00, and remembers what it was told.
#[derive(Default)]
struct Listener {
    told: Mutex<Vec<News>>,
}

impl Listener {
    fn hear(&self, news: News, payment: &PaymentId) -> Result<(), OrderError> {
        if payment.as_str() != "K1" {
            return Err(OrderError::NoSuchPayment);
        }
        self.told.lock().unwrap().push(news);
        Ok(())
    }
}

impl TradeListener for Listener {
    fn trade_changed<'a>(
        &'a self,
        trade: &'a VerifiedTrade,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        Box::pin(async move {
            let opened_fen = Fen(500);
            if trade.amount_fen != opened_fen {
                return Err(OrderError::WrongAmount { paid_fen: trade.amount_fen, opened_fen });
            }
            self.hear(News::Trade(trade.clone()), &trade.payment_id)
        })
    }

    fn refund_ended<'a>(
        &'a self,
        refund: &'a VerifiedRefund,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        Box::pin(async move { self.hear(News::Refund(refund.clone()), &refund.payment_id) })
    }

    fn hold_captured<'a>(
        &'a self,
        capture: &'a VerifiedCapture,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        Box::pin(async move { self.hear(News::Captured(capture.clone()), &capture.payment_id) })
    }
}

fn paid() -> Value {
    json!({
        "mchid": "1900000001", "appid": "wx0000000000000001", "out_trade_no": "K1",
        "transaction_id": "4200000001", "trade_type": "JSAPI", "trade_state": "SUCCESS",
        "success_time": "2026-11-22T07:59:58+08:00", "payer": { "openid": "open-1" },
        "amount": { "total": 500, "payer_total": 450, "currency": "CNY" },
    })
}

fn refunded(status: &str) -> Value {
    json!({
        "mchid": "1900000001", "out_trade_no": "K1", "transaction_id": "4200000001",
        "out_refund_no": "K1R1", "refund_id": "5000000001", "refund_status": status,
        "amount": { "total": 500, "refund": 100, "payer_total": 450, "payer_refund": 90 },
    })
}

fn service_order(state: &str) -> Value {
    json!({
        "mchid": "1900000001", "appid": "wx0000000000000001", "out_order_no": "K1",
        "service_id": "00004000000000000000000000000001", "order_id": "1500000001",
        "openid": "open-1", "state": state, "total_amount": 230,
        "risk_fund": { "name": "ESTIMATE_ORDER_COST", "amount": 500 },
    })
}

fn but(mut content: Value, name: &str, value: Value) -> Value {
    content[name] = value;
    content
}

fn body_with(event: &str, kind: &str, content: &Value, aad: &str) -> Vec<u8> {
    let seal = config().seal_key;
    let mut resource = serde_json::to_value(
        seal.seal(content.to_string().as_bytes(), "abcdefghijkl", aad).unwrap(),
    )
    .unwrap();
    resource["original_type"] = json!(kind);
    let body = json!({
        "id": "EV-1", "create_time": "2026-11-22T08:00:00+08:00", "event_type": event,
        "resource_type": "encrypt-resource", "summary": "支付成功", "resource": resource,
    });
    body.to_string().into_bytes()
}

fn body(event: &str, content: &Value) -> Vec<u8> {
    let kind = match event.split('.').next() {
        Some("TRANSACTION") => "transaction",
        Some("REFUND") => "refund",
        _ => "payscore",
    };
    body_with(event, kind, content, kind)
}

fn good(body: &[u8]) -> HeaderMap {
    signed(body, NOW_MS, &testing::key(), KEY_ID)
}

struct Fixture {
    notifies: Notifies,
    listener: Arc<Listener>,
}

impl Fixture {
    async fn new() -> Self {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let listener = Arc::new(Listener::default());
        let wechat = Wechat::new(config(), Clock::manual(NOW_MS)).unwrap();
        Self { notifies: Notifies { wechat, listener: listener.clone(), store }, listener }
    }

    async fn post(&self, headers: HeaderMap, body: Vec<u8>) -> (u16, Value) {
        let mut request = Request::post(NOTIFY_PATH).body(Body::from(body)).unwrap();
        *request.headers_mut() = headers;
        let answer = router(self.notifies.clone()).oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn tell(&self, event: &str, content: &Value) -> u16 {
        let body = body(event, content);
        self.post(good(&body), body).await.0
    }

    fn told(&self) -> Vec<News> {
        self.listener.told.lock().unwrap().clone()
    }
}

fn trade() -> VerifiedTrade {
    VerifiedTrade {
        channel: Channel::Wechat,
        payment_id: PaymentId::from("K1"),
        trade_no: "4200000001".to_owned(),
        amount_fen: Fen(500),
        paid_ms: NOW_MS - 2_000,
        status: TradeStatus::Success,
        buyer_open_id: Some("open-1".to_owned()),
        held: false,
    }
}

#[tokio::test]
async fn a_payment_is_told_and_kept() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.tell("TRANSACTION.SUCCESS", &paid()).await, 204);
    assert_eq!(fixture.told(), [News::Trade(trade())]);
    let outcome = fixture.notifies.store.notify_outcome("wechat", "EV-1").await.unwrap();
    assert_eq!(outcome.as_deref(), Some("taken"));
}

#[tokio::test]
async fn f01_repeats_are_answered_alike() {
    let fixture = Fixture::new().await;
    let body = body("TRANSACTION.SUCCESS", &paid());
    let posts = (0..15).map(|_| fixture.post(good(&body), body.clone()));
    let answers = futures_util::future::join_all(posts).await;
    assert!(answers.iter().all(|(status, _)| *status == 204), "{answers:?}");
    assert!(fixture.told().iter().all(|news| *news == News::Trade(trade())));
}

#[tokio::test]
async fn the_associated_data_may_be_empty() {
    let fixture = Fixture::new().await;
    let body = body_with("TRANSACTION.SUCCESS", "transaction", &paid(), "");
    assert_eq!(fixture.post(good(&body), body).await.0, 204);
}

#[tokio::test]
async fn a_rider_of_the_mini_program_is_another_than_one_of_the_account() {
    let fixture = Fixture::new().await;
    let content = but(paid(), "appid", json!("wx0000000000000002"));
    assert_eq!(fixture.tell("TRANSACTION.SUCCESS", &content).await, 204);
    let buyer_open_id = Some("wx0000000000000002:open-1".to_owned());
    assert_eq!(fixture.told(), [News::Trade(VerifiedTrade { buyer_open_id, ..trade() })]);
}

#[tokio::test]
async fn refunds_end_well_or_need_a_person() {
    let fixture = Fixture::new().await;
    let refund = |paid_back| {
        News::Refund(VerifiedRefund {
            channel: Channel::Wechat,
            id: RefundId::from("K1R1"),
            payment_id: PaymentId::from("K1"),
            amount_fen: Fen(100),
            paid_back,
        })
    };
    for (status, paid_back) in [("SUCCESS", true), ("ABNORMAL", false), ("CLOSED", false)] {
        assert_eq!(fixture.tell(&format!("REFUND.{status}"), &refunded(status)).await, 204);
        assert_eq!(fixture.told().last(), Some(&refund(paid_back)));
    }
    assert_eq!(fixture.tell("REFUND.SUCCESS", &refunded("PROCESSING")).await, 400);
    let strange = but(refunded("SUCCESS"), "mchid", json!("1900000002"));
    assert_eq!(fixture.tell("REFUND.SUCCESS", &strange).await, 400);
    assert_eq!(fixture.told().len(), 3);
}

#[tokio::test]
async fn pay_score_is_a_hold_and_then_a_capture() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.tell("PAYSCORE.USER_CONFIRM", &service_order("DOING")).await, 204);
    assert_eq!(fixture.tell("PAYSCORE.USER_PAID", &service_order("DONE")).await, 204);
    let held = News::Trade(VerifiedTrade {
        trade_no: "1500000001".to_owned(),
        paid_ms: NOW_MS,
        held: true,
        ..trade()
    });
    let captured = News::Captured(VerifiedCapture {
        channel: Channel::Wechat,
        payment_id: PaymentId::from("K1"),
        amount_fen: Fen(230),
    });
    assert_eq!(fixture.told(), [held, captured]);
    assert_eq!(fixture.tell("PAYSCORE.USER_CONFIRM", &service_order("CREATED")).await, 400);
    assert_eq!(fixture.tell("PAYSCORE.USER_PAID", &service_order("DOING")).await, 400);
    let strange = but(service_order("DOING"), "service_id", json!("another"));
    assert_eq!(fixture.tell("PAYSCORE.USER_CONFIRM", &strange).await, 400);
}

#[tokio::test]
async fn news_of_other_things_change_nothing_and_come_once() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.tell("COUPON.SEND", &json!({})).await, 204);
    let shared = body_with("TRANSACTION.SUCCESS", "profitsharing", &json!({}), "");
    assert_eq!(fixture.post(good(&shared), shared).await.0, 204);
    assert_eq!(fixture.told(), []);
}

#[tokio::test]
async fn f07_a_properly_signed_stranger_changes_nothing() {
    let fixture = Fixture::new().await;
    for (name, value) in [
        ("mchid", json!("1900000002")),
        ("appid", json!("wx9")),
        ("amount", json!({ "total": 501, "currency": "CNY" })),
        ("amount", json!({ "total": 500, "currency": "USD" })),
        ("amount", json!({ "total": -500, "currency": "CNY" })),
        ("amount", json!({ "total": 5.0 })),
        ("amount", Value::Null),
        ("out_trade_no", json!("K2")),
        ("out_trade_no", json!("")),
        ("out_trade_no", json!("K".repeat(129))),
        ("transaction_id", json!("")),
        ("trade_state", json!("NOTPAY")),
        ("trade_state", json!("ODD")),
    ] {
        let content = but(paid(), name, value);
        assert_eq!(fixture.tell("TRANSACTION.SUCCESS", &content).await, 400, "{content}");
    }
    assert_eq!(fixture.told(), []);
}

#[tokio::test]
async fn f06_forged_callbacks_change_nothing() {
    let fixture = Fixture::new().await;
    let body = body("TRANSACTION.SUCCESS", &paid());
    let sign = |at_ms, key, serial| signed(&body, at_ms, key, serial);
    let (key, strange) = (testing::key(), testing::second_key());
    let long_serial = "A".repeat(4_000);
    let mut without = good(&body);
    without.remove("wechatpay-signature");
    let mut other_kind = good(&body);
    other_kind.insert("wechatpay-signature-type", "WECHATPAY2-SM2-WITH-SM3".parse().unwrap());
    for (headers, message) in [
        (sign(NOW_MS, &strange, KEY_ID), "wrong_signature"),
        (sign(NOW_MS, &key, "ANOTHER"), "unknown_serial"),
        (sign(NOW_MS, &key, &long_serial), "unknown_serial"),
        (sign(NOW_MS - 301_000, &key, KEY_ID), "old"),
        (sign(NOW_MS + 301_000, &key, KEY_ID), "old"),
        (without, "wrong_signature"),
        (other_kind, "wrong_signature"),
        (HeaderMap::new(), "wrong_signature"),
    ] {
        let (status, answer) = fixture.post(headers, body.clone()).await;
        assert_eq!((status, answer["code"].as_str()), (401, Some("FAIL")), "{message}");
        assert_eq!(answer["message"], message);
    }
    for at_ms in [NOW_MS - 300_000, NOW_MS + 300_000] {
        assert_eq!(fixture.post(sign(at_ms, &key, KEY_ID), body.clone()).await.0, 204);
    }
    let long = vec![b'a'; BODY_MAX_BYTES + 1];
    assert_eq!(fixture.post(good(&long), long.clone()).await.0, 400);
    let foreign = Value::String("not sealed".to_owned()).to_string().into_bytes();
    assert_eq!(fixture.post(good(&foreign), foreign.clone()).await.0, 400);
}

#[tokio::test]
async fn a_probe_is_refused_like_any_wrong_signature() {
    let fixture = Fixture::new().await;
    let body = body("TRANSACTION.SUCCESS", &paid());
    let mut headers = good(&body);
    let probe = format!("{PROBE}{}", headers["wechatpay-signature"].to_str().unwrap());
    headers.insert("wechatpay-signature", probe.parse().unwrap());
    let (status, answer) = fixture.post(headers, body).await;
    assert_eq!((status, answer["message"].as_str()), (401, Some("probe")));
    assert_eq!(fixture.told(), []);
}

#[tokio::test]
async fn a_change_of_any_byte_is_refused() {
    let fixture = Fixture::new().await;
    let body = body("TRANSACTION.SUCCESS", &paid());
    let headers = good(&body);
    assert!(fixture.notifies.read(&headers, &body).await.is_ok());
    for at in 0..body.len() {
        let mut tampered = body.clone();
        tampered[at] ^= 1;
        assert!(fixture.notifies.read(&headers, &tampered).await.is_err(), "byte {at}");
        assert!(fixture.notifies.read(&headers, &body[..at]).await.is_err(), "cut at {at}");
    }
    for name in ["wechatpay-timestamp", "wechatpay-nonce", "wechatpay-signature"] {
        let value = headers[name].as_bytes();
        for at in 0..value.len() {
            let mut changed = value.to_vec();
            changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
            let mut headers = headers.clone();
            headers.insert(name, changed.try_into().unwrap());
            assert!(fixture.notifies.read(&headers, &body).await.is_err(), "{name} {at}");
        }
    }
}

#[test]
fn configuration_shows_no_key() {
    let shown = format!("{:?}", config());
    assert!(!shown.contains("MII") && !shown.contains("the-"), "{shown}");
    assert!(!shown.contains(testing::SEAL_KEY), "{shown}");
}
