//! The real server between simulated riders, stations and platforms, on one thread, in a time of
//! its own.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use server::clock::Clock;
use server::jobs::Workers;
use server::orders::{NewOrder, OrderError, Orders, PayVia};
use server::store::samples::SampleRow;
use server::store::stations::{Presence, SocketStatus};
use server::store::{ParkedJob, Store};
use wasm_core::ids::{OperatorId, OrderId, PaymentId, RiderId, StationId};
use wasm_core::link::ScanCode;
use wasm_core::money::Fen;
use wasm_core::order::{Channel, Order, State};
use wasm_core::tariff::Tariff;

use crate::audit::{Moment, audit, watch};
use crate::bank::Bank;
use crate::chance::{below, between, one_of, percent};
use crate::fleet::{Fleet, Word};
use crate::seed::seed;
use crate::witness::outside;
use crate::{books, partners, trouble};

/// When time begins, milliseconds UTC.
const BEGIN_MS: i64 = 1_790_000_000_000;
const MINUTE_MS: i64 = 60_000;
/// Sockets of each station.
const STATIONS: [usize; 2] = [3, 2];
const RIDERS: usize = 4;
/// Steps of the faulty part.
const STEPS: usize = 90;
/// Lines of the journal shown when something is wrong.
const SHOWN: usize = 40;

/// Everything there is.
pub struct World {
    pub store: Store,
    pub clock: Clock,
    pub orders: Orders,
    workers: Workers,
    pub bank: Bank,
    pub fleet: Fleet,
    codes: Vec<ScanCode>,
    tariff: Tariff,
    pub made: Vec<OrderId>,
    /// Payments whose notify was answered with a success.
    pub acknowledged: BTreeSet<PaymentId>,
    /// Transactions whose end was confirmed.
    pub stopped: BTreeSet<i64>,
    journal: Vec<String>,
}

impl World {
    /// Lives through one seed: faults first, then peace, in which everything must come to its end.
    pub async fn live() {
        let mut world = Self::open().await;
        for _ in 0..STEPS {
            let trouble = percent(8);
            if trouble {
                let what = trouble::begin(&world.store).await;
                world.say(&what);
            }
            world.act().await;
            let pause_ms =
                if percent(85) { between(0, 90_000) } else { between(0, 20 * MINUTE_MS) };
            world.pass(pause_ms).await;
            if trouble {
                trouble::end(&world.store).await;
            }
            world.audit(Moment::Underway).await;
        }
        world.calm_down();
        for nth in 0..220 {
            world.pass(if nth < 60 { MINUTE_MS } else { 20 * MINUTE_MS }).await;
            world.retry_parked().await;
        }
        world.audit(Moment::AtRest).await;
        let found = books::findings(&world).await;
        assert!(found.is_empty(), "{}", found.join("\n"));
    }

    async fn open() -> Self {
        let store = Store::open("sqlite::memory:").await.expect("sqlite in memory");
        store.migrate().await.expect("migrations");
        watch(&store).await;
        let clock = Clock::manual(BEGIN_MS);
        let tariff: Tariff =
            serde_json::from_str(include_str!("../../../wasm-core/tests/story/tariff.json"))
                .expect("the stories' tariff");
        trouble::prepare(&store).await;
        let seeded = seed(&store, &tariff, &STATIONS, BEGIN_MS).await;
        let codes = seeded.iter().flat_map(|station| station.codes.clone()).collect();
        let ids = seeded.into_iter().map(|station| station.station_id);
        let stations = ids.zip(STATIONS).collect();
        if percent(60) {
            partners::agree(&store, BEGIN_MS).await;
        }
        let fleet = Fleet::new(clock.clone(), stations);
        let bank = Bank::new(clock.clone());
        let orders = Orders::new(store.clone(), clock.clone(), bank.platforms());
        let workers =
            Workers::new(store.clone(), clock.clone(), orders.clone(), Arc::new(fleet.clone()));
        Self {
            store,
            clock,
            orders,
            workers,
            bank,
            fleet,
            codes,
            tariff,
            made: Vec::new(),
            acknowledged: BTreeSet::new(),
            stopped: BTreeSet::new(),
            journal: Vec::new(),
        }
    }

    fn say(&mut self, what: &str) {
        let at_s = (self.clock.now_ms() - BEGIN_MS) / 1_000;
        self.journal.push(format!("{at_s:>7} s  {what}"));
    }

