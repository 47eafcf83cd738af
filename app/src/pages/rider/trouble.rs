//! What is in the way, what it means for the money, and what to do.

use leptos::prelude::*;
use wasm_core::ids::OrderId;
use wasm_core::link::CodeError;
use wasm_core::tariff::Tariff;

use crate::lang::Lang;
use crate::parts::notice::{code_form, notice};
use crate::parts::place::{Place, Tone, heading};
use crate::parts::price;
use crate::render::{Frame, Manner, PageHead, page};
use crate::text::{Notice, Text};

/// Why a socket cannot be used now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// Another rider charges here.
    Busy,
    /// This rider's own order has it.
    Own(OrderId),
    /// The station has no link, or the socket has never reported.
    Offline,
    /// Out of order.
    Faulted,
    /// Switched off or reserved.
    Unavailable,
}

/// A socket that cannot be used now. The price is shown all the same.
#[derive(Clone, Debug)]
pub struct BlockedPage {
    /// Where.
    pub place: Place,
    /// Why.
    pub why: Blocked,
    /// The price list in force.
    pub tariff: Tariff,
    /// Milliseconds UTC.
    pub now_ms: i64,
}

/// Trouble that belongs to no socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The text is not a scan code; what was typed, and what is wrong with it.
    BadCode(String, CodeError),
    /// No socket has the code.
    UnknownCode(String),
    /// No such page or order.
    NotFound,
    /// Our own trouble.
    Internal,
    /// Too many requests.
    TooMany,
    /// The form came from elsewhere or is incomplete.
    BadForm,
    /// The price changed while the page was open; the way back to it.
    PriceChanged(String),
    /// The payment platform did not answer; the way to the order.
    Platform(String),
    /// The order's state does not allow it any more; the way to the order.
    TooLate(String),
}

/// The page of a socket that cannot be used now.
pub fn blocked_html(lang: Lang, blocked: BlockedPage) -> String {
    let text = Text::of(lang);
    let (matter, tone) = match blocked.why {
        Blocked::Busy => (&text.trouble.busy, Tone::Quiet),
        Blocked::Own(_) => (&text.trouble.own, Tone::Good),
        Blocked::Offline => (&text.trouble.offline, Tone::Caution),
        Blocked::Faulted => (&text.trouble.faulted, Tone::Caution),
        Blocked::Unavailable => (&text.trouble.unavailable, Tone::Quiet),
    };
    let head = PageHead {
        title: matter.title.to_owned(),
        path: blocked.place.path(),
        operator: Some(blocked.place.operator.clone()),
        manner: Manner::Still,
        frame: Frame::Column,
    };
    page(lang, head, move || {
        let (href, label) = match &blocked.why {
            Blocked::Own(order) => (format!("/orders/{order}"), text.trouble.to_order),
            _ => (blocked.place.path(), text.trouble.again),
        };
        view! {
            {heading(text, &blocked.place, matter.title, tone)}
            <section class=format!("card notice {}", tone.class())>
                <p>{matter.body}</p>
                <p>{matter.advice}</p>
                <a class="button main" href=href>{label}</a>
            </section>
            {price::list(text, &blocked.tariff, blocked.now_ms)}
        }
    })
}

/// A page about trouble; `path` is the page's own.
pub fn html(lang: Lang, path: &str, trouble: Trouble) -> String {
    let text = Text::of(lang);
    let (matter, detail) = describe(text, &trouble);
    let head = PageHead {
        title: matter.title.to_owned(),
        path: path.to_owned(),
        operator: None,
        manner: Manner::Still,
        frame: Frame::Column,
    };
    page(lang, head, move || {
        let code = match &trouble {
            Trouble::BadCode(typed, _) | Trouble::UnknownCode(typed) => Some(typed.clone()),
            _ => None,
        };
        let (href, label) = match trouble {
            Trouble::PriceChanged(path) => (path, text.trouble.again),
            Trouble::Platform(path) | Trouble::TooLate(path) => (path, text.trouble.to_order),
            _ => ("/me".to_owned(), text.frame.my_orders),
        };
        view! {
            {notice(Tone::Caution, matter, detail)}
            {code.map(|typed| code_form(text, &typed))}
            <a class="button" href=href>{label}</a>
        }
    })
}

fn describe(text: &'static Text, trouble: &Trouble) -> (&'static Notice, Option<String>) {
    let notices = &text.trouble;
    match trouble {
        Trouble::BadCode(_, error) => {
            (&notices.bad_code, Some((text.code_error)(*error).to_owned()))
        }
        Trouble::UnknownCode(_) => (&notices.unknown_code, None),
        Trouble::NotFound => (&notices.not_found, None),
        Trouble::Internal => (&notices.internal, None),
        Trouble::TooMany => (&notices.too_many, None),
        Trouble::BadForm => (&notices.bad_form, None),
        Trouble::PriceChanged(_) => (&notices.price_changed, None),
        Trouble::Platform(_) => (&notices.platform, None),
        Trouble::TooLate(_) => (&notices.too_late, None),
    }
}
