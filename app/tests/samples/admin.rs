//! The operator's pages: full, empty, and without rights.

use app::lang::Lang;
use app::pages::admin::books::{self, BooksPage};
use app::pages::admin::cases::{self, Case, CasePage, CasesPage, Run};
use app::pages::admin::codes::{self, CodesPage};
use app::pages::admin::frame::{Rights, Staff};
use app::pages::admin::ledger::{
    self, AccountLine, ClosedDay, DaysPage, StatementLine, StatementPage,
};
use app::pages::admin::login::{self, Refused};
use app::pages::admin::order as one;
use app::pages::admin::overview::{self, OverviewPage, Parked, Running, Spot, Takings};
use app::pages::admin::sites::{Condition, Site, Socket, Station};
use app::pages::admin::splits::editor::{self, RuleForm, RulePage};
use app::pages::admin::splits::{self, Partner, SiteRule, SplitsPage, Waiting};
use app::pages::admin::trouble::{self, Trouble};
use app::parts::code_card::SocketCode;
use wasm_core::money::Fen;
use wasm_core::order::{Channel, State};
use wasm_core::posting::Transaction;
use wasm_core::share::{ChannelLimits, SplitRule, Typical, lint};

use super::{NOW_MS, order_in, order_page, place, settlement, states};

/// A user who may do all.
pub fn staff() -> Staff {
    let rights = Rights {
        stop_charges: true,
        retry_jobs: true,
        read_books: true,
        decide_cases: true,
        give_back: true,
        share_rules: true,
    };
    Staff { operator_name: "翠湖充电".to_owned(), login: "cuihu".to_owned(), rights }
}

/// Every page: its name and its HTML.
pub fn all(lang: Lang) -> Vec<(String, String)> {
    let page = |name: &str, html| (format!("admin-{name}"), html);
    let looking =
        OverviewPage { staff: Staff { rights: Rights::default(), ..staff() }, ..overview_page() };
    let mut pages = vec![
        page("login", login::html(lang, None, String::new())),
        page("login-wrong", login::html(lang, Some(Refused::Wrong), "cuihu".to_owned())),
        page("login-too-many", login::html(lang, Some(Refused::TooMany), "cuihu".to_owned())),
        page("overview", overview::html(lang, overview_page())),
        page("overview-empty", overview::html(lang, empty_page())),
        page("overview-looking", overview::html(lang, looking)),
        page("books", books::html(lang, books_page())),
        page("books-wrong", books::html(lang, wrong_books())),
        page("days", ledger::days_html(lang, days_page(3))),
        page("days-empty", ledger::days_html(lang, days_page(0))),
        page("statement", ledger::statement_html(lang, statement_page("wuye"))),
        page("statement-own", ledger::statement_html(lang, statement_page(""))),
        page("cases", cases::list_html(lang, cases_page(true))),
        page("cases-empty", cases::list_html(lang, cases_page(false))),
        page("case", cases::case_html(lang, case_page())),
        page("case-refused", cases::case_html(lang, refused_case())),
        page("order", one::html(lang, one_order())),
        page("order-refused", one::html(lang, refused_one())),
        page("splits", splits::html(lang, splits_page())),
        page("splits-empty", splits::html(lang, empty_splits())),
        page("splits-rule", editor::html(lang, rule_page())),
        page("codes", codes::html(lang, codes_page(4))),
        page("codes-empty", codes::html(lang, codes_page(0))),
    ];
    for (name, matter) in [
        ("not-found", Trouble::NotFound),
        ("not-allowed", Trouble::NotAllowed),
        ("bad-form", Trouble::BadForm),
        ("too-late", Trouble::TooLate),
        ("internal", Trouble::Internal),
    ] {
        pages.push(page(name, trouble::html(lang, matter)));
    }
    pages
}

