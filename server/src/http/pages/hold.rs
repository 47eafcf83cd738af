//! Charge first, pay after: where that is offered, and on to the platform that sets the money aside.

use axum::response::Response;
use wasm_core::ids::OrderId;
use wasm_core::order::Channel;

use super::checkout::{self, Place};
use crate::http::App;
use crate::http::rider::Rider;
use crate::orders::{PayVia, Platforms};
use crate::payments::environment::Environment;

/// The platform that sets money aside for a page that runs here; none where no app could ask the
/// rider for it.
pub(super) fn channel(environment: Environment, platforms: &Platforms) -> Option<Channel> {
    let has_holds =
        |channel: &Channel| platforms.at(*channel).is_ok_and(|platform| platform.holds.is_some());
    environment.app_of().filter(has_holds)
}

/// Opens the hold and answers with the way there. Where there are none, the order is paid as ever.
pub(super) async fn go(app: &App, place: &Place<'_>, rider: &Rider, order: &OrderId) -> Response {
    let environment = place.environment();
    let Some(channel) = channel(environment, app.orders.platforms()) else {
        return checkout::go(app, place, rider, environment.app_of(), order).await;
    };
    let via = PayVia::hold(channel, rider.open_ids.at(channel).map(str::to_owned));
    checkout::pay(app, place, rider, via, order).await
}
