//! Beyond payments: splits, pay score, logins and bills.

use super::*;

fn share(account: &str, name: &str) -> SplitShare {
    let receiver = Receiver {
        kind: ReceiverKind::Merchant,
        account: account.to_owned(),
        name: name.to_owned(),
    };
    SplitShare { receiver, amount_fen: Fen(30), description: "分成".to_owned() }
}

#[tokio::test]
async fn f14_parts_go_to_others_with_names_only_the_platform_reads() {
    let gateway = Gateway::default();
    let wechat = gateway.start(|_| {}).await;
    gateway.says("POST /v3/profitsharing/receivers/add", say(200, &json!({})));
    wechat.bind(&share("1900000109", "物业公司").receiver).await.unwrap();
    let (_, _, bound) = gateway.seen().remove(0);
    assert_eq!(STANDARD.decode(bound["name"].as_str().unwrap()).unwrap().len(), 256);

    let mut split = SplitRequest {
        id: "S1".to_owned(),
        payment_id: PaymentId::from("K1"),
        trade_no: "4200000001".to_owned(),
        held: false,
        shares: vec![share("A", "甲"), share("B", "")],
    };
    let order = |state: &str, results: [&str; 2]| {
        json!({ "transaction_id": "4200000001", "out_order_no": "S1", "order_id": "3", "state": state,
            "receivers": [
                { "account": "B", "amount": 30, "result": results[1], "fail_reason": "NO_RELATION" },
                { "account": "A", "amount": 30, "result": results[0] },
                { "account": "1900000001", "amount": 440, "result": "SUCCESS" },
            ] })
    };
    let made = "POST /v3/profitsharing/orders";
    gateway.says(made, say(200, &order("PROCESSING", ["PENDING", "PENDING"])));
    wechat.split(&split).await.unwrap();
    let (_, _, body) = gateway.seen().remove(0);
    assert_eq!(body["unfreeze_unsplit"], false, "more may follow");
    assert_eq!(body["receivers"][1].get("name"), None);
    let queried = "GET /v3/profitsharing/orders/S1";
    gateway.says(queried, say(200, &order("PROCESSING", ["PENDING", "PENDING"])));
    assert_eq!(wechat.split_state(&split).await, Ok(vec![ShareState::Pending; 2]));
    gateway.says(queried, say(200, &order("FINISHED", ["SUCCESS", "CLOSED"])));
    let states = vec![ShareState::Done, ShareState::Failed("NO_RELATION".to_owned())];
    assert_eq!(wechat.split_state(&split).await, Ok(states));

    split.shares.clear();
    let finished = json!({ "out_order_no": "S1", "order_id": "3", "state": "PROCESSING" });
    gateway.says("POST /v3/profitsharing/orders/unfreeze", say(200, &finished));
    wechat.split(&split).await.unwrap();

    let mut back = ReturnRequest {
        id: "B1".to_owned(),
        split_id: "S1".to_owned(),
        payment_id: PaymentId::from("K1"),
        by_code: false,
        trade_no: "4200000001".to_owned(),
        held: false,
        receiver: share("A", "").receiver,
        amount_fen: Fen(10),
    };
    for (result, expected) in
        [("SUCCESS", "Ok(())"), ("PROCESSING", "Err(Unknown"), ("FAILED", "Err(No")]
    {
        let returned = json!({ "out_return_no": "B1", "amount": 10, "result": result });
        gateway.says("POST /v3/profitsharing/return-orders", say(200, &returned));
        let answer = format!("{:?}", wechat.take_back(&back).await);
        assert!(answer.starts_with(expected), "{result}: {answer}");
    }
    back.receiver.kind = ReceiverKind::Person;
    assert!(matches!(wechat.take_back(&back).await, Err(Unsure::Never { .. })));
}

