//! What holds for every order that runs on money set aside, whatever happens to it and in whatever
//! order: no more is taken than was held and what is taken is the bill; the rest is let go.

use std::collections::BTreeMap;

use proptest::prelude::*;
use wasm_core::ids::{CaptureId, PaymentId, RefundId};
use wasm_core::money::Fen;
use wasm_core::order::{
    CancelReason, CaptureStatus, Channel, Effect, Event, Order, Payment, Refund, RefundReason,
    RefundStatus, Session, StartAnswer, StartFailure, State, StopReason, Terms, Timer, apply,
};
use wasm_core::tariff::{Limits, Tariff, Usage};
use wasm_core::units::MS_PER_MINUTE;

const BEGIN_MS: i64 = 1_790_000_000_000;
/// What the plan of these orders sets aside, fen.
const CAP: Fen = Fen(500);

fn order() -> Order {
    let tariff: Tariff = serde_json::from_str(include_str!("story/tariff.json")).expect("a tariff");
    let plan = tariff.plan(&"full-500".into()).expect("a plan").clone();
    Order {
        id: "ORDER".into(),
        operator_id: "op".into(),
        site_id: "site".into(),
        socket_id: "socket".into(),
        rider_id: "rider".into(),
        created_ms: BEGIN_MS,
        terms: Terms {
            prepaid_fen: plan.prepaid_fen(),
            limits: Limits::of(&tariff, &plan),
            plan,
            tariff,
        },
        payments: vec![],
        refunds: vec![],
        captures: vec![],
        state: State::AwaitingPayment { expires_ms: BEGIN_MS + 10 * MS_PER_MINUTE },
    }
}

fn arrives(nth: usize, held: bool, amount_fen: Fen) -> Payment {
    Payment {
        id: PaymentId(format!("ORDERP{nth}")),
        channel: if nth.is_multiple_of(2) { Channel::Wechat } else { Channel::Alipay },
        amount_fen,
        trade_no: format!("T{nth}"),
        paid_ms: BEGIN_MS,
        held,
        buyer_open_id: None,
    }
}

fn event() -> impl Strategy<Value = Event> {
    let amount = prop::sample::select(vec![CAP, CAP, CAP, Fen(499), Fen(501)]);
    let payment = (1_usize..4, any::<bool>(), amount, prop::bool::weighted(0.9));
    let session = Session { transaction_id: 1, started_ms: BEGIN_MS };
    let numbered = |what: fn(usize) -> Event| (1_usize..4).prop_map(what);
    prop_oneof![
        3 => payment.prop_map(|(nth, held, amount_fen, socket_free)| Event::Paid {
            payment: arrives(nth, held, amount_fen),
            socket_free,
        }),
        1 => Just(Event::RiderCancelled),
        1 => Just(Event::StartAnswered { answer: StartAnswer::Accepted }),
        1 => Just(Event::StartAnswered {
            answer: StartAnswer::Refused { reason: StartFailure::Refused }
        }),
        4 => Just(Event::Started { session }),
        1 => Just(Event::StopWanted { reason: StopReason::Rider }),
        3 => (0_i64..6_000).prop_map(|energy_wh| Event::Stopped {
            transaction_id: 1,
            reason: StopReason::Full,
            usage: Usage {
                started_ms: BEGIN_MS,
                ended_ms: BEGIN_MS + 60 * MS_PER_MINUTE,
                energy_wh,
                samples: vec![],
            },
            final_reading_missing: false,
        }),
        1 => Just(Event::Due { timer: Timer::PaymentExpiry }),
        2 => numbered(|nth| Event::Captured { capture_id: CaptureId(format!("ORDERP{nth}C")) }),
        1 => numbered(|nth| Event::CaptureParked { capture_id: CaptureId(format!("ORDERP{nth}C")) }),
        1 => numbered(|nth| Event::CaptureRetried { capture_id: CaptureId(format!("ORDERP{nth}C")) }),
        1 => numbered(|nth| Event::Refunded { refund_id: RefundId(format!("ORDERP{nth}R1")) }),
    ]
}

