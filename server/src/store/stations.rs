//! Stations and sockets as the device link needs them.
//!
//! A device's key is a machine-made secret of full strength, so one salted HMAC-SHA256 protects it
//! as well as a slow password hash would; argon2 would stall the storm in which thousands of
//! stations come back after a restart.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use wasm_core::ids::{OperatorId, SiteId, SocketId, StationId};
use wasm_core::link::ScanCode;

use super::{Store, StoreError, Tx, taken};
use crate::random;

/// Highest power of a socket unless it is told otherwise, in watts.
pub const SOCKET_MAX_W: i64 = 2_000;

/// A station as its login needs it.
#[derive(Clone, Debug)]
pub struct StationAccount {
    /// The tenant.
    pub operator_id: OperatorId,
    /// The station.
    pub station_id: StationId,
    /// OCPP charge point identity.
    pub identity: String,
    /// When it last said something, milliseconds UTC; 0 if it never booted.
    pub last_seen_ms: i64,
    key_salt: String,
    key_hash: String,
}

/// A station to add, with its sockets numbered from 1.
#[derive(Clone, Debug)]
pub struct NewStation {
    /// The tenant.
    pub operator_id: OperatorId,
    /// Where it stands.
    pub site_id: SiteId,
    /// OCPP charge point identity, unique over all operators.
    pub identity: String,
    /// The name painted on the box.
    pub name: String,
    /// The device's key: machine-made, at least 16 random bytes.
    pub password: String,
    /// Highest power of a socket, in watts.
    pub socket_max_w: i64,
    /// One scan code a socket.
    pub codes: Vec<ScanCode>,
}

/// A station that was added.
#[derive(Clone, Debug, serde::Serialize)]
pub struct AddedStation {
    /// The station.
    pub station_id: StationId,
    /// Its sockets, in order.
    pub sockets: Vec<AddedSocket>,
}

/// A socket that was added.
#[derive(Clone, Debug, serde::Serialize)]
pub struct AddedSocket {
    /// The socket.
    pub socket_id: SocketId,
    /// OCPP connector id, from 1.
    pub connector: i64,
    /// Its scan code.
    pub code: ScanCode,
}

/// What a station said of itself since it was last written. The newest word wins.
#[derive(Clone, Debug)]
pub struct Presence {
    /// The tenant.
    pub operator_id: OperatorId,
    /// The station.
    pub station_id: StationId,
    /// Whether it has a live link.
    pub online: bool,
    /// When it was last heard, milliseconds UTC.
    pub seen_ms: i64,
    /// What it said at boot, if it booted.
    pub boot: Option<BootInfo>,
    /// What it said of its sockets.
    pub sockets: Vec<SocketStatus>,
}

/// What a station says of itself at boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootInfo {
    /// `chargePointVendor`.
    pub vendor: String,
    /// `chargePointModel`.
    pub model: String,
    /// `firmwareVersion`.
    pub firmware: String,
}

/// A socket's state as OCPP names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketStatus {
    /// OCPP connector id, from 1.
    pub connector: i64,
    /// `ChargePointStatus`.
    pub status: String,
    /// `ChargePointErrorCode`.
    pub error_code: String,
    /// When, milliseconds UTC by our clock.
    pub at_ms: i64,
}

/// A device message that was confirmed but could not be used.
#[derive(Clone, Debug)]
pub struct DeviceRecord {
    /// The tenant.
    pub operator_id: OperatorId,
    /// The station.
    pub station_id: StationId,
    /// OCPP action.
    pub action: String,
    /// The payload as it came.
    pub payload_json: String,
    /// Why it could not be used.
    pub reason: String,
    /// When it came, milliseconds UTC.
    pub received_ms: i64,
}

impl StationAccount {
    /// Whether `password` is the device's key, compared in constant time.
    pub fn accepts(&self, password: &[u8]) -> bool {
        let (Ok(salt), Ok(hash)) = (BASE64.decode(&self.key_salt), BASE64.decode(&self.key_hash))
        else {
            return false;
        };
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &salt), password, &hash).is_ok()
    }

    /// An account that accepts nothing, so that an unknown identity costs the same time.
    pub fn nobody() -> Self {
        Self {
            operator_id: "".into(),
            station_id: "".into(),
            identity: String::new(),
            last_seen_ms: 0,
            key_salt: BASE64.encode([0; 16]),
            key_hash: BASE64.encode([0; 32]),
        }
    }
}

/// Salt and hash of a device's key, as stored.
fn hash_key(password: &str) -> (String, String) {
    let salt = random::bytes::<16>();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salt);
    (BASE64.encode(salt), BASE64.encode(hmac::sign(&key, password.as_bytes())))
}

/// Random scan codes for `count` new sockets.
pub fn new_codes(count: usize) -> Vec<ScanCode> {
    (0..count).map(|_| ScanCode::from_random(random::bits())).collect()
}

