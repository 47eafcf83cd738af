//! POSTs that may be sent again: the same key with the same body gets the same answer.

use std::future::Future;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::App;
use super::problem::Problem;
use super::sha256_hex;
use crate::store::idempotency::Claim;

/// The header's name.
pub const HEADER: &str = "idempotency-key";

/// Longest key, in characters.
const KEY_CHARS_MAX: usize = 255;

/// How long a client waits before it asks for the answer of a request still running, in seconds.
const RUNNING_RETRY_S: u32 = 1;

/// The `Idempotency-Key` header, which the client makes and keeps over reloads.
#[derive(Clone, Debug)]
pub struct Key(pub String);

impl Key {
    fn of(parts: &Parts) -> Result<Option<Self>, Problem> {
        let Some(value) = parts.headers.get(HEADER) else { return Ok(None) };
        let text = value.to_str().unwrap_or_default().trim();
        let is_good = !text.is_empty() && text.len() <= KEY_CHARS_MAX;
        is_good.then(|| Some(Self(text.to_owned()))).ok_or_else(|| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "bad_idempotency_key",
                "Idempotency-Key is 1 to 255 visible ASCII characters",
            )
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(parts)?.ok_or_else(|| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "idempotency_key_required",
                "this request needs an Idempotency-Key header",
            )
        })
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Self::of(parts)
    }
}

/// An answer as stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    status: u16,
    body: Value,
}

/// Does `work` once for a key of `owner` and answers repeats with what it answered. `input` is
/// what the key stands for: the route and the body.
///
/// The work goes on when the client goes away, so that what was begun is answered on return. An
/// error means that nothing was done, and gives the key back.
pub(super) async fn once<F, T>(
    app: &App,
    owner: &str,
    key: Key,
    input: &impl Serialize,
    work: F,
) -> Result<Response, Problem>
where
    F: Future<Output = Result<(StatusCode, T), Problem>> + Send + 'static,
    T: Serialize + Send + Sync + 'static,
{
    let (status, body) = outcome(app, owner, key, input, work).await?;
    Ok((status, axum::Json(body)).into_response())
}

/// As [`once`], for those who answer with something else than the JSON.
pub(super) async fn outcome<F, T>(
    app: &App,
    owner: &str,
    Key(key): Key,
    input: &impl Serialize,
    work: F,
) -> Result<(StatusCode, Value), Problem>
where
    F: Future<Output = Result<(StatusCode, T), Problem>> + Send + 'static,
    T: Serialize + Send + Sync + 'static,
{
    let hash = input_hash(input)?;
    match app.store.claim_key(owner, &key, &hash, app.clock.now_ms()).await? {
        Claim::New => {}
        Claim::Answered(answer) => return replay(&answer),
        Claim::Running => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "still_running",
                "the first request with this key is still being worked on",
            )
            .retry_after(RUNNING_RETRY_S));
        }
        Claim::Different => {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "key_reused",
                "this Idempotency-Key was used with another body",
            ));
        }
    }
    let (store, owner) = (app.store.clone(), owner.to_owned());
    let worked = tokio::spawn(async move {
        let stored = match tokio::spawn(work).await.unwrap_or_else(|_| Err(Problem::internal())) {
            Ok((status, body)) => to_stored(status, &body),
            Err(problem) => Err(problem),
        };
        match &stored {
            Ok(answer) => store.answer_key(&owner, &key, answer).await?,
            Err(_) => store.release_key(&owner, &key).await?,
        }
        stored
    });
    replay(&worked.await.unwrap_or_else(|_| Err(Problem::internal()))?)
}

fn to_stored(status: StatusCode, body: &impl Serialize) -> Result<String, Problem> {
    let unwritable = |_| Problem::internal();
    let body = serde_json::to_value(body).map_err(unwritable)?;
    serde_json::to_string(&Stored { status: status.as_u16(), body }).map_err(unwritable)
}

