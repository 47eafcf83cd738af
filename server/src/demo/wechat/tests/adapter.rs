//! Paying, asking, closing, paying back, logins and callbacks, through our own adapter.

use std::time::Duration;

use wasm_core::order::Channel;

use super::super::*;
use super::shop::{PRICE_FEN, Shop, code, is_unknown, refund};
use crate::orders::{Answer, Checkout, Logins, PayVia, Payments, TradeState};

#[tokio::test]
async fn each_product_is_paid_told_and_asked_for() {
    let mut shop = Shop::new().await;
    let app = shop.open_in_app("INAPP1").await.unwrap();
    let browser = shop.open_in_browser("BROWS1").await.unwrap();
    let code_ = shop.open("CODES1", PayVia::code(Channel::Wechat)).await.unwrap();
    for (id, checkout) in [("INAPP1", app), ("BROWS1", browser), ("CODES1", code_)] {
        assert_eq!(shop.query(id).await, Ok(TradeState::Waiting), "{id}");
        let cashier = shop.cashier(&checkout).await;
        shop.press(&cashier, "pay").await;
        assert_eq!(shop.answered().await, 204);
        let Ok(TradeState::Paid(trade)) = shop.query(id).await else { panic!("{id}") };
        assert_eq!((trade.payment_id.as_str(), trade.amount_fen), (id, PRICE_FEN));
        assert!(trade.trade_no.starts_with("4200") && !trade.held);
        assert_eq!(trade.paid_ms, shop.clock.now_ms());
        assert_eq!(trade.buyer_open_id.as_deref() == Some("o1"), id == "INAPP1");
    }
    assert_eq!(shop.told(), ["paid INAPP1", "paid BROWS1", "paid CODES1"]);
    assert!(is_unknown(&shop.open_in_app("INAPP1").await), "paid meanwhile: a query tells");
    assert_eq!(code(shop.close("INAPP1").await), "ORDERPAID");
    assert_eq!(shop.query("NOSUCH").await, Ok(TradeState::Unknown));
}

#[tokio::test]
async fn after_paying_the_browser_comes_back() {
    let shop = Shop::new().await;
    let checkout = shop.open_in_browser("BROWS1").await.unwrap();
    let Checkout::Redirect(address) = &checkout else { panic!() };
    assert!(address.contains("redirect_url="), "{address}");
    let cashier = shop.cashier(&checkout).await;
    let pressed = shop.browser.post(&cashier).form(&[("action", "pay")]).send().await.unwrap();
    let back = pressed.headers()["location"].to_str().unwrap();
    assert_eq!(back, format!("{}/orders/1?from=pay", shop.url));
    shop.clock.advance_ms(5 * 60 * 1_000);
    let late = shop.browser.get(address).send().await.unwrap();
    assert_eq!(late.status(), 410, "an h5_url is good for five minutes");
}

#[tokio::test]
async fn what_is_closed_cannot_be_paid() {
    let shop = Shop::new().await;
    let checkout = shop.open_in_app("CLOSE1").await.unwrap();
    let cashier = shop.cashier(&checkout).await;
    assert_eq!(shop.close("CLOSE1").await, Ok(()));
    assert_eq!(shop.close("CLOSE1").await, Ok(()), "again");
    assert_eq!(shop.close("NOSUCH").await, Ok(()), "what the platform never saw");
    shop.press(&cashier, "pay").await;
    assert_eq!(shop.query("CLOSE1").await, Ok(TradeState::Closed));
    assert_eq!(code(shop.open_in_app("CLOSE1").await), "ORDER_CLOSED");
    assert_eq!(shop.told(), Vec::<String>::new());
    shop.open_in_app("EXPIRE").await.unwrap();
    shop.clock.advance_ms(600_000);
    assert_eq!(shop.query("EXPIRE").await, Ok(TradeState::Closed));
}

