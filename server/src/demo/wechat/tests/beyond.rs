//! Sharing, pay score, bills and changing keys, through our own adapter.

use std::io::Write as _;
use std::time::Duration;

use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::super::*;
use super::shop::{PRICE_FEN, Shop, code, is_unknown, refund};
use crate::orders::{
    BillDay, BillLine, BillLineKind, Bills, CaptureRequest, Checkout, Holds, PayVia, Payments,
    Receiver, ReceiverKind, ReturnRequest, ShareState, SplitRequest, SplitShare, Splits,
    TradeState,
};

const HOUR_MS: i64 = 3_600_000;

fn receiver(kind: ReceiverKind, account: &str, name: &str) -> Receiver {
    Receiver { kind, account: account.to_owned(), name: name.to_owned() }
}

fn split(id: &str, payment: &str, trade_no: &str, shares: &[(&Receiver, i64)]) -> SplitRequest {
    let shares = shares.iter().map(|(receiver, amount_fen)| SplitShare {
        receiver: (*receiver).clone(),
        amount_fen: Fen(*amount_fen),
        description: "分账".to_owned(),
    });
    SplitRequest {
        id: id.to_owned(),
        payment_id: PaymentId::from(payment),
        trade_no: trade_no.to_owned(),
        held: false,
        shares: shares.collect(),
    }
}

#[tokio::test]
async fn f14_a_payment_is_split_once_and_a_part_comes_back() {
    let mut shop = Shop::new().await;
    let trade_no = shop.paid("SPLIT1").await;
    let owner = receiver(ReceiverKind::Merchant, "1900000109", "物业公司");
    let person = receiver(ReceiverKind::Person, "o2", "张三");
    let stranger = receiver(ReceiverKind::Person, "o3", "");
    for _ in 0..2 {
        assert_eq!(shop.wechat.bind(&owner).await, Ok(()));
    }
    assert_eq!(shop.wechat.bind(&person).await, Ok(()));
    let parts = [(&owner, 100), (&person, 40), (&stranger, 5)];
    let wanted = split("S1", "SPLIT1", &trade_no, &parts);
    assert_eq!(code(shop.wechat.split(&wanted).await), "INVALID_REQUEST", "too soon");
    shop.clock.advance_ms(60_000);
    let too_much = split("S0", "SPLIT1", &trade_no, &[(&owner, 151)]);
    assert_eq!(code(shop.wechat.split(&too_much).await), "RULE_LIMIT", "over the agreed part");
    let misnamed = receiver(ReceiverKind::Person, "o2", "李四");
    let misnamed = split("S0", "SPLIT1", &trade_no, &[(&misnamed, 40)]);
    assert_eq!(code(shop.wechat.split(&misnamed).await), "INVALID_REQUEST", "another's name");

    shop.faults(|faults| {
        faults.takes = Duration::from_secs(1);
        faults.answer = AnswerFault::Silence;
    });
    assert!(is_unknown(&shop.wechat.split(&wanted).await), "done, but the answer is lost");
    shop.faults(|_| {});
    assert_eq!(shop.wechat.split(&wanted).await, Ok(()), "the same again");
    let pending = vec![ShareState::Pending; 3];
    assert_eq!(shop.wechat.split_state(&wanted).await, Ok(pending));
    shop.clock.advance_ms(1_000);
    let failed = ShareState::Failed("NO_RELATION".to_owned());
    let states = vec![ShareState::Done, ShareState::Done, failed];
    assert_eq!(shop.wechat.split_state(&wanted).await, Ok(states));
    let order = shop.platform.order("SPLIT1").await.unwrap().unwrap();
    assert_eq!((order.shares.len(), order.shared_fen()), (1, Fen(140)), "split once");
    assert_eq!(order.frozen_fen(shop.clock.now_ms()), Fen(360), "more may follow");
    assert_eq!(shop.wechat.split(&split("S9", "SPLIT1", &trade_no, &[])).await, Ok(()));
    let order = shop.platform.order("SPLIT1").await.unwrap().unwrap();
    assert_eq!(order.frozen_fen(shop.clock.now_ms()), Fen(0), "the rest is the operator's");

    let back = |amount_fen, from: &Receiver| ReturnRequest {
        id: format!("B{amount_fen}"),
        split_id: "S1".to_owned(),
        payment_id: PaymentId::from("SPLIT1"),
        by_code: false,
        held: false,
        trade_no: trade_no.clone(),
        receiver: from.clone(),
        amount_fen: Fen(amount_fen),
    };
    for _ in 0..2 {
        assert_eq!(shop.wechat.take_back(&back(60, &owner)).await, Ok(()));
    }
    assert_eq!(code(shop.wechat.take_back(&back(41, &owner)).await), "NOT_ENOUGH");
    assert_eq!(code(shop.wechat.take_back(&back(10, &person)).await), "PERSON");

    let trade_no = shop.paid("FREED1").await;
    shop.clock.advance_ms(60_000);
    let nobody = split("S2", "FREED1", &trade_no, &[]);
    assert_eq!(shop.wechat.split(&nobody).await, Ok(()));
    assert_eq!(shop.wechat.split_state(&nobody).await, Ok(Vec::new()));
    let order = shop.platform.order("FREED1").await.unwrap().unwrap();
    assert_eq!(order.frozen_fen(shop.clock.now_ms()), Fen(0));
}

