//! What a page's handler answers: HTML or a way elsewhere, with the cookies that belong to it.

use app::pages::rider::trouble::{self, Trouble};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

use url::form_urlencoded;

use super::language::Language;
use crate::http::problem::Problem;

/// A page.
pub(in crate::http) fn html(language: Language, status: StatusCode, html: String) -> Response {
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.lang.tag()));
    headers.insert(header::VARY, HeaderValue::from_static("cookie, accept-language"));
    with_cookie(response, language.cookie())
}

/// Adds a cookie.
pub(in crate::http) fn with_cookie(mut response: Response, cookie: Option<String>) -> Response {
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// After a POST: go there with a GET. A path with a line break or the like is nowhere.
pub(in crate::http) fn see(path: &str) -> Response {
    if HeaderValue::try_from(path).is_err() {
        return Problem::no_such_route().into_response();
    }
    Redirect::to(path).into_response()
}

/// A page about trouble.
pub(super) fn trouble(language: Language, matter: Trouble) -> Response {
    let status = match &matter {
        Trouble::BadCode(..) | Trouble::UnknownCode(_) | Trouble::NotFound => StatusCode::NOT_FOUND,
        Trouble::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Trouble::BadForm => StatusCode::BAD_REQUEST,
        Trouble::PriceChanged(_) | Trouble::TooLate(_) => StatusCode::CONFLICT,
        Trouble::Platform(_) => StatusCode::SERVICE_UNAVAILABLE,
        Trouble::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let path = match &matter {
        Trouble::BadCode(typed, _) | Trouble::UnknownCode(typed) => {
            let path = "/s?".to_owned();
            let query = path.len();
            form_urlencoded::Serializer::for_suffix(path, query).append_pair("code", typed).finish()
        }
        Trouble::PriceChanged(back) | Trouble::Platform(back) | Trouble::TooLate(back) => {
            back.clone()
        }
        _ => "/me".to_owned(),
    };
    html(language, status, trouble::html(language.lang, &path, matter))
}

/// The page for a refusal that no page's handler made.
pub(in crate::http) fn last_resort(language: Language, status: StatusCode) -> Response {
    let matter = match status {
        StatusCode::NOT_FOUND => Trouble::NotFound,
        StatusCode::TOO_MANY_REQUESTS => Trouble::TooMany,
        _ if status.is_client_error() => Trouble::BadForm,
        _ => Trouble::Internal,
    };
    html(language, status, trouble::html(language.lang, "/me", matter))
}

/// The page for a problem; `back` is the order's or the socket's own page.
pub(super) fn problem(language: Language, problem: &Problem, back: &str) -> Response {
    let back = back.to_owned();
    let matter = match problem.code {
        "price_changed" | "no_such_plan" => Trouble::PriceChanged(back),
        "no_such_order" | "no_such_socket" | "not_settled" => Trouble::NotFound,
        "not_now" => Trouble::TooLate(back),
        "payment_refused" | "payment_unknown" => Trouble::Platform(back),
        "still_running" | "too_many_requests" => Trouble::TooMany,
        // The socket's own page says what is the matter with it.
        "socket_busy" | "socket_offline" | "socket_faulted" => return see(&back),
        _ if problem.status < 500 => Trouble::BadForm,
        _ => Trouble::Internal,
    };
    trouble(language, matter)
}
