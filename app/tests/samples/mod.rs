//! Sample view models: every page in every state, for the tests and for looking at.

pub mod admin;

use app::lang::Lang;
use app::pages::home::{self, DemoPage, DemoSite};
use app::pages::rider::trouble::{Blocked, BlockedPage, Trouble};
use app::pages::rider::{codes, mine, order, pay, receipt, scan, trouble};
use app::parts::code_card::SocketCode;
use app::parts::place::{Operator, Place};
use wasm_core::ids::{OrderId, PlanId, TariffId};
use wasm_core::link::{CodeError, ScanCode};
use wasm_core::money::Fen;
use wasm_core::order::{
    CancelReason, Capture, CaptureStatus, Channel, Order, Payment, Refund, RefundReason,
    RefundStatus, Session, Settlement, StartFailure, State, StopReason, Terms,
};
use wasm_core::tariff::{
    Bill, DayPrices, Limits, OverTop, Plan, PlanLimit, PlanPrice, PowerBasis, PowerTier,
    PricePeriod, Sample, Service, Tariff, Usage, settle,
};

/// 2026-11-22 20:40:00 in China.
pub const NOW_MS: i64 = 1_795_351_200_000;
const HOUR_MS: i64 = 3_600_000;
const ORDER: &str = "7K3M9QX2T4B8N6WZ0HVC";

/// Every page: its name and its HTML.
pub fn all(lang: Lang) -> Vec<(String, String)> {
    let mut pages = vec![
        ("scan".to_owned(), scan_page(lang)),
        ("scan-hold".to_owned(), scan::html(lang, scan_in_app())),
        ("hold".to_owned(), hold_page(lang)),
        ("receipt".to_owned(), receipt::html(lang, receipt_page())),
        ("receipt-hold".to_owned(), receipt::html(lang, held_receipt_page())),
        ("me".to_owned(), mine::html(lang, mine_page())),
        (
            "me-empty".to_owned(),
            mine::html(lang, mine::MinePage { orders: vec![], now_ms: NOW_MS }),
        ),
        ("home".to_owned(), home::html(lang)),
        ("demo".to_owned(), home::demo_html(lang, demo())),
    ];
    for (name, cashier) in cashiers() {
        let order_path = format!("/orders/{ORDER}");
        let page = pay::PayPage { cashier, held_fen: None, in_mini_program: true, order_path };
        pages.push((format!("pay-{name}"), pay::html(lang, page)));
    }
    pages.push(("codes".to_owned(), codes::html(lang, codes_page())));
    for (name, state) in states() {
        pages.push((format!("order-{name}"), order::html(lang, order_page(state.clone()))));
        pages.push((format!("order-{name}-hold"), order::html(lang, held_page(state))));
    }
    for (name, why) in blocked() {
        let page = BlockedPage { place: place(), why, tariff: tariff(), now_ms: NOW_MS };
        pages.push((format!("blocked-{name}"), trouble::blocked_html(lang, page)));
    }
    for (name, matter) in troubles() {
        pages.push((format!("trouble-{name}"), trouble::html(lang, "/", matter)));
    }
    pages.extend(admin::all(lang));
    pages
}