fn capture(payment: &str, amount_fen: i64) -> CaptureRequest {
    CaptureRequest {
        id: format!("{payment}C"),
        payment_id: PaymentId::from(payment),
        hold_no: String::new(),
        held_fen: PRICE_FEN,
        amount_fen: Fen(amount_fen),
        buyer_open_id: Some("o1".to_owned()),
        subject: "充电 3号插座".to_owned(),
        duration_ms: 5_900_000,
        will_split: true,
    }
}

/// Opens a hold; what the rider's app posts to agree.
async fn open_hold(shop: &Shop, id: &str) -> String {
    let opened = shop.open(id, PayVia::hold(Channel::Wechat, None)).await.unwrap();
    let Checkout::ScoreView(query) = opened else { panic!("{opened:?}") };
    let page = format!("{}?{query}", shop.known.business_view_url);
    let page = shop.browser.get(page).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("确认授权"));
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "package").unwrap().1.into_owned()
}

async fn agree(shop: &mut Shop, package: &str) {
    let form = [("package", package), ("action", "pay")];
    shop.browser.post(&shop.known.business_view_url).form(&form).send().await.unwrap();
    assert_eq!(shop.answered().await, 204);
}

#[tokio::test]
async fn a_hold_is_agreed_to_captured_once_and_refunded() {
    let mut shop = Shop::new().await;
    let package = open_hold(&shop, "HOLDS1").await;
    assert_eq!(shop.query("HOLDS1").await, Ok(TradeState::Waiting));
    agree(&mut shop, &package).await;
    let Ok(TradeState::Paid(held)) = shop.query("HOLDS1").await else { panic!() };
    assert!(held.held && held.amount_fen == PRICE_FEN, "{held:?}");
    assert_eq!(code(shop.close("HOLDS1").await), "INVALID_ORDER_STATE");

    let bill = capture("HOLDS1", 123);
    assert_eq!(shop.wechat.captured(&bill).await, Ok(false));
    let more = capture("HOLDS1", 501);
    assert_eq!(code(shop.wechat.capture(&more).await), "PARAM_ERROR", "more than was held");
    shop.faults(|faults| faults.takes = Duration::from_secs(1));
    assert!(is_unknown(&shop.wechat.capture(&bill).await), "the rider has not paid yet");
    assert_eq!(shop.wechat.captured(&bill).await, Ok(false));
    shop.clock.advance_ms(1_000);
    assert_eq!(shop.wechat.captured(&bill).await, Ok(true));
    assert_eq!(shop.answered().await, 204);
    shop.faults(|_| {});
    assert_eq!(shop.wechat.capture(&bill).await, Ok(()), "the same again takes nothing");
    let other = capture("HOLDS1", 124);
    assert_eq!(code(shop.wechat.capture(&other).await), "INVALID_ORDER_STATE");
    let mut back = refund("R1", "HOLDS1", 23);
    back.paid_fen = Fen(123);
    assert_eq!(shop.wechat.refund_done(&back).await, Ok(false));
    assert_eq!(shop.wechat.refund(&back).await, Ok(()));
    assert_eq!(shop.wechat.refund_done(&back).await, Ok(true));
    back.amount_fen = Fen(24);
    assert!(is_unknown(&shop.wechat.refund_done(&back).await), "another amount");
    assert_eq!(shop.told(), ["held HOLDS1", "captured HOLDS1 123"]);
}

#[tokio::test]
async fn a_hold_of_which_nothing_is_taken_is_let_go() {
    let mut shop = Shop::new().await;
    let package = open_hold(&shop, "HOLDS1").await;
    agree(&mut shop, &package).await;
    let nothing = capture("HOLDS1", 0);
    assert_eq!(shop.wechat.captured(&nothing).await, Ok(false));
    for _ in 0..2 {
        assert_eq!(shop.wechat.capture(&nothing).await, Ok(()));
        assert_eq!(shop.wechat.captured(&nothing).await, Ok(true));
    }
    open_hold(&shop, "HOLDS2").await;
    assert_eq!(shop.close("HOLDS2").await, Ok(()), "not agreed to yet");
    assert_eq!(shop.query("HOLDS2").await, Ok(TradeState::Closed));
    let package = open_hold(&shop, "HOLDS3").await;
    agree(&mut shop, &package).await;
    shop.faults(|faults| faults.score_unpaid = true);
    let bill = capture("HOLDS3", 100);
    assert!(is_unknown(&shop.wechat.capture(&bill).await), "the rider owes");
    assert_eq!(shop.wechat.captured(&bill).await, Ok(false));
}

