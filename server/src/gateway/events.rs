//! What device links tell orders.

use futures_util::future::BoxFuture;
use wasm_core::ids::StationId;

use crate::orders::{OrderError, Orders, Reading, StartRecord, StopRecord};

/// Who listens to devices: [`Orders`], or a test. The methods are those of `orders::devices`.
pub trait DeviceEvents: Send + Sync {
    /// See [`Orders::started`].
    fn started(&self, record: StartRecord) -> BoxFuture<'_, Result<i64, OrderError>>;

    /// See [`Orders::stopped`].
    fn stopped(&self, record: StopRecord) -> BoxFuture<'_, Result<(), OrderError>>;

    /// See [`Orders::metered`].
    fn metered<'a>(
        &'a self,
        station: &'a StationId,
        transaction_id: i64,
        reading: Reading,
    ) -> BoxFuture<'a, ()>;

    /// See [`Orders::authorizes`].
    fn authorizes<'a>(
        &'a self,
        station: &'a StationId,
        connector: Option<i64>,
        id_tag: &'a str,
    ) -> BoxFuture<'a, Result<bool, OrderError>>;

    /// See [`Orders::station_changed`].
    fn station_changed(&self, station: &StationId);
}

impl DeviceEvents for Orders {
    fn started(&self, record: StartRecord) -> BoxFuture<'_, Result<i64, OrderError>> {
        Box::pin(Self::started(self, record))
    }

    fn stopped(&self, record: StopRecord) -> BoxFuture<'_, Result<(), OrderError>> {
        Box::pin(Self::stopped(self, record))
    }

    fn metered<'a>(
        &'a self,
        station: &'a StationId,
        transaction_id: i64,
        reading: Reading,
    ) -> BoxFuture<'a, ()> {
        Box::pin(Self::metered(self, station, transaction_id, reading))
    }

    fn authorizes<'a>(
        &'a self,
        station: &'a StationId,
        connector: Option<i64>,
        id_tag: &'a str,
    ) -> BoxFuture<'a, Result<bool, OrderError>> {
        Box::pin(Self::authorizes(self, station, connector, id_tag))
    }

    fn station_changed(&self, station: &StationId) {
        Self::station_changed(self, station);
    }
}
