//! The case table shared with JavaScript (`js/test.mjs`): every case says in `why` how it is
//! worked out by hand.

#![expect(clippy::disallowed_methods, reason = "the table of cases is read from files")]

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};
use wasm_core::ids::{OrderId, PlanId};
use wasm_core::money::Fen;
use wasm_core::receipt::{Receipt, Verdict};
use wasm_core::tariff::{Expectation, Tariff, TariffError, Usage, quote, settle};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    tariffs: Map<String, Value>,
    cases: Vec<Case>,
}

/// A tariff, by name and with some fields changed; then a usage to settle, a quote to make, or
/// only the tariff to validate; then the result (what it leaves out may be anything) or the code
/// of the error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    why: String,
    tariff: String,
    #[serde(default)]
    change: Map<String, Value>,
    plan: Option<PlanId>,
    paid_fen: Option<Fen>,
    usage: Option<Usage>,
    quote: Option<Expectation>,
    expect: Option<Value>,
    error: Option<TariffError>,
}

impl Case {
    fn outcome(&self, tariffs: &Map<String, Value>) -> Result<Value, TariffError> {
        let mut tariff = tariffs[&self.tariff].clone();
        tariff.as_object_mut().unwrap().extend(self.change.clone());
        let tariff: Tariff = serde_json::from_value(tariff).unwrap();
        match (&self.plan, &self.usage, &self.quote) {
            (Some(plan), None, Some(expect)) => {
                quote(&tariff, plan, expect).map(|quote| serde_json::to_value(quote).unwrap())
            }
            (Some(plan), Some(usage), None) => self.settled(&tariff, plan, usage),
            (None, None, None) => tariff.validate().map(|()| Value::Null),
            _ => panic!("{}: neither a usage, a quote nor a tariff alone", self.name),
        }
    }

    fn settled(&self, tariff: &Tariff, plan: &PlanId, usage: &Usage) -> Result<Value, TariffError> {
        let plan = tariff.plan(plan)?;
        let paid_fen = self.paid_fen.unwrap_or(plan.prepaid_fen());
        let bill = settle(tariff, plan, paid_fen, usage)?;
        let receipt = Receipt {
            order_id: OrderId::from("00000000000000000000"),
            tariff: tariff.clone(),
            plan: plan.clone(),
            paid_fen,
            usage: usage.clone(),
            bill: bill.clone(),
        };
        assert_eq!(receipt.verify(), Verdict::Agrees, "{}", self.name);
        Ok(serde_json::to_value(bill).unwrap())
    }

    fn failure(&self, tariffs: &Map<String, Value>) -> Option<String> {
        match (self.outcome(tariffs), &self.expect, self.error) {
            (Ok(found), Some(expected), None) => difference("result", &found, expected),
            (Err(found), None, Some(expected)) if found == expected => None,
            (outcome, ..) => Some(format!("{outcome:?}")),
        }
    }
}

/// Where `found` is not what `expected` says; what that leaves out may be anything.
fn difference(path: &str, found: &Value, expected: &Value) -> Option<String> {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            expected.iter().find_map(|(key, expected)| {
                let found = found.get(key).unwrap_or(&Value::Null);
                difference(&format!("{path}.{key}"), found, expected)
            })
        }
        (Value::Array(found), Value::Array(expected)) if found.len() == expected.len() => {
            let mut pairs = found.iter().zip(expected).enumerate();
            pairs.find_map(|(nth, (found, expected))| {
                difference(&format!("{path}[{nth}]"), found, expected)
            })
        }
        _ => (found != expected).then(|| format!("{path} is {found}, not {expected}")),
    }
}

#[test]
fn every_case_comes_out_as_worked_out_by_hand() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut failures = Vec::new();
    let mut count = 0;
    for file in fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        let table: Table = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for case in &table.cases {
            assert!(case.error.is_some() || !case.why.is_empty(), "{}: why?", case.name);
            count += 1;
            if let Some(failure) = case.failure(&table.tariffs) {
                failures.push(format!("{}: {}\n  {}", path.display(), case.name, failure));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count > 70, "only {count} cases found");
}

#[test]
fn unknown_fields_are_refused_everywhere() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/quotes.json");
    let mut table: Table = serde_json::from_slice(&fs::read(table).unwrap()).unwrap();
    let tariff = table.tariffs.remove("q").unwrap();
    assert!(serde_json::from_value::<Tariff>(tariff.clone()).is_ok());
    let places = [
        "",
        "/electricity/0",
        "/service",
        "/service/tiers/0",
        "/plans/0",
        "/plans/0/limit",
        "/plans/2/limit",
        "/plans/3/limit",
        "/plans/0/price",
    ];
    for place in places {
        let mut strange = tariff.clone();
        let object = strange.pointer_mut(place).unwrap().as_object_mut().unwrap();
        object.insert("strange".into(), Value::from(1));
        assert!(serde_json::from_value::<Tariff>(strange).is_err(), "{place}");
    }
}
