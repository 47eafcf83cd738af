//! Orders as stored: the whole order as JSON, with the columns that queries need beside it.

use sqlx::Row;
use sqlx::any::AnyRow;
use wasm_core::ids::{OperatorId, OrderId, RiderId, SocketId, StationId};
use wasm_core::order::Order;

use super::{Store, StoreError, Tx, one_row, taken};

/// Orders a rider's list shows at most.
const LIST_MAX: i64 = 50;

/// An order with the version that a change must name.
#[derive(Clone, Debug)]
pub struct StoredOrder {
    /// The order.
    pub order: Order,
    /// Counts its changes, from 1.
    pub version: i64,
}

/// An order with what the socket it has to itself reports.
#[derive(Clone, Debug)]
pub struct HeldSocket {
    /// The order.
    pub order: Order,
    /// OCPP status as last reported.
    pub socket_status: String,
    /// When it was reported, milliseconds UTC.
    pub status_ms: i64,
}

impl Tx {
    /// Writes a new order.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the id exists.
    pub async fn insert_order(&mut self, order: &Order) -> Result<(), StoreError> {
        let sql = "INSERT INTO orders (operator_id, id, site_id, socket_id, rider_id, state, \
                   holding_socket_id, order_json, version, created_ms, updated_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9)";
        sqlx::query(sql)
            .bind(order.operator_id.as_str())
            .bind(order.id.as_str())
            .bind(order.site_id.as_str())
            .bind(order.socket_id.as_str())
            .bind(order.rider_id.as_str())
            .bind(order.state.name())
            .bind(held_socket(order))
            .bind(to_json(order))
            .bind(order.created_ms)
            .execute(&mut *self.inner)
            .await
            .map_err(taken)?;
        Ok(())
    }

    /// Replaces an order that nobody changed since `version` was read.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody did; [`StoreError::Taken`] when another order got the
    /// socket first. Either way the transaction is to be dropped and tried again.
    pub async fn update_order(
        &mut self,
        order: &Order,
        version: i64,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE orders SET state = $1, holding_socket_id = $2, order_json = $3, \
                   version = version + 1, updated_ms = $4, rider_id = $5 \
                   WHERE operator_id = $6 AND id = $7 AND version = $8";
        let updated = sqlx::query(sql)
            .bind(order.state.name())
            .bind(held_socket(order))
            .bind(to_json(order))
            .bind(now_ms)
            .bind(order.rider_id.as_str())
            .bind(order.operator_id.as_str())
            .bind(order.id.as_str())
            .bind(version)
            .execute(&mut *self.inner)
            .await
            .map_err(taken)?;
        one_row(&updated)
    }

    /// An order by its id, which is unique over all operators.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn order(&mut self, id: &OrderId) -> Result<Option<StoredOrder>, StoreError> {
        let sql = "SELECT order_json, version FROM orders WHERE id = $1";
        let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(&mut *self.inner).await?;
        row.map(|row| stored(&row)).transpose()
    }

    /// A rider's orders, oldest first, at most so many.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn orders_of_rider(
        &mut self,
        rider: &RiderId,
        most: usize,
    ) -> Result<Vec<OrderId>, StoreError> {
        let sql = "SELECT id FROM orders WHERE rider_id = $1 ORDER BY created_ms, id LIMIT $2";
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let query = sqlx::query(sql).bind(rider.as_str()).bind(most);
        let rows = query.fetch_all(&mut *self.inner).await?;
        rows.iter().map(|row| Ok(OrderId(row.try_get("id")?))).collect()
    }

    /// The order that has a socket to itself.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn socket_holder(
        &mut self,
        socket: &SocketId,
    ) -> Result<Option<OrderId>, StoreError> {
        let sql = "SELECT id FROM orders WHERE holding_socket_id = $1";
        let row = sqlx::query(sql).bind(socket.as_str()).fetch_optional(&mut *self.inner).await?;
        Ok(row.map(|row| row.try_get::<String, _>("id")).transpose()?.map(OrderId))
    }
}

impl Store {
    /// An order by its id.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn order(&self, id: &OrderId) -> Result<Option<Order>, StoreError> {
        let sql = "SELECT order_json, version FROM orders WHERE id = $1";
        let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| stored(&row)).transpose()?.map(|stored| stored.order))
    }

    /// The orders that have a station's sockets to themselves, with what the sockets report.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn orders_at_station(
        &self,
        station: &StationId,
    ) -> Result<Vec<HeldSocket>, StoreError> {
        let sql = "SELECT o.order_json, o.version, k.status, k.status_ms FROM sockets k \
                   JOIN orders o ON o.holding_socket_id = k.id WHERE k.station_id = $1";
        let rows = sqlx::query(sql).bind(station.as_str()).fetch_all(&self.pool).await?;
        let held = |row: &AnyRow| {
            Ok(HeldSocket {
                order: stored(row)?.order,
                socket_status: row.try_get("status")?,
                status_ms: row.try_get("status_ms")?,
            })
        };
        rows.iter().map(held).collect()
    }

    /// A rider's orders, newest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn orders_of_rider(&self, rider: &RiderId) -> Result<Vec<Order>, StoreError> {
        let sql = "SELECT order_json, version FROM orders WHERE rider_id = $1 \
                   ORDER BY created_ms DESC, id DESC LIMIT $2";
        let rows =
            sqlx::query(sql).bind(rider.as_str()).bind(LIST_MAX).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(stored(row)?.order)).collect()
    }

    /// Every order of one operator or of all, a page at a time by id, for the ledger's check.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn orders_after(
        &self,
        operator: Option<&OperatorId>,
        id: &str,
        limit: i64,
    ) -> Result<Vec<Order>, StoreError> {
        let sql = "SELECT order_json, version FROM orders \
                   WHERE ($1 = '' OR operator_id = $1) AND id > $2 ORDER BY id LIMIT $3";
        let query = sqlx::query(sql).bind(operator.map_or("", OperatorId::as_str)).bind(id);
        let rows = query.bind(limit).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(stored(row)?.order)).collect()
    }
}

fn held_socket(order: &Order) -> Option<String> {
    order.holds_socket().then(|| order.socket_id.0.clone())
}

fn to_json(order: &Order) -> String {
    serde_json::to_string(order).expect("an order has only string keys")
}

/// An order from its row's `order_json` and `version`.
pub(super) fn stored(row: &AnyRow) -> Result<StoredOrder, StoreError> {
    let json: String = row.try_get("order_json")?;
    let order =
        serde_json::from_str(&json).map_err(|error| StoreError::Unreadable(error.to_string()))?;
    Ok(StoredOrder { order, version: row.try_get("version")? })
}
