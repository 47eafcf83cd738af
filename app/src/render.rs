//! From a view to a whole HTML document.

use std::sync::OnceLock;

use leptos::prelude::*;

use crate::lang::Lang;
use crate::parts::place::Operator;
use crate::text::Text;

/// The document's first line, which views cannot express.
const DOCTYPE: &str = "<!DOCTYPE html>";

/// The version of the site's files.
static VERSION: OnceLock<String> = OnceLock::new();

/// Says which version the site's files have, so that their addresses name it and browsers may keep
/// them for ever. The first word holds, for files do not change while a server runs.
pub fn name_version(version: String) {
    let _ = VERSION.set(version);
}

/// The address of a file of the site.
fn file(path: &str) -> String {
    VERSION.get().map_or_else(|| path.to_owned(), |version| format!("{path}?v={version}"))
}

/// What stands round a page's own view.
#[derive(Clone, Debug)]
pub struct PageHead {
    /// The page's title.
    pub title: String,
    /// Where the link to the other language leads: the page's own path, with its query if any.
    pub path: String,
    /// Who runs the site, if the page belongs to one.
    pub operator: Option<Operator>,
    /// What the page does by itself.
    pub manner: Manner,
    /// How the page sits on the screen.
    pub frame: Frame,
}

/// How a page sits on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Frame {
    /// One column.
    #[default]
    Column,
    /// One column, with the main button fixed to the lower edge and room left for it.
    Bar,
    /// The same with two buttons.
    TallBar,
    /// As wide as the screen allows.
    Wide,
}

impl Frame {
    /// The style sheet's name for it.
    fn name(self) -> &'static str {
        match self {
            Self::Column => "column",
            Self::Bar => "bar",
            Self::TallBar => "tall",
            Self::Wide => "wide",
        }
    }
}

/// What a page does by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// Nothing: no script is loaded.
    #[default]
    Still,
    /// It has islands.
    Islands,
    /// It has islands and follows an order: browsers without WASM load it anew now and then.
    Follows,
    /// It opens the cashier of Alipay's app.
    AlipayCashier,
    /// It opens the cashier of `WeChat`.
    WechatCashier,
}

impl Manner {
    /// The script the page loads.
    fn script(self) -> Option<&'static str> {
        match self {
            Self::Still => None,
            Self::Islands | Self::Follows => Some("/static/boot.js"),
            Self::AlipayCashier => Some("/static/alipay.js"),
            Self::WechatCashier => Some("/static/wechat.js"),
        }
    }
}

/// How often a page without script is loaded anew while it follows an order, in seconds.
const REFRESH_SECONDS: &str = "8";

/// A whole HTML document. `view` is made inside the reactive owner that islands need.
pub fn page<V: IntoView + 'static>(
    lang: Lang,
    head: PageHead,
    view: impl FnOnce() -> V + 'static,
) -> String {
    let path = head.path.clone();
    page_under(lang, head, None, move || header(Text::of(lang), &path), view)
}

/// A whole HTML document with a top of its own, and a style sheet beside the common one.
pub(crate) fn page_under<T: IntoView + 'static, V: IntoView + 'static>(
    lang: Lang,
    head: PageHead,
    style: Option<&'static str>,
    top: impl FnOnce() -> T + 'static,
    view: impl FnOnce() -> V + 'static,
) -> String {
    let owner = Owner::new_root(None);
    let html = owner.with(|| document(Text::of(lang), head, style, top(), view()).to_html());
    owner.cleanup();
    format!("{DOCTYPE}{html}")
}

fn document(
    text: &'static Text,
    head: PageHead,
    style: Option<&'static str>,
    top: impl IntoView,
    view: impl IntoView,
) -> impl IntoView {
    let follows = head.manner == Manner::Follows;
    view! {
        <html lang=text.lang.tag()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"/>
                <title>{format!("{} · {}", head.title, text.frame.brand)}</title>
                <meta name="description" content=text.home.lead/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="theme-color" content="#f6f7f5" media="(prefers-color-scheme: light)"/>
                <meta name="theme-color" content="#0f1413" media="(prefers-color-scheme: dark)"/>
                <meta name="format-detection" content="telephone=no"/>
                <link rel="stylesheet" href=file("/static/app.css")/>
                {style.map(|style| view! { <link rel="stylesheet" href=file(style)/> })}
                <link rel="icon" href=file("/static/icon.svg") type="image/svg+xml"/>
                <link rel="manifest" href=file("/static/manifest.webmanifest")/>
                {head
                    .manner
                    .script()
                    .map(|script| view! { <script type="module" src=file(script)></script> })}
                {follows
                    .then(|| {
                        view! {
                            <noscript>
                                <meta http-equiv="refresh" content=REFRESH_SECONDS/>
                            </noscript>
                        }
                    })}
            </head>
            <body data-follows=follows.then_some("") data-frame=head.frame.name()>
                {top} <main id="main">{view}</main>
                {footer(text, head.operator)}
            </body>
        </html>
    }
}

fn header(text: &'static Text, path: &str) -> impl IntoView + use<> {
    view! {
        <header class="top">
            {brand(text, "/", "")}
            <nav>
                <a href="/me">{text.frame.my_orders}</a>
                {switch_language(text, path)}
            </nav>
        </header>
    }
}

/// The product's mark and name, and the room one is in.
pub(crate) fn brand(
    text: &'static Text,
    href: &'static str,
    room: &'static str,
) -> impl IntoView + use<> {
    let room = (!room.is_empty()).then(|| view! { <span class="room">{room}</span> });
    view! {
        <a class="brand" href=href>
            <svg class="mark" viewBox="0 0 24 24" aria-hidden="true">
                <path d="M13 2 5 13.5h5.5L9.5 22 19 9.5h-6z"/>
            </svg>
            {text.frame.brand}
            {room}
        </a>
    }
}

/// The link to the same page in the other language.
pub(crate) fn switch_language(text: &'static Text, path: &str) -> impl IntoView + use<> {
    let other = match text.lang {
        Lang::Zh => Lang::En,
        Lang::En => Lang::Zh,
    };
    let joint = if path.contains('?') { '&' } else { '?' };
    let switch = format!("{path}{joint}lang={}", other.code());
    view! {
        <a href=switch hreflang=other.tag() lang=other.tag()>
            {text.frame.switch_language}
        </a>
    }
}

fn footer(text: &'static Text, operator: Option<Operator>) -> impl IntoView {
    let operator = operator.map(|operator| {
        let dial = format!("tel:{}", operator.service_phone.replace([' ', '-'], ""));
        view! {
            <p>{(text.frame.run_by)(&operator.name)}</p>
            <p>
                {text.frame.service_phone} " "
                <a class="tel" href=dial>{operator.service_phone.clone()}</a>
            </p>
        }
    });
    view! { <footer class="foot">{operator}</footer> }
}
