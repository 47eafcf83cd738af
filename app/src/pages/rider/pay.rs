//! Inside a platform's app: the button that opens its cashier.

use leptos::prelude::*;
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
}

impl Cashier {
    fn channel(&self) -> Channel {
        match self {
            Self::TradeNo(_) | Self::OrderString(_) => Channel::Alipay,
            Self::Bridge(_) => Channel::Wechat,
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
    let head = PageHead {
        title: text.order.paying.to_owned(),
        path: pay.order_path.clone(),
        operator: None,
        manner: pay.cashier.manner(),
        frame: Frame::Column,
    };
    let channel = pay.cashier.channel().as_str();
    let in_browser = format!("{}/pay?way=browser&channel={channel}", pay.order_path);
    let bridge = pay.bridge().map(|(_, script)| view! { <script src=script></script> });
    page(lang, head, move || {
        view! {
            {bridge}
            <section class="headline">
                <h1>{text.order.paying}</h1>
            </section>
            <section class="card">
                <p>{text.order.pay_note}</p>
                {button(text, &pay)}
                <a class="button" href=pay.order_path>{text.order.paid_already}</a>
                <form method="post" action=in_browser>
                    <button class="button">{text.order.pay_in_browser}</button>
                </form>
            </section>
        }
    })
}

fn button(text: &'static Text, pay: &PayPage) -> impl IntoView + use<> {
    let (trade_no, order_string, params) = match pay.cashier.clone() {
        Cashier::TradeNo(trade_no) => (Some(trade_no), None, None),
        Cashier::OrderString(order_string) => (None, Some(order_string), None),
        Cashier::Bridge(params) => (None, None, Some(params)),
    };
    view! {
        <button
            class="button main"
            id="cashier"
            data-trade-no=trade_no
            data-order-string=order_string
            data-params=params
            data-then=pay.order_path.clone()
        >
            {text.scan.pay}
        </button>
    }
}
