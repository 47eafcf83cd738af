//! The station itself: boot, heartbeat, socket states, and whether an `idTag` may charge.

use serde_json::{Value, json};

use super::device::order_error;
use super::{Device, Handled, Outcome};
use crate::gateway::ocpp::messages::authorize::Authorize;
use crate::gateway::ocpp::messages::boot::BootNotification;
use crate::gateway::ocpp::messages::read;
use crate::gateway::ocpp::messages::status::StatusNotification;
use crate::gateway::ocpp::messages::stop::SocketSaid;
use crate::gateway::ocpp::time;
use crate::gateway::presence::News;
use crate::store::stations::{BootInfo, SocketStatus};

pub(super) async fn boot(device: &Device, payload: &Value) -> Handled {
    let boot: BootNotification = read(payload).map_err(Outcome::Refuse)?;
    let info = BootInfo {
        vendor: boot.charge_point_vendor.0,
        model: boot.charge_point_model.0,
        firmware: boot.firmware_version.unwrap_or_default().0,
    };
    tracing::info!(identity = device.identity(), ?info, "station booted");
    device.set_booted();
    device.tell(News::Boot(info)).await;
    Ok(json!({
        "status": "Accepted",
        "currentTime": time::write(device.now_ms()),
        "interval": device.gateway.timing.heartbeat_every.as_secs(),
    }))
}

pub(super) async fn heartbeat(device: &Device) -> Value {
    let now_ms = device.now_ms();
    if device.is_note_due(now_ms) {
        device.tell(News::Link).await;
    }
    json!({"currentTime": time::write(now_ms)})
}

/// A state goes to the database when it is another than the last one.
pub(super) async fn status(device: &Device, payload: &Value) -> Handled {
    let status: StatusNotification = read(payload).map_err(Outcome::Refuse)?;
    let error_code = status.error_code.0;
    let said = SocketSaid { status: status.status, error_code: error_code.clone() };
    let news = device.hear(status.connector_id, said);
    // Connector 0 is the station itself, which has no row of its own state.
    if news && status.connector_id > 0 {
        let socket = SocketStatus {
            connector: status.connector_id,
            status: status.status.as_str().to_owned(),
            error_code,
            at_ms: device.now_ms(),
        };
        device.tell(News::Socket(socket)).await;
    }
    Ok(json!({}))
}

pub(super) async fn authorize(device: &Device, payload: &Value) -> Handled {
    let authorize: Authorize = read(payload).map_err(Outcome::Refuse)?;
    let status = tag_status(device, None, &authorize.id_tag.0).await?;
    Ok(json!({"idTagInfo": {"status": status}}))
}

/// OCPP's word on an `idTag` at this station, and at one socket of it if that is known.
pub(super) async fn tag_status(
    device: &Device,
    connector: Option<i64>,
    id_tag: &str,
) -> Result<&'static str, Outcome> {
    match device.gateway.events.authorizes(device.station_id(), connector, id_tag).await {
        Ok(true) => Ok("Accepted"),
        Ok(false) => Ok("Invalid"),
        Err(error) => order_error(error).map(|_| "Invalid"),
    }
}
