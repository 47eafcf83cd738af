//! The demo's operator: three sites with three ways to price, twelve stations, one login.
//!
//! Identities are the same in every demo; passwords and scan codes are made once and kept as one
//! document. The document is written first and rows follow from it, so that a seed cut short is
//! finished by the next start.

use serde::{Deserialize, Serialize};
use wasm_core::ids::{OperatorId, SiteId};
use wasm_core::link::ScanCode;
use wasm_core::tariff::Tariff;

use crate::store::sites::{NewSite, Operator};
use crate::store::stations::{NewStation, SOCKET_MAX_W, new_codes};
use crate::store::users::User;
use crate::store::{Store, StoreError};
use crate::{password, random};

const DOCUMENT: &str = "seed";

const OPERATOR: &str = "qingyuan";
const OPERATOR_NAME: &str = "清源充电";
const SERVICE_PHONE: &str = "400-820-1206";
const LOGIN: &str = "qingyuan";

/// A site, its price list and its stations: the name on each box and how many sockets it has.
struct SeedSite {
    id: &'static str,
    name: &'static str,
    address: &'static str,
    tariff_json: &'static str,
    stations: &'static [(&'static str, usize)],
}

const SITES: [SeedSite; 3] = [
    // Flat residents' price, service by the hour and by power: what estates charge.
    SeedSite {
        id: "jinxiu",
        name: "锦绣家园",
        address: "云河市清源区锦绣路 88 号，地面车棚",
        tariff_json: include_str!("tariffs/estate.json"),
        stations: &[
            ("东门车棚 1", 10),
            ("东门车棚 2", 10),
            ("5 号楼北", 8),
            ("9 号楼南", 6),
            ("西门", 4),
        ],
    },
    // Electricity by time of day, service by the kWh: what offices charge.
    SeedSite {
        id: "yungu",
        name: "云谷产业园",
        address: "云河市高新区云谷大道 6 号，B1 非机动车库",
        tariff_json: include_str!("tariffs/park.json"),
        stations: &[("A 座", 10), ("B 座", 8), ("食堂", 4), ("北门", 2)],
    },
    // Packages of time and energy, one of them below what its electricity costs.
    SeedSite {
        id: "shijing",
        name: "石井新村",
        address: "云河市石井街道石井新村三巷口",
        tariff_json: include_str!("tariffs/village.json"),
        stations: &[("三巷口", 10), ("祠堂旁", 6), ("菜市场", 2)],
    },
];

/// What was seeded, with all secrets: this is a demo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seeded {
    /// The name the operator logs in with.
    pub login: String,
    /// Its password.
    pub password: String,
    /// The stations.
    pub stations: Vec<SeededStation>,
}

/// A seeded station.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeededStation {
    /// Where it stands.
    pub site_id: SiteId,
    /// The name on the box.
    pub name: String,
    /// OCPP charge point identity.
    pub identity: String,
    /// Its key.
    pub password: String,
    /// A scan code for each socket.
    pub codes: Vec<ScanCode>,
}

/// Puts the demo's operator into the database, or finds it there.
///
/// # Errors
/// The database does not answer.
pub async fn seed(store: &Store, now_ms: i64) -> Result<Seeded, StoreError> {
    let seeded = if let Some(text) = store.demo_document(DOCUMENT).await? {
        serde_json::from_str(&text).map_err(|error| StoreError::Unreadable(error.to_string()))?
    } else {
        let new = imagine();
        let text = serde_json::to_string(&new)
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        store.put_demo_document(DOCUMENT, &text, now_ms).await?;
        new
    };
    add_operator(store, &seeded, now_ms).await?;
    for station in &seeded.stations {
        unless_there(store.add_station(&new_station(station), now_ms).await)?;
    }
    Ok(seeded)
}

/// Passwords and codes for a new demo.
fn imagine() -> Seeded {
    let station = |site: &SeedSite, nth: usize| {
        let (name, sockets) = site.stations[nth];
        SeededStation {
            site_id: site.id.into(),
            name: name.to_owned(),
            identity: format!("QY-{}-{:02}", site.id.to_uppercase(), nth + 1),
            password: random::base32::<32>(),
            codes: new_codes(sockets),
        }
    };
    Seeded {
        login: LOGIN.to_owned(),
        password: random::base32::<12>(),
        stations: SITES
            .iter()
            .flat_map(|site| (0..site.stations.len()).map(move |nth| station(site, nth)))
            .collect(),
    }
}