impl Store {
    /// The station with an OCPP identity.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn station_by_identity(
        &self,
        identity: &str,
    ) -> Result<Option<StationAccount>, StoreError> {
        let row: Option<(String, String, String, String, String, i64)> = sqlx::query_as(
            "SELECT operator_id, id, identity, key_salt, key_hash, last_seen_ms
             FROM stations WHERE identity = $1",
        )
        .bind(identity)
        .fetch_optional(&self.pool)
        .await?;
        let account = |(operator_id, id, identity, key_salt, key_hash, last_seen_ms)| {
            let (operator_id, station_id) = (OperatorId(operator_id), StationId(id));
            StationAccount { operator_id, station_id, identity, last_seen_ms, key_salt, key_hash }
        };
        Ok(row.map(account))
    }

    /// Adds a station with its sockets.
    ///
    /// # Errors
    /// [`StoreError::Taken`]: the identity or a code is in use.
    pub async fn add_station(
        &self,
        new: &NewStation,
        now_ms: i64,
    ) -> Result<AddedStation, StoreError> {
        let station_id = StationId(random::base32::<16>());
        let (salt, hash) = hash_key(&new.password);
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO stations (operator_id, id, site_id, identity, name, key_salt, key_hash,
                                   socket_max_w, created_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(new.operator_id.as_str())
        .bind(station_id.as_str())
        .bind(new.site_id.as_str())
        .bind(&new.identity)
        .bind(&new.name)
        .bind(salt)
        .bind(hash)
        .bind(new.socket_max_w)
        .bind(now_ms)
        .execute(&mut *tx.inner)
        .await
        .map_err(taken)?;
        let mut sockets = Vec::with_capacity(new.codes.len());
        for (connector, code) in (1_i64..).zip(&new.codes) {
            sockets.push(tx.add_socket(&new.operator_id, &station_id, connector, code).await?);
        }
        tx.commit().await?;
        Ok(AddedStation { station_id, sockets })
    }

    /// Marks all stations offline: no link outlives the server.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn mark_all_offline(&self) -> Result<(), StoreError> {
        let _turn = self.turn().await;
        sqlx::query("UPDATE stations SET online = 0 WHERE online <> 0").execute(&self.pool).await?;
        Ok(())
    }

    /// Writes what stations said of themselves, in one transaction. A socket's row is only
    /// touched when its state changed.
    ///
    /// # Errors
    /// The database does not answer; nothing was written.
    pub async fn write_presence(&self, presences: &[Presence]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for presence in presences {
            tx.write_station_presence(presence).await?;
            for socket in &presence.sockets {
                tx.write_socket_status(presence, socket).await?;
            }
        }
        tx.commit().await
    }

    /// Keeps a message that could not be used.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn keep_device_record(&self, record: &DeviceRecord) -> Result<(), StoreError> {
        let _turn = self.turn().await;
        sqlx::query(
            "INSERT INTO device_records (id, operator_id, station_id, action, payload_json, reason,
                                         received_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(random::base32::<20>())
        .bind(record.operator_id.as_str())
        .bind(record.station_id.as_str())
        .bind(&record.action)
        .bind(&record.payload_json)
        .bind(record.reason.replace('\0', ""))
        .bind(record.received_ms)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The messages of a station that could not be used, oldest first: action and reason.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn device_records(
        &self,
        operator: &OperatorId,
        station: &StationId,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT action, reason FROM device_records
             WHERE operator_id = $1 AND station_id = $2 ORDER BY received_ms, id",
        )
        .bind(operator.as_str())
        .bind(station.as_str())
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }
}

impl Tx {
    async fn add_socket(
        &mut self,
        operator: &OperatorId,
        station: &StationId,
        connector: i64,
        code: &ScanCode,
    ) -> Result<AddedSocket, StoreError> {
        let socket_id = SocketId(random::base32::<16>());
        sqlx::query(
            "INSERT INTO sockets (operator_id, id, station_id, connector, code)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(operator.as_str())
        .bind(socket_id.as_str())
        .bind(station.as_str())
        .bind(connector)
        .bind(code.as_str())
        .execute(&mut *self.inner)
        .await
        .map_err(taken)?;
        Ok(AddedSocket { socket_id, connector, code: code.clone() })
    }

    async fn write_station_presence(&mut self, presence: &Presence) -> Result<(), StoreError> {
        let boot = presence.boot.as_ref();
        sqlx::query(
            "UPDATE stations SET online = $3, last_seen_ms = $4, vendor = COALESCE($5, vendor),
                 model = COALESCE($6, model), firmware = COALESCE($7, firmware)
             WHERE operator_id = $1 AND id = $2",
        )
        .bind(presence.operator_id.as_str())
        .bind(presence.station_id.as_str())
        .bind(i64::from(presence.online))
        .bind(presence.seen_ms)
        .bind(boot.map(|boot| boot.vendor.clone()))
        .bind(boot.map(|boot| boot.model.clone()))
        .bind(boot.map(|boot| boot.firmware.clone()))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    async fn write_socket_status(
        &mut self,
        presence: &Presence,
        socket: &SocketStatus,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE sockets SET status = $4, error_code = $5, status_ms = $6
             WHERE operator_id = $1 AND station_id = $2 AND connector = $3
               AND (status <> $4 OR error_code <> $5)",
        )
        .bind(presence.operator_id.as_str())
        .bind(presence.station_id.as_str())
        .bind(socket.connector)
        .bind(&socket.status)
        .bind(&socket.error_code)
        .bind(socket.at_ms)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
#[path = "stations_tests.rs"]
mod tests;
