//! Transactions that no order makes: what platforms charge, and corrections by people.

use std::fmt;

use super::accounts::{AccountKind, clearing, fee, suspense};
use super::{Posting, Transaction, TransactionKind};
use crate::money::Fen;
use crate::order::Channel;

/// Why a correction is not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotACorrection {
    /// An account is not in the chart.
    UnknownAccount(String),
    /// An account is an order's own, which only the order's events move.
    OrdersOwn(String),
    /// Its postings do not add to zero, or there are none.
    Unbalanced(Fen),
}

impl fmt::Display for NotACorrection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAccount(account) => write!(f, "no such kind of account: {account}"),
            Self::OrdersOwn(account) => {
                write!(f, "{account} is an order's: only the order's own events move it")
            }
            Self::Unbalanced(sum_fen) => write!(f, "the postings add to {sum_fen}, or are none"),
        }
    }
}

impl std::error::Error for NotACorrection {}

impl Transaction {
    /// The platform took its fee (positive) or gave one back (negative). `fact` says for what, and
    /// is the key: `2026-11-24` for a whole day's bill.
    pub fn fee(channel: Channel, fact: &str, amount_fen: Fen) -> Self {
        let channel = channel.as_str();
        Self::new(
            format!("fee:{channel}:{fact}"),
            TransactionKind::Fee,
            vec![(fee(channel), amount_fen), (clearing(channel), -amount_fen)],
        )
    }

    /// The platform has so much more (positive) or less than our books say, and nobody can explain
    /// it yet.
    pub fn unexplained(channel: Channel, fact: &str, amount_fen: Fen) -> Self {
        let channel = channel.as_str();
        Self::new(
            format!("correction:{fact}"),
            TransactionKind::Correction,
            vec![(clearing(channel), amount_fen), (suspense(channel), -amount_fen)],
        )
    }

    /// A correction that a person makes; `reference` is the voucher's number, and the key.
    ///
    /// # Errors
    /// [`NotACorrection`].
    pub fn correction(
        reference: &str,
        postings: Vec<(String, Fen)>,
    ) -> Result<Self, NotACorrection> {
        for (account, _) in &postings {
            match AccountKind::of(account) {
                None => return Err(NotACorrection::UnknownAccount(account.clone())),
                Some(kind) if kind.per_order || !account.contains(':') => {
                    return Err(NotACorrection::OrdersOwn(account.clone()));
                }
                Some(_) => {}
            }
        }
        let sum_fen: Fen = postings.iter().map(|(_, amount_fen)| *amount_fen).sum();
        let moves = postings.iter().any(|(_, amount_fen)| *amount_fen != Fen::ZERO);
        if sum_fen != Fen::ZERO || !moves {
            return Err(NotACorrection::Unbalanced(sum_fen));
        }
        Ok(Self::new(format!("correction:{reference}"), TransactionKind::Correction, postings))
    }

    /// What it moves on an account, fen.
    pub fn on(&self, account: &str) -> Fen {
        let here = |posting: &&Posting| posting.account == account;
        self.postings.iter().filter(here).map(|posting| posting.amount_fen).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corrections_balance_and_leave_orders_alone() {
        let post = |left: &str, right: &str, fen: i64| {
            let postings = vec![(left.to_owned(), Fen(fen)), (right.to_owned(), Fen(-fen))];
            Transaction::correction("V1", postings)
        };
        let right = post("loss:alipay", "suspense:alipay", 5).unwrap();
        assert_eq!(right.key, "correction:V1");
        assert_eq!(right.on("loss:alipay"), Fen(5));
        assert!(matches!(post("prepaid:O", "loss:x", 5), Err(NotACorrection::OrdersOwn(_))));
        assert!(matches!(post("prepaid", "loss:x", 5), Err(NotACorrection::OrdersOwn(_))));
        assert!(matches!(post("lost:x", "loss:x", 5), Err(NotACorrection::UnknownAccount(_))));
        assert!(matches!(post("loss:x", "loss:y", 0), Err(NotACorrection::Unbalanced(_))));
        let one_sided = Transaction::correction("V1", vec![("loss:x".to_owned(), Fen(1))]);
        assert_eq!(one_sided, Err(NotACorrection::Unbalanced(Fen(1))));
    }
}
