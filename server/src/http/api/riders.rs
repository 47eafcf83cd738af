//! Riders without a browser.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::problem::Problem;
use crate::http::rates::Newcomers;
use crate::http::rider::NewRider;

/// A rider just made.
#[derive(Serialize, ToSchema)]
pub struct RiderMade {
    /// The rider.
    rider_id: String,
    /// The secret for `Authorization: Bearer`; it is told once. The cookie holds the same.
    token: String,
}

/// Makes an anonymous rider.
#[utoipa::path(
    post, path = "/api/v1/riders", tag = "riders",
    responses(
        (status = 201, description = "Made; the answer also sets the cookie", body = RiderMade),
        (status = 429, description = "`too_many_requests`", body = Problem),
    ),
)]
pub(in crate::http) async fn create(
    State(app): State<App>,
    newcomers: Newcomers,
) -> Result<impl IntoResponse, Problem> {
    let rider = NewRider::make(&app, &newcomers).await?;
    let cookie = rider.token.cookie(&app.settings.public_url);
    let body = RiderMade { rider_id: rider.id.to_string(), token: rider.token.into_string() };
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], axum::Json(body)))
}