    async fn audit(&self, moment: Moment) {
        let mut found = audit(&self.store, &outside(self), moment).await;
        found.extend(self.bank.book().outrages.iter().cloned());
        let from = self.journal.len().saturating_sub(SHOWN);
        let last = self.journal[from..].join("\n");
        assert!(found.is_empty(), "{}\n\nwhat happened last:\n{last}", found.join("\n"));
    }

    /// One thing that a rider, a station, an operator or a power cut does.
    async fn act(&mut self) {
        match below(100) {
            0..35 => self.rider_comes().await,
            35..43 => self.open_payment().await,
            43..56 => self.pay_somewhere(),
            56..61 => self.cancel().await,
            61..71 => self.stop().await,
            71..75 => self.lie().await,
            75..84 => self.toggle_link(),
            84..88 => self.restart_station(),
            88..92 => self.restart_server().await,
            _ => self.give_back().await,
        }
    }

    /// Most riders order, open a payment and pay; some go away in between.
    async fn rider_comes(&mut self) {
        self.make_order().await;
        if percent(85) {
            self.open_payment().await;
        }
        if percent(85) {
            self.pay_somewhere();
        }
    }

    async fn make_order(&mut self) {
        let code = one_of(&self.codes).expect("sockets").clone();
        let plan = one_of(&self.tariff.plans).expect("plans").clone();
        let new = NewOrder {
            rider_id: RiderId(format!("rider{}", below(RIDERS))),
            code,
            plan_id: plan.id.clone(),
            tariff_id: self.tariff.id.clone(),
            prepaid_fen: plan.prepaid_fen(),
        };
        match self.orders.create(new).await {
            Ok(order) => {
                self.say(&format!("{} made: {} at {}", order.id, plan.id, order.socket_id));
                self.made.push(order.id);
            }
            Err(OrderError::SocketBusy | OrderError::SocketOffline) => {}
            Err(error) if trouble::is_one(&error) => {}
            Err(error) => panic!("no order: {error}"),
        }
    }

    /// A random order that `wanted` likes.
    async fn some_order(&self, wanted: impl Fn(&State) -> bool) -> Option<Order> {
        let mut found = Vec::new();
        for id in &self.made {
            let order = self.store.order(id).await.expect("store").expect("made");
            if wanted(&order.state) {
                found.push(order);
            }
        }
        one_of(&found).cloned()
    }

    async fn open_payment(&mut self) {
        let waits = |state: &State| matches!(state, State::AwaitingPayment { .. });
        let Some(order) = self.some_order(waits).await else { return };
        let channel = *one_of(&Channel::ALL).expect("channels");
        let via = match below(4) {
            0 => PayVia::browser(channel, IpAddr::V4(Ipv4Addr::LOCALHOST)),
            1 => PayVia::app(channel, "buyer"),
            2 => PayVia::code(channel),
            _ => PayVia::hold(channel, None),
        };
        let told = format!("{} opened at {} by {:?}", order.id, channel.as_str(), via.product);
        let opened = self.orders.pay(&order.id, &order.rider_id, via, "http://back".into()).await;
        match opened {
            Ok(_) => self.say(&told),
            Err(error) if trouble::is_one(&error) => self.say(&format!("{told}: {error}")),
            Err(OrderError::Platform(unsure)) => self.say(&format!("{told}: {unsure}")),
            Err(error) => panic!("{told}: {error}"),
        }
    }

    fn pay_somewhere(&mut self) {
        let open: Vec<PaymentId> = {
            let book = self.bank.book();
            let waits = book.trades.iter().filter(|(_, trade)| trade.paid_ms.is_none());
            waits.map(|(id, _)| id.clone()).collect()
        };
        let Some(id) = one_of(&open) else { return };
        let paid = self.bank.pay(id);
        self.say(&format!("{id} paid at the platform: {paid}"));
    }

    async fn cancel(&mut self) {
        let Some(order) = self.some_order(|_| true).await else { return };
        let done = self.orders.cancel(&order.id, &order.rider_id).await.is_ok();
        self.say(&format!("{} cancelled by its rider: {done}", order.id));
    }

    async fn stop(&mut self) {
        let Some(order) = self.some_order(|state| !matches!(state, State::Closed(_))).await else {
            return;
        };
        let done = if percent(70) {
            self.orders.stop(&order.id, &order.rider_id).await.is_ok()
        } else {
            self.orders.stop_for_operator(&order.operator_id, &order.id).await.is_ok()
        };
        self.say(&format!("{} stopped by somebody: {done}", order.id));
    }

