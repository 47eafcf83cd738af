//! `/admin/splits/sites/{id}`: a site's rule, to change. Works without script: empty rows are
//! there to be filled.

use leptos::prelude::*;
use wasm_core::order::Channel;
use wasm_core::share::{
    AccountKind, Basis, Electricity, Finding, Party, Role, Severity, SplitRule,
};

use super::super::frame::{Room, Staff, staff_page};
use crate::figures::{LocalTime, yuan_of_mfen};
use crate::lang::Lang;
use crate::text::admin::{Admin, Splits};
use wasm_core::money::Fen;

/// A site's rule as it stands in the form.
#[derive(Clone, Debug)]
pub struct RulePage {
    /// Who looks.
    pub staff: Staff,
    /// The site's id.
    pub site_id: String,
    /// Its name.
    pub site_name: String,
    /// What is in the fields.
    pub form: RuleForm,
    /// What the linter says, each with the name of its party; empty before the first try.
    pub findings: Vec<(Finding, String)>,
    /// The name of a field that cannot be read.
    pub unreadable: Option<String>,
}

/// The form's fields as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleForm {
    /// One row for each party.
    pub parties: Vec<PartyForm>,
    /// `inside` or `outside`.
    pub electricity: String,
    /// A party's id.
    pub rest_to: String,
    /// A date on the site's calendar, or nothing.
    pub from: String,
    /// The same.
    pub until: String,
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartyForm {
    /// Its id; a row without one is empty.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its role, by name.
    pub role: String,
    /// `percent` or `per_kwh`.
    pub basis: String,
    /// Percent, or yuan for a kWh.
    pub value: String,
    /// At each platform of [`Channel::ALL`].
    pub accounts: [AccountForm; 2],
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountForm {
    /// Its number; empty = none.
    pub account: String,
    /// `merchant` or `person`.
    pub kind: String,
    /// The owner's real name.
    pub name: String,
}

impl RuleForm {
    /// A rule as people type it; dates on clocks `utc_offset_minutes` ahead of UTC.
    pub fn of(rule: &SplitRule, utc_offset_minutes: i64) -> Self {
        let date = |at_ms: i64| {
            let (year, month, day) = LocalTime::at(at_ms, utc_offset_minutes).date();
            format!("{year:04}-{month:02}-{day:02}")
        };
        Self {
            parties: rule.parties.iter().map(PartyForm::of).collect(),
            electricity: match rule.electricity {
                Electricity::Inside => "inside".to_owned(),
                Electricity::Outside => "outside".to_owned(),
            },
            rest_to: rule.rest_to.0.clone(),
            from: String::new(),
            until: rule.valid_until_ms.map(date).unwrap_or_default(),
        }
    }
}

impl PartyForm {
    fn of(party: &Party) -> Self {
        let (basis, value) = match party.basis {
            Basis::Percent { basis_points } => ("percent", Fen(basis_points).to_yuan()),
            Basis::PerKwh { price_mfen } => ("per_kwh", yuan_of_mfen(price_mfen).replace('¥', "")),
        };
        let account = |channel| {
            let known = party.account_at(channel);
            known.map_or_else(AccountForm::default, |account| AccountForm {
                account: account.account.clone(),
                kind: match account.kind {
                    AccountKind::Merchant => "merchant".to_owned(),
                    AccountKind::Person => "person".to_owned(),
                },
                name: account.name.clone(),
            })
        };
        Self {
            id: party.id.0.clone(),
            name: party.name.clone(),
            role: party.role.as_str().to_owned(),
            basis: basis.to_owned(),
            value,
            accounts: Channel::ALL.map(account),
        }
    }
}

/// Whether electricity is shared, in words.
pub(super) fn electricity(words: &'static Splits, electricity: Electricity) -> &'static str {
    match electricity {
        Electricity::Inside => words.inside,
        Electricity::Outside => words.outside,
    }
}

/// The page.
pub fn html(lang: Lang, page: RulePage) -> String {
    let words = &Admin::of(lang).splits;
    let path = format!("/admin/splits/sites/{}", page.site_id);
    let title = (format!("{} · {}", words.title, page.site_name), path.clone());
    staff_page(lang, page.staff, title, Some(Room::Splits), move || {
        let form = page.form;
        let warned = page.findings.iter().any(|(finding, _)| finding.severity == Severity::Warning);
        let refused = page.findings.iter().any(|(finding, _)| finding.severity == Severity::Error);
        let confirm = (warned && !refused).then(|| {
            view! {
                <p>
                    <label>
                        <input type="checkbox" name="confirmed" value="yes"/>
                        " "
                        {words.confirm}
                    </label>
                </p>
            }
        });
        let unreadable = page.unreadable.map(|field| {
            view! {
                <p class="stale" role="alert">
                    {(words.unreadable)(&field)}
                </p>
            }
        });
        let parties: Vec<_> =
            (0..).zip(form.parties).map(|(nth, party)| row(words, nth, party)).collect();
        let choices = [("outside", words.outside), ("inside", words.inside)];
        view! {
            <section class="headline">
                <h1>{page.site_name}</h1>
                <p class="hint">{words.edit_lead}</p>
            </section>
            {unreadable}
            {findings(words, page.findings)}
            <form class="login" method="post" action=path>
                {parties}
                <fieldset class="card">
                    {select("electricity", words.electricity, &form.electricity, &choices)}
                    {field("rest_to", words.rest_to, form.rest_to, "text")}
                    {field("from", words.from, form.from, "date")}
                    {field("until", words.until, form.until, "date")}
                </fieldset>
                {confirm}
                <button class="button main">{words.save}</button>
            </form>
        }
    })
}

fn findings(words: &'static Splits, findings: Vec<(Finding, String)>) -> impl IntoView {
    let rows: Vec<_> = findings
        .into_iter()
        .map(|(finding, party)| {
            let tone = if finding.severity == Severity::Note { "pill" } else { "pill caution" };
            view! {
                <li>
                    <span class=tone>{(words.severity)(finding.severity)}</span>
                    " "
                    {(words.finding)(&finding, &party)}
                </li>
            }
        })
        .collect();
    (!rows.is_empty()).then(|| {
        view! {
            <section role="alert">
                <ul class="card findings">{rows}</ul>
            </section>
        }
    })
}

fn row(words: &'static Splits, nth: usize, party: PartyForm) -> impl IntoView {
    let name = |field: &str| format!("p{nth}_{field}");
    let roles = Role::ALL.map(|role| (role.as_str(), (words.role_name)(role)));
    let bases = [("percent", words.percent), ("per_kwh", words.per_kwh)];
    let kinds = [("merchant", words.merchant), ("person", words.person)];
    let accounts: Vec<_> = Channel::ALL
        .into_iter()
        .zip(party.accounts)
        .map(|(channel, account)| {
            let name = |field: &str| name(&format!("{}_{field}", channel.as_str()));
            view! {
                {field(&name("account"), (words.account)(channel), account.account, "text")}
                {select(&name("kind"), words.kind, &account.kind, &kinds)}
                {field(&name("name"), words.real_name, account.name, "text")}
            }
        })
        .collect();
    view! {
        <fieldset class="card">
            <legend>{(words.party)(&(nth + 1).to_string())}</legend>
            {field(&name("id"), words.id, party.id, "text")}
            {field(&name("name"), words.name, party.name, "text")}
            {select(&name("role"), words.role, &party.role, &roles)}
            {select(&name("basis"), words.basis, &party.basis, &bases)}
            {field(&name("value"), words.value, party.value, "text")} {accounts}
        </fieldset>
    }
}

fn field(
    name: &str,
    label: &'static str,
    value: String,
    kind: &'static str,
) -> impl IntoView + use<> {
    let name = name.to_owned();
    view! {
        <label for=name.clone()>{label}</label>
        <input id=name.clone() name=name type=kind value=value maxlength="64" autocomplete="off"/>
    }
}

fn select(
    name: &str,
    label: &'static str,
    chosen: &str,
    choices: &[(&'static str, &'static str)],
) -> impl IntoView + use<> {
    let name = name.to_owned();
    let options: Vec<_> = choices
        .iter()
        .map(|(value, words)| {
            view! {
                <option value=*value selected=*value == chosen>
                    {*words}
                </option>
            }
        })
        .collect();
    view! {
        <label for=name.clone()>{label}</label>
        <select id=name.clone() name=name>
            {options}
        </select>
    }
}
