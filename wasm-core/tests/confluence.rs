//! I10, confluence: the same facts, told in any order and any number of times, come to the same end.
//!
//! A message can be told as soon as its fact exists: a station starts when it was asked to, ends
//! what it started, a platform answers what it was asked. From then on it may come at any time, late,
//! again and again; what is refused is told again, as platforms do.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;
use wasm_core::order::{
    Channel, Effect, Event, Order, PAY_WITHIN_MS, Payment, Session, StartAnswer, State, StopReason,
    Terms, Timer, apply,
};
use wasm_core::posting::Transaction;
use wasm_core::tariff::{Limits, Reading, Tariff, Usage};

/// When all of it happens, milliseconds UTC: no timer is due, so that none decides a race.
const NOW_MS: i64 = 1_790_000_000_000;
const TRANSACTION: i64 = 7;
const SOCKET_MAX_W: i64 = 10_000;

/// What happens, whoever tells of it.
#[derive(Clone, Debug)]
struct Facts {
    plan: &'static str,
    /// Whether each payment is only held.
    payments: Vec<bool>,
    energy_wh: i64,
    /// The rider presses stop and cancel.
    stops: bool,
    cancels: bool,
}

fn facts(payments: std::ops::Range<usize>, cancels: bool) -> impl Strategy<Value = Facts> {
    let plan = prop::sample::select(vec!["money-300", "full-500", "time-2h", "energy-1kwh"]);
    let held = prop::collection::vec(any::<bool>(), payments);
    (plan, held, 0_i64..4_000, any::<bool>()).prop_map(move |(plan, payments, energy_wh, stops)| {
        Facts { plan, payments, energy_wh, stops, cancels }
    })
}

/// Whose turn it is, message by message.
fn turns() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..60)
}

/// An order, its ledger, and what can be told of it.
struct Life {
    facts: Facts,
    order: Order,
    ledger: BTreeMap<String, Transaction>,
    told: Vec<(Event, bool)>,
}

impl Life {
    fn new(facts: &Facts) -> Self {
        let order = new_order(facts.plan);
        let mut told: Vec<Event> = Vec::new();
        for (nth, held) in facts.payments.iter().enumerate() {
            told.push(Event::Paid { payment: payment(&order, nth, *held), socket_free: true });
        }
        for timer in [Timer::PaymentExpiry, Timer::StartDeadline, Timer::StartGiveUp] {
            told.push(Event::Due { timer });
        }
        told.push(Event::RiderKnown { rider_id: "known".into() });
        if facts.cancels {
            told.push(Event::RiderCancelled);
        }
        let told = told.into_iter().map(|event| (event, false)).collect();
        Self { facts: facts.clone(), order, ledger: BTreeMap::new(), told }
    }

    /// Tells what is next, again what was told before, until nothing is left that was never taken.
    fn live(facts: &Facts, turns: &[Index]) -> Self {
        let mut life = Self::new(facts);
        for turn in turns {
            life.tell(turn.index(life.told.len()));
        }
        while let Some(nth) = life.told.iter().position(|(_, taken)| !taken) {
            let before = (life.order.clone(), life.told.len());
            life.tell(nth);
            let stuck = !life.told[nth].1 && (life.order.clone(), life.told.len()) == before;
            if stuck {
                // Its time may come with another message; if none is left, it never does.
                let refused = life.told.remove(nth);
                if life.told.iter().all(|(_, taken)| *taken) {
                    break;
                }
                life.told.push(refused);
            }
        }
        life
    }

    fn tell(&mut self, nth: usize) {
        let event = self.told[nth].0.clone();
        let Ok((order, effects)) = apply(&self.order, event.clone(), NOW_MS) else { return };
        self.order = order;
        let first = !std::mem::replace(&mut self.told[nth].1, true);
        if first && matches!(event, Event::Started { .. }) {
            self.add(stopped(self.facts.energy_wh));
            if self.facts.stops {
                self.add(Event::StopWanted { reason: StopReason::Rider });
            }
        }
        for effect in effects {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Post(transaction) => {
                let key = transaction.key.clone();
                let before = self.ledger.insert(key.clone(), transaction);
                assert!(before.is_none(), "{key} is posted twice");
            }
            Effect::StartSocket => {
                self.add(Event::StartAnswered { answer: StartAnswer::Accepted });
                let session = Session { transaction_id: TRANSACTION, started_ms: NOW_MS };
                self.add(Event::Started { session });
            }
            Effect::Refund { refund_id } => self.add(Event::Refunded { refund_id }),
            Effect::Capture { capture_id } => self.add(Event::Captured { capture_id }),
            _ => {}
        }
    }

