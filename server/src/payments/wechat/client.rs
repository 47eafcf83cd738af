//! One call to `WeChat` Pay: signed, bounded in time and size, its answer verified and judged *yes*,
//! *no* or *unknown*.

use std::sync::Arc;

use axum::http::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::config::WechatConfig;
use super::platform_keys::{PlatformKeys, read_certificates};
use super::sign::{self, SignatureError};
use crate::clock::Clock;
use crate::misread::without_value;
use crate::orders::{Answer, Unsure};
use crate::payments::http;
use crate::payments::keys::VerifyingKey;

/// Longest answer we read.
const ANSWER_MAX_BYTES: usize = 256 * 1024;

/// Longest piece of a refusal's words that goes into a log, characters.
const WORDS_MAX_CHARS: usize = 200;

/// The adapter: implements [`crate::orders::Payments`] and its kin. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Wechat {
    pub(super) config: Arc<WechatConfig>,
    pub(super) clock: Clock,
    pub(super) http: Client,
    pub(super) keys: Arc<PlatformKeys>,
}

/// The body of a refusal.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Wechat {
    /// An adapter for the merchant in `config`. `WeChat` Pay is reached directly, without a proxy,
    /// and redirects are not followed.
    ///
    /// # Errors
    /// The TLS library cannot be set up.
    pub fn new(config: WechatConfig, clock: Clock) -> Result<Self, reqwest::Error> {
        let http = http::client(config.timeout)?;
        let keys = Arc::new(PlatformKeys::new(&config));
        Ok(Self { config: Arc::new(config), clock, http, keys })
    }

    /// The merchant as configured; callbacks are checked against it.
    pub fn config(&self) -> &Arc<WechatConfig> {
        &self.config
    }

    /// `GET`; `target` is path and query, encoded.
    pub(super) async fn get(&self, target: &str) -> Answer<Value> {
        self.call(Method::GET, target, String::new()).await
    }

    /// `POST` with a JSON body.
    pub(super) async fn post(&self, target: &str, body: &Value) -> Answer<Value> {
        self.call(Method::POST, target, body.to_string()).await
    }

    async fn call(&self, method: Method, target: &str, body: String) -> Answer<Value> {
        let outcome = self.try_call(method, target, body).await;
        if let Err(unsure) = &outcome {
            let path = target.split('?').next().unwrap_or_default();
            tracing::warn!(path, %unsure, "wechat did not say yes");
        }
        outcome
    }

    async fn try_call(&self, method: Method, target: &str, body: String) -> Answer<Value> {
        let url = self.url(target)?;
        let sent = self.request(method, url, body).send().await;
        let answer = sent.map_err(|error| no_answer(&error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = read(answer).await?;
        self.judge(status, &headers, &body).await
    }

    /// An address below the platform's own. It is what is signed, and what is sent.
    fn url(&self, target: &str) -> Answer<Url> {
        let address = format!("{}{target}", self.config.base_url);
        Url::parse(&address).map_err(|error| Unsure::Unknown(format!("base url: {error}")))
    }

    /// A request, signed as it will be sent.
    pub(super) fn request(&self, method: Method, url: Url, body: String) -> RequestBuilder {
        let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
        let target = format!("{}{query}", url.path());
        let authorization = sign::authorization(
            (&self.config.mchid, &self.config.serial_no),
            &self.config.private_key,
            (method.as_str(), &target, &body),
            self.clock.now_ms(),
        );
        let mut request = self
            .http
            .request(method, url)
            .header(header::AUTHORIZATION, authorization)
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, "saochong");
        if let Some((serial, _)) = self.keys.newest(self.clock.now_ms()) {
            request = request.header("Wechatpay-Serial", serial);
        }
        if body.is_empty() {
            return request;
        }
        request.header(header::CONTENT_TYPE, "application/json").body(body)
    }

    /// A yes counts only with the platform's signature. A refusal needs none, because the platform
    /// does not sign all of them; but a wrong signature makes it worth nothing.
    async fn judge(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer<Value> {
        let verified = self.verify(headers, body).await;
        match verified {
            Ok(()) => {}
            Err(SignatureError::Header(_)) if !status.is_success() => {}
            Err(error) => return Err(Unsure::Unknown(format!("HTTP {status}: {error}"))),
        }
        match status {
            StatusCode::OK if !body.is_empty() => {
                serde_json::from_slice(body).map_err(|error| incomprehensible(&error))
            }
            StatusCode::OK | StatusCode::NO_CONTENT => Ok(Value::Null),
            _ => Err(refusal(status, body)),
        }
    }

    /// Verifies an answer or a callback; fetches certificates when it names one that we do not have.
    ///
    /// # Errors
    /// Says why it is not believed.
    pub(super) async fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), SignatureError> {
        let now_ms = self.clock.now_ms();
        let first = self.keys.verify(headers, body, now_ms);
        if first != Err(SignatureError::Serial) {
            return first;
        }
        self.renew_certificates().await;
        self.keys.verify(headers, body, now_ms)
    }

    /// The key that names are encrypted with, and its id.
    pub(super) async fn encrypting_key(&self) -> Answer<(String, VerifyingKey)> {
        if self.keys.newest(self.clock.now_ms()).is_none() {
            self.renew_certificates().await;
        }
        let newest = self.keys.newest(self.clock.now_ms());
        newest.ok_or_else(|| Unsure::Unknown("no platform certificate".to_owned()))
    }

    async fn renew_certificates(&self) {
        let now_ms = self.clock.now_ms();
        let fetch = async || {
            let url = self.url("/v3/certificates")?;
            let sent = self.request(Method::GET, url, String::new()).send().await;
            let answer = sent.map_err(|error| no_answer(&error))?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = read(answer).await?;
            if status != StatusCode::OK {
                return Err(refusal(status, &body));
            }
            let ours = (&self.config.seal_key, self.config.public_key.as_ref());
            read_certificates(&headers, &body, ours, self.clock.now_ms())
        };
        if let Err(unsure) = self.keys.renew(now_ms, fetch).await {
            tracing::error!(%unsure, "platform certificates not fetched");
        }
    }
}

