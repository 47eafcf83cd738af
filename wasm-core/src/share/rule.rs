//! What a site's partners have agreed on.

use serde::{Deserialize, Serialize};

use crate::ids::PartyId;
use crate::order::Channel;
use crate::tariff::HIGHEST_PRICE_MFEN;

/// 100 %, in basis points.
pub const HUNDRED_PERCENT: i64 = 10_000;
/// Parties of a rule at most.
pub const PARTIES_MAX: usize = 16;
/// Characters of a party's id at most: it stands in account names.
const PARTY_ID_MAX: usize = 24;
/// Characters of a name or an account at most, as the platforms have it.
const NAME_MAX: usize = 64;

/// A site's split, for a span of time. Immutable once stored: another agreement is another rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitRule {
    /// Who takes part, the operator itself among them. The order breaks ties and says who of those
    /// paid per kWh comes first.
    pub parties: Vec<Party>,
    /// Whether electricity is shared as well.
    pub electricity: Electricity,
    /// Who gets what nobody else gets, odd fen included.
    pub rest_to: PartyId,
    /// From when orders are split by it, milliseconds UTC.
    pub valid_from_ms: i64,
    /// Until when (exclusive), milliseconds UTC; none = until further notice.
    #[serde(default)]
    pub valid_until_ms: Option<i64>,
}

/// Someone who gets a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Stays the same over all rules: the books know a partner by it. At most 24 lower-case
    /// letters, digits and `-`.
    pub id: PartyId,
    /// As people read it.
    pub name: String,
    /// What it is to the site.
    pub role: Role,
    /// How its part is computed.
    pub basis: Basis,
    /// Where its money goes, at most one account for each platform. The operator needs none: its
    /// part stays where it was paid.
    #[serde(default)]
    pub accounts: Vec<Account>,
}

/// What a party is to the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Who runs the site and whose account riders pay into; each rule has exactly one.
    Operator,
    /// Who owns or manages the place.
    Property,
    /// Who paid for the stations.
    Investor,
    /// Who built them.
    Installer,
    /// Who runs this service.
    Platform,
}

/// How a part is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Basis {
    /// A part of what is left after those paid per kWh.
    Percent {
        /// Hundredths of a percent, 0 to 10,000.
        basis_points: i64,
    },
    /// A price for each kWh billed, before the percents.
    PerKwh {
        /// Thousandths of a fen for a kWh.
        price_mfen: i64,
    },
}

/// Whether electricity is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Electricity {
    /// All that was kept is shared.
    Inside,
    /// The bill's electricity stays with the operator, who pays for the current; the rest is
    /// shared.
    Outside,
}

/// An account at a platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The platform.
    pub channel: Channel,
    /// What it is.
    pub kind: AccountKind,
    /// The account's number there.
    pub account: String,
    /// Its owner's real name; persons need one.
    #[serde(default)]
    pub name: String,
}

/// What an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A merchant's (Alipay user id 2088…; `WeChat` merchant number).
    Merchant,
    /// A person's (Alipay login name; `WeChat` `open_id`).
    Person,
}

/// Why a rule cannot split anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleError {
    /// No party, or more than [`PARTIES_MAX`].
    BadPartyCount,
    /// A party's id or name is empty, too long or has other characters.
    BadParty,
    /// Two parties have one id.
    SamePartyTwice,
    /// Not exactly one party is the operator.
    NotOneOperator,
    /// A percent is negative or above 100.
    BadPercent,
    /// The percents add to more than 100.
    OverHundredPercent,
    /// A price per kWh is negative or beyond reason.
    BadPrice,
    /// `rest_to` names no party.
    NoSuchRest,
    /// The rule ends before it begins.
    BadValidity,
    /// An account is empty, too long, or without the name it needs.
    BadAccount,
    /// A party has two accounts at one platform.
    SameChannelTwice,
}

