//! One call to the gateway: signed, bounded in time and size, its answer verified and judged
//! *yes*, *no* or *unknown*.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::certificates::Certificates;
use super::config::AlipayConfig;
use super::envelope::Envelope;
use super::keys::VerifyingKey;
use super::sign::{self, Params};
use super::time::to_beijing;
use crate::clock::Clock;
use crate::misread::without_value;
use crate::orders::{Answer, Unsure};
use crate::payments::http;
use crate::random;

/// Longest answer we read.
const ANSWER_MAX_BYTES: usize = 256 * 1024;

/// By this header Alipay's support finds a call.
const REQUEST_ID: &str = "alipay-request-id";

/// The adapter: implements [`crate::orders::Payments`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Alipay {
    pub(super) config: Arc<AlipayConfig>,
    pub(super) clock: Clock,
    pub(super) http: Client,
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
        let http = http::client(config.timeout)?;
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
        query: Params,
        form: Params,
    ) -> Answer<Value> {
        let request_id = format!("{:032x}", u128::from_le_bytes(random::bytes()));
        let outcome = match self.exchange(method, &request_id, query, form).await {
            Ok(body) => self.judge(method, &body).await,
            Err(unsure) => Err(unsure),
        };
        if let Err(unsure) = &outcome {
            tracing::warn!(method, request_id, %unsure, "alipay did not say yes");
        }
        outcome
    }

    /// Sends a request, signed, and reads the whole answer.
    async fn exchange(
        &self,
        method: &str,
        request_id: &str,
        mut query: Params,
        form: Params,
    ) -> Answer<String> {
        let mut all = query.clone();
        all.extend(form.clone());
        query.insert("sign".to_owned(), self.config.private_key.sign(&sign::request_text(&all)));
        let address = format!("{}?{}", self.config.gateway_url, sign::encode(&query));
        let request = self.http.post(address).header(REQUEST_ID, request_id).form(&form).send();
        let answer = request.await.map_err(|error| no_answer(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(Unsure::Unknown(format!("{method}: HTTP {}", answer.status())));
        }
        read(answer).await
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
        let mut params: Params =
            pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        if let Some(certificates) = &self.config.certificates {
            params.insert("app_cert_sn".to_owned(), certificates.app_sn.clone());
            params.insert("alipay_root_cert_sn".to_owned(), certificates.root_sn.clone());
        }
        params
    }

    async fn judge(&self, method: &str, body: &str) -> Answer<Value> {
        let unknown = |error| Unsure::Unknown(format!("{method}: {error}"));
        let envelope = Envelope::cut(body, method).map_err(unknown)?;
        let keys = self.keys_for(envelope.cert_sn.as_deref()).await?;
        judge_node(envelope.open(&keys).map_err(unknown)?)
    }

    /// The keys that may have signed an answer which names this certificate.
    async fn keys_for(&self, cert_sn: Option<&str>) -> Answer<Vec<VerifyingKey>> {
        let (Some(certificates), Some(sn)) = (&self.config.certificates, cert_sn) else {
            return Ok(self.config.keys());
        };
        if let Some(key) = certificates.key(sn) {
            return Ok(vec![key]);
        }
        let _fetching = certificates.fetching.lock().await;
        if let Some(key) = certificates.key(sn) {
            return Ok(vec![key]);
        }
        let now_ms = self.clock.now_ms();
        if !certificates.may_ask(sn, now_ms) {
            return Err(Unsure::Unknown(format!("signed with unknown certificate {sn:.64}")));
        }
        let fetched = self.fetch_certificate(certificates, sn).await;
        if fetched.is_err() {
            certificates.failed(sn, now_ms);
        }
        Ok(vec![fetched?])
    }

    /// `alipay.open.app.alipaycert.download`. Its answer may be signed with the very certificate
    /// it brings, which therefore must prove itself first.
    async fn fetch_certificate(
        &self,
        certificates: &Certificates,
        sn: &str,
    ) -> Answer<VerifyingKey> {
        let method = "alipay.open.app.alipaycert.download";
        let unknown = |why: String| Unsure::Unknown(format!("{method}: {why}"));
        let business = json!({ "alipay_cert_sn": sn }).to_string();
        let form = Params::from([("biz_content".to_owned(), business)]);
        let request_id = format!("{:032x}", u128::from_le_bytes(random::bytes()));
        let body = self.exchange(method, &request_id, self.common(method), form).await?;
        let envelope = Envelope::cut(&body, method).map_err(|error| unknown(error.to_string()))?;
        let node = envelope.unverified().map_err(|error| unknown(error.to_string()))?;
        let content = node["alipay_cert_content"].as_str().unwrap_or_default();
        let pem = STANDARD.decode(content).ok().and_then(|pem| String::from_utf8(pem).ok());
        let pem = pem.ok_or_else(|| unknown("no certificate".to_owned()))?;
        let key = certificates.admit(&pem, sn, self.clock.now_ms());
        let key = key.map_err(|error| unknown(error.to_string()))?;
        // What it says is proven by now; that it is an answer to us is not.
        envelope.open(&certificates.keys()).map_err(|error| unknown(error.to_string()))?;
        tracing::info!(sn, "alipay's new certificate is taken");
        Ok(key)
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

/// There is no bill (yet): looks like a system's error, and is none.
const NO_BILL: &str = "bill_not_exist";

/// Business refusals after which the deed may still have happened.
fn leaves_doubt(sub_code: &str) -> bool {
    if sub_code.to_ascii_lowercase().ends_with(NO_BILL) {
        return false;
    }
    sub_code.contains("SYSTEM_ERROR")
        || sub_code.contains("SYSTEM_BUSY")
        || sub_code.starts_with("isp.")
        || sub_code.starts_with("aop.")
}

/// A refusal with one of these codes stands for good.
pub(super) fn for_good(unsure: Unsure, codes: &[&str]) -> Unsure {
    match unsure {
        Unsure::No { code, message } if codes.contains(&code.as_str()) => {
            Unsure::Never { code, message }
        }
        other => other,
    }
}

/// Reads a yes as `T`. What cannot be read is *unknown*: something happened.
pub(super) fn read_node<T: for<'de> Deserialize<'de>>(node: Value) -> Answer<T> {
    serde_json::from_value(node).map_err(|error| {
        Unsure::Unknown(format!("incomprehensible: {}", without_value(&error.to_string())))
    })
}

#[cfg(test)]
mod tests {
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
