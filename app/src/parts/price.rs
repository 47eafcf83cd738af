//! The full price list, electricity and service fee apart.

use leptos::prelude::*;
use wasm_core::money::Fen;
use wasm_core::tariff::{DayPrices, OverTop, PowerBasis, PowerTier, Service, Tariff};
use wasm_core::units::{MINUTES_PER_DAY, MS_PER_SECOND};

use crate::figures::{LocalTime, minute_of_day, yuan_of_mfen};
use crate::text::Text;

/// One row: what for, the price, its unit, and whether it holds now.
struct Row {
    label: String,
    price: String,
    unit: &'static str,
    now: bool,
}

/// The price list of a site as it stands at `now_ms`.
pub fn list(text: &'static Text, tariff: &Tariff, now_ms: i64) -> impl IntoView + use<> {
    let minute = LocalTime::at(now_ms, tariff.utc_offset_minutes).minute;
    let (service_note, service_rows) = service(text, &tariff.service, minute);
    view! {
        <section class="card prices" aria-labelledby="price">
            <h2 id="price">{text.price.title}</h2>
            {group(text, text.price.electricity, text.price.electricity_note, periods(text, &tariff.electricity, minute))}
            {group(text, text.price.service, service_note, service_rows)}
            <dl class="terms">{terms(text, tariff)}</dl>
            <p class="hint">{text.price.nothing_else}</p>
        </section>
    }
}

fn group(
    text: &'static Text,
    name: &'static str,
    note: &'static str,
    rows: Vec<Row>,
) -> impl IntoView {
    let rows = rows.into_iter().map(|row| {
        view! {
            <li class:now=row.now>
                <span class="label">
                    {row.label}
                    {row.now.then(|| view! { <span class="pill good">{text.price.now}</span> })}
                </span>
                <span class="figure">
                    <b>{row.price}</b>
                    {row.unit}
                </span>
            </li>
        }
    });
    view! {
        <h3>
            {name} " " <small>{note}</small>
        </h3>
        <ul class="rows">{rows.collect_view()}</ul>
    }
}

/// Prices over the day; the one that holds at `minute` is marked when there are several. A price
/// that goes on over midnight is one row.
fn periods(text: &Text, prices: &DayPrices, minute: i64) -> Vec<Row> {
    let ends = prices.0.iter().skip(1).map(|next| next.from_minute).chain([MINUTES_PER_DAY]);
    let mut spans: Vec<Span> = prices
        .0
        .iter()
        .zip(ends)
        .map(|(period, to)| Span {
            from: period.from_minute,
            to,
            price_mfen: period.price_mfen_per_kwh,
            now: (period.from_minute..to).contains(&minute),
        })
        .collect();
    if let [first, .., last] = spans.as_slice()
        && first.price_mfen == last.price_mfen
    {
        let night = Span { to: first.to, now: first.now || last.now, ..*last };
        spans.remove(0);
        spans.pop();
        spans.push(night);
    }
    let several = spans.len() > 1;
    let row = |span: Span| Row {
        label: if several {
            format!("{}–{}", minute_of_day(span.from), minute_of_day(span.to))
        } else {
            text.price.all_day.to_owned()
        },
        price: yuan_of_mfen(span.price_mfen),
        unit: text.price.per_kwh,
        now: several && span.now,
    };
    spans.into_iter().map(row).collect()
}

/// A stretch of the day with one price; `to` may lie on the next day.
#[derive(Clone, Copy)]
struct Span {
    from: i64,
    to: i64,
    price_mfen: i64,
    now: bool,
}

fn service(text: &'static Text, service: &Service, minute: i64) -> (&'static str, Vec<Row>) {
    match service {
        Service::None => (text.price.no_service, Vec::new()),
        Service::Energy { prices } => ("", periods(text, prices, minute)),
        Service::Session { price_fen } => {
            let row = Row {
                label: text.bill.session.to_owned(),
                price: price_fen.to_string(),
                unit: text.price.per_session,
                now: false,
            };
            ("", vec![row])
        }
        Service::PowerTime { basis, tiers, over_top } => {
            let note = match basis {
                PowerBasis::RealTime => text.price.by_real_time,
                PowerBasis::Average => text.price.by_average,
                PowerBasis::Maximum => text.price.by_maximum,
            };
            (note, power_rows(text, tiers, *over_top))
        }
    }
}

fn power_rows(text: &Text, tiers: &[PowerTier], over_top: OverTop) -> Vec<Row> {
    let hourly = |label: String, price_mfen: i64| Row {
        label,
        price: yuan_of_mfen(price_mfen),
        unit: text.price.per_hour,
        now: false,
    };
    let open = over_top == OverTop::LastTier;
    let mut rows = Vec::with_capacity(tiers.len() + 1);
    for (index, tier) in tiers.iter().enumerate() {
        let below_w = index.checked_sub(1).map(|before| tiers[before].up_to_w);
        let label = match below_w {
            Some(watts) if open && index + 1 == tiers.len() => {
                (text.price.over_w)(&watts.to_string())
            }
            Some(watts) => format!("{watts}–{} W", tier.up_to_w),
            None => (text.price.up_to_w)(&tier.up_to_w.to_string()),
        };
        rows.push(hourly(label, tier.price_mfen_per_hour));
    }
    if let (OverTop::Energy { price_mfen_per_kwh }, Some(last)) = (over_top, tiers.last()) {
        rows.push(Row {
            label: (text.price.over_w)(&last.up_to_w.to_string()),
            price: yuan_of_mfen(price_mfen_per_kwh),
            unit: text.price.per_kwh,
            now: false,
        });
    }
    rows
}

fn terms(text: &'static Text, tariff: &Tariff) -> Vec<impl IntoView + use<>> {
    let spoken = |ms: i64| (text.frame.duration)(ms / MS_PER_SECOND);
    let mut terms = Vec::new();
    if tariff.free_ms > 0 {
        terms.push((text.price.free, (text.price.free_value)(&spoken(tariff.free_ms))));
    }
    if tariff.minimum_fen > Fen::ZERO {
        terms.push((text.price.minimum, tariff.minimum_fen.to_string()));
    }
    if let Some(cap_fen) = tariff.cap_fen {
        terms.push((text.price.cap, cap_fen.to_string()));
    }
    terms.push((text.price.longest, spoken(tariff.longest_ms)));
    terms
        .into_iter()
        .map(|(term, value)| {
            view! {
                <div>
                    <dt>{term}</dt>
                    <dd>{value}</dd>
                </div>
            }
        })
        .collect()
}