#[tokio::test]
async fn a_refund_goes_once_however_often_it_is_asked_for() {
    let mut shop = Shop::new().await;
    shop.paid("REFUN1").await;
    let first = refund("R1", "REFUN1", 300);
    assert_eq!(shop.wechat.refund_done(&first).await, Ok(false), "not asked for yet");
    assert_eq!(shop.wechat.refund(&first).await, Ok(()));
    assert_eq!(shop.wechat.refund(&first).await, Ok(()));
    assert_eq!(shop.wechat.refund_done(&first).await, Ok(true));
    assert_eq!(code(shop.wechat.refund(&refund("R2", "REFUN1", 201)).await), "INVALID_REQUEST");
    assert_eq!(shop.answered().await, 204);
    shop.faults(|faults| faults.refund = RefundFault::NotEnough);
    assert_eq!(code(shop.wechat.refund(&refund("R2", "REFUN1", 100)).await), "NOT_ENOUGH");
    shop.faults(|faults| faults.takes = Duration::from_secs(1));
    let slow = refund("R2", "REFUN1", 100);
    assert!(is_unknown(&shop.wechat.refund(&slow).await), "under way");
    assert_eq!(shop.wechat.refund_done(&slow).await, Ok(false));
    shop.clock.advance_ms(1_000);
    assert_eq!(shop.wechat.refund_done(&slow).await, Ok(true));
    assert_eq!(shop.answered().await, 204);
    shop.faults(|faults| faults.refund = RefundFault::Abnormal);
    let lost = refund("R3", "REFUN1", 100);
    assert_eq!(code(shop.wechat.refund(&lost).await), "REFUND_GIVEN_UP");
    assert_eq!(shop.answered().await, 204);
    let told = ["paid REFUN1", "back R1 300", "back R2 100", "given up R3 100"];
    assert_eq!(shop.told(), told);
}

#[tokio::test]
async fn f01_callbacks_come_late_twice_reordered_or_never() {
    let mut shop = Shop::new().await;
    let pay = async |shop: &Shop, id: &str, action: &str| {
        let cashier = shop.cashier(&shop.open_in_app(id).await.unwrap()).await;
        shop.press(&cashier, action).await;
    };
    shop.faults(|faults| faults.notify = NotifyFault::Copies(3));
    pay(&shop, "COPIES", "pay").await;
    for _ in 0..3 {
        assert_eq!(shop.answered().await, 204);
    }
    shop.faults(|faults| faults.notify = NotifyFault::Reordered(Duration::from_millis(300)));
    for id in ["FIRST1", "SECOND"] {
        pay(&shop, id, "pay").await;
    }
    assert_eq!((shop.answered().await, shop.answered().await), (204, 204));
    let told = shop.told();
    assert_eq!(told[..3], ["paid COPIES", "paid COPIES", "paid COPIES"]);
    let mut reordered = told[3..].to_vec();
    reordered.sort();
    assert_eq!(reordered, ["paid FIRST1", "paid SECOND"]);
    shop.faults(|faults| faults.notify = NotifyFault::Lost);
    pay(&shop, "LOST01", "pay").await;
    pay(&shop, "LOST02", "pay_lost").await;
    for id in ["LOST01", "LOST02"] {
        assert!(matches!(shop.query(id).await, Ok(TradeState::Paid(_))), "a query tells");
    }
    assert_eq!(shop.told(), told);
}

#[tokio::test]
async fn f06_probes_and_forged_callbacks_change_nothing() {
    let mut shop = Shop::new().await;
    shop.faults(|faults| faults.probes = true);
    let cashier = shop.cashier(&shop.open_in_app("PROBE1").await.unwrap()).await;
    shop.press(&cashier, "pay").await;
    assert_eq!((shop.answered().await, shop.answered().await), (401, 204));
    assert_eq!(shop.platform.probes(), (1, 0));
    for (nth, (fault, status)) in [
        (NotifyFault::BadSignature, 401),
        (NotifyFault::OtherKey, 401),
        (NotifyFault::UnknownSerial, 401),
        (NotifyFault::Altered, 401),
        (NotifyFault::Old, 401),
        (NotifyFault::WrongAmount, 400),
        (NotifyFault::OtherMerchant, 400),
    ]
    .into_iter()
    .enumerate()
    {
        shop.faults(|faults| faults.notify = fault);
        let opened = shop.open_in_app(&format!("FORGED{nth}")).await.unwrap();
        let cashier = shop.cashier(&opened).await;
        shop.press(&cashier, "pay").await;
        for delivery in 0..3 {
            assert_eq!(shop.answered().await, status, "{fault:?}, delivery {delivery}");
        }
    }
    assert_eq!(shop.told(), ["paid PROBE1"]);
}

