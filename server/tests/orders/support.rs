//! A whole server without sockets and platforms: a real store, a clock that tests move, and
//! doubles for what is outside.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;

use futures_util::future::{BoxFuture, FutureExt};
use server::clock::Clock;
use server::jobs::Workers;
use server::orders::{
    Answer, BillDay, BillLine, BillLines, Bills, Chargers, Checkout, CommandAnswer, NewOrder,
    NewPayment, Orders, PayVia, Payments, Platform, Platforms, RefundRequest, Splits, TradeState,
    TradeStatus, Unsure, VerifiedTrade,
};
use server::store::Store;
use wasm_core::ids::{OrderId, PaymentId, RiderId, StationId};
use wasm_core::link::ScanCode;
use wasm_core::money::Fen;
use wasm_core::order::{Channel, Order};
use wasm_core::tariff::Tariff;

use crate::audit::rows::Outside;
use crate::audit::{Moment, audit, watch};
use crate::fake_holds::FakeHolds;
use crate::seed::{Seeded, seed};

/// When tests begin, milliseconds UTC.
pub const BEGIN_MS: i64 = 1_790_000_000_000;

/// Runs a test body on SQLite in memory, SQLite in a file, and PostgreSQL, each with a look of the
/// auditor at its end. PostgreSQL is the server named by `SAOCHONG_TEST_POSTGRES`; without it only
/// SQLite runs, except under CI, where a missing server is a failure.
pub async fn with_dbs<F: AsyncFn(Store)>(body: F) {
    let memory = Store::open("sqlite::memory:").await.expect("sqlite in memory");
    with_audit(&body, memory).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("test.db");
    let file = Store::open(&format!("sqlite://{}", file.display())).await.expect("sqlite file");
    with_audit(&body, file).await;
    if let Some(url) = scoped_postgres().await {
        with_audit(&body, Store::open(&url).await.expect("postgres schema")).await;
    }
}

async fn with_audit<F: AsyncFn(Store)>(body: &F, store: Store) {
    body(store.clone()).await;
    let findings = audit(&store, &Outside::default(), Moment::Underway).await;
    assert!(findings.is_empty(), "{findings:#?}");
}

/// The same for bodies that look past the store: they get the database's address.
pub async fn with_addresses<F: AsyncFn(&str)>(body: F) {
    let folder = tempfile::tempdir().expect("a folder");
    body(&format!("sqlite://{}", folder.path().join("test.db").display())).await;
    if let Some(url) = scoped_postgres().await {
        body(&url).await;
    }
}

/// The address of a schema of its own for each test: they run side by side. None without a
/// PostgreSQL, which CI must have.
pub async fn scoped_postgres() -> Option<String> {
    let Ok(url) = std::env::var("SAOCHONG_TEST_POSTGRES") else {
        assert!(std::env::var("CI").is_err(), "CI tests on PostgreSQL as well");
        return None;
    };
    let schema = format!("t{}", server::random::base32::<12>().to_lowercase());
    let admin = Store::open(&url).await.expect("postgres");
    admin.create_schema(&schema).await.expect("a schema");
    let joint = if url.contains('?') { '&' } else { '?' };
    Some(format!("{url}{joint}options=-c%20search_path%3D{schema}"))
}

/// A site with one station and its sockets, and everything that acts on them.
pub struct World {
    pub store: Store,
    pub clock: Clock,
    pub orders: Orders,
    pub workers: Workers,
    pub chargers: Arc<FakeChargers>,
    pub payments: Arc<FakePayments>,
    pub holds: Arc<FakeHolds>,
    pub station: StationId,
    pub codes: Vec<ScanCode>,
    pub tariff: Tariff,
    /// Payments whose notify was answered with a success.
    pub notified: Mutex<BTreeSet<String>>,
}

impl World {
    /// Seeds `store` with one station of two sockets, online.
    pub async fn new(store: Store, tariff: Tariff) -> Self {
        Self::with_splits(store, tariff, None).await
    }

