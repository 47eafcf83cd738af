//! The running charge as a page shows it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use wasm_core::ids::{OrderId, RiderId};
use wasm_core::order::Order;
use wasm_core::tariff::{Bill, Usage, progress};

use super::riders::SocketView;
use super::service::{OrderError, Orders};

/// An order with what is metered so far.
#[derive(Clone, Debug)]
pub struct LiveOrder {
    /// The order.
    pub order: Order,
    /// The scan code, station name, socket number and site name: where it happens.
    pub place: SocketView,
    /// None before current flows and after it was settled.
    pub progress: Option<Progress>,
}

/// What is metered so far.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Readings so far, energy counted from the start.
    pub usage: Usage,
    /// The bill if the charge ended now.
    pub bill: Bill,
}

impl Orders {
    /// The order as its live page shows it.
    ///
    /// # Errors
    /// [`OrderError::NoSuchOrder`] also for another rider's.
    pub async fn live(&self, id: &OrderId, rider: &RiderId) -> Result<LiveOrder, OrderError> {
        let order = self.get(id, rider).await?;
        let socket = self.inner.store.socket(&order.operator_id, &order.socket_id).await?;
        let place = Self::view(socket.ok_or(OrderError::NoSuchSocket)?)?;
        let progress = self.progress(&order).await?;
        Ok(LiveOrder { order, place, progress })
    }

    pub(super) async fn progress(&self, order: &Order) -> Result<Option<Progress>, OrderError> {
        if order.is_over() {
            return Ok(None);
        }
        let Some(session) = order.session() else { return Ok(None) };
        let usage = self.usage_so_far(session.transaction_id).await?;
        let terms = &order.terms;
        let bill = progress(&terms.tariff, &terms.plan, terms.prepaid_fen, &usage)
            .map_err(OrderError::Tariff)?;
        Ok(Some(Progress { usage, bill }))
    }

    /// Changes whenever the order or its readings do: the value is a counter, to be followed by
    /// [`Self::live`].
    pub fn watch(&self, order: &OrderId) -> watch::Receiver<u64> {
        self.inner.watchers.subscribe(order)
    }
}

/// Who watches which order.
#[derive(Default)]
pub(super) struct Watchers {
    senders: Mutex<HashMap<OrderId, watch::Sender<u64>>>,
}

impl Watchers {
    fn subscribe(&self, order: &OrderId) -> watch::Receiver<u64> {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        senders.retain(|_, sender| sender.receiver_count() > 0);
        senders.entry(order.clone()).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// Tells the order's watchers to look again.
    pub(super) fn changed(&self, order: &OrderId) {
        let senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = senders.get(order) {
            sender.send_modify(|count| *count += 1);
        }
    }
}