fn cashiers() -> Vec<(&'static str, pay::Cashier)> {
    vec![
        ("alipay", pay::Cashier::TradeNo("2026112222001400000000000001".to_owned())),
        ("alipay-hold", pay::Cashier::OrderString("method=a&sign=b".to_owned())),
        ("wechat", pay::Cashier::Bridge(r#"{"package":"prepay_id=1"}"#.to_owned())),
    ]
}

fn codes_page() -> codes::CodesPage {
    let svg = r#"<svg viewBox="0 0 9 9"><path d="M4 4h1v1h-1z"/></svg>"#;
    let code = |channel| codes::PayCode { channel, svg: svg.to_owned(), link: None };
    let page = order_page(State::AwaitingPayment { expires_ms: NOW_MS + 300_000 });
    codes::CodesPage { page, codes: Channel::ALL.map(code).to_vec() }
}

pub fn tariff() -> Tariff {
    let period = |from_minute, price_mfen_per_kwh| PricePeriod { from_minute, price_mfen_per_kwh };
    let tier = |up_to_w, price_mfen_per_hour| PowerTier { up_to_w, price_mfen_per_hour };
    let plan = |id: &str, limit, price| Plan { id: PlanId::from(id), limit, price };
    Tariff {
        id: TariffId::from("T20261101"),
        electricity: DayPrices(vec![period(0, 35_000), period(480, 63_400), period(1_320, 35_000)]),
        service: Service::PowerTime {
            basis: PowerBasis::RealTime,
            tiers: vec![tier(200, 17_000), tier(350, 20_000), tier(550, 35_000)],
            over_top: OverTop::LastTier,
        },
        plans: vec![
            plan("full", PlanLimit::Full, PlanPrice::Metered { prepaid_fen: Fen(500) }),
            plan(
                "h4",
                PlanLimit::Time { duration_ms: 4 * HOUR_MS },
                PlanPrice::Package { price_fen: Fen(100) },
            ),
            plan("m2", PlanLimit::Money, PlanPrice::Metered { prepaid_fen: Fen(200) }),
            plan(
                "e1",
                PlanLimit::Energy { energy_wh: 1_000 },
                PlanPrice::Metered { prepaid_fen: Fen(300) },
            ),
        ],
        free_ms: 60_000,
        minimum_fen: Fen(0),
        cap_fen: Some(Fen(500)),
        longest_ms: 10 * HOUR_MS,
        utc_offset_minutes: 480,
    }
}

pub fn place() -> Place {
    Place {
        code: ScanCode::from_random(0x2_1234_5678_9abc),
        station_name: "3 号楼东侧 A2".to_owned(),
        connector: 4,
        site_name: "翠湖小区东门车棚".to_owned(),
        address: "杭州市西湖区文三路 128 号".to_owned(),
        operator: Operator {
            name: "西湖邻里充电".to_owned(),
            service_phone: "0571-8800 1234".to_owned(),
        },
    }
}

pub fn scan_page(lang: Lang) -> String {
    scan::html(lang, scan())
}

fn scan() -> scan::ScanPage {
    scan::ScanPage {
        place: place(),
        tariff: tariff(),
        now_ms: NOW_MS,
        idempotency_key: "8QZJ4M0T9C2B7X1W".to_owned(),
        channels: Channel::ALL.to_vec(),
        holds: false,
    }
}

/// As in the app of a platform that sets money aside.
fn scan_in_app() -> scan::ScanPage {
    scan::ScanPage { holds: true, channels: vec![], ..scan() }
}

pub fn hold_page(lang: Lang) -> String {
    let page = pay::PayPage {
        cashier: pay::Cashier::OrderString("method=alipay.fund.auth&sign=abc".to_owned()),
        held_fen: Some(Fen(500)),
        in_mini_program: false,
        order_path: format!("/orders/{ORDER}"),
    };
    pay::html(lang, page)
}

pub fn order_in(state: State) -> Order {
    let tariff = tariff();
    let plan = tariff.plans[0].clone();
    let limits = Limits::of(&tariff, &plan);
    let paid = !matches!(
        state,
        State::AwaitingPayment { .. } | State::Cancelled { reason: CancelReason::Expired, .. }
    );
    let payment = Payment {
        id: "P1".to_owned().into(),
        channel: Channel::Alipay,
        amount_fen: Fen(500),
        trade_no: "2026112222001".to_owned(),
        paid_ms: NOW_MS - 5_000,
        held: false,
        buyer_open_id: None,
    };
    Order {
        id: OrderId::from(ORDER),
        operator_id: "op".to_owned().into(),
        site_id: "site".to_owned().into(),
        socket_id: "socket".to_owned().into(),
        rider_id: "rider".to_owned().into(),
        created_ms: NOW_MS - 20_000,
        terms: Terms { tariff, plan, prepaid_fen: Fen(500), limits },
        payments: if paid { vec![payment] } else { vec![] },
        refunds: refunds(&state),
        captures: vec![],
        state,
    }
}

fn refunds(state: &State) -> Vec<Refund> {
    let refund = |amount_fen, reason, status| Refund {
        id: "R1".to_owned().into(),
        payment_id: "P1".to_owned().into(),
        amount_fen,
        reason,
        status,
    };
    let done = RefundStatus::Done { at_ms: NOW_MS - 30_000 };
    match state {
        State::Settled(settlement) => {
            let amount = settlement.bill.refund_fen;
            vec![refund(amount, RefundReason::Unused, RefundStatus::Pending)]
        }
        State::Closed(settlement) => {
            vec![refund(settlement.bill.refund_fen, RefundReason::Unused, done)]
        }
        State::StartFailed { .. } => {
            vec![refund(Fen(500), RefundReason::NotStarted, RefundStatus::Parked)]
        }
        State::Cancelled { reason: CancelReason::SocketTaken, .. } => {
            vec![refund(Fen(500), RefundReason::SocketTaken, RefundStatus::Pending)]
        }
        _ => vec![],
    }
}

/// Constant power, then taper: `minutes` of it, ending now.
pub fn usage(minutes: i64) -> Usage {
    let started_ms = NOW_MS - minutes * 60_000;
    let (mut energy_mwh, mut samples) = (0, vec![]);
    for minute in 1..=minutes {
        let power_w = if minute < 100 { 236 + minute % 7 } else { 236 - (minute - 100) * 2 };
        energy_mwh += power_w * 1_000 / 60;
        samples.push(Sample {
            at_ms: started_ms + minute * 60_000,
            energy_wh: energy_mwh / 1_000,
            power_w: Some(power_w),
        });
    }
    Usage { started_ms, ended_ms: NOW_MS, energy_wh: energy_mwh / 1_000, samples }
}

pub fn bill(usage: &Usage) -> Bill {
    let tariff = tariff();
    settle(&tariff, &tariff.plans[0], Fen(500), usage).expect("the sample can be billed")
}

pub fn settlement() -> Settlement {
    let usage = usage(155);
    Settlement {
        session: Session { transaction_id: 7, started_ms: usage.started_ms },
        reason: StopReason::Full,
        bill: bill(&usage),
        usage,
        settled_ms: NOW_MS - 60_000,
        final_reading_missing: false,
    }
}

pub fn states() -> Vec<(&'static str, State)> {
    let session = Session { transaction_id: 7, started_ms: NOW_MS - 155 * 60_000 };
    let (since_ms, deadline_ms) = (NOW_MS - 5_000, NOW_MS + 40_000);
    vec![
        ("paying", State::AwaitingPayment { expires_ms: NOW_MS + 580_000 }),
        ("starting", State::Starting { since_ms, deadline_ms, accepted: false }),
        ("accepted", State::Starting { since_ms, deadline_ms, accepted: true }),
        ("unknown", State::StartUnknown { since_ms, gives_up_ms: deadline_ms }),
        ("charging", State::Charging(session.clone())),
        (
            "finishing",
            State::Finishing { session, reason: StopReason::Rider, since_ms, deadline_ms },
        ),
        ("settled", State::Settled(settlement())),
        ("closed", State::Closed(settlement())),
        ("cancelled", State::Cancelled { reason: CancelReason::Expired, at_ms: NOW_MS }),
        ("taken", State::Cancelled { reason: CancelReason::SocketTaken, at_ms: NOW_MS }),
        ("failed", State::StartFailed { reason: StartFailure::NoCurrent, at_ms: NOW_MS }),
    ]
}

pub fn order_page(state: State) -> order::OrderPage {
    let runs = matches!(state, State::Charging(_) | State::Finishing { .. });
    let usage = usage(155);
    let progress = runs.then(|| (usage.clone(), bill(&usage)));
    order::OrderPage {
        order: order_in(state),
        place: place(),
        progress,
        now_ms: NOW_MS,
        channels: Channel::ALL.to_vec(),
        holds: false,
    }
}

/// The same on money that is only set aside, of which a settled charge's bill is taken.
pub fn held_page(state: State) -> order::OrderPage {
    let mut page = order_page(state);
    (page.holds, page.channels) = (true, vec![]);
    hold_instead(&mut page.order);
    page
}

fn hold_instead(order: &mut Order) {
    order.payments.iter_mut().for_each(|payment| payment.held = true);
    order.refunds.clear();
    let (amount_fen, status) = match &order.state {
        State::Settled(settlement) => (settlement.bill.total_fen, CaptureStatus::Pending),
        State::Closed(settlement) => {
            (settlement.bill.total_fen, CaptureStatus::Done { at_ms: NOW_MS - 30_000 })
        }
        State::StartFailed { .. } => (Fen::ZERO, CaptureStatus::Parked),
        State::Cancelled { reason: CancelReason::SocketTaken, .. } => {
            (Fen::ZERO, CaptureStatus::Pending)
        }
        _ => return,
    };
    let payment_id = order.payments[0].id.clone();
    order.captures = vec![Capture { id: "P1C".to_owned().into(), payment_id, amount_fen, status }];
}

pub fn held_receipt_page() -> receipt::ReceiptPage {
    let mut page = receipt_page();
    hold_instead(&mut page.order);
    page
}

pub fn receipt_page() -> receipt::ReceiptPage {
    let settlement = settlement();
    let order = order_in(State::Closed(settlement.clone()));
    receipt::ReceiptPage { order, settlement, place: place(), now_ms: NOW_MS }
}

fn mine_page() -> mine::MinePage {
    let orders = states().into_iter().map(|(_, state)| order_in(state)).collect();
    mine::MinePage { orders, now_ms: NOW_MS }
}

fn blocked() -> Vec<(&'static str, Blocked)> {
    vec![
        ("busy", Blocked::Busy),
        ("own", Blocked::Own(OrderId::from(ORDER))),
        ("offline", Blocked::Offline),
        ("faulted", Blocked::Faulted),
        ("unavailable", Blocked::Unavailable),
    ]
}

fn troubles() -> Vec<(&'static str, Trouble)> {
    vec![
        ("bad-code", Trouble::BadCode("7K3M-9QX2".to_owned(), CodeError::Length)),
        ("unknown-code", Trouble::UnknownCode("7K3M-9QX2-T4B8".to_owned())),
        ("not-found", Trouble::NotFound),
        ("internal", Trouble::Internal),
        ("too-many", Trouble::TooMany),
        ("bad-form", Trouble::BadForm),
        ("price-changed", Trouble::PriceChanged("/s/7K3M9QX2T4B8".to_owned())),
        ("platform", Trouble::Platform(format!("/orders/{ORDER}"))),
        ("too-late", Trouble::TooLate(format!("/orders/{ORDER}"))),
    ]
}

fn demo() -> DemoPage {
    let socket = |connector| SocketCode {
        place: Place { connector, ..place() },
        qr_svg: "<svg viewBox=\"0 0 9 9\"><path d=\"M0 0h9v9H0z\"/></svg>".to_owned(),
    };
    let site = |name: &str| DemoSite {
        name: name.to_owned(),
        address: place().address,
        sockets: (1..=4).map(socket).collect(),
    };
    DemoPage {
        sites: vec![site("翠湖小区东门车棚"), site("创业园 B 座地下")],
        operator_login: Some("demo / demo".to_owned()),
    }
}
