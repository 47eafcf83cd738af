//! `/admin/books/days` and `/admin/books/statement`: closed days with their hashes and balances,
//! and what an operator or its partner earned, day by day.

use leptos::prelude::*;
use wasm_core::money::Fen;

use super::frame::{Room, Staff, staff_page};
use crate::lang::Lang;
use crate::text::admin::ledger::Ledger;

/// A closed day.
#[derive(Clone, Debug)]
pub struct ClosedDay {
    /// The day, as 2026-11-24.
    pub day: String,
    /// Transactions.
    pub transactions: i64,
    /// Debits.
    pub debits_fen: Fen,
    /// SHA-256 in hex.
    pub hash: String,
}

/// An account in a trial balance.
#[derive(Clone, Debug)]
pub struct AccountLine {
    /// The account.
    pub account: String,
    /// Debits of the day.
    pub debits_fen: Fen,
    /// Credits of the day.
    pub credits_fen: Fen,
    /// Where it stands.
    pub balance_fen: Fen,
}

/// The closed days.
#[derive(Clone, Debug)]
pub struct DaysPage {
    /// Who looks.
    pub staff: Staff,
    /// The last days, newest first.
    pub days: Vec<ClosedDay>,
    /// The trial balance of the last one.
    pub accounts: Vec<AccountLine>,
}

/// A line of a statement.
#[derive(Clone, Debug)]
pub struct StatementLine {
    /// The day.
    pub day: String,
    /// The account.
    pub account: String,
    /// The kind of transactions.
    pub kind: String,
    /// Debits.
    pub debits_fen: Fen,
    /// Credits.
    pub credits_fen: Fen,
}

/// A statement by day.
#[derive(Clone, Debug)]
pub struct StatementPage {
    /// Who looks.
    pub staff: Staff,
    /// The partners, and what is owed to each.
    pub parties: Vec<(String, Fen)>,
    /// Whose statement; empty for the operator's own.
    pub party: String,
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// Its lines.
    pub lines: Vec<StatementLine>,
    /// The query of the same as CSV, without `by`.
    pub query: String,
}

/// Links between the rooms of the books.
pub(super) fn ways(lang: Lang) -> impl IntoView {
    let words = Ledger::of(lang);
    view! {
        <nav class="jump" aria-label=words.statement>
            <a href="/admin/books/days">{words.days}</a>
            <a href="/admin/books/cases">{words.cases}</a>
            <a href="/admin/books/statement">{words.statement}</a>
        </nav>
    }
}

/// A cell with an amount.
pub(super) fn money(label: &'static str, amount_fen: Fen) -> impl IntoView {
    view! {
        <td class="money figure" data-label=label>
            {amount_fen.to_string()}
        </td>
    }
}

/// The heads of a table: plain ones, then amounts.
pub(super) fn heads(plain: &[&'static str], amounts: &[&'static str]) -> impl IntoView + use<> {
    let plain = plain.iter().map(|name| view! { <th scope="col">{*name}</th> }).collect_view();
    let amounts = amounts.iter().map(|name| view! { <th scope="col" class="money">{*name}</th> });
    let amounts = amounts.collect_view();
    view! {
        <thead>
            <tr>{plain} {amounts}</tr>
        </thead>
    }
}

/// The page of closed days.
pub fn days_html(lang: Lang, page: DaysPage) -> String {
    let words = Ledger::of(lang);
    let title = (words.days.to_owned(), "/admin/books/days".to_owned());
    staff_page(lang, page.staff, title, Some(Room::Books), move || {
        let last = page.days.first().map(|day| day.day.clone());
        let none = page.days.is_empty().then(|| view! { <p class="card">{words.days_none}</p> });
        let rows: Vec<_> = page.days.into_iter().map(|day| day_row(words, day)).collect();
        let table = (!rows.is_empty()).then(|| {
            view! {
                <table class="card ledger">
                    {heads(&[words.day, words.hash, words.day_book], &[words.transactions, words.debits])}
                    <tbody>{rows}</tbody>
                </table>
            }
        });
        view! {
            <section class="headline">
                <h1>{words.days}</h1>
                <p class="hint">{words.days_lead}</p>
            </section>
            {ways(lang)}
            <section>{none} {table}</section>
            {last.map(|day| trial_balance(words, &day, page.accounts))}
        }
    })
}

