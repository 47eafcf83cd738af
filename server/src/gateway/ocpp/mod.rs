//! OCPP 1.6-J, the central system's side: stations connect to `/ocpp/{identity}`.

mod commands;
mod frame;
mod handlers;
mod link;
mod login;
pub mod messages;
mod setup;
#[cfg(test)]
pub(crate) mod tests;
pub mod time;

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::{self, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::SinkExt;

use self::login::{Refused, StationLogins};
use super::Stations;

/// The subprotocol we speak.
const SUBPROTOCOL: &str = "ocpp1.6";

/// Largest message, in bytes. The largest honest one is a `StopTransaction` with its readings.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// Read buffer of a link, in bytes. The default of 128 KiB is taken at once for each station and
/// costs twenty times the memory of all the rest.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// What may wait to be written to one station, in bytes.
const MAX_UNWRITTEN_BYTES: usize = 2 * MAX_MESSAGE_BYTES;

#[derive(Clone)]
struct Gateway {
    stations: Stations,
    logins: Arc<StationLogins>,
}

/// `/ocpp/{identity}`.
pub fn router(stations: Stations) -> Router {
    let gateway = Gateway { stations, logins: Arc::new(StationLogins::default()) };
    Router::new().route("/ocpp/{identity}", get(connect)).with_state(gateway)
}

/// Lets a station in: who it is comes first, the upgrade afterwards.
async fn connect(
    State(gateway): State<Gateway>,
    Path(identity): Path<String>,
    request: Request,
) -> Response {
    let (mut parts, _) = request.into_parts();
    let login = gateway.logins.check(&gateway.stations, &identity, &parts).await;
    let account = match login {
        Ok(account) => account,
        Err(refused) => {
            // Anybody may write anything there: little of it, and no line breaks, go into the log.
            let identity: String = identity.chars().take(login::MAX_IDENTITY).collect();
            tracing::warn!(?identity, ?refused, "station refused");
            return refuse(refused);
        }
    };
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(MAX_UNWRITTEN_BYTES)
            .max_message_size(MAX_MESSAGE_BYTES)
            .max_frame_size(MAX_MESSAGE_BYTES)
            .protocols([SUBPROTOCOL]),
        Err(rejection) => return rejection.into_response(),
    };
    if upgrade.selected_protocol().is_none() {
        tracing::warn!(%identity, "station does not offer ocpp1.6");
        return upgrade.on_upgrade(close_without_protocol);
    }
    upgrade.on_upgrade(move |socket| link::run(gateway.stations, account, socket))
}

/// OCPP-J wants the handshake completed without a subprotocol, and then the end.
async fn close_without_protocol(mut socket: WebSocket) {
    let reason = "subprotocol ocpp1.6 wanted".into();
    let frame = CloseFrame { code: close_code::PROTOCOL, reason };
    // The other side may already have gone, which is as good.
    let _ = socket.send(Message::Close(Some(frame))).await;
    let _ = socket.close().await;
}

fn refuse(refused: Refused) -> Response {
    match refused {
        Refused::Unknown => {
            let challenge = (http::header::WWW_AUTHENTICATE, "Basic realm=\"ocpp\"");
            (StatusCode::UNAUTHORIZED, [challenge]).into_response()
        }
        Refused::TooOften => {
            (StatusCode::TOO_MANY_REQUESTS, [(http::header::RETRY_AFTER, "10")]).into_response()
        }
        Refused::OwnTrouble => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