impl Basis {
    /// The percent in basis points; none counts as 0.
    pub fn basis_points(self) -> i64 {
        match self {
            Self::Percent { basis_points } => basis_points,
            Self::PerKwh { .. } => 0,
        }
    }
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Operator, Self::Property, Self::Investor, Self::Installer, Self::Platform];

    /// The name as stored and as sent by forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Property => "property",
            Self::Investor => "investor",
            Self::Installer => "installer",
            Self::Platform => "platform",
        }
    }

    /// The role of that name ([`Self::as_str`]).
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

impl Party {
    /// Its account at a platform.
    pub fn account_at(&self, channel: Channel) -> Option<&Account> {
        self.accounts.iter().find(|account| account.channel == channel)
    }
}

impl SplitRule {
    /// Whether anything can be split by this rule.
    ///
    /// # Errors
    /// The first thing wrong with it, see [`RuleError`].
    pub fn validate(&self) -> Result<(), RuleError> {
        let parties = &self.parties;
        ensure((1..=PARTIES_MAX).contains(&parties.len()), RuleError::BadPartyCount)?;
        for (nth, party) in parties.iter().enumerate() {
            let twice = parties[..nth].iter().any(|other| other.id == party.id);
            ensure(!twice, RuleError::SamePartyTwice)?;
            party.validate()?;
        }
        let operators = parties.iter().filter(|party| party.role == Role::Operator).count();
        ensure(operators == 1, RuleError::NotOneOperator)?;
        let percent: i64 = parties.iter().map(|party| party.basis.basis_points()).sum();
        ensure(percent <= HUNDRED_PERCENT, RuleError::OverHundredPercent)?;
        ensure(self.party(&self.rest_to).is_some(), RuleError::NoSuchRest)?;
        let ends = self.valid_until_ms;
        ensure(ends.is_none_or(|ends_ms| ends_ms > self.valid_from_ms), RuleError::BadValidity)
    }

    /// The party of an id.
    pub fn party(&self, id: &PartyId) -> Option<&Party> {
        self.parties.iter().find(|party| party.id == *id)
    }

    /// The operator's own id. A valid rule has one; the first party stands in for it in others.
    pub fn operator(&self) -> &PartyId {
        let own = self.parties.iter().find(|party| party.role == Role::Operator);
        own.map_or(&self.rest_to, |party| &party.id)
    }

    /// Where a party stands; the end if it is none of the rule's.
    pub(super) fn nth(&self, id: &PartyId) -> usize {
        self.parties.iter().take_while(|party| party.id != *id).count()
    }
}

impl Party {
    fn validate(&self) -> Result<(), RuleError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let id = self.id.as_str();
        let named = (1..=PARTY_ID_MAX).contains(&id.len())
            && id.chars().all(plain)
            && (1..=NAME_MAX).contains(&self.name.chars().count());
        ensure(named, RuleError::BadParty)?;
        match self.basis {
            Basis::Percent { basis_points } => {
                let possible = (0..=HUNDRED_PERCENT).contains(&basis_points);
                ensure(possible, RuleError::BadPercent)?;
            }
            Basis::PerKwh { price_mfen } => {
                ensure((0..=HIGHEST_PRICE_MFEN).contains(&price_mfen), RuleError::BadPrice)?;
            }
        }
        for (nth, account) in self.accounts.iter().enumerate() {
            let earlier = &self.accounts[..nth];
            let twice = earlier.iter().any(|other| other.channel == account.channel);
            ensure(!twice, RuleError::SameChannelTwice)?;
            ensure(account.is_whole(), RuleError::BadAccount)?;
        }
        Ok(())
    }
}

impl Account {
    fn is_whole(&self) -> bool {
        let number = self.account.chars().count();
        let printable = |text: &str| !text.chars().any(char::is_control);
        let named = self.kind == AccountKind::Merchant || !self.name.trim().is_empty();
        (1..=NAME_MAX).contains(&number)
            && self.name.chars().count() <= NAME_MAX
            && printable(&self.account)
            && printable(&self.name)
            && named
    }
}

fn ensure(holds: bool, error: RuleError) -> Result<(), RuleError> {
    if holds { Ok(()) } else { Err(error) }
}