fn replay(answer: &str) -> Result<(StatusCode, Value), Problem> {
    let stored: Stored = serde_json::from_str(answer).map_err(|_| Problem::internal())?;
    let status = StatusCode::from_u16(stored.status).map_err(|_| Problem::internal())?;
    Ok((status, stored.body))
}

fn input_hash(input: &impl Serialize) -> Result<String, Problem> {
    let text = serde_json::to_vec(input).map_err(|_| Problem::internal())?;
    Ok(sha256_hex(&text))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::body::to_bytes;
    use serde_json::json;
    use tokio::sync::Notify;

    use super::*;
    use crate::clock::Clock;
    use crate::http::Settings;
    use crate::orders::{Orders, Platforms};
    use crate::store::Store;

    async fn app() -> (tempfile::TempDir, App) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("t.db").display());
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        let clock = Clock::manual(1_000_000);
        let orders = Orders::new(store.clone(), clock.clone(), Platforms::default());
        let settings = Arc::new(Settings { public_url: "http://x".to_owned(), demo: false });
        (folder, App { orders, store, clock, settings })
    }

    fn key() -> Key {
        Key("k".to_owned())
    }

    #[tokio::test]
    async fn f38_twenty_at_once_do_the_work_once_and_then_all_get_its_answer() {
        let (_folder, app) = app().await;
        let done = Arc::new(AtomicU32::new(0));
        let send = || {
            let (app, done) = (app.clone(), Arc::clone(&done));
            async move {
                let work = async move {
                    let nth = done.fetch_add(1, Ordering::SeqCst);
                    Ok((StatusCode::CREATED, json!({"nth": nth})))
                };
                once(&app, "rider", key(), &"input", work).await
            }
        };
        let asked: Vec<_> = (0..20).map(|_| tokio::spawn(send())).collect();
        for answer in asked {
            match answer.await.unwrap() {
                Ok(response) => assert_eq!(response.status(), StatusCode::CREATED),
                Err(problem) => assert_eq!(problem.code, "still_running"),
            }
        }
        let again = send().await.unwrap();
        assert_eq!(again.status(), StatusCode::CREATED);
        assert_eq!(&to_bytes(again.into_body(), 99).await.unwrap()[..], br#"{"nth":0}"#);
        assert_eq!(done.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn f38_one_key_means_one_input_and_an_error_gives_it_back() {
        let (_folder, app) = app().await;
        let fail = async { Err::<(StatusCode, ()), _>(Problem::unavailable()) };
        let failed = once(&app, "rider", key(), &"a", fail).await.unwrap_err();
        assert_eq!(failed.code, "unavailable");
        let work = async { Ok((StatusCode::OK, ())) };
        assert!(once(&app, "rider", key(), &"b", work).await.is_ok());
        let work = async { Ok((StatusCode::OK, ())) };
        let reused = once(&app, "rider", key(), &"a", work).await.unwrap_err();
        assert_eq!((reused.status, reused.code), (422, "key_reused"));
        let work = async { Ok((StatusCode::OK, ())) };
        assert!(once(&app, "other", key(), &"a", work).await.is_ok());
    }

    #[tokio::test]
    async fn the_work_goes_on_when_the_client_goes_away() {
        let (_folder, app) = app().await;
        let (entered, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (inside, gate) = (Arc::clone(&entered), Arc::clone(&go));
        let caller = tokio::spawn({
            let app = app.clone();
            async move {
                let work = async move {
                    inside.notify_one();
                    gate.notified().await;
                    Ok((StatusCode::CREATED, "made"))
                };
                once(&app, "rider", key(), &"input", work).await
            }
        });
        entered.notified().await;
        caller.abort();
        go.notify_one();
        let answer = loop {
            let work = async { Ok((StatusCode::CREATED, "made twice")) };
            match once(&app, "rider", key(), &"input", work).await {
                Err(problem) if problem.code == "still_running" => tokio::task::yield_now().await,
                answered => break answered.unwrap(),
            }
        };
        assert_eq!(&to_bytes(answer.into_body(), 99).await.unwrap()[..], br#""made""#);
    }
}
