//! Who a rider is: the login page of the app, and the two calls that take its codes.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::cashier::{away, with_query};
use super::platform::{APPID, Platform};
use crate::random;
use crate::store::StoreError;

/// The login page.
pub(super) const AUTHORIZE_PATH: &str = "/connect/oauth2/authorize";

/// Who is logged in at the platform with this browser.
const PAYER_COOKIE: &str = "demo_wechat_payer";

pub(super) fn router(platform: Platform) -> Router {
    Router::new()
        .route(AUTHORIZE_PATH, get(authorize))
        .route("/sns/oauth2/access_token", get(access_token))
        .route("/sns/jscode2session", get(session))
        .route("/demo/wechat/login", get(login))
        .with_state(platform)
}

#[derive(Deserialize)]
struct Authorize {
    appid: String,
    redirect_uri: String,
    #[serde(default)]
    state: String,
    payer: Option<String>,
}

/// A call that takes a code.
#[derive(Deserialize)]
struct Exchange {
    #[serde(default)]
    appid: String,
    #[serde(default)]
    secret: String,
    #[serde(default, alias = "js_code")]
    code: String,
    #[serde(default)]
    grant_type: String,
}

#[derive(Deserialize)]
struct Login {
    openid: String,
}

/// Stands in for the login page of the app: gives a code without asking.
async fn authorize(
    State(platform): State<Platform>,
    headers: HeaderMap,
    Query(asked): Query<Authorize>,
) -> Response {
    if asked.appid != APPID || !platform.is_ours(&asked.redirect_uri) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let payer = asked.payer.or_else(|| logged_in(&headers));
    let payer = payer.unwrap_or_else(|| format!("o{}", random::base32::<27>()));
    let code = match platform.new_code(&payer).await {
        Ok(code) => code,
        Err(error) => return away(&error),
    };
    let cookie = format!("{PAYER_COOKIE}={payer}; Path={AUTHORIZE_PATH}; HttpOnly; SameSite=Lax");
    let back = with_query(&asked.redirect_uri, &[("code", &code), ("state", &asked.state)]);
    ([(header::SET_COOKIE, cookie)], Redirect::to(&back)).into_response()
}

fn logged_in(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut named = pairs.filter(|(name, _)| *name == PAYER_COOKIE);
    named.next().map(|(_, payer)| payer.to_owned())
}

/// Stands in for `wx.login` of a mini-program.
async fn login(State(platform): State<Platform>, Query(asked): Query<Login>) -> Response {
    match platform.new_code(&asked.openid).await {
        Ok(code) => axum::Json(json!({ "code": code })).into_response(),
        Err(error) => away(&error),
    }
}

async fn access_token(State(platform): State<Platform>, Query(asked): Query<Exchange>) -> Response {
    answer(platform.exchange(&asked).await, |openid| {
        json!({
            "access_token": random::base32::<32>(),
            "expires_in": 7200,
            "refresh_token": random::base32::<32>(),
            "openid": openid,
            "scope": "snsapi_base",
        })
    })
}

async fn session(State(platform): State<Platform>, Query(asked): Query<Exchange>) -> Response {
    answer(
        platform.exchange(&asked).await,
        |openid| json!({"openid": openid, "session_key": random::base32::<24>()}),
    )
}

/// These calls answer 200 whatever happens, as text.
fn answer(
    exchanged: Result<Result<String, i32>, StoreError>,
    yes: impl FnOnce(&str) -> Value,
) -> Response {
    let body = match exchanged {
        Ok(Ok(openid)) => yes(&openid),
        Ok(Err(code)) => json!({"errcode": code, "errmsg": "invalid request"}),
        Err(error) => return away(&error),
    };
    ([(header::CONTENT_TYPE, "text/plain")], body.to_string()).into_response()
}

impl Platform {
    async fn new_code(&self, openid: &str) -> Result<String, StoreError> {
        let code = random::base32::<32>();
        self.write(&format!("code/{code}"), &openid).await?;
        Ok(code)
    }

    /// Uses a code up: who it stood for, or the platform's `errcode`.
    async fn exchange(&self, asked: &Exchange) -> Result<Result<String, i32>, StoreError> {
        if asked.appid != APPID {
            return Ok(Err(40013));
        }
        if asked.secret != self.inner.keys.app_secret {
            return Ok(Err(40125));
        }
        if asked.grant_type != "authorization_code" {
            return Ok(Err(40002));
        }
        let _changing = self.inner.changing.lock().await;
        let key = format!("code/{}", asked.code);
        match self.read::<String>(&key).await? {
            None => Ok(Err(40029)),
            Some(used) if used.is_empty() => Ok(Err(40163)),
            Some(openid) => {
                self.write(&key, &"").await?;
                Ok(Ok(openid))
            }
        }
    }
}
