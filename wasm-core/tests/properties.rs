//! What holds for every bill, whatever the tariff, the plan and the charge.

use proptest::prelude::*;
use wasm_core::ids::{OrderId, PlanId, TariffId};
use wasm_core::money::Fen;
use wasm_core::receipt::{Receipt, Verdict};
use wasm_core::tariff::{
    Bill, COARSE_STEP_WH, Component, DayPrices, Expectation, Line, OverTop, Plan, PlanLimit,
    PlanPrice, PowerBasis, PowerTier, PricePeriod, Reading, Sample, Service, Tariff, TariffError,
    Usage, progress, quote, settle,
};
use wasm_core::units::{MS_PER_HOUR, MS_PER_SECOND};

fn day_prices() -> impl Strategy<Value = DayPrices> {
    let later = prop::collection::btree_map(1_i64..1440, 0_i64..200_000, 0..4);
    (0_i64..200_000, later).prop_map(|(first, later)| {
        let periods = std::iter::once((0, first)).chain(later);
        let period =
            |(from_minute, price_mfen_per_kwh)| PricePeriod { from_minute, price_mfen_per_kwh };
        DayPrices(periods.map(period).collect())
    })
}

/// Tiers whose prices rise with the power, as everywhere in the trade.
fn tiers() -> impl Strategy<Value = Vec<PowerTier>> {
    let bounds = prop::collection::btree_set(1_i64..3_000, 1..5);
    let prices = prop::collection::vec(0_i64..100_000, 5);
    (bounds, prices).prop_map(|(bounds, mut prices)| {
        prices.sort_unstable();
        let tier = |(up_to_w, price_mfen_per_hour)| PowerTier { up_to_w, price_mfen_per_hour };
        bounds.into_iter().zip(prices).map(tier).collect()
    })
}

fn power_time() -> impl Strategy<Value = Service> {
    let basis =
        prop::sample::select(vec![PowerBasis::RealTime, PowerBasis::Average, PowerBasis::Maximum]);
    let over_top = prop_oneof![
        Just(OverTop::LastTier),
        (0_i64..200_000).prop_map(|price_mfen_per_kwh| OverTop::Energy { price_mfen_per_kwh }),
    ];
    (basis, tiers(), over_top).prop_map(|(basis, tiers, over_top)| Service::PowerTime {
        basis,
        tiers,
        over_top,
    })
}

