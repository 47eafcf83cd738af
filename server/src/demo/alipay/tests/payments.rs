//! Payments, refunds, notifies and logins.

use super::*;

#[tokio::test]
async fn a_browser_pays_and_comes_back() {
    let mut fixture = Fixture::new().await;
    let payment =
        fixture.payment("P1", PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST)));
    let Checkout::Redirect(address) = fixture.alipay.create(&payment).await.unwrap() else {
        panic!("a browser is redirected")
    };
    assert_eq!(fixture.query("P1").await, Ok(TradeState::Unknown), "nobody got there yet");

    let cashier = location(&fixture.get(&address).await);
    let page = fixture.get(&format!("{}{cashier}", fixture.url)).await.text().await.unwrap();
    for text in ["模拟收银台", "Simulated", "¥5.00", "充电 3号插座   A B", "支付", "取消"]
    {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert_eq!(fixture.query("P1").await, Ok(TradeState::Waiting));

    let trade_no = cashier.rsplit('/').next().unwrap();
    assert_eq!(location(&fixture.press(trade_no, "cancel").await), payment.return_url);
    assert_eq!(fixture.query("P1").await, Ok(TradeState::Waiting));

    let back = location(&fixture.press(trade_no, "pay").await);
    let (page, query) = back.split_once("?from=pay&").unwrap();
    assert_eq!(page, format!("{}/orders/1", fixture.url));
    let params = sign::decode(query).unwrap();
    assert!(sign::notify_is_signed(&params, &[fixture.alipay.config().alipay_public_key.clone()]));
    assert_eq!(params["out_trade_no"], "P1");

    assert_eq!(fixture.answered().await, "success");
    let TradeState::Paid(queried) = fixture.query("P1").await.unwrap() else { panic!("not paid") };
    assert_eq!(fixture.told(), slice::from_ref(&queried), "notify and query say the same");
    assert_eq!(queried.trade_no, trade_no);
    assert_eq!((queried.amount_fen, queried.status), (PRICE_FEN, TradeStatus::Success));
}

#[tokio::test]
async fn a_code_is_scanned_with_another_phone() {
    let mut fixture = Fixture::new().await;
    let payment = fixture.payment("P1", PayVia::code(Channel::Alipay));
    let Ok(Checkout::Code(code)) = fixture.alipay.create(&payment).await else {
        panic!("a code is shown")
    };
    assert_eq!(fixture.alipay.create(&payment).await, Ok(Checkout::Code(code.clone())), "again");
    assert_eq!(fixture.query("P1").await, Ok(TradeState::Waiting));
    let trade_no = code.rsplit('/').next().unwrap().to_owned();
    fixture.press(&trade_no, "pay").await;
    assert_eq!(fixture.answered().await, "success");
    assert!(matches!(fixture.query("P1").await, Ok(TradeState::Paid(_))));
    assert_unknown(&fixture.alipay.create(&payment).await, "a code for what is paid");
}

#[tokio::test]
async fn the_app_pays_a_trade_that_is_opened_once() {
    let mut fixture = Fixture::new().await;
    let first = trade_no(&fixture.open("P1").await.unwrap());
    assert_eq!(trade_no(&fixture.open("P1").await.unwrap()), first);
    let away = format!(
        "{}/demo/alipay/tradepay?tradeNO={first}&return_url=https://evil.example/",
        fixture.url
    );
    assert_eq!(fixture.get(&away).await.status(), 400);
    let home = format!(
        "{}/demo/alipay/tradepay?tradeNO={first}&return_url={}/orders/1",
        fixture.url, fixture.url
    );
    assert_eq!(location(&fixture.get(&home).await), cashier::path(&first));
    let back = location(&fixture.press(&first, "pay").await);
    assert!(back.starts_with(&format!("{}/orders/1?", fixture.url)), "{back}");
    assert_eq!(fixture.answered().await, "success");
    assert_eq!(fixture.told()[0].buyer_open_id.as_deref(), Some("open-1"));
    // It is paid: neither a second trade nor a plain no.
    assert_unknown(&fixture.open("P1").await, "create");

    let mut dearer = fixture.payment("P2", PayVia::app(Channel::Alipay, "open-1".to_owned()));
    fixture.alipay.create(&dearer).await.unwrap();
    dearer.amount_fen = Fen(501);
    assert_no(fixture.alipay.create(&dearer).await, "ACQ.CONTEXT_INCONSISTENT");
}

