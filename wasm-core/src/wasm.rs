//! The JavaScript facade: the domain for browsers and Node, with plain objects in and out.
//!
//! Numbers are JS numbers (every quantity here is far below 2⁵³), errors are thrown as
//! `CoreError` with a stable `code`, and a field we do not know is refused: a mistyped option
//! must never price something else than was meant. The shapes are in `wasm/types.d.ts` and in the
//! package README.

use js_sys::{Array, Error, Object, Reflect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;

use crate::ids::PlanId;
use crate::link::ScanCode;
use crate::money::Fen;
use crate::order::actions_in;
use crate::receipt::Receipt;
use crate::tariff::{self, Tariff};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = include_str!("wasm/types.d.ts");

type Thrown<T> = Result<T, JsValue>;

/// Throws unless charges can be priced by this tariff.
#[wasm_bindgen(js_name = validateTariff)]
pub fn validate_tariff(
    #[wasm_bindgen(unchecked_param_type = "Tariff")] tariff: &JsValue,
) -> Thrown<()> {
    read::<Tariff>("tariff", tariff)?.validate().map_err(|error| refused(&error))
}

/// What a plan of the tariff costs: what to pay now, the limits, and the bill to expect.
#[wasm_bindgen(unchecked_return_type = "Quote")]
pub fn quote(
    #[wasm_bindgen(unchecked_param_type = "Tariff")] tariff: &JsValue,
    plan_id: &str,
    #[wasm_bindgen(unchecked_param_type = "Expectation")] expectation: &JsValue,
) -> Thrown<JsValue> {
    let tariff: Tariff = read("tariff", tariff)?;
    let expectation = read("expectation", expectation)?;
    let quote = tariff::quote(&tariff, &PlanId::from(plan_id), &expectation);
    write(&quote.map_err(|error| refused(&error))?)
}

/// The bill of a charge.
#[wasm_bindgen(unchecked_return_type = "Bill")]
pub fn settle(
    #[wasm_bindgen(unchecked_param_type = "Tariff")] tariff: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "Plan")] plan: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "number")] paid_fen: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "Usage")] usage: &JsValue,
) -> Thrown<JsValue> {
    let tariff: Tariff = read("tariff", tariff)?;
    let plan = read("plan", plan)?;
    let paid_fen: Fen = read("paid_fen", paid_fen)?;
    let usage = read("usage", usage)?;
    let bill = tariff::settle(&tariff, &plan, paid_fen, &usage);
    write(&bill.map_err(|error| refused(&error))?)
}

/// Computes a receipt's bill again and says whether it agrees.
#[wasm_bindgen(js_name = verifyReceipt, unchecked_return_type = "Verdict")]
pub fn verify_receipt(
    #[wasm_bindgen(unchecked_param_type = "Receipt")] receipt: &JsValue,
) -> Thrown<JsValue> {
    write(&read::<Receipt>("receipt", receipt)?.verify())
}

/// Reads a scan code as people type it.
#[wasm_bindgen(js_name = readScanCode, unchecked_return_type = "ScanCode")]
pub fn read_scan_code(text: &str) -> Thrown<JsValue> {
    let code = ScanCode::parse(text).map_err(|error| refused(&error))?;
    let found = Object::new();
    Reflect::set(&found, &"code".into(), &code.as_str().into())?;
    Reflect::set(&found, &"printed".into(), &code.to_string().into())?;
    Ok(found.into())
}

/// What a rider can do with an order now: of the order as the API shows it, or of its state or
/// the state's name alone.
#[wasm_bindgen(js_name = orderActions, unchecked_return_type = "Action[]")]
pub fn order_actions(
    #[wasm_bindgen(
        unchecked_param_type = "StateName | { is: StateName } | { state: StateName | { is: StateName } }"
    )]
    order: &JsValue,
) -> Thrown<JsValue> {
    let state = inner(order, "state");
    let name = inner(&state, "is").as_string();
    let actions = name.and_then(|name| actions_in(&name));
    write(actions.ok_or_else(|| thrown("no_such_state", "no order state has this name"))?)
}

/// `object[key]` if it is there, else the value itself.
fn inner(value: &JsValue, key: &str) -> JsValue {
    let found = if value.is_object() { Reflect::get(value, &key.into()).ok() } else { None };
    found.filter(|found| !found.is_undefined()).unwrap_or_else(|| value.clone())
}

fn write(value: &(impl Serialize + ?Sized)) -> Thrown<JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_missing_as_null(true);
    value.serialize(&serializer).map_err(|error| thrown("bad_input", &error.to_string()))
}

fn read<T: DeserializeOwned + Serialize>(name: &str, given: &JsValue) -> Thrown<T> {
    let bad_input = |text: &str| thrown("bad_input", &format!("{name}: {text}"));
    let value: T = serde_wasm_bindgen::from_value(given.clone())
        .map_err(|error| bad_input(&error.to_string()))?;
    match difference(name, given, &write(&value)?) {
        Some(path) => Err(thrown("bad_input", &format!("{path} has no meaning here"))),
        None => Ok(value),
    }
}

/// Where `given` holds something that `understood` does not: the JS deserializer passes over
/// unknown fields in silence.
fn difference(path: &str, given: &JsValue, understood: &JsValue) -> Option<String> {
    if given.is_undefined() || given.is_null() {
        return None;
    }
    if !given.is_object() || !understood.is_object() {
        return (given != understood).then(|| path.to_owned());
    }
    let entries = Object::entries(given.unchecked_ref());
    entries.iter().find_map(|entry| {
        let entry: Array = entry.unchecked_into();
        let key = entry.get(0);
        let path = format!("{path}.{}", key.as_string().unwrap_or_default());
        let understood = Reflect::get(understood, &key).unwrap_or(JsValue::UNDEFINED);
        difference(&path, &entry.get(1), &understood)
    })
}

/// An error of the domain, by its code.
fn refused(error: &impl Serialize) -> JsValue {
    let code = write(error).ok().and_then(|code| code.as_string());
    let code = code.as_deref().unwrap_or("refused");
    thrown(code, code)
}

/// A `CoreError`.
fn thrown(code: &str, message: &str) -> JsValue {
    let error = Error::new(message);
    error.set_name("CoreError");
    // A fresh object takes any property.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}
