//! From what was metered to the bill.

use super::bill::{Basis, Bill, Component, Item, Line, Rounding, Unit};
use super::interval::{Interval, Power, billable};
use super::{
    DayPrices, Limits, OverTop, Plan, PlanLimit, PlanPrice, PowerBasis, PowerTier, Service, Tariff,
    TariffError, Usage,
};
use crate::money::Fen;
use crate::units::{MS_PER_SECOND, MWH_PER_WH};

/// The bill of a charge, by the rules that the package README numbers:
///
/// 1. what lies beyond the limits is cut off; 2. no current, no bill; 3. electricity by period of
///    the day; 4. service as metered, or 5. what a package's price leaves; 6. free time takes all
///    off; 7. cap and payment bound the total; 8. the minimum lifts it, never above the payment.
///
/// # Errors
/// The tariff or plan is not valid, the payment is negative ([`TariffError::BadPrice`]), or the
/// usage contradicts itself ([`TariffError::BadUsage`]).
pub fn settle(
    tariff: &Tariff,
    plan: &Plan,
    paid_fen: Fen,
    usage: &Usage,
) -> Result<Bill, TariffError> {
    tariff.validate()?;
    tariff.validate_plan(plan)?;
    usage.validate()?;
    if paid_fen < Fen::ZERO {
        return Err(TariffError::BadPrice);
    }
    let charge = Charge::new(tariff, plan, usage);
    let mut bill = Bill::new(paid_fen, charge.energy_wh(), charge.duration_s());
    if charge.has_current() {
        charge.bill_electricity(&mut bill);
        match plan.price {
            PlanPrice::Metered { .. } => charge.bill_service(&mut bill),
            PlanPrice::Package { price_fen } => charge.bill_package(price_fen, &mut bill),
        }
        charge.bound(&mut bill);
    }
    Ok(bill)
}

/// The bill if a running charge ended at its last reading: what a live page shows, and what
/// tells the server that the money is used up ([`Bill::is_overpaid`]). Same rules as [`settle`].
///
/// # Errors
/// As [`settle`].
pub fn progress(
    tariff: &Tariff,
    plan: &Plan,
    paid_fen: Fen,
    usage: &Usage,
) -> Result<Bill, TariffError> {
    let mut so_far = usage.clone();
    if let Some(last) = usage.samples.last() {
        (so_far.ended_ms, so_far.energy_wh) = (last.at_ms, last.energy_wh);
    }
    settle(tariff, plan, paid_fen, &so_far)
}

/// A charge in the middle of being billed.
struct Charge<'a> {
    tariff: &'a Tariff,
    plan: &'a Plan,
    intervals: Vec<Interval>,
    energy_mwh: i64,
    duration_ms: i64,
}

impl<'a> Charge<'a> {
    fn new(tariff: &'a Tariff, plan: &'a Plan, usage: &Usage) -> Self {
        let intervals = billable(usage, &Limits::of(tariff, plan));
        let energy_mwh = intervals.iter().map(|interval| interval.energy_mwh).sum();
        let duration_ms = intervals.iter().map(Interval::duration_ms).sum();
        Self { tariff, plan, intervals, energy_mwh, duration_ms }
    }

    fn energy_wh(&self) -> i64 {
        self.energy_mwh / MWH_PER_WH
    }

    fn duration_s(&self) -> i64 {
        self.duration_ms / MS_PER_SECOND
    }

    /// Nobody pays for current that did not flow, however long the socket was held.
    fn has_current(&self) -> bool {
        self.energy_mwh > 0 || !self.highest_power().is_within(0)
    }

    fn highest_power(&self) -> Power {
        let powers = self.intervals.iter().map(|interval| interval.power);
        powers.max_by(Power::compare).unwrap_or(Power::ZERO)
    }

    fn bill_electricity(&self, bill: &mut Bill) {
        self.bill_by_day(Component::Electricity, &self.tariff.electricity, bill);
    }

    fn bill_service(&self, bill: &mut Bill) {
        match &self.tariff.service {
            Service::None => {}
            Service::Energy { prices } => self.bill_by_day(Component::Service, prices, bill),
            Service::PowerTime { basis, tiers, over_top } => {
                self.bill_power_time(*basis, &Tiers { tiers, over_top: *over_top }, bill);
            }
            Service::Session { price_fen } => {
                bill.add(Line::fixed(Component::Service, Item::Session, *price_fen));
            }
        }
    }

