//! What platforms post to us, through the real endpoints to the real orders: often, late, changed.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use futures_util::future::join_all;
use serde_json::{Value, json};
use server::orders::TradeState;
use server::payments::alipay::{self, AlipayConfig, AlipaySettings, HoldTerms, TrustSettings};
use server::payments::keys::SigningKey;
use server::payments::wechat::seal::SealKey;
use server::payments::wechat::{
    self, PlatformKeySettings, Wechat, WechatConfig, WechatSettings, sign,
};
use tower::ServiceExt;
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;
use wasm_core::order::{Channel, Order};

use crate::story;
use crate::support::{World, browser_at, with_dbs};

/// How often `WeChat` Pay repeats itself within a day.
const REPEATS: usize = 15;
const APP_ID: &str = "2021000000000001";
const SELLER_ID: &str = "2088000000000001";
const KEY_ID: &str = "PUB_KEY_ID_0119000000000001";
const V3_KEY: &str = "0123456789abcdef0123456789ABCDEF";
/// Older callbacks of `WeChat` Pay are replays.
const REPLAY_MS: i64 = 5 * 60_000 + 1_000;

/// A callback as it arrives.
#[derive(Clone, PartialEq, Eq)]
struct Callback {
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// The platforms' key, and one of somebody else: made once, because making them is slow.
fn keys() -> &'static (SigningKey, SigningKey) {
    static KEYS: OnceLock<(SigningKey, SigningKey)> = OnceLock::new();
    let key = || SigningKey::generate().expect("a key");
    KEYS.get_or_init(|| (key(), key()))
}

/// Both endpoints, before the orders of a world.
fn endpoints(world: &World) -> Router {
    let public = keys().0.public().expect("a key").to_base64();
    let private_key = keys().1.to_pkcs8_base64().expect("a key");
    let settings = AlipaySettings {
        gateway_url: "http://127.0.0.1:1".to_owned(),
        authorize_url: "http://127.0.0.1:1".to_owned(),
        app_id: APP_ID.to_owned(),
        seller_id: SELLER_ID.to_owned(),
        private_key: private_key.clone(),
        trust: TrustSettings::PublicKey { current: public.clone(), next: None },
        hold: HoldTerms::default(),
    };
    let config = AlipayConfig::new(&settings, "http://127.0.0.1:1", world.clock.now_ms())
        .expect("a configuration");
    let listener = Arc::new(world.orders.clone());
    let alipay = alipay::notify::router(alipay::Notifies {
        config: Arc::new(config),
        listener: listener.clone(),
        store: world.store.clone(),
        clock: world.clock.clone(),
    });
    let settings = WechatSettings {
        base_url: Some("http://127.0.0.1:1".to_owned()),
        api_url: None,
        authorize_url: None,
        mchid: "1900000001".to_owned(),
        appid: "wx0000000000000001".to_owned(),
        app_secret: None,
        mini_program: None,
        serial_no: "5157F09EFDC096DE15EBE81A47057A7232F1B8E1".to_owned(),
        private_key,
        api_v3_key: V3_KEY.to_owned(),
        platform: PlatformKeySettings {
            public_key: Some((KEY_ID.to_owned(), public)),
            certificates: false,
        },
        pay_score: None,
        profit_sharing: false,
    };
    let config = WechatConfig::new(&settings, "http://127.0.0.1:1").expect("a configuration");
    let wechat = Wechat::new(config, world.clock.clone()).expect("an adapter");
    let store = world.store.clone();
    alipay.merge(wechat::notify::router(wechat::Notifies { wechat, listener, store }))
}

/// Whether the platform is told that all is well.
async fn is_taken(endpoints: &Router, callback: &Callback) -> bool {
    let mut request = Request::post(callback.path);
    for (name, value) in &callback.headers {
        request = request.header(*name, value);
    }
    let request = request.body(Body::from(callback.body.clone())).expect("a request");
    let answer = endpoints.clone().oneshot(request).await.expect("an answer");
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), 10_000).await.expect("a body");
    status == 204 || status == 200 && body.as_ref() == b"success"
}