    /// The same with a platform that passes parts on.
    pub async fn with_splits(
        store: Store,
        tariff: Tariff,
        splits: Option<Arc<dyn Splits>>,
    ) -> Self {
        store.migrate().await.expect("migrations");
        watch(&store).await;
        let clock = Clock::manual(BEGIN_MS);
        let mut seeded = seed(&store, &tariff, &[2], BEGIN_MS).await;
        let Seeded { station_id: station, codes } = seeded.remove(0);
        let chargers = Arc::new(FakeChargers::default());
        let payments = Arc::new(FakePayments::default());
        let holds = Arc::new(FakeHolds::default());
        let platform = Platform {
            holds: Some(holds.clone()),
            bills: Some(payments.clone()),
            splits,
            ..Platform::of(payments.clone())
        };
        let platforms = Platforms::default()
            .with(Channel::Alipay, platform.clone())
            .with(Channel::Wechat, platform);
        let orders = Orders::new(store.clone(), clock.clone(), platforms);
        let workers = Workers::new(store.clone(), clock.clone(), orders.clone(), chargers.clone());
        let notified = Mutex::default();
        Self {
            store,
            clock,
            orders,
            workers,
            chargers,
            payments,
            holds,
            station,
            codes,
            tariff,
            notified,
        }
    }

    /// Moves the clock to so long after the beginning.
    pub fn at(&self, after_ms: i64) {
        self.clock.advance_ms(BEGIN_MS + after_ms - self.clock.now_ms());
    }

    /// A new order of `rider` at the first socket.
    pub async fn order(&self, rider: &str, plan: &str) -> Order {
        self.order_at(0, rider, plan).await
    }

    /// A new order of `rider` at the socket of this index.
    pub async fn order_at(&self, socket: usize, rider: &str, plan: &str) -> Order {
        let prepaid_fen = self.tariff.plan(&plan.into()).expect("plan").prepaid_fen();
        let new = NewOrder {
            rider_id: RiderId::from(rider),
            code: self.codes[socket].clone(),
            plan_id: plan.into(),
            tariff_id: self.tariff.id.clone(),
            prepaid_fen,
        };
        self.orders.create(new).await.expect("an order")
    }

    /// Opens a payment and says what the platform will call it.
    pub async fn open_payment(&self, order: &Order, via: PayVia) -> PaymentId {
        let back = "http://back".to_owned();
        self.orders.pay(&order.id, &order.rider_id, via, back).await.expect("a checkout");
        self.payments.opened.lock().expect("lock").last().expect("one").id.clone()
    }

    /// The platform says that a payment was made.
    pub async fn pay(&self, payment: &PaymentId, amount_fen: Fen) {
        self.orders.trade_changed(&self.trade(payment, amount_fen)).await.expect("a known payment");
        self.notified.lock().expect("lock").insert(payment.0.clone());
    }

    /// What the platform says of a payment that was made.
    pub fn trade(&self, payment: &PaymentId, amount_fen: Fen) -> VerifiedTrade {
        VerifiedTrade {
            channel: Channel::Alipay,
            payment_id: payment.clone(),
            trade_no: format!("T{payment}"),
            amount_fen,
            paid_ms: self.clock.now_ms(),
            status: TradeStatus::Success,
            buyer_open_id: None,
            held: false,
        }
    }

    /// An order as it is stored.
    pub async fn stored(&self, id: &OrderId) -> Order {
        self.store.order(id).await.expect("store").expect("the order")
    }

    /// The books are whole, and so is all else that must hold at every instant.
    pub async fn books_are_whole(&self) {
        let report = server::ledger::check(&self.store).await.expect("a check");
        assert_eq!(report.findings, [], "ledger");
        self.is_sound(Moment::Underway).await;
    }

    /// The auditor finds nothing.
    pub async fn is_sound(&self, moment: Moment) {
        let commanded = self.chargers.starts.lock().expect("lock").clone();
        let outside = Outside {
            notified: self.notified.lock().expect("lock").clone(),
            commanded: commanded.into_iter().map(|id| id.0).collect(),
            ..Outside::default()
        };
        let findings = audit(&self.store, &outside, moment).await;
        assert!(findings.is_empty(), "{findings:#?}");
    }
}

/// Stations that answer what the test wants.
pub struct FakeChargers {
    /// What the next start is answered.
    pub answer: Mutex<Answer<CommandAnswer>>,
    /// Orders whose start was asked.
    pub starts: Mutex<Vec<OrderId>>,
    /// Transactions whose end was asked.
    pub stops: Mutex<Vec<i64>>,
}

impl Default for FakeChargers {
    fn default() -> Self {
        let unknown = Err(Unsure::Unknown("no answer".to_owned()));
        Self { answer: Mutex::new(unknown), starts: Mutex::default(), stops: Mutex::default() }
    }
}