#[tokio::test]
async fn pay_score_follows_the_two_wheeler_form() {
    let gateway = Gateway::default();
    let wechat = gateway.start(|_| {}).await;
    gateway.says(
        "POST /v3/payscore/serviceorder",
        say(200, &json!({ "state": "CREATED", "package": "AAQ=" })),
    );
    let hold = payment(PayVia::hold(Channel::Wechat, None));
    let Ok(Checkout::ScoreView(query)) = wechat.create(&hold).await else { panic!() };
    assert!(query.starts_with("mch_id=1900000001&nonce_str="), "{query}");
    assert!(query.contains("&package=AAQ%3D&sign_type=HMAC-SHA256&timestamp=1795305600&sign="));
    let (_, _, body) = gateway.seen().remove(0);
    let items = body["post_payments"].as_array().unwrap();
    assert_eq!((items.len(), items[0]["name"].as_str()), (1, Some("收费标准")));
    assert!(items[0].get("amount").is_none() && items[0].get("count").is_none());
    assert!(items[0]["description"].as_str().unwrap().chars().count() <= 30);
    assert!(body["service_introduction"].as_str().unwrap().chars().count() <= 20);
    assert!(body["device"]["start_device_id"].is_string());

    gateway.says(QUERY, say(404, &json!({ "code": "ORDER_NOT_EXIST" })));
    for (state, expected) in [
        ("CREATED", "Ok(Waiting)"),
        ("DOING", "Ok(Paid("),
        ("DONE", "Ok(Paid("),
        ("REVOKED", "Ok(Closed)"),
        ("EXPIRED", "Ok(Closed)"),
    ] {
        gateway.says(ORDER, say(200, &score_order(state)));
        let answer = format!("{:?}", wechat.query(&PaymentId::from("K1")).await);
        assert!(answer.starts_with(expected), "{state}: {answer}");
        assert!(!answer.starts_with("Ok(Paid(") || answer.contains("held: true"));
    }
}

/// What `GET /v3/payscore/serviceorder` says of a hold of ¥5.00 with a bill of ¥2.30.
fn score_order(state: &str) -> Value {
    json!({ "mchid": "1900000001", "appid": "wx0000000000000001", "out_order_no": "K1",
        "service_id": "00004000000000000000000000000001", "order_id": "1500000001",
        "state": state, "total_amount": 230, "risk_fund": { "amount": 500 },
        "collection": { "details": [{ "transaction_id": "4200000009" }] } })
}

#[tokio::test]
async fn pay_score_takes_the_bill_and_says_under_which_number() {
    let gateway = Gateway::default();
    let wechat = gateway.start(|_| {}).await;
    let mut capture = CaptureRequest {
        id: "K1C".to_owned(),
        payment_id: PaymentId::from("K1"),
        hold_no: "1500000001".to_owned(),
        held_fen: Fen(500),
        amount_fen: Fen(230),
        buyer_open_id: None,
        subject: "充电".to_owned(),
        duration_ms: 5_900_500,
        will_split: true,
    };
    gateway.seen();
    gateway
        .says("POST /v3/payscore/serviceorder/K1/complete", say(200, &json!({ "state": "DOING" })));
    gateway.says(ORDER, say(200, &score_order("DOING")));
    assert!(matches!(wechat.capture(&capture).await, Err(Unsure::Unknown(_))), "not paid yet");
    let (_, _, body) = gateway.seen().remove(0);
    let names = |at: usize| body["post_payments"][at]["name"].as_str();
    assert_eq!([names(0), names(1), names(2)], [Some("收费标准"), Some("使用时长"), None]);
    assert_eq!(body["post_payments"][1]["description"], "1小时38分20秒");
    assert_eq!(
        (&body["total_amount"], &body["post_payments"][0]["amount"]),
        (&json!(230), &json!(230))
    );
    gateway.says(ORDER, say(200, &score_order("DONE")));
    assert_eq!(wechat.capture(&capture).await, Ok(()));
    assert_eq!(wechat.captured(&capture).await, Ok(true));
    split_what_was_taken(&gateway, &wechat).await;
    capture.amount_fen = Fen(231);
    assert!(matches!(wechat.captured(&capture).await, Err(Unsure::Unknown(_))), "another bill");

    capture.amount_fen = Fen::ZERO;
    gateway.says("POST /v3/payscore/serviceorder/K1/cancel", say(200, &json!({ "order_id": "1" })));
    assert_eq!(wechat.capture(&capture).await, Ok(()));
    assert_eq!(wechat.captured(&capture).await, Ok(false), "it is paid");
    gateway.says(ORDER, say(200, &score_order("REVOKED")));
    assert_eq!(wechat.captured(&capture).await, Ok(true));
}

