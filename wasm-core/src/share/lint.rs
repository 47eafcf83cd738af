//! What would go wrong with a rule, said when it is written and not when money fails to arrive.

use serde::{Deserialize, Serialize};

use super::{
    AccountKind, Basis, Kept, Party, Role, Share, SplitRule, per_kwh, pull_back, rule::RuleError,
    split,
};
use crate::ids::PartyId;
use crate::money::Fen;
use crate::order::Channel;
use crate::units::{MS_PER_DAY, mul_div_floor};

use super::rule::HUNDRED_PERCENT;

/// What a platform allows. Defaults are the platforms' published ones; a merchant may have others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelLimits {
    /// The platform.
    pub channel: Channel,
    /// How much of a payment may go to others, basis points.
    pub most_basis_points: i64,
    /// Receivers of one split at most.
    pub most_receivers: usize,
    /// Receivers up to which a split is done as a whole or not at all.
    pub whole_receivers: usize,
    /// The platform's fee, basis points of a payment; it leaves the operator's part.
    pub fee_basis_points: i64,
    /// Whether what a person received can be taken back.
    pub persons_give_back: bool,
}

/// A charge as it is usual at the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Typical {
    /// What the rider pays in the end, fen.
    pub total_fen: Fen,
    /// How much of that is electricity, fen.
    pub electricity_fen: Fen,
    /// The energy, watt-hours.
    pub energy_wh: i64,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// It may be meant; somebody must say so.
    Warning,
    /// The rule cannot be stored.
    Error,
}

/// Something about a rule that whoever writes it should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// What.
    pub code: FindingCode,
    /// How grave.
    pub severity: Severity,
    /// Where, if it concerns one platform.
    pub channel: Option<Channel>,
    /// Who, if it concerns one party.
    pub party: Option<PartyId>,
    /// The figure found, in the code's unit.
    pub found: Option<i64>,
    /// The figure it is held against, in the code's unit.
    pub limit: Option<i64>,
}

/// What a finding says; the names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// The rule splits nothing: see [`RuleError`].
    Invalid(RuleError),
    /// More goes to others than the platform allows, basis points of the payment. Lower the
    /// parts, or ask the platform for more.
    OverChannelCap,
    /// A charge with little or no electricity would go over the cap, basis points.
    NearChannelCap,
    /// More receivers than the platform takes in one split, a count.
    TooManyReceivers,
    /// So many receivers that some may get theirs while others are refused, a count.
    PartByPart,
    /// The party has an account elsewhere, but none at this platform: its part would not leave.
    NoAccountHere,
    /// The party has no account at all: its part is owed in the books and paid by hand.
    PaidByHand,
    /// What is paid per kWh is more than a kWh leaves, fen of a typical charge: the last in the
    /// order of the rule get less than agreed.
    BelowPerKwh,
    /// The operator's part does not cover the platform's fee, fen of a typical charge.
    FeeNotCovered,
    /// The party gets nothing of a typical charge.
    GetsNothing,
    /// What the party received can not be taken back there: after a late refund it owes, fen of
    /// a typical charge wholly refunded.
    NoGivingBack,
    /// What a refund of half a typical charge takes back from the party, fen.
    RefundTakesBack,
    /// The percents do not add to 100; the rest goes to the party, basis points.
    RestGoesTo,
    /// The rule is over already.
    AlreadyOver,
    /// The riders pay the same with it, fen of a typical charge.
    PriceUnaffected,
}

impl ChannelLimits {
    /// A platform's published limits: at most 30 % of a payment; Alipay takes 50 receivers, of
    /// which up to 5 at once are all or nothing; `WeChat` Pay takes 50, and lets only merchants
    /// give back. Fees are the usual 0.6 %.
    pub fn published(channel: Channel) -> Self {
        Self {
            channel,
            most_basis_points: 3_000,
            most_receivers: 50,
            whole_receivers: match channel {
                Channel::Alipay => 5,
                Channel::Wechat => 0,
            },
            fee_basis_points: 60,
            persons_give_back: channel == Channel::Alipay,
        }
    }
}

