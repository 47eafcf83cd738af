//! What riders ask for.

use wasm_core::ids::{
    OperatorId, OrderId, PaymentId, PlanId, RiderId, SiteId, SocketId, StationId, TariffId,
};
use wasm_core::link::ScanCode;
use wasm_core::money::Fen;
use wasm_core::order::{Event, Order, PAY_WITHIN_MS, Rejected, State, StopReason, Terms, Timer};
use wasm_core::tariff::{Limits, Tariff};

use super::job::Job;
use super::ports::{Checkout, NewPayment, PayVia, Product};
use super::service::{OrderError, Orders, commit, retry};
use crate::store::{PaymentRow, PaymentStatus, SocketRow, StoreError};
use crate::{crash, random};

/// Symbols of an order's number, five bits each; numbers of its payments and refunds begin with it.
pub const ORDER_SYMBOLS: usize = 20;
/// When the platform is first asked about a payment, milliseconds after it was opened.
const FIRST_QUERY_MS: i64 = 5_000;
/// Characters of a payment's subject at most.
const SUBJECT_MAX: usize = 120;

/// A socket as a rider's page needs it.
#[derive(Clone, Debug)]
pub struct SocketView {
    /// The tenant.
    pub operator_id: OperatorId,
    /// The socket.
    pub socket_id: SocketId,
    /// Its scan code.
    pub code: ScanCode,
    /// Its station.
    pub station_id: StationId,
    /// The station's name, as painted on the box.
    pub station_name: String,
    /// The socket's number on the station, from 1.
    pub connector: i64,
    /// The site.
    pub site_id: SiteId,
    /// The site's name.
    pub site_name: String,
    /// Its address.
    pub address: String,
    /// The operator's name.
    pub operator_name: String,
    /// The operator's phone.
    pub service_phone: String,
    /// The price list in force.
    pub tariff: Tariff,
    /// Whether the station has a live link.
    pub online: bool,
    /// OCPP `ChargePointStatus` as last reported, '' before the first report.
    pub status: String,
    /// OCPP error code as last reported.
    pub error_code: String,
    /// The order that has the socket now, if any.
    pub held_by: Option<OrderId>,
    /// Who that order belongs to.
    pub held_by_rider: Option<RiderId>,
}

/// What a rider agreed to on the page.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// Who.
    pub rider_id: RiderId,
    /// Which socket.
    pub code: ScanCode,
    /// Which plan.
    pub plan_id: PlanId,
    /// The tariff the page showed.
    pub tariff_id: TariffId,
    /// The price the page showed.
    pub prepaid_fen: Fen,
}

