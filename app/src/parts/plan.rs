//! Plans in words.

use wasm_core::money::Fen;
use wasm_core::tariff::{Plan, PlanLimit, PlanPrice};
use wasm_core::units::MS_PER_SECOND;

use crate::figures::kwh_exact;
use crate::text::Text;

/// What a plan buys: `充 4 小时`.
pub fn title(text: &Text, plan: &Plan) -> String {
    match plan.limit {
        PlanLimit::Time { duration_ms } => {
            (text.scan.plan_time)(&(text.frame.duration)(duration_ms / MS_PER_SECOND))
        }
        PlanLimit::Money => (text.scan.plan_money)(&price(plan).to_string()),
        PlanLimit::Energy { energy_wh } => (text.scan.plan_energy)(&kwh_plain(energy_wh)),
        PlanLimit::Full => text.scan.plan_full.to_owned(),
    }
}

/// How a plan's money is used.
pub fn note(text: &Text, plan: &Plan) -> &'static str {
    match (plan.price, plan.limit) {
        (PlanPrice::Package { .. }, _) => text.scan.package_note,
        (PlanPrice::Metered { .. }, PlanLimit::Money) => text.scan.money_note,
        (PlanPrice::Metered { .. }, _) => text.scan.metered_note,
    }
}

/// What a plan's price is.
pub fn price_note(text: &Text, plan: &Plan) -> &'static str {
    match plan.price {
        PlanPrice::Package { .. } => text.scan.package_price,
        PlanPrice::Metered { .. } => text.scan.prepay,
    }
}

/// What is paid for a plan.
pub fn price(plan: &Plan) -> Fen {
    match plan.price {
        PlanPrice::Package { price_fen } => price_fen,
        PlanPrice::Metered { prepaid_fen } => prepaid_fen,
    }
}

/// kWh without needless noughts: `1`, `0.5`.
fn kwh_plain(energy_wh: i64) -> String {
    kwh_exact(energy_wh).trim_end_matches('0').trim_end_matches('.').to_owned()
}