/// What is to be said about a rule, the gravest first: errors refuse it, warnings want a yes.
/// `limits` are those of the platforms riders pay at.
pub fn lint(
    rule: &SplitRule,
    limits: &[ChannelLimits],
    typical: &Typical,
    now_ms: i64,
) -> Vec<Finding> {
    let mut lint = Lint { rule, typical, findings: Vec::new() };
    if let Err(error) = rule.validate() {
        lint.add(FindingCode::Invalid(error), Severity::Error);
        return lint.findings;
    }
    let kept = typical.kept();
    let shares = split(rule, &kept).unwrap_or_default();
    lint.validity(now_ms);
    for limits in limits {
        lint.channel(limits, &shares);
    }
    lint.parties(&shares, limits);
    lint.refund(&shares);
    let found = lint.add(FindingCode::PriceUnaffected, Severity::Note);
    found.found = Some(typical.total_fen.0);
    lint.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    lint.findings
}

impl Typical {
    fn kept(&self) -> Kept {
        Kept {
            kept_fen: self.total_fen,
            electricity_fen: self.electricity_fen,
            energy_wh: self.energy_wh,
        }
    }
}

struct Lint<'a> {
    rule: &'a SplitRule,
    typical: &'a Typical,
    findings: Vec<Finding>,
}

