//! What an operator sees of its own: stations with their sockets, and orders. Every query names
//! the operator.

use sqlx::Row;
use sqlx::any::AnyRow;
use wasm_core::ids::{OperatorId, SiteId, SocketId, StationId};
use wasm_core::order::Order;

use super::orders::stored;
use super::{Store, StoreError};

/// A socket with its station, as an operator looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StationSocket {
    /// Where the station stands.
    pub site_id: SiteId,
    /// The station.
    pub station_id: StationId,
    /// The station's name, as painted on the box.
    pub station_name: String,
    /// Whether the station has a link, as last stored.
    pub online: bool,
    /// When it was last heard, milliseconds UTC; 0 = never.
    pub last_seen_ms: i64,
    /// The socket.
    pub socket_id: SocketId,
    /// Its number on the station, from 1.
    pub connector: i64,
    /// Its scan code, canonical.
    pub code: String,
    /// OCPP status as last reported; empty before the first.
    pub status: String,
    /// OCPP error code as last reported.
    pub error_code: String,
}

impl Store {
    /// An operator's sockets, site by site and station by station, at most `most`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn sockets_of_operator(
        &self,
        operator: &OperatorId,
        most: i64,
    ) -> Result<Vec<StationSocket>, StoreError> {
        let sql = "SELECT b.site_id, b.id AS station_id, b.name, b.online, b.last_seen_ms, \
                   k.id AS socket_id, k.connector, k.code, k.status, k.error_code \
                   FROM stations b JOIN sockets k \
                   ON k.operator_id = b.operator_id AND k.station_id = b.id \
                   WHERE b.operator_id = $1 ORDER BY b.site_id, b.name, b.id, k.connector LIMIT $2";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(most);
        query.fetch_all(&self.pool).await?.iter().map(station_socket).collect()
    }

    /// An operator's orders that have a socket to themselves, oldest first, at most `most`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn orders_holding(
        &self,
        operator: &OperatorId,
        most: i64,
    ) -> Result<Vec<Order>, StoreError> {
        let sql = "SELECT order_json, version FROM orders \
                   WHERE operator_id = $1 AND holding_socket_id IS NOT NULL \
                   ORDER BY created_ms, id LIMIT $2";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(most);
        query.fetch_all(&self.pool).await?.iter().map(|row| Ok(stored(row)?.order)).collect()
    }

    /// An operator's orders made since then, newest first, at most `most`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn orders_since(
        &self,
        operator: &OperatorId,
        since_ms: i64,
        most: i64,
    ) -> Result<Vec<Order>, StoreError> {
        let sql = "SELECT order_json, version FROM orders \
                   WHERE operator_id = $1 AND created_ms >= $2 \
                   ORDER BY created_ms DESC, id DESC LIMIT $3";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(since_ms).bind(most);
        query.fetch_all(&self.pool).await?.iter().map(|row| Ok(stored(row)?.order)).collect()
    }

    /// How many orders an operator's sites had since then.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn count_orders_since(
        &self,
        operator: &OperatorId,
        since_ms: i64,
    ) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) AS n FROM orders WHERE operator_id = $1 AND created_ms >= $2";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(since_ms);
        Ok(query.fetch_one(&self.pool).await?.try_get("n")?)
    }
}

fn station_socket(row: &AnyRow) -> Result<StationSocket, StoreError> {
    Ok(StationSocket {
        site_id: SiteId(row.try_get("site_id")?),
        station_id: StationId(row.try_get("station_id")?),
        station_name: row.try_get("name")?,
        online: row.try_get::<i64, _>("online")? != 0,
        last_seen_ms: row.try_get("last_seen_ms")?,
        socket_id: SocketId(row.try_get("socket_id")?),
        connector: row.try_get("connector")?,
        code: row.try_get("code")?,
        status: row.try_get("status")?,
        error_code: row.try_get("error_code")?,
    })
}
