//! The editor's form, read: from text as people type it to a rule.

use std::collections::HashMap;

use app::pages::admin::splits::editor::{AccountForm, PartyForm, RuleForm};
use jiff::civil::Date;
use wasm_core::money::Fen;
use wasm_core::order::Channel;
use wasm_core::share::{
    Account, AccountKind, Basis, Electricity, PARTIES_MAX, Party, Role, SplitRule,
};
use wasm_core::units::{MS_PER_DAY, MS_PER_MINUTE};

/// Empty rows offered beyond the filled ones.
const EMPTY_ROWS: usize = 3;
/// Longest text kept of a field, in characters.
const FIELD_MAX: usize = 64;

/// The form as it was sent.
pub(super) fn typed(fields: &HashMap<String, String>) -> RuleForm {
    let text = |name: &str| -> String {
        let typed = fields.get(name).map(|text| text.trim()).unwrap_or_default();
        typed.chars().take(FIELD_MAX).collect()
    };
    let party = |nth: usize| {
        let text = |field: &str| text(&format!("p{nth}_{field}"));
        let account = |channel: Channel| {
            let text = |field: &str| text(&format!("{}_{field}", channel.as_str()));
            AccountForm { account: text("account"), kind: text("kind"), name: text("name") }
        };
        PartyForm {
            id: text("id"),
            name: text("name"),
            role: text("role"),
            basis: text("basis"),
            value: text("value"),
            accounts: Channel::ALL.map(account),
        }
    };
    let parties = (0..PARTIES_MAX).map(party).filter(|party| !party.id.is_empty());
    RuleForm {
        parties: parties.collect(),
        electricity: text("electricity"),
        rest_to: text("rest_to"),
        from: text("from"),
        until: text("until"),
    }
}

/// The form with rows to fill.
pub(super) fn with_room(mut form: RuleForm) -> RuleForm {
    let rows = (form.parties.len() + EMPTY_ROWS).min(PARTIES_MAX);
    form.parties.resize_with(rows, PartyForm::default);
    form
}

/// The rule that a form says, or the text that cannot be read.
pub(super) fn rule(
    form: &RuleForm,
    now_ms: i64,
    utc_offset_minutes: i64,
) -> Result<SplitRule, String> {
    let midnight_ms = |text: &str| -> Result<i64, String> {
        let date: Date = text.parse().map_err(|_| text.to_owned())?;
        let since = date.duration_since(Date::constant(1970, 1, 1));
        let days = since.as_hours() / 24;
        Ok(days * MS_PER_DAY - utc_offset_minutes * MS_PER_MINUTE)
    };
    let until = &form.until;
    Ok(SplitRule {
        parties: form.parties.iter().map(party).collect::<Result<_, _>>()?,
        electricity: match form.electricity.as_str() {
            "inside" => Electricity::Inside,
            "outside" => Electricity::Outside,
            other => return Err(other.to_owned()),
        },
        rest_to: form.rest_to.as_str().into(),
        valid_from_ms: if form.from.is_empty() { now_ms } else { midnight_ms(&form.from)? },
        valid_until_ms: if until.is_empty() { None } else { Some(midnight_ms(until)?) },
    })
}

fn party(form: &PartyForm) -> Result<Party, String> {
    let unreadable = || form.value.clone();
    let basis = match form.basis.as_str() {
        // Two places of a percent are basis points, as two places of a yuan are fen.
        "percent" => {
            Fen::from_yuan(&form.value).map(|points| Basis::Percent { basis_points: points.0 })
        }
        "per_kwh" => mfen(&form.value).map(|price_mfen| Basis::PerKwh { price_mfen }),
        other => return Err(other.to_owned()),
    };
    let accounts = Channel::ALL.into_iter().zip(&form.accounts);
    let accounts = accounts.filter(|(_, account)| !account.account.is_empty());
    Ok(Party {
        id: form.id.as_str().into(),
        name: form.name.clone(),
        role: Role::parse(&form.role).ok_or_else(|| form.role.clone())?,
        basis: basis.ok_or_else(unreadable)?,
        accounts: accounts.map(account).collect(),
    })
}

fn account((channel, form): (Channel, &AccountForm)) -> Account {
    let kind = if form.kind == "person" { AccountKind::Person } else { AccountKind::Merchant };
    Account { channel, kind, account: form.account.clone(), name: form.name.clone() }
}

/// Yuan with at most five places as thousandths of a fen.
fn mfen(text: &str) -> Option<i64> {
    let (yuan, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(yuan) || !digits(part) || part.len() > 5 {
        return None;
    }
    let part: i64 = format!("{part:0<5}").parse().ok()?;
    yuan.parse::<i64>().ok()?.checked_mul(100_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_a_rule_and_comes_back_as_typed() {
        let fields = [
            ("p0_id", "own"),
            ("p0_name", "清源充电"),
            ("p0_role", "operator"),
            ("p0_basis", "percent"),
            ("p0_value", "0.00"),
            ("p3_id", "wuye"),
            ("p3_name", "翠湖物业"),
            ("p3_role", "property"),
            ("p3_basis", "per_kwh"),
            ("p3_value", "0.6005"),
            ("p3_alipay_account", "2088000000000001"),
            ("p3_alipay_kind", "merchant"),
            ("electricity", "outside"),
            ("rest_to", "own"),
            ("until", "2027-01-01"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let form = typed(&HashMap::from(fields));
        let rule = rule(&form, 1_795_351_200_000, 480).unwrap();
        assert_eq!(rule.validate(), Ok(()));
        assert_eq!(rule.parties[1].basis, Basis::PerKwh { price_mfen: 60_050 });
        // 2027-01-01 in China begins on 2026-12-31 at 16:00 UTC.
        assert_eq!(rule.valid_until_ms, Some(1_798_732_800_000));
        let mut again = RuleForm::of(&rule, 480);
        again.parties[0].accounts = form.parties[0].accounts.clone();
        again.parties[1].accounts[1] = form.parties[1].accounts[1].clone();
        assert_eq!(again, form);
        assert_eq!(with_room(form).parties.len(), 5);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for bad in ["", "1.2.3", "-1", "0.1234567", "twelve"] {
            assert_eq!(mfen(bad), None, "{bad}");
        }
        let form =
            RuleForm { electricity: "inside".into(), until: "soon".into(), ..RuleForm::default() };
        assert_eq!(rule(&form, 0, 480), Err("soon".to_owned()));
    }
}
