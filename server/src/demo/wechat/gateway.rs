//! `/v3/`: verifies what the merchant sends, lets the rules decide, signs the answer.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Value, json};

use super::faults::AnswerFault;
use super::platform::{MCHID, Platform, lock};
use super::reply::{Failure, Refusal, Reply, bad, demand, no};
use crate::random;

const BODY_MAX_BYTES: usize = 64 * 1024;

/// How far a request's time may be from the platform's: five minutes.
pub(super) const TIMESTAMP_TOLERANCE_S: i64 = 300;

/// How long an answer or notify that is too old lies back, in seconds.
pub(super) const OLD_S: i64 = 600;

const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048 ";

/// What a careless merchant would take for a no.
const UNSIGNED_ERROR: &str = r#"{"code":"ORDER_NOT_EXIST","message":"订单不存在"}"#;

pub(super) fn router(platform: Platform) -> Router {
    Router::new()
        .route("/v3/{*path}", any(receive))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .with_state(platform)
}

/// A verified request.
pub(super) struct Call<'a> {
    pub(super) body: Value,
    query: Vec<(String, String)>,
    /// Names the key that encrypted fields are for, and that shall sign the answer.
    pub(super) serial: &'a str,
}

impl Call<'_> {
    /// A parameter of the query; the empty text if it is not there.
    pub(super) fn query(&self, name: &str) -> &str {
        self.query.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

async fn receive(
    State(platform): State<Platform>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let serial = header_text(&headers, "wechatpay-serial");
    let reply = match platform.carry_out(&method, &uri, &headers, &body).await {
        Ok(reply) => reply,
        Err(Failure::Refused(refusal)) => refusal.into_reply(),
        Err(Failure::Store(error)) => {
            tracing::error!(%error, path = uri.path(), "simulated wechat pay");
            no(500, "SYSTEM_ERROR", "系统异常，请稍后重试").into_reply()
        }
    };
    platform.answer(serial, reply).await
}

pub(super) fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

impl Platform {
    async fn carry_out(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Reply, Failure> {
        self.authenticate(method, uri, headers, body)?;
        let query = url::form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
        let body = match body {
            b"" => Value::Null,
            body => serde_json::from_slice(body).map_err(|_| bad("请求体不是 JSON"))?,
        };
        let call = Call {
            body,
            query: query.into_owned().collect(),
            serial: header_text(headers, "wechatpay-serial"),
        };
        let _changing = self.inner.changing.lock().await;
        self.dispatch(method.as_str(), uri.path(), &call).await
    }

    async fn dispatch(&self, method: &str, path: &str, call: &Call<'_>) -> Result<Reply, Failure> {
        let parts: Vec<&str> = path.trim_start_matches("/v3/").split('/').collect();
        match (method, parts.as_slice()) {
            ("POST" | "GET", ["pay", "transactions", rest @ ..]) => {
                self.transactions(method, rest, call).await
            }
            ("POST", ["refund", "domestic", "refunds"]) => self.refund(call).await,
            ("GET", ["refund", "domestic", "refunds", number]) => self.query_refund(number).await,
            (_, ["profitsharing", rest @ ..]) => self.sharing(method, rest, call).await,
            (_, ["payscore", "serviceorder", rest @ ..]) => self.score(method, rest, call).await,
            ("GET", ["bill", "tradebill"]) => self.trade_bill(call).await,
            ("GET", ["billdownload", "file"]) => self.bill_file(call).await,
            ("GET", ["certificates"]) => Ok(self.certificate_list()),
            _ => Err(unknown().into()),
        }
    }

    /// Checks who asks: signature, time, nonce.
    fn authenticate(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), Refusal> {
        let refused = |message| no(401, "SIGN_ERROR", message);
        let authorization = header_text(headers, "authorization");
        let fields = authorization
            .strip_prefix(SCHEME)
            .and_then(fields)
            .ok_or(refused("Http头Authorization值格式错误"))?;
        let get = |name: &str| {
            let mut named = fields.iter().filter(|(known, _)| *known == name);
            named.next().map_or("", |(_, value)| value)
        };
        let faults = self.faults();
        let keys = &self.inner.keys;
        demand(get("mchid") == MCHID, refused("商户号错误"))?;
        let serial_known = get("serial_no") == keys.merchant_serial && !faults.merchant_revoked;
        demand(serial_known, refused("商户证书序列号有误"))?;
        let now_s = self.now_ms() / 1_000;
        let at_s = get("timestamp").parse::<i64>().unwrap_or(0);
        let on_time = at_s.abs_diff(now_s) <= TIMESTAMP_TOLERANCE_S.unsigned_abs();
        demand(on_time, refused("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"))?;
        let nonce = get("nonce_str");
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let mut text = format!("{method}\n{target}\n{}\n{nonce}\n", get("timestamp")).into_bytes();
        text.extend_from_slice(body);
        text.push(b'\n');
        let signed = !nonce.is_empty() && self.inner.merchant.verify(&text, get("signature"));
        demand(signed, refused("错误的签名，验签失败"))?;
        demand(self.is_new(nonce, at_s, now_s), refused("nonce_str 重复"))
    }

    /// Whether a nonce was not seen within the time in which its signature would be good.
    fn is_new(&self, nonce: &str, at_s: i64, now_s: i64) -> bool {
        let mut nonces = lock(&self.inner.nonces);
        nonces.retain(|_, at_s| at_s.abs_diff(now_s) <= 2 * TIMESTAMP_TOLERANCE_S.unsigned_abs());
        nonces.insert(nonce.to_owned(), at_s).is_none()
    }

    /// `GET /v3/certificates`: every one that is valid, wrapped.
    fn certificate_list(&self) -> Reply {
        let now_ms = self.now_ms();
        let data: Vec<Value> = self
            .certificates()
            .iter()
            .filter(|certificate| now_ms < certificate.until_ms)
            .map(|certificate| {
                let (nonce, ciphertext) =
                    super::keys::seal(&self.inner.keys.api_v3, &certificate.pem, "certificate");
                json!({
                    "serial_no": certificate.serial,
                    "effective_time": super::time::rfc3339(certificate.from_ms),
                    "expire_time": super::time::rfc3339(certificate.until_ms),
                    "encrypt_certificate": {
                        "algorithm": "AEAD_AES_256_GCM",
                        "nonce": nonce,
                        "associated_data": "certificate",
                        "ciphertext": ciphertext,
                    },
                })
            })
            .collect();
        Reply::ok(&json!({ "data": data }))
    }

    /// Signs an answer and sends it, or does to it what the faults say.
    async fn answer(&self, serial: &str, reply: Reply) -> Response {
        let fault = self.faults().answer;
        match fault {
            AnswerFault::Silence => std::future::pending().await,
            AnswerFault::BadGateway => return StatusCode::BAD_GATEWAY.into_response(),
            AnswerFault::UnsignedError => {
                let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
                return (StatusCode::NOT_FOUND, json, UNSIGNED_ERROR).into_response();
            }
            _ => {}
        }
        let mut reply = match fault {
            AnswerFault::SystemError => no(500, "SYSTEM_ERROR", "系统异常").into_reply(),
            _ => reply,
        };
        let old_s = if fault == AnswerFault::Old { OLD_S } else { 0 };
        let mut headers =
            self.signature(serial, &reply.body, old_s, fault == AnswerFault::OtherKey);
        if reply.is_file {
            headers.clear();
        }
        match fault {
            AnswerFault::Truncated => reply.body.truncate(reply.body.len() / 2),
            AnswerFault::Altered => reply.body.push(b' '),
            _ => {}
        }
        let kind = if reply.is_file { "text/plain" } else { "application/json; charset=utf-8" };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        put(&mut headers, "request-id", &random::base32::<32>());
        let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
        (status, headers, reply.body).into_response()
    }

    /// The `Wechatpay-*` headers of a body; `old_s` seconds too late, by a stranger if so wanted.
    pub(super) fn signature(
        &self,
        serial: &str,
        body: &[u8],
        old_s: i64,
        by_stranger: bool,
    ) -> HeaderMap {
        let timestamp = self.now_ms() / 1_000 - old_s;
        let nonce = random::base32::<32>();
        let text = [format!("{timestamp}\n{nonce}\n").as_bytes(), body, b"\n"].concat();
        let (serial, mut signature) = self.sign(serial, &text);
        if by_stranger {
            signature = self.inner.stranger.sign(&text);
        }
        let mut headers = HeaderMap::new();
        put(&mut headers, "wechatpay-timestamp", &timestamp.to_string());
        put(&mut headers, "wechatpay-nonce", &nonce);
        put(&mut headers, "wechatpay-serial", &serial);
        put(&mut headers, "wechatpay-signature", &signature);
        put(&mut headers, "wechatpay-signature-type", "WECHATPAY2-SHA256-RSA2048");
        headers
    }
}

pub(super) fn unknown() -> Refusal {
    no(404, "RESOURCE_NOT_EXISTS", "无此接口或资源")
}

/// Writes a header of plain ASCII.
pub(super) fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).expect("numbers, base64 and base32 are ASCII");
    headers.insert(name, value);
}

/// Reads `name="value"` pairs.
fn fields(text: &str) -> Option<Vec<(&str, &str)>> {
    text.split(',')
        .map(|field| {
            let (name, value) = field.trim().split_once('=')?;
            Some((name, value.strip_prefix('"')?.strip_suffix('"')?))
        })
        .collect()
}
