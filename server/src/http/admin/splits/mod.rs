//! `/admin/splits`: partners, what waits for a person, and the rules of the sites.

mod form;

use std::collections::HashMap;

use app::pages::admin::splits::editor::{self, RuleForm, RulePage};
use app::pages::admin::splits::{self as view, Partner, SiteRule, SplitsPage, Waiting};
use app::pages::admin::trouble::Trouble;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use wasm_core::ids::{OrderId, PartyId, SiteId};
use wasm_core::share::{Finding, SplitRule};

use super::answer;
use super::overview::CHINA_MINUTES;
use super::staff::Staff;
use crate::http::App;
use crate::http::pages::language::Language;
use crate::http::problem::Problem;
use crate::orders::{OrderError, write_rule};
use crate::store::StoreError;
use crate::store::sites::Site;
use crate::store::splits::{PartyBalance, StuckReturn, StuckShare};

/// Shares and returns shown at most, of each.
const WAITING_MAX: i64 = 200;

/// The page.
pub(super) async fn show(State(app): State<App>, language: Language, staff: Staff) -> Response {
    if !staff.rights.read_books {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    match page(&app, &staff).await {
        Ok(page) => answer::page(language, view::html(language.lang, page)),
        Err(error) => answer::problem(language, &error.into()),
    }
}

async fn page(app: &App, staff: &Staff) -> Result<SplitsPage, StoreError> {
    let (store, operator) = (&app.store, &staff.operator_id);
    let now_ms = app.clock.now_ms();
    let sites = store.sites(Some(operator)).await?;
    let offset = sites.first().map(|site| site.tariff.utc_offset_minutes);
    let mut rules = Vec::new();
    for site in &sites {
        let rule = store.rule_in_force(operator, &site.id, now_ms).await?;
        rules.push(SiteRule {
            id: site.id.0.clone(),
            name: site.name.clone(),
            rule: rule.map(|row| row.rule),
        });
    }
    let shares = store.stuck_shares(operator, WAITING_MAX).await?;
    let returns = store.stuck_returns(operator, WAITING_MAX).await?;
    let waiting = shares.into_iter().map(share).chain(returns.into_iter().map(returned));
    Ok(SplitsPage {
        staff: staff.view(),
        now_ms,
        utc_offset_minutes: offset.unwrap_or(CHINA_MINUTES),
        partners: store.party_balances(operator).await?.into_iter().map(partner).collect(),
        waiting: waiting.collect(),
        sites: rules,
    })
}

fn partner(balance: PartyBalance) -> Partner {
    let PartyBalance { name, shares_fen, paid_fen, payable_fen, .. } = balance;
    Partner { name, shares_fen, paid_fen, owed_fen: payable_fen }
}

fn share(StuckShare { order_id, share }: StuckShare) -> Waiting {
    Waiting {
        retry: format!("/admin/splits/orders/{order_id}/shares/{}/retry", share.party),
        amount_fen: share.left_fen(),
        name: share.name,
        status: share.status.as_str().to_owned(),
        why: share.reason,
        since_ms: share.updated_ms,
        order_id,
    }
}

fn returned(StuckReturn { back, name, since_ms }: StuckReturn) -> Waiting {
    Waiting {
        retry: format!("/admin/splits/orders/{}/returns/{}/retry", back.order_id, back.id),
        name,
        amount_fen: back.amount_fen,
        status: "not_returned".to_owned(),
        why: back.reason,
        since_ms,
        order_id: back.order_id,
    }
}

/// Tries a share again.
pub(super) async fn retry_share(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Path((order, party)): Path<(OrderId, PartyId)>,
) -> Response {
    if !staff.rights.retry_jobs {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    let retried = app.orders.retry_share(&staff.operator_id, &order, &party).await;
    done(language, &staff, "retry a share", retried)
}

/// Asks a partner again to give back.
pub(super) async fn retry_return(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Path((order, id)): Path<(OrderId, String)>,
) -> Response {
    if !staff.rights.retry_jobs {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    let retried = app.orders.retry_return(&staff.operator_id, &order, &id).await;
    done(language, &staff, "retry a return", retried)
}

fn done(language: Language, staff: &Staff, what: &str, done: Result<(), OrderError>) -> Response {
    let done = done.map_err(Problem::from);
    let code = done.as_ref().map_or_else(|problem| problem.code, |()| "done");
    tracing::info!(user = staff.user_id, what, code, "asked by staff");
    match done {
        Ok(()) => answer::see("/admin/splits"),
        Err(problem) => answer::problem(language, &problem),
    }
}

/// A site's rule, to change.
pub(super) async fn edit(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Path(id): Path<SiteId>,
) -> Response {
    if !staff.rights.share_rules {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    match blank(&app, &staff, &id).await {
        Ok(Some(page)) => answer::page(language, editor::html(language.lang, page)),
        Ok(None) => answer::trouble(language, Trouble::NotFound),
        Err(error) => answer::problem(language, &error.into()),
    }
}

async fn blank(app: &App, staff: &Staff, id: &SiteId) -> Result<Option<RulePage>, StoreError> {
    let operator = &staff.operator_id;
    let Some(site) = app.store.site(Some(operator), id).await?.pop() else { return Ok(None) };
    let rule = app.store.rule_in_force(operator, id, app.clock.now_ms()).await?;
    let offset = site.tariff.utc_offset_minutes;
    let form = rule.map_or_else(RuleForm::default, |row| RuleForm::of(&row.rule, offset));
    Ok(Some(rule_page(staff, &site, form, (Vec::new(), None))))
}

/// Stores another version of a site's rule, or says why not.
pub(super) async fn save(
    State(app): State<App>,
    language: Language,
    staff: Staff,
    Path(id): Path<SiteId>,
    fields: Result<Form<HashMap<String, String>>, FormRejection>,
) -> Response {
    if !staff.rights.share_rules {
        return answer::trouble(language, Trouble::NotAllowed);
    }
    let Ok(Form(fields)) = fields else { return answer::trouble(language, Trouble::BadForm) };
    match try_save(&app, &staff, &id, &fields).await {
        Ok(Saved::Stored) => answer::see("/admin/splits"),
        Ok(Saved::NotYet(page)) => {
            let page = editor::html(language.lang, *page);
            answer::page_with(language, StatusCode::UNPROCESSABLE_ENTITY, page)
        }
        Ok(Saved::NoSuchSite) => answer::trouble(language, Trouble::NotFound),
        Err(error) => answer::problem(language, &error.into()),
    }
}

/// What became of a form.
enum Saved {
    Stored,
    NotYet(Box<RulePage>),
    NoSuchSite,
}

async fn try_save(
    app: &App,
    staff: &Staff,
    id: &SiteId,
    fields: &HashMap<String, String>,
) -> Result<Saved, StoreError> {
    let operator = &staff.operator_id;
    let Some(site) = app.store.site(Some(operator), id).await?.pop() else {
        return Ok(Saved::NoSuchSite);
    };
    let now_ms = app.clock.now_ms();
    let typed = form::typed(fields);
    let said = match form::rule(&typed, now_ms, site.tariff.utc_offset_minutes) {
        Err(field) => (Vec::new(), Some(field)),
        Ok(rule) => {
            let channels: Vec<_> = app.orders.platforms().channels().collect();
            let confirmed = fields.contains_key("confirmed");
            let by = (staff.user_id.as_str(), confirmed, now_ms);
            let written = write_rule(&app.store, (operator, &site), &rule, &channels, by).await?;
            if written.stored.is_some() {
                return Ok(Saved::Stored);
            }
            (named(&rule, written.findings), None)
        }
    };
    Ok(Saved::NotYet(Box::new(rule_page(staff, &site, typed, said))))
}

/// Each finding with its party's name.
fn named(rule: &SplitRule, findings: Vec<Finding>) -> Vec<(Finding, String)> {
    let name = |finding: Finding| {
        let party = finding.party.as_ref().and_then(|id| rule.party(id));
        let name = party.map(|party| party.name.clone()).unwrap_or_default();
        (finding, name)
    };
    findings.into_iter().map(name).collect()
}

fn rule_page(
    staff: &Staff,
    site: &Site,
    typed: RuleForm,
    (findings, unreadable): (Vec<(Finding, String)>, Option<String>),
) -> RulePage {
    RulePage {
        staff: staff.view(),
        site_id: site.id.0.clone(),
        site_name: site.name.clone(),
        form: form::with_room(typed),
        findings,
        unreadable,
    }
}
