//! A bill line by line: quantity × price = amount.

use leptos::prelude::*;
use wasm_core::tariff::{Basis, Bill, Component, Item, Line, Rounding, Unit};
use wasm_core::units::{MS_PER_SECOND, SECONDS_PER_HOUR};

use crate::figures::{clock, kwh_exact, minute_of_day, yuan_of_mfen};
use crate::text::Text;

/// All lines in their groups, with each group's sum.
pub fn lines(text: &'static Text, bill: &Bill) -> impl IntoView + use<> {
    let groups = [
        (Component::Electricity, text.price.electricity, bill.electricity_fen),
        (Component::Service, text.price.service, bill.service_fen),
        (Component::Discount, text.bill.discount, bill.discount_fen),
    ];
    let groups = groups.into_iter().filter_map(|(component, name, sum_fen)| {
        let lines: Vec<_> = bill
            .lines
            .iter()
            .filter(|line| line.component == component)
            .map(|line| row(text, line))
            .collect();
        let shown = !lines.is_empty() || component != Component::Discount;
        shown.then(|| {
            let sign = if component == Component::Discount { "−" } else { "" };
            view! {
                <div class="group">
                    <ul class="sums">{lines}</ul>
                    <p class="sum">
                        <span>{(text.bill.subtotal)(name)}</span>
                        <b class="figure">{format!("{sign}{sum_fen}")}</b>
                    </p>
                </div>
            }
        })
    });
    groups.collect_view()
}

fn row(text: &'static Text, line: &Line) -> impl IntoView + use<> {
    let rounded = (line.rounding == Rounding::Down).then_some(text.bill.rounded_down);
    view! {
        <li>
            <span class="item">{item(text, &line.item)}</span>
            <span class="how">
                {how(text, line)} {rounded.map(|rounded| view! { <small>{rounded}</small> })}
            </span>
            <span class="figure">{line.amount_fen.to_string()}</span>
        </li>
    }
}

fn item(text: &Text, item: &Item) -> String {
    let over = |watts: i64| (text.price.over_w)(&watts.to_string());
    match *item {
        Item::EnergyPeriod { from_minute: 0, to_minute: 1_440 } => text.bill.energy.to_owned(),
        Item::EnergyPeriod { from_minute, to_minute } => {
            (text.bill.energy_period)(&minute_of_day(from_minute), &minute_of_day(to_minute))
        }
        Item::PowerTier { over_w: 0, up_to_w: Some(watts) } => {
            (text.bill.power_tier)(&(text.price.up_to_w)(&watts.to_string()))
        }
        Item::PowerTier { over_w, up_to_w: Some(watts) } => {
            (text.bill.power_tier)(&format!("{over_w}–{watts} W"))
        }
        Item::PowerTier { over_w, up_to_w: None } => (text.bill.power_tier)(&over(over_w)),
        Item::OverTopEnergy { over_w } => (text.bill.over_top)(&over(over_w)),
        Item::Session => text.bill.session.to_owned(),
        Item::PackageService { .. } => text.bill.package.to_owned(),
        Item::Minimum => text.bill.minimum.to_owned(),
        Item::BelowElectricity => text.bill.below_electricity.to_owned(),
        Item::FreeTime => text.bill.free_time.to_owned(),
        Item::Cap => text.bill.cap.to_owned(),
        Item::OverPaid => text.bill.over_paid.to_owned(),
    }
}

/// The line's arithmetic; nothing for a fixed amount, which needs none.
fn how(text: &Text, line: &Line) -> String {
    if let Item::PackageService { price_fen, used, bought, charge_fen, electricity_fen } = line.item
    {
        return (text.bill.package_sum)(
            &price_fen.to_string(),
            &used.to_string(),
            &bought.to_string(),
            &charge_fen.to_string(),
            &electricity_fen.to_string(),
        );
    }
    let quantity = match line.unit {
        Unit::Wh => format!("{} kWh", kwh_exact(line.quantity)),
        Unit::Second => clock(line.quantity),
        Unit::Piece => return String::new(),
    };
    let unit = match line.basis {
        Basis::Kwh => text.price.per_kwh,
        Basis::Hour => text.price.per_hour,
        Basis::Piece => "",
    };
    format!("{quantity} × {}{unit}", yuan_of_mfen(line.price_mfen))
}

/// How long a bill's charge took: in words where words are exact, else as a clock.
pub fn duration(text: &Text, started_ms: i64, ended_ms: i64) -> String {
    let seconds = (ended_ms - started_ms) / MS_PER_SECOND;
    if seconds < SECONDS_PER_HOUR { (text.frame.duration)(seconds) } else { clock(seconds) }
}
