//! The stations.

use futures_util::future::BoxFuture;
use wasm_core::ids::{OrderId, StationId};

use super::Answer;

/// The stations, as orders see them.
pub trait Chargers: Send + Sync {
    /// Whether the station has a live link.
    fn is_online(&self, station: &StationId) -> bool;

    /// Asks a socket to start for an order (OCPP `RemoteStartTransaction`; the order's id is the
    /// `idTag`). `Ok(Accepted)` is not yet started.
    fn start<'a>(
        &'a self,
        station: &'a StationId,
        connector: i64,
        order: &'a OrderId,
    ) -> BoxFuture<'a, Answer<CommandAnswer>>;

    /// Asks a station to end a transaction (OCPP `RemoteStopTransaction`).
    fn stop<'a>(
        &'a self,
        station: &'a StationId,
        transaction_id: i64,
    ) -> BoxFuture<'a, Answer<CommandAnswer>>;
}

/// What a station says to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandAnswer {
    /// It will try.
    Accepted,
    /// It will not.
    Rejected,
    /// It has no link.
    Offline,
}