impl Chargers for FakeChargers {
    fn is_online(&self, _: &StationId) -> bool {
        true
    }

    fn start<'a>(
        &'a self,
        _: &'a StationId,
        _: i64,
        order: &'a OrderId,
    ) -> BoxFuture<'a, Answer<CommandAnswer>> {
        self.starts.lock().expect("lock").push(order.clone());
        let answer = self.answer.lock().expect("lock").clone();
        async { answer }.boxed()
    }

    fn stop<'a>(
        &'a self,
        _: &'a StationId,
        transaction_id: i64,
    ) -> BoxFuture<'a, Answer<CommandAnswer>> {
        self.stops.lock().expect("lock").push(transaction_id);
        async { Ok(CommandAnswer::Accepted) }.boxed()
    }
}

/// A payment in a browser at Alipay.
pub fn browser() -> PayVia {
    browser_at(Channel::Alipay)
}

/// A payment in a browser.
pub fn browser_at(channel: Channel) -> PayVia {
    PayVia::browser(channel, IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// A platform that does what the test wants.
#[derive(Default)]
pub struct FakePayments {
    /// Opens payments and does not say so.
    pub silent: Mutex<bool>,
    /// Payments opened.
    pub opened: Mutex<Vec<NewPayment>>,
    /// What queries say; none = that the rider has not paid.
    pub state: Mutex<Option<TradeState>>,
    /// Payments closed.
    pub closed: Mutex<Vec<PaymentId>>,
    /// Whether refunds are answered; else they are unknown.
    pub refunds_work: Mutex<bool>,
    /// Refunds asked for, repeats included.
    pub refunds: Mutex<Vec<RefundRequest>>,
    /// Whether a refund that is asked after is done.
    pub refund_is_done: Mutex<bool>,
    /// The bills, by day.
    pub bills: Mutex<HashMap<BillDay, Vec<BillLine>>>,
}

impl FakePayments {
    /// The numbers of the payments opened, repeats included.
    pub fn opened_ids(&self) -> Vec<PaymentId> {
        self.opened.lock().expect("lock").iter().map(|payment| payment.id.clone()).collect()
    }
}

impl Bills for FakePayments {
    fn bill<'a>(&'a self, day: BillDay, _: &'a Path) -> BoxFuture<'a, Answer<BillLines>> {
        let none = || Unsure::No { code: "NONE".to_owned(), message: "no bill yet".to_owned() };
        let bill = self.bills.lock().expect("lock").get(&day).cloned();
        let lines = bill.map(|lines| Box::new(lines.into_iter().map(Ok)) as BillLines);
        async move { lines.ok_or_else(none) }.boxed()
    }
}

impl Payments for FakePayments {
    fn create<'a>(&'a self, payment: &'a NewPayment) -> BoxFuture<'a, Answer<Checkout>> {
        self.opened.lock().expect("lock").push(payment.clone());
        let silent = *self.silent.lock().expect("lock");
        let unknown = || Unsure::Unknown("no answer".to_owned());
        let checkout = Checkout::Redirect("http://cashier".to_owned());
        async move { if silent { Err(unknown()) } else { Ok(checkout) } }.boxed()
    }

    fn query<'a>(&'a self, _: &'a PaymentId) -> BoxFuture<'a, Answer<TradeState>> {
        let state = self.state.lock().expect("lock").clone();
        async { Ok(state.unwrap_or(TradeState::Waiting)) }.boxed()
    }

    fn close<'a>(&'a self, payment: &'a PaymentId) -> BoxFuture<'a, Answer<()>> {
        self.closed.lock().expect("lock").push(payment.clone());
        async { Ok(()) }.boxed()
    }

    fn refund<'a>(&'a self, refund: &'a RefundRequest) -> BoxFuture<'a, Answer<()>> {
        self.refunds.lock().expect("lock").push(refund.clone());
        let works = *self.refunds_work.lock().expect("lock");
        async move { if works { Ok(()) } else { Err(Unsure::Unknown("no answer".to_owned())) } }
            .boxed()
    }

    fn refund_done<'a>(&'a self, _: &'a RefundRequest) -> BoxFuture<'a, Answer<bool>> {
        let done = *self.refund_is_done.lock().expect("lock");
        async move { Ok(done) }.boxed()
    }
}
