//! Who gets how much of what a charge brought: the rules of a site, the split to the fen, and
//! what a refund afterwards takes back.
//!
//! What is split is what the operator keeps of an order after all refunds. The shares of all
//! parties, the operator's own among them, add up to exactly that:
//!
//! 1. electricity that is outside the split stays with the operator;
//! 2. parties paid per kWh take theirs first, in the order of the rule, each rounded down, as long
//!    as something is left;
//! 3. parties paid by percent share what then remains: each its part rounded down, and what is
//!    missing to all their percents together, rounded down, fen by fen by largest remainder, among
//!    equals in the order of the rule;
//! 4. what is left goes to the party that the rule names.

mod lint;
mod rule;

use serde::{Deserialize, Serialize};

use crate::ids::PartyId;
use crate::money::Fen;
use crate::units::{MFEN_PER_FEN, WH_PER_KWH, mul_div_floor};

pub use lint::{ChannelLimits, Finding, FindingCode, Severity, Typical, lint};
pub use rule::{
    Account, AccountKind, Basis, Electricity, HUNDRED_PERCENT, PARTIES_MAX, Party, Role, RuleError,
    SplitRule,
};

/// What an order brought, to be split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// What the operator keeps after all refunds, fen; never negative.
    pub kept_fen: Fen,
    /// The bill's electricity, fen.
    pub electricity_fen: Fen,
    /// The energy billed, watt-hours.
    pub energy_wh: i64,
}

/// What one party gets of one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Who.
    pub party: PartyId,
    /// How much, fen; never negative.
    pub amount_fen: Fen,
}

/// Splits what an order brought: one share for each party, in the order of the rule, zeros
/// included. They add to `kept.kept_fen`, or to nothing when that is negative.
///
/// # Errors
/// The rule is not valid.
pub fn split(rule: &SplitRule, kept: &Kept) -> Result<Vec<Share>, RuleError> {
    rule.validate()?;
    let mut left_fen = kept.kept_fen.max(Fen::ZERO);
    let mut amounts = vec![Fen::ZERO; rule.parties.len()];
    if rule.electricity == Electricity::Outside {
        let outside_fen = kept.electricity_fen.max(Fen::ZERO).min(left_fen);
        amounts[rule.nth(rule.operator())] += outside_fen;
        left_fen -= outside_fen;
    }
    for (party, amount_fen) in rule.parties.iter().zip(&mut amounts) {
        let Basis::PerKwh { price_mfen } = party.basis else { continue };
        let due_fen = per_kwh(price_mfen, kept.energy_wh).min(left_fen);
        *amount_fen += due_fen;
        left_fen -= due_fen;
    }
    let percents: Vec<i64> = rule.parties.iter().map(|party| party.basis.basis_points()).collect();
    let parts = deal(left_fen, &percents, HUNDRED_PERCENT);
    for (amount_fen, part_fen) in amounts.iter_mut().zip(&parts) {
        *amount_fen += *part_fen;
    }
    amounts[rule.nth(&rule.rest_to)] += left_fen - parts.into_iter().sum();
    let share = |(party, amount_fen): (&Party, Fen)| Share { party: party.id.clone(), amount_fen };
    Ok(rule.parties.iter().zip(amounts).map(share).collect())
}

/// What a refund after the split takes from each share, in their order: pro rata to what each
/// still has, to the fen, by largest remainder. The parts add to the refund, and none is more than
/// its share. `left` is what each party has left of the order, the operator included.
///
/// # Errors
/// [`RefundError`]: the refund is negative or more than all shares together, or a share is
/// negative.
pub fn pull_back(left: &[Share], refund_fen: Fen) -> Result<Vec<Share>, RefundError> {
    let weights: Vec<i64> = left.iter().map(|share| share.amount_fen.0).collect();
    let sum_fen: Fen = left.iter().map(|share| share.amount_fen).sum();
    let possible =
        weights.iter().all(|weight| *weight >= 0) && (Fen::ZERO..=sum_fen).contains(&refund_fen);
    if !possible {
        return Err(RefundError);
    }
    let parts = deal(refund_fen, &weights, sum_fen.0);
    let part =
        |(share, amount_fen): (&Share, Fen)| Share { party: share.party.clone(), amount_fen };
    Ok(left.iter().zip(parts).map(part).collect())
}

/// A refund that cannot be taken from these shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundError;

fn per_kwh(price_mfen: i64, energy_wh: i64) -> Fen {
    Fen(mul_div_floor(price_mfen, energy_wh.max(0), WH_PER_KWH * MFEN_PER_FEN))
}

/// Deals `amount` out by weights, of which `whole` stand for all of it: each gets its exact part
/// rounded down, and the fen missing to the sum of the exact parts, rounded down, go one by one to
/// the largest remainders, of equal ones to the first.
fn deal(amount: Fen, weights: &[i64], whole: i64) -> Vec<Fen> {
    if whole == 0 {
        return vec![Fen::ZERO; weights.len()];
    }
    let remainder = |weight: i64| i128::from(amount.0) * i128::from(weight) % i128::from(whole);
    let mut parts: Vec<Fen> =
        weights.iter().map(|weight| Fen(mul_div_floor(amount.0, *weight, whole))).collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    // The sort is stable: among equals the first stays first.
    by_remainder.sort_by_key(|nth| -remainder(weights[*nth]));
    let total_fen = Fen(mul_div_floor(amount.0, weights.iter().sum(), whole));
    let missing = total_fen - parts.iter().copied().sum();
    let missing = usize::try_from(missing.0).expect("parts are rounded down");
    for nth in by_remainder.into_iter().take(missing) {
        parts[nth] += Fen(1);
    }
    parts
}
