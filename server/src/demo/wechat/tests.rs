//! A small merchant against the simulated platform, over loopback HTTP.

mod merchant;

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::random;
use merchant::Merchant;

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
    // A clock that stands makes the pauses real time.
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
