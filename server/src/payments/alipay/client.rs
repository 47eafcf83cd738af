//! One call to the gateway: signed, bounded in time and size, its answer verified and judged
//! *yes*, *no* or *unknown*.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Response, StatusCode, redirect};
use serde::Deserialize;
use serde_json::Value;

use super::config::AlipayConfig;
use super::envelope;
use super::sign::{self, Params};
use super::time::to_beijing;
use crate::clock::Clock;
use crate::misread::without_value;
use crate::orders::{Answer, Unsure};
use crate::random;

/// Longest answer we read.
const ANSWER_MAX_BYTES: usize = 256 * 1024;

/// By this header Alipay's support finds a call.
const REQUEST_ID: &str = "alipay-request-id";

/// Connecting takes no longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The adapter: implements [`crate::orders::Payments`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Alipay {
    pub(super) config: Arc<AlipayConfig>,
    pub(super) clock: Clock,
    http: Client,
}

/// What the gateway says of a call, beside the call's own result.
#[derive(Deserialize)]
struct Verdict {
    #[serde(default)]
    code: String,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    sub_code: String,
    #[serde(default)]
    sub_msg: String,
}

impl Alipay {
    /// An adapter for the merchant's app in `config`. The gateway is reached directly, without a
    /// proxy, and redirects are not followed.
    ///
    /// # Errors
    /// The TLS library cannot be set up.
    pub fn new(config: AlipayConfig, clock: Clock) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .timeout(config.timeout)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { config: Arc::new(config), clock, http })
    }

    /// The merchant's app as configured; notifies are checked against it.
    pub fn config(&self) -> &Arc<AlipayConfig> {
        &self.config
    }

    /// Calls `method` with business parameters, as JSON in `biz_content`.
    pub(super) async fn call(&self, method: &str, business: &Value) -> Answer<Value> {
        let form = Params::from([("biz_content".to_owned(), business.to_string())]);
        self.call_with(method, self.common(method), form).await
    }

    /// Calls `method` with `query` beside the address and `form` in the body. Both are signed.
    pub(super) async fn call_with(
        &self,
        method: &str,
        mut query: Params,
        form: Params,
    ) -> Answer<Value> {
        let mut all = query.clone();
        all.extend(form.clone());
        query.insert("sign".to_owned(), self.config.private_key.sign(&sign::request_text(&all)));
        let address = format!("{}?{}", self.config.gateway_url, sign::encode(&query));
        let request_id = format!("{:032x}", u128::from_le_bytes(random::bytes()));
        let request = self.http.post(address).header(REQUEST_ID, &request_id).form(&form).send();
        let answer = request.await.map_err(|error| no_answer(&error));
        let outcome = match answer {
            Ok(answer) => self.judge(method, answer).await,
            Err(unsure) => Err(unsure),
        };
        if let Err(unsure) = &outcome {
            tracing::warn!(method, request_id, %unsure, "alipay did not say yes");
        }
        outcome
    }

    /// The parameters that every request carries.
    pub(super) fn common(&self, method: &str) -> Params {
        let pairs = [
            ("app_id", self.config.app_id.as_str()),
            ("method", method),
            ("format", "JSON"),
            ("charset", "utf-8"),
            ("sign_type", sign::SIGN_TYPE),
            ("timestamp", &to_beijing(self.clock.now_ms())),
            ("version", "1.0"),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    async fn judge(&self, method: &str, answer: Response) -> Answer<Value> {
        if answer.status() != StatusCode::OK {
            return Err(Unsure::Unknown(format!("{method}: HTTP {}", answer.status())));
        }
        let body = read(answer).await?;
        let node = envelope::open(&body, method, &self.config.alipay_public_key)
            .map_err(|error| Unsure::Unknown(format!("{method}: {error}")))?;
        judge_node(node)
    }
}

/// The whole body, if it is not too long.
async fn read(mut answer: Response) -> Answer<String> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| no_answer(&error))? {
        if body.len() + chunk.len() > ANSWER_MAX_BYTES {
            return Err(Unsure::Unknown(format!("an answer over {ANSWER_MAX_BYTES} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| Unsure::Unknown("an answer that is not UTF-8".to_owned()))
}

/// Even a refused connection is *unknown*: an earlier try of the same call may have arrived.
fn no_answer(error: &reqwest::Error) -> Unsure {
    let kind = if error.is_timeout() { "time-out" } else { "no answer" };
    // The address carries the whole signed request; the cause is enough.
    let cause = std::error::Error::source(error).map_or_else(String::new, ToString::to_string);
    Unsure::Unknown(format!("{kind}: {cause}"))
}

/// Reads the code of a verified node. Calls without a code (`alipay.system.oauth.token`) say yes
/// by their content, which the caller checks.
fn judge_node(node: Value) -> Answer<Value> {
    let verdict = Verdict::deserialize(&node)
        .map_err(|error| Unsure::Unknown(format!("incomprehensible: {error}")))?;
    let Verdict { code, msg, sub_code, sub_msg } = verdict;
    let no = |code: String| Unsure::No { code, message: format!("{msg} {sub_msg}") };
    match code.as_str() {
        "" | "10000" => Ok(node),
        // Refused before anything was done: authorisation, missing or wrong parameters, rights.
        "20001" | "40001" | "40002" | "40003" | "40006" => {
            Err(no(if sub_code.is_empty() { code } else { sub_code }))
        }
        "40004" if !sub_code.is_empty() && !leaves_doubt(&sub_code) => Err(no(sub_code)),
        // 10003: under way. 20000: the service is away. And whatever we have never heard of.
        _ => Err(Unsure::Unknown(format!("{code} {msg} {sub_code} {sub_msg}"))),
    }
}

/// Business refusals after which the deed may still have happened.
fn leaves_doubt(sub_code: &str) -> bool {
    sub_code.contains("SYSTEM_ERROR")
        || sub_code.contains("SYSTEM_BUSY")
        || sub_code.starts_with("isp.")
        || sub_code.starts_with("aop.")
}

/// Reads a yes as `T`. What cannot be read is *unknown*: something happened.
pub(super) fn read_node<T: for<'de> Deserialize<'de>>(node: Value) -> Answer<T> {
    serde_json::from_value(node).map_err(|error| {
        Unsure::Unknown(format!("incomprehensible: {}", without_value(&error.to_string())))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::payments::alipay::testing;

    #[test]
    fn codes_are_yes_no_or_unknown() {
        let judge = |code: &str, sub_code: &str| {
            judge_node(json!({"code": code, "msg": "m", "sub_code": sub_code, "sub_msg": "s"}))
        };
        assert!(judge("10000", "").is_ok());
        for (code, sub_code, no) in [
            ("40004", "ACQ.TRADE_NOT_EXIST", "ACQ.TRADE_NOT_EXIST"),
            ("40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH", "ACQ.SELLER_BALANCE_NOT_ENOUGH"),
            ("40002", "isv.invalid-signature", "isv.invalid-signature"),
            ("40006", "", "40006"),
        ] {
            let code_of_no = match judge(code, sub_code) {
                Err(Unsure::No { code, .. }) => code,
                other => panic!("{code} {sub_code}: {other:?}"),
            };
            assert_eq!(code_of_no, no);
        }
        for (code, sub_code) in [
            ("20000", "isp.unknow-error"),
            ("20000", "aop.ACQ.SYSTEM_ERROR"),
            ("40004", "ACQ.SYSTEM_ERROR"),
            ("40004", "aop.unknow-error"),
            ("40004", ""),
            ("10003", ""),
            ("99999", "anything"),
        ] {
            assert!(matches!(judge(code, sub_code), Err(Unsure::Unknown(_))), "{code} {sub_code}");
        }
    }

    #[tokio::test]
    async fn an_endless_answer_is_unknown() {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/gateway.do", socket.local_addr().unwrap());
        let endless = axum::routing::post(async || "a".repeat(ANSWER_MAX_BYTES + 1));
        let router = axum::Router::new().route("/gateway.do", endless);
        let server = tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
        let config = AlipayConfig { gateway_url: url, ..testing::config() };
        let alipay = Alipay::new(config, Clock::System).unwrap();
        let answer = alipay.call("alipay.trade.query", &json!({})).await;
        let Err(Unsure::Unknown(why)) = answer else { panic!("{answer:?}") };
        assert!(why.contains("over 262144 bytes"), "{why}");
        server.abort();
    }
}