#[tokio::test]
async fn closing_is_final_and_may_be_repeated() {
    let mut fixture = Fixture::new().await;
    let close = async |id: &str| fixture.alipay.close(&PaymentId::from(id)).await;
    assert_eq!(close("P0").await, Ok(()), "the platform never saw it");
    let trade_no = trade_no(&fixture.open("P1").await.unwrap());
    assert_eq!(close("P1").await, Ok(()));
    assert_eq!(close("P1").await, Ok(()));
    assert_eq!(fixture.query("P1").await, Ok(TradeState::Closed));
    let page = fixture.press(&trade_no, "pay").await.text().await.unwrap();
    assert!(page.contains("交易已关闭"), "{page}");
    assert_eq!(fixture.query("P1").await, Ok(TradeState::Closed));
    fixture.paid("P2").await;
    assert_no(fixture.alipay.close(&PaymentId::from("P2")).await, "ACQ.TRADE_STATUS_ERROR");
}

#[tokio::test]
async fn f13_refunds_move_money_once_and_never_more_than_was_paid() {
    let mut fixture = Fixture::new().await;
    fixture.paid("P1").await;
    let part = refund("R1", "P1", 200);
    assert_eq!(fixture.alipay.refund_done(&part).await, Ok(false));
    assert_eq!(fixture.alipay.refund(&part).await, Ok(()));
    assert_eq!(fixture.answered().await, "success", "the refund's notify");
    assert_eq!(fixture.alipay.refund(&part).await, Ok(()), "repeat");
    assert_eq!(fixture.alipay.refund_done(&part).await, Ok(true));
    assert_never(
        fixture.alipay.refund(&refund("R1", "P1", 201)).await,
        "ACQ.DISCORDANT_REPEAT_REQUEST",
    );
    assert_unknown(&fixture.alipay.refund_done(&refund("R1", "P1", 201)).await, "other amount");
    assert_never(
        fixture.alipay.refund(&refund("R2", "P1", 301)).await,
        "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",
    );
    assert_no(fixture.alipay.refund(&refund("R2", "P0", 1)).await, "ACQ.TRADE_NOT_EXIST");
    assert_eq!(fixture.alipay.refund_done(&refund("R2", "P0", 1)).await, Ok(false));
    assert!(matches!(fixture.query("P1").await, Ok(TradeState::Paid(_))));
    assert_eq!(fixture.alipay.refund(&refund("R2", "P1", 300)).await, Ok(()));
    assert_eq!(fixture.answered().await, "success");
    assert_eq!(fixture.query("P1").await, Ok(TradeState::Closed));
    assert_eq!(fixture.told().len(), 1, "refunds are no payments");

    fixture.paid("P2").await;
    let refuse_refunds = Some("ACQ.SELLER_BALANCE_NOT_ENOUGH");
    fixture.platform.set_faults(Faults { refuse_refunds, ..Faults::default() });
    let whole = refund("R3", "P2", 500);
    assert_no(fixture.alipay.refund(&whole).await, "ACQ.SELLER_BALANCE_NOT_ENOUGH");
    assert_eq!(fixture.alipay.refund_done(&whole).await, Ok(false));
}

