//! `/`: in the demo, its sockets as codes to scan; elsewhere a field for a code.

use leptos::prelude::*;

use crate::lang::Lang;
use crate::parts::code_card::{SocketCode, code_card};
use crate::parts::notice::code_form;
use crate::render::{Frame, Manner, PageHead, page};
use crate::text::Text;

/// The demo's sockets.
#[derive(Clone, Debug, Default)]
pub struct DemoPage {
    /// Sites with their sockets, in the order they are shown.
    pub sites: Vec<DemoSite>,
    /// How an operator logs in, as one line; none hides it.
    pub operator_login: Option<String>,
}

/// A site of the demo.
#[derive(Clone, Debug)]
pub struct DemoSite {
    /// Name.
    pub name: String,
    /// Address.
    pub address: String,
    /// Its sockets.
    pub sockets: Vec<SocketCode>,
}

/// The demo's first page.
pub fn demo_html(lang: Lang, demo: DemoPage) -> String {
    let text = Text::of(lang);
    let head = PageHead { frame: Frame::Wide, ..head(text.home.demo_title) };
    page(lang, head, move || {
        let login = demo.operator_login.map(|login| {
            view! {
                <p class="card">
                    <a href="/admin">{text.home.operator_login}</a> " " <code>{login}</code>
                </p>
            }
        });
        view! {
            <section class="headline">
                <h1>{text.home.demo_title}</h1>
                <p>{text.home.demo_lead}</p>
            </section>
            {demo.sites.into_iter().map(|site| demo_site(text, site)).collect_view()}
            {login}
            <p class="card">
                <a href="/demo/faults">{text.home.demo_faults}</a>
            </p>
            {code_form(text, "")}
        }
    })
}

fn demo_site(text: &'static Text, site: DemoSite) -> impl IntoView {
    let sockets = site.sockets.into_iter().map(move |socket| code_card(text, socket));
    view! {
        <section class="site">
            <h2>{site.name}</h2>
            <p class="hint">{site.address} " · " {text.home.demo_scan}</p>
            <ul class="codes">{sockets.collect_view()}</ul>
        </section>
    }
}

/// The first page outside of the demo.
pub fn html(lang: Lang) -> String {
    let text = Text::of(lang);
    page(lang, head(text.home.title), move || {
        view! {
            <section class="headline">
                <h1>{text.home.title}</h1>
                <p>{text.home.lead}</p>
            </section>
            {code_form(text, "")}
        }
    })
}

fn head(title: &str) -> PageHead {
    PageHead {
        title: title.to_owned(),
        path: "/".to_owned(),
        operator: None,
        manner: Manner::Still,
        frame: Frame::Column,
    }
}
