//! Who waits when the database is slow: those who only look. Beyond [`LOOKING_MAX`] they are told
//! at once to come back, so that stops, payments and notifies find the database free.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{self, FromFnLayer, Next};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use super::problem::Problem;

/// Looking requests at one time.
const LOOKING_MAX: usize = 256;

/// The permits of those who look.
#[derive(Clone)]
pub struct Looking(Arc<Semaphore>);

type Shed = fn(State<Looking>, Request, Next) -> BoxFuture<'static, Response>;

/// The layer for routes that only look; each layer counts for itself.
pub fn layer() -> FromFnLayer<Shed, Looking, (State<Looking>, Request)> {
    sized(LOOKING_MAX)
}

fn sized(most: usize) -> FromFnLayer<Shed, Looking, (State<Looking>, Request)> {
    middleware::from_fn_with_state(Looking(Arc::new(Semaphore::new(most))), shed as Shed)
}

fn shed(
    State(Looking(permits)): State<Looking>,
    request: Request,
    next: Next,
) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        let Ok(_permit) = permits.try_acquire_owned() else {
            metrics::counter!("http_requests_shed_total").increment(1);
            return Problem::unavailable().into_response();
        };
        next.run(request).await
    })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tokio::sync::Notify;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn who_looks_when_all_permits_are_out_is_told_to_come_back() {
        let (entered, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (inside, gate) = (Arc::clone(&entered), Arc::clone(&go));
        let slow = get(move || async move {
            inside.notify_one();
            gate.notified().await;
        });
        let router: Router = Router::new().route("/", slow).layer(sized(1));
        let ask = || Request::new(Body::empty());
        let first = tokio::spawn(router.clone().oneshot(ask()));
        entered.notified().await;
        let second = router.clone().oneshot(ask()).await.unwrap();
        assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
        go.notify_one();
        assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::OK);
    }
}