const SPOILT: [AnswerFault; 8] = [
    AnswerFault::Silence,
    AnswerFault::UnsignedError,
    AnswerFault::SystemError,
    AnswerFault::BadGateway,
    AnswerFault::Truncated,
    AnswerFault::OtherKey,
    AnswerFault::Altered,
    AnswerFault::Old,
];

#[tokio::test]
async fn f09_a_deed_with_a_spoilt_answer_is_done_once() {
    let mut shop = Shop::new().await;
    shop.paid("SPOILT").await;
    for (nth, fault) in SPOILT.into_iter().enumerate() {
        let (id, back) = (format!("OPENED{nth}"), refund(&format!("R{nth}"), "SPOILT", 10));
        shop.faults(|faults| faults.answer = fault);
        let (opened, refunded) = (shop.open_in_app(&id).await, shop.wechat.refund(&back).await);
        assert!(not_a_yes(&opened) && not_a_yes(&refunded), "{fault:?}");
        shop.faults(|_| {});
        // What was done can be asked for, and done again changes nothing.
        assert_eq!(shop.query(&id).await, Ok(TradeState::Waiting), "{fault:?}");
        shop.open_in_app(&id).await.unwrap();
        assert_eq!(shop.wechat.refund_done(&back).await, Ok(true), "{fault:?}");
        assert_eq!(shop.wechat.refund(&back).await, Ok(()));
    }
    let order = shop.platform.order("SPOILT").await.unwrap().unwrap();
    assert_eq!(order.refunds.len(), SPOILT.len());
    let whole = refund("REST", "SPOILT", 500 - 10 * 8);
    assert_eq!(shop.wechat.refund(&whole).await, Ok(()), "nothing went back twice");
}

/// Unknown, or the no of an unsigned error, which a query then contradicts.
fn not_a_yes<T>(answer: &Answer<T>) -> bool {
    answer.is_err()
}

#[tokio::test]
async fn a_wrong_clock_and_a_revoked_key_let_nothing_through() {
    let shop = Shop::new().await;
    for skew_ms in [-301_000, 301_000] {
        shop.faults(|faults| faults.skew_ms = skew_ms);
        assert!(is_unknown(&shop.open_in_app("SKEWED").await), "an answer of another time");
    }
    shop.faults(|faults| faults.merchant_revoked = true);
    assert_eq!(code(shop.open_in_app("SKEWED").await), "SIGN_ERROR");
    shop.faults(|_| {});
    assert_eq!(shop.query("SKEWED").await, Ok(TradeState::Unknown), "it was never opened");
}

#[tokio::test]
async fn a_login_code_tells_who_the_rider_is_once() {
    let shop = Shop::new().await;
    let wanted = shop.wechat.authorize_url(&format!("{}/login/wechat", shop.url), "state-1");
    let back = shop.go(&wanted.replace("#wechat_redirect", "&payer=o7")).await;
    let back = url::Url::parse(&back).unwrap();
    let pairs: Vec<(String, String)> = back.query_pairs().into_owned().collect();
    let [(name, auth_code), (_, state)] = pairs.as_slice() else { panic!("{pairs:?}") };
    assert_eq!((name.as_str(), state.as_str()), ("code", "state-1"));
    assert_eq!(shop.wechat.login(auth_code).await, Ok("o7".to_owned()));
    assert_eq!(code(shop.wechat.login(auth_code).await), "40163");
    assert_eq!(code(shop.wechat.login("guessed").await), "40029");
    let address = format!("{}/demo/wechat/login?openid=o8", shop.url);
    let shell: serde_json::Value =
        shop.browser.get(address).send().await.unwrap().json().await.unwrap();
    let shell = shell["code"].as_str().unwrap();
    assert_eq!(shop.wechat.shell_login(shell).await, Ok("o8".to_owned()));
}
