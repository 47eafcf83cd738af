//! Errors of the API as RFC 9457 problems. `code` is stable and what programs branch on; `detail`
//! is for whoever reads logs. Riders read texts made from the code.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use wasm_core::tariff::TariffError;

use crate::ledger::LedgerError;
use crate::orders::{OrderError, Unsure};
use crate::store::StoreError;

/// When to come back after trouble that passes, in seconds.
const RETRY_AFTER_S: u32 = 5;

/// A problem as RFC 9457 writes it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// What went wrong, stable.
    pub code: &'static str,
    /// The same in words.
    pub title: String,
    /// Further members of this code, as its description says.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub members: Map<String, Value>,
    #[serde(skip)]
    retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem without further members.
    pub fn new(status: StatusCode, code: &'static str, title: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            code,
            title: title.into(),
            members: Map::new(),
            retry_after_s: None,
        }
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// Says when to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The client took too long to send its request, or we to answer it.
    pub fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the request took too long")
    }

    /// Too many requests.
    pub fn too_many(retry_after_s: u32) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "too many requests")
            .retry_after(retry_after_s)
    }

    /// Nothing is at this address.
    pub fn no_such_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_such_route", "nothing is at this address")
    }

    /// The address knows other methods.
    pub fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "wrong_method",
            "the address does not take this method",
        )
    }

    /// Nobody is known by the cookie or token sent.
    pub fn rider_required() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "rider_required",
            "a rider's cookie or bearer token is needed; POST /api/v1/riders makes one",
        )
    }

    /// Our own trouble that does not pass by itself.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong here")
    }

    /// Our own trouble that passes: the same request may be sent again.
    pub fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "not possible right now")
            .retry_after(RETRY_AFTER_S)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        match error {
            StoreError::Unreadable(_) | StoreError::Address(_) => Self::internal(),
            StoreError::Database(_) | StoreError::Taken | StoreError::Stale => Self::unavailable(),
        }
    }
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        let title = error.to_string();
        let of = |status, code| Self::new(status, code, title);
        match error {
            OrderError::NoSuchSocket => of(StatusCode::NOT_FOUND, "no_such_socket"),
            OrderError::NoSuchRider => Self::rider_required(),
            OrderError::NoSuchOrder => of(StatusCode::NOT_FOUND, "no_such_order"),
            OrderError::KeyReused => of(StatusCode::CONFLICT, "key_reused"),
            OrderError::NoSuchJob => of(StatusCode::NOT_FOUND, "no_such_job"),
            OrderError::NoSuchRefund => of(StatusCode::NOT_FOUND, "no_such_refund"),
            OrderError::NoSuchPayment => of(StatusCode::NOT_FOUND, "no_such_payment"),
            OrderError::NoSuchPlan => of(StatusCode::UNPROCESSABLE_ENTITY, "no_such_plan"),
            OrderError::SocketBusy => of(StatusCode::CONFLICT, "socket_busy"),
            OrderError::SocketOffline => of(StatusCode::CONFLICT, "socket_offline"),
            OrderError::SocketFaulted => of(StatusCode::CONFLICT, "socket_faulted"),
            OrderError::PriceChanged { shown_tariff, shown_fen, actual_tariff, actual_fen } => {
                of(StatusCode::CONFLICT, "price_changed")
                    .with("shown", json!({"tariff_id": shown_tariff, "prepaid_fen": shown_fen}))
                    .with("actual", json!({"tariff_id": actual_tariff, "prepaid_fen": actual_fen}))
            }
            OrderError::NoHolds => of(StatusCode::CONFLICT, "no_holds"),
            OrderError::Rejected(rejected) => of(StatusCode::CONFLICT, "not_now")
                .with("reason", serde_json::to_value(rejected).unwrap_or_default()),
            OrderError::Tariff(error) => error.into(),
            OrderError::WrongAmount { paid_fen, opened_fen } => {
                of(StatusCode::CONFLICT, "wrong_amount")
                    .with("paid_fen", json!(paid_fen))
                    .with("opened_fen", json!(opened_fen))
            }
            OrderError::Platform(unsure) => unsure.into(),
            OrderError::Store(error) | OrderError::Ledger(LedgerError::Store(error)) => {
                error.into()
            }
            OrderError::Ledger(error) => {
                tracing::error!(%error, "the ledger refused");
                Self::internal()
            }
        }
    }
}

impl From<TariffError> for Problem {
    fn from(error: TariffError) -> Self {
        let reason = serde_json::to_value(error).unwrap_or_default();
        let (status, code) = match error {
            TariffError::NoSuchPlan => (StatusCode::UNPROCESSABLE_ENTITY, "no_such_plan"),
            TariffError::BadUsage => (StatusCode::UNPROCESSABLE_ENTITY, "bad_expectation"),
            TariffError::BadPeriods
            | TariffError::BadTiers
            | TariffError::BadPrice
            | TariffError::BadDuration
            | TariffError::BadPlan
            | TariffError::BadPlans => (StatusCode::INTERNAL_SERVER_ERROR, "bad_tariff"),
        };
        Self::new(status, code, "the tariff cannot price this").with("reason", reason)
    }
}

impl From<Unsure> for Problem {
    /// The platform's own words stay in the log: they may name accounts.
    fn from(unsure: Unsure) -> Self {
        tracing::warn!(%unsure, "the payment platform did not say yes");
        match unsure {
            Unsure::No { .. } | Unsure::Never { .. } => Self::new(
                StatusCode::BAD_GATEWAY,
                "payment_refused",
                "the payment platform refused; nothing was paid",
            ),
            Unsure::Unknown(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "payment_unknown",
                "the payment platform did not answer; nothing is lost, try again",
            )
            .retry_after(RETRY_AFTER_S),
        }
    }
}

#[cfg(test)]
mod tests {
    use wasm_core::ids::TariffId;
    use wasm_core::money::Fen;

    use super::*;

    #[test]
    fn a_changed_price_names_both() {
        let problem = Problem::from(OrderError::PriceChanged {
            shown_tariff: TariffId::from("a"),
            shown_fen: Fen(300),
            actual_tariff: TariffId::from("b"),
            actual_fen: Fen(350),
        });
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["code"], "price_changed");
        assert_eq!(json["status"], 409);
        assert_eq!(json["shown"]["prepaid_fen"], 300);
        assert_eq!(json["actual"]["tariff_id"], "b");
    }

    #[test]
    fn trouble_with_the_store_may_be_tried_again() {
        let response = Problem::from(OrderError::Store(StoreError::Stale)).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "5");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[test]
    fn the_platforms_words_are_not_passed_on() {
        let refused = Unsure::No { code: "40004".into(), message: "account 2088…".into() };
        let json = serde_json::to_string(&Problem::from(refused)).unwrap();
        assert!(!json.contains("2088"), "{json}");
    }
}