impl Orders {
    /// The socket behind a scan code; none when no socket has it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn socket(&self, code: &ScanCode) -> Result<Option<SocketView>, OrderError> {
        match self.inner.store.socket_by_code(code.as_str()).await? {
            Some(row) => Ok(Some(Self::view(row)?)),
            None => Ok(None),
        }
    }

    pub(super) fn view(row: SocketRow) -> Result<SocketView, OrderError> {
        Ok(SocketView {
            code: ScanCode::parse(&row.code)
                .map_err(|_| StoreError::Unreadable(format!("scan code {}", row.code)))?,
            held_by: row.held_by,
            held_by_rider: row.held_by_rider,
            operator_id: row.operator_id,
            socket_id: row.socket_id,
            station_id: row.station_id,
            station_name: row.station_name,
            connector: row.connector,
            site_id: row.site_id,
            site_name: row.site_name,
            address: row.address,
            operator_name: row.operator_name,
            service_phone: row.service_phone,
            tariff: row.tariff,
            online: row.online,
            status: row.status,
            error_code: row.error_code,
        })
    }

    /// Makes an order, after computing its price again. Idempotency is the caller's: see
    /// `store::idempotency`.
    ///
    /// # Errors
    /// [`OrderError::PriceChanged`] names both prices; `SocketBusy`, `SocketOffline`,
    /// `SocketFaulted`, `NoSuchSocket`, `NoSuchPlan`.
    pub async fn create(&self, new: NewOrder) -> Result<Order, OrderError> {
        let socket = self.socket(&new.code).await?.ok_or(OrderError::NoSuchSocket)?;
        socket.can_start()?;
        let terms = socket.agree(&new)?;
        let now_ms = self.inner.clock.now_ms();
        let expires_ms = now_ms + PAY_WITHIN_MS;
        let mut order = Order {
            id: OrderId(random::base32::<ORDER_SYMBOLS>()),
            operator_id: socket.operator_id,
            site_id: socket.site_id,
            socket_id: socket.socket_id,
            rider_id: new.rider_id,
            created_ms: now_ms,
            terms,
            payments: Vec::new(),
            refunds: Vec::new(),
            captures: Vec::new(),
            state: State::AwaitingPayment { expires_ms },
        };
        let mut tx = self.inner.store.begin().await?;
        // The rider may have logged in while the form was on its way.
        if let Some(known) = tx.rider(&order.rider_id).await? {
            order.rider_id = known.id;
        }
        tx.insert_order(&order).await?;
        let expiry = Job::Timer { timer: Timer::PaymentExpiry };
        self.enqueue(&mut tx, &order, &expiry, expires_ms).await?;
        commit(tx, order.state.name()).await?;
        tracing::info!(order = %order.id, socket = %order.socket_id, "order made");
        Ok(order)
    }

    /// Opens a payment for an order and says where the rider goes. `return_url` is absolute.
    /// Asked again, the same payment is opened again.
    ///
    /// # Errors
    /// [`OrderError::Platform`] when the platform did not say yes; the rider may try again.
    /// [`OrderError::NoHolds`] for a hold where there are none.
    pub async fn pay(
        &self,
        id: &OrderId,
        rider: &RiderId,
        via: PayVia,
        return_url: String,
    ) -> Result<Checkout, OrderError> {
        let order = self.get(id, rider).await?;
        let State::AwaitingPayment { expires_ms } = order.state else {
            return Err(OrderError::Rejected(Rejected::NotAwaitingPayment));
        };
        let platform = self.inner.platforms.at(via.channel)?;
        if matches!(via.product, Product::Hold { .. }) && platform.holds.is_none() {
            return Err(OrderError::NoHolds);
        }
        let payment_id = self.open_payment(&order, &via).await?;
        let payment = NewPayment {
            id: payment_id,
            amount_fen: order.terms.prepaid_fen,
            subject: self.subject(&order).await?,
            via,
            expires_ms,
            return_url,
            will_split: self.will_split(&order).await?,
        };
        let checkout = platform.payments.create(&payment).await;
        crash::point("after_call", "pay");
        Ok(checkout?)
    }

    /// The row of an order's payment by one product; it is committed before the platform is asked.
    async fn open_payment(&self, order: &Order, via: &PayVia) -> Result<PaymentId, OrderError> {
        retry!(self.try_open_payment(order, via))
    }

    async fn try_open_payment(&self, order: &Order, via: &PayVia) -> Result<PaymentId, OrderError> {
        let payments = self.inner.store.payments_of_order(&order.id).await?;
        let wanted = (via.channel, via.product.as_str(), PaymentStatus::Open);
        let is_it = |row: &&PaymentRow| (row.channel, row.product.as_str(), row.status) == wanted;
        if let Some(open) = payments.iter().find(is_it) {
            return Ok(open.id.clone());
        }
        let id = PaymentId(format!("{}P{}", order.id, payments.len() + 1));
        let now_ms = self.inner.clock.now_ms();
        let row = PaymentRow {
            id: id.clone(),
            operator_id: order.operator_id.clone(),
            order_id: order.id.clone(),
            channel: via.channel,
            product: via.product.as_str().to_owned(),
            amount_fen: order.terms.prepaid_fen,
            status: PaymentStatus::Open,
            trade_no: None,
            created_ms: now_ms,
        };
        let mut tx = self.inner.store.begin().await?;
        tx.insert_payment(&row).await?;
        let query = Job::QueryPayment { payment_id: id.clone() };
        self.enqueue(&mut tx, order, &query, now_ms + FIRST_QUERY_MS).await?;
        commit(tx, "payment").await?;
        Ok(id)
    }

    /// What the rider reads at the platform, which forbids `/`, `=` and `&`.
    pub(crate) async fn subject(&self, order: &Order) -> Result<String, OrderError> {
        let socket = self.inner.store.socket(&order.operator_id, &order.socket_id).await?;
        let socket = socket.ok_or(OrderError::NoSuchSocket)?;
        let text =
            format!("充电 {} {} {}号", socket.site_name, socket.station_name, socket.connector);
        Ok(text.chars().filter(|c| !matches!(c, '/' | '=' | '&')).take(SUBJECT_MAX).collect())
    }

    /// Cancels before current flows.
    ///
    /// # Errors
    /// [`OrderError::Rejected`] once current flows.
    pub async fn cancel(&self, id: &OrderId, rider: &RiderId) -> Result<Order, OrderError> {
        self.get(id, rider).await?;
        self.handle(id, Event::RiderCancelled).await
    }

    /// Ends the charge.
    ///
    /// # Errors
    /// [`OrderError::Rejected`] when none runs; stopping what has stopped is no error.
    pub async fn stop(&self, id: &OrderId, rider: &RiderId) -> Result<Order, OrderError> {
        self.get(id, rider).await?;
        self.handle(id, Event::StopWanted { reason: StopReason::Rider }).await
    }

    /// A rider's order. Another rider's order is [`OrderError::NoSuchOrder`], like none at all.
    ///
    /// # Errors
    /// [`OrderError::NoSuchOrder`], or the database does not answer.
    pub async fn get(&self, id: &OrderId, rider: &RiderId) -> Result<Order, OrderError> {
        let order = self.inner.store.order(id).await?;
        order.filter(|order| order.rider_id == *rider).ok_or(OrderError::NoSuchOrder)
    }

    /// A rider's orders, newest first, at most 50.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list(&self, rider: &RiderId) -> Result<Vec<Order>, OrderError> {
        Ok(self.inner.store.orders_of_rider(rider).await?)
    }
}

