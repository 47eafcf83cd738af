//! The domain's stories again, through the whole server, on both databases.

use std::collections::HashMap;

use crate::fake_holds::Captures;
use crate::story::{self, Story, StoryLine};
use crate::support::{BEGIN_MS, World, browser, with_dbs};
use server::orders::{CommandAnswer, PayVia, Reading, StartRecord, StopRecord, Unsure};
use server::store::samples::SampleRow;
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;
use wasm_core::order::{Channel, Order};

/// The register of the story's device before the charge, watt-hours.
const METER_START_WH: i64 = 1_000;

#[tokio::test]
async fn stories_hold_in_the_server() {
    with_dbs(async |store| {
        // One database for all stories: each has its own rider and leaves the socket free.
        let world = World::new(store, story::tariff()).await;
        let orders = include_str!("../../../wasm-core/tests/story/orders.story");
        let holds = include_str!("../../../wasm-core/tests/story/holds.story");
        for story in [orders, holds].into_iter().flat_map(story::parse) {
            Player::new(&world, &story).await.play(&story).await;
        }
        world.books_are_whole().await;
    })
    .await;
}

struct Player<'a> {
    world: &'a World,
    order: Order,
    payments: Vec<PaymentId>,
    begin_ms: i64,
    /// The story's transactions: our id and the device's start time.
    transactions: HashMap<i64, (i64, i64)>,
}

impl<'a> Player<'a> {
    async fn new(world: &'a World, story: &Story) -> Self {
        world.clock.advance_ms(24 * 3_600_000);
        let order = world.order(&story.name, &story.plan).await;
        let is_held = |again: bool| {
            let chosen = story.lines.iter().filter(|line| line.has("again") == again);
            chosen.clone().any(|line| line.verb == "held")
        };
        let first = if is_held(false) { PayVia::hold(Channel::Alipay, None) } else { browser() };
        let mut payments = vec![world.open_payment(&order, first).await];
        if story.lines.iter().any(|line| line.has("again")) {
            let second = if is_held(true) {
                PayVia::hold(Channel::Wechat, None)
            } else {
                PayVia::app(Channel::Alipay, "buyer".to_owned())
            };
            payments.push(world.open_payment(&order, second).await);
        }
        let begin_ms = world.clock.now_ms();
        Self { world, order, payments, begin_ms, transactions: HashMap::new() }
    }

    async fn play(mut self, story: &Story) {
        for line in &story.lines {
            self.world.at(self.begin_ms + line.at_ms - BEGIN_MS);
            self.happen(line).await;
            let order = self.world.stored(&self.order.id).await;
            line.check(&story.name, &order);
        }
        self.leave_the_socket_free().await;
    }

    async fn happen(&mut self, line: &StoryLine) {
        match line.verb.as_str() {
            "paid" | "held" => self.paid(line).await,
            "cancel" => {
                self.world.orders.cancel(&self.order.id, &self.order.rider_id).await.expect("ok");
            }
            "accepted" => self.answer_start(Ok(CommandAnswer::Accepted)).await,
            "refused" => self.answer_start(Ok(CommandAnswer::Rejected)).await,
            "started" => self.started(line).await,
            "metered" => self.metered(line).await,
            "stop" => {
                self.world.orders.stop(&self.order.id, &self.order.rider_id).await.expect("ok");
            }
            "stopped" => self.stopped(line).await,
            "refunded" => {
                *self.world.payments.refunds_work.lock().expect("lock") = true;
                self.world.workers.run_due().await.expect("jobs");
                *self.world.payments.refunds_work.lock().expect("lock") = false;
            }
            "captured" => {
                self.world.holds.behave(Captures::Work);
                self.world.workers.run_due().await.expect("jobs");
                self.world.holds.behave(Captures::AreNotAnswered);
            }
            "due" | "lost" => {
                self.world.workers.run_due().await.expect("jobs");
            }
            verb => panic!("no such verb: {verb}"),
        }
    }

    async fn paid(&self, line: &StoryLine) {
        if line.has("taken") {
            let rival = self.world.order("rival", "money-300").await;
            let payment = self.world.open_payment(&rival, browser()).await;
            self.world.pay(&payment, Fen(300)).await;
        }
        let nth = usize::from(line.has("again"));
        let mut trade = self.world.trade(&self.payments[nth], Fen(line.number(0)));
        trade.held = line.verb == "held";
        if trade.held && line.has("again") {
            trade.channel = Channel::Wechat;
        }
        self.world.orders.trade_changed(&trade).await.expect("a known payment");
    }

    async fn answer_start(&self, answer: Result<CommandAnswer, Unsure>) {
        *self.world.chargers.answer.lock().expect("lock") = answer;
        self.world.workers.run_due().await.expect("jobs");
        let unknown = Err(Unsure::Unknown("no answer".to_owned()));
        *self.world.chargers.answer.lock().expect("lock") = unknown;
    }

    async fn started(&mut self, line: &StoryLine) {
        let now_ms = self.world.clock.now_ms();
        let known = self.transactions.get(&line.number(0)).copied();
        let at_ms = known.map_or(now_ms, |(_, at_ms)| at_ms);
        let record = StartRecord {
            station_id: self.world.station.clone(),
            connector: 1,
            id_tag: self.order.id.0.clone(),
            at_ms,
            meter_start_wh: METER_START_WH,
        };
        let id = self.world.orders.started(record).await.expect("a transaction id");
        assert!(known.is_none_or(|(known, _)| known == id), "a repeated start has one id");
        self.transactions.insert(line.number(0), (id, at_ms));
    }

    async fn metered(&self, line: &StoryLine) {
        let now_ms = self.world.clock.now_ms();
        let (transaction_id, _) = self.transactions[&line.number(0)];
        let register_wh = METER_START_WH + line.number(1);
        let row = SampleRow {
            transaction_id,
            at_ms: now_ms,
            register_wh,
            power_w: None,
            received_ms: now_ms,
        };
        self.world.store.insert_samples(vec![row]).await.expect("stored");
        let reading = Reading { at_ms: now_ms, register_wh, power_w: None };
        self.world.orders.metered(&self.world.station, transaction_id, reading).await;
    }

    async fn stopped(&self, line: &StoryLine) {
        let record = StopRecord {
            station_id: self.world.station.clone(),
            transaction_id: self.transactions[&line.number(0)].0,
            id_tag: None,
            at_ms: self.world.clock.now_ms(),
            meter_stop_wh: METER_START_WH + line.number(2),
            reason: line.name(1),
            readings: vec![],
        };
        self.world.orders.stopped(record).await.expect("confirmed");
    }

    /// Ends what the story left running, and a rival's start, so that the next one can begin.
    async fn leave_the_socket_free(&self) {
        self.world.clock.advance_ms(12 * 3_600_000);
        *self.world.payments.refunds_work.lock().expect("lock") = true;
        self.world.holds.behave(Captures::Work);
        for _ in 0..3 {
            self.world.workers.run_due().await.expect("jobs");
            self.world.clock.advance_ms(120_000);
        }
        *self.world.payments.refunds_work.lock().expect("lock") = false;
        self.world.holds.behave(Captures::AreNotAnswered);
        let socket = self.world.orders.socket(&self.world.codes[0]).await.expect("store");
        assert_eq!(socket.expect("the socket").held_by, None);
    }
}
