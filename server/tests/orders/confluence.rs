//! I10, confluence, through the whole server: the same notifies, device reports, queries and jobs'
//! answers in any order, and again and again, come to the same orders, books and refunds.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use server::orders::{PayVia, Reading, StartRecord, StopRecord, TradeState};
use server::store::Store;
use server::store::samples::SampleRow;
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;
use wasm_core::order::{Channel, Order, State, StopReason};

use crate::audit::Moment;
use crate::story;
use crate::support::{BEGIN_MS, World, with_dbs};

/// Shuffles of the same messages: in memory, where a world is cheap, and on each database.
const SHUFFLES: u64 = 40;
const SHUFFLES_EACH: u64 = 4;
/// Messages told by chance before each that is left is told at last.
const TURNS: usize = 30;
const MINUTE_MS: i64 = 60_000;
/// How long the charge takes, by the device's clock; all of it is told afterwards, while nothing is
/// overdue, so that no timer decides a race.
const CHARGE_MS: i64 = 8 * MINUTE_MS;
const METER_START_WH: i64 = 5_000;
const USED_WH: i64 = 1_230;
/// What that costs, and what was paid.
const BILL_FEN: i64 = 122;
const PAID_FEN: i64 = 500;

/// What can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Notify(usize),
    /// The platform is asked, by whatever job wants to know.
    Query,
    Start,
    Reading(i64),
    Stop,
    /// The same without the transaction's id, as of a station that never got it.
    StopWithoutId,
    RiderStops,
    /// What is in the outbox is carried out and answered.
    Jobs,
}

/// How it ended: the order's state and bill, its refunds, and each kind of account.
type End = (&'static str, Fen, Vec<(Fen, String)>, BTreeMap<String, Fen>);

/// A seeded source of chance (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).expect("fits")
    }
}

struct Life {
    world: World,
    order: Order,
    payments: Vec<PaymentId>,
    transaction_id: Option<i64>,
}

impl Life {
    async fn new(store: Store, payments: usize) -> Self {
        let world = World::new(store, story::tariff()).await;
        *world.payments.refunds_work.lock().expect("lock") = true;
        let order = world.order("rider", "full-500").await;
        let mut opened = Vec::new();
        for channel in &Channel::ALL[..payments] {
            let via = PayVia::browser(*channel, IpAddr::V4(Ipv4Addr::LOCALHOST));
            opened.push(world.open_payment(&order, via).await);
        }
        world.clock.advance_ms(CHARGE_MS);
        Self { world, order, payments: opened, transaction_id: None }
    }

    /// What can be told now: a station starts when it was asked to, and ends what it started.
    fn tellable(&self) -> Vec<Message> {
        let mut messages: Vec<Message> = (0..self.payments.len()).map(Message::Notify).collect();
        messages.extend([Message::Jobs, Message::RiderStops]);
        if self.payments.len() == 1 {
            messages.push(Message::Query);
        }
        if !self.world.chargers.starts.lock().expect("lock").is_empty() {
            messages.push(Message::Start);
        }
        if self.transaction_id.is_some() {
            messages.extend([Message::Stop, Message::StopWithoutId]);
            messages.extend([2, 5, 7].map(Message::Reading));
        }
        messages
    }

    async fn tell(&mut self, message: Message) {
        let world = &self.world;
        match message {
            Message::Notify(nth) => self.notify(nth).await,
            Message::Query => {
                let trade = world.trade(&self.payments[0], Fen(PAID_FEN));
                *world.payments.state.lock().expect("lock") = Some(TradeState::Paid(trade));
                self.let_jobs_run().await;
            }
            Message::Start => {
                let record = StartRecord {
                    station_id: world.station.clone(),
                    connector: 1,
                    id_tag: self.order.id.0.clone(),
                    at_ms: BEGIN_MS,
                    meter_start_wh: METER_START_WH,
                };
                let id = world.orders.started(record).await.expect("confirmed");
                assert!(self.transaction_id.is_none_or(|known| known == id), "one start, one id");
                self.transaction_id = Some(id);
            }
            Message::Reading(minute) => self.read(minute).await,
            Message::Stop => self.stop(self.transaction_id.unwrap_or(-1)).await,
            Message::StopWithoutId => self.stop(-1).await,
            // It may be too early, or too late.
            Message::RiderStops => {
                drop(world.orders.stop(&self.order.id, &self.order.rider_id).await);
            }
            Message::Jobs => self.let_jobs_run().await,
        }
    }

