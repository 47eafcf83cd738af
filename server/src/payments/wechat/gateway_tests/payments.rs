//! Payments, refunds, and whose answers are believed.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};
use wasm_core::ids::PaymentId;
use wasm_core::order::Channel;

use super::{
    Gateway, NOW_MS, QUERY, REFUND, REFUND_QUERY, Say, Signing, payment, refund, say, trade,
};
use crate::orders::{Checkout, PayVia, Payments, TradeState, Unsure};
use crate::payments::wechat::sign;
use crate::payments::wechat::testing::{self, KEY_ID, config};
use crate::random;

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
    let Ok(Checkout::Bridge(params)) = wechat.create(&payment(app)).await else { panic!() };
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
    assert_eq!(gateway.seen()[0].2["scene_info"]["payer_client_ip"], "127.0.0.1");

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
        gateway.says(close, Say { status, body, headers: Signing::Right });
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
        status: 200,
        body: says,
        headers: Signing::By(key, serial),
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
        gateway.says(CERTIFICATES, Say { status: 200, body, headers: signing });
        let answer = wechat.query(&PaymentId::from("K1")).await;
        assert!(matches!(answer, Err(Unsure::Unknown(_))), "{answer:?}");
        wechat.clock.advance_ms(60_000);
    }
}