fn service() -> impl Strategy<Value = Service> {
    prop_oneof![
        Just(Service::None),
        day_prices().prop_map(|prices| Service::Energy { prices }),
        power_time(),
        power_time(),
        (0_i64..100).prop_map(|fen| Service::Session { price_fen: Fen(fen) }),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let time =
        (1_000_i64..12 * MS_PER_HOUR).prop_map(|duration_ms| PlanLimit::Time { duration_ms });
    let energy = (1_i64..5_000).prop_map(|energy_wh| PlanLimit::Energy { energy_wh });
    let metered = (100_i64..1_000).prop_map(|fen| PlanPrice::Metered { prepaid_fen: Fen(fen) });
    let package = (1_i64..1_000).prop_map(|fen| PlanPrice::Package { price_fen: Fen(fen) });
    let open = prop_oneof![Just(PlanLimit::Money), Just(PlanLimit::Full)];
    let bounded = prop_oneof![time, energy];
    prop_oneof![(open, metered.clone()), (bounded.clone(), metered), (bounded, package),]
        .prop_map(|(limit, price)| Plan { id: PlanId::from("plan"), limit, price })
}

fn tariff() -> impl Strategy<Value = Tariff> {
    let bounds = (
        prop_oneof![Just(0), 0_i64..600_000],
        prop_oneof![Just(0), 0_i64..150],
        prop::option::of(150_i64..1_000),
        prop_oneof![Just(10 * MS_PER_HOUR), 1_000..12 * MS_PER_HOUR],
        -720_i64..=840,
    );
    (day_prices(), service(), plan(), bounds).prop_map(|(electricity, service, plan, bounds)| {
        let (free_ms, minimum_fen, cap_fen, longest_ms, utc_offset_minutes) = bounds;
        Tariff {
            id: TariffId::from("tariff"),
            electricity,
            service,
            plans: vec![plan],
            free_ms,
            minimum_fen: Fen(minimum_fen),
            cap_fen: cap_fen.map(Fen),
            longest_ms,
            utc_offset_minutes,
        }
    })
}

/// A charge told by steps of time, energy and power; each step is a reading, the last the end.
fn usage() -> impl Strategy<Value = Usage> {
    let step = (
        prop_oneof![Just(0), 0_i64..60_000, 0..2 * MS_PER_HOUR],
        prop_oneof![Just(0), 0_i64..500],
        prop::option::of(0_i64..3_000),
    );
    (0_i64..100 * MS_PER_HOUR, prop::collection::vec(step, 0..12)).prop_map(
        |(started_ms, steps)| {
            let (mut at_ms, mut energy_wh) = (started_ms, 0);
            let reading = |(ms, wh, power_w)| {
                at_ms += ms;
                energy_wh += wh;
                Sample { at_ms, energy_wh, power_w }
            };
            let samples = steps.into_iter().map(reading).collect();
            until(Usage { started_ms, samples, ..Usage::default() })
        },
    )
}

/// The usage that ends at its last reading.
fn until(mut usage: Usage) -> Usage {
    let last = usage.samples.last();
    (usage.ended_ms, usage.energy_wh) =
        last.map_or((usage.started_ms, 0), |last| (last.at_ms, last.energy_wh));
    usage
}

/// Whether a longer charge can only cost more: a falling average power can lower the tier, and a
/// rising maximum can put energy in the place of time.
fn rises_with_use(tariff: &Tariff) -> bool {
    !matches!(
        tariff.service,
        Service::PowerTime { basis: PowerBasis::Average, .. }
            | Service::PowerTime {
                basis: PowerBasis::Maximum,
                over_top: OverTop::Energy { .. },
                ..
            }
    )
}

fn bill(tariff: &Tariff, paid_fen: i64, usage: &Usage) -> Bill {
    settle(tariff, &tariff.plans[0], Fen(paid_fen), usage).expect("generated to be billable")
}

/// Quantity × price, rounded down, worked out apart from the code under test.
fn amount_by_hand(line: &Line) -> i64 {
    let units_per_basis = match serde_json::to_value(line.basis).unwrap().as_str().unwrap() {
        "kwh" => 1_000,
        "hour" => 3_600,
        _ => 1,
    };
    line.quantity * line.price_mfen / (units_per_basis * 1_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_bill_adds_up(tariff in tariff(), usage in usage(), paid_fen in 0_i64..1_500) {
        let bill = bill(&tariff, paid_fen, &usage);
        let sum = |component| -> Fen {
            let of = bill.lines.iter().filter(|line| line.component == component);
            of.map(|line| line.amount_fen).sum()
        };
        prop_assert_eq!(sum(Component::Electricity), bill.electricity_fen);
        prop_assert_eq!(sum(Component::Service), bill.service_fen);
        prop_assert_eq!(sum(Component::Discount), bill.discount_fen);
        let gross_fen = bill.electricity_fen + bill.service_fen;
        prop_assert_eq!(bill.total_fen, gross_fen - bill.discount_fen);
        prop_assert_eq!(bill.total_fen + bill.refund_fen, Fen(paid_fen));
        prop_assert!(bill.total_fen >= Fen::ZERO && bill.refund_fen >= Fen::ZERO);
        for line in &bill.lines {
            prop_assert!(line.quantity > 0 && line.amount_fen >= Fen::ZERO, "{:?}", line);
            prop_assert_eq!(line.amount_fen.0, amount_by_hand(line), "{:?}", line);
        }
    }

    #[test]
    fn a_bill_keeps_its_bounds(tariff in tariff(), usage in usage(), paid_fen in 0_i64..1_500) {
        let bill = bill(&tariff, paid_fen, &usage);
        prop_assert!(tariff.cap_fen.is_none_or(|cap_fen| bill.total_fen <= cap_fen));
        let limits = wasm_core::tariff::Limits::of(&tariff, &tariff.plans[0]);
        let duration_ms = usage.ended_ms - usage.started_ms;
        prop_assert_eq!(bill.duration_s, duration_ms.min(limits.duration_ms) / MS_PER_SECOND);
        prop_assert!(bill.energy_wh <= usage.energy_wh);
        prop_assert!(limits.energy_wh.is_none_or(|most_wh| bill.energy_wh <= most_wh));
        if usage.samples.iter().all(|sample| sample.energy_wh == 0 && sample.power_w.is_none()) {
            prop_assert_eq!(bill.total_fen, Fen::ZERO);
        }
    }

    #[test]
    fn a_bill_never_falls_when_use_grows(
        tariff in tariff().prop_filter("may fall", rises_with_use),
        usage in usage(),
        paid_fen in 0_i64..1_500,
    ) {
        let mut before_fen = Fen::ZERO;
        for count in 0..=usage.samples.len() {
            let samples = usage.samples[..count].to_vec();
            let so_far = until(Usage { samples, ..usage.clone() });
            let bill = bill(&tariff, paid_fen, &so_far);
            prop_assert!(bill.total_fen >= before_fen, "{} after {}", bill.total_fen, before_fen);
            before_fen = bill.total_fen;
        }
    }

    #[test]
    fn progress_is_the_bill_at_the_last_reading(tariff in tariff(), usage in usage(), more in 0_i64..9_999) {
        let ended_ms = usage.ended_ms + more;
        let running = Usage { ended_ms, energy_wh: usage.energy_wh + more, ..usage.clone() };
        let plan = &tariff.plans[0];
        prop_assume!(!usage.samples.is_empty());
        prop_assert_eq!(
            progress(&tariff, plan, Fen(500), &running),
            settle(&tariff, plan, Fen(500), &usage)
        );
    }

    #[test]
    fn a_quote_stays_within_what_is_paid(
        tariff in tariff(),
        start_ms in 0_i64..100 * MS_PER_HOUR,
        power_w in 1_i64..=10_000,
        energy_wh in prop::option::of(1_i64..3_000),
    ) {
        let expect = Expectation { start_ms, power_w, energy_wh };
        let quote = quote(&tariff, &PlanId::from("plan"), &expect).unwrap();
        prop_assert_eq!(quote.prepaid_fen, tariff.plans[0].prepaid_fen());
        prop_assert_eq!(quote.expected.paid_fen, quote.prepaid_fen);
        prop_assert!(quote.expected.total_fen <= quote.prepaid_fen);
        prop_assert!(quote.limits.amount_fen.is_none() || !quote.expected.is_overpaid());
        prop_assert!(quote.expected.duration_s * MS_PER_SECOND <= quote.limits.duration_ms);
        prop_assert!(energy_wh.is_none_or(|most_wh| quote.expected.energy_wh <= most_wh));
    }

    #[test]
    fn a_quote_never_falls_when_the_battery_grows(
        tariff in tariff().prop_filter("may fall", rises_with_use),
        power_w in 1_i64..=10_000,
        energy_wh in 1_i64..3_000,
        more_wh in 0_i64..3_000,
    ) {
        let expected_fen = |energy_wh| {
            let expect = Expectation { start_ms: 0, power_w, energy_wh: Some(energy_wh) };
            quote(&tariff, &PlanId::from("plan"), &expect).unwrap().expected.total_fen
        };
        // Where the money ends first, a whole watt-hour more or less may round the last fen away.
        prop_assert!(expected_fen(energy_wh) <= expected_fen(energy_wh + more_wh) + Fen(1));
    }

    #[test]
    fn a_receipt_shows_any_change(
        tariff in tariff(),
        usage in usage(),
        field in 0_usize..10,
        by in prop_oneof![-5_i64..0, 1_i64..5],
    ) {
        // A limit may leave out what was changed; an open plan of 12 h does not.
        let tariff = Tariff {
            longest_ms: 12 * MS_PER_HOUR,
            plans: vec![Plan {
                id: PlanId::from("plan"),
                limit: PlanLimit::Full,
                price: PlanPrice::Metered { prepaid_fen: Fen(500) },
            }],
            ..tariff
        };
        prop_assume!(usage.ended_ms - usage.started_ms < 11 * MS_PER_HOUR);
        let honest = Receipt {
            order_id: OrderId::from("order"),
            plan: tariff.plans[0].clone(),
            paid_fen: Fen(500),
            bill: bill(&tariff, 500, &usage),
            usage,
            tariff,
        };
        prop_assert_eq!(honest.verify(), Verdict::Agrees);
        let json = serde_json::to_value(&honest).unwrap();
        prop_assert_eq!(&serde_json::from_value::<Receipt>(json).unwrap(), &honest);

        let mut forged = honest.clone();
        match field {
            0 => forged.bill.total_fen.0 += by,
            1 => forged.bill.refund_fen.0 += by,
            2 => forged.bill.electricity_fen.0 += by,
            3 => forged.bill.service_fen.0 += by,
            4 => forged.bill.discount_fen.0 += by,
            5 => forged.bill.energy_wh += by,
            6 => forged.paid_fen.0 += by,
            7 => forged.usage.energy_wh += by,
            8 => forged.usage.ended_ms += by * MS_PER_SECOND,
            _ => match forged.bill.lines.first_mut() {
                Some(line) => line.amount_fen.0 += by,
                None => forged.bill.duration_s += by,
            },
        }
        prop_assert_ne!(forged.verify(), Verdict::Agrees);
    }

    #[test]
    fn f27_whatever_a_device_says_can_be_billed(
        span in (any::<i64>(), any::<i64>()),
        meter_start_wh in any::<i64>(),
        readings in prop::collection::vec((any::<i64>(), any::<i64>(), any::<Option<i64>>()), 0..20),
        socket_max_w in any::<i64>(),
        tariff in tariff(),
    ) {
        check_readings(span, meter_start_wh, &readings, socket_max_w, &tariff)?;
    }

    #[test]
    fn f27_whatever_a_device_says_stays_within_what_the_socket_can_give(
        span in (0_i64..1_000, 3_000_000_i64..4_000_000),
        meter_start_wh in -2_i64..3_000,
        readings in prop::collection::vec((-9_i64..4_000_000, -2_i64..3_000, any::<Option<i64>>()), 0..20),
        socket_max_w in 0_i64..3_000,
        tariff in tariff(),
    ) {
        let usage = check_readings(span, meter_start_wh, &readings, socket_max_w, &tariff)?;
        let most_wh = socket_max_w * (span.1 - span.0) / MS_PER_HOUR;
        let rounding_wh = i64::try_from(readings.len()).unwrap() + 1;
        prop_assert!(usage.energy_wh <= most_wh + rounding_wh + COARSE_STEP_WH);
    }
}

fn check_readings(
    span: (i64, i64),
    meter_start_wh: i64,
    readings: &[(i64, i64, Option<i64>)],
    socket_max_w: i64,
    tariff: &Tariff,
) -> Result<Usage, TestCaseError> {
    let reading = |&(at_ms, register_wh, power_w)| Reading { at_ms, register_wh, power_w };
    let readings: Vec<Reading> = readings.iter().map(reading).collect();
    let (usage, _) = Usage::from_readings(span, meter_start_wh, &readings, socket_max_w);
    prop_assert_eq!(usage.validate(), Ok(()));
    prop_assert!(settle(tariff, &tariff.plans[0], Fen(500), &usage).is_ok());
    let reversed: Vec<Reading> = readings.into_iter().rev().collect();
    let (same, _) = Usage::from_readings(span, meter_start_wh, &reversed, socket_max_w);
    prop_assert_eq!(&same.energy_wh, &usage.energy_wh, "the order of arrival matters");
    Ok(usage)
}

#[test]
fn a_receipt_for_a_plan_that_the_tariff_does_not_sell_is_invalid() {
    let plan = |prepaid_fen| Plan {
        id: PlanId::from("plan"),
        limit: PlanLimit::Full,
        price: PlanPrice::Metered { prepaid_fen: Fen(prepaid_fen) },
    };
    let tariff = Tariff {
        id: TariffId::from("tariff"),
        electricity: DayPrices(vec![PricePeriod { from_minute: 0, price_mfen_per_kwh: 60_000 }]),
        service: Service::None,
        plans: vec![plan(300)],
        free_ms: 0,
        minimum_fen: Fen::ZERO,
        cap_fen: None,
        longest_ms: MS_PER_HOUR,
        utc_offset_minutes: 480,
    };
    let usage = Usage { ended_ms: 60_000, energy_wh: 5, ..Usage::default() };
    let bill = settle(&tariff, &plan(500), Fen(300), &usage).unwrap();
    let order_id = OrderId::from("order");
    let receipt = Receipt { order_id, tariff, plan: plan(500), paid_fen: Fen(300), usage, bill };
    assert_eq!(receipt.verify(), Verdict::Invalid { error: TariffError::NoSuchPlan });
}
