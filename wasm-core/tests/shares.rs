//! Splits and refunds after a split, to the fen: worked out by hand, and what holds for any.

#![expect(clippy::disallowed_methods, reason = "the table of cases is read from files")]

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use wasm_core::ids::PartyId;
use wasm_core::money::Fen;
use wasm_core::order::Channel;
use wasm_core::share::{
    Account, AccountKind, Basis, ChannelLimits, Electricity, FindingCode, HUNDRED_PERCENT, Kept,
    Party, Role, RuleError, Severity, Share, SplitRule, Typical, lint, pull_back, split,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    rules: Map<String, Value>,
    #[serde(default)]
    cases: Vec<Case>,
    #[serde(default)]
    invalid: Vec<Invalid>,
}

/// What an order brought, split by a named rule with some fields changed, and then one refund
/// after the other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    why: String,
    rule: String,
    #[serde(default)]
    change: Map<String, Value>,
    kept: Kept,
    expect: BTreeMap<String, Fen>,
    #[serde(default)]
    refunds: Vec<Late>,
}

/// A refund after the split.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Late {
    refund_fen: Fen,
    why: String,
    back: BTreeMap<String, Fen>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invalid {
    name: String,
    rule: String,
    change: Map<String, Value>,
    error: RuleError,
}

fn table<T: DeserializeOwned>(file: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shares").join(file);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn rule(rules: &Map<String, Value>, name: &str, change: &Map<String, Value>) -> SplitRule {
    let mut rule = rules[name].clone();
    rule.as_object_mut().unwrap().extend(change.clone());
    serde_json::from_value(rule).unwrap()
}

fn by_party(shares: &[Share]) -> BTreeMap<String, Fen> {
    shares.iter().map(|share| (share.party.0.clone(), share.amount_fen)).collect()
}

fn sum(shares: &[Share]) -> Fen {
    shares.iter().map(|share| share.amount_fen).sum()
}

fn less(left: &mut [Share], back: &[Share]) {
    for (left, back) in left.iter_mut().zip(back) {
        left.amount_fen -= back.amount_fen;
    }
}

#[test]
fn f15_every_split_and_refund_comes_out_as_worked_out_by_hand() {
    let table: Table = table("splits.json");
    let (mut splits, mut refunds) = (0, 0);
    for case in &table.cases {
        assert!(!case.why.is_empty(), "{}: why?", case.name);
        let rule = rule(&table.rules, &case.rule, &case.change);
        let mut left = split(&rule, &case.kept).unwrap();
        assert_eq!(by_party(&left), case.expect, "{}: {}", case.name, case.why);
        splits += 1;
        for refund in &case.refunds {
            let back = pull_back(&left, refund.refund_fen).unwrap();
            assert_eq!(by_party(&back), refund.back, "{}: {}", case.name, refund.why);
            less(&mut left, &back);
            refunds += 1;
        }
    }
    assert!(splits >= 30 && refunds >= 30, "only {splits} splits and {refunds} refunds");
}

#[test]
fn a_rule_that_makes_no_sense_is_refused_by_its_code() {
    let table: Table = table("invalid.json");
    for case in &table.invalid {
        let rule = rule(&table.rules, &case.rule, &case.change);
        assert_eq!(rule.validate(), Err(case.error), "{}", case.name);
        assert!(split(&rule, &Kept::default()).is_err(), "{}", case.name);
    }
    assert!(table.invalid.len() >= 19, "only {} invalid rules", table.invalid.len());
}

/// Any valid rule: percents of at most 100 in all, prices, anybody for the rest.
fn any_rule() -> impl Strategy<Value = SplitRule> {
    let basis = prop_oneof![
        (0_i64..=HUNDRED_PERCENT).prop_map(|basis_points| Basis::Percent { basis_points }),
        (0_i64..=HUNDRED_PERCENT).prop_map(|basis_points| Basis::Percent { basis_points }),
        (0_i64..200_000).prop_map(|price_mfen| Basis::PerKwh { price_mfen }),
    ];
    let parties = prop::collection::vec(basis, 1..9);
    (parties, any::<bool>(), 0_usize..8, any::<bool>()).prop_map(|(bases, inside, rest, whole)| {
        let mut parties: Vec<Party> =
            (0..).zip(bases).map(|(nth, basis)| party(nth, basis)).collect();
        fit(&mut parties, whole);
        let rest_to = parties[rest % parties.len()].id.clone();
        let electricity = if inside { Electricity::Inside } else { Electricity::Outside };
        SplitRule { parties, electricity, rest_to, valid_from_ms: 0, valid_until_ms: None }
    })
}

