//! Splits: who may receive, how much, what became of it, what comes back.

use super::holds::capture;
use super::*;
use crate::demo::alipay::trade::Trade;
use crate::orders::{
    CaptureRequest, Holds, Receiver, ReceiverKind, ReturnRequest, ShareState, SplitRequest,
    SplitShare, Splits,
};

fn receiver(nth: usize) -> Receiver {
    Receiver {
        kind: ReceiverKind::Merchant,
        account: format!("2088000000001{nth:03}"),
        name: String::new(),
    }
}

fn split(id: &str, trade: &VerifiedTrade, shares_fen: &[i64]) -> SplitRequest {
    let share = |(nth, fen): (usize, &i64)| SplitShare {
        receiver: receiver(nth),
        amount_fen: Fen(*fen),
        description: "充电订单分账".to_owned(),
    };
    SplitRequest {
        id: id.to_owned(),
        payment_id: trade.payment_id.clone(),
        trade_no: trade.trade_no.clone(),
        held: trade.held,
        shares: shares_fen.iter().enumerate().map(share).collect(),
    }
}

fn back(id: &str, trade: &VerifiedTrade, nth: usize, amount_fen: i64) -> ReturnRequest {
    ReturnRequest {
        id: id.to_owned(),
        split_id: "S1".to_owned(),
        payment_id: trade.payment_id.clone(),
        by_code: false,
        trade_no: trade.trade_no.clone(),
        held: trade.held,
        receiver: receiver(nth),
        amount_fen: Fen(amount_fen),
    }
}

impl Fixture {
    async fn bound(&self, receivers: usize) {
        for nth in 0..receivers {
            assert_eq!(self.alipay.bind(&receiver(nth)).await, Ok(()));
        }
    }

