//! `/admin/books/days`, `/admin/books/statement`: closed days, day books and statements, also as
//! CSV, sent page by page.

use std::io;

use app::pages::admin::ledger::{self as view, DaysPage, StatementPage};
use app::pages::admin::trouble::Trouble;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use url::form_urlencoded;
use wasm_core::day::Day;

use super::answer;
use super::staff::Staff;
use crate::http::App;
use crate::http::pages::language::Language;
use crate::ledger::export::DayBook;
use crate::ledger::statement::{ByOrder, Scope, by_day, by_day_csv};
use crate::store::StoreError;
use crate::store::closings::{AccountDay, Closing, Span};
use crate::store::statements::DaySum;

/// Closed days shown at most.
const DAYS_MAX: i64 = 62;
/// Days of a statement unless others are asked for.
const STATEMENT_DAYS: i64 = 7;
/// Longest statement, days.
const STATEMENT_DAYS_MAX: i64 = 366;
/// Longest name of a partner, bytes.
const PARTY_MAX: usize = 64;
/// Spreadsheets read UTF-8 when it begins so.
const BOM: &str = "\u{feff}";

/// What a statement is asked for by.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    party: String,
    from: String,
    to: String,
    by: String,
}

impl Asked {
    /// The scope that is meant: what is not understood is as if it were not said.
    fn scope(&self, staff: &Staff, now_ms: i64) -> Scope {
        let today = Day::of(now_ms);
        let to = Day::parse(&self.to).unwrap_or(today);
        let first = Day { number: to.number - STATEMENT_DAYS + 1 };
        let from = Day::parse(&self.from).filter(|from| *from <= to).unwrap_or(first);
        let from = from.max(Day { number: to.number - STATEMENT_DAYS_MAX });
        let party = (1..=PARTY_MAX).contains(&self.party.len()).then(|| self.party.clone());
        Scope { operator_id: staff.operator_id.clone(), party, from, to }
    }
}

/// The page of closed days.
pub(super) async fn days(State(app): State<App>, language: Language, staff: Staff) -> Response {
    if !staff.rights.read_books {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    match days_page(&app, &staff).await {
        Ok(page) => answer::page(language, view::days_html(language.lang, page)),
        Err(error) => answer::problem(language, &error.into()),
    }
}

async fn days_page(app: &App, staff: &Staff) -> Result<DaysPage, StoreError> {
    let operator = &staff.operator_id;
    let days = app.store.last_closings(operator, DAYS_MAX).await?;
    let accounts = match days.first() {
        Some(last) => app.store.closing_accounts(operator, last.day).await?,
        None => Vec::new(),
    };
    let day = |closing: Closing| view::ClosedDay {
        day: closing.day.to_string(),
        transactions: closing.transactions,
        debits_fen: closing.debits_fen,
        hash: closing.hash,
    };
    let account = |line: AccountDay| view::AccountLine {
        account: line.account,
        debits_fen: line.debits_fen,
        credits_fen: line.credits_fen,
        balance_fen: line.balance_fen,
    };
    Ok(DaysPage {
        staff: staff.view(),
        days: days.into_iter().map(day).collect(),
        accounts: accounts.into_iter().map(account).collect(),
    })
}

/// The day book of a day, CSV.
pub(super) async fn day_book(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Path(day): Path<String>,
) -> Response {
    if !staff.rights.read_books {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    let Some(day) = Day::parse(&day) else {
        return answer::trouble(language, Trouble::NotFound);
    };
    let (from_ms, to_ms) = (day.begins_ms(), day.ends_ms());
    let span = Span { operator_id: staff.operator_id.clone(), from_ms, to_ms };
    let book = DayBook::new(app.store, span);
    let parts = stream::try_unfold(book, |mut book| async {
        Ok::<_, StoreError>(book.next().await?.map(|text| (text, book)))
    });
    csv(&format!("daybook-{day}"), parts)
}

/// The page of a statement.
pub(super) async fn statement(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Query(asked): Query<Asked>,
) -> Response {
    if !staff.rights.read_books {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    let scope = asked.scope(&staff, app.clock.now_ms());
    match statement_page(&app, &staff, &scope).await {
        Ok(page) => answer::page(language, view::statement_html(language.lang, page)),
        Err(error) => answer::problem(language, &error.into()),
    }
}

async fn statement_page(
    app: &App,
    staff: &Staff,
    scope: &Scope,
) -> Result<StatementPage, StoreError> {
    let party = scope.party.clone().unwrap_or_default();
    let (from, to) = (scope.from.to_string(), scope.to.to_string());
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("party", &party), ("from", &from), ("to", &to)])
        .finish();
    let line = |sum: DaySum| view::StatementLine {
        day: sum.day.to_string(),
        account: sum.account,
        kind: sum.kind,
        debits_fen: sum.debits_fen,
        credits_fen: sum.credits_fen,
    };
    Ok(StatementPage {
        staff: staff.view(),
        parties: app.store.parties(&staff.operator_id).await?,
        lines: by_day(&app.store, scope).await?.into_iter().map(line).collect(),
        party,
        from,
        to,
        query,
    })
}

/// The same as CSV, by day or by order.
pub(super) async fn statement_csv(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Query(asked): Query<Asked>,
) -> Response {
    if !staff.rights.read_books {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    let scope = asked.scope(&staff, app.clock.now_ms());
    let name = format!("statement-{}-{}", scope.from, scope.to);
    if asked.by == "order" && scope.party.is_some() {
        let lines = ByOrder::new(app.store, scope);
        let parts = stream::try_unfold(lines, |mut lines| async {
            Ok::<_, StoreError>(lines.next().await?.map(|text| (text, lines)))
        });
        return csv(&name, parts);
    }
    match by_day_csv(&app.store, &scope).await {
        Ok(text) => csv(&name, stream::iter([Ok::<_, StoreError>(text)])),
        Err(error) => answer::problem(language, &error.into()),
    }
}

/// A file to keep. `name` is of our own making.
fn csv(
    name: &str,
    parts: impl stream::Stream<Item = Result<String, StoreError>> + Send + 'static,
) -> Response {
    let begin = stream::iter([Ok::<_, StoreError>(BOM.to_owned())]);
    let bytes = begin.chain(parts).map(|part| part.map(Bytes::from).map_err(io::Error::other));
    let kept = format!("attachment; filename=\"{name}.csv\"");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, kept),
    ];
    (headers, Body::from_stream(bytes)).into_response()
}
