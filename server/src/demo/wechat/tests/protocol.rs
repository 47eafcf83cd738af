//! Who is let in, how answers are signed and spoilt, and keys that change.

use super::super::*;
use super::merchant::Merchant;

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
