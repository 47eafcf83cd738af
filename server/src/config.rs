//! Settings of the server: what the command line says stands over the environment (clap reads
//! both), that over the file, that over the defaults. Read once at the start.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use crate::http::{Network, Rate, Rates};
use crate::misread::without_value;

mod wechat;

pub use wechat::{WechatLayer, WechatSource};

/// Where the server listens unless told otherwise.
pub const LISTEN: &str = "127.0.0.1:8080";
/// The database unless told otherwise.
pub const DATABASE_URL: &str = "sqlite://saochong.db";
/// The folder with `static/` and `pkg/`, as `cargo xtask` leaves it.
pub const ASSETS: &str = "target/site";

/// What one of the three sources says; none where it says nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Layer {
    /// Address and port to listen on.
    pub listen: Option<String>,
    /// `sqlite://FILE` or `postgres://…`.
    pub database_url: Option<String>,
    /// How the outside reaches the server.
    pub public_url: Option<String>,
    /// The folder with `static/` and `pkg/`.
    pub assets: Option<PathBuf>,
    /// Addresses or networks whose `X-Forwarded-For` counts.
    pub trusted_proxies: Option<Vec<String>>,
    /// Requests per second of one address, 0 = without limit.
    pub address_rate: Option<u32>,
    /// The merchant's app at Alipay.
    pub alipay: AlipayLayer,
    /// The merchant at `WeChat` Pay.
    pub wechat: WechatLayer,
}

/// The merchant's app at Alipay, as one source says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlipayLayer {
    /// The gateway's address; production's unless told otherwise.
    pub gateway_url: Option<String>,
    /// Where a rider's browser logs in; production's unless told otherwise.
    pub authorize_url: Option<String>,
    /// The app's id.
    pub app_id: Option<String>,
    /// The merchant's user id (2088…).
    pub seller_id: Option<String>,
    /// A file with our private key, PKCS#8 or PKCS#1.
    pub private_key_file: Option<PathBuf>,
    /// A file with Alipay's public key.
    pub public_key_file: Option<PathBuf>,
}

/// What the server runs with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The database.
    pub database_url: String,
    /// How the outside reaches the server, without a trailing slash; none = where it listens.
    pub public_url: Option<String>,
    /// The folder with `static/` and `pkg/`.
    pub assets: PathBuf,
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<Network>,
    /// How often one may ask.
    pub rates: Rates,
    /// The merchant's app at Alipay; none in a demo.
    pub alipay: Option<AlipaySource>,
    /// The merchant at `WeChat` Pay; none in a demo.
    pub wechat: Option<WechatSource>,
}

/// The merchant's app at Alipay, complete; keys stay in their files until they are needed.
#[derive(Clone, Debug)]
pub struct AlipaySource {
    /// The gateway's address; none = production's.
    pub gateway_url: Option<String>,
    /// Where a rider's browser logs in; none = production's.
    pub authorize_url: Option<String>,
    /// The app's id.
    pub app_id: String,
    /// The merchant's user id.
    pub seller_id: String,
    /// A file with our private key.
    pub private_key_file: PathBuf,
    /// A file with Alipay's public key.
    pub public_key_file: PathBuf,
}

impl Layer {
    /// What the file says; a file that is not named says nothing.
    ///
    /// # Errors
    /// It cannot be read, or says something that has no meaning here.
    pub fn of_file(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
        toml::from_str(&text).map_err(|error| {
            let wrong = what_is_wrong(&text, &error);
            anyhow!("the configuration file {} is not right: {wrong}", path.display())
        })
    }

