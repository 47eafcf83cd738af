//! Double entry: what each step of an order writes to the ledger.
//!
//! Signs: a debit is positive, a credit negative; a transaction's postings add to zero.
//! Prepaid money is a liability until the charge is settled.
//!
//! | Account | Kind | Meaning |
//! |---|---|---|
//! | `clearing:{channel}` | asset | what the payment platform holds for us |
//! | `prepaid:{order}` | liability | paid by the rider, not yet earned or owed back |
//! | `refunds:{order}` | liability | owed back to the rider, not yet confirmed by the platform |
//! | `electricity:{operator}:{site}` | income | electricity passed on |
//! | `service:{operator}:{site}` | income | service fee |
//! | `discount:{operator}:{site}` | expense | what the operator let off |
//! | `allowance:{operator}:{site}` | expense | given back after the bill, on a complaint |
//! | `share:{operator}:{site}` | expense | what partners get of what the site brought |
//! | `payable:{operator}:{party}` | liability | owed to a partner; a debit is what the partner owes |

use serde::{Deserialize, Serialize};

use crate::ids::{PartyId, RefundId};
use crate::money::Fen;
use crate::order::{Channel, Order, Payment, Refund, RefundReason, Settlement};
use crate::share::Share;

/// A balanced set of postings, written once for its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Idempotency key: the same business fact has the same key.
    pub key: String,
    /// What happened.
    pub kind: TransactionKind,
    /// The postings; they add to zero and none is zero.
    pub postings: Vec<Posting>,
}

/// What a ledger transaction records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionKind {
    /// Money arrived.
    Paid,
    /// A charge was billed.
    Settled,
    /// Money is owed back.
    RefundOwed,
    /// The platform confirmed a refund.
    Refunded,
    /// Partners' parts of an order are owed to them.
    Split,
    /// The platform confirmed that a partner has its part.
    SharePaid,
    /// A late refund lowers what partners get.
    PullBack,
    /// The platform confirmed that a partner gave back.
    ShareReturned,
}

/// One line of a ledger transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// The account's name.
    pub account: String,
    /// Debit positive, credit negative, in fen.
    pub amount_fen: Fen,
}

impl Transaction {
    fn new(key: String, kind: TransactionKind, postings: Vec<(String, Fen)>) -> Self {
        let postings: Vec<Posting> = postings
            .into_iter()
            .filter(|(_, amount_fen)| *amount_fen != Fen::ZERO)
            .map(|(account, amount_fen)| Posting { account, amount_fen })
            .collect();
        let sum: Fen = postings.iter().map(|posting| posting.amount_fen).sum();
        assert!(sum == Fen::ZERO, "postings of {key} add to {sum}");
        Self { key, kind, postings }
    }

    /// Money arrived for an order.
    pub fn paid(order: &Order, payment: &Payment) -> Self {
        Self::new(
            format!("paid:{}", payment.id),
            TransactionKind::Paid,
            vec![
                (clearing(payment.channel), payment.amount_fen),
                (prepaid(order), -payment.amount_fen),
            ],
        )
    }

    /// A charge was billed: what was paid for it becomes income.
    pub fn settled(order: &Order, settlement: &Settlement) -> Self {
        let bill = &settlement.bill;
        Self::new(
            format!("settled:{}", order.id),
            TransactionKind::Settled,
            vec![
                (prepaid(order), bill.total_fen),
                (income(order, "discount"), bill.discount_fen),
                (income(order, "electricity"), -bill.electricity_fen),
                (income(order, "service"), -bill.service_fen),
            ],
        )
    }

    /// Money is owed back: what was not earned, or on a complaint what was.
    pub fn refund_owed(order: &Order, refund: &Refund) -> Self {
        let from = match refund.reason {
            RefundReason::Complaint => income(order, "allowance"),
            _ => prepaid(order),
        };
        Self::new(
            format!("refund_owed:{}", refund.id),
            TransactionKind::RefundOwed,
            vec![(from, refund.amount_fen), (refunds(order), -refund.amount_fen)],
        )
    }

    /// The platform confirmed a refund.
    pub fn refunded(order: &Order, payment: &Payment, refund: &Refund) -> Self {
        Self::new(
            format!("refunded:{}", refund.id),
            TransactionKind::Refunded,
            vec![
                (refunds(order), refund.amount_fen),
                (clearing(payment.channel), -refund.amount_fen),
            ],
        )
    }

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
    format!("payable:{}:{party}", order.operator_id)
}

fn clearing(channel: Channel) -> String {
    format!("clearing:{}", channel.as_str())
}

fn prepaid(order: &Order) -> String {
    format!("prepaid:{}", order.id)
}

fn refunds(order: &Order) -> String {
    format!("refunds:{}", order.id)
}

fn income(order: &Order, name: &str) -> String {
    format!("{name}:{}:{}", order.operator_id, order.site_id)
}
