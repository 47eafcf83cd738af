//! `saochong split`.

use std::io::Read;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use server::clock::Clock;
use server::orders::{lint_rule, write_rule};
use server::store::Store;
use server::store::sites::Site;
use server::store::splits::{PartyBalance, RuleRow};
use wasm_core::ids::{OperatorId, SiteId};
use wasm_core::order::Channel;
use wasm_core::share::{Finding, Severity, SplitRule};

use super::{Common, output};

#[derive(Subcommand)]
pub enum SplitCommand {
    /// Rules of a site
    #[command(subcommand)]
    Rule(RuleCommand),
    /// Say what would go wrong with a rule; exit code 1 when it would be refused
    Lint(Written),
    /// List rules, how partners stand, and what waits for a person
    List(List),
}

#[derive(Subcommand)]
pub enum RuleCommand {
    /// Store another version of a site's rule; orders made from then on are split by it
    Set(SetRule),
}

/// A rule and where it is to hold.
#[derive(Args)]
pub struct Written {
    /// The site
    #[arg(long)]
    site: String,
    /// Whose site it is, if several operators have one of this id
    #[arg(long)]
    operator: Option<String>,
    /// A file with the rule as JSON, or - for standard input
    #[arg(long, value_name = "FILE")]
    file: String,
    /// A platform riders pay at: alipay, wechat [default: those the rule has accounts at]
    #[arg(long = "channel", value_name = "NAME", value_parser = channel)]
    channels: Vec<Channel>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct SetRule {
    #[command(flatten)]
    written: Written,
    /// Warnings are meant
    #[arg(long)]
    yes: bool,
}

#[derive(Args)]
pub struct List {
    /// Only this operator's
    #[arg(long)]
    operator: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Shares and returns listed at most, of each.
const WAITING_MAX: i64 = 1_000;

impl SplitCommand {
    pub async fn run(self, common: &Common) -> Result<ExitCode> {
        let (store, _) = common.store().await?;
        match self {
            Self::Rule(RuleCommand::Set(set)) => set.run(&store).await,
            Self::Lint(written) => written.lint(&store).await,
            Self::List(list) => list.run(&store).await,
        }
    }
}

fn channel(name: &str) -> Result<Channel, String> {
    Channel::parse(name).ok_or_else(|| "alipay or wechat".to_owned())
}

impl Written {
    async fn site(&self, store: &Store) -> Result<Site> {
        let operator = self.operator.clone().map(OperatorId);
        let id = SiteId(self.site.clone());
        let mut found = store.site(operator.as_ref(), &id).await?;
        match found.len() {
            0 => bail!("there is no site {id}"),
            1 => Ok(found.remove(0)),
            _ => bail!("several operators have a site {id}: say which with --operator"),
        }
    }

    fn rule(&self) -> Result<SplitRule> {
        let text = if self.file == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| text)
        } else {
            std::fs::read_to_string(&self.file)
        };
        let text = text.with_context(|| format!("cannot read the rule {}", self.file))?;
        serde_json::from_str(&text).with_context(|| format!("{} is not a rule", self.file))
    }

    fn channels(&self, rule: &SplitRule) -> Vec<Channel> {
        if !self.channels.is_empty() {
            return self.channels.clone();
        }
        let used = |channel: &Channel| {
            rule.parties.iter().any(|party| party.account_at(*channel).is_some())
        };
        Channel::ALL.into_iter().filter(used).collect()
    }

    async fn lint(self, store: &Store) -> Result<ExitCode> {
        let (rule, site) = (self.rule()?, self.site(store).await?);
        let findings = lint_rule(&rule, &site, &self.channels(&rule), Clock::System.now_ms());
        say(&findings, None, self.json)?;
        let refused = findings.iter().any(|finding| finding.severity == Severity::Error);
        Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

impl SetRule {
    async fn run(self, store: &Store) -> Result<ExitCode> {
        let written = &self.written;
        let (rule, site) = (written.rule()?, written.site(store).await?);
        let by = ("cli", self.yes, Clock::System.now_ms());
        let channels = written.channels(&rule);
        let place = (&site.operator_id, &site);
        let outcome = write_rule(store, place, &rule, &channels, by).await?;
        say(&outcome.findings, outcome.stored.as_deref(), written.json)?;
        if outcome.stored.is_some() {
            return Ok(ExitCode::SUCCESS);
        }
        let errors = outcome.findings.iter().any(|finding| finding.severity == Severity::Error);
        bail!(if errors { "the rule is refused" } else { "there are warnings: say --yes if meant" })
    }
}

/// Prints findings, and the id of a rule that was stored.
fn say(findings: &[Finding], stored: Option<&str>, as_json: bool) -> Result<()> {
    if as_json {
        return output::json(&json!({ "findings": findings, "rule_id": stored }));
    }
    for finding in findings {
        output::line(&serde_json::to_string(finding)?)?;
    }
    stored.map_or(Ok(()), output::line)
}

impl List {
    async fn run(self, store: &Store) -> Result<ExitCode> {
        let operator = self.operator.map(OperatorId);
        let rules = store.split_rules(operator.as_ref()).await?;
        let mut operators: Vec<OperatorId> =
            rules.iter().map(|row| row.operator_id.clone()).collect();
        operators.sort();
        operators.dedup();
        let (mut partners, mut waiting) = (Vec::new(), Vec::new());
        for operator in &operators {
            let balances = store.party_balances(operator).await?;
            partners.extend(balances.iter().map(|balance| partner(operator, balance)));
            for stuck in store.stuck_shares(operator, WAITING_MAX).await? {
                waiting.push(json!({
                    "operator_id": operator,
                    "order_id": stuck.order_id,
                    "party": stuck.share.party,
                    "amount_fen": stuck.share.left_fen(),
                    "status": stuck.share.status.as_str(),
                    "reason": stuck.share.reason,
                }));
            }
            for stuck in store.stuck_returns(operator, WAITING_MAX).await? {
                waiting.push(json!({
                    "operator_id": operator,
                    "order_id": stuck.back.order_id,
                    "party": stuck.back.party,
                    "amount_fen": stuck.back.amount_fen,
                    "status": "not_returned",
                    "reason": stuck.back.reason,
                }));
            }
        }
        let rules: Vec<_> = rules.iter().map(rule).collect();
        if self.json {
            let all = json!({ "rules": rules, "partners": partners, "waiting": waiting });
            output::json(&all)?;
            return Ok(ExitCode::SUCCESS);
        }
        for line in rules.iter().chain(&partners).chain(&waiting) {
            output::line(&line.to_string())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn rule(row: &RuleRow) -> Value {
    json!({
        "operator_id": row.operator_id,
        "site_id": row.site_id,
        "rule_id": row.id,
        "rule": row.rule,
        "created_by": row.created_by,
        "created_ms": row.created_ms,
    })
}

fn partner(operator: &OperatorId, balance: &PartyBalance) -> Value {
    json!({
        "operator_id": operator,
        "party": balance.party,
        "name": balance.name,
        "shares_fen": balance.shares_fen,
        "paid_fen": balance.paid_fen,
        "payable_fen": balance.payable_fen,
    })
}