/// A day with something of everything.
pub fn overview_page() -> OverviewPage {
    let orders: Vec<_> =
        states().into_iter().map(|(_, state)| (Some(spot()), order_in(state))).collect();
    let running = |state: State| {
        let page = order_page(state);
        Running {
            energy_wh: page.progress.as_ref().map(|(usage, _)| usage.energy_wh),
            cost_fen: page.progress.as_ref().map(|(_, bill)| bill.total_fen),
            order: page.order,
            spot: Some(spot()),
        }
    };
    let held = states().into_iter().map(|(_, state)| state);
    let held = held.filter(|state| order_in(state.clone()).holds_socket());
    let takings = Takings {
        paid_fen: Fen(128_450),
        electricity_fen: Fen(41_207),
        service_fen: Fen(38_960),
        discount_fen: Fen(215),
        refunded_fen: Fen(47_100),
    };
    OverviewPage {
        takings,
        parked: vec![parked("refund", Some(Fen(437))), parked("stop_socket", None)],
        running: held.map(running).collect(),
        sites: vec![site(), Site { stations: vec![], name: "新站点".to_owned(), ..site() }],
        orders_today: 214,
        orders,
        ..empty_page()
    }
}

fn empty_page() -> OverviewPage {
    OverviewPage {
        staff: staff(),
        now_ms: NOW_MS,
        utc_offset_minutes: 480,
        takings: Takings::default(),
        parked: vec![],
        running: vec![],
        sites: vec![],
        orders: vec![],
        orders_today: 0,
    }
}

fn spot() -> Spot {
    let place = place();
    Spot {
        site_name: place.site_name,
        station_name: place.station_name,
        connector: place.connector,
    }
}

fn parked(kind: &str, amount_fen: Option<Fen>) -> Parked {
    Parked {
        id: format!("job-{kind}"),
        kind: kind.to_owned(),
        order_id: order_page(State::AwaitingPayment { expires_ms: 0 }).order.id,
        amount_fen,
        why: "refused: ACQ.SELLER_BALANCE_NOT_ENOUGH".to_owned(),
        parked_ms: NOW_MS - 90_000_000,
        spot: Some(spot()),
    }
}

fn site() -> Site {
    let conditions = [
        Condition::Free,
        Condition::Busy,
        Condition::Plugged,
        Condition::Faulted("GroundFailure".to_owned()),
        Condition::Closed,
        Condition::Silent,
    ];
    let socket = |(connector, condition)| Socket { connector, code: place().code, condition };
    let away = Socket { connector: 1, code: place().code, condition: Condition::Unreachable };
    let station = |name: &str, last_seen_ms, sockets| Station {
        name: name.to_owned(),
        online: last_seen_ms == Some(NOW_MS),
        last_seen_ms,
        sockets,
    };
    Site {
        id: "cuihu".to_owned(),
        name: place().site_name,
        address: place().address,
        stations: vec![
            station("东门 1", Some(NOW_MS), (1..).zip(conditions).map(socket).collect()),
            station("东门 2", Some(NOW_MS - 100_000_000), vec![away.clone()]),
            station("东门 3", None, vec![away]),
        ],
    }
}

/// Books that are whole.
pub fn books_page() -> BooksPage {
    BooksPage {
        staff: staff(),
        balances: vec![
            ("clearing", Fen(81_350)),
            ("prepaid", Fen(-1_000)),
            ("refunds", Fen(-437)),
            ("electricity", Fen(-41_207)),
            ("service", Fen(-38_921)),
            ("discount", Fen(215)),
            ("allowance", Fen(0)),
            ("share", Fen(0)),
            ("payable", Fen(0)),
        ],
        transactions: 861,
        debits_fen: Fen(260_117),
        orders: 214,
        wrong: 0,
        findings: vec![],
    }
}

fn wrong_books() -> BooksPage {
    let finding = r#"{"finding":"altered","transaction_id":"7K3M9QX2T4B8N6WZ0HVC"}"#.to_owned();
    BooksPage { wrong: 1, findings: vec![finding], ..books_page() }
}

