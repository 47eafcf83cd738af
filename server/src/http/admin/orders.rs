//! `/admin/orders`: one order's money, and giving some of it back.

use app::pages::admin::order::{self as view, GiveBackForm, OrderPage, PartnersPart};
use app::pages::admin::trouble::Trouble;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use wasm_core::ids::OrderId;
use wasm_core::money::Fen;
use wasm_core::order::Order;

use super::answer;
use super::overview::CHINA_MINUTES;
use super::sites::{self, SOCKETS_MAX};
use super::staff::Staff;
use crate::http::App;
use crate::http::pages::language::Language;
use crate::http::problem::Problem;
use crate::orders::{ORDER_SYMBOLS, OrderError};
use crate::random;
use crate::store::StoreError;
use crate::store::splits::ShareRow;

/// Longest reason, bytes.
const REASON_MAX: usize = 1_000;
/// Longest key, bytes.
const KEY_MAX: usize = 64;
/// Symbols of a form's key, five bits each.
const KEY_SYMBOLS: usize = 20;

/// What is looked for.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    number: String,
}

/// What goes back, as the form sends it.
#[derive(Debug, Deserialize)]
pub(super) struct GiveBack {
    #[serde(default)]
    key: String,
    #[serde(default)]
    amount: String,
    #[serde(default)]
    reason: String,
}

/// Leads to an order by its number, or by the number of a payment of it.
pub(super) async fn find(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Query(wanted): Query<Wanted>,
) -> Response {
    // Payments and refunds are numbered after their order.
    let number = wanted.number.trim().to_ascii_uppercase();
    let id = OrderId(number.chars().take(ORDER_SYMBOLS).collect());
    match own(&app, &staff, &id).await {
        Ok(Some(order)) => answer::see(&format!("/admin/orders/{}", order.id)),
        Ok(None) => answer::trouble(language, Trouble::NotFound),
        Err(error) => answer::problem(language, &error.into()),
    }
}

/// The page.
pub(super) async fn show(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Path(id): Path<OrderId>,
) -> Response {
    let form = GiveBackForm { key: random::base32::<KEY_SYMBOLS>(), ..GiveBackForm::default() };
    answer_with(&app, language, &staff, &id, (form, None)).await
}

/// An order of the operator's own; none for another's.
async fn own(app: &App, staff: &Staff, id: &OrderId) -> Result<Option<Order>, StoreError> {
    let order = app.store.order(id).await?;
    Ok(order.filter(|order| order.operator_id == staff.operator_id))
}

async fn answer_with(
    app: &App,
    language: Language,
    staff: &Staff,
    id: &OrderId,
    (form, refused): (GiveBackForm, Option<&'static str>),
) -> Response {
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    match page(app, staff, id).await {
        Ok(Some(page)) => {
            let html = view::html(language.lang, OrderPage { form, refused, ..page });
            answer::page_with(language, status, html)
        }
        Ok(None) => answer::trouble(language, Trouble::NotFound),
        Err(error) => answer::problem(language, &error.into()),
    }
}

async fn page(app: &App, staff: &Staff, id: &OrderId) -> Result<Option<OrderPage>, StoreError> {
    let (store, operator) = (&app.store, &staff.operator_id);
    let Some(order) = own(app, staff, id).await? else { return Ok(None) };
    let sites = store.sites(Some(operator)).await?;
    let rows = store.sockets_of_operator(operator, SOCKETS_MAX).await?;
    let site = sites.iter().find(|site| site.id == order.site_id);
    let offset = site.map(|site| site.tariff.utc_offset_minutes);
    let reads = staff.rights.read_books;
    let shares = if reads { store.split(id).await? } else { None };
    let entries = if reads { store.ledger_of_order(operator, id).await? } else { Vec::new() };
    Ok(Some(OrderPage {
        staff: staff.view(),
        now_ms: app.clock.now_ms(),
        utc_offset_minutes: offset.unwrap_or(CHINA_MINUTES),
        spot: sites::spots(&sites, &rows).remove(&order.socket_id),
        order,
        shares: shares.map_or_else(Vec::new, |(_, shares)| shares.into_iter().map(part).collect()),
        ledger: entries.into_iter().map(|(head, postings)| (head.kind, postings)).collect(),
        form: GiveBackForm::default(),
        refused: None,
    }))
}

fn part(share: ShareRow) -> PartnersPart {
    PartnersPart {
        name: share.name,
        amount_fen: share.amount_fen,
        back_fen: share.back_fen,
        status: share.status.as_str().to_owned(),
    }
}

/// Gives back part of what the charge cost.
pub(super) async fn refund(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Path(id): Path<OrderId>,
    form: Result<Form<GiveBack>, FormRejection>,
) -> Response {
    if !staff.rights.give_back {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    let Ok(Form(form)) = form else { return answer::trouble(language, Trouble::BadForm) };
    if form.key.is_empty() || form.key.len() > KEY_MAX || form.reason.len() > REASON_MAX {
        return answer::trouble(language, Trouble::BadForm);
    }
    let refused = match give_back(&app, &staff, &id, &form).await {
        Ok(()) => return answer::see(&format!("/admin/orders/{id}")),
        Err(Refused::Form(code)) => code,
        Err(Refused::Order(OrderError::Rejected(_))) => "too_much",
        Err(Refused::Order(error)) => return answer::problem(language, &Problem::from(error)),
    };
    let GiveBack { key, amount, reason } = form;
    let typed = GiveBackForm { key, amount, reason };
    answer_with(&app, language, &staff, &id, (typed, Some(refused))).await
}

/// Why nothing goes back.
enum Refused {
    Form(&'static str),
    Order(OrderError),
}

async fn give_back(app: &App, staff: &Staff, id: &OrderId, form: &GiveBack) -> Result<(), Refused> {
    let amount_fen = Fen::from_yuan(form.amount.trim()).filter(|fen| *fen > Fen::ZERO);
    let amount_fen = amount_fen.ok_or(Refused::Form("amount"))?;
    let reason = form.reason.trim();
    if reason.is_empty() {
        return Err(Refused::Form("reason"));
    }
    let given =
        app.orders.refund_for_operator(&staff.operator_id, id, amount_fen, reason, &form.key).await;
    let code = given.as_ref().err().map(ToString::to_string);
    tracing::info!(user = staff.user_id, order = %id, %amount_fen, refused = code, "give back");
    given.map(drop).map_err(Refused::Order)
}
