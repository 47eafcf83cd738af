//! `saochong site`.

use std::io::Read;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use server::clock::Clock;
use server::random;
use server::store::sites::{NewSite, Site};
use server::store::{Store, StoreError};
use wasm_core::ids::{OperatorId, SiteId};
use wasm_core::tariff::Tariff;

use super::{Common, output};

#[derive(Subcommand)]
pub enum SiteCommand {
    /// Add a site with its tariff; prints its id
    Add(AddSite),
    /// List sites
    List(ListSites),
}

#[derive(Args)]
pub struct AddSite {
    /// Whose it is
    #[arg(long)]
    operator: String,
    /// Its id [default: made here]
    #[arg(long)]
    id: Option<String>,
    /// Its name, as riders read it
    #[arg(long)]
    name: String,
    /// Where it is
    #[arg(long)]
    address: String,
    /// A file with the tariff as JSON, or - for standard input
    #[arg(long, value_name = "FILE")]
    tariff: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct ListSites {
    /// Only this operator's
    #[arg(long)]
    operator: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl SiteCommand {
    pub async fn run(self, common: &Common) -> Result<()> {
        let (store, _) = common.store().await?;
        match self {
            Self::Add(new) => new.run(&store).await,
            Self::List(which) => which.run(&store).await,
        }
    }
}

impl AddSite {
    async fn run(self, store: &Store) -> Result<()> {
        let tariff = read_tariff(&self.tariff)?;
        let operator_id = OperatorId(self.operator);
        if store.operator(&operator_id).await?.is_none() {
            bail!("there is no operator {operator_id}");
        }
        let id = SiteId(self.id.unwrap_or_else(random::base32::<12>));
        let (name, address) = (self.name, self.address);
        let site = NewSite { operator_id, id, name, address, tariff };
        let mut tx = store.begin().await?;
        match tx.add_site(&site, Clock::System.now_ms()).await {
            Err(StoreError::Taken) => {
                bail!("the operator has a site {} or a tariff {} already", site.id, site.tariff.id)
            }
            added => added.context("cannot add the site")?,
        }
        tx.commit().await?;
        if self.json {
            return output::json(&json!({"site_id": site.id, "tariff_id": site.tariff.id}));
        }
        output::line(site.id.as_str())
    }
}

fn read_tariff(from: &str) -> Result<Tariff> {
    let text = if from == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(from)
    };
    let text = text.with_context(|| format!("cannot read the tariff {from}"))?;
    let tariff: Tariff =
        serde_json::from_str(&text).with_context(|| format!("{from} is not a tariff"))?;
    tariff.validate().map_err(|error| anyhow!("the tariff cannot price charges: {error:?}"))?;
    Ok(tariff)
}

impl ListSites {
    async fn run(self, store: &Store) -> Result<()> {
        let operator = self.operator.map(OperatorId);
        let sites = store.sites(operator.as_ref()).await?;
        if self.json {
            return output::json(&sites.iter().map(to_json).collect::<Vec<_>>());
        }
        for site in &sites {
            let Site { operator_id, id, name, stations, sockets, .. } = site;
            output::line(&format!(
                "{operator_id}\t{id}\t{name}\t{stations} stations\t{sockets} sockets"
            ))?;
        }
        Ok(())
    }
}

fn to_json(site: &Site) -> serde_json::Value {
    json!({
        "operator_id": site.operator_id,
        "site_id": site.id,
        "name": site.name,
        "address": site.address,
        "tariff_id": site.tariff.id,
        "stations": site.stations,
        "sockets": site.sockets,
    })
}
