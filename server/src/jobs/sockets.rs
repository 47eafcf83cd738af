//! Jobs that command sockets.

use wasm_core::ids::StationId;
use wasm_core::order::{Event, Order, StartAnswer, StartFailure, State};
use wasm_core::units::MS_PER_SECOND;

use super::{Done, Workers};
use crate::crash;
use crate::orders::{CommandAnswer, OrderError, Unsure};
use crate::store::JobRow;

/// How long a start waits for a station without a link before the money goes back.
const OFFLINE_WAIT_MS: i64 = 20 * MS_PER_SECOND;
/// How often a waiting start looks for the link.
const LINK_LOOK_MS: i64 = MS_PER_SECOND;
/// How often a stop is repeated while the station does not confirm.
const STOP_AGAIN_MS: i64 = 5 * MS_PER_SECOND;
/// Stops repeated so often need a person.
const STOP_TRIES: i64 = 2_000;

impl Workers {
    /// Asks the socket to start, as long as the order still waits for it.
    pub(super) async fn start_socket(&self, row: &JobRow) -> Result<Done, OrderError> {
        let Some(order) = self.store.order(&row.order_id).await? else { return Ok(Done::Finished) };
        let State::Starting { since_ms, .. } = order.state else { return Ok(Done::Finished) };
        let Some(socket) = self.store.socket(&order.operator_id, &order.socket_id).await? else {
            return self.refuse(&order, StartFailure::Refused).await;
        };
        crash::point("before_call", &row.kind);
        let answer = self.chargers.start(&socket.station_id, socket.connector, &order.id).await;
        crash::point("after_call", &row.kind);
        match answer {
            Ok(CommandAnswer::Accepted) => {
                let answer = StartAnswer::Accepted;
                self.orders.handle(&order.id, Event::StartAnswered { answer }).await?;
                Ok(Done::Finished)
            }
            // A repeated command may be refused because the first one already works: only the
            // first refusal is believed; otherwise the start deadline decides.
            Ok(CommandAnswer::Rejected) | Err(Unsure::No { .. } | Unsure::Never { .. })
                if row.attempts <= 1 =>
            {
                self.refuse(&order, StartFailure::Refused).await
            }
            Ok(CommandAnswer::Offline) => {
                self.wait_for_link(&order, &socket.station_id, since_ms).await
            }
            Ok(CommandAnswer::Rejected) | Err(_) => Ok(Done::Finished),
        }
    }

    async fn wait_for_link(
        &self,
        order: &Order,
        station: &StationId,
        since_ms: i64,
    ) -> Result<Done, OrderError> {
        // A server that has just come back gives stations the time to come back too.
        let waiting_since_ms = since_ms.max(self.up_since_ms);
        if self.clock.now_ms() >= waiting_since_ms + OFFLINE_WAIT_MS {
            return self.refuse(order, StartFailure::Offline).await;
        }
        Ok(Done::NotYet { in_ms: LINK_LOOK_MS, why: format!("{station} is offline") })
    }

    async fn refuse(&self, order: &Order, reason: StartFailure) -> Result<Done, OrderError> {
        let answer = StartAnswer::Refused { reason };
        self.orders.handle(&order.id, Event::StartAnswered { answer }).await?;
        Ok(Done::Finished)
    }

    /// Asks the station to end a transaction, until it has ended.
    pub(super) async fn stop_socket(
        &self,
        row: &JobRow,
        transaction_id: i64,
    ) -> Result<Done, OrderError> {
        let Some(transaction) = self.store.transaction_by_id(transaction_id).await? else {
            return Ok(Done::Finished);
        };
        if transaction.stopped_ms.is_some() {
            return Ok(Done::Finished);
        }
        if row.attempts > STOP_TRIES {
            return Ok(Done::Parked(format!("transaction {transaction_id} does not end")));
        }
        crash::point("before_call", &row.kind);
        let answer = self.chargers.stop(&transaction.station_id, transaction_id).await;
        crash::point("after_call", &row.kind);
        Ok(Done::Again { in_ms: STOP_AGAIN_MS, why: format!("asked to stop: {answer:?}") })
    }
}