fn party(nth: usize, basis: Basis) -> Party {
    Party {
        id: PartyId(format!("p{nth}")),
        name: "甲".to_owned(),
        role: if nth == 0 { Role::Operator } else { Role::Investor },
        basis,
        accounts: Vec::new(),
    }
}

/// Scales percents down to at most 100 together; `whole` gives what is missing to the first.
fn fit(parties: &mut [Party], whole: bool) {
    let sum: i64 = parties.iter().map(|party| party.basis.basis_points()).sum();
    let scale = sum.max(HUNDRED_PERCENT);
    for party in &mut *parties {
        if let Basis::Percent { basis_points } = &mut party.basis {
            *basis_points = *basis_points * HUNDRED_PERCENT / scale;
        }
    }
    let sum: i64 = parties.iter().map(|party| party.basis.basis_points()).sum();
    let first = parties.iter_mut().find_map(|party| match &mut party.basis {
        Basis::Percent { basis_points } => Some(basis_points),
        Basis::PerKwh { .. } => None,
    });
    if let Some(first) = first.filter(|_| whole) {
        *first += HUNDRED_PERCENT - sum;
    }
}

fn any_kept() -> impl Strategy<Value = Kept> {
    let small = (0_i64..400, 0_i64..400, 0_i64..3_000);
    let large = (0_i64..1_000_000, 0_i64..1_000_000, 0_i64..1_000_000);
    prop_oneof![small, large].prop_map(|(kept, electricity, energy_wh)| Kept {
        kept_fen: Fen(kept),
        electricity_fen: Fen(electricity),
        energy_wh,
    })
}

/// What percents of `kept` come to for a party, rounded down: no part is below it.
fn floor_of(rule: &SplitRule, kept: &Kept, shares: &[Share], nth: usize) -> Fen {
    let electricity_fen = match rule.electricity {
        Electricity::Inside => Fen::ZERO,
        Electricity::Outside => kept.electricity_fen.min(kept.kept_fen),
    };
    let is_kwh = |party: &Party| matches!(party.basis, Basis::PerKwh { .. });
    let mut left_fen = kept.kept_fen - electricity_fen;
    for (party, share) in rule.parties.iter().zip(shares) {
        // The operator's and the rest's shares hold more than their kWh: leave such rules out.
        let mixed = party.role == Role::Operator || party.id == rule.rest_to;
        if is_kwh(party) && mixed {
            return Fen::ZERO;
        }
        if is_kwh(party) {
            left_fen -= share.amount_fen;
        }
    }
    Fen(left_fen.0 * rule.parties[nth].basis.basis_points() / HUNDRED_PERCENT)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn f15_shares_add_up_to_the_fen_and_so_does_every_refund(
        rule in any_rule(),
        kept in any_kept(),
        refunds in prop::collection::vec(0_i64..1_000_000, 0..4),
    ) {
        prop_assert_eq!(rule.validate(), Ok(()));
        let shares = split(&rule, &kept).unwrap();
        prop_assert_eq!(sum(&shares), kept.kept_fen);
        for (nth, share) in shares.iter().enumerate() {
            prop_assert!(share.amount_fen >= Fen::ZERO);
            prop_assert!(share.amount_fen >= floor_of(&rule, &kept, &shares, nth));
        }

        // One fen more to split: nobody loses more than the odd fen it had, of the remainders and
        // of the rest.
        let more = Kept { kept_fen: kept.kept_fen + Fen(1), ..kept };
        for (before, after) in shares.iter().zip(split(&rule, &more).unwrap()) {
            let odd_fen = if before.party == rule.rest_to { 2 } else { 1 };
            prop_assert!(after.amount_fen.0 >= before.amount_fen.0 - odd_fen, "{before:?} {after:?}");
        }

        let mut left = shares;
        for refund in refunds {
            let left_fen = sum(&left);
            let refund_fen = Fen(refund % (left_fen.0 + 1));
            let back = pull_back(&left, refund_fen).unwrap();
            prop_assert_eq!(sum(&back), refund_fen);
            for (left, back) in left.iter().zip(&back) {
                prop_assert!(Fen::ZERO <= back.amount_fen && back.amount_fen <= left.amount_fen);
                let exact = |fen: i64| i128::from(fen) * i128::from(left_fen.0);
                let due = i128::from(left.amount_fen.0) * i128::from(refund_fen.0);
                let off = (exact(back.amount_fen.0) - due).abs();
                prop_assert!(off < i128::from(left_fen.0.max(1)), "within a fen of pro rata");
            }
            less(&mut left, &back);
        }
        let rest_fen = sum(&left);
        prop_assert_eq!(pull_back(&left, rest_fen).unwrap(), left.clone(), "all goes back whole");
        prop_assert!(pull_back(&left, rest_fen + Fen(1)).is_err());
    }
}