    async fn trade(&self, id: &str) -> Trade {
        self.platform.trade(id).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_split_within_the_call_is_done_once() {
    let mut fixture = Fixture::new().await;
    fixture.bound(2).await;
    fixture.bound(2).await;
    let via = PayVia::app(Channel::Alipay, "open-1".to_owned());
    let payment = NewPayment { will_split: true, ..fixture.payment("P1", via) };
    fixture.alipay.create(&payment).await.unwrap();
    assert!(fixture.trade("P1").await.royalty_freeze, "frozen for the split");
    let paid = fixture.paid("P1").await;
    let wanted = split("S1", &paid, &[100, 50]);
    assert_no(fixture.alipay.split_state(&wanted).await, "ACQ.TRADE_SETTLE_NOT_EXIST");
    for _ in 0..2 {
        assert_eq!(fixture.alipay.split(&wanted).await, Ok(()));
        let states = fixture.alipay.split_state(&wanted).await;
        assert_eq!(states, Ok(vec![ShareState::Done, ShareState::Done]));
        assert_eq!(fixture.trade("P1").await.passed_on_fen(), Fen(150));
    }
    let changed = split("S1", &paid, &[100, 49]);
    assert_never(fixture.alipay.split(&changed).await, "ACQ.DISCORDANT_REPEAT_REQUEST");
    assert_eq!(fixture.alipay.split(&split("S0", &paid, &[])).await, Ok(()), "the end of it");
    let more = split("S2", &paid, &[1]);
    assert_never(fixture.alipay.split(&more).await, "ACQ.TRADE_SETTLE_ERROR");
}

#[tokio::test]
async fn what_is_not_split_goes_to_the_merchant() {
    let mut fixture = Fixture::new().await;
    let paid = fixture.paid("P1").await;
    let nobody = split("S0", &paid, &[]);
    assert_eq!(fixture.alipay.split(&nobody).await, Ok(()));
    assert_eq!(fixture.alipay.split_state(&nobody).await, Ok(Vec::new()));
    assert!(fixture.trade("P1").await.royalty_over);
}

#[tokio::test]
async fn a_split_is_refused_beyond_the_platforms_limits() {
    let mut fixture = Fixture::new().await;
    fixture.bound(2).await;
    let paid = fixture.paid("P1").await;
    let over = split("S1", &paid, &[100, 51]);
    assert_never(fixture.alipay.split(&over).await, "ACQ.ALLOC_AMOUNT_VALIDATE_ERROR");
    let strangers = split("S1", &paid, &[10, 10, 10]);
    assert_never(fixture.alipay.split(&strangers).await, "ACQ.ROYALTY_RECEIVER_INVALID");
    let crowd = split("S1", &paid, &[1; 51]);
    assert_never(fixture.alipay.split(&crowd).await, "TOO_MANY_RECEIVERS");
    let nowhere = SplitRequest { trade_no: "1".to_owned(), ..split("S1", &paid, &[10]) };
    assert_no(fixture.alipay.split(&nowhere).await, "ACQ.TRADE_NOT_EXIST");
    assert_eq!(fixture.trade("P1").await.passed_on_fen(), Fen(0), "all or nothing");

    assert_eq!(fixture.alipay.refund(&refund("R1", "P1", 500)).await, Ok(()));
    let late = split("S1", &paid, &[10]);
    assert_no(fixture.alipay.split(&late).await, "ACQ.TRADE_STATUS_ERROR");

    let short = Receiver { account: "2088".to_owned(), ..receiver(0) };
    assert_never(fixture.alipay.bind(&short).await, "ACQ.USER_NOT_EXIST");
    let person = |name: &str| Receiver {
        kind: ReceiverKind::Person,
        account: "wuye@example.com".to_owned(),
        name: name.to_owned(),
    };
    assert_never(fixture.alipay.bind(&person("")).await, "ACQ.USER_NOT_EXIST");
    assert_eq!(fixture.alipay.bind(&person("王五")).await, Ok(()));
}

#[tokio::test]
async fn more_than_five_receivers_are_settled_each_for_itself() {
    let (mut fixture, clock) = Fixture::at(Clock::System.now_ms()).await;
    fixture.bound(5).await;
    let paid = fixture.paid("P1").await;
    let wanted = split("S1", &paid, &[10, 10, 10, 10, 10, 7]);
    assert_eq!(fixture.alipay.split(&wanted).await, Ok(()));
    let states = fixture.alipay.split_state(&wanted).await.unwrap();
    assert_eq!(states, vec![ShareState::Pending; 6], "taken on, not done");
    clock.advance_ms(1_000);
    let mut expected = vec![ShareState::Done; 5];
    expected.push(ShareState::Failed("ROYALTY_RECEIVER_INVALID".to_owned()));
    assert_eq!(fixture.alipay.split_state(&wanted).await.unwrap(), expected);
    assert_eq!(fixture.trade("P1").await.passed_on_fen(), Fen(50));
}

#[tokio::test]
async fn f09_a_split_without_an_answer_is_found_later() {
    let mut fixture = Fixture::new().await;
    fixture.bound(1).await;
    let paid = fixture.paid("P1").await;
    let wanted = split("S1", &paid, &[100]);
    let answer = AnswerFault::Silence;
    fixture.platform.set_faults(Faults { answer, ..Faults::default() });
    assert_unknown(&fixture.alipay.split(&wanted).await, "split");
    fixture.platform.set_faults(Faults::default());
    assert_eq!(fixture.alipay.split_state(&wanted).await, Ok(vec![ShareState::Done]));
    assert_eq!(fixture.alipay.split(&wanted).await, Ok(()));
    assert_eq!(fixture.trade("P1").await.passed_on_fen(), Fen(100));
}

#[tokio::test]
async fn a_late_refund_takes_the_parts_back_first() {
    let mut fixture = Fixture::new().await;
    fixture.bound(2).await;
    let paid = fixture.paid("P1").await;
    assert_eq!(fixture.alipay.split(&split("S1", &paid, &[100, 50])).await, Ok(()));
    let whole = refund("R1", "P1", 500);
    assert_no(fixture.alipay.refund(&whole).await, "ACQ.SELLER_BALANCE_NOT_ENOUGH");
    let too_much = back("B1", &paid, 0, 101);
    assert_no(fixture.alipay.take_back(&too_much).await, "ACQ.REFUND_ROYALTY_AMT_ERROR");
    for _ in 0..2 {
        assert_eq!(fixture.alipay.take_back(&back("B1", &paid, 0, 100)).await, Ok(()));
        assert_eq!(fixture.trade("P1").await.passed_on_fen(), Fen(50));
    }
    assert_eq!(fixture.alipay.take_back(&back("B2", &paid, 1, 50)).await, Ok(()));
    assert_eq!(fixture.trade("P1").await.refunded_fen(), Fen(0), "the rider has nothing yet");
    assert!(fixture.answers.try_recv().is_err(), "and hears nothing");
    assert_eq!(fixture.alipay.refund(&whole).await, Ok(()));
    assert_eq!(fixture.query("P1").await, Ok(TradeState::Closed));
}

#[tokio::test]
async fn what_was_taken_of_a_hold_is_split_and_comes_back() {
    let mut fixture = Fixture::new().await;
    fixture.bound(1).await;
    let hold = fixture.held("H1").await;
    let wanted = split("S1", &hold, &[90]);
    assert_no(fixture.alipay.split(&wanted).await, "ACQ.TRADE_NOT_EXIST");
    let taken = CaptureRequest { will_split: true, ..capture(&hold, 300) };
    assert_eq!(fixture.alipay.capture(&taken).await, Ok(()));
    assert!(fixture.trade("H1").await.royalty_freeze);
    assert_eq!(fixture.alipay.split(&wanted).await, Ok(()));
    assert_eq!(fixture.alipay.split_state(&wanted).await, Ok(vec![ShareState::Done]));
    assert_eq!(fixture.alipay.take_back(&back("B1", &hold, 0, 60)).await, Ok(()));
    assert_eq!(fixture.trade("H1").await.passed_on_fen(), Fen(30));
}

#[tokio::test]
async fn a_trade_by_a_code_takes_parts_back_by_itself() {
    let mut fixture = Fixture::new().await;
    fixture.bound(2).await;
    let payment = fixture.payment("P1", PayVia::code(Channel::Alipay));
    let Checkout::Code(code) = fixture.alipay.create(&payment).await.unwrap() else { panic!() };
    fixture.press(code.rsplit('/').next().unwrap(), "pay").await;
    assert_eq!(fixture.answered().await, "success");
    let TradeState::Paid(paid) = fixture.query("P1").await.unwrap() else { panic!() };
    assert_eq!(fixture.alipay.split(&split("S1", &paid, &[100, 51 - 1])).await, Ok(()));
    let by_code = ReturnRequest { by_code: true, ..back("B1", &paid, 0, 50) };
    assert_eq!(fixture.alipay.take_back(&by_code).await, Ok(()));
    assert_eq!(fixture.trade("P1").await.passed_on_fen(), Fen(150), "not asked for");
    assert_eq!(fixture.alipay.refund(&refund("R1", "P1", 250)).await, Ok(()));
    assert_eq!(fixture.trade("P1").await.passed_on_fen(), Fen(75), "half of each");
    assert_eq!(fixture.alipay.refund(&refund("R2", "P1", 250)).await, Ok(()));
    assert_eq!(fixture.trade("P1").await.passed_on_fen(), Fen(0));
}
