//! `/admin/books`: balances, and the check of the operator's books.

use std::sync::Arc;

use app::pages::admin::books::{self, BooksPage};
use app::pages::admin::trouble::Trouble;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use tokio::sync::Semaphore;

use super::answer;
use super::staff::Staff;
use crate::http::App;
use crate::http::pages::language::Language;
use crate::ledger;
use crate::store::StoreError;

/// Findings shown at most; the rest is counted.
const FINDINGS_MAX: usize = 50;

/// One check at a time: it reads every order of the operator.
pub(super) struct Checks(Semaphore);

impl Default for Checks {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

/// The page.
pub(super) async fn show(
    State(app): State<App>,
    Extension(checks): Extension<Arc<Checks>>,
    language: Language,
    staff: Staff,
) -> Response {
    if !staff.rights.read_books {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    match page(&app, &checks, &staff).await {
        Ok(page) => answer::page(language, books::html(language.lang, page)),
        Err(error) => answer::problem(language, &error.into()),
    }
}

async fn page(app: &App, checks: &Checks, staff: &Staff) -> Result<BooksPage, StoreError> {
    let _turn = checks.0.acquire().await.expect("never closed");
    let report = ledger::check_operator(&app.store, &staff.operator_id).await?;
    let balances = app.store.balances_by_kind(&staff.operator_id).await?;
    let shown = report.findings.iter().take(FINDINGS_MAX);
    Ok(BooksPage {
        staff: staff.view(),
        balances: balances.to_vec(),
        transactions: report.transactions,
        debits_fen: report.debits_fen,
        orders: report.orders,
        wrong: report.findings.len(),
        findings: shown.filter_map(|finding| serde_json::to_string(finding).ok()).collect(),
    })
}