impl SocketView {
    /// Whether an order can be made here now.
    ///
    /// # Errors
    /// Why not: `SocketBusy`, `SocketOffline` or `SocketFaulted`.
    pub fn can_start(&self) -> Result<(), OrderError> {
        if self.held_by.is_some() {
            return Err(OrderError::SocketBusy);
        }
        if !self.online {
            return Err(OrderError::SocketOffline);
        }
        match self.status.as_str() {
            "Faulted" | "Unavailable" => Err(OrderError::SocketFaulted),
            "Charging" | "SuspendedEV" | "SuspendedEVSE" | "Reserved" => {
                Err(OrderError::SocketBusy)
            }
            _ => Ok(()),
        }
    }

    /// The terms of an order here, if they are what the page showed.
    fn agree(&self, new: &NewOrder) -> Result<Terms, OrderError> {
        let tariff = &self.tariff;
        let plan = tariff.plan(&new.plan_id).map_err(|_| OrderError::NoSuchPlan)?;
        let prepaid_fen = plan.prepaid_fen();
        if tariff.id != new.tariff_id || prepaid_fen != new.prepaid_fen {
            return Err(OrderError::PriceChanged {
                shown_tariff: new.tariff_id.clone(),
                shown_fen: new.prepaid_fen,
                actual_tariff: tariff.id.clone(),
                actual_fen: prepaid_fen,
            });
        }
        Ok(Terms {
            limits: Limits::of(tariff, plan),
            tariff: tariff.clone(),
            plan: plan.clone(),
            prepaid_fen,
        })
    }
}
