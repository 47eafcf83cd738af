//! Plays the stories on `apply` alone.

mod story;

use std::collections::BTreeMap;

use story::{Story, StoryLine};
use wasm_core::ids::{CaptureId, PaymentId, RefundId};
use wasm_core::money::Fen;
use wasm_core::order::{
    CaptureStatus, Channel, Effect, Event, Order, Payment, RefundStatus, Session, StartAnswer,
    State, Terms, Timer, apply,
};
use wasm_core::tariff::{Limits, Reading, Usage};

/// When stories begin, milliseconds UTC: an evening in China.
const BEGIN_MS: i64 = 1_790_000_000_000;
const SOCKET_MAX_W: i64 = 10_000;

#[test]
fn stories_hold_in_the_domain() {
    let stories = story::parse(include_str!("story/orders.story"));
    assert!(stories.len() >= 20, "stories are missing");
    let holds = story::parse(include_str!("story/holds.story"));
    assert!(holds.len() >= 10, "stories of holds are missing");
    for story in stories.iter().chain(&holds) {
        play(story);
    }
}

/// What the devices of a story have told so far.
#[derive(Default)]
struct Device {
    started_ms: BTreeMap<i64, i64>,
    readings: BTreeMap<i64, Vec<Reading>>,
}

impl Device {
    fn usage(&self, transaction: i64, ended_ms: i64) -> Usage {
        let readings = self.readings.get(&transaction).cloned().unwrap_or_default();
        let started_ms = self.started_ms[&transaction];
        Usage::from_readings((started_ms, ended_ms), 0, &readings, SOCKET_MAX_W).0
    }

    fn read(&mut self, transaction: i64, at_ms: i64, register_wh: i64) {
        let reading = Reading { at_ms, register_wh, power_w: None };
        self.readings.entry(transaction).or_default().push(reading);
    }
}

fn play(story: &Story) {
    let mut order = new_order(&story.plan);
    let mut device = Device::default();
    for line in &story.lines {
        let now_ms = BEGIN_MS + line.at_ms;
        let mut asked = Vec::new();
        for event in events(line, &order, &mut device, now_ms) {
            let (next, effects) = apply(&order, event, now_ms)
                .unwrap_or_else(|why| panic!("{why:?}\n  in: {}\n  at: {}", story.name, line.text));
            order = next;
            asked.extend(effects);
        }
        line.check(&story.name, &order);
        for (_, expected) in line.expected.iter().filter(|(key, _)| key == "effects") {
            let names: Vec<&str> = asked.iter().map(effect_name).collect();
            assert_eq!(names.join(","), *expected, "\n  in: {}\n  at: {}", story.name, line.text);
        }
    }
}

fn events(line: &StoryLine, order: &Order, device: &mut Device, now_ms: i64) -> Vec<Event> {
    match line.verb.as_str() {
        "paid" | "held" => vec![Event::Paid {
            payment: payment(order, line, now_ms),
            socket_free: !line.has("taken"),
        }],
        "cancel" => vec![Event::RiderCancelled],
        "accepted" => vec![Event::StartAnswered { answer: StartAnswer::Accepted }],
        "refused" => {
            vec![Event::StartAnswered { answer: StartAnswer::Refused { reason: line.name(0) } }]
        }
        "started" => {
            let started_ms = *device.started_ms.entry(line.number(0)).or_insert(now_ms);
            let session = Session { transaction_id: line.number(0), started_ms };
            vec![Event::Started { session }]
        }
        "metered" => {
            device.read(line.number(0), now_ms, line.number(1));
            vec![]
        }
        "stop" => vec![Event::StopWanted { reason: line.name(0) }],
        "stopped" => {
            device.read(line.number(0), now_ms, line.number(2));
            vec![Event::Stopped {
                transaction_id: line.number(0),
                reason: line.name(1),
                usage: device.usage(line.number(0), now_ms),
                final_reading_missing: false,
            }]
        }
        "lost" => {
            let State::Finishing { reason, .. } = order.state else { panic!("{}", line.text) };
            let last = device.readings[&line.number(0)].last().expect("a reading").at_ms;
            vec![Event::Stopped {
                transaction_id: line.number(0),
                reason,
                usage: device.usage(line.number(0), last),
                final_reading_missing: true,
            }]
        }
        "refunded" => refunds(order).map(|refund_id| Event::Refunded { refund_id }).collect(),
        "captured" => captures(order).map(|capture_id| Event::Captured { capture_id }).collect(),
        "due" => vec![Event::Due { timer: timer(line) }],
        verb => panic!("no such verb: {verb}"),
    }
}

/// All refunds; those already done are told again, which must change nothing.
fn refunds(order: &Order) -> impl Iterator<Item = RefundId> {
    let pending = |status: &RefundStatus| *status == RefundStatus::Pending;
    let any = order.refunds.iter().any(|refund| pending(&refund.status));
    let chosen = order.refunds.iter().filter(move |refund| !any || pending(&refund.status));
    chosen.map(|refund| refund.id.clone())
}

/// As [`refunds`], of captures.
fn captures(order: &Order) -> impl Iterator<Item = CaptureId> {
    let pending = |status: &CaptureStatus| *status == CaptureStatus::Pending;
    let any = order.captures.iter().any(|capture| pending(&capture.status));
    let chosen = order.captures.iter().filter(move |capture| !any || pending(&capture.status));
    chosen.map(|capture| capture.id.clone())
}

fn timer(line: &StoryLine) -> Timer {
    let json = serde_json::json!({ "timer": line.words[0] });
    serde_json::from_value(json).expect("a timer")
}

fn payment(order: &Order, line: &StoryLine, paid_ms: i64) -> Payment {
    let nth = if line.has("again") { 2 } else { 1 };
    Payment {
        id: PaymentId(format!("{}P{nth}", order.id)),
        channel: Channel::Alipay,
        amount_fen: Fen(line.number(0)),
        trade_no: format!("2026{nth}"),
        paid_ms,
        held: line.verb == "held",
        buyer_open_id: None,
    }
}

fn new_order(plan: &str) -> Order {
    let tariff = story::tariff();
    let plan = tariff.plan(&plan.into()).expect("the story's plan").clone();
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
        state: State::AwaitingPayment { expires_ms: BEGIN_MS + wasm_core::order::PAY_WITHIN_MS },
    }
}

fn effect_name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Post(_) => "post",
        Effect::StartSocket => "start_socket",
        Effect::StopSocket { .. } => "stop_socket",
        Effect::Refund { .. } => "refund",
        Effect::Capture { .. } => "capture",
        Effect::ClosePayments => "close_payments",
        Effect::RecordFreeEnergy { .. } => "record_free_energy",
        Effect::Schedule { .. } => "schedule",
    }
}