    /// This layer, with the one below where it says nothing.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            listen: self.listen.or(below.listen),
            database_url: self.database_url.or(below.database_url),
            public_url: self.public_url.or(below.public_url),
            assets: self.assets.or(below.assets),
            trusted_proxies: self.trusted_proxies.or(below.trusted_proxies),
            address_rate: self.address_rate.or(below.address_rate),
            alipay: self.alipay.over(below.alipay),
            wechat: self.wechat.over(below.wechat),
        }
    }

    /// The settings, complete and checked.
    ///
    /// # Errors
    /// Says which setting is not right.
    pub fn finish(self) -> Result<Config> {
        let listen = self.listen.as_deref().unwrap_or(LISTEN);
        let listen: SocketAddr = listen
            .parse()
            .with_context(|| format!("listen: not an address with a port: {listen}"))?;
        let trusted_proxies = self.trusted_proxies.unwrap_or_default();
        let networks = trusted_proxies.iter().map(|text| text.parse::<Network>());
        Ok(Config {
            listen,
            database_url: self.database_url.unwrap_or_else(|| DATABASE_URL.to_owned()),
            public_url: self.public_url.as_deref().map(checked_url).transpose()?,
            assets: self.assets.unwrap_or_else(|| PathBuf::from(ASSETS)),
            trusted_proxies: networks
                .collect::<Result<_, String>>()
                .map_err(|error| anyhow::anyhow!("trusted_proxies: {error}"))?,
            rates: rates(self.address_rate),
            alipay: self.alipay.finish()?,
            wechat: self.wechat.finish()?,
        })
    }
}

impl Config {
    /// How the outside reaches a server that listens at `listen`.
    pub fn public_url(&self, listen: SocketAddr) -> String {
        self.public_url.clone().unwrap_or_else(|| public_url_of(listen))
    }
}

impl AlipayLayer {
    fn over(self, below: Self) -> Self {
        Self {
            gateway_url: self.gateway_url.or(below.gateway_url),
            authorize_url: self.authorize_url.or(below.authorize_url),
            app_id: self.app_id.or(below.app_id),
            seller_id: self.seller_id.or(below.seller_id),
            private_key_file: self.private_key_file.or(below.private_key_file),
            public_key_file: self.public_key_file.or(below.public_key_file),
        }
    }

    fn finish(self) -> Result<Option<AlipaySource>> {
        let given = (self.app_id, self.seller_id, self.private_key_file, self.public_key_file);
        match given {
            (None, None, None, None) => Ok(None),
            (Some(app_id), Some(seller_id), Some(private_key_file), Some(public_key_file)) => {
                Ok(Some(AlipaySource {
                    gateway_url: self.gateway_url,
                    authorize_url: self.authorize_url,
                    app_id,
                    seller_id,
                    private_key_file,
                    public_key_file,
                }))
            }
            _ => bail!(
                "alipay: app_id, seller_id, private_key_file and public_key_file belong together"
            ),
        }
    }
}

/// Where a file is wrong, and why, without its values: one of them may be a key.
fn what_is_wrong(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    format!("line {line}: {}", without_value(error.message()))
}

/// The origin only: pages and notifies hang below its root.
fn checked_url(text: &str) -> Result<String> {
    let url = url::Url::parse(text).context("public_url: not a URL")?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    if !is_web || url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        bail!("public_url: must be http(s)://host[:port] and nothing more");
    }
    Ok(url.origin().ascii_serialization())
}

/// Where a browser on this machine finds a server that listens there.
fn public_url_of(listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        format!("http://127.0.0.1:{}", listen.port())
    } else {
        format!("http://{listen}")
    }
}

fn rates(address: Option<u32>) -> Rates {
    let rates = Rates::default();
    match address {
        Some(per_second) => {
            let address = Rate { per_second, burst: per_second.saturating_mul(2) };
            Rates { address, ..rates }
        }
        None => rates,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(text: &str) -> Layer {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_stands_above_wins() {
        let above = layer("listen = '0.0.0.0:9'");
        let below = layer("listen = '0.0.0.0:7'\ndatabase_url = 'sqlite://x'");
        let config = above.over(below).finish().unwrap();
        assert_eq!(config.listen.port(), 9);
        assert_eq!(config.database_url, "sqlite://x");
        assert_eq!(config.public_url(config.listen), "http://127.0.0.1:9");
    }

    #[test]
    fn the_public_address_is_an_origin() {
        let url = |text: &str| layer(&format!("public_url = '{text}'")).finish();
        let good = url("https://Charge.Example/").unwrap();
        assert_eq!(good.public_url.unwrap(), "https://charge.example");
        for bad in ["charge.example", "ftp://a", "https://a/b", "https://a/?b", "https://a/#b"] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn half_an_alipay_app_is_refused() {
        let half = layer("[alipay]\napp_id = '1'").finish();
        assert!(half.unwrap_err().to_string().starts_with("alipay:"));
        assert!(toml::from_str::<Layer>("[alipay]\napp = '1'").is_err());
    }
}
