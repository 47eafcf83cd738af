//! Holds: freeze, capture, let go, and what is refused.

use super::*;
use crate::demo::alipay::hold::{Hold, HoldStatus};
use crate::orders::{CaptureRequest, Holds};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Fixture {
    /// The order string of a hold.
    async fn freeze(&self, id: &str) -> String {
        let via = PayVia::hold(Channel::Alipay, Some("open-1".to_owned()));
        match self.alipay.create(&self.payment(id, via)).await.unwrap() {
            Checkout::OrderString(text) => text,
            other => panic!("{other:?}"),
        }
    }

    /// Opens a hold as the app does.
    async fn shown(&self, id: &str) {
        let order_string = sign::encode(&Params::from([
            ("orderStr".to_owned(), self.freeze(id).await),
            ("return_url".to_owned(), format!("{}/orders/1", self.url)),
        ]));
        let shown = self.get(&format!("{}/demo/alipay/tradepay?{order_string}", self.url)).await;
        assert_eq!(location(&shown), format!("/demo/alipay/hold/{id}"));
    }

    async fn press_hold(&self, id: &str, action: &str) -> reqwest::Response {
        let address = format!("{}/demo/alipay/hold/{id}", self.url);
        let form = [("action", action)];
        let cookie = "demo_alipay_buyer=open-1";
        self.browser.post(address).header("cookie", cookie).form(&form).send().await.unwrap()
    }

    /// Opens a hold and confirms it.
    pub(super) async fn held(&mut self, id: &str) -> VerifiedTrade {
        self.shown(id).await;
        self.press_hold(id, "pay").await;
        assert_eq!(self.answered().await, "success");
        let TradeState::Paid(trade) = self.query(id).await.unwrap() else { panic!("not held") };
        assert!(trade.held, "{trade:?}");
        trade
    }

    async fn hold(&self, id: &str) -> Hold {
        self.platform.hold(id).await.unwrap().unwrap()
    }
}

pub(super) fn capture(hold: &VerifiedTrade, amount_fen: i64) -> CaptureRequest {
    CaptureRequest {
        id: format!("{}C", hold.payment_id),
        payment_id: hold.payment_id.clone(),
        hold_no: hold.trade_no.clone(),
        held_fen: hold.amount_fen,
        amount_fen: Fen(amount_fen),
        buyer_open_id: hold.buyer_open_id.clone(),
        subject: "充电 3号插座 / A&B".to_owned(),
        duration_ms: 3_600_000,
        will_split: false,
    }
}

#[tokio::test]
async fn a_hold_is_asked_for_without_an_amount_to_pay() {
    let fixture = Fixture::new().await;
    let text = fixture.freeze("H1").await;
    assert!(!text.contains('+'), "not every app takes it for a space");
    let params = sign::decode(&text).unwrap();
    let key = fixture.alipay.config().private_key.public().unwrap();
    assert!(sign::request_is_signed(&params, &key));
    assert_eq!(params["method"], "alipay.fund.auth.order.app.freeze");
    assert_eq!(params["notify_url"], fixture.alipay.config().notify_url);
    let asked: serde_json::Value = serde_json::from_str(&params["biz_content"]).unwrap();
    assert_eq!(asked["deposit_product_mode"], "POSTPAY_UNCERTAIN");
    assert_eq!(asked["amount"], "5.00");
    assert!(asked["post_payments"][0]["name"].is_string());
    assert!(asked["post_payments"][0].get("amount").is_none());
    assert_eq!(asked["extra_param"], "{\"category\":\"CHARGE_PILE_CAR\"}");
    assert_eq!(fixture.query("H1").await, Ok(TradeState::Unknown), "nothing was sent");
    let tampered = text.replace("5.00", "0.01");
    let address = format!("{}/demo/alipay/tradepay?orderStr=", fixture.url);
    let encoded: String = url::form_urlencoded::byte_serialize(tampered.as_bytes()).collect();
    assert_eq!(fixture.get(&format!("{address}{encoded}")).await.status(), 400);
    assert_eq!(fixture.query("H1").await, Ok(TradeState::Unknown), "a forged order string");
}

#[tokio::test]
async fn the_bill_is_taken_of_a_hold_once_and_the_rest_is_let_go() {
    let mut fixture = Fixture::new().await;
    fixture.shown("H1").await;
    assert_eq!(fixture.query("H1").await, Ok(TradeState::Waiting));
    let back = fixture.press_hold("H1", "pay").await;
    assert_eq!(location(&back), format!("{}/orders/1", fixture.url));
    assert_eq!(fixture.answered().await, "success");
    let told = fixture.told().remove(0);
    assert!(told.held && told.status == TradeStatus::Success, "{told:?}");
    let TradeState::Paid(hold) = fixture.query("H1").await.unwrap() else { panic!() };
    assert_eq!((hold.amount_fen, hold.buyer_open_id.as_deref()), (PRICE_FEN, Some("open-1")));
    assert_eq!(hold.trade_no, told.trade_no);
    assert_no(fixture.alipay.close(&hold.payment_id).await, "HELD");

    let wanted = capture(&hold, 123);
    assert_eq!(fixture.alipay.captured(&wanted).await, Ok(false));
    assert_eq!(fixture.alipay.capture(&wanted).await, Ok(()));
    assert_eq!(fixture.alipay.captured(&wanted).await, Ok(true));
    let stored = fixture.hold("H1").await;
    assert_eq!(stored.status, HoldStatus::Finish, "the rest is let go");
    assert_eq!((stored.paid_fen, stored.rest_fen), (Fen(123), Fen(0)));

    assert_no(fixture.alipay.capture(&wanted).await, "ACQ.TRADE_HAS_SUCCESS");
    assert_eq!(fixture.alipay.captured(&wanted).await, Ok(true));
    assert_eq!(fixture.hold("H1").await.paid_fen, Fen(123), "taken once");
    assert_unknown(&fixture.alipay.captured(&capture(&hold, 124)).await, "another amount");
    let after = fixture.query("H1").await.unwrap();
    assert!(matches!(&after, TradeState::Paid(paid) if paid.held), "still a hold: {after:?}");

    assert_eq!(fixture.alipay.refund(&refund("R1", "H1", 23)).await, Ok(()));
    assert_eq!(fixture.alipay.refund_done(&refund("R1", "H1", 23)).await, Ok(true));
    assert_never(
        fixture.alipay.refund(&refund("R2", "H1", 101)).await,
        "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",
    );
    assert!(fixture.answers.try_recv().is_err(), "a capture is not told as a payment");
    assert_eq!(fixture.told().len(), 1);
}