    fn bill_by_day(&self, component: Component, prices: &DayPrices, bill: &mut Bill) {
        let mut sums_mwh = vec![0; prices.0.len()];
        for interval in &self.intervals {
            interval.split_over_day(prices, self.tariff.utc_offset_minutes, &mut sums_mwh);
        }
        for (nth, (period, sum_mwh)) in prices.0.iter().zip(sums_mwh).enumerate() {
            let item = Item::EnergyPeriod {
                from_minute: period.from_minute,
                to_minute: prices.end_minute(nth),
            };
            let quantity = (sum_mwh / MWH_PER_WH, Unit::Wh);
            let price = (period.price_mfen_per_kwh, Basis::Kwh);
            bill.add(Line::metered(component, item, quantity, price));
        }
    }

    fn bill_power_time(&self, basis: PowerBasis, tiers: &Tiers, bill: &mut Bill) {
        let whole_charge = match basis {
            PowerBasis::RealTime => None,
            PowerBasis::Average => Some(Power::average(self.energy_mwh, self.duration_ms)),
            PowerBasis::Maximum => Some(self.highest_power()),
        };
        let mut sums = vec![TierSum::default(); tiers.count()];
        for interval in &self.intervals {
            let sum = &mut sums[tiers.nth(whole_charge.unwrap_or(interval.power))];
            sum.duration_ms += interval.duration_ms();
            sum.energy_mwh += interval.energy_mwh;
        }
        for (nth, sum) in sums.into_iter().enumerate() {
            bill.add(tiers.line(nth, sum));
        }
    }

    /// A package costs the used share of its price; electricity is part of it. The limits have
    /// already cut what was used to what was bought.
    fn bill_package(&self, price_fen: Fen, bill: &mut Bill) {
        let (used, bought) = match self.plan.limit {
            PlanLimit::Energy { energy_wh } => (self.energy_wh(), energy_wh),
            PlanLimit::Time { duration_ms } => (self.duration_s(), duration_ms / MS_PER_SECOND),
            PlanLimit::Money | PlanLimit::Full => unreachable!("refused by validate_plan"),
        };
        let exact = price_fen.0 * used;
        let charge_fen = Fen(exact / bought);
        let electricity_fen = bill.electricity_fen;
        let item = Item::PackageService { price_fen, used, bought, charge_fen, electricity_fen };
        let service_fen = charge_fen.above(electricity_fen);
        let mut line = Line::fixed(Component::Service, item, service_fen);
        if exact % bought != 0 {
            line.rounding = Rounding::Down;
        }
        bill.add(line);
        bill.lower_to(charge_fen, Item::BelowElectricity);
    }

    /// Free time, cap, what was paid, minimum: in this order.
    fn bound(&self, bill: &mut Bill) {
        let free_ms = self.tariff.free_ms;
        if free_ms > 0 && self.duration_ms <= free_ms {
            bill.lower_to(Fen::ZERO, Item::FreeTime);
            return;
        }
        if let Some(cap_fen) = self.tariff.cap_fen {
            bill.lower_to(cap_fen, Item::Cap);
        }
        bill.lower_to(bill.paid_fen, Item::OverPaid);
        let missing_fen = self.tariff.minimum_fen.min(bill.paid_fen).above(bill.total_fen);
        if missing_fen > Fen::ZERO {
            bill.add(Line::fixed(Component::Service, Item::Minimum, missing_fen));
        }
    }
}

/// Time and energy within one power tier.
#[derive(Clone, Copy, Default)]
struct TierSum {
    duration_ms: i64,
    energy_mwh: i64,
}

/// Power tiers and what holds above them.
struct Tiers<'a> {
    tiers: &'a [PowerTier],
    over_top: OverTop,
}

impl Tiers<'_> {
    /// How many lines they can make: one each, and one for above the last.
    fn count(&self) -> usize {
        self.tiers.len() + 1
    }

    /// The first tier whose bound `power` does not pass.
    fn nth(&self, power: Power) -> usize {
        self.tiers.partition_point(|tier| !power.is_within(tier.up_to_w))
    }

    fn line(&self, nth: usize, sum: TierSum) -> Line {
        let over_w = nth.checked_sub(1).map_or(0, |below| self.tiers[below].up_to_w);
        let up_to_w = self.tiers.get(nth).map(|tier| tier.up_to_w);
        match (up_to_w, self.over_top) {
            (None, OverTop::Energy { price_mfen_per_kwh }) => Line::metered(
                Component::Service,
                Item::OverTopEnergy { over_w },
                (sum.energy_mwh / MWH_PER_WH, Unit::Wh),
                (price_mfen_per_kwh, Basis::Kwh),
            ),
            _ => Line::metered(
                Component::Service,
                Item::PowerTier { over_w, up_to_w },
                (sum.duration_ms / MS_PER_SECOND, Unit::Second),
                (self.tiers[nth.min(self.tiers.len() - 1)].price_mfen_per_hour, Basis::Hour),
            ),
        }
    }
}
