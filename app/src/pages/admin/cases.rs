//! `/admin/books/cases`: differences between platforms' bills and the ledger, and what people
//! decide about them.

use leptos::prelude::*;
use wasm_core::money::Fen;

use super::frame::{Room, Staff, staff_page};
use super::ledger::{heads, money, ways};
use crate::lang::Lang;
use crate::text::admin::ledger::Ledger;

/// A difference.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its identity.
    pub id: String,
    /// The platform.
    pub channel: &'static str,
    /// The day, as 2026-11-24.
    pub day: String,
    /// What differs, by its name.
    pub kind: String,
    /// Our number with its direction.
    pub number: String,
    /// The order; empty when it is not known.
    pub order_id: String,
    /// What came in by our ledger.
    pub ours_fen: Fen,
    /// What came in by the bill.
    pub theirs_fen: Fen,
    /// The fee by the bill.
    pub fee_fen: Fen,
    /// How far it is, by its name.
    pub status: String,
    /// Who decided, and when; empty before.
    pub decided: Option<(String, String)>,
    /// Why.
    pub note: String,
}

/// A bill that was compared.
#[derive(Clone, Debug)]
pub struct Run {
    /// The platform.
    pub channel: &'static str,
    /// The day.
    pub day: String,
    /// How far it is, by its name.
    pub status: String,
    /// Lines, those that agree, differences; none where they are not this operator's alone.
    pub counts: Option<(i64, i64, i64)>,
    /// Why it failed.
    pub error: String,
}

