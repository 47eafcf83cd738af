//! A small world to measure in: one site, its stations, and an outside that always says yes.

use std::net::{IpAddr, Ipv4Addr};

use std::sync::Arc;

use anyhow::{Context, Result};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use server::clock::Clock;
use server::orders::{
    Answer, Chargers, Checkout, CommandAnswer, NewOrder, NewPayment, Orders, PayVia, Payments,
    Platform, Platforms, RefundRequest, TradeState, TradeStatus, VerifiedTrade,
};
use server::random;
use server::store::Store;
use server::store::sites::{NewSite, Operator};
use server::store::stations::{NewStation, Presence, new_codes};
use wasm_core::ids::{OrderId, PaymentId, RiderId, StationId};
use wasm_core::link::ScanCode;
use wasm_core::money::Fen;
use wasm_core::order::{Channel, Order};
use wasm_core::tariff::Tariff;

/// Every station's key.
pub const PASSWORD: &str = "0123456789abcdef0123456789abcdef";

/// A price list as estates have it: electricity flat, service by the hour and by power.
const TARIFF: &str = include_str!("../../src/demo/tariffs/estate.json");

/// Its plan that charges until full, so that no limit ends the measurement.
const PLAN: &str = "full";

/// The identity of a station.
pub fn identity(station: usize) -> String {
    format!("BENCH{station:05}")
}

/// The world, and everything that acts on it.
pub struct World {
    pub store: Store,
    pub clock: Clock,
    pub orders: Orders,
    /// Each with one socket.
    pub stations: Vec<(StationId, ScanCode)>,
    tariff: Tariff,
}

impl World {
    /// Fills an empty database.
    pub async fn build(database_url: &str, stations: usize) -> Result<Self> {
        let (store, clock) = (open(database_url).await?, Clock::System);
        let mut tariff: Tariff = serde_json::from_str(TARIFF)?;
        // Charges here last for seconds, and each shall cost something.
        (tariff.free_ms, tariff.minimum_fen) = (0, Fen(50));
        let orders = Orders::new(
            store.clone(),
            clock.clone(),
            Platforms::default().with(Channel::Alipay, Platform::of(Arc::new(Yes))),
        );
        let mut world = Self { store, clock, orders, stations: Vec::new(), tariff };
        world.add_site().await?;
        for station in 0..stations {
            world.add_station(station).await?;
        }
        Ok(world)
    }

    async fn add_site(&self) -> Result<()> {
        let operator = Operator {
            id: "bench".into(),
            name: "清源充电".to_owned(),
            service_phone: "400-820-1206".to_owned(),
        };
        let site = NewSite {
            operator_id: "bench".into(),
            id: "site".into(),
            name: "锦绣家园".to_owned(),
            address: "云河市清源区锦绣路 88 号，地面车棚".to_owned(),
            tariff: self.tariff.clone(),
        };
        let mut tx = self.store.begin().await?;
        tx.add_operator(&operator, self.clock.now_ms()).await?;
        tx.add_site(&site, self.clock.now_ms()).await?;
        Ok(tx.commit().await?)
    }

    async fn add_station(&mut self, station: usize) -> Result<()> {
        let codes = new_codes(1);
        let new = NewStation {
            operator_id: "bench".into(),
            site_id: "site".into(),
            identity: identity(station),
            name: format!("{station} 号"),
            password: PASSWORD.to_owned(),
            socket_max_w: 2_000,
            codes: codes.clone(),
        };
        let added = self.store.add_station(&new, self.clock.now_ms()).await?;
        self.stations.extend(codes.into_iter().map(|code| (added.station_id.clone(), code)));
        Ok(())
    }

    /// Says that all stations are connected, in place of links.
    pub async fn all_online(&self) -> Result<()> {
        let seen_ms = self.clock.now_ms();
        let presence = |(station_id, _): &(StationId, ScanCode)| Presence {
            operator_id: "bench".into(),
            station_id: station_id.clone(),
            online: true,
            seen_ms,
            boot: None,
            sockets: Vec::new(),
        };
        let presences: Vec<_> = self.stations.iter().map(presence).collect();
        Ok(self.store.write_presence(&presences).await?)
    }

    /// A new order at a station's socket, with its payment opened.
    pub async fn order(&self, station: usize) -> Result<Order> {
        let plan = self.tariff.plan(&PLAN.into()).ok().context("the tariff has the plan")?;
        let new = NewOrder {
            rider_id: RiderId(random::base32::<20>()),
            code: self.stations[station].1.clone(),
            plan_id: plan.id.clone(),
            tariff_id: self.tariff.id.clone(),
            prepaid_fen: plan.prepaid_fen(),
        };
        let order = self.orders.create(new).await?;
        let back = "http://127.0.0.1/back".to_owned();
        self.orders
            .pay(
                &order.id,
                &order.rider_id,
                PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST)),
                back,
            )
            .await?;
        Ok(order)
    }

    /// The platform says that an order's payment was made.
    pub async fn paid(&self, order: &Order) -> Result<()> {
        let payment_id = PaymentId(format!("{}P1", order.id));
        let trade = VerifiedTrade {
            channel: Channel::Alipay,
            trade_no: format!("T{payment_id}"),
            payment_id,
            amount_fen: order.terms.prepaid_fen,
            paid_ms: self.clock.now_ms(),
            status: TradeStatus::Success,
            buyer_open_id: None,
            held: false,
        };
        Ok(self.orders.trade_changed(&trade).await?)
    }
}

/// A migrated database; on PostgreSQL in a schema of its own.
async fn open(url: &str) -> Result<Store> {
    let store = if url.starts_with("sqlite") {
        Store::open(url).await?
    } else {
        let schema = format!("b{}", random::base32::<12>().to_lowercase());
        Store::open(url).await?.create_schema(&schema).await?;
        let joint = if url.contains('?') { '&' } else { '?' };
        Store::open(&format!("{url}{joint}options=-c%20search_path%3D{schema}")).await?
    };
    store.migrate().await?;
    Ok(store)
}

/// Stations and a payment platform that do at once what they are asked.
pub struct Yes;

impl Chargers for Yes {
    fn is_online(&self, _: &StationId) -> bool {
        true
    }

    fn start<'a>(
        &'a self,
        _: &'a StationId,
        _: i64,
        _: &'a OrderId,
    ) -> BoxFuture<'a, Answer<CommandAnswer>> {
        async { Ok(CommandAnswer::Accepted) }.boxed()
    }

    fn stop<'a>(&'a self, _: &'a StationId, _: i64) -> BoxFuture<'a, Answer<CommandAnswer>> {
        async { Ok(CommandAnswer::Accepted) }.boxed()
    }
}

impl Payments for Yes {
    fn create<'a>(&'a self, _: &'a NewPayment) -> BoxFuture<'a, Answer<Checkout>> {
        async { Ok(Checkout::Redirect("http://127.0.0.1/cashier".to_owned())) }.boxed()
    }

    fn query<'a>(&'a self, _: &'a PaymentId) -> BoxFuture<'a, Answer<TradeState>> {
        async { Ok(TradeState::Waiting) }.boxed()
    }

    fn close<'a>(&'a self, _: &'a PaymentId) -> BoxFuture<'a, Answer<()>> {
        async { Ok(()) }.boxed()
    }

    fn refund<'a>(&'a self, _: &'a RefundRequest) -> BoxFuture<'a, Answer<()>> {
        async { Ok(()) }.boxed()
    }

    fn refund_done<'a>(&'a self, _: &'a RefundRequest) -> BoxFuture<'a, Answer<bool>> {
        async { Ok(true) }.boxed()
    }
}
