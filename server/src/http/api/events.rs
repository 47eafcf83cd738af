//! The live order as an event stream: the present state at once, then each change.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wasm_core::ids::{OrderId, RiderId};
use wasm_core::order::{Order, RefundStatus, State as OrderState};

use crate::http::App;
use crate::http::problem::Problem;
use crate::http::rider::Rider;
use app::live::LiveView;

/// Streams at one time.
const STREAMS_MAX: usize = 5_000;

/// How long a stream lives; the browser opens the next by itself.
const LIFETIME: Duration = Duration::from_mins(10);

/// How often a comment shows that the stream is alive: more often than mobile networks forget.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What streams share: how many there may be, and when to end.
#[derive(Clone)]
pub struct Streams {
    permits: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Streams {
    /// Streams that end at `stop`.
    pub fn new(stop: CancellationToken) -> Self {
        Self { permits: Arc::new(Semaphore::new(STREAMS_MAX)), stop }
    }
}

/// Follows an order. Each event `order` has a `LiveView`; its id counts the changes.
#[utoipa::path(
    get, path = "/api/v1/orders/{id}/events", tag = "orders",
    params(("id" = String, Path)),
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "Server-sent events named `order`; the data of each is a \
            `LiveView`", body = LiveViewSchema, content_type = "text/event-stream"),
        (status = 204, description = "Nothing more will change: do not connect again"),
        (status = 401, description = "`rider_required`", body = Problem),
        (status = 404, description = "`no_such_order`", body = Problem),
        (status = 503, description = "`unavailable`", body = Problem),
    ),
)]
pub async fn follow(
    State(app): State<App>,
    Extension(streams): Extension<Streams>,
    rider: Rider,
    Path(id): Path<OrderId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let permit =
        Arc::clone(&streams.permits).try_acquire_owned().map_err(|_| Problem::unavailable())?;
    let first = app.orders.get(&id, &rider.id).await?;
    // A browser comes back after each end of a stream, and only this status makes it stop.
    if headers.contains_key("last-event-id") && is_final(&first) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let changes = app.orders.watch(&id);
    let follower = Follower {
        app,
        order: id,
        rider: rider.id,
        changes,
        sent_first: false,
        until: Instant::now() + LIFETIME,
        stop: streams.stop,
        _permit: permit,
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    // Proxies must not hold events back.
    let headers = [("x-accel-buffering", "no")];
    Ok((headers, Sse::new(follower.stream()).keep_alive(keep_alive)).into_response())
}

/// Whether the order and all its money are where they will stay.
fn is_final(order: &Order) -> bool {
    let moving = |status: &RefundStatus| !matches!(status, RefundStatus::Done { .. });
    match order.state {
        OrderState::Closed(_) => true,
        OrderState::Cancelled { .. } | OrderState::StartFailed { .. } => {
            !order.refunds.iter().any(|refund| moving(&refund.status))
        }
        _ => false,
    }
}

/// `app::live::LiveView` as the description shows it; a test holds the two together.
#[derive(utoipa::ToSchema)]
#[schema(as = LiveView)]
#[expect(dead_code, reason = "only its description is used")]
pub struct LiveViewSchema {
    /// Names what the page is about: the order's state, and `+` what else changes the page.
    phase: String,
    /// The server's time, milliseconds UTC.
    now_ms: i64,
    /// How long current has flowed, in seconds.
    elapsed_s: i64,
    /// Power at the last reading, watts.
    power_w: i64,
    /// Energy so far, watt-hours.
    energy_wh: i64,
    /// Electricity so far, fen.
    electricity_fen: i64,
    /// Service fee so far, fen.
    service_fen: i64,
    /// What it costs if it ended now, fen.
    total_fen: i64,
    /// What would come back if it ended now, fen.
    refund_fen: i64,
    /// The power curve, as SVG path data.
    curve: String,
    /// Power at the curve's upper edge, watts.
    curve_top_w: i64,
}

struct Follower {
    app: App,
    order: OrderId,
    rider: RiderId,
    changes: watch::Receiver<u64>,
    sent_first: bool,
    until: Instant,
    stop: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(Some(self), |follower| async {
            let mut follower = follower?;
            let (event, goes_on) = follower.next().await?;
            Some((event, goes_on.then_some(follower)))
        })
        .map(Ok)
    }

    /// The next event, and whether more may come. None ends the stream: its time is over, the
    /// server stops, or the order cannot be read.
    async fn next(&mut self) -> Option<(Event, bool)> {
        if self.sent_first {
            tokio::select! {
                changed = self.changes.changed() => changed.ok()?,
                () = tokio::time::sleep_until(self.until) => return None,
                () = self.stop.cancelled() => return None,
            }
        }
        self.sent_first = true;
        let count = *self.changes.borrow_and_update();
        let live = self.app.orders.live(&self.order, &self.rider).await.ok()?;
        let progress = live.progress.as_ref().map(|progress| (&progress.usage, &progress.bill));
        let view = LiveView::of(&live.order, progress, self.app.clock.now_ms());
        let event = Event::default().event("order").id(count.to_string()).json_data(view).ok()?;
        Some((event, !is_final(&live.order)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn names(object: &Value) -> BTreeSet<String> {
        object.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn the_description_of_an_event_is_true() {
        let document = serde_json::to_value(super::super::openapi::document()).unwrap();
        let described = &document["components"]["schemas"]["LiveView"]["properties"];
        assert_eq!(names(described), names(&serde_json::to_value(LiveView::default()).unwrap()));
    }
}
