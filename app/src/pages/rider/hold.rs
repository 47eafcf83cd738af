//! Inside a platform's app: the button on which the platform asks the rider to set money aside.

use leptos::prelude::*;
use wasm_core::money::Fen;

use crate::lang::Lang;
use crate::render::{Frame, Manner, PageHead, page};
use crate::text::Text;

/// A hold opened inside the platform's app.
#[derive(Clone, Debug)]
pub struct HoldPage {
    /// What Alipay's cashier is called with (`orderStr`).
    pub order_string: String,
    /// How much is set aside, fen: no more will be taken.
    pub amount_fen: Fen,
    /// Where the rider goes afterwards.
    pub order_path: String,
}

/// The page; `/static/alipay.js` opens the cashier and goes on to the order, whatever the outcome.
pub fn html(lang: Lang, hold: HoldPage) -> String {
    let text = Text::of(lang);
    let head = PageHead {
        title: text.hold.button.to_owned(),
        path: hold.order_path.clone(),
        operator: None,
        manner: Manner::Cashier,
        frame: Frame::Column,
    };
    let pay = format!("{} {}", text.scan.pay, hold.amount_fen);
    let pay_now = format!("{}/pay", hold.order_path);
    page(lang, head, move || {
        view! {
            <section class="headline">
                <h1>{text.hold.button}</h1>
            </section>
            <section class="card">
                <p>{(text.hold.explain)(&hold.amount_fen.to_string())}</p>
                <button
                    class="button main"
                    id="cashier"
                    data-order-str=hold.order_string
                    data-then=hold.order_path.clone()
                >
                    {text.hold.button}
                </button>
                <a class="button" href=hold.order_path>{text.hold.confirmed_already}</a>
                <form method="post" action=pay_now>
                    <button class="button">{pay}</button>
                </form>
            </section>
        }
    })
}
