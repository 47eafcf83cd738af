//! The chart of accounts: which kinds there are, and what each one is to an accountant.

/// What an account is in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// What we have, or others owe us.
    Asset,
    /// What we owe.
    Liability,
    /// What we earned.
    Income,
    /// What it cost.
    Expense,
    /// What is set aside at a platform and not ours: pairs that stand outside of the balance.
    Contingent,
}

/// A kind of accounts: the part of an account's name before its first colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountKind {
    /// The name.
    pub name: &'static str,
    /// What it is.
    pub nature: Nature,
    /// Whether each order has one of its own. Closings add those up to one control account, and no
    /// correction touches them: only the order's own events do.
    pub per_order: bool,
}

/// Every kind. The table in ARCHITECTURE.md says what they mean.
pub const CHART: [AccountKind; 15] = [
    of("clearing", Nature::Asset, false),
    of("holds", Nature::Contingent, false),
    of("held", Nature::Contingent, true),
    of("prepaid", Nature::Liability, true),
    of("refunds", Nature::Liability, true),
    of("cards", Nature::Liability, false),
    of("payable", Nature::Liability, false),
    of("suspense", Nature::Liability, false),
    of("electricity", Nature::Income, false),
    of("service", Nature::Income, false),
    of("discount", Nature::Expense, false),
    of("allowance", Nature::Expense, false),
    of("share", Nature::Expense, false),
    of("fee", Nature::Expense, false),
    of("loss", Nature::Expense, false),
];

const fn of(name: &'static str, nature: Nature, per_order: bool) -> AccountKind {
    AccountKind { name, nature, per_order }
}

impl AccountKind {
    /// The kind of an account; none for a name that the chart does not know.
    pub fn of(account: &str) -> Option<Self> {
        let name = kind_name(account);
        CHART.into_iter().find(|kind| kind.name == name)
    }
}

/// The part of an account's name before its first colon.
pub fn kind_name(account: &str) -> &str {
    account.split(':').next().unwrap_or_default()
}

/// The account under which a closing adds this one up: its kind when each order has one of its
/// own, else the account itself.
pub fn control_account(account: &str) -> &str {
    let per_order = AccountKind::of(account).is_some_and(|kind| kind.per_order);
    if per_order { kind_name(account) } else { account }
}

/// What the platform holds for us.
pub fn clearing(channel: &str) -> String {
    format!("clearing:{channel}")
}

/// What the platform took for its service.
pub fn fee(channel: &str) -> String {
    format!("fee:{channel}")
}

/// What a platform's bill says and nobody can explain yet.
pub fn suspense(channel: &str) -> String {
    format!("suspense:{channel}")
}

/// What a partner has earned and not been paid; its name begins the same for all of an operator's.
pub fn payable(operator: &str, party: &str) -> String {
    format!("payable:{operator}:{party}")
}
