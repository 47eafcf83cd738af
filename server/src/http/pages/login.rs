//! To a platform's login and back: in its app the first Pay finds out who the rider is there, without
//! a question to the rider. Whatever goes wrong, paying goes on the browser's way.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use wasm_core::ids::OrderId;
use wasm_core::order::Channel;

use super::checkout::Place;
use super::language::Language;
use super::login_state::{self, Refused};
use super::{answer, checkout};
use crate::http::problem::Problem;
use crate::http::rider::Rider;
use crate::http::{App, ClientIp};
use crate::orders::{Logins, PayVia};

/// Longest login code that is passed on, in bytes; the platforms' have 32.
const AUTH_CODE_MAX: usize = 128;

/// With what the browser comes back. Without a code the login was refused.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Returned {
    /// Alipay calls it so, `WeChat` `code`.
    #[serde(default, alias = "code")]
    auth_code: String,
    #[serde(default)]
    state: String,
}

/// Sends the rider's browser to log in and to pay `order` afterwards.
pub(super) async fn go(
    app: &App,
    place: &Place<'_>,
    rider: &Rider,
    channel: Channel,
    order: &OrderId,
) -> Response {
    if let Some(logins) = logins(app, channel) {
        let state = login_state::make(&rider.secret, channel, order, app.clock.now_ms());
        let back = format!("{}/login/{}", app.settings.public_url, channel.as_str());
        return answer::see(&logins.authorize_url(&back, &state));
    }
    let via = PayVia::browser(channel, place.client_ip);
    checkout::pay(app, place, rider, via, order).await
}

fn logins(app: &App, channel: Channel) -> Option<&dyn Logins> {
    app.orders.platforms().at(channel).ok()?.logins.as_deref()
}

/// `/login/{channel}`: back from the login, on to paying.
pub(super) async fn returned(
    State(app): State<App>,
    language: Language,
    Path(channel): Path<String>,
    client: ClientIp,
    headers: HeaderMap,
    returned: Result<Query<Returned>, QueryRejection>,
) -> Response {
    let (Some(channel), Ok(Query(returned))) = (Channel::parse(&channel), returned) else {
        return answer::see("/me");
    };
    let rider = match Rider::of(&app, &headers).await {
        Ok(Some(rider)) => rider,
        Ok(None) => return answer::see("/me"),
        Err(error) => return answer::problem(language, &error.into(), "/me"),
    };
    let place = Place { language, headers: &headers, client_ip: client.0 };
    match login_state::read(&rider.secret, channel, &returned.state, app.clock.now_ms()) {
        Ok(order) => {
            let (rider, open_id) = join(&app, rider, channel, &returned.auth_code).await;
            let via = match open_id {
                Some(open_id) => PayVia::app(channel, open_id),
                None => PayVia::browser(channel, place.client_ip),
            };
            checkout::pay(&app, &place, &rider, via, &order).await
        }
        // The order's own page has the button to begin anew.
        Err(Refused::Expired(order)) => answer::see(&checkout::order_path(&order)),
        Err(Refused::Forged) => {
            tracing::warn!(rider = %rider.id, "a login came back that this session did not begin");
            answer::see("/me")
        }
    }
}

/// Who the rider is from now on, and the id to pay with in the app; none when the app's cashier
/// would be another person's.
async fn join(
    app: &App,
    rider: Rider,
    channel: Channel,
    auth_code: &str,
) -> (Rider, Option<String>) {
    // The page loaded once more: its code is used up, the rider is known.
    if let Some(open_id) = rider.open_ids.at(channel).map(str::to_owned) {
        return (rider, Some(open_id));
    }
    let Some(open_id) = open_id(app, channel, auth_code).await else { return (rider, None) };
    match app.orders.known_at(channel, &rider.id, &open_id).await {
        Ok(known) => {
            let is_buyer = known.open_ids.at(channel) == Some(&open_id);
            let rider = Rider { id: known.id, open_ids: known.open_ids, ..rider };
            (rider, Some(open_id).filter(|_| is_buyer))
        }
        Err(error) => {
            let problem = Problem::from(error);
            tracing::warn!(rider = %rider.id, code = problem.code, "the rider stays anonymous");
            (rider, None)
        }
    }
}

async fn open_id(app: &App, channel: Channel, auth_code: &str) -> Option<String> {
    if auth_code.is_empty() || auth_code.len() > AUTH_CODE_MAX {
        return None;
    }
    logins(app, channel)?.login(auth_code).await.ok()
}
