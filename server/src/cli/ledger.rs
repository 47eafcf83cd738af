//! `saochong ledger`.

use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use server::clock::Clock;
use server::ledger::closing::close_due;
use server::ledger::export::DayBook;
use server::ledger::statement::{ByOrder, Scope, by_day_csv};
use server::ledger::{self, Report};
use server::store::Store;
use server::store::closings::Span;
use tokio_util::sync::CancellationToken;
use wasm_core::day::Day;
use wasm_core::ids::OperatorId;
use wasm_core::money::Fen;
use wasm_core::posting::Transaction;

use super::{Common, output};

#[derive(Subcommand)]
pub enum LedgerCommand {
    /// Prove the books: every transaction sums to zero, every paid fen is accounted for, every
    /// closed day is what it was and stands on the day before
    Check {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// A hash that an earlier check printed and somebody noted down: it must still be there
        #[arg(long, value_name = "HASH")]
        noted: Vec<String>,
    },
    /// Close the days that are over; the server does so by itself half an hour after midnight
    Close {
        /// The last day to close [default: all that are over]
        #[arg(long, value_parser = day)]
        day: Option<Day>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the day book, every posting
    Export {
        #[command(flatten)]
        days: Days,
        /// The form
        #[arg(long, value_enum, default_value = "csv")]
        format: Format,
    },
    /// Print the trial balance of a closed day
    Balances {
        /// The operator; may be left out where there is only one
        #[arg(long)]
        operator: Option<String>,
        /// The day
        #[arg(long, value_parser = day)]
        day: Day,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a statement as CSV: the operator's, or a partner's
    Statement {
        #[command(flatten)]
        days: Days,
        /// The partner [default: the operator itself]
        #[arg(long)]
        party: Option<String>,
        /// What makes a line; by order for partners only
        #[arg(long, value_enum, default_value = "day")]
        by: By,
    },
    /// Post a correction; no order's own account can be corrected
    Correct(Correct),
}

/// Whose books, and which days of them.
#[derive(Args)]
pub struct Days {
    /// The operator; may be left out where there is only one
    #[arg(long)]
    operator: Option<String>,
    /// One day, as 2026-11-24
    #[arg(long, value_parser = day, conflicts_with_all = ["from", "to"], required_unless_present = "from")]
    day: Option<Day>,
    /// The first day
    #[arg(long, value_parser = day)]
    from: Option<Day>,
    /// The last day [default: the first]
    #[arg(long, value_parser = day, requires = "from")]
    to: Option<Day>,
}

/// The form of an export.
#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    /// Comma-separated values
    Csv,
}

/// What makes a line of a statement.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// A day, an account and a kind
    Day,
    /// An order
    Order,
}

/// A correction.
#[derive(Args)]
pub struct Correct {
    /// The operator; may be left out where there is only one
    #[arg(long)]
    operator: Option<String>,
    /// The voucher's number: posting it again changes nothing
    #[arg(long)]
    reference: String,
    /// Who corrects
    #[arg(long)]
    who: String,
    /// Why
    #[arg(long)]
    reason: String,
    /// An account and what it is debited, as fee:alipay=12.05
    #[arg(long, value_name = "ACCOUNT=YUAN", required = true)]
    debit: Vec<String>,
    /// An account and what it is credited
    #[arg(long, value_name = "ACCOUNT=YUAN", required = true)]
    credit: Vec<String>,
}

