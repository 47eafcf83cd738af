//! The service itself: what it holds, and the one transaction per event.

use std::sync::Arc;

use tokio::sync::Notify;
use wasm_core::ids::{OrderId, PaymentId, TariffId};
use wasm_core::money::Fen;
use wasm_core::order::{Effect, Event, Order, Payment, Rejected, apply};
use wasm_core::tariff::TariffError;

use super::job::Job;
use super::live::Watchers;
use super::ports::{HOLD, Platforms, TradeStatus, Unsure, VerifiedTrade};
use super::sessions::Sessions;
use crate::clock::Clock;
use crate::crash;
use crate::ledger::{self, LedgerError};
use crate::store::{JobRow, PaymentStatus, Store, StoreError, Tx};

/// How often a change is tried again after somebody else changed the same order first.
pub(super) const TRIES: usize = 8;

/// Awaits an attempt, again while it loses races, a bounded number of times. The attempt is an
/// expression, evaluated anew each time.
macro_rules! retry {
    ($attempt:expr) => {{
        let mut tries = 0;
        loop {
            match $attempt.await {
                Err(error) if error.lost_a_race() && tries < $crate::orders::service::TRIES => {
                    tries += 1;
                }
                decided => break decided,
            }
        }
    }};
}
pub(super) use retry;

/// Orders, over a store, a clock and the payment platforms. Cheap to clone.
#[derive(Clone)]
pub struct Orders {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) platforms: Platforms,
    pub(super) watchers: Watchers,
    pub(super) sessions: Sessions,
    /// Rings when the outbox got something.
    outbox: Notify,
}

/// What becomes of money that is not the amount we asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AnotherAmount {
    /// A notify says so: not believed until a query says the same.
    IsRefused,
    /// The platform says so when asked.
    GoesBack,
}

