//! What the operator's handlers answer.

use app::pages::admin::trouble::{self, Trouble};
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::pages::answer::html;
use crate::http::pages::language::Language;
use crate::http::problem::Problem;

pub(super) use crate::http::pages::answer::{see, with_cookie};

/// A page.
pub(super) fn page(language: Language, page: String) -> Response {
    html(language, StatusCode::OK, page)
}

/// A page with another status.
pub(super) fn page_with(language: Language, status: StatusCode, page: String) -> Response {
    html(language, status, page)
}

/// A page about trouble.
pub(super) fn trouble(language: Language, matter: Trouble) -> Response {
    let status = match matter {
        Trouble::NotFound => StatusCode::NOT_FOUND,
        Trouble::NotAllowed | Trouble::BadForm => StatusCode::FORBIDDEN,
        Trouble::TooLate => StatusCode::CONFLICT,
        Trouble::Internal => StatusCode::SERVICE_UNAVAILABLE,
    };
    html(language, status, trouble::html(language.lang, matter))
}

/// The page for a problem.
pub(super) fn problem(language: Language, problem: &Problem) -> Response {
    let matter = match problem.status {
        404 => Trouble::NotFound,
        409 => Trouble::TooLate,
        _ => Trouble::Internal,
    };
    trouble(language, matter)
}