impl LedgerCommand {
    pub async fn run(self, common: &Common) -> Result<ExitCode> {
        let (store, _) = common.store().await?;
        match self {
            Self::Check { json, noted } => return check(&store, json, &noted).await,
            Self::Close { day, json } => close(&store, day, json).await?,
            Self::Export { days, format: Format::Csv } => {
                let (from, to) = days.span()?;
                let operator_id = operator(&store, days.operator).await?;
                let span = Span { operator_id, from_ms: from.begins_ms(), to_ms: to.ends_ms() };
                let mut book = DayBook::new(store, span);
                while let Some(text) = book.next().await? {
                    output::text(&text)?;
                }
            }
            Self::Balances { operator: id, day, json } => {
                let operator = operator(&store, id).await?;
                balances(&store, &operator, day, json).await?;
            }
            Self::Statement { days, party, by } => statement(store, days, party, by).await?,
            Self::Correct(correction) => correction.run(&store).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads a day.
pub fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| format!("{text} is not a day as 2026-11-24"))
}

impl Days {
    fn span(&self) -> Result<(Day, Day)> {
        let from = self.day.or(self.from).context("no day is named")?;
        let to = self.to.unwrap_or(from);
        if to < from {
            bail!("{to} is before {from}");
        }
        Ok((from, to))
    }
}

/// The operator that is meant.
pub async fn operator(store: &Store, named: Option<String>) -> Result<OperatorId> {
    let known = store.operator_ids().await.context("cannot read the operators")?;
    match (named, known.as_slice()) {
        (Some(named), _) => {
            let meant = known.into_iter().find(|id| *id.0 == *named);
            meant.with_context(|| format!("no operator {named}"))
        }
        (None, [only]) => Ok(only.clone()),
        (None, _) => bail!("name the operator: --operator"),
    }
}

async fn check(store: &Store, json: bool, noted: &[String]) -> Result<ExitCode> {
    let report = ledger::check_noted(store, noted).await.context("cannot read the books")?;
    if json {
        output::json(&report)?;
    } else {
        for finding in &report.findings {
            output::line(&serde_json::to_string(finding)?)?;
        }
        for head in &report.heads {
            output::line(&format!(
                "{} closed up to {}: {}",
                head.operator_id, head.day, head.hash
            ))?;
        }
        let Report { transactions, debits_fen, orders, days, findings, .. } = &report;
        output::line(&format!(
            "{transactions} transactions, {debits_fen} debited and credited, {orders} orders, \
             {days} closed days: {}",
            if findings.is_empty() { "the books are whole" } else { "the books are WRONG" }
        ))?;
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn close(store: &Store, until: Option<Day>, json: bool) -> Result<()> {
    let now_ms = Clock::System.now_ms();
    let never = CancellationToken::new();
    let closed = close_due(store, now_ms, until, &never).await.context("cannot close")?;
    if json {
        let days = closed.iter().map(|day| {
            json!({
                "operator_id": day.operator_id, "day": day.day.to_string(), "hash": day.hash,
                "transactions": day.transactions, "debits_fen": day.debits_fen,
            })
        });
        return output::json(&days.collect::<Vec<_>>());
    }
    for day in &closed {
        output::line(&format!(
            "{} {}: {} transactions, {}, {}",
            day.operator_id, day.day, day.transactions, day.debits_fen, day.hash
        ))?;
    }
    output::line(&format!("{} days closed", closed.len()))
}

async fn balances(store: &Store, operator: &OperatorId, day: Day, json: bool) -> Result<()> {
    let accounts = store.closing_accounts(operator, day).await.context("cannot read")?;
    let last = store.last_closing(operator).await.context("cannot read")?;
    if accounts.is_empty() && last.is_none_or(|last| last.day < day) {
        bail!("{day} is not closed yet");
    }
    if json {
        let lines = accounts.iter().map(|account| {
            json!({
                "account": account.account, "debits_fen": account.debits_fen,
                "credits_fen": account.credits_fen, "balance_fen": account.balance_fen,
            })
        });
        return output::json(&lines.collect::<Vec<_>>());
    }
    for account in &accounts {
        let name = &account.account;
        let (debits, credits) = (account.debits_fen.to_yuan(), account.credits_fen.to_yuan());
        let balance = account.balance_fen.to_yuan();
        output::line(&format!("{name:<40} {debits:>14} {credits:>14} {balance:>14}"))?;
    }
    let sum_fen: Fen = accounts.iter().map(|account| account.balance_fen).sum();
    output::line(&format!("{:<40} {:>44}", "sum", sum_fen.to_yuan()))
}

async fn statement(store: Store, days: Days, party: Option<String>, by: By) -> Result<()> {
    let (from, to) = days.span()?;
    let operator_id = operator(&store, days.operator).await?;
    if by == By::Order && party.is_none() {
        bail!("by order for a partner only: name it by --party");
    }
    let scope = Scope { operator_id, party, from, to };
    if by == By::Day {
        return output::text(&by_day_csv(&store, &scope).await?);
    }
    let mut lines = ByOrder::new(store, scope);
    while let Some(text) = lines.next().await? {
        output::text(&text)?;
    }
    Ok(())
}

impl Correct {
    async fn run(self, store: &Store) -> Result<()> {
        let operator = operator(store, self.operator).await?;
        let [who, reason] = [self.who.trim(), self.reason.trim()];
        if who.is_empty() || reason.is_empty() {
            bail!("say who corrects and why");
        }
        let debits = self.debit.iter().map(|side| account_and_yuan(side));
        let credits = self
            .credit
            .iter()
            .map(|side| account_and_yuan(side).map(|(account, amount_fen)| (account, -amount_fen)));
        let postings = debits.chain(credits).collect::<Result<Vec<_>>>()?;
        let correction =
            Transaction::correction(&self.reference, postings).map_err(|error| anyhow!(error))?;
        let mut tx = store.begin().await?;
        let now_ms = Clock::System.now_ms();
        ledger::correct(&mut tx, &operator, &correction, (who, reason), now_ms)
            .await
            .context("nothing was posted")?;
        tx.commit().await?;
        output::line(&format!("posted {}", correction.key))
    }
}

fn account_and_yuan(side: &str) -> Result<(String, Fen)> {
    let parts = side.rsplit_once('=').and_then(|(account, yuan)| {
        Some((account.to_owned(), Fen::from_yuan(yuan).filter(|fen| fen.0 > 0)?))
    });
    parts.with_context(|| format!("{side} is not an account and an amount, as fee:alipay=12.05"))
}