/// Why an order cannot be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// No socket has this code.
    #[error("no such socket")]
    NoSuchSocket,
    /// No such rider.
    #[error("no such rider")]
    NoSuchRider,
    /// No such order, or another rider's.
    #[error("no such order")]
    NoSuchOrder,
    /// An idempotency key stands for something else.
    #[error("the key stands for something else")]
    KeyReused,
    /// No such job waits for a person, or it is another operator's.
    #[error("no such parked job")]
    NoSuchJob,
    /// The tariff has no such plan.
    #[error("no such plan")]
    NoSuchPlan,
    /// Somebody charges here.
    #[error("the socket is busy")]
    SocketBusy,
    /// The station has no link.
    #[error("the station is offline")]
    SocketOffline,
    /// The station says the socket is out of order.
    #[error("the socket is out of order")]
    SocketFaulted,
    /// The page showed another price than the server computes.
    #[error(
        "the price changed: the page said {shown_fen} ({shown_tariff}), \
         it is {actual_fen} ({actual_tariff})"
    )]
    PriceChanged {
        /// The tariff the page showed.
        shown_tariff: TariffId,
        /// The price the page showed.
        shown_fen: Fen,
        /// The tariff in force.
        actual_tariff: TariffId,
        /// Its price.
        actual_fen: Fen,
    },
    /// The platform sets no money aside for us.
    #[error("no holds at this platform")]
    NoHolds,
    /// The order's state does not allow it.
    #[error("not now: {0:?}")]
    Rejected(Rejected),
    /// The tariff cannot price it.
    #[error("tariff: {0:?}")]
    Tariff(TariffError),
    /// A verified notify names another amount than the payment was opened with.
    #[error("paid {paid_fen}, opened with {opened_fen}")]
    WrongAmount {
        /// As the platform says.
        paid_fen: Fen,
        /// As we asked.
        opened_fen: Fen,
    },
    /// No payment has this number.
    #[error("no such payment")]
    NoSuchPayment,
    /// No refund has this number, payment and amount.
    #[error("no such refund")]
    NoSuchRefund,
    /// The payment platform did not say yes.
    #[error("payment platform: {0}")]
    Platform(#[from] Unsure),
    /// The ledger refused.
    #[error("ledger: {0}")]
    Ledger(#[from] LedgerError),
    /// The database did not do it.
    #[error("store: {0}")]
    Store(#[from] StoreError),
}

impl Inner {
    /// Tells the workers that the outbox got something. Only after the commit.
    pub(super) fn ring(&self) {
        self.outbox.notify_one();
    }
}

impl OrderError {
    /// Whether somebody else was first and the same thing may be tried again.
    pub(super) fn lost_a_race(&self) -> bool {
        matches!(self, Self::Store(StoreError::Stale | StoreError::Taken))
    }
}

impl Orders {
    /// Orders over `store`, paid through `platforms`. Start and stop commands run as jobs, which
    /// know the chargers.
    pub fn new(store: Store, clock: Clock, platforms: Platforms) -> Self {
        let inner = Inner {
            store,
            clock,
            platforms,
            watchers: Watchers::default(),
            sessions: Sessions::default(),
            outbox: Notify::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The payment platforms that riders can pay at.
    pub fn platforms(&self) -> &Platforms {
        &self.inner.platforms
    }

    /// Completes when the outbox got something since the last time.
    pub async fn outbox_rang(&self) {
        self.inner.outbox.notified().await;
    }

    /// A verified notify: with [`Self::trade_found`] the only way to "paid". Durable when it
    /// returns; repeats change nothing.
    ///
    /// # Errors
    /// [`OrderError::NoSuchPayment`] and [`OrderError::WrongAmount`]: nothing changed.
    pub async fn trade_changed(&self, trade: &VerifiedTrade) -> Result<(), OrderError> {
        self.paid(trade, AnotherAmount::IsRefused).await
    }

    /// The platform's answer to a query of ours. When it says that another amount arrived than was
    /// asked for, then that money is there: it is booked as it is and goes back whole.
    ///
    /// # Errors
    /// [`OrderError::NoSuchPayment`]: nothing changed.
    pub(crate) async fn trade_found(&self, trade: &VerifiedTrade) -> Result<(), OrderError> {
        self.paid(trade, AnotherAmount::GoesBack).await
    }

    async fn paid(&self, trade: &VerifiedTrade, another: AnotherAmount) -> Result<(), OrderError> {
        if !matches!(trade.status, TradeStatus::Success | TradeStatus::Finished) {
            return Ok(());
        }
        let changed = retry!(self.try_paid(trade, another))?;
        if let Some(order) = changed {
            tracing::info!(order = %order.id, payment = %trade.payment_id, state = order.state.name(), "paid");
            self.changed(&order);
        }
        Ok(())
    }

    async fn try_paid(
        &self,
        trade: &VerifiedTrade,
        another: AnotherAmount,
    ) -> Result<Option<Order>, OrderError> {
        let mut tx = self.inner.store.begin().await?;
        let payment = tx.payment(&trade.payment_id).await?.ok_or(OrderError::NoSuchPayment)?;
        if payment.channel != trade.channel {
            tracing::error!(payment = %payment.id, channel = trade.channel.as_str(), "not paid there");
            return Err(OrderError::NoSuchPayment);
        }
        if (payment.product == HOLD) != trade.held {
            tracing::error!(payment = %payment.id, held = trade.held, "held is not paid");
            return Err(OrderError::NoSuchPayment);
        }
        if payment.amount_fen != trade.amount_fen {
            let (paid_fen, opened_fen) = (trade.amount_fen, payment.amount_fen);
            tracing::error!(payment = %payment.id, %paid_fen, %opened_fen, "another amount arrived");
            if another == AnotherAmount::IsRefused {
                return Err(OrderError::WrongAmount { paid_fen, opened_fen });
            }
        }
        if payment.status == PaymentStatus::Paid {
            return Ok(None);
        }
        let now_ms = self.inner.clock.now_ms();
        let trade_no = Some(trade.trade_no.as_str());
        tx.set_payment(&trade.payment_id, PaymentStatus::Paid, trade_no, now_ms).await?;
        let event = |socket_free| Event::Paid { payment: arrived(trade), socket_free };
        let order = self.paid_in(&mut tx, &payment.order_id, event).await?;
        commit(tx, order.state.name()).await?;
        Ok(Some(order))
    }

    async fn paid_in(
        &self,
        tx: &mut Tx,
        id: &OrderId,
        event: impl FnOnce(bool) -> Event,
    ) -> Result<Order, OrderError> {
        let stored = tx.order(id).await?.ok_or(OrderError::NoSuchOrder)?;
        let holder = tx.socket_holder(&stored.order.socket_id).await?;
        self.apply_in(tx, id, event(holder.is_none())).await
    }

    /// Applies an event by itself: one transaction, tried again when a race was lost.
    pub(crate) async fn handle(&self, id: &OrderId, event: Event) -> Result<Order, OrderError> {
        let order = retry!(self.try_handle(id, &event))?;
        self.changed(&order);
        Ok(order)
    }

    async fn try_handle(&self, id: &OrderId, event: &Event) -> Result<Order, OrderError> {
        let mut tx = self.inner.store.begin().await?;
        let order = self.apply_in(&mut tx, id, event.clone()).await?;
        commit(tx, order.state.name()).await?;
        Ok(order)
    }

    /// Applies an event within a transaction: new state, postings and outbox rows together. The
    /// caller commits and then calls [`Self::changed`].
    pub(super) async fn apply_in(
        &self,
        tx: &mut Tx,
        id: &OrderId,
        event: Event,
    ) -> Result<Order, OrderError> {
        let now_ms = self.inner.clock.now_ms();
        let stored = tx.order(id).await?.ok_or(OrderError::NoSuchOrder)?;
        let (order, effects) = apply(&stored.order, event, now_ms).map_err(OrderError::Rejected)?;
        if order != stored.order {
            tx.update_order(&order, stored.version, now_ms).await?;
        }
        for effect in effects {
            self.enact(tx, &order, effect, now_ms).await?;
        }
        if order.state != stored.order.state {
            self.split_in(tx, &order, now_ms).await?;
        }
        Ok(order)
    }

    /// Postings are written at once, everything else goes into the outbox.
    async fn enact(
        &self,
        tx: &mut Tx,
        order: &Order,
        effect: Effect,
        now_ms: i64,
    ) -> Result<(), OrderError> {
        match effect {
            Effect::Post(transaction) => Ok(ledger::post(tx, order, &transaction, now_ms).await?),
            Effect::Schedule { timer, at_ms } => {
                self.enqueue(tx, order, &Job::Timer { timer }, at_ms).await
            }
            Effect::StartSocket => self.enqueue(tx, order, &Job::StartSocket, now_ms).await,
            Effect::StopSocket { transaction_id } => {
                self.enqueue(tx, order, &Job::StopSocket { transaction_id }, now_ms).await
            }
            Effect::Refund { refund_id } => {
                self.enqueue(tx, order, &Job::Refund { refund_id }, now_ms).await
            }
            Effect::Capture { capture_id } => {
                self.enqueue(tx, order, &Job::Capture { capture_id }, now_ms).await
            }
            Effect::ClosePayments => self.enqueue(tx, order, &Job::ClosePayments, now_ms).await,
            Effect::RecordFreeEnergy { transaction_id } => {
                self.enqueue(tx, order, &Job::RecordFreeEnergy { transaction_id }, now_ms).await
            }
        }
    }

    /// Puts a job for an order into the outbox.
    pub(super) async fn enqueue(
        &self,
        tx: &mut Tx,
        order: &Order,
        job: &Job,
        run_at_ms: i64,
    ) -> Result<(), OrderError> {
        let row = JobRow {
            id: job.new_id(),
            operator_id: order.operator_id.clone(),
            order_id: order.id.clone(),
            kind: job.name().to_owned(),
            payload_json: job.to_json(),
            run_at_ms,
            attempts: 0,
        };
        Ok(tx.insert_job(&row, self.inner.clock.now_ms()).await?)
    }

    /// Tells whoever watches, and the workers. Only after the commit.
    pub(super) fn changed(&self, order: &Order) {
        if order.is_over() {
            self.inner.sessions.forget(order);
        }
        self.inner.watchers.changed(&order.id);
        self.inner.ring();
    }
}

/// Commits what became of an order; `state` tells tests' crash points apart.
pub(super) async fn commit(tx: Tx, state: &str) -> Result<(), StoreError> {
    crash::point("before_commit", state);
    tx.commit().await?;
    crash::point("after_commit", state);
    Ok(())
}

fn arrived(trade: &VerifiedTrade) -> Payment {
    Payment {
        id: PaymentId(trade.payment_id.0.clone()),
        channel: trade.channel,
        amount_fen: trade.amount_fen,
        trade_no: trade.trade_no.clone(),
        paid_ms: trade.paid_ms,
        held: trade.held,
        buyer_open_id: trade.buyer_open_id.clone().filter(|_| trade.held),
    }
}
