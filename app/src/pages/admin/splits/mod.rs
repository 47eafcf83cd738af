//! `/admin/splits`: how partners stand, what waits for a person, and the rules of the sites.

pub mod editor;

use leptos::prelude::*;
use wasm_core::ids::OrderId;
use wasm_core::money::Fen;
use wasm_core::share::{Basis, SplitRule};

use super::frame::{Room, Staff, staff_page};
use super::order;
use super::sites::Now;
use crate::figures::yuan_of_mfen;
use crate::lang::Lang;
use crate::text::Text;
use crate::text::admin::{Admin, Splits};

/// All that the page shows, of one operator.
#[derive(Clone, Debug)]
pub struct SplitsPage {
    /// Who looks.
    pub staff: Staff,
    /// Milliseconds UTC.
    pub now_ms: i64,
    /// How far the operator's clocks are ahead of UTC.
    pub utc_offset_minutes: i64,
    /// How partners stand.
    pub partners: Vec<Partner>,
    /// What waits for a person.
    pub waiting: Vec<Waiting>,
    /// The sites with their rules.
    pub sites: Vec<SiteRule>,
}

/// How a partner stands, fen.
#[derive(Clone, Debug)]
pub struct Partner {
    /// Its name.
    pub name: String,
    /// Its parts of all orders, less refunds.
    pub shares_fen: Fen,
    /// What it has.
    pub paid_fen: Fen,
    /// What is still owed to it; negative when it owes.
    pub owed_fen: Fen,
}

/// A part that does not leave, or does not come back.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Whose.
    pub name: String,
    /// Of which order.
    pub order_id: OrderId,
    /// How much, fen.
    pub amount_fen: Fen,
    /// How it stands, by the name it is stored with.
    pub status: String,
    /// Why, as the platform said.
    pub why: String,
    /// Since when, milliseconds UTC.
    pub since_ms: i64,
    /// Where the button leads.
    pub retry: String,
}

/// A site and its rule.
#[derive(Clone, Debug)]
pub struct SiteRule {
    /// The site's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The rule in force.
    pub rule: Option<SplitRule>,
}

/// The page.
pub fn html(lang: Lang, page: SplitsPage) -> String {
    let (text, words) = (Text::of(lang), &Admin::of(lang).splits);
    let now = Now { now_ms: page.now_ms, utc_offset_minutes: page.utc_offset_minutes };
    let title = (words.title.to_owned(), "/admin/splits".to_owned());
    staff_page(lang, page.staff.clone(), title, Some(Room::Splits), move || {
        let rights = page.staff.rights;
        view! {
            <section class="headline">
                <h1>{words.title}</h1>
                <p class="hint">{words.lead}</p>
            </section>
            {waiting(text, now, page.waiting, rights.retry_jobs)}
            {partners(words, page.partners)}
            {rules(words, page.sites, rights.share_rules)}
        }
    })
}

fn waiting(text: &'static Text, now: Now, waiting: Vec<Waiting>, may_retry: bool) -> impl IntoView {
    let words = &Admin::of(text.lang).splits;
    let note = if waiting.is_empty() { words.waiting_none } else { words.waiting_note };
    let rows: Vec<_> = waiting.into_iter().map(|one| stuck(text, now, one, may_retry)).collect();
    view! {
        <section aria-labelledby="waiting">
            <h2 id="waiting">{words.waiting}</h2>
            <p class="hint">{note}</p>
            <ul class="work">{rows}</ul>
        </section>
    }
}

