//! The price list of a site. Electricity and service are priced apart, as the national rule of
//! 2024 (发改办价格〔2024〕537号) demands; plans say what a rider buys.
//!
//! Prices are in **mfen**, a thousandth of a fen: ¥0.54690 per kWh is 54,690 mfen. That is the
//! five decimals of a yuan which metering protocols carry.

use serde::{Deserialize, Serialize};

use crate::ids::{PlanId, TariffId};
use crate::money::Fen;

/// One immutable version of a site's price list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tariff {
    /// Names this version; a quote is locked to it.
    pub id: TariffId,
    /// Electricity, per kWh, by time of day.
    pub electricity: DayPrices,
    /// The operator's own service fee.
    pub service: Service,
    /// What riders can buy, in the order they are shown.
    pub plans: Vec<Plan>,
    /// A charge no longer than this costs nothing at all; a longer one is billed whole. 0 = none.
    #[serde(default)]
    pub free_ms: i64,
    /// A charge that is not free costs at least this (but never more than was paid). 0 = none.
    #[serde(default)]
    pub minimum_fen: Fen,
    /// A charge costs at most this.
    #[serde(default)]
    pub cap_fen: Option<Fen>,
    /// No charge runs longer; at most 12 h, and 10 h is what the trade recommends.
    pub longest_ms: i64,
    /// The site's clock, in minutes east of UTC (China: 480). Periods of the day follow it.
    #[serde(default = "china_standard_time")]
    pub utc_offset_minutes: i64,
}

fn china_standard_time() -> i64 {
    480
}

impl Tariff {
    /// The plan of that id.
    ///
    /// # Errors
    /// There is none ([`TariffError::NoSuchPlan`]).
    pub fn plan(&self, id: &PlanId) -> Result<&Plan, TariffError> {
        self.plans.iter().find(|plan| plan.id == *id).ok_or(TariffError::NoSuchPlan)
    }
}

/// Prices per kWh over the 24 hours of the site's clock, in order, the first from minute 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DayPrices(pub Vec<PricePeriod>);

/// A price per kWh from a minute of the day until the next period begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PricePeriod {
    /// Minute of the day at which the price begins, 0 to 1439.
    pub from_minute: i64,
    /// Price in mfen per kWh.
    pub price_mfen_per_kwh: i64,
}

/// The service fee, of one shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Service {
    /// No service fee.
    #[serde(deserialize_with = "super::strict::no_fields")]
    None,
    /// Per kWh, by time of day.
    Energy {
        /// Prices over the day.
        prices: DayPrices,
    },
    /// Per hour, by power tier (功率分档), counted to the second.
    PowerTime {
        /// Which power chooses the tier.
        basis: PowerBasis,
        /// Tiers by rising power.
        tiers: Vec<PowerTier>,
        /// What holds above the last tier.
        over_top: OverTop,
    },
    /// Once for each charge.
    Session {
        /// The fee.
        price_fen: Fen,
    },
}

/// Which power chooses the tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerBasis {
    /// Each interval between two samples by its own power.
    RealTime,
    /// The whole charge by energy ÷ time.
    Average,
    /// The whole charge by its highest sample.
    Maximum,
}

/// A power tier and its price for an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerTier {
    /// Upper bound in watts, inclusive.
    pub up_to_w: i64,
    /// Price in mfen per hour.
    pub price_mfen_per_hour: i64,
}

/// What holds above the last tier's bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverTop {
    /// The last tier's price goes on.
    LastTier,
    /// Energy at this price in mfen per kWh takes the place of time.
    Energy {
        /// Price in mfen per kWh.
        price_mfen_per_kwh: i64,
    },
}

/// Something a rider can buy: a limit and how it is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Names the plan within its tariff.
    pub id: PlanId,
    /// When the charge ends at the latest.
    pub limit: PlanLimit,
    /// What is paid, and how it is consumed.
    pub price: PlanPrice,
}

impl Plan {
    /// What the rider pays before the charge; nothing can cost more.
    pub fn prepaid_fen(&self) -> Fen {
        match self.price {
            PlanPrice::Metered { prepaid_fen } => prepaid_fen,
            PlanPrice::Package { price_fen } => price_fen,
        }
    }
}

/// When a charge ends, besides full, unplugged or stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum PlanLimit {
    /// After this long.
    Time {
        /// Milliseconds.
        duration_ms: i64,
    },
    /// When the metered bill reaches what was paid.
    #[serde(deserialize_with = "super::strict::no_fields")]
    Money,
    /// After this much energy.
    Energy {
        /// Watt-hours.
        energy_wh: i64,
    },
    /// When the battery is full (or the money paid is used up).
    #[serde(deserialize_with = "super::strict::no_fields")]
    Full,
}

/// How a plan is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum PlanPrice {
    /// The rider prepays this; the tariff consumes it; the rest goes back.
    Metered {
        /// Paid in advance, in fen.
        prepaid_fen: Fen,
    },
    /// One price for the whole limit (time or energy); what was not used goes back pro rata.
    Package {
        /// The price, in fen.
        price_fen: Fen,
    },
}

/// Why a tariff, a plan or a usage cannot be priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TariffError {
    /// Periods of the day are empty, out of order, out of range, or do not begin at minute 0.
    BadPeriods,
    /// Tiers are empty or not by rising power.
    BadTiers,
    /// A price, fee or amount is negative or absurdly high.
    BadPrice,
    /// A time is negative, zero where it may not be, or over 12 h.
    BadDuration,
    /// A plan's limit and price do not go together (a package needs a time or energy limit).
    BadPlan,
    /// Two plans have one id, or there is none.
    BadPlans,
    /// The tariff has no plan of that id.
    NoSuchPlan,
    /// Samples go backwards, or the charge ends before it starts.
    BadUsage,
}
