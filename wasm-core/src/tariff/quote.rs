//! What a plan costs before the charge: what to pay now, the limits, and what to expect.

use serde::{Deserialize, Serialize};

use super::usage::LAST_MS;
use super::validate::{LONGEST_CHARGE_MS, MOST_ENERGY_WH};
use super::{Bill, Plan, PlanLimit, PlanPrice, Sample, Tariff, TariffError, Usage, settle};
use crate::ids::{PlanId, TariffId};
use crate::money::Fen;
use crate::units::{MS_PER_SECOND, SECONDS_PER_HOUR};

/// No quote imagines more power, in watts.
const HIGHEST_QUOTED_POWER_W: i64 = 10_000;

/// The price of a plan, locked when an order is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quote {
    /// The tariff's version.
    pub tariff_id: TariffId,
    /// The plan.
    pub plan_id: PlanId,
    /// What the rider pays now; nothing can ever cost more.
    pub prepaid_fen: Fen,
    /// What ends the charge at the latest.
    pub limits: Limits,
    /// The bill such a charge would bring, with what would come back.
    pub expected: Bill,
}

/// What ends a charge at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Longest time, in milliseconds.
    pub duration_ms: i64,
    /// Most energy, in watt-hours.
    pub energy_wh: Option<i64>,
    /// The metered bill may not pass this; none for packages, whose price is fixed.
    pub amount_fen: Option<Fen>,
}

/// The charge a quote imagines: constant power from `start_ms` on, until a limit ends it or
/// `energy_wh` is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// When it starts, milliseconds UTC.
    pub start_ms: i64,
    /// Power in watts, 1 to 10,000.
    pub power_w: i64,
    /// What the battery will take, in watt-hours; none = until a limit.
    pub energy_wh: Option<i64>,
}

/// Quotes a plan.
///
/// # Errors
/// The tariff or plan is not valid, or the expectation is out of range ([`TariffError::BadUsage`]).
pub fn quote(
    tariff: &Tariff,
    plan_id: &PlanId,
    expect: &Expectation,
) -> Result<Quote, TariffError> {
    tariff.validate()?;
    expect.validate()?;
    let plan = tariff.plan(plan_id)?;
    let limits = Limits::of(tariff, plan);
    let bill_after = |duration_s| {
        settle(tariff, plan, plan.prepaid_fen(), &expect.usage_after(duration_s, &limits))
    };
    let mut longest_s = expect.longest_s(&limits);
    let mut expected = bill_after(longest_s)?;
    if limits.amount_fen.is_some() && expected.is_overpaid() {
        longest_s = last_paid_second(longest_s, |second| Ok(!bill_after(second)?.is_overpaid()))?;
        expected = bill_after(longest_s)?;
    }
    let (tariff_id, plan_id) = (tariff.id.clone(), plan.id.clone());
    Ok(Quote { tariff_id, plan_id, prepaid_fen: plan.prepaid_fen(), limits, expected })
}

/// The last second that the money covers, by bisection: second 0 is covered, `over_s` is not.
fn last_paid_second(
    mut over_s: i64,
    is_covered: impl Fn(i64) -> Result<bool, TariffError>,
) -> Result<i64, TariffError> {
    let mut covered_s = 0;
    while over_s - covered_s > 1 {
        let middle_s = covered_s.midpoint(over_s);
        if is_covered(middle_s)? {
            covered_s = middle_s;
        } else {
            over_s = middle_s;
        }
    }
    Ok(covered_s)
}

impl Limits {
    /// The limits of `plan` under `tariff`.
    pub fn of(tariff: &Tariff, plan: &Plan) -> Self {
        let (plan_ms, energy_wh) = match plan.limit {
            PlanLimit::Time { duration_ms } => (duration_ms, None),
            PlanLimit::Energy { energy_wh } => (tariff.longest_ms, Some(energy_wh)),
            PlanLimit::Money | PlanLimit::Full => (tariff.longest_ms, None),
        };
        let amount_fen = match plan.price {
            PlanPrice::Metered { prepaid_fen } => Some(prepaid_fen),
            PlanPrice::Package { .. } => None,
        };
        Self { duration_ms: plan_ms.min(tariff.longest_ms), energy_wh, amount_fen }
    }
}

impl Expectation {
    fn validate(&self) -> Result<(), TariffError> {
        let possible = (0..=LAST_MS - LONGEST_CHARGE_MS).contains(&self.start_ms)
            && (1..=HIGHEST_QUOTED_POWER_W).contains(&self.power_w)
            && self.energy_wh.is_none_or(|energy_wh| (1..=MOST_ENERGY_WH).contains(&energy_wh));
        if possible { Ok(()) } else { Err(TariffError::BadUsage) }
    }

    /// The most energy that will flow, if anything bounds it.
    fn most_energy_wh(&self, limits: &Limits) -> Option<i64> {
        [self.energy_wh, limits.energy_wh].into_iter().flatten().min()
    }

    /// When the charge ends if money does not end it: whole seconds after its start, rounded up
    /// so that the energy is in.
    fn longest_s(&self, limits: &Limits) -> i64 {
        let by_time_s = limits.duration_ms / MS_PER_SECOND;
        self.most_energy_wh(limits).map_or(by_time_s, |energy_wh| {
            let watt_seconds = energy_wh * SECONDS_PER_HOUR;
            by_time_s.min((watt_seconds + self.power_w - 1) / self.power_w)
        })
    }

    /// What the meter will say after so many seconds: whole watt-hours, as meters do.
    fn usage_after(&self, duration_s: i64, limits: &Limits) -> Usage {
        let ended_ms = self.start_ms + duration_s * MS_PER_SECOND;
        let by_power_wh = self.power_w * duration_s / SECONDS_PER_HOUR;
        let most_wh = self.most_energy_wh(limits).unwrap_or(by_power_wh);
        let energy_wh = by_power_wh.min(most_wh);
        let last = Sample { at_ms: ended_ms, energy_wh, power_w: Some(self.power_w) };
        Usage { started_ms: self.start_ms, ended_ms, energy_wh, samples: vec![last] }
    }
}