#[tokio::test]
async fn logins_know_the_account_and_the_mini_program() {
    let gateway = Gateway::default();
    let wechat = gateway.start(|_| {}).await;
    let session = |body: Value| Say { headers: Signing::None, ..say(200, &body) };
    let token = "GET /sns/oauth2/access_token";
    gateway.says(token, session(json!({ "openid": "open-1", "access_token": "secret" })));
    assert_eq!(wechat.login("code&1").await, Ok("open-1".to_owned()));
    let asked = "/sns/oauth2/access_token?appid=wx0000000000000001&secret=the-secret\
                 &code=code%261&grant_type=authorization_code";
    assert_eq!(gateway.seen()[0].1, asked);
    gateway.says("GET /sns/jscode2session", session(json!({ "openid": "open-2" })));
    assert_eq!(wechat.shell_login("c").await, Ok("wx0000000000000002:open-2".to_owned()));
    for (code, expected) in [(40_029, "Err(No"), (40_163, "Err(No"), (-1, "Err(Unknown")] {
        gateway.says(token, session(json!({ "errcode": code, "errmsg": "words" })));
        let answer = format!("{:?}", wechat.login("c").await);
        assert!(answer.starts_with(expected), "{code}: {answer}");
    }
    let address = wechat.authorize_url("https://charge.example/login?a=1", "state 1");
    assert!(address.ends_with(
        "/authorize?appid=wx0000000000000001&redirect_uri=https%3A%2F%2Fcharge.example%2Flogin%3Fa%3D1\
         &response_type=code&scope=snsapi_base&state=state+1#wechat_redirect"
    ));
}

#[tokio::test]
async fn f16_a_bill_is_read_only_when_its_digest_is_right() {
    let gateway = Gateway::default();
    let calls_end = Duration::from_millis(500);
    let wechat = gateway.start(|config| config.timeout = calls_end).await;
    let bill = "交易时间,微信订单号,商户订单号,交易类型,交易状态,商户退款单号,退款状态,商户数据包,手续费,订单金额,申请退款金额\r\n\
        `2026-11-20 08:00:00,`42,`K1,`JSAPI,`SUCCESS,`0,`,`,`0.03000,`5.00,`0.00\r\n\
        总交易单数\r\n`1\r\n";
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bill.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let sha1 = |bytes: &[u8]| {
        let kind = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
        random::hex(aws_lc_rs::digest::digest(kind, bytes).as_ref())
    };
    let url = format!("{}/v3/billdownload/file?token=a%3D", wechat.config.base_url);
    let offer = |hash: &str, url: &str| {
        say(200, &json!({ "hash_type": "SHA1", "hash_value": hash, "download_url": url }))
    };
    let (asked, folder) = ("GET /v3/bill/tradebill", tempfile::tempdir().unwrap());
    // A bill may come more slowly than the answer to a call.
    let after = calls_end * 3 / 2;
    let file = Say { status: 200, body: packed.clone(), headers: Signing::None, after };
    gateway.says("GET /v3/billdownload/file", file);
    let day = BillDay::of(NOW_MS - 2 * 86_400_000);
    for hash in [sha1(bill.as_bytes()), sha1(&packed).to_uppercase()] {
        gateway.says(asked, offer(&hash, &url));
        let lines = wechat.bill(day, folder.path()).await.ok().unwrap();
        let lines: Vec<_> = lines.map(Result::unwrap).collect();
        assert_eq!((lines.len(), lines[0].amount_fen, lines[0].fee_fen), (1, Fen(500), Fen(3)));
    }
    let target = "/base/v3/bill/tradebill?bill_date=2026-11-20&bill_type=ALL&tar_type=GZIP";
    assert_eq!(gateway.seen()[0].1, target);
    let unknown = async || matches!(wechat.bill(day, folder.path()).await, Err(Unsure::Unknown(_)));
    gateway.says(asked, offer(&sha1(b"another"), &url));
    assert!(unknown().await, "another digest");
    gateway.says(asked, offer(&sha1(bill.as_bytes()), "http://elsewhere.example/bill"));
    assert!(unknown().await, "another house");
    gateway.says(asked, say(404, &json!({ "code": "NO_STATEMENT_EXIST" })));
    assert_eq!(wechat.bill(day, folder.path()).await.ok().unwrap().count(), 0);
    let today = wechat.bill(BillDay::of(NOW_MS), folder.path()).await;
    assert!(matches!(today, Err(Unsure::No { .. })), "not made yet");
}

/// A hold's number is no trade's: what was taken has one of its own.
async fn split_what_was_taken(gateway: &Gateway, wechat: &Wechat) {
    let split = SplitRequest {
        id: "S1".to_owned(),
        payment_id: PaymentId::from("K1"),
        trade_no: "1500000001".to_owned(),
        held: true,
        shares: vec![share("A", "")],
    };
    let taken = json!({ "out_order_no": "S1", "order_id": "3", "state": "PROCESSING" });
    gateway.says("POST /v3/profitsharing/orders", say(200, &taken));
    gateway.seen();
    wechat.split(&split).await.unwrap();
    let (_, _, body) = gateway.seen().pop().unwrap();
    assert_eq!(body["transaction_id"], "4200000009");
}
