//! Sockets with all that a rider's page says of them.

use sqlx::Row;
use sqlx::any::AnyRow;
use wasm_core::ids::{OperatorId, OrderId, RiderId, SiteId, SocketId, StationId};
use wasm_core::tariff::Tariff;

use super::{Store, StoreError, Tx};

/// A socket, its station, site, operator and price list.
#[derive(Clone, Debug)]
pub struct SocketRow {
    /// The tenant.
    pub operator_id: OperatorId,
    /// The operator's name.
    pub operator_name: String,
    /// The operator's phone.
    pub service_phone: String,
    /// The site.
    pub site_id: SiteId,
    /// The site's name.
    pub site_name: String,
    /// The site's address.
    pub address: String,
    /// The price list in force.
    pub tariff: Tariff,
    /// The station.
    pub station_id: StationId,
    /// The station's name.
    pub station_name: String,
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
    /// Whether the station has a link, as last stored.
    pub online: bool,
    /// The order that has the socket to itself, if any.
    pub held_by: Option<OrderId>,
    /// Who that order belongs to.
    pub held_by_rider: Option<RiderId>,
}

/// The one join behind both look-ups; each adds its own condition.
macro_rules! socket_sql {
    ($condition:literal) => {
        concat!(
            "SELECT o.id AS operator_id, o.name AS operator_name, o.service_phone, s.id AS site_id, ",
            "s.name AS site_name, s.address, t.tariff_json, st.id AS station_id, ",
            "st.name AS station_name, st.online, k.id AS socket_id, k.connector, k.code, k.status, ",
            "k.error_code, h.id AS held_by, h.rider_id AS held_by_rider FROM sockets k ",
            "JOIN stations st ON st.operator_id = k.operator_id AND st.id = k.station_id ",
            "JOIN sites s ON s.operator_id = st.operator_id AND s.id = st.site_id ",
            "JOIN operators o ON o.id = s.operator_id ",
            "JOIN tariffs t ON t.operator_id = s.operator_id AND t.id = s.tariff_id ",
            "LEFT JOIN orders h ON h.holding_socket_id = k.id WHERE ",
            $condition
        )
    };
}

impl Store {
    /// The sockets of all operators, station by station, at most `most`: for the demo's first page.
    ///
    /// # Errors
    /// The database does not answer, or a price list cannot be read.
    pub async fn sockets(&self, most: i64) -> Result<Vec<SocketRow>, StoreError> {
        let rows = sqlx::query(socket_sql!(
            "1 = 1 ORDER BY s.operator_id, s.id, st.name, st.id, k.connector LIMIT $1"
        ))
        .bind(most)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(socket).collect()
    }

    /// The socket with a scan code.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn socket_by_code(&self, code: &str) -> Result<Option<SocketRow>, StoreError> {
        let sql = socket_sql!("k.code = $1");
        let row = sqlx::query(sql).bind(code).fetch_optional(&self.pool).await?;
        row.map(|row| socket(&row)).transpose()
    }

    /// A socket by its id.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn socket(
        &self,
        operator: &OperatorId,
        id: &SocketId,
    ) -> Result<Option<SocketRow>, StoreError> {
        let sql = socket_sql!("k.operator_id = $1 AND k.id = $2");
        let query = sqlx::query(sql).bind(operator.as_str()).bind(id.as_str());
        let row = query.fetch_optional(&self.pool).await?;
        row.map(|row| socket(&row)).transpose()
    }
}

impl Tx {
    /// A station's socket by its number.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn socket_of_station(
        &mut self,
        station: &StationId,
        connector: i64,
    ) -> Result<Option<SocketId>, StoreError> {
        let sql = "SELECT id FROM sockets WHERE station_id = $1 AND connector = $2";
        let query = sqlx::query(sql).bind(station.as_str()).bind(connector);
        let row = query.fetch_optional(&mut *self.inner).await?;
        Ok(row.map(|row| row.try_get("id")).transpose()?.map(SocketId))
    }

    /// The tenant a station belongs to.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn operator_of_station(
        &mut self,
        station: &StationId,
    ) -> Result<Option<OperatorId>, StoreError> {
        let sql = "SELECT operator_id FROM stations WHERE id = $1";
        let row = sqlx::query(sql).bind(station.as_str()).fetch_optional(&mut *self.inner).await?;
        Ok(row.map(|row| row.try_get("operator_id")).transpose()?.map(OperatorId))
    }
}

fn socket(row: &AnyRow) -> Result<SocketRow, StoreError> {
    let tariff_json: String = row.try_get("tariff_json")?;
    let tariff = serde_json::from_str(&tariff_json)
        .map_err(|error| StoreError::Unreadable(format!("tariff: {error}")))?;
    Ok(SocketRow {
        operator_id: OperatorId(row.try_get("operator_id")?),
        operator_name: row.try_get("operator_name")?,
        service_phone: row.try_get("service_phone")?,
        site_id: SiteId(row.try_get("site_id")?),
        site_name: row.try_get("site_name")?,
        address: row.try_get("address")?,
        tariff,
        station_id: StationId(row.try_get("station_id")?),
        station_name: row.try_get("station_name")?,
        socket_id: SocketId(row.try_get("socket_id")?),
        connector: row.try_get("connector")?,
        code: row.try_get("code")?,
        status: row.try_get("status")?,
        error_code: row.try_get("error_code")?,
        online: row.try_get::<i64, _>("online")? != 0,
        held_by: row.try_get::<Option<String>, _>("held_by")?.map(OrderId),
        held_by_rider: row.try_get::<Option<String>, _>("held_by_rider")?.map(RiderId),
    })
}