fn days_page(days: i64) -> DaysPage {
    let day = |number: i64| ClosedDay {
        day: format!("2026-11-{:02}", 24 - number),
        transactions: 861,
        debits_fen: Fen(260_117),
        hash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
    };
    let account = AccountLine {
        account: "clearing:alipay".to_owned(),
        debits_fen: Fen(128_450),
        credits_fen: Fen(47_100),
        balance_fen: Fen(81_350),
    };
    let accounts = if days == 0 { vec![] } else { vec![account] };
    DaysPage { staff: staff(), days: (0..days).map(day).collect(), accounts }
}

fn statement_page(party: &str) -> StatementPage {
    let line = StatementLine {
        day: "2026-11-23".to_owned(),
        account: "payable:cuihu:wuye".to_owned(),
        kind: "split".to_owned(),
        debits_fen: Fen::ZERO,
        credits_fen: Fen(1_205),
    };
    StatementPage {
        staff: staff(),
        parties: vec![("wuye".to_owned(), Fen(1_205))],
        party: party.to_owned(),
        from: "2026-11-18".to_owned(),
        to: "2026-11-24".to_owned(),
        lines: if party.is_empty() { vec![] } else { vec![line] },
        query: format!("party={party}&from=2026-11-18&to=2026-11-24"),
    }
}

fn case(status: &str) -> Case {
    Case {
        id: "ff42154870f1ef59c549".to_owned(),
        channel: "alipay",
        day: "2026-11-23".to_owned(),
        kind: "theirs_only".to_owned(),
        number: "in:7K3M9QX2T4B8N6WZ0HVCP1".to_owned(),
        order_id: "7K3M9QX2T4B8N6WZ0HVC".to_owned(),
        ours_fen: Fen::ZERO,
        theirs_fen: Fen(500),
        fee_fen: Fen(3),
        status: status.to_owned(),
        decided: (status == "accepted")
            .then(|| ("finance".to_owned(), "2026-11-24 11:02:03".to_owned())),
        note: String::new(),
    }
}

fn cases_page(full: bool) -> CasesPage {
    let run = |status: &str, error: &str| Run {
        channel: "wechat",
        day: "2026-11-23".to_owned(),
        status: status.to_owned(),
        counts: error.is_empty().then_some((4_210, 4_208, 2)),
        error: error.to_owned(),
    };
    let page = CasesPage { staff: staff(), runs: vec![], open: vec![], decided: vec![] };
    if !full {
        return page;
    }
    CasesPage {
        runs: vec![run("done", ""), run("failed", "platform: refused: NONE no bill yet")],
        open: vec![case("open"), case("waiting")],
        decided: vec![case("accepted")],
        ..page
    }
}

/// A case that somebody has to decide.
pub fn case_page() -> CasePage {
    CasePage {
        staff: staff(),
        case: case("open"),
        evidence: "{\n  \"bill\": { \"amount_fen\": 500 },\n  \"ledger\": null\n}".to_owned(),
        proposed: "ask_platform".to_owned(),
        repairs: vec!["ask_platform", "suspense"],
        refused: None,
    }
}

fn refused_case() -> CasePage {
    CasePage { refused: Some(("not_confirmed", "Waiting".to_owned())), ..case_page() }
}

/// An order that was split, of which part was given back since.
pub fn one_order() -> one::OrderPage {
    let order = order_page(State::Closed(settlement())).order;
    let shares =
        [("翠湖物业", 45, 5, "done"), ("远山投资", 12, 0, "refused"), ("翠湖充电", 60, 0, "kept")];
    let part = |(name, amount, back, status): (&str, i64, i64, &str)| one::PartnersPart {
        name: name.to_owned(),
        amount_fen: Fen(amount),
        back_fen: Fen(back),
        status: status.to_owned(),
    };
    let paid = Transaction::arrived(&order, &order.payments[0]);
    one::OrderPage {
        staff: staff(),
        now_ms: NOW_MS,
        utc_offset_minutes: 480,
        spot: None,
        order,
        shares: shares.map(part).to_vec(),
        ledger: vec![(paid.kind.as_str().to_owned(), paid.postings)],
        form: one::GiveBackForm::default(),
        refused: None,
    }
}