/// All of them.
#[derive(Clone, Debug)]
pub struct CasesPage {
    /// Who looks.
    pub staff: Staff,
    /// The last bills compared.
    pub runs: Vec<Run>,
    /// What waits for somebody.
    pub open: Vec<Case>,
    /// What does not.
    pub decided: Vec<Case>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct CasePage {
    /// Who looks.
    pub staff: Staff,
    /// The case.
    pub case: Case,
    /// Both sides as they were found.
    pub evidence: String,
    /// The proposed repair, by its name.
    pub proposed: String,
    /// What can be done, by their names; empty when it is decided.
    pub repairs: Vec<&'static str>,
    /// Why the last decision was not carried out: its name, and what the platform said.
    pub refused: Option<(&'static str, String)>,
}

/// The page of all.
pub fn list_html(lang: Lang, page: CasesPage) -> String {
    let words = Ledger::of(lang);
    let title = (words.cases.to_owned(), "/admin/books/cases".to_owned());
    staff_page(lang, page.staff, title, Some(Room::Books), move || {
        let none = page.open.is_empty().then(|| view! { <p class="card">{words.cases_none}</p> });
        let decided = (!page.decided.is_empty()).then(|| {
            view! {
                <section>
                    <h2>{words.decided}</h2>
                    {table(words, page.decided)}
                </section>
            }
        });
        let no_runs = page.runs.is_empty().then(|| view! { <p class="card">{words.runs_none}</p> });
        let runs: Vec<_> = page.runs.into_iter().map(|run| run_row(words, run)).collect();
        view! {
            <section class="headline">
                <h1>{words.cases}</h1>
                <p class="hint">{words.cases_lead}</p>
            </section>
            {ways(lang)}
            <section>{none} {table(words, page.open)}</section>
            {decided}
            <section>
                <h2>{words.runs}</h2>
                {no_runs}
                <ul class="work">{runs}</ul>
            </section>
        }
    })
}

fn table(words: &'static Ledger, cases: Vec<Case>) -> impl IntoView {
    let rows: Vec<_> = cases.into_iter().map(|case| case_row(words, case)).collect();
    (!rows.is_empty()).then(|| {
        view! {
            <table class="card ledger">
                {heads(
                    &[words.day, words.number, words.kind],
                    &[words.ours, words.theirs, words.fee],
                )} <tbody>{rows}</tbody>
            </table>
        }
    })
}

fn case_row(words: &'static Ledger, case: Case) -> impl IntoView {
    let tone = if case.status == "open" { "pill caution" } else { "pill" };
    view! {
        <tr>
            <td class="figure">{(words.channel)(case.channel)} " " {case.day}</td>
            <td>
                <a href=format!("/admin/books/cases/{}", case.id)>{(words.differs)(&case.kind)}</a>
                " "
                <code class="hash">{case.number}</code>
            </td>
            <td>
                <span class=tone>{(words.status)(&case.status)}</span>
            </td>
            {money(words.ours, case.ours_fen)}
            {money(words.theirs, case.theirs_fen)}
            {money(words.fee, case.fee_fen)}
        </tr>
    }
}

fn run_row(words: &'static Ledger, run: Run) -> impl IntoView {
    let counts =
        run.counts.map(|(lines, matched, differences)| (words.run)(lines, matched, differences));
    let error = (!run.error.is_empty()).then(|| view! { <code>{run.error}</code> });
    view! {
        <li class="card">
            <p>
                <b>{(words.channel)(run.channel)} " " {run.day}</b>
                " "
                <span class="pill">{(words.status)(&run.status)}</span>
            </p>
            <p class="hint figure-text">{counts} " " {error}</p>
        </li>
    }
}

/// The page of one.
pub fn case_html(lang: Lang, page: CasePage) -> String {
    let words = Ledger::of(lang);
    let title = (
        (words.differs)(&page.case.kind).to_owned(),
        format!("/admin/books/cases/{}", page.case.id),
    );
    staff_page(lang, page.staff.clone(), title, Some(Room::Books), move || {
        let case = &page.case;
        let fact = |name: &'static str, value: String| {
            view! {
                <div class="sum">
                    <dt>{name}</dt>
                    <dd class="figure">{value}</dd>
                </div>
            }
        };
        let refused = page.refused.clone().map(|(code, said)| {
            view! {
                <section class="card caution" role="alert">
                    <p>{(words.refused)(code)}</p>
                    <p class="hint"><code>{said}</code></p>
                </section>
            }
        });
        let decided = case.decided.clone().map(|(who, when)| {
            view! { <p>{(words.decided_by)(&who, &when)}</p> }
        });
        let note =
            (!case.note.is_empty()).then(|| view! { <p class="hint">{case.note.clone()}</p> });
        view! {
            <section class="headline">
                <h1>{(words.differs)(&case.kind)}</h1>
                <p class="hint">
                    {(words.channel)(case.channel)} " " {case.day.clone()} " "
                    <span class="pill">{(words.status)(&case.status)}</span>
                </p>
                {decided}
                {note}
            </section>
            {ways(lang)}
            {refused}
            <section class="card sides">
                <dl>
                    {fact(words.number, case.number.clone())}
                    {fact(words.order, case.order_id.clone())}
                    {fact(words.ours, case.ours_fen.to_string())}
                    {fact(words.theirs, case.theirs_fen.to_string())}
                    {fact(words.fee, case.fee_fen.to_string())}
                </dl>
            </section>
            <section>
                <h2>{words.evidence}</h2>
                <pre class="card evidence">{page.evidence.clone()}</pre>
            </section>
            {(!page.repairs.is_empty()).then(|| decisions(words, &page))}
        }
    })
}

fn decisions(words: &'static Ledger, page: &CasePage) -> impl IntoView + use<> {
    let action = |verb: &str| format!("/admin/books/cases/{}/{verb}", page.case.id);
    let reason = move || {
        view! {
            <label>
                {words.reason} <input type="text" name="reason" maxlength="500" />
            </label>
        }
    };
    let repairs: Vec<_> = page
        .repairs
        .iter()
        .map(|repair| {
            let (button, what) = (words.repair)(repair);
            let proposed = (*repair == page.proposed)
                .then(|| view! { <span class="pill">{words.proposed}</span> });
            view! {
                <li class="card">
                    <form class="choose" method="post" action=action("accept")>
                        <input type="hidden" name="repair" value=*repair />
                        <p>{what} " " {proposed}</p>
                        {reason()}
                        <button class="button small">{button}</button>
                    </form>
                </li>
            }
        })
        .collect();
    view! {
        <section>
            <h2>{words.decide}</h2>
            <ul class="work">
                {repairs} <li class="card">
                    <form class="choose" method="post" action=action("dismiss")>
                        <p>{words.dismiss_note}</p>
                        {reason()}
                        <button class="button small">{words.dismiss}</button>
                    </form>
                </li>
            </ul>
        </section>
    }
}