/// An order, and what was posted and asked for along its way.
struct Told {
    order: Order,
    balances: BTreeMap<String, Fen>,
    keys: Vec<String>,
    now_ms: i64,
}

impl Told {
    fn tell(&mut self, event: Event) {
        self.now_ms += MS_PER_MINUTE;
        // What has no place is refused and changes nothing.
        let Ok((order, effects)) = apply(&self.order, event, self.now_ms) else { return };
        self.order = order;
        for effect in effects {
            if let Effect::Post(transaction) = effect {
                assert!(!self.keys.contains(&transaction.key), "{} twice", transaction.key);
                self.keys.push(transaction.key);
                for posting in transaction.postings {
                    *self.balances.entry(posting.account).or_default() += posting.amount_fen;
                }
            }
        }
    }

    /// Platforms do all that they were asked for.
    fn finish(&mut self) {
        for capture in self.order.captures.clone() {
            self.tell(Event::Captured { capture_id: capture.id });
        }
        for refund in self.order.refunds.clone() {
            self.tell(Event::Refunded { refund_id: refund.id });
        }
    }

    fn balance(&self, account: &str) -> Fen {
        self.balances.get(account).copied().unwrap_or_default()
    }

    /// What is still set aside, by the order's own account.
    fn still_held(&self) -> Fen {
        let done = |hold: &&Payment| {
            let capture = self.order.capture_of(&hold.id);
            capture.is_some_and(|capture| matches!(capture.status, CaptureStatus::Done { .. }))
        };
        let holds = self.order.payments.iter().filter(|payment| payment.held);
        holds.filter(|hold| !done(hold)).map(|hold| hold.amount_fen).sum()
    }

    fn check(&self) {
        let order = &self.order;
        for capture in &order.captures {
            let hold = order.payments.iter().find(|payment| payment.id == capture.payment_id);
            let hold = hold.expect("a capture has its hold");
            assert!(hold.held && capture.amount_fen <= hold.amount_fen, "{capture:?} of {hold:?}");
            let same = order.captures.iter().filter(|other| other.id == capture.id);
            assert_eq!(same.count(), 1, "one capture for each hold");
        }
        for refund in &order.refunds {
            let paid = order.payments.iter().find(|payment| payment.id == refund.payment_id);
            assert!(paid.is_some_and(|paid| !paid.held), "nothing was paid that could go back");
        }
        let to_take: Fen = order.captures.iter().map(|capture| capture.amount_fen).sum();
        match &order.state {
            State::Settled(settlement) | State::Closed(settlement) if order.runs_on_hold() => {
                assert_eq!(to_take, settlement.bill.total_fen, "what is taken is the bill");
            }
            _ => assert_eq!(to_take, Fen::ZERO, "{:?}", order.state),
        }
        assert_eq!(self.balance("held:ORDER"), -self.still_held());
        let aside = self.balance("holds:alipay") + self.balance("holds:wechat");
        assert_eq!(aside, self.still_held());
        assert_eq!(self.balances.values().copied().sum::<Fen>(), Fen::ZERO);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_taken_is_the_bill_and_the_rest_is_let_go(
        events in prop::collection::vec(event(), 1..24),
    ) {
        let (keys, balances) = (Vec::new(), BTreeMap::new());
        let mut told = Told { order: order(), balances, keys, now_ms: BEGIN_MS };
        for event in events {
            told.tell(event);
            told.check();
        }
        if told.order.is_over() {
            told.finish();
            told.check();
            for account in ["held:ORDER", "holds:alipay", "holds:wechat", "prepaid:ORDER", "refunds:ORDER"] {
                prop_assert_eq!(told.balance(account), Fen::ZERO, "{}", account);
            }
            let settled = matches!(told.order.state, State::Settled(_));
            prop_assert!(!settled, "all money is done");
        }
    }
}

#[test]
fn f07_a_hold_of_another_amount_is_let_go() {
    for amount_fen in [Fen(499), Fen(501)] {
        let payment = arrives(1, true, amount_fen);
        let event = Event::Paid { payment, socket_free: true };
        let (order, effects) = apply(&order(), event, BEGIN_MS).expect("accepted");
        let State::Cancelled { reason, .. } = order.state else { panic!("{order:?}") };
        assert_eq!(reason, CancelReason::WrongAmount);
        assert_eq!((order.captures[0].amount_fen, order.refunds.len()), (Fen::ZERO, 0));
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Capture { .. })));
        assert!(!effects.contains(&Effect::StartSocket));
    }
}