    /// The operator gives back part of what a charge cost; sometimes the button is pressed twice.
    async fn give_back(&mut self) {
        let billed = |state: &State| matches!(state, State::Settled(_) | State::Closed(_));
        let on_its_way = self.some_order(|state| matches!(state, State::Settled(_))).await;
        let any = self.some_order(billed).await;
        let Some(order) = on_its_way.filter(|_| percent(70)).or(any) else { return };
        let (State::Settled(settlement) | State::Closed(settlement)) = &order.state else { return };
        let fen = Fen(between(1, settlement.bill.total_fen.0.max(1)));
        let (operator, key) = (&order.operator_id, server::random::base32::<12>());
        for _ in 0..if percent(30) { 2 } else { 1 } {
            let given = self.orders.refund_for_operator(operator, &order.id, fen, "慢", &key).await;
            match given {
                Ok(_) | Err(OrderError::Rejected(_)) => {}
                Err(error) if trouble::is_one(&error) => {}
                Err(error) => panic!("{} not given back: {error}", order.id),
            }
        }
        self.say(&format!("{fen} of {} given back by the operator", order.id));
    }

    /// A signed notify that names another amount, or of a payment nobody opened.
    async fn lie(&mut self) {
        let known: Vec<PaymentId> = self.bank.book().trades.keys().cloned().collect();
        let Some(mut trade) = one_of(&known).and_then(|id| self.bank.says(id)) else { return };
        trade.amount_fen += Fen(1);
        let answer = self.orders.trade_changed(&trade).await;
        assert!(matches!(answer, Err(OrderError::WrongAmount { .. })), "{answer:?}");
        trade.payment_id = PaymentId::from("NOBODYSP1");
        let answer = self.orders.trade_changed(&trade).await;
        assert!(matches!(answer, Err(OrderError::NoSuchPayment)), "{answer:?}");
    }

    fn toggle_link(&mut self) {
        let nth = below(STATIONS.len());
        let mut yard = self.fleet.yard();
        // Links come back sooner than they go.
        yard.stations[nth].online = !yard.stations[nth].online || percent(40);
        let online = yard.stations[nth].online;
        drop(yard);
        self.say(&format!("station {nth} online: {online}"));
    }

    fn restart_station(&mut self) {
        let nth = below(STATIONS.len());
        self.fleet.restart(nth);
        self.say(&format!("station {nth} restarts"));
    }

    /// Everything in memory is gone; the database stays.
    async fn restart_server(&mut self) {
        self.orders = Orders::new(self.store.clone(), self.clock.clone(), self.bank.platforms());
        self.workers = Workers::new(
            self.store.clone(),
            self.clock.clone(),
            self.orders.clone(),
            Arc::new(self.fleet.clone()),
        );
        self.store.revive_jobs().await.expect("store");
        self.say("the server restarts");
    }

    fn calm_down(&mut self) {
        self.bank.book().calm = true;
        let mut yard = self.fleet.yard();
        yard.calm = true;
        for station in &mut yard.stations {
            station.online = true;
        }
        drop(yard);
        self.say("from now on nothing fails");
    }

    /// Time passes, and what falls due happens.
    async fn pass(&mut self, pause_ms: i64) {
        self.clock.advance_ms(pause_ms);
        self.fleet.tick();
        self.report().await;
        self.deliver_notifies().await;
        self.workers.run_due().await.expect("store");
        books::keep(self).await;
        tokio::task::yield_now().await;
    }

    /// Stations with a link say what they have to say; some of it twice, some again later because
    /// the answer was lost.
    async fn report(&mut self) {
        for nth in 0..STATIONS.len() {
            loop {
                let word = {
                    let yard = self.fleet.yard();
                    let station = &yard.stations[nth];
                    station.words.front().filter(|_| station.online).cloned()
                };
                let Some(word) = word else { break };
                let times = if self.is_calm() || percent(85) { 1 } else { 2 };
                let mut heard = true;
                for _ in 0..times {
                    heard &= self.hear(nth, &word).await;
                }
                if !heard || !self.is_calm() && percent(8) {
                    break;
                }
                self.fleet.yard().stations[nth].words.pop_front();
            }
            self.report_idle(nth).await;
        }
    }

    fn is_calm(&self) -> bool {
        self.fleet.yard().calm
    }

