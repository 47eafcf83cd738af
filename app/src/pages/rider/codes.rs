//! `/orders/{id}/codes`: on a desk or a kiosk, a code of each platform for the rider's phone.

use leptos::prelude::*;
use wasm_core::order::Channel;

use super::order::{OrderPage, wait};
use crate::lang::Lang;
use crate::render::{Frame, Manner, PageHead, page};
use crate::text::Text;

/// An order to be paid with another phone.
#[derive(Clone, Debug)]
pub struct CodesPage {
    /// The order.
    pub page: OrderPage,
    /// A code of each platform.
    pub codes: Vec<PayCode>,
}

/// A platform's code.
#[derive(Clone, Debug)]
pub struct PayCode {
    /// The platform whose app reads it.
    pub channel: Channel,
    /// The code as an SVG.
    pub svg: String,
    /// Where it leads, if that can be opened here.
    pub link: Option<String>,
}

/// The page; it is loaded anew once the order is paid, and then leads to the order.
pub fn html(lang: Lang, codes: CodesPage) -> String {
    let text = Text::of(lang);
    let path = codes.page.path();
    let head = PageHead {
        title: text.order.paying.to_owned(),
        path: format!("{path}/codes"),
        operator: Some(codes.page.place.operator.clone()),
        manner: Manner::Follows,
        frame: Frame::Column,
    };
    page(lang, head, move || {
        let amount = codes.page.order.terms.prepaid_fen.to_string();
        let pictures: Vec<_> = codes.codes.into_iter().map(|code| picture(text, code)).collect();
        view! {
            <section class="headline">
                <h1>{text.order.paying}</h1>
                <p class="address">
                    {codes.page.place.site_name.clone()} " · " {codes.page.place.socket_name(text)}
                </p>
            </section>
            <section class="card">
                <p class="figure big">{amount}</p>
                <p>{text.pay.scan_to_pay}</p>
                <div class="pay-codes">{pictures}</div>
                <p class="hint">{text.order.pay_note}</p>
                {wait(text, &codes.page, None)}
            </section>
            <div class="actions">
                <a class="button" href=path>{text.pay.other_way}</a>
            </div>
        }
    })
}

fn picture(text: &'static Text, code: PayCode) -> impl IntoView + use<> {
    let name = (text.pay.channel)(code.channel);
    view! {
        <figure class="pay-code">
            <div class="qr" role="img" aria-label=(text.pay.code_of)(name) inner_html=code.svg></div>
            <figcaption>{name}</figcaption>
            {code.link.map(|link| view! { <a href=link>{text.pay.open_here}</a> })}
        </figure>
    }
}
