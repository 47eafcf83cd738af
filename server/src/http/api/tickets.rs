//! What a mini-program's shell asks: a ticket with which the pages in its web-view know the rider.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wasm_core::order::Channel;

use crate::http::json::Body;
use crate::http::problem::Problem;
use crate::http::{App, sha256_hex};
use crate::orders::{OrderError, Unsure};
use crate::random;
use crate::store::tickets::Ticket;

/// How long a ticket serves, milliseconds: the shell opens its web-view at once.
const SERVES_MS: i64 = 2 * 60 * 1_000;
/// Symbols of a ticket, five bits each.
const TICKET_SYMBOLS: usize = 40;
/// Longest login code that is passed on, in bytes.
const CODE_MAX: usize = 128;

/// Whom the shell has logged in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TicketRequest {
    /// The shell's platform, `alipay` or `wechat`.
    #[schema(value_type = String)]
    channel: Channel,
    /// The login code that the platform gave to the shell; it serves once.
    code: String,
}

/// A ticket.
#[derive(Serialize, ToSchema)]
pub struct TicketMade {
    /// The web-view opens `/enter?ticket={ticket}&to={path}` with it, once.
    ticket: String,
    /// For so long, milliseconds.
    serves_ms: i64,
}

/// Makes a ticket for the rider whom a shell has logged in.
#[utoipa::path(
    post, path = "/api/v1/tickets", tag = "riders",
    request_body = TicketRequest,
    responses(
        (status = 201, body = TicketMade),
        (status = 422, description = "`bad_fields`", body = Problem),
        (status = 429, description = "`too_many_requests`", body = Problem),
        (status = 502, description = "`payment_refused`: the platform knows no such code",
            body = Problem),
        (status = 503, description = "`payment_unknown`: the platform did not answer",
            body = Problem),
    ),
)]
pub(in crate::http) async fn create(
    State(app): State<App>,
    Body(request): Body<TicketRequest>,
) -> Result<(StatusCode, axum::Json<TicketMade>), Problem> {
    let TicketRequest { channel, code } = request;
    if code.is_empty() || code.len() > CODE_MAX {
        let why = "not a login code";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_fields", why));
    }
    let platform = app.orders.platforms().at(channel).map_err(OrderError::Platform)?;
    let logins = platform.logins.as_ref().ok_or_else(|| {
        let (code, message) = ("NOT_CONFIGURED".to_owned(), "no logins".to_owned());
        OrderError::Platform(Unsure::No { code, message })
    })?;
    let open_id = logins.shell_login(&code).await.map_err(OrderError::Platform)?;
    let (text, now_ms) = (random::base32::<TICKET_SYMBOLS>(), app.clock.now_ms());
    let ticket = Ticket { channel, open_id, expires_ms: now_ms + SERVES_MS };
    app.store.add_ticket(&sha256_hex(text.as_bytes()), &ticket, now_ms).await?;
    Ok((StatusCode::CREATED, axum::Json(TicketMade { ticket: text, serves_ms: SERVES_MS })))
}
