//! Who takes the money: Alipay, the demo's simulated Alipay, or nobody.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use tracing::warn;
use wasm_core::order::Channel;

use crate::clock::Clock;
use crate::config::{AlipaySource, AlipayTrust};
use crate::demo::alipay::Platform;
use crate::http::App;
use crate::orders::{self, Logins, Platforms};
use crate::payments::alipay::{
    Alipay, AlipayConfig, AlipaySettings, HoldTerms, Notifies, PRODUCTION_AUTHORIZE,
    PRODUCTION_GATEWAY, TrustSettings, notify,
};
use crate::store::Store;

/// The payment platform, and in a demo its other side too.
pub(super) enum Paying {
    /// None is configured.
    Nobody,
    /// Alipay.
    Alipay(Arc<Alipay>),
    /// The same adapter against the simulated gateway.
    Demo(Arc<Alipay>, Platform),
}

impl Paying {
    /// As configured.
    pub(super) fn of(
        source: Option<&AlipaySource>,
        clock: &Clock,
        public_url: &str,
    ) -> Result<Self> {
        let Some(source) = source else {
            warn!("no payment platform is configured: riders cannot pay");
            return Ok(Self::Nobody);
        };
        let settings = AlipaySettings {
            gateway_url: source.gateway_url.clone().unwrap_or_else(|| PRODUCTION_GATEWAY.into()),
            authorize_url: source
                .authorize_url
                .clone()
                .unwrap_or_else(|| PRODUCTION_AUTHORIZE.into()),
            app_id: source.app_id.clone(),
            seller_id: source.seller_id.clone(),
            private_key: key(&source.private_key_file)?,
            trust: trust(&source.trust)?,
            hold: HoldTerms {
                category: source.hold_category.clone(),
                service_id: source.hold_service_id.clone(),
            },
        };
        let config = AlipayConfig::new(&settings, public_url, clock.now_ms())
            .context("alipay: a key or certificate is wrong")?;
        Ok(Self::Alipay(Arc::new(Alipay::new(config, clock.clone())?)))
    }

    /// The simulated platform within this server.
    pub(super) async fn demo(
        store: &Store,
        clock: &Clock,
        public_url: &str,
        loopback_url: &str,
    ) -> Result<Self> {
        let (platform, config) =
            Platform::open(store.clone(), clock.clone(), public_url, loopback_url)
                .await
                .context("cannot open the simulated payment platform")?;
        Ok(Self::Demo(Arc::new(Alipay::new(config, clock.clone())?), platform))
    }

    /// The platforms as orders see them.
    pub(super) fn platforms(&self) -> Platforms {
        let (Self::Alipay(alipay) | Self::Demo(alipay, _)) = self else {
            return Platforms::default();
        };
        let platform = orders::Platform {
            logins: self.logins(),
            holds: Some(alipay.clone()),
            splits: Some(alipay.clone()),
            bills: Some(alipay.clone()),
            ..orders::Platform::of(alipay.clone())
        };
        Platforms::default().with(Channel::Alipay, platform)
    }

    /// Who tells who a rider is at the platform.
    pub(super) fn logins(&self) -> Option<Arc<dyn Logins>> {
        match self {
            Self::Nobody => None,
            Self::Alipay(alipay) | Self::Demo(alipay, _) => Some(Arc::clone(alipay) as _),
        }
    }

    /// Where forms may lead.
    pub(super) fn origins(&self) -> Vec<String> {
        let (Self::Alipay(alipay) | Self::Demo(alipay, _)) = self else { return Vec::new() };
        let config = alipay.config();
        let mut origins: Vec<String> = [&config.page_url, &config.authorize_url]
            .into_iter()
            .filter_map(|url| form_origins(url))
            .collect();
        origins.dedup();
        origins
    }

    /// Notifies, and in a demo the gateway and its cashier.
    pub(super) fn routes(&self, app: &App) -> Vec<Router<App>> {
        let (Self::Alipay(alipay) | Self::Demo(alipay, _)) = self else { return Vec::new() };
        let notifies = Notifies {
            config: Arc::clone(alipay.config()),
            listener: Arc::new(app.orders.clone()),
            store: app.store.clone(),
            clock: app.clock.clone(),
        };
        let mut routes = vec![notify::router(notifies).with_state(())];
        if let Self::Demo(_, platform) = self {
            routes.push(platform.router().with_state(()));
        }
        routes
    }

    /// Takes up the notifies that a restart interrupted; once the server listens.
    pub(super) async fn resume(&self) -> Result<()> {
        let Self::Demo(_, platform) = self else { return Ok(()) };
        platform.resume().await.context("cannot take up the simulated notifies")
    }
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

fn trust(files: &AlipayTrust) -> Result<TrustSettings> {
    Ok(match files {
        AlipayTrust::PublicKey { current, next } => TrustSettings::PublicKey {
            current: key(current)?,
            next: next.as_deref().map(key).transpose()?,
        },
        AlipayTrust::Certificates { app, roots, alipay } => TrustSettings::Certificates {
            app: key(app)?,
            roots: key(roots)?,
            alipay: key(alipay)?,
        },
    })
}

fn key(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("alipay: cannot read {}", file.display()))
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
