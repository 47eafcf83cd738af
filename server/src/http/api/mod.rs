//! The rider's API, `/api/v1`, described at `/api/v1/openapi.json`.

mod events;
pub mod openapi;
mod orders;
mod riders;
mod sockets;
mod tickets;

use axum::Router;
use axum::routing::{get, post};

use super::problem::Problem;
use super::{App, shed};

pub use events::Streams;

/// The routes. Whatever only looks is shed first when the database is slow; what stops a charge,
/// cancels or pays never is.
pub fn router() -> Router<App> {
    let looking = Router::new()
        .route("/api/v1/openapi.json", get(openapi::show))
        .route("/api/v1/sockets/{code}", get(sockets::show))
        .route("/api/v1/sockets/{code}/quote", post(sockets::quote))
        .route("/api/v1/orders", get(orders::list))
        .route("/api/v1/orders/{id}", get(orders::show))
        .route("/api/v1/orders/{id}/receipt", get(orders::receipt))
        .layer(shed::layer());
    let doing = Router::new()
        .route("/api/v1/riders", post(riders::create))
        .route("/api/v1/tickets", post(tickets::create))
        .route("/api/v1/orders", post(orders::create))
        .route("/api/v1/orders/{id}/pay", post(orders::pay))
        .route("/api/v1/orders/{id}/cancel", post(orders::cancel))
        .route("/api/v1/orders/{id}/stop", post(orders::stop))
        .route("/api/v1/orders/{id}/events", get(events::follow));
    looking.merge(doing).method_not_allowed_fallback(|| async { Problem::wrong_method() })
}