fn account(channel: Channel, kind: AccountKind) -> Account {
    let (account, name) = ("2088000000000001".to_owned(), "王一".to_owned());
    Account { channel, kind, account, name }
}

/// Operator, and partners of so many percent each, with merchant accounts at both platforms.
fn linted(percents: &[i64]) -> SplitRule {
    let mut parties = vec![party(0, Basis::Percent { basis_points: 0 })];
    for (nth, percent) in (1..).zip(percents) {
        let both = Channel::ALL.map(|channel| account(channel, AccountKind::Merchant));
        let basis = Basis::Percent { basis_points: percent * 100 };
        parties.push(Party { accounts: both.to_vec(), ..party(nth, basis) });
    }
    SplitRule {
        parties,
        electricity: Electricity::Inside,
        rest_to: PartyId::from("p0"),
        valid_from_ms: 0,
        valid_until_ms: None,
    }
}

fn findings(rule: &SplitRule) -> Vec<(FindingCode, Severity, Option<i64>)> {
    let limits = Channel::ALL.map(ChannelLimits::published);
    let typical = Typical { total_fen: Fen(150), electricity_fen: Fen(90), energy_wh: 1_500 };
    let found = lint(rule, &limits, &typical, 1_000);
    found.into_iter().map(|finding| (finding.code, finding.severity, finding.found)).collect()
}

#[test]
fn the_linter_says_what_would_go_wrong_and_passes_what_would_not() {
    use FindingCode as Code;
    let clean = findings(&linted(&[20]));
    assert_eq!(
        clean,
        [
            (Code::RestGoesTo, Severity::Note, Some(8_000)),
            // 20 % of 150 is 30; half of the charge given back takes half of that.
            (Code::RefundTakesBack, Severity::Note, Some(15)),
            (Code::PriceUnaffected, Severity::Note, Some(150)),
        ]
    );

    let has = |rule: &SplitRule, code, severity, found| {
        let all = findings(rule);
        assert!(all.contains(&(code, severity, found)), "{code:?}: {all:?}");
    };
    // 31 % of 150 is 46.5, dealt out 46: 3066.67 basis points, rounded up.
    has(&linted(&[31]), Code::OverChannelCap, Severity::Error, Some(3_067));
    let mut near = linted(&[50]);
    near.electricity = Electricity::Outside;
    // Half of 60 is 30, 20 % of the charge; without electricity half of all leaves.
    has(&near, Code::NearChannelCap, Severity::Warning, Some(5_000));
    has(&linted(&[4, 4, 4, 4, 4, 4]), Code::PartByPart, Severity::Warning, Some(6));
    has(&linted(&[100]), Code::FeeNotCovered, Severity::Warning, Some(0));
    let mut person = linted(&[20]);
    person.parties[1].accounts = Channel::ALL.map(|at| account(at, AccountKind::Person)).to_vec();
    has(&person, Code::NoGivingBack, Severity::Warning, Some(30));
    assert_eq!(
        findings(&person).iter().filter(|(code, ..)| *code == Code::NoGivingBack).count(),
        1
    );
    let mut one = linted(&[20]);
    one.parties[1].accounts.truncate(1);
    has(&one, Code::NoAccountHere, Severity::Error, None);
    let mut none = linted(&[20]);
    none.parties[1].accounts.clear();
    has(&none, Code::PaidByHand, Severity::Warning, None);
    has(&linted(&[0]), Code::GetsNothing, Severity::Warning, None);
    let mut over = linted(&[20]);
    over.valid_until_ms = Some(1_000);
    has(&over, Code::AlreadyOver, Severity::Warning, Some(0));
    let mut kwh = linted(&[20]);
    kwh.parties[1].basis = Basis::PerKwh { price_mfen: 120_000 };
    has(&kwh, Code::BelowPerKwh, Severity::Warning, Some(150));
    let mut twice = linted(&[20]);
    twice.parties[1].id = PartyId::from("p0");
    assert_eq!(
        findings(&twice),
        [(Code::Invalid(RuleError::SamePartyTwice), Severity::Error, None)]
    );
}

#[test]
fn more_receivers_than_a_platform_takes_are_refused() {
    let limits = ChannelLimits { most_receivers: 2, ..ChannelLimits::published(Channel::Wechat) };
    let typical = Typical { total_fen: Fen(1_000), electricity_fen: Fen(0), energy_wh: 1_000 };
    let found = lint(&linted(&[5, 5, 5]), &[limits], &typical, 0);
    let too_many = found.iter().find(|finding| finding.code == FindingCode::TooManyReceivers);
    assert_eq!(too_many.and_then(|finding| finding.found), Some(3), "{found:?}");
}