fn paid_at(channel: Channel, payment: &PaymentId, now_ms: i64, key: &SigningKey) -> Callback {
    match channel {
        Channel::Alipay => alipay_paid(payment, key),
        Channel::Wechat => wechat_paid(payment, now_ms, key),
    }
}

fn alipay_paid(payment: &PaymentId, key: &SigningKey) -> Callback {
    let pairs = [
        ("notify_id", "N1"),
        ("notify_type", "trade_status_sync"),
        ("charset", "utf-8"),
        ("app_id", APP_ID),
        ("seller_id", SELLER_ID),
        ("trade_no", "2026112222001400000000000001"),
        ("out_trade_no", payment.as_str()),
        ("trade_status", "TRADE_SUCCESS"),
        ("total_amount", "5.00"),
        ("gmt_payment", "2026-11-22 07:59:58"),
        ("fund_bill_list", "[{\"amount\":\"5.00\"}]"),
    ];
    let mut params: alipay::sign::Params =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    alipay::sign::sign_notify(&mut params, key);
    let form = "application/x-www-form-urlencoded; charset=utf-8".to_owned();
    Callback {
        path: "/notify/alipay",
        headers: vec![("content-type", form)],
        body: alipay::sign::encode(&params).into_bytes(),
    }
}

fn wechat_paid(payment: &PaymentId, now_ms: i64, key: &SigningKey) -> Callback {
    let content = json!({
        "mchid": "1900000001", "appid": "wx0000000000000001", "out_trade_no": payment.as_str(),
        "transaction_id": "4200000001", "trade_type": "JSAPI", "trade_state": "SUCCESS",
        "success_time": "2026-11-22T07:59:58+08:00", "payer": {"openid": "open-1"},
        "amount": {"total": 500, "payer_total": 450, "currency": "CNY"},
    });
    let seal = SealKey::new(V3_KEY.as_bytes()).expect("32 bytes");
    let sealed = seal.seal(content.to_string().as_bytes(), "abcdefghijkl", "transaction");
    let mut resource = serde_json::to_value(sealed.expect("sealed")).expect("JSON");
    resource["original_type"] = json!("transaction");
    let body = json!({
        "id": "EV-1", "event_type": "TRANSACTION.SUCCESS", "resource": resource,
        "resource_type": "encrypt-resource", "summary": "支付成功",
    });
    // The platform writes it with spaces, as nobody's serialiser here does.
    let body = serde_json::to_string_pretty(&body).expect("JSON").into_bytes();
    let timestamp = (now_ms / 1_000).to_string();
    let text = sign::answer_text(&timestamp, "nonce-of-the-platform", &body);
    let signature = key.sign(str::from_utf8(&text).expect("a text"));
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("wechatpay-timestamp", timestamp),
        ("wechatpay-nonce", "nonce-of-the-platform".to_owned()),
        ("wechatpay-signature", signature),
        ("wechatpay-serial", KEY_ID.to_owned()),
        ("wechatpay-signature-type", sign::SIGN_TYPE.to_owned()),
    ];
    Callback { path: "/notify/wechat", headers, body }
}