#[tokio::test]
async fn a_charge_that_cost_nothing_lets_all_go() {
    let mut fixture = Fixture::new().await;
    let hold = fixture.held("H1").await;
    let nothing = capture(&hold, 0);
    assert_eq!(fixture.alipay.captured(&nothing).await, Ok(false));
    assert_eq!(fixture.alipay.capture(&nothing).await, Ok(()));
    assert_eq!(fixture.answered().await, "success", "the unfreezing is told");
    let told = fixture.told().remove(1);
    assert!(told.held && told.status == TradeStatus::Closed, "{told:?}");
    assert_eq!(fixture.alipay.capture(&nothing).await, Ok(()), "repeat");
    assert_eq!(fixture.alipay.captured(&nothing).await, Ok(true));
    assert_eq!(fixture.query("H1").await, Ok(TradeState::Closed));
    assert_never(fixture.alipay.capture(&capture(&hold, 1)).await, "ACQ.AUTH_ORDER_HAS_CLOSED");
    assert_eq!(fixture.alipay.captured(&capture(&hold, 1)).await, Ok(false));
}

#[tokio::test]
async fn a_hold_gives_no_more_than_was_set_aside_and_not_for_ever() {
    let (mut fixture, clock) = Fixture::at(Clock::System.now_ms()).await;
    let hold = fixture.held("H1").await;
    assert_never(fixture.alipay.capture(&capture(&hold, 501)).await, "ACQ.AUTH_AMOUNT_NOT_ENOUGH");
    let foreign = CaptureRequest { hold_no: "1".to_owned(), ..capture(&hold, 100) };
    assert_no(fixture.alipay.capture(&foreign).await, "AUTH_ORDER_NOT_EXIST");
    let other = CaptureRequest { buyer_open_id: Some("open-2".to_owned()), ..capture(&hold, 100) };
    assert_no(fixture.alipay.capture(&other).await, "ACQ.BUYER_NOT_MATCH");
    assert_eq!(fixture.hold("H1").await.paid_fen, Fen(0));
    clock.advance_ms(30 * DAY_MS - 1);
    assert!(matches!(fixture.query("H1").await, Ok(TradeState::Paid(_))));
    clock.advance_ms(1);
    assert_eq!(fixture.query("H1").await, Ok(TradeState::Closed));
    assert_never(fixture.alipay.capture(&capture(&hold, 100)).await, "ACQ.AUTH_ORDER_HAS_CLOSED");
}

#[tokio::test]
async fn a_hold_that_nobody_confirms_is_closed() {
    let (fixture, clock) = Fixture::at(Clock::System.now_ms()).await;
    assert_eq!(fixture.alipay.close(&PaymentId::from("H0")).await, Ok(()), "never seen");
    fixture.shown("H1").await;
    assert_eq!(fixture.alipay.close(&PaymentId::from("H1")).await, Ok(()));
    assert_eq!(fixture.alipay.close(&PaymentId::from("H1")).await, Ok(()), "repeat");
    assert_eq!(fixture.query("H1").await, Ok(TradeState::Closed));
    fixture.press_hold("H1", "pay").await;
    assert_eq!(fixture.query("H1").await, Ok(TradeState::Closed), "too late");
    fixture.shown("H2").await;
    clock.advance_ms(600_000);
    assert_eq!(fixture.query("H2").await, Ok(TradeState::Closed), "too late without a close");
}

#[tokio::test]
async fn f09_a_capture_without_a_good_answer_is_found_later() {
    let mut fixture = Fixture::new().await;
    let faults = [
        AnswerFault::Silence,
        AnswerFault::UnsignedError,
        AnswerFault::ServerError,
        AnswerFault::Truncated,
        AnswerFault::Forged,
    ];
    for (nth, answer) in faults.into_iter().enumerate() {
        let hold = fixture.held(&format!("H{nth}")).await;
        fixture.platform.set_faults(Faults { answer, ..Faults::default() });
        let wanted = capture(&hold, 200);
        assert_unknown(&fixture.alipay.capture(&wanted).await, "capture");
        assert_unknown(&fixture.alipay.captured(&wanted).await, "captured");
        fixture.platform.set_faults(Faults::default());
        assert_eq!(fixture.alipay.captured(&wanted).await, Ok(true), "{answer:?}");
        assert_eq!(fixture.hold(&format!("H{nth}")).await.paid_fen, Fen(200));
    }
}