#[test]
fn a_parked_capture_goes_on_when_it_is_tried_again() {
    let mut told =
        Told { order: order(), balances: BTreeMap::new(), keys: Vec::new(), now_ms: BEGIN_MS };
    let capture_id = CaptureId("ORDERP1C".to_owned());
    told.tell(Event::Paid { payment: arrives(1, true, CAP), socket_free: true });
    told.tell(Event::RiderCancelled);
    told.tell(Event::CaptureParked { capture_id: capture_id.clone() });
    assert_eq!(told.order.captures[0].status, CaptureStatus::Parked);
    let event = Event::CaptureRetried { capture_id: capture_id.clone() };
    let (retried, effects) = apply(&told.order, event, told.now_ms).expect("accepted");
    assert_eq!(retried.captures[0].status, CaptureStatus::Pending);
    assert_eq!(effects, [Effect::Capture { capture_id: capture_id.clone() }]);
    // The platform may have done it after all, while a person was still to look.
    told.tell(Event::Captured { capture_id });
    assert!(matches!(told.order.captures[0].status, CaptureStatus::Done { .. }));
    told.check();
}

#[test]
fn what_was_taken_can_go_back_in_part() {
    let mut told =
        Told { order: order(), balances: BTreeMap::new(), keys: Vec::new(), now_ms: BEGIN_MS };
    told.tell(Event::Paid { payment: arrives(1, true, CAP), socket_free: true });
    told.tell(Event::Started { session: Session { transaction_id: 1, started_ms: BEGIN_MS } });
    let usage = Usage {
        started_ms: BEGIN_MS,
        ended_ms: BEGIN_MS + 60 * MS_PER_MINUTE,
        energy_wh: 1_500,
        samples: vec![],
    };
    let (reason, final_reading_missing) = (StopReason::Full, false);
    told.tell(Event::Stopped { transaction_id: 1, reason, usage, final_reading_missing });
    let hold = told.order.payments[0].clone();
    assert_eq!(told.order.received_by(&hold), Fen::ZERO, "billed, not yet taken");
    told.finish();
    assert_eq!(told.order.received_by(&hold), Fen(150));
    // Support grants a part of the bill back.
    let refund_id = RefundId("ORDERP1R1".to_owned());
    told.order.refunds.push(Refund {
        id: refund_id.clone(),
        payment_id: hold.id,
        amount_fen: Fen(40),
        reason: RefundReason::Unused,
        status: RefundStatus::Pending,
    });
    told.tell(Event::Refunded { refund_id });
    assert_eq!(told.balance("clearing:alipay"), Fen(110));
    assert!(matches!(told.order.state, State::Closed(_)));
}

#[test]
fn orders_from_before_there_were_holds_are_read_and_written_as_they_were() {
    let mut order = order();
    order.payments.push(arrives(1, false, CAP));
    let json = serde_json::to_value(&order).expect("an order");
    assert!(json.get("captures").is_none());
    assert!(json["payments"][0].get("held").is_none());
    assert!(json["payments"][0].get("buyer_open_id").is_none());
    assert_eq!(serde_json::from_value::<Order>(json).expect("readable"), order);
}
