//! Rules as they are written: linted against the site's prices and the platforms' limits, then
//! stored for good.

use wasm_core::ids::OperatorId;
use wasm_core::order::Channel;
use wasm_core::share::{ChannelLimits, Finding, Severity, SplitRule, Typical, lint};
use wasm_core::tariff::{Expectation, quote};

use crate::random;
use crate::store::sites::Site;
use crate::store::splits::NewRule;
use crate::store::{Store, StoreError};

/// The charge that a rule is tried on: an e-bike's usual battery, from nearly empty.
const TYPICAL_POWER_W: i64 = 200;
/// The same, watt-hours.
const TYPICAL_ENERGY_WH: i64 = 1_000;

/// What became of a rule that somebody wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenRule {
    /// What the linter says, the gravest first.
    pub findings: Vec<Finding>,
    /// The version's id, if it was stored: no errors, and warnings were confirmed.
    pub stored: Option<String>,
}

/// What the linter says of a rule at a site whose riders pay by `channels`.
pub fn lint_rule(rule: &SplitRule, site: &Site, channels: &[Channel], now_ms: i64) -> Vec<Finding> {
    let limits: Vec<_> = channels.iter().copied().map(ChannelLimits::published).collect();
    lint(rule, &limits, &typical(site, now_ms), now_ms)
}

/// Stores another version of a site's rule, if the linter lets it; `confirmed`: warnings are meant.
///
/// # Errors
/// The database does not answer.
pub async fn write_rule(
    store: &Store,
    (operator, site): (&OperatorId, &Site),
    rule: &SplitRule,
    channels: &[Channel],
    (created_by, confirmed, now_ms): (&str, bool, i64),
) -> Result<WrittenRule, StoreError> {
    let findings = lint_rule(rule, site, channels, now_ms);
    let gravest = findings.first().map_or(Severity::Note, |finding| finding.severity);
    let refused = gravest == Severity::Error || gravest == Severity::Warning && !confirmed;
    if refused {
        return Ok(WrittenRule { findings, stored: None });
    }
    let id = random::base32::<12>();
    let new = NewRule { operator_id: operator, id: &id, site_id: &site.id, rule, created_by };
    let mut tx = store.begin().await?;
    tx.insert_split_rule(&new, now_ms).await?;
    tx.commit().await?;
    tracing::info!(%operator, site = %site.id, rule = id, by = created_by, "split rule stored");
    Ok(WrittenRule { findings, stored: Some(id) })
}

/// What a usual charge costs at a site by its first plan; nothing if it cannot be priced.
fn typical(site: &Site, now_ms: i64) -> Typical {
    let expected = Expectation {
        start_ms: now_ms,
        power_w: TYPICAL_POWER_W,
        energy_wh: Some(TYPICAL_ENERGY_WH),
    };
    let plan = site.tariff.plans.first();
    let quoted = plan.and_then(|plan| quote(&site.tariff, &plan.id, &expected).ok());
    let bill = quoted.map(|quote| quote.expected);
    Typical {
        total_fen: bill.as_ref().map(|bill| bill.total_fen).unwrap_or_default(),
        electricity_fen: bill.as_ref().map(|bill| bill.electricity_fen).unwrap_or_default(),
        energy_wh: bill.map_or(0, |bill| bill.energy_wh),
    }
}