    fn add(&mut self, event: Event) {
        self.told.push((event, false));
    }

    /// The order, its lists sorted, and its ledger.
    fn exactly(mut self) -> (Order, BTreeMap<String, Transaction>) {
        self.order.refunds.sort_by(|one, other| one.id.cmp(&other.id));
        self.order.captures.sort_by(|one, other| one.id.cmp(&other.id));
        (self.order, self.ledger)
    }

    /// How it ended, what it cost and where the money is, whichever payment came first.
    fn roughly(&self) -> (&'static str, Fen, BTreeMap<String, Fen>) {
        let total_fen = match &self.order.state {
            State::Settled(settlement) | State::Closed(settlement) => settlement.bill.total_fen,
            _ => Fen::ZERO,
        };
        let mut balances: BTreeMap<String, Fen> = BTreeMap::new();
        for posting in self.ledger.values().flat_map(|transaction| &transaction.postings) {
            let kind = posting.account.split(':').next().expect("a kind").to_owned();
            *balances.entry(kind).or_default() += posting.amount_fen;
        }
        balances.retain(|_, fen| *fen != Fen::ZERO);
        (self.order.state.name(), total_fen, balances)
    }
}

fn new_order(plan: &str) -> Order {
    let tariff: Tariff =
        serde_json::from_str(include_str!("story/tariff.json")).expect("the stories' tariff");
    let plan = tariff.plan(&plan.into()).expect("a plan").clone();
    Order {
        id: "ORDER".into(),
        operator_id: "op".into(),
        site_id: "site".into(),
        socket_id: "socket".into(),
        rider_id: "rider".into(),
        created_ms: NOW_MS,
        terms: Terms {
            prepaid_fen: plan.prepaid_fen(),
            limits: Limits::of(&tariff, &plan),
            plan,
            tariff,
        },
        payments: vec![],
        refunds: vec![],
        captures: vec![],
        state: State::AwaitingPayment { expires_ms: NOW_MS + PAY_WITHIN_MS },
    }
}

fn payment(order: &Order, nth: usize, held: bool) -> Payment {
    Payment {
        id: PaymentId(format!("{}P{nth}", order.id)),
        channel: Channel::ALL[nth % Channel::ALL.len()],
        amount_fen: order.terms.prepaid_fen,
        trade_no: format!("T{nth}"),
        paid_ms: NOW_MS,
        held,
        buyer_open_id: None,
    }
}

fn stopped(energy_wh: i64) -> Event {
    let ended_ms = NOW_MS + 3_600_000;
    let last = Reading { at_ms: ended_ms, register_wh: energy_wh, power_w: None };
    let usage = Usage::from_readings((NOW_MS, ended_ms), 0, &[last], SOCKET_MAX_W).0;
    Event::Stopped {
        transaction_id: TRANSACTION,
        reason: StopReason::Full,
        usage,
        final_reading_missing: false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn one_payment_ends_the_same_to_the_last_field(
        facts in facts(1..2, false), one in turns(), other in turns(),
    ) {
        let (one, other) = (Life::live(&facts, &one), Life::live(&facts, &other));
        prop_assert_eq!(one.order.state.name(), "closed");
        prop_assert_eq!(one.exactly(), other.exactly());
    }

    #[test]
    fn of_several_payments_any_may_come_first_and_the_money_ends_the_same(
        facts in facts(2..4, false), one in turns(), other in turns(),
    ) {
        let (one, other) = (Life::live(&facts, &one), Life::live(&facts, &other));
        prop_assert_eq!(one.order.state.name(), "closed");
        prop_assert_eq!(one.roughly(), other.roughly());
    }

    #[test]
    fn a_cancel_at_any_time_leaves_nobodys_money_behind(
        facts in facts(1..4, true), turns in turns(),
    ) {
        let life = Life::live(&facts, &turns);
        let (state, total_fen, balances) = life.roughly();
        let ended = ["closed", "cancelled", "start_failed"].contains(&state);
        prop_assert!(ended, "{}", state);
        for kind in ["prepaid", "refunds", "holds", "held"] {
            prop_assert_eq!(balances.get(kind), None, "{}", kind);
        }
        prop_assert_eq!(balances.get("clearing").copied().unwrap_or_default(), total_fen);
    }
}
