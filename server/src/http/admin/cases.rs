//! `/admin/books/cases`: differences with the platforms' bills, and the decisions on them.

use app::pages::admin::cases::{self as view, Case, CasePage, CasesPage, Run};
use app::pages::admin::trouble::Trouble;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use wasm_core::day::Day;

use super::answer;
use super::staff::Staff;
use crate::http::App;
use crate::http::pages::language::Language;
use crate::ledger::export::time;
use crate::recon::{Recon, ReconError, Repair, Settled};
use crate::store::recon::{CaseRow, RunRow};
use crate::store::{Store, StoreError};

/// Cases shown at most, of those that wait and of those that do not.
const CASES_MAX: i64 = 200;
/// Bills shown at most.
const RUNS_MAX: i64 = 20;
/// Longest reason, bytes.
const REASON_MAX: usize = 2_000;

/// A decision, as the form sends it.
#[derive(Debug, Deserialize)]
pub(super) struct Decided {
    #[serde(default)]
    repair: String,
    #[serde(default)]
    reason: String,
}

/// The page of all.
pub(super) async fn list(State(app): State<App>, language: Language, staff: Staff) -> Response {
    if !staff.rights.read_books {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    match cases_page(&app, &staff).await {
        Ok(page) => answer::page(language, view::list_html(language.lang, page)),
        Err(error) => answer::problem(language, &error.into()),
    }
}

async fn cases_page(app: &App, staff: &Staff) -> Result<CasesPage, StoreError> {
    let operator = Some(&staff.operator_id);
    let of = async |status: &str| app.store.cases(operator, status, CASES_MAX).await;
    let mut open = of("open").await?;
    open.extend(of("waiting").await?);
    let mut decided = Vec::new();
    for status in ["accepted", "dismissed", "explained"] {
        decided.extend(of(status).await?);
    }
    decided.sort_by_key(|case| std::cmp::Reverse(case.decided_ms));
    // A bill has the payments of all operators: its figures are for one who is alone only.
    let alone = app.store.operator_ids().await?.len() == 1;
    let runs = app.store.last_runs(RUNS_MAX).await?;
    Ok(CasesPage {
        staff: staff.view(),
        runs: runs.into_iter().map(|run| run_view(run, alone)).collect(),
        open: open.into_iter().map(case_view).collect(),
        decided: decided.into_iter().map(case_view).collect(),
    })
}

fn run_view(run: RunRow, alone: bool) -> Run {
    Run {
        channel: run.channel.as_str(),
        day: run.day.to_string(),
        status: run.status,
        counts: alone.then_some((run.bill_lines, run.matched, run.differences)),
        error: run.error,
    }
}

fn case_view(case: CaseRow) -> Case {
    let when = format!("{} {}", Day::of(case.decided_ms), time(case.decided_ms));
    Case {
        id: case.id,
        channel: case.channel.as_str(),
        day: case.day.to_string(),
        kind: case.kind,
        number: case.number,
        order_id: case.order_id.0,
        ours_fen: case.ours_fen,
        theirs_fen: case.theirs_fen,
        fee_fen: case.fee_fen,
        status: case.status,
        decided: (!case.decided_by.is_empty()).then_some((case.decided_by, when)),
        note: case.note,
    }
}

/// The page of one.
pub(super) async fn show(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Path(id): Path<String>,
) -> Response {
    if !staff.rights.read_books {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    match case_page(&app.store, &staff, &id).await {
        Ok(Some(page)) => answer::page(language, view::case_html(language.lang, page)),
        Ok(None) => answer::trouble(language, Trouble::NotFound),
        Err(error) => answer::problem(language, &error.into()),
    }
}

/// None for another operator's as well.
async fn case_page(store: &Store, staff: &Staff, id: &str) -> Result<Option<CasePage>, StoreError> {
    let case = store.case(id).await?;
    let Some(case) = case.filter(|case| case.operator_id == staff.operator_id) else {
        return Ok(None);
    };
    let open = matches!(case.status.as_str(), "open" | "waiting");
    let waits = |repair: &&Repair| **repair == Repair::Suspense && case.status == "waiting";
    let fitting = Repair::fitting(&case.kind).iter().filter(|repair| !waits(repair));
    let fitting = fitting.map(|repair| repair.as_str());
    let repairs = fitting.filter(|_| open && staff.rights.decide_cases).collect();
    let evidence: serde_json::Value = serde_json::from_str(&case.evidence_json).unwrap_or_default();
    Ok(Some(CasePage {
        staff: staff.view(),
        evidence: serde_json::to_string_pretty(&evidence).unwrap_or_default(),
        proposed: case.repair.clone(),
        repairs,
        refused: None,
        case: case_view(case),
    }))
}

/// Does what the case proposes, or another repair that fits.
pub(super) async fn accept(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Path(id): Path<String>,
    Form(form): Form<Decided>,
) -> Response {
    if !staff.rights.decide_cases {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    let recon = Recon::new(app.store.clone(), app.clock.clone(), app.orders.clone());
    let done = recon.accept(&settled(&staff, &id, &form), Repair::parse(&form.repair)).await;
    decided(&app.store, language, &staff, &id, done.map(drop)).await
}

/// Closes the case without booking anything.
pub(super) async fn dismiss(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Path(id): Path<String>,
    Form(form): Form<Decided>,
) -> Response {
    if !staff.rights.decide_cases {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    let recon = Recon::new(app.store.clone(), app.clock.clone(), app.orders.clone());
    let done = recon.dismiss(&settled(&staff, &id, &form)).await;
    decided(&app.store, language, &staff, &id, done).await
}

fn settled<'a>(staff: &'a Staff, id: &'a str, form: &'a Decided) -> Settled<'a> {
    // A reason that is too long is none: it is not cut where it may change its sense.
    let reason = if form.reason.len() > REASON_MAX { "" } else { form.reason.as_str() };
    Settled { id, scope: Some(&staff.operator_id), operator: None, who: staff.login(), reason }
}

async fn decided(
    store: &Store,
    language: Language,
    staff: &Staff,
    id: &str,
    done: Result<(), ReconError>,
) -> Response {
    let (code, said) = match done {
        Ok(()) => return answer::see(&format!("/admin/books/cases/{id}")),
        Err(ReconError::NoSuchCase) => return answer::trouble(language, Trouble::NotFound),
        Err(ReconError::NotConfirmed(said)) => ("not_confirmed", said),
        Err(ReconError::NoReason) => ("no_reason", String::new()),
        Err(ReconError::Decided) => ("decided", String::new()),
        Err(ReconError::Waits) => ("waits", String::new()),
        Err(ReconError::Outdated) => ("outdated", String::new()),
        Err(error) => {
            tracing::error!(case = id, %error, "a case was not decided");
            ("failed", String::new())
        }
    };
    match case_page(store, staff, id).await {
        Ok(Some(page)) => {
            let page = CasePage { refused: Some((code, said)), ..page };
            let html = view::case_html(language.lang, page);
            answer::page_with(language, StatusCode::CONFLICT, html)
        }
        Ok(None) => answer::trouble(language, Trouble::NotFound),
        Err(error) => answer::problem(language, &error.into()),
    }
}
