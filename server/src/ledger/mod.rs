//! The ledger: balanced transactions, each business fact once, never changed.
//!
//! The chart of accounts stands in [`wasm_core::posting`].

mod check;

use aws_lc_rs::digest;
use wasm_core::order::Order;
use wasm_core::posting::{Posting, Transaction, TransactionKind};

use crate::random;
use crate::store::{LedgerHead, StoreError, Tx};

pub use check::{Finding, Report, check, check_operator};

/// Why a transaction cannot be posted.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The key already stands for other postings: two facts claim to be one.
    #[error("ledger key {0} already stands for something else")]
    KeyReused(String),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Posts a transaction of an order. Posting the same again changes nothing.
///
/// # Errors
/// [`LedgerError::KeyReused`] when the key stands for other postings.
pub async fn post(
    tx: &mut Tx,
    order: &Order,
    transaction: &Transaction,
    now_ms: i64,
) -> Result<(), LedgerError> {
    let head = LedgerHead {
        id: random::base32::<20>(),
        operator_id: order.operator_id.clone(),
        key: transaction.key.clone(),
        input_hash: input_hash(kind_name(transaction.kind), &transaction.postings),
        kind: kind_name(transaction.kind).to_owned(),
        order_id: order.id.clone(),
    };
    if !tx.insert_ledger_head(&head, now_ms).await? {
        let known = tx.ledger_hash(&order.operator_id, &transaction.key).await?;
        let same = known.as_deref() == Some(head.input_hash.as_str());
        return if same { Ok(()) } else { Err(LedgerError::KeyReused(head.key)) };
    }
    Ok(tx.insert_postings(&head, &transaction.postings).await?)
}

/// SHA-256 over what a transaction says, in hex.
fn input_hash(kind: &str, postings: &[Posting]) -> String {
    use std::fmt::Write as _;
    let mut text = kind.to_owned();
    for posting in postings {
        let _ = write!(text, "\n{}={}", posting.account, posting.amount_fen.0);
    }
    random::hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn kind_name(kind: TransactionKind) -> &'static str {
    match kind {
        TransactionKind::Paid => "paid",
        TransactionKind::Settled => "settled",
        TransactionKind::RefundOwed => "refund_owed",
        TransactionKind::Refunded => "refunded",
        TransactionKind::Split => "split",
        TransactionKind::SharePaid => "share_paid",
        TransactionKind::PullBack => "pull_back",
        TransactionKind::ShareReturned => "share_returned",
    }
}
