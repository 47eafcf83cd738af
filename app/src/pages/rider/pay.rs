//! Inside Alipay's app: the button that opens its cashier.

use leptos::prelude::*;

use crate::lang::Lang;
use crate::render::{Frame, Manner, PageHead, page};
use crate::text::Text;

/// A payment opened inside the platform's app.
#[derive(Clone, Debug)]
pub struct PayPage {
    /// The platform's number of the trade.
    pub trade_no: String,
    /// Where the rider goes afterwards.
    pub order_path: String,
}

/// The page; `/static/alipay.js` opens the cashier and goes on to the order, whatever the outcome.
pub fn html(lang: Lang, pay: PayPage) -> String {
    let text = Text::of(lang);
    let head = PageHead {
        title: text.order.paying.to_owned(),
        path: pay.order_path.clone(),
        operator: None,
        manner: Manner::Cashier,
        frame: Frame::Column,
    };
    let in_browser = format!("{}/pay?way=browser", pay.order_path);
    page(lang, head, move || {
        view! {
            <section class="headline">
                <h1>{text.order.paying}</h1>
            </section>
            <section class="card">
                <p>{text.order.pay_note}</p>
                <button
                    class="button main"
                    id="cashier"
                    data-trade-no=pay.trade_no
                    data-then=pay.order_path.clone()
                >
                    {text.scan.pay}
                </button>
                <a class="button" href=pay.order_path>{text.order.paid_already}</a>
                <form method="post" action=in_browser>
                    <button class="button">{text.order.pay_in_browser}</button>
                </form>
            </section>
        }
    })
}
