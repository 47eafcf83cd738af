//! Who the rider is inside `WeChat`: official accounts by OAuth, mini-programs by `wx.login`.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::client::{Wechat, incomprehensible, no_answer};
use crate::orders::{Answer, Logins, Unsure};

/// Tells the rider's `openid` and nothing else, and therefore asks the rider nothing.
const SCOPE: &str = "snsapi_base";

/// Longest answer we read, bytes.
const ANSWER_MAX_BYTES: u64 = 16 * 1024;

/// The answer to a login code. What else it carries (tokens, `session_key`) is not kept.
#[derive(Deserialize)]
struct Session {
    #[serde(default)]
    openid: String,
    #[serde(default)]
    errcode: i64,
    #[serde(default)]
    errmsg: String,
}

impl Logins for Wechat {
    fn authorize_url(&self, redirect_uri: &str, state: &str) -> String {
        let query = Serializer::new(String::new())
            .append_pair("appid", &self.config.appid)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("response_type", "code")
            .append_pair("scope", SCOPE)
            .append_pair("state", state)
            .finish();
        format!("{}?{query}#wechat_redirect", self.config.authorize_url)
    }

    fn login<'a>(&'a self, auth_code: &'a str) -> BoxFuture<'a, Answer<String>> {
        Box::pin(async move {
            let app = (self.config.appid.as_str(), self.config.app_secret.as_deref());
            self.exchange("/sns/oauth2/access_token", "code", app, auth_code).await
        })
    }

    fn shell_login<'a>(&'a self, auth_code: &'a str) -> BoxFuture<'a, Answer<String>> {
        Box::pin(async move {
            let own = self.config.mini_program.as_ref();
            let app = own.map_or_else(
                || (self.config.appid.as_str(), self.config.app_secret.as_deref()),
                |(appid, secret)| (appid.as_str(), Some(secret.as_str())),
            );
            self.exchange("/sns/jscode2session", "js_code", app, auth_code).await
        })
    }
}

impl Wechat {
    /// The rider's id for a login code, which serves once.
    async fn exchange(
        &self,
        path: &str,
        code_name: &str,
        (appid, secret): (&str, Option<&str>),
        code: &str,
    ) -> Answer<String> {
        let secret = secret.ok_or_else(|| Unsure::Never {
            code: "NOT_OFFERED".to_owned(),
            message: "no app secret is set up".to_owned(),
        })?;
        let query = Serializer::new(String::new())
            .append_pair("appid", appid)
            .append_pair("secret", secret)
            .append_pair(code_name, code)
            .append_pair("grant_type", "authorization_code")
            .finish();
        let address = format!("{}{path}?{query}", self.config.api_url);
        let answer = self.http.get(address).send().await;
        let answer = answer.map_err(|error| no_answer(&error))?;
        let status = answer.status();
        if !status.is_success() || answer.content_length().unwrap_or(0) > ANSWER_MAX_BYTES {
            return Err(Unsure::Unknown(format!("{path}: HTTP {status}")));
        }
        let body = answer.bytes().await.map_err(|error| no_answer(&error))?;
        let session: Session =
            serde_json::from_slice(&body).map_err(|error| incomprehensible(&error))?;
        let outcome = self.read_session(appid, session);
        if let Err(unsure) = &outcome {
            tracing::warn!(path, %unsure, "wechat login");
        }
        outcome
    }

    fn read_session(&self, appid: &str, session: Session) -> Answer<String> {
        match session.errcode {
            0 if !session.openid.is_empty() => Ok(self.config.buyer(appid, &session.openid)),
            // -1: busy. 45009, 45011: asked too often.
            0 | -1 | 45_009 | 45_011 => {
                Err(Unsure::Unknown(format!("{} {}", session.errcode, session.errmsg)))
            }
            code => Err(Unsure::No { code: code.to_string(), message: session.errmsg }),
        }
    }
}
