//! Inside a platform's app: the button that opens its cashier.

use leptos::prelude::*;
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use crate::lang::Lang;
use crate::render::{Frame, Manner, PageHead, page};
use crate::text::Text;

/// The bridge to Alipay's mini-program; only its web-view can load it.
const ALIPAY_BRIDGE: (&str, &str) = ("https://appx", "https://appx/web-view.min.js");
/// The bridge to `WeChat`'s mini-program.
const WECHAT_BRIDGE: (&str, &str) =
    ("https://res.wx.qq.com", "https://res.wx.qq.com/open/js/jweixin-1.3.2.js");

/// A payment opened inside a platform's app.
#[derive(Clone, Debug)]
pub struct PayPage {
    /// What its cashier is called with.
    pub cashier: Cashier,
    /// How much is to be set aside, fen, when nothing is paid now; no more will be taken.
    pub held_fen: Option<Fen>,
    /// Whether the page is a mini-program's web-view.
    pub in_mini_program: bool,
    /// Where the rider goes afterwards.
    pub order_path: String,
}

/// What a cashier is called with.
#[derive(Clone, Debug)]
pub enum Cashier {
    /// Alipay's `tradePay` with a `tradeNO`.
    TradeNo(String),
    /// Alipay's `tradePay` with an `orderStr`.
    OrderString(String),
    /// `WeChat`'s `getBrandWCPayRequest` with these parameters, a JSON object.
    Bridge(String),
    /// `WeChat`'s pay score (`openBusinessView`) with this `queryString`.
    ScoreView(String),
}

impl Cashier {
    fn channel(&self) -> Channel {
        match self {
            Self::TradeNo(_) | Self::OrderString(_) => Channel::Alipay,
            Self::Bridge(_) | Self::ScoreView(_) => Channel::Wechat,
        }
    }

    fn manner(&self) -> Manner {
        match self.channel() {
            Channel::Alipay => Manner::AlipayCashier,
            Channel::Wechat => Manner::WechatCashier,
        }
    }
}

impl PayPage {
    fn bridge(&self) -> Option<(&'static str, &'static str)> {
        let bridge = match self.cashier.channel() {
            Channel::Alipay => ALIPAY_BRIDGE,
            Channel::Wechat => WECHAT_BRIDGE,
        };
        Some(bridge).filter(|_| self.in_mini_program)
    }

    /// Where the page loads a script from besides our own, if it does.
    pub fn bridge_origin(&self) -> Option<&'static str> {
        self.bridge().map(|(origin, _)| origin)
    }
}

/// The page; a script opens the cashier and goes on to the order, whatever the outcome.
pub fn html(lang: Lang, pay: PayPage) -> String {
    let text = Text::of(lang);
    let title = if pay.held_fen.is_some() { text.hold.button } else { text.order.paying };
    let head = PageHead {
        title: title.to_owned(),
        path: pay.order_path.clone(),
        operator: None,
        manner: pay.cashier.manner(),
        frame: Frame::Column,
    };
    let bridge = pay.bridge().map(|(_, script)| view! { <script src=script></script> });
    page(lang, head, move || {
        view! {
            {bridge}
            <section class="headline">
                <h1>{title}</h1>
            </section>
            {card(text, &pay)}
        }
    })
}

/// What happens to the money, the cashier's button, and the other ways.
fn card(text: &'static Text, pay: &PayPage) -> impl IntoView + use<> {
    let path = pay.order_path.clone();
    let (note, look, instead, action) = if let Some(held_fen) = pay.held_fen {
        (
            (text.hold.explain)(&held_fen.to_string()),
            text.hold.confirmed_already,
            format!("{} {held_fen}", text.scan.pay),
            format!("{path}/pay"),
        )
    } else {
        let channel = pay.cashier.channel().as_str();
        (
            text.order.pay_note.to_owned(),
            text.order.paid_already,
            text.order.pay_in_browser.to_owned(),
            format!("{path}/pay?way=browser&channel={channel}"),
        )
    };
    view! {
        <section class="card">
            <p>{note}</p>
            {button(text, pay)}
            <a class="button" href=path>{look}</a>
            <form method="post" action=action>
                <button class="button">{instead}</button>
            </form>
        </section>
    }
}

fn button(text: &'static Text, pay: &PayPage) -> impl IntoView + use<> {
    let label = if pay.held_fen.is_some() { text.hold.button } else { text.scan.pay };
    let (mut trade_no, mut order_string, mut params, mut score) = (None, None, None, None);
    match pay.cashier.clone() {
        Cashier::TradeNo(text) => trade_no = Some(text),
        Cashier::OrderString(text) => order_string = Some(text),
        Cashier::Bridge(text) => params = Some(text),
        Cashier::ScoreView(text) => score = Some(text),
    }
    view! {
        <button
            class="button main"
            id="cashier"
            data-trade-no=trade_no
            data-order-string=order_string
            data-params=params
            data-score=score
            data-then=pay.order_path.clone()
        >
            {label}
        </button>
    }
}
