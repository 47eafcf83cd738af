//! The rules of a site, each version once and for good.

use sqlx::any::AnyRow;
use sqlx::{Any, Row};
use wasm_core::ids::{OperatorId, SiteId};
use wasm_core::share::SplitRule;

use crate::store::{Store, StoreError, Tx, taken};

/// A rule, as stored.
#[derive(Clone, Debug)]
pub struct RuleRow {
    /// The tenant.
    pub operator_id: OperatorId,
    /// This version.
    pub id: String,
    /// Whose orders it splits.
    pub site_id: SiteId,
    /// The rule.
    pub rule: SplitRule,
    /// Who wrote it.
    pub created_by: String,
    /// When, milliseconds UTC.
    pub created_ms: i64,
}

/// A rule to store.
#[derive(Clone, Debug)]
pub struct NewRule<'a> {
    /// The tenant.
    pub operator_id: &'a OperatorId,
    /// This version.
    pub id: &'a str,
    /// Whose orders it splits.
    pub site_id: &'a SiteId,
    /// The rule.
    pub rule: &'a SplitRule,
    /// Who writes it: a user's id, or `cli`.
    pub created_by: &'a str,
}

/// The newest rule of a site that was there at a moment and is valid then.
const IN_FORCE: &str = "SELECT operator_id, id, site_id, rule_json, created_by, created_ms \
     FROM split_rules WHERE operator_id = $1 AND site_id = $2 AND created_ms <= $3 \
     AND valid_from_ms <= $3 AND (valid_until_ms IS NULL OR valid_until_ms > $3) \
     ORDER BY created_ms DESC, id DESC LIMIT 1";

impl Tx {
    /// Writes a version of a site's rule.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the id is in use; the database refuses an unknown site.
    pub async fn insert_split_rule(
        &mut self,
        new: &NewRule<'_>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let json = serde_json::to_string(new.rule)
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        let sql = "INSERT INTO split_rules (operator_id, id, site_id, rule_json, valid_from_ms, \
                   valid_until_ms, created_by, created_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        sqlx::query(sql)
            .bind(new.operator_id.as_str())
            .bind(new.id)
            .bind(new.site_id.as_str())
            .bind(json)
            .bind(new.rule.valid_from_ms)
            .bind(new.rule.valid_until_ms)
            .bind(new.created_by)
            .bind(now_ms)
            .execute(&mut *self.inner)
            .await
            .map_err(taken)?;
        Ok(())
    }

    /// The rule by which an order of a site made at `at_ms` (milliseconds UTC) is split.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn rule_in_force(
        &mut self,
        operator: &OperatorId,
        site: &SiteId,
        at_ms: i64,
    ) -> Result<Option<RuleRow>, StoreError> {
        let row = in_force(operator, site, at_ms).fetch_optional(&mut *self.inner).await?;
        row.as_ref().map(rule).transpose()
    }
}

impl Store {
    /// As [`Tx::rule_in_force`].
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn rule_in_force(
        &self,
        operator: &OperatorId,
        site: &SiteId,
        at_ms: i64,
    ) -> Result<Option<RuleRow>, StoreError> {
        let row = in_force(operator, site, at_ms).fetch_optional(&self.pool).await?;
        row.as_ref().map(rule).transpose()
    }

    /// All rules, of one operator or of all, newest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn split_rules(
        &self,
        operator: Option<&OperatorId>,
    ) -> Result<Vec<RuleRow>, StoreError> {
        let sql = "SELECT operator_id, id, site_id, rule_json, created_by, created_ms \
                   FROM split_rules WHERE ($1 = '' OR operator_id = $1) \
                   ORDER BY created_ms DESC, id DESC";
        let query = sqlx::query(sql).bind(operator.map_or("", OperatorId::as_str));
        query.fetch_all(&self.pool).await?.iter().map(rule).collect()
    }
}

fn in_force<'q>(
    operator: &'q OperatorId,
    site: &'q SiteId,
    at_ms: i64,
) -> sqlx::query::Query<'q, Any, sqlx::any::AnyArguments> {
    sqlx::query(IN_FORCE).bind(operator.as_str()).bind(site.as_str()).bind(at_ms)
}

fn rule(row: &AnyRow) -> Result<RuleRow, StoreError> {
    let json: String = row.try_get("rule_json")?;
    Ok(RuleRow {
        operator_id: OperatorId(row.try_get("operator_id")?),
        id: row.try_get("id")?,
        site_id: SiteId(row.try_get("site_id")?),
        rule: serde_json::from_str(&json)
            .map_err(|error| StoreError::Unreadable(error.to_string()))?,
        created_by: row.try_get("created_by")?,
        created_ms: row.try_get("created_ms")?,
    })
}
