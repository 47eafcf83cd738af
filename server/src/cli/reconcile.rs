//! `saochong reconcile` and `saochong cases`.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use server::clock::Clock;
use server::orders::Orders;
use server::recon::{Progress, Recon, Repair, Settled};
use server::store::recon::CaseRow;
use tokio::sync::watch;
use wasm_core::day::Day;
use wasm_core::ids::OperatorId;
use wasm_core::order::Channel;

use super::ledger::day;
use super::{Common, output};

/// How often a terminal sees how far a run is, and how often a log.
const TERMINAL_EVERY: Duration = Duration::from_millis(200);
const LOG_EVERY: Duration = Duration::from_secs(5);
/// Cases listed at most.
const CASES_MAX: i64 = 10_000;
/// The highest fee anybody could have agreed to, hundredths of a percent.
const FEE_BP_MAX: i64 = 1_000;

/// A platform's bill of a day, to be compared.
#[derive(Args)]
pub struct ReconcileArgs {
    /// The platform: alipay or wechat
    #[arg(long, value_parser = channel)]
    channel: Channel,
    /// The day, as 2026-11-24
    #[arg(long, value_parser = day)]
    day: Day,
    /// The bill, downloaded before [default: fetched from the platform]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
pub enum CasesCommand {
    /// List differences between bills and the ledger
    List {
        /// Only these: open, waiting, accepted, dismissed or explained
        #[arg(long, default_value = "")]
        status: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a case with its evidence, as JSON
    Show {
        /// The case
        id: String,
    },
    /// Do what a case proposes
    Accept {
        #[command(flatten)]
        decision: DecisionArgs,
        /// Another repair that fits the case: `ask_platform`, `book_fee` or `suspense`
        #[arg(long, value_parser = repair)]
        repair: Option<Repair>,
    },
    /// Close a case without booking anything
    Dismiss {
        #[command(flatten)]
        decision: DecisionArgs,
    },
    /// Say what fee was agreed with a platform; bills that say another make cases
    Fee {
        /// The platform: alipay or wechat
        #[arg(long, value_parser = channel)]
        channel: Channel,
        /// Hundredths of a percent of each payment: 60 is 0.6 %
        #[arg(long)]
        basis_points: i64,
    },
}

/// Who decides what, and why.
#[derive(Args)]
pub struct DecisionArgs {
    /// The case
    id: String,
    /// Who decides
    #[arg(long)]
    who: String,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
    /// Whose the money is, when the case does not say
    #[arg(long)]
    operator: Option<String>,
}

fn channel(text: &str) -> Result<Channel, String> {
    Channel::parse(text).ok_or_else(|| format!("{text} is neither alipay nor wechat"))
}

fn repair(text: &str) -> Result<Repair, String> {
    Repair::parse(text).ok_or_else(|| format!("{text} is no repair"))
}

async fn recon(common: &Common) -> Result<Recon> {
    let (store, config) = common.store().await?;
    let clock = Clock::System;
    let platforms = server::serve::platforms(&config, &clock)?;
    let orders = Orders::new(store.clone(), clock.clone(), platforms);
    Ok(Recon::new(store, clock, orders))
}

impl ReconcileArgs {
    pub async fn run(self, common: &Common) -> Result<()> {
        let recon = recon(common).await?;
        let reports = watch::Sender::new(Progress::default());
        let told = tokio::spawn(tell(reports.subscribe()));
        let run = recon.reconcile(self.channel, self.day, self.file.as_deref(), &reports).await;
        drop(reports);
        told.await.context("the progress was cut off")?;
        let run = run.context("not reconciled")?;
        if self.json {
            return output::json(&json!({
                "channel": run.channel, "day": run.day.to_string(), "bill_lines": run.bill_lines,
                "ours": run.ours, "matched": run.matched, "differences": run.differences,
            }));
        }
        output::line(&format!(
            "{} {}: {} lines of the bill, {} movements of ours, {} agree, {} differences",
            run.channel.as_str(),
            run.day,
            run.bill_lines,
            run.ours,
            run.matched,
            run.differences
        ))
    }
}

/// Says on standard error how far the run is, until it is over.
async fn tell(mut progress: watch::Receiver<Progress>) {
    let terminal = io::stderr().is_terminal();
    let (every, end) = if terminal { (TERMINAL_EVERY, "\r") } else { (LOG_EVERY, "\n") };
    loop {
        tokio::time::sleep(every.min(TERMINAL_EVERY)).await;
        if progress.changed().await.is_err() {
            break;
        }
        let Progress { phase, bill_lines, ours, differences, .. } =
            progress.borrow_and_update().clone();
        let said = format!(
            "{phase}: {bill_lines} lines of the bill, {ours} movements of ours, \
             {differences} differences   {end}"
        );
        // Nobody may be looking.
        let _: io::Result<()> = io::stderr().write_all(said.as_bytes());
        if !terminal {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                () = closed(&mut progress) => break,
            }
        }
    }
    if terminal {
        let _: io::Result<()> = io::stderr().write_all(b"\n");
    }
}

async fn closed(progress: &mut watch::Receiver<Progress>) {
    while progress.changed().await.is_ok() {}
}

impl CasesCommand {
    pub async fn run(self, common: &Common) -> Result<()> {
        let recon = recon(common).await?;
        match self {
            Self::List { status, json } => list(&recon, &status, json).await,
            Self::Show { id } => {
                let case = recon.store().case(&id).await.context("cannot read the case")?;
                let case = case.with_context(|| format!("no case {id}"))?;
                output::json(&as_json(&case))
            }
            Self::Accept { decision, repair } => {
                let operator = decision.operator.as_deref().map(OperatorId::from);
                let settled = decision.settled(operator.as_ref())?;
                let done = recon.accept(&settled, repair).await;
                output::line(&done.map_err(|error| anyhow!(error))?)
            }
            Self::Dismiss { decision } => {
                let operator = decision.operator.as_deref().map(OperatorId::from);
                let settled = decision.settled(operator.as_ref())?;
                recon.dismiss(&settled).await.map_err(|error| anyhow!(error))
            }
            Self::Fee { channel, basis_points } => {
                if !(0..=FEE_BP_MAX).contains(&basis_points) {
                    bail!("a fee is between 0 and {FEE_BP_MAX} hundredths of a percent");
                }
                let set = recon.store().set_fee_bp(channel, basis_points).await;
                set.context("cannot keep the fee")
            }
        }
    }
}

impl DecisionArgs {
    fn settled<'a>(&'a self, operator: Option<&'a OperatorId>) -> Result<Settled<'a>> {
        if self.who.trim().is_empty() {
            bail!("say who decides");
        }
        let (id, who, reason) = (&self.id, self.who.trim(), &self.reason);
        Ok(Settled { id, scope: None, operator, who, reason })
    }
}

async fn list(recon: &Recon, status: &str, json: bool) -> Result<()> {
    let cases = recon.store().cases(None, status, CASES_MAX).await.context("cannot read")?;
    if json {
        return output::json(&cases.iter().map(as_json).collect::<Vec<_>>());
    }
    for case in &cases {
        output::line(&format!(
            "{} {} {} {} {} {}: ours {}, theirs {}, fee {}; {}",
            case.id,
            case.channel.as_str(),
            case.day,
            case.status,
            case.kind,
            case.number,
            case.ours_fen,
            case.theirs_fen,
            case.fee_fen,
            case.repair
        ))?;
    }
    output::line(&format!("{} cases", cases.len()))
}

fn as_json(case: &CaseRow) -> Value {
    let evidence: Value = serde_json::from_str(&case.evidence_json).unwrap_or_default();
    json!({
        "id": case.id, "operator_id": case.operator_id, "channel": case.channel,
        "day": case.day.to_string(), "kind": case.kind, "number": case.number,
        "order_id": case.order_id, "payment_id": case.payment_id, "ours_fen": case.ours_fen,
        "theirs_fen": case.theirs_fen, "fee_fen": case.fee_fen, "evidence": evidence,
        "repair": case.repair, "status": case.status, "decided_by": case.decided_by,
        "decided_ms": case.decided_ms, "note": case.note,
    })
}