    /// Whether the word was confirmed; a station keeps what was not.
    async fn hear(&mut self, nth: usize, word: &Word) -> bool {
        match word {
            Word::Start(record) => {
                let Ok(id) = self.orders.started(record.clone()).await else { return false };
                let mut yard = self.fleet.yard();
                let is_it = |tag: &str, at_ms| tag == record.id_tag && at_ms == record.at_ms;
                let mut charges = yard.charges.iter_mut();
                let charge = charges.find(|charge| is_it(&charge.tag, charge.started_ms));
                let charge = charge.expect("the charge that said so");
                assert!(charge.transaction_id.is_none_or(|known| known == id), "one start, one id");
                charge.transaction_id = Some(id);
                drop(yard);
                self.say(&format!("{} started as {id}", record.id_tag));
            }
            Word::Read { tag, reading } => {
                let Some(transaction_id) = self.transaction_of(tag) else { return true };
                let row = SampleRow {
                    transaction_id,
                    at_ms: reading.at_ms,
                    register_wh: reading.register_wh,
                    power_w: reading.power_w,
                    received_ms: self.clock.now_ms(),
                };
                self.store.insert_samples(vec![row]).await.expect("stored");
                let station = self.station(nth);
                self.orders.metered(&station, transaction_id, *reading).await;
            }
            Word::Stop { tag, record } => {
                let mut record = record.clone();
                if let Some(id) = self.transaction_of(tag).filter(|_| percent(95)) {
                    record.transaction_id = id;
                }
                self.say(&format!("{tag} ended: {:?} {}", record.reason, record.meter_stop_wh));
                if self.orders.stopped(record).await.is_err() {
                    return false;
                }
                self.stopped.extend(self.transaction_of(tag));
            }
        }
        true
    }

    fn station(&self, nth: usize) -> StationId {
        self.fleet.yard().stations[nth].id.clone()
    }

    fn transaction_of(&self, tag: &str) -> Option<i64> {
        let yard = self.fleet.yard();
        let mut charges = yard.charges.iter().rev();
        charges.find(|charge| charge.tag == tag)?.transaction_id
    }

    /// After a restart a station says that its sockets are idle.
    async fn report_idle(&mut self, nth: usize) {
        let (station_id, idle) = {
            let mut yard = self.fleet.yard();
            let station = &mut yard.stations[nth];
            if !station.online || !station.words.is_empty() || station.idle.is_empty() {
                return;
            }
            (station.id.clone(), std::mem::take(&mut station.idle))
        };
        let at_ms = self.clock.now_ms();
        let status = |connector| SocketStatus {
            connector,
            status: "Available".to_owned(),
            error_code: "NoError".to_owned(),
            at_ms,
        };
        let presence = Presence {
            operator_id: "op".into(),
            station_id: station_id.clone(),
            online: true,
            seen_ms: at_ms,
            boot: None,
            sockets: idle.into_iter().map(status).collect(),
        };
        self.store.write_presence(&[presence]).await.expect("stored");
        self.orders.station_changed(&station_id);
        self.say(&format!("{station_id} says it is idle"));
    }

    async fn deliver_notifies(&mut self) {
        let now_ms = self.clock.now_ms();
        let due: Vec<PaymentId> = {
            let mut book = self.bank.book();
            let (due, later) = book.notifies.drain(..).partition(|(at_ms, _)| *at_ms <= now_ms);
            book.notifies = later;
            due.into_iter().map(|(_, id): (i64, PaymentId)| id).collect()
        };
        for id in due {
            let trade = self.bank.says(&id).expect("it was paid");
            match self.orders.trade_changed(&trade).await {
                Ok(()) => {
                    self.acknowledged.insert(id.clone());
                    self.say(&format!("{id} notified"));
                }
                Err(error) if trouble::is_one(&error) => {
                    self.bank.book().notifies.push((now_ms + 15_000, id.clone()));
                }
                Err(error) => panic!("{id}: a true notify was refused: {error}"),
            }
        }
    }

    /// A person tries again what is parked.
    async fn retry_parked(&mut self) {
        let operator = OperatorId::from("op");
        let parked: Vec<ParkedJob> = self.store.parked_jobs(&operator, 100).await.expect("store");
        for job in parked {
            self.say(&format!("{} retried: {}", job.job.kind, job.why));
            self.orders.retry_job(&operator, &job.job.id).await.expect("retried");
        }
        for stuck in self.store.stuck_shares(&operator, 100).await.expect("store") {
            let (order, party) = (&stuck.order_id, &stuck.share.party);
            // The rest of its request may still be under way.
            let retried = self.orders.retry_share(&operator, order, party).await.is_ok();
            self.say(&format!("share of {party} in {order} retried: {retried}"));
        }
        for stuck in self.store.stuck_returns(&operator, 100).await.expect("store") {
            let (order, id) = (&stuck.back.order_id, &stuck.back.id);
            self.orders.retry_return(&operator, order, id).await.expect("retried");
        }
    }
}
