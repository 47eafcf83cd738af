//! Every page in every state and both languages: complete without script, nothing left out.

mod samples;

use app::lang::Lang;
use app::pages::admin::splits::editor;
use app::pages::admin::{books, cases, overview, splits};
use app::pages::rider::{order, receipt};
use app::text::Text;
use wasm_core::order::{Action, State};

use samples::admin;

/// What a page shows: its HTML without tags, scripts' properties included.
fn visible(html: &str) -> String {
    let (mut text, mut in_tag) = (String::new(), false);
    for c in html.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    text
}

#[test]
fn every_page_is_whole_and_has_one_heading() {
    for lang in Lang::ALL {
        for (name, html) in samples::all(lang) {
            assert!(html.starts_with("<!DOCTYPE html><html lang=\""), "{name}");
            assert!(html.ends_with("</html>"), "{name}");
            assert_eq!(html.matches("<h1").count(), 1, "{name} {lang:?}");
            assert!(!html.contains("style=\""), "{name}: the policy forbids inline styles");
            assert!(!html.contains("<script>"), "{name}: the policy forbids inline scripts");
        }
    }
}

#[test]
fn no_page_shows_a_negative_amount() {
    for (name, html) in samples::all(Lang::Zh) {
        assert!(!visible(&html).contains("-¥"), "{name}");
    }
}

#[test]
fn english_pages_speak_english() {
    // Names of places and people stay as they are; our own words do not.
    for (name, html) in samples::all(Lang::En) {
        let zh = Text::of(Lang::Zh);
        let words = [
            zh.price.title,
            zh.scan.pay,
            zh.order.stop,
            zh.order.cancel,
            zh.bill.refund,
            zh.frame.my_orders,
            zh.trouble.again,
        ];
        for word in words {
            assert!(!visible(&html).contains(word), "{name}: {word}");
        }
    }
}

#[test]
fn the_scan_page_shows_the_whole_price_and_a_complete_form() {
    let html = samples::scan_page(Lang::Zh);
    let shown = visible(&html);
    for price in ["¥0.634", "¥0.35", "¥0.17", "¥0.20", "¥5.00", "10 小时", "1 分钟内"] {
        assert!(shown.contains(price), "{price}");
    }
    let price = html.find("id=\"price\"").expect("the price list");
    let form = html.find("<form").expect("the form");
    assert!(price < form, "the price stands before anything to choose");
    for field in [
        "method=\"post\"",
        "name=\"plan\" id=\"plan-0\" value=\"full:500\"",
        "value=\"h4:100\"",
        "name=\"tariff_id\" value=\"T20261101\"",
        "name=\"idempotency_key\" value=\"8QZJ4M0T9C2B7X1W\"",
    ] {
        assert!(html.contains(field), "{field}");
    }
    assert_eq!(html.matches(" checked").count(), 3, "one plan, one power, one platform");
}

#[test]
fn an_order_shows_exactly_the_buttons_that_make_sense() {
    for (name, state) in samples::states() {
        let page = samples::order_page(state);
        let actions = page.order.actions();
        let html = order::html(Lang::Zh, page.clone());
        for (action, end) in [
            (Action::Pay, "/pay\""),
            (Action::Cancel, "/cancel\""),
            (Action::Stop, "/stop\""),
            (Action::Receipt, "/receipt\""),
        ] {
            assert_eq!(html.contains(end), actions.contains(&action), "{name} {action:?}");
        }
    }
}

#[test]
fn a_page_follows_its_order_while_anything_may_happen() {
    for (name, state) in samples::states() {
        let still = matches!(state, State::Closed(_))
            || name == "cancelled"
            // Its refund waits for a person, not for a moment.
            || name == "failed";
        let html = order::html(Lang::Zh, samples::order_page(state));
        assert_eq!(html.contains("http-equiv=\"refresh\""), !still, "{name}");
        assert_eq!(html.contains("data-island=\""), !still, "{name}");
    }
}

#[test]
fn money_set_aside_is_never_called_paid_or_refunded() {
    for lang in Lang::ALL {
        let text = Text::of(lang);
        for (name, state) in samples::states() {
            let page = samples::held_page(state);
            if page.order.payments.is_empty() {
                continue;
            }
            let shown = visible(&order::html(lang, page));
            for word in [text.order.came_back, text.order.comes_back, text.bill.refund_way] {
                assert!(!shown.contains(word), "{name}: {word} in {shown}");
            }
            let step = (text.order.step_paid)("¥5.00");
            assert!(!shown.contains(&step), "{name}: {step}");
            assert!(shown.contains(text.hold.aside), "{name}: {shown}");
        }
        let shown = visible(&receipt::html(lang, samples::held_receipt_page()));
        let bill = samples::settlement().bill;
        let rest = bill.paid_fen - bill.total_fen;
        let [aside, taken, rest] = [bill.paid_fen, bill.total_fen, rest].map(|fen| fen.to_string());
        let sum = (text.hold.sum)(&aside, &taken, &rest);
        assert_eq!(shown.matches(&sum).count(), 2, "{sum} in {shown}");
        assert!(!shown.contains(text.bill.refund), "{shown}");
    }
}

