//! Who takes the money: Alipay, `WeChat` Pay, both, the demo's simulated ones, or nobody.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use tracing::warn;
use wasm_core::order::Channel;

use crate::clock::Clock;
use crate::config::{AlipaySource, Config, WechatSource};
use crate::demo;
use crate::http::App;
use crate::orders::{Platform, Platforms};
use crate::payments::alipay::{
    self, Alipay, AlipayConfig, AlipaySettings, PRODUCTION_AUTHORIZE, PRODUCTION_GATEWAY,
};
use crate::payments::wechat::{
    self, PayScoreSettings, PlatformKeySettings, Wechat, WechatConfig, WechatSettings,
};
use crate::store::Store;

/// The payment platforms that are set up, and in a demo their other side too.
#[derive(Default)]
pub(super) struct Paying {
    alipay: Option<Arc<Alipay>>,
    wechat: Option<Wechat>,
    demo: Option<Demo>,
}

/// The simulated platforms.
struct Demo {
    alipay: demo::alipay::Platform,
    wechat: demo::wechat::Platform,
}

impl Paying {
    /// As configured.
    pub(super) fn of(config: &Config, clock: &Clock, public_url: &str) -> Result<Self> {
        let alipay = config.alipay.as_ref().map(|source| alipay(source, clock, public_url));
        let wechat = config.wechat.as_ref().map(|source| wechat(source, clock, public_url));
        let paying = Self {
            alipay: alipay.transpose()?.map(Arc::new),
            wechat: wechat.transpose()?,
            demo: None,
        };
        if paying.alipay.is_none() && paying.wechat.is_none() {
            warn!("no payment platform is configured: riders cannot pay");
        }
        Ok(paying)
    }

    /// The simulated platforms within this server.
    pub(super) async fn demo(
        store: &Store,
        clock: &Clock,
        public_url: &str,
        loopback_url: &str,
    ) -> Result<Self> {
        let (at, now) = (store.clone(), clock.clone());
        let opened = demo::alipay::Platform::open(at, now, public_url, loopback_url);
        let (alipay, alipay_config) = opened.await.context("cannot open the simulated Alipay")?;
        let (at, now) = (store.clone(), clock.clone());
        let opened = demo::wechat::Platform::open(at, now, public_url, loopback_url);
        let (wechat, known) = opened.await.context("cannot open the simulated WeChat Pay")?;
        // The simulated platform reports over the loopback, as it is called.
        let wechat_config = WechatConfig::new(&known.settings(), loopback_url)?;
        Ok(Self {
            alipay: Some(Arc::new(Alipay::new(alipay_config, clock.clone())?)),
            wechat: Some(Wechat::new(wechat_config, clock.clone())?),
            demo: Some(Demo { alipay, wechat }),
        })
    }

    /// The platforms as orders see them.
    pub(super) fn platforms(&self) -> Platforms {
        let mut platforms = Platforms::default();
        if let Some(alipay) = &self.alipay {
            let platform =
                Platform { logins: Some(alipay.clone()), ..Platform::of(alipay.clone()) };
            platforms = platforms.with(Channel::Alipay, platform);
        }
        if let Some(wechat) = &self.wechat {
            platforms = platforms.with(Channel::Wechat, wechat_platform(wechat));
        }
        platforms
    }

    /// Where forms may lead.
    pub(super) fn origins(&self) -> Vec<String> {
        let mut addresses = Vec::new();
        if let Some(alipay) = &self.alipay {
            let config = alipay.config();
            addresses.extend([config.page_url.clone(), config.authorize_url.clone()]);
        }
        if let Some(wechat) = &self.wechat {
            addresses.push(wechat.config().authorize_url.clone());
            addresses.push(WECHAT_BROWSER_CASHIER.to_owned());
        }
        let mut origins: Vec<String> =
            addresses.iter().filter_map(|url| form_origins(url)).collect();
        origins.sort();
        origins.dedup();
        origins
    }

    /// Notifies, and in a demo the gateways and their cashiers.
    pub(super) fn routes(&self, app: &App) -> Vec<Router<App>> {
        let mut routes = Vec::new();
        if let Some(alipay) = &self.alipay {
            let notifies = alipay::Notifies {
                config: Arc::clone(alipay.config()),
                listener: Arc::new(app.orders.clone()),
                store: app.store.clone(),
                clock: app.clock.clone(),
            };
            routes.push(alipay::notify::router(notifies).with_state(()));
        }
        if let Some(wechat) = &self.wechat {
            let notifies = wechat::Notifies {
                wechat: wechat.clone(),
                listener: Arc::new(app.orders.clone()),
                store: app.store.clone(),
            };
            routes.push(wechat::notify::router(notifies).with_state(()));
        }
        if let Some(demo) = &self.demo {
            let (alipay, wechat) = (&demo.alipay, &demo.wechat);
            routes.push(alipay.router().with_state(()));
            routes.push(wechat.router().with_state(()));
            routes.push(demo::faults::router(alipay.clone(), wechat.clone()).with_state(()));
        }
        routes
    }

