//! The rider's pages: whole HTML that works without any script. Handlers extract, call one
//! function of [`crate::orders::Orders`], map to a view model of `app` and render.

pub(super) mod answer;
mod checkout;
mod enter;
pub(super) mod form;
mod hold;
#[cfg(test)]
mod hold_tests;
mod home;
pub(super) mod language;
mod login;
mod login_state;
#[cfg(test)]
mod login_tests;
mod orders;
mod scan;
mod view;
mod ways;

use axum::Router;
use axum::routing::{get, post};

use super::{App, shed};
pub(in crate::http) use answer::last_resort;
pub(in crate::http) use language::Language;

/// The routes of the pages.
pub fn router() -> Router<App> {
    let looking = Router::new()
        .route("/", get(home::show))
        .route("/me", get(orders::mine))
        .route("/s", get(scan::typed))
        .route("/s/{code}", get(scan::show))
        .route("/orders/{id}", get(orders::show))
        .route("/orders/{id}/receipt", get(orders::receipt))
        .layer(shed::layer());
    let doing = Router::new()
        .route("/login/{channel}", get(login::returned))
        .route("/enter", get(enter::enter))
        .route("/s/{code}/order", post(scan::order))
        .route("/orders/{id}/pay", post(orders::pay))
        .route("/orders/{id}/codes", get(checkout::codes))
        .route("/orders/{id}/cancel", post(orders::cancel))
        .route("/orders/{id}/stop", post(orders::stop));
    looking.merge(doing)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::{Body, to_bytes};
    use axum::http::{Request, StatusCode, header};
    use tower::ServiceExt;
    use wasm_core::link::ScanCode;

    use super::*;
    use crate::clock::Clock;
    use crate::http::Settings;
    use crate::orders::{Orders, Platforms};
    use crate::store::Store;

    /// The largest page looked at, in bytes.
    const PAGE_BYTES_MAX: usize = 1 << 20;

    async fn pages() -> Router {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let clock = Clock::manual(1_790_000_000_000);
        let orders = Orders::new(store.clone(), clock.clone(), Platforms::default());
        let public_url = "http://charge.example".to_owned();
        let settings = Arc::new(Settings { public_url, demo: false });
        router().with_state(App { orders, store, clock, settings })
    }

    async fn get(path: &str) -> (StatusCode, String, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = pages().await.oneshot(request).await.unwrap();
        let text = |name| response.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
        let to = text(header::LOCATION).or(text(header::SET_COOKIE)).unwrap_or_default();
        let status = response.status();
        let body = to_bytes(response.into_body(), PAGE_BYTES_MAX).await.unwrap();
        (status, to, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_code_is_read_told_apart_from_a_typing_error_and_looked_up() {
        let code = ScanCode::from_random(7);
        let (status, _, page) = get(&format!("/s/{}", code.as_str())).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(page.contains("没有找到这个插座"), "{page}");
        let (status, to, _) = get(&format!("/s?code={code}")).await;
        assert_eq!((status, to), (StatusCode::SEE_OTHER, format!("/s/{}", code.as_str())));
        let (status, _, page) = get("/s/1234").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(page.contains("这个长度不对"), "{page}");
    }

    #[tokio::test]
    async fn who_has_no_cookie_has_no_orders() {
        let (status, cookie, page) = get("/me?lang=en").await;
        assert_eq!(status, StatusCode::OK);
        assert!(cookie.starts_with("sc_lang=en; "), "{cookie}");
        assert!(page.contains("No charges yet"), "{page}");
        for path in ["/orders/AYGZ858FPTHWP9BDK765", "/orders/AYGZ858FPTHWP9BDK765/receipt"] {
            assert_eq!(get(path).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn the_platforms_signed_query_does_not_stay_in_the_address() {
        let path = "/orders/AYGZ858FPTHWP9BDK765";
        let (status, to, _) = get(&format!("{path}?charset=utf-8&sign=abc")).await;
        assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, path));
        assert_eq!(get(&format!("{path}?lang=en")).await.0, StatusCode::NOT_FOUND);
        assert_eq!(get("/orders/a%0Ab?sign=abc").await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn the_other_language_shows_the_same_page() {
        let (_, _, page) = get("/s?code=AB%20%26").await;
        assert!(page.contains("href=\"/s?code=AB+%26&amp;lang=en\""), "{page}");
    }

    #[tokio::test]
    async fn forms_of_other_sites_change_nothing() {
        let request = Request::post("/orders/AYGZ858FPTHWP9BDK765/stop")
            .header("sec-fetch-site", "cross-site")
            .body(Body::empty())
            .unwrap();
        let response = pages().await.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    }
}
