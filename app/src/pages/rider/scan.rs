//! `/s/{code}`: the socket, its whole price, the plans, and one button.

use leptos::prelude::*;
use wasm_core::order::Channel;
use wasm_core::tariff::Tariff;

use crate::islands::choose::{Offer, Shop, choose};
use crate::lang::Lang;
use crate::parts::place::{Place, Tone, heading};
use crate::parts::{plan, price};
use crate::render::{Frame, Manner, PageHead, page};
use crate::text::Text;

/// A free socket.
#[derive(Clone, Debug)]
pub struct ScanPage {
    /// Where.
    pub place: Place,
    /// The price list in force.
    pub tariff: Tariff,
    /// Milliseconds UTC.
    pub now_ms: i64,
    /// Makes one order of a form sent twice: new for each page.
    pub idempotency_key: String,
    /// The platforms to choose among; none where the place decides.
    pub channels: Vec<Channel>,
    /// Whether the platform, from here, sets money aside instead of being paid.
    pub holds: bool,
}

/// The page of a free socket.
pub fn html(lang: Lang, scan: ScanPage) -> String {
    let text = Text::of(lang);
    let head = PageHead {
        title: format!("{} · {}", text.scan.title, scan.place.site_name),
        path: scan.place.path(),
        operator: Some(scan.place.operator.clone()),
        manner: Manner::Islands,
        frame: if scan.holds { Frame::TallBar } else { Frame::Bar },
    };
    page(lang, head, move || {
        let place = heading(text, &scan.place, text.scan.free, Tone::Good);
        let prices = price::list(text, &scan.tariff, scan.now_ms);
        view! {
            {place}
            {prices}
            {choose(text, &shop(text, scan))}
        }
    })
}

fn shop(text: &Text, scan: ScanPage) -> Shop {
    let offers = scan.tariff.plans.iter().map(|bought| Offer {
        plan_id: bought.id.clone(),
        prepaid_fen: plan::price(bought),
        title: plan::title(text, bought),
        note: plan::note(text, bought),
        price_note: plan::price_note(text, bought),
    });
    Shop {
        action: format!("{}/order", scan.place.path()),
        offers: offers.collect(),
        now_ms: scan.now_ms,
        key: scan.idempotency_key,
        channels: scan.channels,
        holds: scan.holds,
        tariff: scan.tariff,
    }
}
