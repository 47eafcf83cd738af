//! Charges that a station forgot: it restarted and reports the socket idle, but no end ever came.
//!
//! A station's queue may still hold the true end while its idle status overtakes it, so an idle
//! socket only starts a wait; readings or the end itself within it make the wait pointless.

use wasm_core::ids::StationId;
use wasm_core::order::{Event, Order, State, StopReason};
use wasm_core::units::MS_PER_MINUTE;

use super::job::Job;
use super::service::{OrderError, Orders};

/// How long an idle socket may still be overtaking its charge's end.
const IDLE_GRACE_MS: i64 = 3 * MS_PER_MINUTE;

/// OCPP states in which no transaction runs.
const IDLE: [&str; 4] = ["Available", "Preparing", "Unavailable", "Faulted"];

impl Orders {
    /// A station told its sockets' states, and they are stored: charges that seem forgotten are
    /// looked at again after a while.
    pub fn station_changed(&self, station: &StationId) {
        let (orders, station) = (self.clone(), station.clone());
        tokio::spawn(async move {
            if let Err(error) = orders.look_for_forgotten(&station).await {
                tracing::warn!(%station, %error, "idle sockets not looked at");
            }
        });
    }

    async fn look_for_forgotten(&self, station: &StationId) -> Result<(), OrderError> {
        for held in self.inner.store.orders_at_station(station).await? {
            let State::Charging(session) = &held.order.state else { continue };
            if !IDLE.contains(&held.socket_status.as_str()) {
                continue;
            }
            let job = Job::SettleForgotten {
                transaction_id: session.transaction_id,
                idle_since_ms: held.status_ms,
            };
            let look_ms = self.inner.clock.now_ms() + IDLE_GRACE_MS;
            let mut tx = self.inner.store.begin().await?;
            self.enqueue(&mut tx, &held.order, &job, look_ms).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Ends a charge whose socket has been idle since `idle_since_ms` without a reading.
    pub(crate) async fn settle_forgotten(
        &self,
        order: &Order,
        transaction_id: i64,
        idle_since_ms: i64,
    ) -> Result<(), OrderError> {
        let runs = matches!(&order.state, State::Charging(s) if s.transaction_id == transaction_id);
        if !runs || self.usage_so_far(transaction_id).await?.ended_ms > idle_since_ms {
            return Ok(());
        }
        let socket = self.inner.store.socket(&order.operator_id, &order.socket_id).await?;
        if socket.is_some_and(|socket| IDLE.contains(&socket.status.as_str())) {
            let reason = StopReason::Reboot;
            self.handle(&order.id, Event::StopWanted { reason }).await?;
        }
        Ok(())
    }
}
