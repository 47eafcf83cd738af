//! `saochong tariff`: the native twin of the WASM package. JSON on standard input, JSON on
//! standard output, the shapes of wasm-core's README.

use std::io::Read;

use anyhow::{Context, Result, anyhow};
use clap::Subcommand;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use wasm_core::ids::PlanId;
use wasm_core::money::Fen;
use wasm_core::receipt::Receipt;
use wasm_core::tariff::{self, Expectation, Plan, Tariff, TariffError, Usage};

use super::output;

#[derive(Subcommand)]
pub enum TariffCommand {
    #[command(about = r#"Quote a plan: {"tariff", "plan_id", "expectation"} in, a quote out"#)]
    Quote,
    #[command(about = r#"Bill a charge: {"tariff", "plan", "paid_fen", "usage"} in, a bill out"#)]
    Settle,
    /// Check a tariff: a tariff in, {"valid": true} out
    Validate,
    /// Compute a receipt's bill again: a receipt in, a verdict out
    Verify,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuoteInput {
    tariff: Tariff,
    plan_id: PlanId,
    expectation: Expectation,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettleInput {
    tariff: Tariff,
    plan: Plan,
    paid_fen: Fen,
    usage: Usage,
}

impl TariffCommand {
    pub fn run(self) -> Result<()> {
        match self {
            Self::Quote => {
                let QuoteInput { tariff, plan_id, expectation } = input()?;
                output::json(&tariff::quote(&tariff, &plan_id, &expectation).map_err(refused)?)
            }
            Self::Settle => {
                let SettleInput { tariff, plan, paid_fen, usage } = input()?;
                output::json(&tariff::settle(&tariff, &plan, paid_fen, &usage).map_err(refused)?)
            }
            Self::Validate => {
                input::<Tariff>()?.validate().map_err(refused)?;
                output::json(&json!({"valid": true}))
            }
            Self::Verify => output::json(&input::<Receipt>()?.verify()),
        }
    }
}

fn input<T: DeserializeOwned>() -> Result<T> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    serde_json::from_str(&text).context("standard input is not as it should be")
}

/// The error by its stable code.
fn refused(error: TariffError) -> anyhow::Error {
    let code = serde_json::to_value(error).ok();
    let code = code.as_ref().and_then(|code| code.as_str()).unwrap_or("tariff");
    anyhow!("{code}: this cannot be priced")
}
