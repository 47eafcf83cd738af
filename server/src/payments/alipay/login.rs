//! Who the rider is inside Alipay's app.

use futures_util::future::BoxFuture;
use serde::Deserialize;

use super::client::{Alipay, read_node};
use super::sign::{self, Params};
use crate::orders::{Answer, Logins, Unsure};

/// Older apps get `user_id`, newer ones `open_id`.
#[derive(Deserialize)]
struct Token {
    open_id: Option<String>,
    user_id: Option<String>,
}

/// Tells the rider's id and nothing else, and therefore asks the rider nothing.
const SCOPE: &str = "auth_base";

impl Logins for Alipay {
    fn authorize_url(&self, redirect_uri: &str, state: &str) -> String {
        let pairs = [
            ("app_id", self.config.app_id.as_str()),
            ("scope", SCOPE),
            ("redirect_uri", redirect_uri),
            ("state", state),
        ];
        let params: Params =
            pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        format!("{}?{}", self.config.authorize_url, sign::encode(&params))
    }

    fn login<'a>(&'a self, auth_code: &'a str) -> BoxFuture<'a, Answer<String>> {
        Box::pin(Alipay::login(self, auth_code))
    }
}

impl Alipay {
    /// `alipay.system.oauth.token`: the buyer's `open_id` (or user id) for a login code, which
    /// serves once. The token that comes with it is not kept.
    pub async fn login(&self, auth_code: &str) -> Answer<String> {
        let method = "alipay.system.oauth.token";
        // These parameters are the protocol's own, outside `biz_content`.
        let form = Params::from([
            ("grant_type".to_owned(), "authorization_code".to_owned()),
            ("code".to_owned(), auth_code.to_owned()),
        ]);
        let token: Token = read_node(self.call_with(method, self.common(method), form).await?)?;
        let id = token.open_id.or(token.user_id).filter(|id| !id.is_empty());
        id.ok_or_else(|| Unsure::Unknown(format!("{method}: no open_id")))
    }
}
