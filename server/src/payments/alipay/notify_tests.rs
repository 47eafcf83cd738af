//! Notifies: what is believed, what is refused, what is answered.

use std::sync::Mutex;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::future::BoxFuture;
use tower::ServiceExt;

use super::*;
use crate::payments::alipay::testing::{self, config};

const NOW_MS: i64 = 1_795_305_600_000;

/// Knows one payment, `P1` of ¥5.00, and remembers what it was told.
#[derive(Default)]
struct Listener {
    told: Mutex<Vec<VerifiedTrade>>,
}

impl TradeListener for Listener {
    fn trade_changed<'a>(
        &'a self,
        trade: &'a VerifiedTrade,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        Box::pin(async move {
            if trade.payment_id.as_str() != "P1" {
                return Err(OrderError::NoSuchPayment);
            }
            let opened_fen = Fen(500);
            if trade.amount_fen != opened_fen {
                return Err(OrderError::WrongAmount { paid_fen: trade.amount_fen, opened_fen });
            }
            self.told.lock().unwrap().push(trade.clone());
            Ok(())
        })
    }
}

fn paid() -> Params {
    let pairs = [
        ("notify_id", "N1"),
        ("notify_type", "trade_status_sync"),
        ("notify_time", "2026-11-22 07:59:59"),
        ("charset", "utf-8"),
        ("version", "1.0"),
        ("app_id", "2021000000000001"),
        ("seller_id", "2088000000000001"),
        ("trade_no", "2026112222001400000000000001"),
        ("out_trade_no", "P1"),
        ("trade_status", "TRADE_SUCCESS"),
        ("total_amount", "5.00"),
        ("gmt_payment", "2026-11-22 07:59:58"),
        ("buyer_open_id", "open-1"),
        ("subject", "充电 100% + 1"),
        ("fund_bill_list", "[{\"amount\":\"5.00\",\"fundChannel\":\"ALIPAYACCOUNT\"}]"),
    ];
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn paid_but(name: &str, value: &str) -> Params {
    let mut params = paid();
    params.insert(name.to_owned(), value.to_owned());
    params
}

fn signed(mut params: Params) -> String {
    sign::sign_notify(&mut params, &testing::key());
    sign::encode(&params)
}

struct Fixture {
    router: Router,
    listener: Arc<Listener>,
    store: Store,
}

impl Fixture {
    async fn new() -> Self {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let listener = Arc::new(Listener::default());
        let router = router(Notifies {
            config: Arc::new(config()),
            listener: listener.clone(),
            store: store.clone(),
            clock: Clock::manual(NOW_MS),
        });
        Self { router, listener, store }
    }

    async fn post(&self, body: impl Into<Body>) -> String {
        let request = Request::post(NOTIFY_PATH)
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .body(body.into())
            .unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body = axum::body::to_bytes(answer.into_body(), 100).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    fn told(&self) -> Vec<VerifiedTrade> {
        self.listener.told.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_payment_is_told_and_kept() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.post(signed(paid())).await, "success");
    let expected = VerifiedTrade {
        channel: Channel::Alipay,
        payment_id: PaymentId::from("P1"),
        trade_no: "2026112222001400000000000001".to_owned(),
        amount_fen: Fen(500),
        paid_ms: NOW_MS - 2_000,
        status: TradeStatus::Success,
        buyer_open_id: Some("open-1".to_owned()),
        held: false,
    };
    assert_eq!(fixture.told(), [expected]);
    let outcome = fixture.store.notify_outcome("alipay", "N1").await.unwrap();
    assert_eq!(outcome.as_deref(), Some("taken"));
}

#[tokio::test]
async fn f01_repeats_are_answered_success() {
    let fixture = Fixture::new().await;
    let body = signed(paid());
    for _ in 0..3 {
        assert_eq!(fixture.post(body.clone()).await, "success");
    }
    let at_once = futures_util::future::join_all((0..15).map(|_| fixture.post(body.clone())));
    assert!(at_once.await.iter().all(|answer| answer == "success"));
    assert!(fixture.told().iter().all(|trade| trade.payment_id.as_str() == "P1"));
}

#[tokio::test]
async fn empty_values_are_outside_the_signature() {
    let fixture = Fixture::new().await;
    let body = format!("{}&passback_params=&body=", signed(paid()));
    assert_eq!(fixture.post(body).await, "success");
}

#[tokio::test]
async fn f07_a_properly_signed_stranger_changes_nothing() {
    let fixture = Fixture::new().await;
    for (name, value) in [
        ("app_id", "2021000000000002"),
        ("seller_id", "2088000000000002"),
        ("seller_id", ""),
        ("total_amount", "5.01"),
        ("total_amount", "4.99"),
        ("total_amount", "5.001"),
        ("total_amount", "-5.00"),
        ("out_trade_no", "P2"),
        ("out_trade_no", ""),
        ("trade_no", ""),
        ("trade_status", "TRADE_PENDING"),
        ("trade_status", ""),
        ("notify_id", ""),
    ] {
        let body = signed(paid_but(name, value));
        assert_eq!(fixture.post(body).await, "failure", "{name}={value}");
    }
    assert_eq!(fixture.told(), []);
}

#[tokio::test]
async fn f05_an_order_that_comes_late_is_paid_by_the_next_delivery() {
    let fixture = Fixture::new().await;
    let early = signed(paid_but("out_trade_no", "P2"));
    assert_eq!(fixture.post(early).await, "failure");
    let outcome = fixture.store.notify_outcome("alipay", "N1").await.unwrap();
    assert_eq!(outcome.as_deref(), Some("unknown_payment"));
    assert_eq!(fixture.post(signed(paid())).await, "success");
    assert_eq!(fixture.post(signed(paid_but("out_trade_no", "P2"))).await, "failure");
    let outcome = fixture.store.notify_outcome("alipay", "N1").await.unwrap();
    assert_eq!(outcome.as_deref(), Some("taken"), "taken stays taken");
}

#[tokio::test]
async fn f06_forged_notifies_change_nothing() {
    let fixture = Fixture::new().await;
    let mut foreign = paid();
    sign::sign_notify(&mut foreign, &testing::strange_key());
    let good = signed(paid());
    let mut unsigned = sign::decode(&good).unwrap();
    unsigned.remove("sign");
    for body in [
        sign::encode(&foreign),
        sign::encode(&unsigned),
        sign::encode(&paid()),
        good.replace("sign_type=RSA2", "sign_type=RSA"),
        good.replace("&sign_type=RSA2", ""),
        format!("{good}&out_trade_no=P1"),
        format!("{good}&extra=1"),
        String::new(),
        format!("{good}&x={}", "a".repeat(BODY_MAX_BYTES)),
    ] {
        assert_eq!(fixture.post(body.clone()).await, "failure", "{body}");
    }
    assert_eq!(fixture.post(vec![b'a', b'=', 0xff]).await, "failure");
    assert_eq!(fixture.told(), []);
}

#[test]
fn f06_a_change_of_any_byte_is_refused() {
    let config = config();
    let good = signed(paid()).into_bytes();
    assert!(read(&good, &config, NOW_MS).is_ok());
    for at in 0..good.len() {
        let mut tampered = good.clone();
        tampered[at] ^= 1;
        assert!(read(&tampered, &config, NOW_MS).is_err(), "byte {at}");
        assert!(read(&good[..at], &config, NOW_MS).is_err(), "cut at {at}");
    }
}

#[tokio::test]
async fn states_are_told_as_they_are() {
    let fixture = Fixture::new().await;
    let cases = [
        ("WAIT_BUYER_PAY", TradeStatus::Waiting),
        ("TRADE_FINISHED", TradeStatus::Finished),
        ("TRADE_CLOSED", TradeStatus::Closed),
    ];
    for (word, status) in cases {
        assert_eq!(fixture.post(signed(paid_but("trade_status", word))).await, "success");
        assert_eq!(fixture.told().last().unwrap().status, status);
    }
}

#[tokio::test]
async fn a_refund_is_no_payment() {
    let fixture = Fixture::new().await;
    for (status, name, value) in [
        ("TRADE_SUCCESS", "refund_fee", "2.00"),
        ("TRADE_CLOSED", "gmt_refund", "2026-11-22 08:10:00.123"),
    ] {
        let mut params = paid_but("trade_status", status);
        params.insert(name.to_owned(), value.to_owned());
        assert_eq!(fixture.post(signed(params)).await, "success");
    }
    assert_eq!(fixture.told(), []);
}

#[test]
fn configuration_shows_no_key() {
    let shown = format!("{:?}", config());
    assert!(shown.contains("redacted") && !shown.contains("MII"), "{shown}");
}

#[tokio::test]
async fn f51_on_a_full_disk_no_notify_is_answered_success() {
    let fixture = Fixture::new().await;
    let pool = &fixture.store.pool;
    sqlx::query("PRAGMA max_page_count = 1").execute(pool).await.unwrap();
    // As long as a page has room there is room.
    let body = |number: usize| signed(paid_but("notify_id", &format!("N{number}")));
    let mut number = 0;
    while fixture.post(body(number)).await == "success" {
        number += 1;
        assert!(number < 1_000, "it is never full");
    }
    assert_eq!(fixture.post(body(number)).await, "failure");
    sqlx::query("PRAGMA max_page_count = 1000000").execute(pool).await.unwrap();
    assert_eq!(fixture.post(body(number)).await, "success", "told again, without a restart");
}

fn held() -> Params {
    let pairs = [
        ("notify_id", "N7"),
        ("notify_type", "fund_auth_freeze"),
        ("app_id", "2021000000000001"),
        ("auth_no", "2026112210002001000000000001"),
        ("out_order_no", "P1"),
        ("out_request_no", "P1"),
        ("operation_type", "FREEZE"),
        ("amount", "5.00"),
        ("status", "SUCCESS"),
        ("gmt_trans", "2026-11-22 07:59:58"),
        ("payer_open_id", "open-1"),
        ("payee_user_id", "2088000000000001"),
        ("total_freeze_amount", "5.00"),
        ("total_unfreeze_amount", "0.00"),
        ("total_pay_amount", "0.00"),
        ("rest_amount", "5.00"),
    ];
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn held_but(changes: &[(&str, &str)]) -> Params {
    let mut params = held();
    let changes = changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    params.extend(changes);
    params
}

#[test]
fn a_hold_is_told_as_a_hold() {
    let read = |params: Params| read(signed(params).as_bytes(), &config(), NOW_MS);
    let freeze = read(held()).unwrap();
    assert!(freeze.trade.held && !freeze.is_refund);
    assert_eq!(freeze.trade.trade_no, "2026112210002001000000000001");
    assert_eq!((freeze.trade.amount_fen, freeze.trade.status), (Fen(500), TradeStatus::Success));
    assert_eq!(freeze.trade.buyer_open_id.as_deref(), Some("open-1"));
    let unfreeze = ("operation_type", "UNFREEZE");
    for (rest, status) in [("0.00", TradeStatus::Closed), ("1.00", TradeStatus::Success)] {
        let changes = [unfreeze, ("rest_amount", rest), ("amount", "4.00")];
        let told = read(held_but(&changes)).unwrap().trade;
        assert_eq!((told.amount_fen, told.status), (Fen(500), status), "all that was set aside");
    }
    let waiting = read(held_but(&[("status", "INIT")])).unwrap().trade;
    assert_eq!(waiting.status, TradeStatus::Waiting);
    let stranger = read(held_but(&[("payee_user_id", "2088000000000009")]));
    assert_eq!(stranger, Err(Refused::Seller("2088000000000009".to_owned())));
    for (name, value) in [
        ("operation_type", "PAY"),
        ("amount", "5.0.0"),
        ("auth_no", ""),
        ("out_order_no", ""),
        ("status", ""),
    ] {
        assert_eq!(read(held_but(&[(name, value)])), Err(Refused::Field(name)));
    }
    let mut forged = held();
    sign::sign_notify(&mut forged, &testing::strange_key());
    let forged = sign::encode(&forged);
    let refused = super::read(forged.as_bytes(), &config(), NOW_MS);
    assert_eq!(refused, Err(Refused::Signature));
}
