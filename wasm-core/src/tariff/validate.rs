//! What a tariff must be before anything is priced by it.
//!
//! The bounds are far above what any site asks. They keep each product within 64 bits and catch
//! a price typed in the wrong unit.

use super::TariffError::{self, BadDuration, BadPeriods, BadPlan, BadPlans, BadPrice, BadTiers};
use super::{DayPrices, OverTop, Plan, PlanLimit, PlanPrice, PowerTier, Service, Tariff};
use crate::money::Fen;
use crate::units::{MINUTES_PER_DAY, MS_PER_HOUR, MS_PER_SECOND};

/// No price passes this, in mfen per kWh or hour: ¥1,000.
pub const HIGHEST_PRICE_MFEN: i64 = 100_000_000;
/// No fee and no amount passes this, in fen: ¥10,000.
pub const HIGHEST_AMOUNT_FEN: i64 = 1_000_000;
/// No charge is longer, in milliseconds.
pub const LONGEST_CHARGE_MS: i64 = 12 * MS_PER_HOUR;
/// No plan sells more energy, in watt-hours.
pub const MOST_ENERGY_WH: i64 = 1_000_000;
/// No power passes this, in watts.
pub const HIGHEST_POWER_W: i64 = 1_000_000;

impl Tariff {
    /// Whether charges can be priced by this tariff.
    ///
    /// # Errors
    /// The first thing wrong with it, see [`TariffError`].
    pub fn validate(&self) -> Result<(), TariffError> {
        self.electricity.validate()?;
        self.service.validate()?;
        let on_earth = (-12 * 60..=14 * 60).contains(&self.utc_offset_minutes);
        ensure(on_earth, BadPeriods)?;
        ensure((MS_PER_SECOND..=LONGEST_CHARGE_MS).contains(&self.longest_ms), BadDuration)?;
        ensure((0..=LONGEST_CHARGE_MS).contains(&self.free_ms), BadDuration)?;
        self.validate_bounds()?;
        self.validate_plans()
    }

    /// A minimum above the cap would contradict it.
    fn validate_bounds(&self) -> Result<(), TariffError> {
        ensure(is_amount(self.minimum_fen), BadPrice)?;
        self.cap_fen.map_or(Ok(()), |cap_fen| {
            ensure(is_amount(cap_fen) && self.minimum_fen <= cap_fen, BadPrice)
        })
    }

    fn validate_plans(&self) -> Result<(), TariffError> {
        ensure(!self.plans.is_empty(), BadPlans)?;
        for (nth, plan) in self.plans.iter().enumerate() {
            let known = self.plans[..nth].iter().any(|other| other.id == plan.id);
            ensure(!known && !plan.id.as_str().is_empty(), BadPlans)?;
            self.validate_plan(plan)?;
        }
        Ok(())
    }

    /// Whether `plan` can be priced by this tariff: it need not be one of its own.
    pub(super) fn validate_plan(&self, plan: &Plan) -> Result<(), TariffError> {
        let prepaid_fen = plan.prepaid_fen();
        ensure(prepaid_fen > Fen::ZERO && is_amount(prepaid_fen), BadPrice)?;
        match plan.limit {
            PlanLimit::Time { duration_ms } => {
                ensure((MS_PER_SECOND..=LONGEST_CHARGE_MS).contains(&duration_ms), BadDuration)?;
            }
            PlanLimit::Energy { energy_wh } => {
                ensure((1..=MOST_ENERGY_WH).contains(&energy_wh), BadPlan)?;
            }
            PlanLimit::Money | PlanLimit::Full => {
                ensure(matches!(plan.price, PlanPrice::Metered { .. }), BadPlan)?;
            }
        }
        match (&self.service, plan.price) {
            // The fee alone would use up the money before any current flows.
            (Service::Session { price_fen }, PlanPrice::Metered { prepaid_fen }) => {
                ensure(*price_fen <= prepaid_fen, BadPlan)
            }
            _ => Ok(()),
        }
    }
}

impl DayPrices {
    fn validate(&self) -> Result<(), TariffError> {
        let from = |nth: usize| self.0[nth].from_minute;
        ensure(!self.0.is_empty() && from(0) == 0, BadPeriods)?;
        ensure((1..self.0.len()).all(|nth| from(nth - 1) < from(nth)), BadPeriods)?;
        ensure(from(self.0.len() - 1) < MINUTES_PER_DAY, BadPeriods)?;
        ensure(self.0.iter().all(|period| is_price(period.price_mfen_per_kwh)), BadPrice)
    }
}

impl Service {
    fn validate(&self) -> Result<(), TariffError> {
        match self {
            Self::None => Ok(()),
            Self::Energy { prices } => prices.validate(),
            Self::PowerTime { tiers, over_top, .. } => {
                validate_tiers(tiers)?;
                match over_top {
                    OverTop::LastTier => Ok(()),
                    OverTop::Energy { price_mfen_per_kwh } => {
                        ensure(is_price(*price_mfen_per_kwh), BadPrice)
                    }
                }
            }
            Self::Session { price_fen } => ensure(is_amount(*price_fen), BadPrice),
        }
    }
}

fn validate_tiers(tiers: &[PowerTier]) -> Result<(), TariffError> {
    let rises = tiers.windows(2).all(|pair| pair[0].up_to_w < pair[1].up_to_w);
    let in_range = tiers.iter().all(|tier| (1..=HIGHEST_POWER_W).contains(&tier.up_to_w));
    ensure(!tiers.is_empty() && rises && in_range, BadTiers)?;
    ensure(tiers.iter().all(|tier| is_price(tier.price_mfen_per_hour)), BadPrice)
}

fn is_price(price_mfen: i64) -> bool {
    (0..=HIGHEST_PRICE_MFEN).contains(&price_mfen)
}

fn is_amount(amount_fen: Fen) -> bool {
    (0..=HIGHEST_AMOUNT_FEN).contains(&amount_fen.0)
}

fn ensure(holds: bool, error: TariffError) -> Result<(), TariffError> {
    if holds { Ok(()) } else { Err(error) }
}
