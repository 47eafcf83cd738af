//! The merchant at `WeChat` Pay, as the configuration says it. Keys stay in their files until they
//! are needed.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde::Deserialize;

/// The merchant at `WeChat` Pay, as one source says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WechatLayer {
    /// `WeChat` Pay's address; production's unless told otherwise.
    pub base_url: Option<String>,
    /// Where login codes are exchanged; production's unless told otherwise.
    pub api_url: Option<String>,
    /// Where a rider's browser logs in; production's unless told otherwise.
    pub authorize_url: Option<String>,
    /// The merchant's number.
    pub mchid: Option<String>,
    /// The official account or mini-program that payments belong to.
    pub appid: Option<String>,
    /// A file with its secret, for logins.
    pub app_secret_file: Option<PathBuf>,
    /// The mini-program's id, if it is another app.
    pub mini_appid: Option<String>,
    /// A file with the mini-program's secret.
    pub mini_secret_file: Option<PathBuf>,
    /// The serial number of the merchant's API certificate.
    pub serial_no: Option<String>,
    /// A file with the private key of that certificate, PKCS#8 or PKCS#1.
    pub private_key_file: Option<PathBuf>,
    /// A file with the `APIv3` key.
    pub api_v3_key_file: Option<PathBuf>,
    /// The id of `WeChat` Pay's public key (`PUB_KEY_ID_…`).
    pub public_key_id: Option<String>,
    /// A file with `WeChat` Pay's public key.
    pub public_key_file: Option<PathBuf>,
    /// Whether platform certificates are believed too; if not told, only without a public key.
    pub platform_certificates: Option<bool>,
    /// The service id of pay score.
    pub score_service_id: Option<String>,
    /// A file with the `APIv2` key, which pay score needs.
    pub api_v2_key_file: Option<PathBuf>,
    /// Whether payments are kept back for profit sharing; no unless told otherwise.
    pub profit_sharing: Option<bool>,
}

/// The merchant at `WeChat` Pay, complete.
#[derive(Clone, Debug)]
pub struct WechatSource {
    /// `WeChat` Pay's address; none = production's.
    pub base_url: Option<String>,
    /// Where login codes are exchanged; none = production's.
    pub api_url: Option<String>,
    /// Where a rider's browser logs in; none = production's.
    pub authorize_url: Option<String>,
    /// The merchant's number.
    pub mchid: String,
    /// The official account or mini-program that payments belong to.
    pub appid: String,
    /// A file with its secret.
    pub app_secret_file: Option<PathBuf>,
    /// The mini-program's id, and a file with its secret, if it is another app.
    pub mini_program: Option<(String, PathBuf)>,
    /// The serial number of the merchant's API certificate.
    pub serial_no: String,
    /// A file with the private key of that certificate.
    pub private_key_file: PathBuf,
    /// A file with the `APIv3` key.
    pub api_v3_key_file: PathBuf,
    /// `WeChat` Pay's public key: its id, and a file with it.
    pub public_key: Option<(String, PathBuf)>,
    /// Whether platform certificates are believed.
    pub platform_certificates: bool,
    /// Pay score: the service's id, and a file with the `APIv2` key.
    pub pay_score: Option<(String, PathBuf)>,
    /// Whether payments are kept back for profit sharing.
    pub profit_sharing: bool,
}

impl WechatLayer {
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            base_url: self.base_url.or(below.base_url),
            api_url: self.api_url.or(below.api_url),
            authorize_url: self.authorize_url.or(below.authorize_url),
            mchid: self.mchid.or(below.mchid),
            appid: self.appid.or(below.appid),
            app_secret_file: self.app_secret_file.or(below.app_secret_file),
            mini_appid: self.mini_appid.or(below.mini_appid),
            mini_secret_file: self.mini_secret_file.or(below.mini_secret_file),
            serial_no: self.serial_no.or(below.serial_no),
            private_key_file: self.private_key_file.or(below.private_key_file),
            api_v3_key_file: self.api_v3_key_file.or(below.api_v3_key_file),
            public_key_id: self.public_key_id.or(below.public_key_id),
            public_key_file: self.public_key_file.or(below.public_key_file),
            platform_certificates: self.platform_certificates.or(below.platform_certificates),
            score_service_id: self.score_service_id.or(below.score_service_id),
            api_v2_key_file: self.api_v2_key_file.or(below.api_v2_key_file),
            profit_sharing: self.profit_sharing.or(below.profit_sharing),
        }
    }

    pub(super) fn finish(self) -> Result<Option<WechatSource>> {
        let given =
            (self.mchid, self.appid, self.serial_no, self.private_key_file, self.api_v3_key_file);
        let (mchid, appid, serial_no, private_key_file, api_v3_key_file) = match given {
            (None, None, None, None, None) => return Ok(None),
            (Some(mchid), Some(appid), Some(serial_no), Some(key), Some(api_v3_key)) => {
                (mchid, appid, serial_no, key, api_v3_key)
            }
            _ => bail!(
                "wechat: mchid, appid, serial_no, private_key_file and api_v3_key_file belong \
                 together"
            ),
        };
        let names = "public_key_id and public_key_file";
        let public_key = both(self.public_key_id, self.public_key_file, names)?;
        Ok(Some(WechatSource {
            base_url: self.base_url,
            api_url: self.api_url,
            authorize_url: self.authorize_url,
            mchid,
            appid,
            app_secret_file: self.app_secret_file,
            mini_program: both(
                self.mini_appid,
                self.mini_secret_file,
                "mini_appid and mini_secret_file",
            )?,
            serial_no,
            private_key_file,
            api_v3_key_file,
            platform_certificates: self.platform_certificates.unwrap_or(public_key.is_none()),
            public_key,
            pay_score: both(
                self.score_service_id,
                self.api_v2_key_file,
                "score_service_id and api_v2_key_file",
            )?,
            profit_sharing: self.profit_sharing.unwrap_or_default(),
        }))
    }
}

fn both<A, B>(left: Option<A>, right: Option<B>, names: &str) -> Result<Option<(A, B)>> {
    match (left, right) {
        (Some(left), Some(right)) => Ok(Some((left, right))),
        (None, None) => Ok(None),
        _ => bail!("wechat: {names} belong together"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "mchid = '1'\nappid = 'wx1'\nserial_no = 'A'\n\
                         private_key_file = 'a'\napi_v3_key_file = 'b'\n";

    fn finish(text: &str) -> Result<Option<WechatSource>> {
        toml::from_str::<WechatLayer>(text).unwrap().finish()
    }

    #[test]
    fn half_a_merchant_is_refused() {
        assert!(finish("").unwrap().is_none());
        for half in [
            "mchid = '1'".to_owned(),
            format!("{WHOLE}public_key_id = 'PUB_KEY_ID_1'"),
            format!("{WHOLE}mini_appid = 'wx2'"),
            format!("{WHOLE}score_service_id = '1'"),
        ] {
            assert!(finish(&half).unwrap_err().to_string().starts_with("wechat:"), "{half}");
        }
        assert!(toml::from_str::<WechatLayer>("app = '1'").is_err());
    }

    #[test]
    fn certificates_are_used_where_no_public_key_is() {
        assert!(finish(WHOLE).unwrap().unwrap().platform_certificates);
        let key = format!("{WHOLE}public_key_id = 'P'\npublic_key_file = 'c'\n");
        assert!(!finish(&key).unwrap().unwrap().platform_certificates);
        let both = format!("{key}platform_certificates = true");
        assert!(finish(&both).unwrap().unwrap().platform_certificates);
    }
}