    async fn notify(&self, nth: usize) {
        let payment = &self.payments[nth];
        let mut trade = self.world.trade(payment, Fen(PAID_FEN));
        trade.channel = Channel::ALL[nth];
        self.world.orders.trade_changed(&trade).await.expect("a known payment");
        self.world.notified.lock().expect("lock").insert(payment.0.clone());
    }

    async fn read(&self, minute: i64) {
        let Some(transaction_id) = self.transaction_id else { return };
        let at_ms = BEGIN_MS + minute * MINUTE_MS;
        let register_wh = METER_START_WH + USED_WH * minute * MINUTE_MS / CHARGE_MS;
        let received_ms = self.world.clock.now_ms();
        let row = SampleRow { transaction_id, at_ms, register_wh, power_w: None, received_ms };
        self.world.store.insert_samples(vec![row]).await.expect("stored");
        let reading = Reading { at_ms, register_wh, power_w: None };
        self.world.orders.metered(&self.world.station, transaction_id, reading).await;
    }

    async fn stop(&self, transaction_id: i64) {
        let record = StopRecord {
            station_id: self.world.station.clone(),
            transaction_id,
            id_tag: Some(self.order.id.0.clone()),
            at_ms: BEGIN_MS + CHARGE_MS,
            meter_stop_wh: METER_START_WH + USED_WH,
            reason: StopReason::Full,
            readings: vec![],
        };
        self.world.orders.stopped(record).await.expect("confirmed");
    }

    async fn let_jobs_run(&self) {
        self.world.workers.run_due().await.expect("jobs");
    }

    /// Tells by chance, then at last each message once more, and lets all come to rest.
    async fn live(mut self, chance: &mut Chance) -> End {
        for _ in 0..TURNS {
            let messages = self.tellable();
            self.tell(messages[chance.below(messages.len())]).await;
            self.world.clock.advance_ms(chance.below(400).try_into().expect("fits"));
        }
        let mut left: Vec<Message> = Vec::new();
        loop {
            let new = self.tellable().into_iter().find(|message| !left.contains(message));
            let Some(message) = new else { break };
            self.tell(message).await;
            left.push(message);
            self.let_jobs_run().await;
        }
        self.world.clock.advance_ms(120 * MINUTE_MS);
        for _ in 0..3 {
            self.let_jobs_run().await;
            self.world.clock.advance_ms(MINUTE_MS);
        }
        self.world.is_sound(Moment::AtRest).await;
        self.end().await
    }

    async fn end(&self) -> End {
        let order = self.world.stored(&self.order.id).await;
        let State::Closed(settlement) = &order.state else { panic!("{:?}", order.state) };
        let mut refunds: Vec<(Fen, String)> = order
            .refunds
            .iter()
            .map(|refund| (refund.amount_fen, format!("{:?}", refund.reason)))
            .collect();
        refunds.sort();
        let mut balances: BTreeMap<String, Fen> = BTreeMap::new();
        for (account, fen) in self.world.store.balances(&"op".into()).await.expect("balances") {
            let kind = account.split(':').next().expect("a kind").to_owned();
            *balances.entry(kind).or_default() += fen;
        }
        balances.retain(|_, fen| *fen != Fen::ZERO);
        (order.state.name(), settlement.bill.total_fen, refunds, balances)
    }
}

async fn ends_the_same(store: Store, payments: usize, seed: u64) {
    let end = Life::new(store, payments).await.live(&mut Chance(seed)).await;
    let mut refunds = vec![(Fen(PAID_FEN - BILL_FEN), "Unused".to_owned())];
    refunds.extend((1..payments).map(|_| (Fen(PAID_FEN), "PaidTwice".to_owned())));
    let accounts = [("clearing", BILL_FEN), ("electricity", -73), ("service", -49)];
    let balances: BTreeMap<_, _> =
        accounts.map(|(kind, fen)| (kind.to_owned(), Fen(fen))).into_iter().collect();
    assert_eq!(end, ("closed", Fen(BILL_FEN), refunds, balances), "seed {seed}");
}

#[tokio::test]
async fn any_order_of_the_same_messages_comes_to_the_same_end() {
    for seed in 0..SHUFFLES {
        let store = Store::open("sqlite::memory:").await.expect("sqlite in memory");
        ends_the_same(store, 1 + usize::try_from(seed % 2).expect("fits"), seed).await;
    }
}

#[tokio::test]
async fn any_order_comes_to_the_same_end_on_each_database() {
    for seed in SHUFFLES..SHUFFLES + SHUFFLES_EACH {
        with_dbs(async |store| ends_the_same(store, 1, seed).await).await;
        with_dbs(async |store| ends_the_same(store, 2, seed).await).await;
    }
}