#[tokio::test]
async fn f09_a_bad_answer_is_unknown_and_the_deed_is_found_later() {
    let mut fixture = Fixture::new().await;
    let faults = [
        AnswerFault::Silence,
        AnswerFault::UnsignedError,
        AnswerFault::ServerError,
        AnswerFault::Truncated,
        AnswerFault::Forged,
    ];
    for (number, answer) in faults.into_iter().enumerate() {
        let [create, close, paid] =
            ["create", "close", "paid"].map(|deed| format!("{deed}{number}"));
        fixture.open(&close).await.unwrap();
        fixture.paid(&paid).await;
        let part = refund(&format!("R{number}"), &paid, 100);
        fixture.platform.set_faults(Faults { answer, ..Faults::default() });
        let name = format!("{answer:?}");
        assert_unknown(&fixture.open(&create).await, &name);
        assert_unknown(&fixture.query(&paid).await, &name);
        assert_unknown(&fixture.alipay.close(&PaymentId(close.clone())).await, &name);
        assert_unknown(&fixture.alipay.refund(&part).await, &name);
        assert_unknown(&fixture.alipay.refund_done(&part).await, &name);
        assert_unknown(&fixture.alipay.login("code").await, &name);
        fixture.platform.set_faults(Faults::default());
        assert_eq!(fixture.query(&create).await, Ok(TradeState::Waiting), "{name}");
        assert_eq!(fixture.query(&close).await, Ok(TradeState::Closed), "{name}");
        assert_eq!(fixture.alipay.refund_done(&part).await, Ok(true), "{name}");
        assert_eq!(fixture.answered().await, "success", "the refund's notify");
    }
    fixture.server.abort();
    (&mut fixture.server).await.unwrap_err();
    assert_unknown(&fixture.query("paid0").await, "nobody there");
}

#[tokio::test]
async fn f01_f03_f06_notifies_come_often_late_or_false() {
    let mut fixture = Fixture::new().await;
    let faults = |notify| Faults { notify, retry_after: &[], ..Faults::default() };
    for (id, notify) in [
        ("forged", NotifyFault::Forged),
        ("amount", NotifyFault::WrongAmount),
        ("app", NotifyFault::OtherApp),
    ] {
        let trade_no = trade_no(&fixture.open(id).await.unwrap());
        fixture.platform.set_faults(faults(notify));
        fixture.press(&trade_no, "pay").await;
        assert_eq!(fixture.answered().await, "failure", "{id}");
        assert_eq!(fixture.told(), [], "{id}");
        assert!(matches!(fixture.query(id).await, Ok(TradeState::Paid(_))), "a query tells");
    }
    let often = trade_no(&fixture.open("often").await.unwrap());
    fixture.platform.set_faults(faults(NotifyFault::Copies(3)));
    fixture.press(&often, "pay").await;
    for _ in 0..3 {
        assert_eq!(fixture.answered().await, "success");
    }
    fixture.platform.set_faults(faults(NotifyFault::Lost));
    let lost = trade_no(&fixture.open("lost").await.unwrap());
    fixture.press(&lost, "pay").await;
    let silent = trade_no(&fixture.open("silent").await.unwrap());
    fixture.platform.set_faults(faults(NotifyFault::None));
    fixture.press(&silent, "pay_lost").await;
    let late = trade_no(&fixture.open("late").await.unwrap());
    fixture.platform.set_faults(Faults { late: Duration::from_millis(50), ..Faults::default() });
    fixture.press(&late, "pay_late").await;
    assert_eq!(fixture.answered().await, "success");
    assert_eq!(fixture.told().last().unwrap().payment_id.as_str(), "late", "the others are lost");
    for id in ["lost", "silent"] {
        assert!(matches!(fixture.query(id).await, Ok(TradeState::Paid(_))), "a query tells");
    }
}

#[tokio::test]
async fn f05_a_refused_notify_comes_again() {
    let mut fixture = Fixture::new().await;
    let trade_no = trade_no(&fixture.open("P1").await.unwrap());
    let notify = NotifyFault::WrongAmount;
    fixture.platform.set_faults(Faults { notify, retry_after: RETRIES, ..Faults::default() });
    fixture.press(&trade_no, "pay").await;
    for _ in 0..3 {
        assert_eq!(fixture.answered().await, "failure");
    }
}

