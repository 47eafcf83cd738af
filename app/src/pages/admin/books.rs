//! `/admin/books`: where the money is, whose it is, and whether the books are whole.

use leptos::prelude::*;
use wasm_core::money::Fen;
use wasm_core::posting::accounts::{AccountKind, Nature};

use super::frame::{Room, Staff, staff_page};
use super::ledger::ways;
use crate::lang::Lang;
use crate::text::admin::Admin;

/// Kinds of accounts that are shown even when nothing is on them.
const ALWAYS: [&str; 6] = ["clearing", "prepaid", "refunds", "electricity", "service", "discount"];

/// Whether a kind of accounts says where money is: what debits add up in.
fn is_asset(kind: &str) -> bool {
    let nature = AccountKind::of(kind).map(|kind| kind.nature);
    matches!(nature, Some(Nature::Asset | Nature::Expense)) || kind == "holds"
}

/// An operator's books.
#[derive(Clone, Debug)]
pub struct BooksPage {
    /// Who looks.
    pub staff: Staff,
    /// The balance of each kind of account, debits positive.
    pub balances: Vec<(&'static str, Fen)>,
    /// Transactions checked.
    pub transactions: i64,
    /// What was debited, and credited.
    pub debits_fen: Fen,
    /// Orders compared with their postings.
    pub orders: i64,
    /// How many things are wrong.
    pub wrong: usize,
    /// The first of them, as programs read them.
    pub findings: Vec<String>,
}

/// The page.
pub fn html(lang: Lang, books: BooksPage) -> String {
    let words = &Admin::of(lang).books;
    let title = (words.title.to_owned(), "/admin/books".to_owned());
    staff_page(lang, books.staff.clone(), title, Some(Room::Books), move || {
        let shown = books.balances.iter().copied();
        let shown = shown.filter(|(kind, fen)| *fen != Fen::ZERO || ALWAYS.contains(kind));
        let (assets, claims): (Vec<_>, Vec<_>) = shown.partition(|(kind, _)| is_asset(kind));
        let claims = claims.into_iter().map(|(kind, fen)| (kind, -fen)).collect();
        view! {
            <section class="headline">
                <h1>{words.title}</h1>
                <p class="hint">{words.lead}</p>
            </section>
            {ways(lang)}
            {verdict(lang, &books)}
            <div class="sides">{side(lang, words.assets, assets)} {side(lang, words.claims, claims)}</div>
        }
    })
}

fn side(lang: Lang, title: &'static str, balances: Vec<(&'static str, Fen)>) -> impl IntoView {
    let words = &Admin::of(lang).books;
    let sum_fen: Fen = balances.iter().map(|(_, fen)| *fen).sum();
    let rows: Vec<_> = balances
        .into_iter()
        .map(|(kind, fen)| {
            view! {
                <div class="sum">
                    <dt>{(words.account)(kind)}</dt>
                    <dd class="figure">{fen.to_string()}</dd>
                </div>
            }
        })
        .collect();
    view! {
        <section class="card">
            <h2>{title}</h2>
            <dl>
                {rows} <div class="sum total">
                    <dt>{words.sum}</dt>
                    <dd class="figure">{sum_fen.to_string()}</dd>
                </div>
            </dl>
        </section>
    }
}

fn verdict(lang: Lang, books: &BooksPage) -> impl IntoView + use<> {
    let words = &Admin::of(lang).books;
    let checked = (words.checked)(books.transactions, &books.debits_fen.to_string(), books.orders);
    let (tone, said) = match books.wrong {
        0 => ("good", words.whole.to_owned()),
        wrong => ("caution", (words.wrong)(&wrong.to_string())),
    };
    let findings: Vec<_> = books
        .findings
        .iter()
        .map(|finding| view! { <li><code>{finding.clone()}</code></li> })
        .collect();
    let wrong = (books.wrong > 0).then(|| {
        view! {
            <p>{words.wrong_note}</p>
            <ul class="findings">{findings}</ul>
        }
    });
    view! {
        <section>
            <h2>{words.check}</h2>
            <div class="check">
                <div class=tone>
                    <p class="verdict">{said}</p>
                    <p class="hint figure-text">{checked}</p>
                    {wrong}
                </div>
            </div>
        </section>
    }
}
