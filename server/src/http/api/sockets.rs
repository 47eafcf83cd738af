//! What is behind a scan code, and what it would cost.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use wasm_core::ids::{OrderId, PlanId};
use wasm_core::link::ScanCode;
use wasm_core::tariff::{self, Expectation, Quote, Tariff};

use crate::http::App;
use crate::http::json::Body;
use crate::http::problem::Problem;
use crate::http::rider::Rider;
use crate::orders::SocketView;

/// A socket with its whole price list.
#[derive(Serialize, ToSchema)]
pub struct Socket {
    /// The scan code, canonical.
    code: String,
    /// Whether one can charge here now.
    state: SocketState,
    /// The caller's own order that has the socket.
    #[schema(value_type = Option<String>)]
    order_id: Option<OrderId>,
    /// The socket's number on the station, from 1.
    connector: i64,
    /// The station's name, as painted on the box.
    station_name: String,
    /// Where it is.
    site: Place,
    /// Whose it is.
    operator: Contact,
    /// The price list in force: `Tariff` of wasm-core's README.
    #[schema(value_type = Object)]
    tariff: Tariff,
}

/// Whether one can charge at a socket now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SocketState {
    /// Yes.
    Free,
    /// Somebody charges here.
    Busy,
    /// The caller charges here.
    Yours,
    /// The station has no link.
    Offline,
    /// The station says it is out of order.
    Faulted,
}

/// A site.
#[derive(Serialize, ToSchema)]
pub struct Place {
    /// Its name.
    name: String,
    /// Its address.
    address: String,
}

/// An operator, as riders reach it.
#[derive(Serialize, ToSchema)]
pub struct Contact {
    /// Its name.
    name: String,
    /// Its phone.
    service_phone: String,
}

/// What to price.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteRequest {
    /// The plan, one of the tariff's.
    #[schema(value_type = String)]
    plan_id: PlanId,
    /// Power to expect, in watts, 1 to 10,000.
    power_w: i64,
    /// What the battery will take, in watt-hours; none = until a limit.
    #[serde(default)]
    energy_wh: Option<i64>,
    /// When it would start, milliseconds UTC; none = now.
    #[serde(default)]
    start_ms: Option<i64>,
}

impl SocketState {
    /// As `rider` sees it.
    fn of(socket: &SocketView, rider: Option<&Rider>) -> Self {
        let held_by = socket.held_by_rider.as_ref();
        if held_by.is_some() && held_by == rider.map(|rider| &rider.id) {
            return Self::Yours;
        }
        if socket.held_by.is_some() {
            return Self::Busy;
        }
        if !socket.online {
            return Self::Offline;
        }
        match socket.status.as_str() {
            "Faulted" | "Unavailable" => Self::Faulted,
            "Charging" | "SuspendedEV" | "SuspendedEVSE" | "Reserved" => Self::Busy,
            _ => Self::Free,
        }
    }
}

/// A socket, its site and its whole price list.
#[utoipa::path(
    get, path = "/api/v1/sockets/{code}", tag = "sockets",
    params(("code" = String, Path, description = "What the QR holds; any case, dashes allowed")),
    responses(
        (status = 200, body = Socket),
        (status = 404, description = "`no_such_socket`, `mistyped_code`", body = Problem),
    ),
)]
pub async fn show(
    State(app): State<App>,
    rider: Option<Rider>,
    Path(code): Path<String>,
) -> Result<Json<Socket>, Problem> {
    let found = find(&app, &code).await?;
    let state = SocketState::of(&found, rider.as_ref());
    Ok(Json(Socket {
        code: found.code.as_str().to_owned(),
        state,
        order_id: found.held_by.filter(|_| state == SocketState::Yours),
        connector: found.connector,
        station_name: found.station_name,
        site: Place { name: found.site_name, address: found.address },
        operator: Contact { name: found.operator_name, service_phone: found.service_phone },
        tariff: found.tariff,
    }))
}

/// What a plan costs here: what to pay now, and the bill to expect.
#[utoipa::path(
    post, path = "/api/v1/sockets/{code}/quote", tag = "sockets",
    params(("code" = String, Path, description = "What the QR holds")),
    request_body = QuoteRequest,
    responses(
        (status = 200, description = "`Quote` of wasm-core's README", body = Object),
        (status = 404, description = "`no_such_socket`, `mistyped_code`", body = Problem),
        (status = 422, description = "`no_such_plan`, `bad_expectation`, `bad_fields`",
            body = Problem),
    ),
)]
pub async fn quote(
    State(app): State<App>,
    Path(code): Path<String>,
    Body(request): Body<QuoteRequest>,
) -> Result<Json<Quote>, Problem> {
    let socket = find(&app, &code).await?;
    let expect = Expectation {
        start_ms: request.start_ms.unwrap_or_else(|| app.clock.now_ms()),
        power_w: request.power_w,
        energy_wh: request.energy_wh,
    };
    Ok(Json(tariff::quote(&socket.tariff, &request.plan_id, &expect)?))
}

async fn find(app: &App, code: &str) -> Result<SocketView, Problem> {
    let code = parse(code)?;
    app.orders.socket(&code).await?.ok_or_else(|| crate::orders::OrderError::NoSuchSocket.into())
}

/// Reads a scan code as people type it.
pub(super) fn parse(code: &str) -> Result<ScanCode, Problem> {
    ScanCode::parse(code).map_err(|reason| {
        Problem::new(StatusCode::NOT_FOUND, "mistyped_code", "not a scan code")
            .with("reason", json!(reason))
    })
}

#[cfg(test)]
mod tests {
    use wasm_core::ids::RiderId;

    use super::*;
    use crate::http::rider::Secret;

    fn socket() -> SocketView {
        let tariff = json!({
            "id": "t", "electricity": [], "service": {"by": "none"}, "plans": [], "longest_ms": 1
        });
        SocketView {
            operator_id: "op".into(),
            socket_id: "k".into(),
            code: ScanCode::from_random(1),
            station_id: "s".into(),
            station_name: String::new(),
            connector: 1,
            site_id: "site".into(),
            site_name: String::new(),
            address: String::new(),
            operator_name: String::new(),
            service_phone: String::new(),
            tariff: serde_json::from_value(tariff).unwrap(),
            online: true,
            status: "Available".into(),
            error_code: String::new(),
            held_by: None,
            held_by_rider: None,
        }
    }

    #[test]
    fn a_held_socket_is_the_holders_and_busy_for_others() {
        let rider = |id: &str| Rider {
            id: RiderId::from(id),
            open_ids: crate::store::OpenIds::default(),
            secret: Secret::of(id),
        };
        let held = SocketView {
            held_by: Some("o".into()),
            held_by_rider: Some("r1".into()),
            online: false,
            ..socket()
        };
        assert_eq!(SocketState::of(&held, Some(&rider("r1"))), SocketState::Yours);
        assert_eq!(SocketState::of(&held, Some(&rider("r2"))), SocketState::Busy);
        assert_eq!(SocketState::of(&held, None), SocketState::Busy);
    }

    #[test]
    fn a_socket_is_free_only_when_its_station_says_so() {
        let with = |online, status: &str| {
            SocketState::of(&SocketView { online, status: status.into(), ..socket() }, None)
        };
        assert_eq!(with(true, "Available"), SocketState::Free);
        assert_eq!(with(true, "Preparing"), SocketState::Free);
        assert_eq!(with(false, "Available"), SocketState::Offline);
        assert_eq!(with(true, "Faulted"), SocketState::Faulted);
        assert_eq!(with(true, "Charging"), SocketState::Busy);
    }
}