fn new_station(station: &SeededStation) -> NewStation {
    NewStation {
        operator_id: OPERATOR.into(),
        site_id: station.site_id.clone(),
        identity: station.identity.clone(),
        name: station.name.clone(),
        password: station.password.clone(),
        socket_max_w: SOCKET_MAX_W,
        codes: station.codes.clone(),
    }
}

/// Operator, login and sites: all of them or none.
async fn add_operator(store: &Store, seeded: &Seeded, now_ms: i64) -> Result<(), StoreError> {
    let id = OperatorId::from(OPERATOR);
    if store.operator(&id).await?.is_none() {
        let mut tx = store.begin().await?;
        let operator = Operator {
            id: id.clone(),
            name: OPERATOR_NAME.to_owned(),
            service_phone: SERVICE_PHONE.to_owned(),
        };
        tx.add_operator(&operator, now_ms).await?;
        for site in &SITES {
            tx.add_site(&new_site(site), now_ms).await?;
        }
        tx.commit().await?;
    }
    if store.user_by_login(&seeded.login).await?.is_none() {
        let user = User {
            id: random::base32::<16>(),
            operator_id: id,
            login: seeded.login.clone(),
            role: "owner".to_owned(),
            password_hash: password::hash(&seeded.password),
        };
        unless_there(store.add_user(&user, now_ms).await)?;
    }
    Ok(())
}

fn new_site(site: &SeedSite) -> NewSite {
    NewSite {
        operator_id: OPERATOR.into(),
        id: site.id.into(),
        name: site.name.to_owned(),
        address: site.address.to_owned(),
        tariff: tariff(site),
    }
}

fn tariff(site: &SeedSite) -> Tariff {
    serde_json::from_str(site.tariff_json).expect("a test reads every seeded tariff")
}

/// What is there already was seeded before.
fn unless_there<T>(added: Result<T, StoreError>) -> Result<(), StoreError> {
    match added {
        Ok(_) | Err(StoreError::Taken) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use wasm_core::tariff::{Component, Expectation, PlanPrice, quote};

    use super::*;

    const NOW_MS: i64 = 1_767_225_600_000;

    #[test]
    fn every_seeded_plan_has_a_price() {
        for site in &SITES {
            let tariff = tariff(site);
            tariff.validate().unwrap();
            for plan in &tariff.plans {
                let expect = Expectation { start_ms: NOW_MS, power_w: 240, energy_wh: None };
                quote(&tariff, &plan.id, &expect).unwrap();
            }
        }
    }

    #[test]
    fn one_package_costs_less_than_its_electricity() {
        let tariff = tariff(&SITES[2]);
        assert!(tariff.plans.iter().all(|plan| matches!(plan.price, PlanPrice::Package { .. })));
        let expect = Expectation { start_ms: NOW_MS, power_w: 240, energy_wh: None };
        let bill = quote(&tariff, &"energy-500-gift".into(), &expect).unwrap().expected;
        assert!(bill.discount_fen.0 > 0 && bill.service_fen.0 == 0);
        assert!(bill.lines.iter().any(|line| line.component == Component::Discount));
    }

    #[tokio::test]
    async fn seeding_again_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("t.db").display());
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        let first = seed(&store, NOW_MS).await.unwrap();
        let again = seed(&store, NOW_MS + 1).await.unwrap();
        assert_eq!(first, again);
        assert_eq!(first.stations.len(), 12);
        let sites = store.sites(None).await.unwrap();
        assert_eq!(sites.len(), 3);
        assert_eq!(sites.iter().map(|site| site.stations).sum::<i64>(), 12);
        let sockets: usize = first.stations.iter().map(|station| station.codes.len()).sum();
        assert_eq!(
            sites.iter().map(|site| site.sockets).sum::<i64>(),
            i64::try_from(sockets).unwrap()
        );
        let user = store.user_by_login(LOGIN).await.unwrap().unwrap();
        assert!(password::verify(&first.password, &user.password_hash));
        let account = store.station_by_identity("QY-JINXIU-01").await.unwrap().unwrap();
        assert!(account.accepts(first.stations[0].password.as_bytes()));
    }

    #[tokio::test]
    async fn a_seed_cut_short_is_finished_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("t.db").display());
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        let new = imagine();
        let text = serde_json::to_string(&new).unwrap();
        store.put_demo_document(DOCUMENT, &text, NOW_MS).await.unwrap();
        add_operator(&store, &new, NOW_MS).await.unwrap();
        store.add_station(&new_station(&new.stations[0]), NOW_MS).await.unwrap();
        assert_eq!(seed(&store, NOW_MS).await.unwrap(), new);
        let sites = store.sites(None).await.unwrap();
        assert_eq!(sites.iter().map(|site| site.stations).sum::<i64>(), 12);
    }
}
