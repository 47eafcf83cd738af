//! Partners' parts: owed, paid, pulled back and returned.

use super::{Transaction, TransactionKind, accounts, clearing, income};
use crate::ids::{PartyId, RefundId};
use crate::money::Fen;
use crate::order::{Channel, Order};
use crate::share::Share;

impl Transaction {
    /// Partners get parts of what an order brought: owed from now on. `shares` without the
    /// operator's own, which stays where it is.
    pub fn split(order: &Order, shares: &[Share]) -> Self {
        let sum_fen = shares.iter().map(|share| share.amount_fen).sum();
        let mut postings = vec![(income(order, "share"), sum_fen)];
        postings
            .extend(shares.iter().map(|share| (payable(order, &share.party), -share.amount_fen)));
        Self::new(format!("split:{}", order.id), TransactionKind::Split, postings)
    }

    /// The platform confirmed that a partner has its part of an order.
    pub fn share_paid(order: &Order, channel: Channel, share: &Share) -> Self {
        let Share { party, amount_fen } = share;
        Self::new(
            format!("share_paid:{}:{party}", order.id),
            TransactionKind::SharePaid,
            vec![(payable(order, party), *amount_fen), (clearing(channel), -*amount_fen)],
        )
    }

    /// A late refund lowers what partners get of an order by `parts`, without the operator's own.
    pub fn pull_back(order: &Order, refund_id: &RefundId, parts: &[Share]) -> Self {
        let sum_fen: Fen = parts.iter().map(|part| part.amount_fen).sum();
        let mut postings: Vec<_> =
            parts.iter().map(|part| (payable(order, &part.party), part.amount_fen)).collect();
        postings.push((income(order, "share"), -sum_fen));
        Self::new(format!("pull_back:{refund_id}"), TransactionKind::PullBack, postings)
    }

    /// The platform confirmed that a partner gave part of its share back; `return_id` is our
    /// number for it.
    pub fn share_returned(order: &Order, channel: Channel, return_id: &str, part: &Share) -> Self {
        let Share { party, amount_fen } = part;
        Self::new(
            format!("share_returned:{return_id}"),
            TransactionKind::ShareReturned,
            vec![(clearing(channel), *amount_fen), (payable(order, party), -*amount_fen)],
        )
    }
}

fn payable(order: &Order, party: &PartyId) -> String {
    accounts::payable(order.operator_id.as_str(), party.as_str())
}