fn day_row(words: &'static Ledger, day: ClosedDay) -> impl IntoView {
    let csv = format!("/admin/books/days/{}", day.day);
    view! {
        <tr>
            <td class="figure">{day.day}</td>
            <td>
                <code class="hash">{day.hash}</code>
            </td>
            <td>
                <a href=csv>{words.day_book}</a>
            </td>
            <td class="money figure" data-label=words.transactions>
                {day.transactions}
            </td>
            {money(words.debits, day.debits_fen)}
        </tr>
    }
}

fn trial_balance(
    words: &'static Ledger,
    day: &str,
    accounts: Vec<AccountLine>,
) -> impl IntoView + use<> {
    let rows: Vec<_> = accounts
        .into_iter()
        .map(|line| {
            view! {
                <tr>
                    <td></td>
                    <td>
                        <code>{line.account}</code>
                    </td>
                    <td></td>
                    {money(words.debits, line.debits_fen)}
                    {money(words.credits, line.credits_fen)}
                    {money(words.balance, line.balance_fen)}
                </tr>
            }
        })
        .collect();
    view! {
        <section>
            <h2>{(words.trial_balance)(day)}</h2>
            <table class="card ledger">
                {heads(&["", words.account, ""], &[words.debits, words.credits, words.balance])}
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
}

/// The page of a statement.
pub fn statement_html(lang: Lang, page: StatementPage) -> String {
    let words = Ledger::of(lang);
    let title = (words.statement.to_owned(), "/admin/books/statement".to_owned());
    staff_page(lang, page.staff.clone(), title, Some(Room::Books), move || {
        let owed = page.parties.iter().find(|(party, _)| *party == page.party);
        let owed = owed.map(|(_, fen)| view! { <p>{(words.owed)(&fen.to_string())}</p> });
        let csv = |by: &str| format!("/admin/books/statement.csv?by={by}&{}", page.query);
        let by_order = (!page.party.is_empty())
            .then(|| view! { <a href=csv("order")>{words.csv_by_order}</a> });
        let none = page.lines.is_empty().then(|| view! { <p class="card">{words.nothing}</p> });
        let rows: Vec<_> = page.lines.iter().map(|line| statement_row(words, line)).collect();
        let table = (!rows.is_empty()).then(|| {
            view! {
                <table class="card ledger">
                    {heads(&[words.day, words.account, words.kind], &[words.debits, words.credits])}
                    <tbody>{rows}</tbody>
                </table>
            }
        });
        view! {
            <section class="headline">
                <h1>{words.statement}</h1>
            </section>
            {ways(lang)}
            {chooser(words, &page)}
            <section>
                {owed} <p class="jump">
                    <a href=csv("day")>{words.csv_by_day}</a>
                    {by_order}
                </p> {none} {table}
            </section>
        }
    })
}

fn statement_row(words: &'static Ledger, line: &StatementLine) -> impl IntoView + use<> {
    view! {
        <tr>
            <td class="figure">{line.day.clone()}</td>
            <td>
                <code>{line.account.clone()}</code>
            </td>
            <td>{(words.kind_of)(&line.kind)}</td>
            {money(words.debits, line.debits_fen)}
            {money(words.credits, line.credits_fen)}
        </tr>
    }
}

fn chooser(words: &'static Ledger, page: &StatementPage) -> impl IntoView + use<> {
    let option = |value: &str, name: &str| {
        let selected = value == page.party;
        view! {
            <option value=value.to_owned() selected=selected>
                {name.to_owned()}
            </option>
        }
    };
    let options: Vec<_> = page.parties.iter().map(|(party, _)| option(party, party)).collect();
    view! {
        <form class="choose" method="get" action="/admin/books/statement">
            <label>
                {words.party} <select name="party">{option("", words.own)} {options}</select>
            </label>
            <label>{words.from} <input type="date" name="from" value=page.from.clone() /></label>
            <label>{words.to} <input type="date" name="to" value=page.to.clone() /></label>
            <button class="button small">{words.show}</button>
        </form>
    }
}
