//! To the platform's login and back: in Alipay's app the first Pay finds out who the rider is
//! there, without a question to the rider. Whatever goes wrong, paying goes on the browser's way.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use wasm_core::ids::OrderId;
use wasm_core::order::Channel;

use super::language::Language;
use super::login_state::{self, Refused};
use super::{answer, checkout};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::rider::Rider;
use crate::orders::{Logins, PayVia};

/// Where the platform sends the rider's browser back to.
const RETURN_PATH: &str = "/login/alipay";

/// Longest login code that is passed on, in bytes; Alipay's have 32.
const AUTH_CODE_MAX: usize = 128;

/// With what the browser comes back. Without a code the login was refused.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Returned {
    #[serde(default)]
    auth_code: String,
    #[serde(default)]
    state: String,
}

/// Where a rider's browser goes to log in and to pay `order` afterwards.
pub(super) fn address(app: &App, logins: &dyn Logins, rider: &Rider, order: &OrderId) -> String {
    let state = login_state::make(&rider.secret, order, app.clock.now_ms());
    let back = format!("{}{RETURN_PATH}", app.settings.public_url);
    logins.authorize_url(&back, &state)
}

/// `/login/alipay`: back from the login, on to paying.
pub(super) async fn returned(
    State(app): State<App>,
    language: Language,
    headers: HeaderMap,
    returned: Result<Query<Returned>, QueryRejection>,
) -> Response {
    let Ok(Query(returned)) = returned else { return answer::see("/me") };
    let rider = match Rider::of(&app, &headers).await {
        Ok(Some(rider)) => rider,
        Ok(None) => return answer::see("/me"),
        Err(error) => return answer::problem(language, &error.into(), "/me"),
    };
    match login_state::read(&rider.secret, &returned.state, app.clock.now_ms()) {
        Ok(order) => {
            let (rider, via) = join(&app, rider, &returned.auth_code).await;
            checkout::pay(&app, language, &rider, via, &order).await
        }
        // The order's own page has the button to begin anew.
        Err(Refused::Expired(order)) => answer::see(&checkout::order_path(&order)),
        Err(Refused::Forged) => {
            tracing::warn!(rider = %rider.id, "a login came back that this session did not begin");
            answer::see("/me")
        }
    }
}

/// Who the rider is from now on, and how to pay.
async fn join(app: &App, rider: Rider, auth_code: &str) -> (Rider, PayVia) {
    // The page loaded once more: its code is used up, the rider is known.
    if let Some(buyer_open_id) = rider.alipay_open_id.clone() {
        return (rider, PayVia::app(Channel::Alipay, buyer_open_id));
    }
    let Some(open_id) = open_id(app, auth_code).await else {
        return (rider, PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST)));
    };
    match app.orders.known_at_alipay(&rider.id, &open_id).await {
        Ok(known) => {
            let is_buyer = known.alipay_open_id.as_ref() == Some(&open_id);
            let rider = Rider { id: known.id, alipay_open_id: known.alipay_open_id, ..rider };
            let app = PayVia::app(Channel::Alipay, open_id);
            (
                rider,
                if is_buyer {
                    app
                } else {
                    PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST))
                },
            )
        }
        Err(error) => {
            let problem = Problem::from(error);
            tracing::warn!(rider = %rider.id, code = problem.code, "the rider stays anonymous");
            (rider, PayVia::browser(Channel::Alipay, IpAddr::V4(Ipv4Addr::LOCALHOST)))
        }
    }
}

async fn open_id(app: &App, auth_code: &str) -> Option<String> {
    if auth_code.is_empty() || auth_code.len() > AUTH_CODE_MAX {
        return None;
    }
    app.logins.as_ref()?.login(auth_code).await.ok()
}
