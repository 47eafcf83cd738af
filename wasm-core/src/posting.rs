//! Double entry: what each step of an order writes to the ledger.
//!
//! Signs: a debit is positive, a credit negative; a transaction's postings add to zero.
//! Prepaid money is a liability until the charge is settled.
//!
//! | Account | Kind | Meaning |
//! |---|---|---|
//! | `clearing:{channel}` | asset | what the payment platform holds for us |
//! | `prepaid:{order}` | liability | paid by the rider, not yet earned or owed back; of a hold, on the debit side, billed and not yet taken |
//! | `holds:{channel}` | contingent | set aside for us at the platform; not ours until it is taken |
//! | `held:{order}` | contingent | the same, order by order: the other side of the pair |
//! | `refunds:{order}` | liability | owed back to the rider, not yet confirmed by the platform |
//! | `electricity:{operator}:{site}` | income | electricity passed on |
//! | `service:{operator}:{site}` | income | service fee |
//! | `discount:{operator}:{site}` | expense | what the operator let off |
//! | `allowance:{operator}:{site}` | expense | given back after the bill, on a complaint |
//! | `share:{operator}:{site}` | expense | what partners get of what the site brought |
//! | `payable:{operator}:{party}` | liability | owed to a partner; a debit is what the partner owes |
//! | `fee:{channel}` | expense | what the platform took for its service |
//! | `suspense:{channel}` | liability | what a bill says and nobody can explain yet |
//! | `loss:{what}` | expense | written off by a person |
//!
//! The whole chart, with what others post, is [`accounts::CHART`].

pub mod accounts;
mod entries;
mod shares;

use serde::{Deserialize, Serialize};

pub use entries::NotACorrection;

use crate::money::Fen;
use crate::order::{Capture, Channel, Order, Payment, Refund, RefundReason, Settlement};

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
    /// Money was set aside.
    Held,
    /// The platform took of a hold what was to be taken, and let the rest go.
    Captured,
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
    /// The platform took its fee, or gave it back.
    Fee,
    /// A person put something right, and said why.
    Correction,
}

impl TransactionKind {
    /// The name as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Held => "held",
            Self::Captured => "captured",
            Self::Settled => "settled",
            Self::RefundOwed => "refund_owed",
            Self::Refunded => "refunded",
            Self::Split => "split",
            Self::SharePaid => "share_paid",
            Self::PullBack => "pull_back",
            Self::ShareReturned => "share_returned",
            Self::Fee => "fee",
            Self::Correction => "correction",
        }
    }
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

    /// Money arrived for an order, or was set aside.
    pub fn arrived(order: &Order, payment: &Payment) -> Self {
        if payment.held { Self::held(order, payment) } else { Self::paid(order, payment) }
    }

    fn held(order: &Order, hold: &Payment) -> Self {
        Self::new(
            format!("held:{}", hold.id),
            TransactionKind::Held,
            vec![(holds(hold), hold.amount_fen), (held(order), -hold.amount_fen)],
        )
    }

    /// The platform did what was to become of a hold: nothing of it is set aside any more, and what
    /// was taken is ours.
    pub fn captured(order: &Order, hold: &Payment, capture: &Capture) -> Self {
        Self::new(
            format!("captured:{}", capture.id),
            TransactionKind::Captured,
            vec![
                (held(order), hold.amount_fen),
                (holds(hold), -hold.amount_fen),
                (clearing(hold.channel), capture.amount_fen),
                (prepaid(order), -capture.amount_fen),
            ],
        )
    }

    fn paid(order: &Order, payment: &Payment) -> Self {
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
}

fn clearing(channel: Channel) -> String {
    accounts::clearing(channel.as_str())
}

fn holds(hold: &Payment) -> String {
    format!("holds:{}", hold.channel.as_str())
}

fn held(order: &Order) -> String {
    format!("held:{}", order.id)
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