impl Lint<'_> {
    fn add(&mut self, code: FindingCode, severity: Severity) -> &mut Finding {
        let blank =
            Finding { code, severity, channel: None, party: None, found: None, limit: None };
        self.findings.push(blank);
        self.findings.last_mut().expect("just pushed")
    }

    fn validity(&mut self, now_ms: i64) {
        if let Some(until_ms) = self.rule.valid_until_ms.filter(|until_ms| *until_ms <= now_ms) {
            let found = self.add(FindingCode::AlreadyOver, Severity::Warning);
            found.found = Some((now_ms - until_ms) / MS_PER_DAY);
        }
    }

    /// Parties whose part leaves the operator's account at a platform, with that part.
    fn sent<'s>(&self, channel: Channel, shares: &'s [Share]) -> Vec<(&Party, &'s Share)> {
        let leaves = |(party, share): &(&Party, &Share)| {
            party.role != Role::Operator
                && party.account_at(channel).is_some()
                && share.amount_fen > Fen::ZERO
        };
        self.rule.parties.iter().zip(shares).filter(leaves).collect()
    }

    fn channel(&mut self, limits: &ChannelLimits, shares: &[Share]) {
        let channel = limits.channel;
        let total_fen = self.typical.total_fen;
        let basis_points = self.sent_basis_points(channel, shares, total_fen);
        let cap = limits.most_basis_points;
        let without = Kept { electricity_fen: Fen::ZERO, ..self.typical.kept() };
        let worst = split(self.rule, &without).unwrap_or_default();
        let worst_points = self.sent_basis_points(channel, &worst, total_fen);
        let receivers = self.sent(channel, shares).len();
        let fee_fen = -mul_div_floor(-total_fen.0, limits.fee_basis_points, HUNDRED_PERCENT);
        let own = shares.get(self.rule.nth(self.rule.operator()));
        let own_fen = own.map_or(0, |share| share.amount_fen.0);
        let mut say = |code, severity, (found, limit): (i64, i64)| {
            let finding = self.add(code, severity);
            finding.channel = Some(channel);
            (finding.found, finding.limit) = (Some(found), Some(limit));
        };
        if basis_points > cap {
            say(FindingCode::OverChannelCap, Severity::Error, (basis_points, cap));
        } else if worst_points > cap {
            say(FindingCode::NearChannelCap, Severity::Warning, (worst_points, cap));
        }
        if receivers > limits.most_receivers {
            let counts = (count(receivers), count(limits.most_receivers));
            say(FindingCode::TooManyReceivers, Severity::Error, counts);
        } else if limits.whole_receivers > 0 && receivers > limits.whole_receivers {
            let counts = (count(receivers), count(limits.whole_receivers));
            say(FindingCode::PartByPart, Severity::Warning, counts);
        }
        if receivers > 0 && own_fen < fee_fen {
            say(FindingCode::FeeNotCovered, Severity::Warning, (own_fen, fee_fen));
        }
        self.giving_back(limits, shares);
    }

    /// How much of a payment leaves, in basis points, rounded up.
    fn sent_basis_points(&self, channel: Channel, shares: &[Share], total_fen: Fen) -> i64 {
        if total_fen <= Fen::ZERO {
            return 0;
        }
        let sent: i64 =
            self.sent(channel, shares).iter().map(|(_, share)| share.amount_fen.0).sum();
        -mul_div_floor(-sent, HUNDRED_PERCENT, total_fen.0)
    }

    fn giving_back(&mut self, limits: &ChannelLimits, shares: &[Share]) {
        if limits.persons_give_back {
            return;
        }
        let keeps = |(party, share): &(&Party, &Share)| {
            let account = party.account_at(limits.channel);
            account
                .is_some_and(|account| account.kind == AccountKind::Person)
                .then(|| (party.id.clone(), share.amount_fen))
        };
        let kept: Vec<_> = self.sent(limits.channel, shares).iter().filter_map(keeps).collect();
        for (party, amount_fen) in kept {
            let finding = self.add(FindingCode::NoGivingBack, Severity::Warning);
            finding.channel = Some(limits.channel);
            (finding.party, finding.found) = (Some(party), Some(amount_fen.0));
        }
    }

    fn parties(&mut self, shares: &[Share], limits: &[ChannelLimits]) {
        let others = self.rule.parties.iter().zip(shares);
        let others: Vec<_> = others.filter(|(party, _)| party.role != Role::Operator).collect();
        for (party, share) in others {
            if share.amount_fen == Fen::ZERO {
                let finding = self.add(FindingCode::GetsNothing, Severity::Warning);
                finding.party = Some(party.id.clone());
            }
            if party.accounts.is_empty() {
                let finding = self.add(FindingCode::PaidByHand, Severity::Warning);
                finding.party = Some(party.id.clone());
                continue;
            }
            for limits in limits {
                if party.account_at(limits.channel).is_none() {
                    let finding = self.add(FindingCode::NoAccountHere, Severity::Error);
                    finding.party = Some(party.id.clone());
                    finding.channel = Some(limits.channel);
                }
            }
        }
        self.per_kwh(shares);
        let percent: i64 = self.rule.parties.iter().map(|party| party.basis.basis_points()).sum();
        let rest_to = self.rule.rest_to.clone();
        if percent < HUNDRED_PERCENT {
            let finding = self.add(FindingCode::RestGoesTo, Severity::Note);
            finding.party = Some(rest_to);
            finding.found = Some(HUNDRED_PERCENT - percent);
        }
    }

    fn per_kwh(&mut self, shares: &[Share]) {
        let energy_wh = self.typical.energy_wh;
        let due = |party: &Party| match party.basis {
            Basis::PerKwh { price_mfen } => per_kwh(price_mfen, energy_wh),
            Basis::Percent { .. } => Fen::ZERO,
        };
        let parties = self.rule.parties.iter().zip(shares);
        let short: Vec<_> = parties
            .filter(|(party, share)| share.amount_fen < due(party))
            .map(|(party, share)| (party.id.clone(), share.amount_fen.0, due(party).0))
            .collect();
        for (party, gets, due) in short {
            let finding = self.add(FindingCode::BelowPerKwh, Severity::Warning);
            finding.party = Some(party);
            (finding.found, finding.limit) = (Some(gets), Some(due));
        }
    }

    fn refund(&mut self, shares: &[Share]) {
        let half_fen = Fen(self.typical.total_fen.0 / 2);
        let Ok(back) = pull_back(shares, half_fen) else { return };
        let operator = self.rule.operator().clone();
        let others = back.into_iter().filter(|share| share.party != operator);
        let others: Vec<_> = others.filter(|share| share.amount_fen > Fen::ZERO).collect();
        for share in others {
            let finding = self.add(FindingCode::RefundTakesBack, Severity::Note);
            finding.party = Some(share.party);
            (finding.found, finding.limit) = (Some(share.amount_fen.0), Some(half_fen.0));
        }
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
