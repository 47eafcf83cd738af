//! `saochong ledger`.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;
use server::ledger::Report;

use super::{Common, output};

#[derive(Subcommand)]
pub enum LedgerCommand {
    /// Prove the books: every transaction sums to zero, every paid fen is accounted for
    Check {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl LedgerCommand {
    pub async fn run(self, common: &Common) -> Result<ExitCode> {
        let Self::Check { json } = self;
        let (store, _) = common.store().await?;
        let report = server::ledger::check(&store).await.context("cannot read the books")?;
        if json {
            output::json(&report)?;
        } else {
            for finding in &report.findings {
                output::line(&serde_json::to_string(finding)?)?;
            }
            let Report { transactions, debits_fen, orders, findings } = &report;
            output::line(&format!(
                "{transactions} transactions, {debits_fen} debited and credited, {orders} orders: {}",
                if findings.is_empty() { "the books are whole" } else { "the books are WRONG" }
            ))?;
        }
        Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