async fn opened(world: &World, channel: Channel) -> (Order, PaymentId) {
    let order = world.order("rider", "full-500").await;
    let payment = world.open_payment(&order, browser_at(channel)).await;
    (order, payment)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f01_fifteen_deliveries_in_turn_and_at_once_are_one_payment() {
    for channel in Channel::ALL {
        with_dbs(async |store| {
            let world = World::new(store, story::tariff()).await;
            let endpoints = endpoints(&world);
            let (order, payment) = opened(&world, channel).await;
            let told = paid_at(channel, &payment, world.clock.now_ms(), &keys().0);
            let at_once = join_all((0..REPEATS).map(|_| is_taken(&endpoints, &told))).await;
            assert_eq!(at_once, [true; REPEATS], "each is answered success");
            world.workers.run_due().await.expect("jobs");
            for _ in 0..REPEATS {
                assert!(is_taken(&endpoints, &told).await);
                world.workers.run_due().await.expect("jobs");
            }
            let stored = world.stored(&order.id).await;
            assert_eq!((stored.payments.len(), stored.paid_fen()), (1, Fen(500)));
            assert_eq!(*world.chargers.starts.lock().expect("lock"), [order.id], "one start");
            let report = server::ledger::check(&world.store).await.expect("a check");
            assert_eq!((report.transactions, report.debits_fen), (1, Fen(500)), "one entry");
            world.books_are_whole().await;
        })
        .await;
    }
}

/// Callbacks that say what a true one says, and that the platform never sent like this.
fn forged(channel: Channel, payment: &PaymentId, now_ms: i64) -> Vec<(String, Callback)> {
    let good = paid_at(channel, payment, now_ms, &keys().0);
    let mut all =
        vec![("a stranger's key".to_owned(), paid_at(channel, payment, now_ms, &keys().1))];
    let mut with = |what: String, body: Vec<u8>| {
        if body != good.body {
            all.push((what, Callback { body, ..good.clone() }));
        }
    };
    for at in 0..good.body.len() {
        let mut changed = good.body.clone();
        changed[at] ^= 1;
        with(format!("byte {at}"), changed);
    }
    with("cut".to_owned(), good.body[..good.body.len() - 1].to_vec());
    if channel == Channel::Wechat {
        let value: Value = serde_json::from_slice(&good.body).expect("JSON");
        with("serialised again".to_owned(), value.to_string().into_bytes());
        let spaced = [&good.body[..], b"\n"].concat();
        with("a line more".to_owned(), spaced);
        for (nth, (name, _)) in good.headers.iter().enumerate().skip(1) {
            let mut callback = good.clone();
            callback.headers.remove(nth);
            if *name != "wechatpay-signature-type" {
                all.push((format!("without {name}"), callback.clone()));
            }
            callback.headers.push((name, "PUB_KEY_ID_0119000000000002".to_owned()));
            all.push((format!("another {name}"), callback));
        }
        // An hour ago is a replay; an hour ahead keeps for later what is no replay then.
        for off_ms in [-REPLAY_MS, REPLAY_MS] {
            let callback = wechat_paid(payment, now_ms + off_ms, &keys().0);
            all.push((format!("{off_ms} ms off"), callback));
        }
    } else {
        let again = [&good.body[..], b"&out_trade_no=", payment.as_str().as_bytes()].concat();
        with("a name twice".to_owned(), again);
        with("a field more".to_owned(), [&good.body[..], b"&extra=1"].concat());
    }
    all
}

#[tokio::test]
async fn f06_what_the_platform_did_not_say_like_this_changes_nothing() {
    for channel in Channel::ALL {
        with_dbs(async |store| {
            let world = World::new(store, story::tariff()).await;
            let endpoints = endpoints(&world);
            let (order, payment) = opened(&world, channel).await;
            for (what, callback) in forged(channel, &payment, world.clock.now_ms()) {
                assert!(!is_taken(&endpoints, &callback).await, "{channel:?}: {what}");
            }
            assert_eq!(world.stored(&order.id).await, order);
            let good = paid_at(channel, &payment, world.clock.now_ms(), &keys().0);
            assert!(is_taken(&endpoints, &good).await, "the true one");
            assert_eq!(world.stored(&order.id).await.state.name(), "starting");
            world.books_are_whole().await;
        })
        .await;
    }
}

#[tokio::test]
async fn f06_a_true_callback_replayed_when_all_is_over_moves_nothing() {
    for channel in Channel::ALL {
        with_dbs(async |store| {
            let world = World::new(store, story::tariff()).await;
            *world.payments.refunds_work.lock().expect("lock") = true;
            let endpoints = endpoints(&world);
            let (order, payment) = opened(&world, channel).await;
            let told = paid_at(channel, &payment, world.clock.now_ms(), &keys().0);
            assert!(is_taken(&endpoints, &told).await);
            world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
            world.workers.run_due().await.expect("jobs");
            let over = world.stored(&order.id).await;
            world.clock.advance_ms(REPLAY_MS);
            let taken = is_taken(&endpoints, &told).await;
            // Alipay dates no delivery: it repeats itself for a day, and is told that all is well.
            assert_eq!(taken, channel == Channel::Alipay);
            // What was said of one payment is not said of the next.
            let (next, _) = opened(&world, channel).await;
            is_taken(&endpoints, &told).await;
            world.workers.run_due().await.expect("jobs");
            assert_eq!(world.stored(&next.id).await.state.name(), "awaiting_payment");
            assert_eq!(world.stored(&order.id).await, over);
            assert_eq!(world.payments.refunds.lock().expect("lock").len(), 1);
            world.books_are_whole().await;
        })
        .await;
    }
}

#[tokio::test]
async fn f09_a_payment_opened_without_an_answer_keeps_its_number_and_counts() {
    for channel in Channel::ALL {
        with_dbs(async |store| {
            let world = World::new(store, story::tariff()).await;
            let order = world.order("rider", "full-500").await;
            *world.payments.silent.lock().expect("lock") = true;
            // Performed and not answered; the rider presses again.
            for _ in 0..3 {
                let back = "http://back".to_owned();
                let via = browser_at(channel);
                let opened = world.orders.pay(&order.id, &order.rider_id, via, back).await;
                assert!(opened.is_err(), "unknown is not a yes");
            }
            let numbers: Vec<PaymentId> = world.payments.opened_ids();
            assert!(
                numbers.len() == 3 && numbers.iter().all(|id| *id == numbers[0]),
                "{numbers:?}"
            );
            assert_eq!(world.stored(&order.id).await.state.name(), "awaiting_payment");
            let trade =
                server::orders::VerifiedTrade { channel, ..world.trade(&numbers[0], Fen(500)) };
            *world.payments.state.lock().expect("lock") = Some(TradeState::Paid(trade));
            world.clock.advance_ms(5_000);
            world.workers.run_due().await.expect("jobs");
            let stored = world.stored(&order.id).await;
            assert_eq!((stored.state.name(), stored.payments.len()), ("starting", 1));
            world.books_are_whole().await;
        })
        .await;
    }
}

#[tokio::test]
async fn f09_a_refund_done_without_an_answer_is_found_by_its_number_and_not_done_twice() {
    with_dbs(async |store| {
        let world = World::new(store, story::tariff()).await;
        let (order, payment) = opened(&world, Channel::Alipay).await;
        world.pay(&payment, Fen(500)).await;
        world.orders.cancel(&order.id, &order.rider_id).await.expect("cancelled");
        // The platform does it and says nothing, twice; then a question is answered.
        for _ in 0..2 {
            world.workers.run_due().await.expect("jobs");
            let stored = world.stored(&order.id).await;
            assert_eq!(stored.refunds[0].status, wasm_core::order::RefundStatus::Pending);
            world.clock.advance_ms(60_000);
        }
        *world.payments.refund_is_done.lock().expect("lock") = true;
        world.workers.run_due().await.expect("jobs");
        let asked = world.payments.refunds.lock().expect("lock").clone();
        assert!(asked.iter().all(|again| again.id == asked[0].id), "one number: {asked:?}");
        for _ in 0..3 {
            world.clock.advance_ms(60 * 60_000);
            world.workers.run_due().await.expect("jobs");
        }
        let stored = world.stored(&order.id).await;
        let done = &stored.refunds[0].status;
        assert!(matches!(done, wasm_core::order::RefundStatus::Done { .. }), "{done:?}");
        let in_all = world.payments.refunds.lock().expect("lock").len();
        assert_eq!(in_all, asked.len(), "not asked again");
        world.books_are_whole().await;
    })
    .await;
}