#[test]
fn setting_money_aside_is_offered_only_where_it_can_be() {
    let text = Text::of(Lang::Zh);
    let pages = samples::all(Lang::Zh);
    for (name, html) in &pages {
        let offered = html.contains("value=\"hold\"");
        assert_eq!(offered, matches!(name.as_str(), "scan-hold" | "order-paying-hold"), "{name}");
    }
    let (_, scan) = pages.iter().find(|(name, _)| name == "scan-hold").expect("the page");
    let shown = visible(scan);
    assert!(shown.contains(text.hold.button) && shown.contains(text.scan.pay), "{shown}");
    let said = (text.hold.explain)("¥5.00");
    assert!(visible(&samples::hold_page(Lang::Zh)).contains(&said), "what is taken at most");
}

#[test]
fn a_cost_below_one_fen_is_said_in_words() {
    let (_, state) = samples::states().remove(4);
    let mut page = samples::order_page(state);
    for (energy_wh, tiny) in [(0, false), (1, true)] {
        let (usage, bill) = page.progress.as_mut().expect("it runs");
        usage.energy_wh = energy_wh;
        (bill.electricity_fen, bill.service_fen, bill.total_fen) = Default::default();
        let html = order::html(Lang::Zh, page.clone());
        assert_eq!(html.contains("data-when=\"tiny\" hidden"), !tiny, "{energy_wh} Wh");
        assert_eq!(html.contains("data-when=\"cost\" hidden"), tiny, "{energy_wh} Wh");
    }
}

#[test]
fn a_receipt_adds_up_before_the_readers_eyes() {
    let bill = samples::settlement().bill;
    let html = receipt::html(Lang::Zh, samples::receipt_page());
    let shown = visible(&html);
    for line in &bill.lines {
        assert!(shown.contains(&line.amount_fen.to_string()), "{line:?}");
    }
    for amount in [bill.electricity_fen, bill.service_fen, bill.total_fen, bill.refund_fen] {
        assert!(shown.contains(&amount.to_string()), "{amount}");
    }
    assert!(shown.contains("0.563 kWh × ¥0.634/度"), "{shown}");
    assert!(shown.contains("T20261101"), "the price list's version");
}

#[test]
fn staff_see_the_buttons_of_their_rights_only() {
    let all = overview::html(Lang::Zh, admin::overview_page());
    let charging = 1;
    assert_eq!(all.matches("/stop\"").count(), charging, "one charge runs");
    assert_eq!(all.matches("/retry\"").count(), 2, "two jobs are parked");
    assert!(all.contains("href=\"/admin/books\""));
    let pages = admin::all(Lang::Zh);
    let (_, looking) = pages.iter().find(|(name, _)| name == "admin-overview-looking").unwrap();
    for button in ["/stop\"", "/retry\"", "href=\"/admin/books\""] {
        assert!(!looking.contains(button), "{button}");
    }
}

#[test]
fn the_overview_tells_electricity_and_service_apart() {
    let shown = visible(&overview::html(Lang::En, admin::overview_page()));
    for figure in ["¥1284.50", "¥412.07", "¥389.60", "¥471.00", "GroundFailure"] {
        assert!(shown.contains(figure), "{figure}: {shown}");
    }
    let bill = samples::settlement().bill;
    for amount in [bill.electricity_fen, bill.service_fen] {
        assert!(shown.contains(&amount.to_string()), "{amount}");
    }
}

#[test]
fn partners_parts_say_what_is_owed_either_way_and_why_it_waits() {
    let page = admin::splits_page();
    let shown = visible(&splits::html(Lang::En, page.clone()));
    for figure in ["¥123.45", "¥120.00", "¥3.45", "¥0.45", "ACQ.ROYALTY_RECEIVER_INVALID", "35.00%"]
    {
        assert!(shown.contains(figure), "{figure}: {shown}");
    }
    let html = splits::html(Lang::Zh, page.clone());
    assert_eq!(html.matches("/retry\"").count(), 4);
    assert_eq!(html.matches("/admin/splits/sites/").count(), 2);
    let mut looking = page;
    looking.staff.rights = app::pages::admin::frame::Rights::default();
    let html = splits::html(Lang::Zh, looking);
    for button in ["/retry\"", "/admin/splits/sites/"] {
        assert!(!html.contains(button), "{button}");
    }
}

#[test]
fn a_refused_rule_is_shown_as_typed_with_what_is_wrong_and_no_way_to_confirm() {
    let html = editor::html(Lang::En, admin::rule_page());
    let shown = visible(&html);
    for words in
        ["the limit is 30.00%", "has no account at Alipay", "takes nothing back from persons"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    for field in ["name=\"p1_id\"", "value=\"wuye\"", "value=\"90.00\"", "value=\"0.60\""] {
        assert!(html.contains(field), "{field}");
    }
    assert!(!html.contains("name=\"confirmed\""), "errors cannot be confirmed");
}

#[test]
fn both_sides_of_the_books_have_the_same_sum() {
    let shown = visible(&books::html(Lang::Zh, admin::books_page()));
    assert_eq!(shown.matches("¥815.65").count(), 2, "{shown}");
}

#[test]
fn a_case_shows_its_evidence_and_each_way_to_decide_it() {
    let html = cases::case_html(Lang::En, admin::case_page());
    let shown = visible(&html);
    for part in ["Theirs only", "¥5.00", "¥0.03", "amount_fen", "proposed", "Ask the platform"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    for part in ["value=\"ask_platform\"", "value=\"suspense\"", "/accept\"", "/dismiss\""] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn only_operators_load_the_operators_styles() {
    for (name, html) in samples::all(Lang::Zh) {
        assert_eq!(html.contains("/static/admin.css"), name.starts_with("admin-"), "{name}");
    }
}
