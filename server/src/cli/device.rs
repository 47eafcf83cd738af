//! `saochong device`.

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use server::clock::Clock;
use server::random;
use server::store::stations::{NewStation, SOCKET_MAX_W, new_codes};
use server::store::{Store, StoreError};
use wasm_core::ids::{OperatorId, SiteId};

use super::{Common, output};

/// Shortest device key, in characters; a key is made by a machine.
const PASSWORD_CHARS_MIN: usize = 8;
/// Longest OCPP charge point identity, in characters.
const IDENTITY_CHARS_MAX: usize = 48;

#[derive(Subcommand)]
pub enum DeviceCommand {
    /// Add a station; prints JSON with each socket's scan link
    Add(AddDevice),
}

#[derive(Args)]
pub struct AddDevice {
    /// Where it stands
    #[arg(long)]
    site: String,
    /// Whose site it is, if several operators have a site of that id
    #[arg(long)]
    operator: Option<String>,
    /// Its OCPP charge point identity: the last part of its link's address
    #[arg(long)]
    identity: String,
    /// Its key, for HTTP Basic [default: made here]
    #[arg(long, env = "SAOCHONG_DEVICE_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// How many sockets it has
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=20))]
    sockets: u8,
    /// The name painted on the box [default: the identity]
    #[arg(long)]
    name: Option<String>,
    /// Highest power of a socket, in watts
    #[arg(long, default_value_t = SOCKET_MAX_W, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    socket_max_w: i64,
    /// Print JSON; it always does
    #[arg(long)]
    json: bool,
}

impl DeviceCommand {
    pub async fn run(self, common: &Common) -> Result<()> {
        let Self::Add(new) = self;
        let (store, config) = common.store().await?;
        new.run(&store, &config.public_url(config.listen)).await
    }
}

impl AddDevice {
    async fn run(self, store: &Store, public_url: &str) -> Result<()> {
        self.check()?;
        let (operator_id, site_id) = self.place(store).await?;
        let password = self.password.unwrap_or_else(random::base32::<32>);
        let station = NewStation {
            operator_id,
            site_id,
            name: self.name.unwrap_or_else(|| self.identity.clone()),
            identity: self.identity,
            password,
            socket_max_w: self.socket_max_w,
            codes: new_codes(usize::from(self.sockets)),
        };
        let added = match store.add_station(&station, Clock::System.now_ms()).await {
            Err(StoreError::Taken) => bail!("the identity {} is in use", station.identity),
            added => added.context("cannot add the station")?,
        };
        let sockets: Vec<_> = added
            .sockets
            .iter()
            .map(|socket| {
                json!({
                    "connector": socket.connector,
                    "socket_id": socket.socket_id,
                    "code": socket.code,
                    "printed": socket.code.to_string(),
                    "url": format!("{public_url}/s/{}", socket.code.as_str()),
                })
            })
            .collect();
        output::json(&json!({
            "station_id": added.station_id,
            "operator_id": station.operator_id,
            "site_id": station.site_id,
            "identity": station.identity,
            "password": station.password,
            "ocpp_url": format!("{}/ocpp/{}", ws_url(public_url), station.identity),
            "sockets": sockets,
        }))
    }

    fn check(&self) -> Result<()> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_good = self.identity.len() <= IDENTITY_CHARS_MAX
            && !self.identity.is_empty()
            && self.identity.bytes().all(is_plain);
        if !is_good {
            bail!("an identity is 1 to {IDENTITY_CHARS_MAX} of A–Z, a–z, 0–9, - _ and .");
        }
        if self.password.as_ref().is_some_and(|key| key.len() < PASSWORD_CHARS_MIN) {
            bail!("a device's key has at least {PASSWORD_CHARS_MIN} characters");
        }
        Ok(())
    }

    /// The one site that is meant.
    async fn place(&self, store: &Store) -> Result<(OperatorId, SiteId)> {
        let operator = self.operator.as_deref().map(OperatorId::from);
        let site = SiteId::from(self.site.as_str());
        match store.site(operator.as_ref(), &site).await?.as_slice() {
            [] => bail!("there is no site {site}"),
            [one] => Ok((one.operator_id.clone(), one.id.clone())),
            _ => bail!("several operators have a site {site}: say which with --operator"),
        }
    }
}

/// The `WebSocket` address of a server reached at `public_url`.
fn ws_url(public_url: &str) -> String {
    public_url.replacen("http", "ws", 1)
}
