//! What a charge costs: the price list, the quote before, the bill after.

mod bill;
mod interval;
mod metering;
mod model;
mod quote;
mod settle;
mod strict;
mod usage;
mod validate;

pub use bill::{Basis, Bill, Component, Item, Line, Rounding, Unit};
pub use metering::{COARSE_STEP_WH, Reading, Remark, RemarkKind};
pub use model::{
    DayPrices, OverTop, Plan, PlanLimit, PlanPrice, PowerBasis, PowerTier, PricePeriod, Service,
    Tariff, TariffError,
};
pub use quote::{Expectation, Limits, Quote, quote};
pub use settle::{progress, settle};
pub use usage::{Sample, Usage};
pub use validate::HIGHEST_PRICE_MFEN;