/// The whole body, if it is not too long.
async fn read(mut answer: Response) -> Answer<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| no_answer(&error))? {
        if body.len() + chunk.len() > ANSWER_MAX_BYTES {
            return Err(Unsure::Unknown(format!("an answer over {ANSWER_MAX_BYTES} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Even a refused connection is *unknown*: an earlier try of the same call may have arrived.
pub(super) fn no_answer(error: &reqwest::Error) -> Unsure {
    let kind = if error.is_timeout() { "time-out" } else { "no answer" };
    // The address names the payment, and a login's the secret; the cause is enough.
    let cause = std::error::Error::source(error).map_or_else(String::new, ToString::to_string);
    Unsure::Unknown(format!("{kind}: {cause}"))
}

/// What a status beyond 2xx means. Only codes that we know to be final are a no.
fn refusal(status: StatusCode, body: &[u8]) -> Unsure {
    let Refusal { code, message } = serde_json::from_slice(body).unwrap_or_default();
    let message: String = message.chars().take(WORDS_MAX_CHARS).collect();
    if !status.is_client_error() {
        return Unsure::Unknown(format!("HTTP {status}: {code} {message}"));
    }
    match code.as_str() {
        code_ if NEVER.contains(&code_) => Unsure::Never { code, message },
        code_ if NO.contains(&code_) => Unsure::No { code, message },
        _ => Unsure::Unknown(format!("HTTP {status}: {code} {message}")),
    }
}

/// Refused, nothing was done, and the same request will be refused again.
const NEVER: [&str; 8] = [
    "PARAM_ERROR",
    "APPID_MCHID_NOT_MATCH",
    "MCH_NOT_EXISTS",
    "OPENID_MISMATCH",
    "OUT_TRADE_NO_USED",
    "ORDER_CLOSED",
    "USER_ACCOUNT_ABNORMAL",
    "USER_NOT_EXISTS",
];

/// Refused, nothing was done; another time, or after a person has acted, it may go.
const NO: [&str; 26] = [
    "SIGN_ERROR",
    "NO_AUTH",
    "NOT_ENOUGH",
    "INVALID_REQUEST",
    "INVALID_TRANSACTIONID",
    "RESOURCE_NOT_EXISTS",
    "RESOURCE_ALREADY_EXISTS",
    "NOT_FOUND",
    "ORDER_NOT_EXIST",
    "ORDERNOTEXIST",
    "ORDER_PAID",
    "ORDERPAID",
    "ORDER_REVERSED",
    "TRADE_ERROR",
    "RULE_LIMIT",
    "RULELIMIT",
    "ACCOUNT_ERROR",
    "ACCOUNTERROR",
    "CONTRACT_ERROR",
    "REQUEST_BLOCKED",
    "REQUEST_FORBIDDEN",
    "INVALID_ORDER_STATE",
    "ORDER_CANCELED",
    "ORDER_DONE",
    "NO_STATEMENT_EXIST",
    "STATEMENT_CREATING",
];

/// Reads a yes as `T`. What cannot be read is *unknown*: something happened.
pub(super) fn read_as<T: for<'de> Deserialize<'de>>(answer: Value) -> Answer<T> {
    serde_json::from_value(answer).map_err(|error| incomprehensible(&error))
}

/// An answer of another shape, which may hold anything: what it says is not repeated.
pub(super) fn incomprehensible(error: &serde_json::Error) -> Unsure {
    Unsure::Unknown(format!("incomprehensible: {}", without_value(&error.to_string())))
}

/// Whether a call was refused with one of these codes.
pub(super) fn refused_with(unsure: &Unsure, codes: &[&str]) -> bool {
    match unsure {
        Unsure::No { code, .. } | Unsure::Never { code, .. } => codes.contains(&code.as_str()),
        Unsure::Unknown(_) => false,
    }
}

/// What `WeChat` Pay calls something that it does not have.
pub(super) const NOT_EXIST: [&str; 4] =
    ["ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS", "NOT_FOUND"];

/// A piece of a path, encoded.
pub(super) fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