fn refused_one() -> one::OrderPage {
    let (key, amount, reason) = ("K".to_owned(), "9.00".to_owned(), "充电慢".to_owned());
    let form = one::GiveBackForm { key, amount, reason };
    one::OrderPage { form, refused: Some("too_much"), shares: vec![], ..one_order() }
}

/// Partners, one of which owes, parts that wait, and a site with a rule and one without.
pub fn splits_page() -> SplitsPage {
    let partner = |name: &str, owed| Partner {
        name: name.to_owned(),
        shares_fen: Fen(12_345),
        paid_fen: Fen(12_345 - owed),
        owed_fen: Fen(owed),
    };
    let waiting = |status: &str| Waiting {
        name: "翠湖物业".to_owned(),
        order_id: order_page(State::AwaitingPayment { expires_ms: 0 }).order.id,
        amount_fen: Fen(12),
        status: status.to_owned(),
        why: "refused: ACQ.ROYALTY_RECEIVER_INVALID".to_owned(),
        since_ms: NOW_MS - 90_000_000,
        retry: "/admin/splits/orders/O/shares/wuye/retry".to_owned(),
    };
    let site = |id: &str, rule| SiteRule { id: id.to_owned(), name: place().site_name, rule };
    SplitsPage {
        partners: vec![partner("翠湖物业", 345), partner("远山投资", -45)],
        waiting: ["refused", "failed", "parked", "not_returned"].map(waiting).to_vec(),
        sites: vec![site("cuihu", Some(split_rule(3_500))), site("new", None)],
        ..empty_splits()
    }
}

fn empty_splits() -> SplitsPage {
    SplitsPage {
        staff: staff(),
        now_ms: NOW_MS,
        utc_offset_minutes: 480,
        partners: vec![],
        waiting: vec![],
        sites: vec![],
    }
}

/// A rule that gives a property so much of all, in basis points.
fn split_rule(basis_points: i64) -> SplitRule {
    let rule = serde_json::json!({
        "parties": [
            {
                "id": "own", "name": "翠湖充电", "role": "operator",
                "basis": {"by": "per_kwh", "price_mfen": 60_000},
            },
            {
                "id": "wuye", "name": "翠湖物业", "role": "property",
                "basis": {"by": "percent", "basis_points": basis_points},
                "accounts": [{"channel": "wechat", "kind": "person", "account": "o1", "name": "王"}],
            },
        ],
        "electricity": "inside",
        "rest_to": "own",
        "valid_from_ms": 0,
    });
    serde_json::from_value(rule).expect("a rule")
}

/// A rule that was refused, with what the linter says.
pub fn rule_page() -> RulePage {
    let rule = split_rule(9_000);
    let typical = Typical { total_fen: Fen(150), electricity_fen: Fen(90), energy_wh: 1_500 };
    let limits = Channel::ALL.map(ChannelLimits::published);
    let findings = lint(&rule, &limits, &typical, NOW_MS);
    RulePage {
        staff: staff(),
        site_id: "cuihu".to_owned(),
        site_name: place().site_name,
        form: RuleForm::of(&rule, 480),
        findings: findings.into_iter().map(|found| (found, "翠湖物业".to_owned())).collect(),
        unreadable: Some("soon".to_owned()),
    }
}

fn codes_page(sockets: i64) -> CodesPage {
    let code = |connector| SocketCode {
        place: app::parts::place::Place { connector, ..place() },
        qr_svg: "<svg viewBox=\"0 0 9 9\"><path d=\"M0 0h9v9H0z\"/></svg>".to_owned(),
    };
    CodesPage {
        staff: staff(),
        site_id: "cuihu".to_owned(),
        site_name: place().site_name,
        address: place().address,
        codes: (1..=sockets).map(code).collect(),
    }
}
