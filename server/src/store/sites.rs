//! Operators, their price lists and their sites.

use sqlx::Row;
use sqlx::any::AnyRow;
use wasm_core::ids::{OperatorId, SiteId};
use wasm_core::tariff::Tariff;

use super::{Store, StoreError, Tx, taken};

/// A company that runs sites.
#[derive(Clone, Debug)]
pub struct Operator {
    /// The tenant.
    pub id: OperatorId,
    /// As riders read it.
    pub name: String,
    /// Where riders get a person.
    pub service_phone: String,
}

/// A place with stations.
#[derive(Clone, Debug)]
pub struct Site {
    /// Whose it is.
    pub operator_id: OperatorId,
    /// The site.
    pub id: SiteId,
    /// As riders read it.
    pub name: String,
    /// Where it is.
    pub address: String,
    /// The price list in force.
    pub tariff: Tariff,
    /// How many stations stand there.
    pub stations: i64,
    /// How many sockets they have.
    pub sockets: i64,
}

/// A site to add.
#[derive(Clone, Debug)]
pub struct NewSite {
    /// Whose it is.
    pub operator_id: OperatorId,
    /// The site.
    pub id: SiteId,
    /// As riders read it.
    pub name: String,
    /// Where it is.
    pub address: String,
    /// Its price list; its id must be new to the operator.
    pub tariff: Tariff,
}

/// Sites with their tariff and how much stands there, of one operator and one id or of any ('').
const SITES: &str = "SELECT s.operator_id, s.id, s.name, s.address, t.tariff_json, \
     (SELECT COUNT(*) FROM stations b \
      WHERE b.operator_id = s.operator_id AND b.site_id = s.id), \
     (SELECT COUNT(*) FROM sockets k JOIN stations b \
      ON b.operator_id = k.operator_id AND b.id = k.station_id \
      WHERE b.operator_id = s.operator_id AND b.site_id = s.id) \
     FROM sites s JOIN tariffs t ON t.operator_id = s.operator_id AND t.id = s.tariff_id \
     WHERE ($1 = '' OR s.operator_id = $1) AND ($2 = '' OR s.id = $2) ORDER BY 1, 2";

impl Tx {
    /// Adds an operator.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the id is in use.
    pub async fn add_operator(
        &mut self,
        operator: &Operator,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO operators (id, name, service_phone, created_ms) VALUES ($1, $2, $3, $4)",
        )
        .bind(operator.id.as_str())
        .bind(&operator.name)
        .bind(&operator.service_phone)
        .bind(now_ms)
        .execute(&mut *self.inner)
        .await
        .map_err(taken)?;
        Ok(())
    }

    /// Adds a site with its price list.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the site's or the tariff's id is in use.
    pub async fn add_site(&mut self, site: &NewSite, now_ms: i64) -> Result<(), StoreError> {
        let tariff_json = serde_json::to_string(&site.tariff)
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        sqlx::query(
            "INSERT INTO tariffs (operator_id, id, tariff_json, created_ms) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(site.operator_id.as_str())
        .bind(site.tariff.id.as_str())
        .bind(tariff_json)
        .bind(now_ms)
        .execute(&mut *self.inner)
        .await
        .map_err(taken)?;
        sqlx::query(
            "INSERT INTO sites (operator_id, id, name, address, tariff_id, created_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(site.operator_id.as_str())
        .bind(site.id.as_str())
        .bind(&site.name)
        .bind(&site.address)
        .bind(site.tariff.id.as_str())
        .bind(now_ms)
        .execute(&mut *self.inner)
        .await
        .map_err(taken)?;
        Ok(())
    }
}

impl Store {
    /// An operator.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn operator(&self, id: &OperatorId) -> Result<Option<Operator>, StoreError> {
        let row = sqlx::query("SELECT id, name, service_phone FROM operators WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| {
            Ok(Operator {
                id: OperatorId(row.try_get(0)?),
                name: row.try_get(1)?,
                service_phone: row.try_get(2)?,
            })
        })
        .transpose()
    }

    /// The sites of one operator, or of all for whoever runs the service.
    ///
    /// # Errors
    /// The database does not answer, or a tariff cannot be read.
    pub async fn sites(&self, operator: Option<&OperatorId>) -> Result<Vec<Site>, StoreError> {
        self.select_sites(operator, "").await
    }

    /// A site by its id alone, for the command line: ids are unique unless operators chose alike,
    /// and then the first operator's is meant only if `operator` says so.
    ///
    /// # Errors
    /// The database does not answer, or a tariff cannot be read.
    pub async fn site(
        &self,
        operator: Option<&OperatorId>,
        id: &SiteId,
    ) -> Result<Vec<Site>, StoreError> {
        self.select_sites(operator, id.as_str()).await
    }

    async fn select_sites(
        &self,
        operator: Option<&OperatorId>,
        id: &str,
    ) -> Result<Vec<Site>, StoreError> {
        let rows = sqlx::query(SITES)
            .bind(operator.map_or("", OperatorId::as_str))
            .bind(id)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(site).collect()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }
}

fn site(row: &AnyRow) -> Result<Site, StoreError> {
    let tariff_json: String = row.try_get(4)?;
    Ok(Site {
        operator_id: OperatorId(row.try_get(0)?),
        id: SiteId(row.try_get(1)?),
        name: row.try_get(2)?,
        address: row.try_get(3)?,
        tariff: serde_json::from_str(&tariff_json)
            .map_err(|error| StoreError::Unreadable(error.to_string()))?,
        stations: row.try_get(5)?,
        sockets: row.try_get(6)?,
    })
}