#[tokio::test]
async fn a_restart_loses_neither_keys_nor_trades_nor_notifies() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("demo.db").display());
    let store = Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut before = Fixture::over(store, socket, (Clock::System, Clock::System), |_| {}).await;
    let trade_no = trade_no(&before.open("P1").await.unwrap());
    // Not due while the first server lives.
    let notify = NotifyFault::Late(Duration::from_hours(1));
    before.platform.set_faults(Faults { notify, ..Faults::default() });
    before.press(&trade_no, "pay").await;
    before.server.abort();
    (&mut before.server).await.unwrap_err();

    let socket = TcpListener::bind(address).await.unwrap();
    let an_hour_later = Clock::manual(Clock::System.now_ms() + 3_601_000);
    let store = Store::open(&url).await.unwrap();
    let mut after = Fixture::over(store, socket, (an_hour_later, Clock::System), |_| {}).await;
    let keys = |fixture: &Fixture| fixture.alipay.config().alipay_public_key.to_base64();
    assert_eq!(keys(&after), keys(&before));
    assert!(matches!(after.query("P1").await, Ok(TradeState::Paid(_))));
    after.platform.resume().await.unwrap();
    assert_eq!(after.answered().await, "success");
    assert_eq!(after.told()[0].trade_no, trade_no);
}

#[tokio::test]
async fn a_login_code_serves_once() {
    let fixture = Fixture::new().await;
    let authorize = |uri: &str| {
        format!("{}/demo/alipay/authorize?state=s1&buyer=open-7&redirect_uri={uri}", fixture.url)
    };
    assert_eq!(fixture.get(&authorize("https://evil.example/")).await.status(), 400);
    let back = location(&fixture.get(&authorize(&format!("{}/login", fixture.url))).await);
    let params = sign::decode(back.split_once('?').unwrap().1).unwrap();
    assert_eq!(params["state"], "s1");
    let code = &params["auth_code"];
    assert_eq!(fixture.alipay.login(code).await, Ok("open-7".to_owned()));
    assert_no(fixture.alipay.login(code).await, "isv.code-invalid");
    assert_no(fixture.alipay.login("guessed").await, "isv.code-invalid");
}

#[tokio::test]
async fn the_gateway_takes_only_what_the_merchant_signed() {
    let fixture = Fixture::new().await;
    let payment =
        fixture.payment("P1", PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST)));
    let Checkout::Redirect(address) = fixture.alipay.create(&payment).await.unwrap() else {
        panic!("a browser is redirected")
    };
    let (gateway, query) = address.split_once('?').unwrap();
    let good = sign::decode(query).unwrap();
    let key = &fixture.alipay.config().private_key;
    let but = |name: &str, value: &str, key: Option<&SigningKey>| {
        let mut params: Params = good.clone();
        params.insert(name.to_owned(), value.to_owned());
        if let Some(key) = key {
            sign::sign_request(&mut params, key);
        }
        sign::encode(&params)
    };
    let strange = testing::strange_key();
    for (query, code) in [
        (but("return_url", "https://evil.example/", None), "isv.invalid-signature"),
        (but("version", "1.0", Some(&strange)), "isv.invalid-signature"),
        (but("app_id", "1", Some(key)), "isv.invalid-app-id"),
        (but("timestamp", "2020-01-01 00:00:00", Some(key)), "isv.invalid-timestamp"),
        (but("timestamp", "now", Some(key)), "isv.invalid-timestamp"),
        (but("biz_content", "{}", Some(key)), "ACQ.INVALID_PARAMETER"),
        (but("biz_content", "[", Some(key)), "isv.invalid-parameter"),
    ] {
        let answer = fixture.get(&format!("{gateway}?{query}")).await;
        assert_eq!(answer.status(), 400, "{code}");
        let page = answer.text().await.unwrap();
        assert!(page.contains(code), "{code} in {page}");
    }
    let repeated = fixture.get(&format!("{address}&app_id=1")).await.text().await.unwrap();
    assert!(repeated.contains("isv.invalid-parameter"), "{repeated}");
    assert_eq!(fixture.get(&address).await.status(), 303);
}