    /// Takes up the notifies that a restart interrupted; once the server listens.
    pub(super) async fn resume(&self) -> Result<()> {
        let Some(demo) = &self.demo else { return Ok(()) };
        let context = "cannot take up the simulated notifies";
        demo.alipay.resume().await.context(context)?;
        demo.wechat.resume().await.context(context)
    }
}

/// Where `WeChat` Pay sends a phone's browser on the way to its cashier.
const WECHAT_BROWSER_CASHIER: &str = "https://wx.tenpay.com";

/// What `WeChat` Pay can do for this merchant.
fn wechat_platform(wechat: &Wechat) -> Platform {
    let shared = Arc::new(wechat.clone());
    let config = wechat.config();
    let logs_in = config.app_secret.is_some();
    Platform {
        logins: logs_in.then(|| Arc::clone(&shared) as _),
        holds: config.pay_score.is_some().then(|| Arc::clone(&shared) as _),
        splits: config.profit_sharing.then(|| Arc::clone(&shared) as _),
        bills: Some(Arc::clone(&shared) as _),
        ..Platform::of(shared)
    }
}

fn alipay(source: &AlipaySource, clock: &Clock, public_url: &str) -> Result<Alipay> {
    let settings = AlipaySettings {
        gateway_url: source.gateway_url.clone().unwrap_or_else(|| PRODUCTION_GATEWAY.into()),
        authorize_url: source.authorize_url.clone().unwrap_or_else(|| PRODUCTION_AUTHORIZE.into()),
        app_id: source.app_id.clone(),
        seller_id: source.seller_id.clone(),
        private_key: secret("alipay private_key_file", &source.private_key_file)?,
        alipay_public_key: secret("alipay public_key_file", &source.public_key_file)?,
    };
    let config = AlipayConfig::new(&settings, public_url).context("alipay: a key is wrong")?;
    Ok(Alipay::new(config, clock.clone())?)
}

fn wechat(source: &WechatSource, clock: &Clock, public_url: &str) -> Result<Wechat> {
    let pair = |given: &Option<(String, PathBuf)>, setting| match given {
        Some((id, file)) => Ok::<_, anyhow::Error>(Some((id.clone(), secret(setting, file)?))),
        None => Ok(None),
    };
    let app_secret = source.app_secret_file.as_deref();
    let app_secret = app_secret.map(|file| secret("wechat app_secret_file", file)).transpose()?;
    let pay_score = pair(&source.pay_score, "wechat api_v2_key_file")?;
    let settings = WechatSettings {
        base_url: source.base_url.clone(),
        api_url: source.api_url.clone(),
        authorize_url: source.authorize_url.clone(),
        mchid: source.mchid.clone(),
        appid: source.appid.clone(),
        app_secret,
        mini_program: pair(&source.mini_program, "wechat mini_secret_file")?,
        serial_no: source.serial_no.clone(),
        private_key: secret("wechat private_key_file", &source.private_key_file)?,
        api_v3_key: secret("wechat api_v3_key_file", &source.api_v3_key_file)?,
        platform: PlatformKeySettings {
            public_key: pair(&source.public_key, "wechat public_key_file")?,
            certificates: source.platform_certificates,
        },
        pay_score: pay_score
            .map(|(service_id, api_v2_key)| PayScoreSettings { service_id, api_v2_key }),
        profit_sharing: source.profit_sharing,
    };
    let config = WechatConfig::new(&settings, public_url).context("wechat")?;
    Ok(Wechat::new(config, clock.clone())?)
}

/// The origins that a form may pass on its way, for the address it goes to. Alipay's gateway sends
/// the browser on to its cashier on another host, and browsers hold each redirect of a form against
/// the policy: so for a name it is the whole domain, and the origin alone for an address.
fn form_origins(address: &str) -> Option<String> {
    let url = url::Url::parse(address).ok()?;
    let labels: Vec<&str> = url.domain().unwrap_or_default().rsplit('.').collect();
    match labels.as_slice() {
        [top, name, _, ..] => Some(format!("{}://*.{name}.{top}", url.scheme())),
        _ => Some(url.origin().ascii_serialization()),
    }
}

/// A secret's text. The file's name stays out of the message: people paste the secret itself there.
fn secret(setting: &str, file: &Path) -> Result<String> {
    let text = fs::read_to_string(file);
    let text = text.with_context(|| format!("{setting}: cannot read the file it names"))?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::form_origins;

    #[test]
    fn a_form_may_pass_all_of_the_platforms_own_hosts() {
        let origins = |address| form_origins(address).unwrap();
        assert_eq!(origins("https://openapi.alipay.com/gateway.do"), "https://*.alipay.com");
        assert_eq!(origins("http://127.0.0.1:8080/demo/x"), "http://127.0.0.1:8080");
        assert_eq!(origins("http://localhost:8080/demo/x"), "http://localhost:8080");
        assert_eq!(origins("https://charge.example/demo/x"), "https://charge.example");
    }
}