#[tokio::test]
async fn a_bill_is_fetched_and_a_downloaded_one_says_the_same() {
    let mut shop = Shop::new().await;
    let trade_no = shop.paid("BILLS1").await;
    shop.wechat.refund(&refund("R1", "BILLS1", 200)).await.unwrap();
    let package = open_hold(&shop, "HOLDS1").await;
    agree(&mut shop, &package).await;
    shop.wechat.capture(&capture("HOLDS1", 100)).await.unwrap();
    let day = BillDay::of(shop.clock.now_ms());
    let folder = tempfile::tempdir().unwrap();
    let early = shop.wechat.bill(day, folder.path()).await;
    assert_eq!(code(early.map(|_| ())), "PARAM_ERROR", "the day is not over");
    shop.clock.advance_ms(24 * HOUR_MS);
    let early = shop.wechat.bill(day, folder.path()).await;
    assert_eq!(code(early.map(|_| ())), "STATEMENT_CREATING", "08:00");
    shop.clock.advance_ms(2 * HOUR_MS);

    let fetched = shop.wechat.bill(day, folder.path()).await.unwrap();
    let fetched: Vec<BillLine> = fetched.collect::<Result<_, _>>().unwrap();
    let mut brief: Vec<_> = fetched
        .iter()
        .map(|line| (line.kind, line.payment_id.as_str(), line.our_no.as_str(), line.amount_fen.0))
        .collect();
    brief.sort_unstable();
    let expected = [
        (BillLineKind::Payment, "BILLS1", "", 500),
        (BillLineKind::Payment, "HOLDS1", "", 100),
        (BillLineKind::Refund, "BILLS1", "R1", 200),
    ];
    assert_eq!(brief, expected);
    assert!(fetched.iter().any(|line| line.trade_no == trade_no && line.fee_fen == Fen(3)));

    let packed = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let from_file = |file: &std::path::Path| -> std::io::Result<Vec<BillLine>> {
        shop.wechat.read(file)?.collect()
    };
    assert_eq!(from_file(&packed).unwrap(), fetched, "as it was packed");
    let bytes = std::fs::read(&packed).unwrap();
    let plain = std::io::read_to_string(flate2::read::GzDecoder::new(&bytes[..])).unwrap();
    let unpacked = folder.path().join("bill.csv");
    std::fs::File::create(&unpacked).unwrap().write_all(plain.as_bytes()).unwrap();
    assert_eq!(from_file(&unpacked).unwrap(), fetched, "and unpacked");
    std::fs::write(&packed, &bytes[..bytes.len() / 2]).unwrap();
    assert!(from_file(&packed).is_err(), "half a bill is none");
    std::fs::write(&unpacked, "a,b\r\n").unwrap();
    assert!(from_file(&unpacked).is_err(), "neither is another table");

    // On the next day nobody paid.
    shop.clock.advance_ms(24 * HOUR_MS);
    let none = shop.wechat.bill(day.next(), folder.path()).await.unwrap();
    assert_eq!(none.count(), 0);
}

/// Pays a new order, reported with the newest certificate.
async fn told_by_certificate(shop: &mut Shop, id: &str) -> u16 {
    shop.faults(|faults| faults.signed_by = SignedBy::Certificate);
    let cashier = shop.cashier(&shop.open_in_app(id).await.unwrap()).await;
    shop.press(&cashier, "pay").await;
    shop.answered().await
}

#[tokio::test]
async fn f17_a_new_certificate_is_fetched_when_it_is_first_seen() {
    let mut shop = Shop::with(|settings| settings.platform.public_key = None).await;
    assert_eq!(told_by_certificate(&mut shop, "CERTS1").await, 204);
    shop.clock.advance_ms(60_000);
    shop.platform.rotate().await.unwrap();
    assert_eq!(told_by_certificate(&mut shop, "CERTS2").await, 204);
    let person = receiver(ReceiverKind::Person, "o2", "张三");
    assert_eq!(shop.wechat.bind(&person).await, Ok(()), "a name for the newest key");
    // Before a minute has passed no other is fetched, whoever names a new serial.
    shop.platform.rotate().await.unwrap();
    let opened = shop.open_in_app("CERTS3").await;
    assert!(is_unknown(&opened), "{opened:?}");
    shop.clock.advance_ms(60_000);
    assert_eq!(told_by_certificate(&mut shop, "CERTS3").await, 204);
}

#[tokio::test]
async fn f17_while_a_merchant_moves_to_the_public_key_both_are_believed() {
    let mut shop = Shop::new().await;
    assert_eq!(told_by_certificate(&mut shop, "CERTS1").await, 204);
    shop.clock.advance_ms(60_000);
    shop.platform.rotate().await.unwrap();
    assert_eq!(told_by_certificate(&mut shop, "CERTS2").await, 204);
    shop.faults(|faults| faults.signed_by = SignedBy::PublicKey);
    shop.paid("PUBKEY").await;

    let mut certificates = Shop::with(|settings| settings.platform.certificates = false).await;
    assert_eq!(told_by_certificate(&mut certificates, "CERTS1").await, 401, "not set up");
    assert_eq!(certificates.told(), Vec::<String>::new());
}
