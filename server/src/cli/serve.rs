//! `saochong serve`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use server::config::{AlipayLayer, Layer};
use server::demo::seed::{Seeded, SeededStation};
use server::serve::{self, Ready};

use super::wechat::WechatArgs;
use super::{Common, output};

#[derive(Args)]
pub struct ServeArgs {
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, env = "SAOCHONG_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,
    /// Run the simulated world: sites, stations, payment platform
    #[arg(long, env = "SAOCHONG_DEMO", value_parser = FalseyValueParser::new())]
    demo: bool,
    /// The folder with static/ and pkg/ [default: target/site]
    #[arg(long, env = "SAOCHONG_ASSETS", value_name = "FOLDER")]
    assets: Option<PathBuf>,
    /// Proxies whose X-Forwarded-For counts: addresses or networks
    #[arg(long, env = "SAOCHONG_TRUSTED_PROXIES", value_delimiter = ',', value_name = "NETWORKS")]
    trusted_proxies: Option<Vec<String>>,
    /// Requests per second of one address; 0 = without limit [default: 500]
    #[arg(long, env = "SAOCHONG_ADDRESS_RATE", value_name = "NUMBER")]
    address_rate: Option<u32>,
    #[command(flatten)]
    alipay: AlipayArgs,
    #[command(flatten)]
    wechat: WechatArgs,
}

/// The merchant's app at Alipay.
#[derive(Args)]
struct AlipayArgs {
    /// Alipay's gateway [default: production's]
    #[arg(
        id = "alipay-gateway-url",
        long = "alipay-gateway-url",
        env = "SAOCHONG_ALIPAY_GATEWAY_URL",
        value_name = "URL"
    )]
    gateway_url: Option<String>,
    /// Where a rider's browser logs in at Alipay [default: production's]
    #[arg(
        id = "alipay-authorize-url",
        long = "alipay-authorize-url",
        env = "SAOCHONG_ALIPAY_AUTHORIZE_URL",
        value_name = "URL"
    )]
    authorize_url: Option<String>,
    /// The app's id at Alipay
    #[arg(
        id = "alipay-app-id",
        long = "alipay-app-id",
        env = "SAOCHONG_ALIPAY_APP_ID",
        value_name = "ID"
    )]
    app_id: Option<String>,
    /// The merchant's user id at Alipay (2088…)
    #[arg(
        id = "alipay-seller-id",
        long = "alipay-seller-id",
        env = "SAOCHONG_ALIPAY_SELLER_ID",
        value_name = "ID"
    )]
    seller_id: Option<String>,
    /// A file with our private key, PKCS#8 or PKCS#1
    #[arg(
        id = "alipay-private-key-file",
        long = "alipay-private-key-file",
        env = "SAOCHONG_ALIPAY_PRIVATE_KEY_FILE",
        value_name = "FILE"
    )]
    private_key_file: Option<PathBuf>,
    /// A file with Alipay's public key
    #[arg(
        id = "alipay-public-key-file",
        long = "alipay-public-key-file",
        env = "SAOCHONG_ALIPAY_PUBLIC_KEY_FILE",
        value_name = "FILE"
    )]
    public_key_file: Option<PathBuf>,
    /// A file with the key that follows, while Alipay changes keys
    #[arg(
        id = "alipay-next-public-key-file",
        long = "alipay-next-public-key-file",
        env = "SAOCHONG_ALIPAY_NEXT_PUBLIC_KEY_FILE",
        value_name = "FILE"
    )]
    next_public_key_file: Option<PathBuf>,
    /// Certificate mode: a file with our certificate
    #[arg(
        id = "alipay-app-cert-file",
        long = "alipay-app-cert-file",
        env = "SAOCHONG_ALIPAY_APP_CERT_FILE",
        value_name = "FILE"
    )]
    app_cert_file: Option<PathBuf>,
    /// Certificate mode: a file with Alipay's root certificates
    #[arg(
        id = "alipay-root-cert-file",
        long = "alipay-root-cert-file",
        env = "SAOCHONG_ALIPAY_ROOT_CERT_FILE",
        value_name = "FILE"
    )]
    root_cert_file: Option<PathBuf>,
    /// Certificate mode: a file with Alipay's certificate, in place of its public key
    #[arg(
        id = "alipay-cert-file",
        long = "alipay-cert-file",
        env = "SAOCHONG_ALIPAY_CERT_FILE",
        value_name = "FILE"
    )]
    cert_file: Option<PathBuf>,
    /// The business category of holds, as agreed with Alipay
    #[arg(
        id = "alipay-hold-category",
        long = "alipay-hold-category",
        env = "SAOCHONG_ALIPAY_HOLD_CATEGORY",
        value_name = "NAME"
    )]
    hold_category: Option<String>,
    /// The credit service's id of holds, as agreed with Alipay
    #[arg(
        id = "alipay-hold-service-id",
        long = "alipay-hold-service-id",
        env = "SAOCHONG_ALIPAY_HOLD_SERVICE_ID",
        value_name = "ID"
    )]
    hold_service_id: Option<String>,
}

impl ServeArgs {
    pub async fn run(self, common: &Common) -> Result<()> {
        let demo = self.demo;
        let config = common.config(self.into())?;
        serve::run(config, demo, announce).await
    }
}

impl From<ServeArgs> for Layer {
    fn from(arguments: ServeArgs) -> Self {
        let alipay = arguments.alipay;
        Self {
            listen: arguments.listen,
            assets: arguments.assets,
            trusted_proxies: arguments.trusted_proxies,
            address_rate: arguments.address_rate,
            alipay: AlipayLayer {
                gateway_url: alipay.gateway_url,
                authorize_url: alipay.authorize_url,
                app_id: alipay.app_id,
                seller_id: alipay.seller_id,
                private_key_file: alipay.private_key_file,
                public_key_file: alipay.public_key_file,
                next_public_key_file: alipay.next_public_key_file,
                app_cert_file: alipay.app_cert_file,
                root_cert_file: alipay.root_cert_file,
                cert_file: alipay.cert_file,
                hold_category: alipay.hold_category,
                hold_service_id: alipay.hold_service_id,
            },
            wechat: arguments.wechat.into(),
            ..Self::default()
        }
    }
}

/// Says where the server is, for people and for scripts that wait for the line. The log says so
/// too, so a standard output that is closed does no harm.
fn announce(ready: &Ready) {
    let Ready { listen, public_url, seeded } = ready;
    let mut lines = seeded.as_ref().map_or_else(Vec::new, |seeded| demo_lines(seeded, public_url));
    lines.push(format!("listening on {listen}, reached at {public_url}"));
    drop(output::line(&lines.join("\n")));
}

/// A scan link of each station, and the operator's login.
fn demo_lines(seeded: &Seeded, public_url: &str) -> Vec<String> {
    let link = |station: &SeededStation| {
        let code = station.codes.first()?.as_str();
        Some(format!("scan link  {public_url}/s/{code}  ({}, {})", station.site_id, station.name))
    };
    let mut lines: Vec<String> = seeded.stations.iter().filter_map(link).collect();
    let (login, password) = (&seeded.login, &seeded.password);
    lines.push(format!("operator   {public_url}/admin  login {login}  password {password}"));
    lines
}