fn stuck(text: &'static Text, now: Now, stuck: Waiting, may_retry: bool) -> impl IntoView {
    let (all, words) = (&Admin::of(text.lang).overview, &Admin::of(text.lang).splits);
    let label = (all.at)(all.retry, &format!("{} {}", stuck.name, stuck.order_id));
    let retry = may_retry.then(|| {
        view! {
            <form method="post" action=stuck.retry>
                <button class="button" aria-label=label>
                    {all.retry}
                </button>
            </form>
        }
    });
    view! {
        <li class="card">
            <div>
                <p>
                    <b>{stuck.name}</b>
                    " "
                    <b class="figure">{stuck.amount_fen.to_string()}</b>
                    " "
                    <span class="pill caution">{(words.status)(&stuck.status)}</span>
                    " "
                    <span class="hint">{(all.since)(&now.when(text, stuck.since_ms))}</span>
                </p>
                <p class="hint">
                    {order::link(&stuck.order_id)}
                </p>
                <p class="hint">{all.reason} " " <code>{stuck.why}</code></p>
            </div>
            {retry}
        </li>
    }
}

fn partners(words: &'static Splits, partners: Vec<Partner>) -> impl IntoView {
    let none = partners.is_empty().then(|| view! { <p class="card">{words.partners_none}</p> });
    let rows: Vec<_> = partners.into_iter().map(|each| partner(words, each)).collect();
    view! {
        <section aria-labelledby="partners">
            <h2 id="partners">{words.partners}</h2>
            {none}
            <ul class="work">{rows}</ul>
        </section>
    }
}

fn partner(words: &'static Splits, partner: Partner) -> impl IntoView {
    let fact = |name: &'static str, fen: Fen| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd class="figure">{fen.to_string()}</dd>
            </div>
        }
    };
    let (due_fen, back_fen) =
        (partner.owed_fen.above(Fen::ZERO), (-partner.owed_fen).above(Fen::ZERO));
    view! {
        <li class="card">
            <div>
                <p>
                    <b>{partner.name}</b>
                </p>
                <dl class="flow">
                    {fact(words.shares, partner.shares_fen)} {fact(words.paid, partner.paid_fen)}
                    {fact(words.owed, due_fen)} {fact(words.owes, back_fen)}
                </dl>
            </div>
        </li>
    }
}

fn rules(words: &'static Splits, sites: Vec<SiteRule>, may_edit: bool) -> impl IntoView {
    let rows: Vec<_> = sites.into_iter().map(|site| rule(words, site, may_edit)).collect();
    view! {
        <section aria-labelledby="rules">
            <h2 id="rules">{words.rules}</h2>
            {rows}
        </section>
    }
}

fn rule(words: &'static Splits, site: SiteRule, may_edit: bool) -> impl IntoView {
    let label = format!("{}: {}", words.edit, site.name);
    let edit = may_edit.then(|| {
        let href = format!("/admin/splits/sites/{}", site.id);
        view! {
            <a class="button small" href=href aria-label=label>
                {words.edit}
            </a>
        }
    });
    let body = match site.rule {
        None => view! { <p class="hint">{words.rule_none}</p> }.into_any(),
        Some(rule) => in_words(words, &rule).into_any(),
    };
    view! {
        <article class="card estate">
            <header>
                <h3>{site.name}</h3>
                {edit}
            </header>
            {body}
        </article>
    }
}

fn in_words(words: &'static Splits, rule: &SplitRule) -> impl IntoView + use<> {
    let line = |party: &wasm_core::share::Party| {
        let part = match party.basis {
            Basis::Percent { basis_points } => format!("{}%", Fen(basis_points).to_yuan()),
            Basis::PerKwh { price_mfen } => format!("{}/kWh", yuan_of_mfen(price_mfen)),
        };
        let rest = (party.id == rule.rest_to).then_some(" +");
        view! {
            <div class="sum">
                <dt>{party.name.clone()} " " <span class="hint">{(words.role_name)(party.role)}</span></dt>
                <dd class="figure">{part} {rest}</dd>
            </div>
        }
    };
    let lines: Vec<_> = rule.parties.iter().map(line).collect();
    let electricity = editor::electricity(words, rule.electricity);
    view! {
        <dl>{lines}</dl>
        <p class="hint">{electricity}</p>
    }
}
