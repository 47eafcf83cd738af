//! The ledger: balanced transactions, each business fact once, never changed.
//!
//! The chart of accounts stands in [`wasm_core::posting`].

mod chain;
mod check;
pub mod closing;
pub mod export;
pub mod statement;

use wasm_core::ids::{OperatorId, OrderId};
use wasm_core::order::Order;
use wasm_core::posting::{Posting, Transaction};

use crate::random;
use crate::store::{LedgerHead, StoreError, Tx};

pub use check::{Finding, Head, Report, check, check_noted, check_operator};

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
    let whose = (&order.operator_id, &order.id);
    post_head(tx, whose, transaction, now_ms).await.map(|_| ())
}

/// Posts a transaction that is no order's. Posting the same again changes nothing.
///
/// # Errors
/// [`LedgerError::KeyReused`] when the key stands for other postings.
pub async fn post_entry(
    tx: &mut Tx,
    operator: &OperatorId,
    transaction: &Transaction,
    now_ms: i64,
) -> Result<(), LedgerError> {
    let whose = (operator, &OrderId::from(""));
    post_head(tx, whose, transaction, now_ms).await.map(|_| ())
}

/// Posts a correction, with who made it and why. Posting the same again changes nothing.
///
/// # Errors
/// [`LedgerError::KeyReused`] when the key stands for other postings.
pub async fn correct(
    tx: &mut Tx,
    operator: &OperatorId,
    transaction: &Transaction,
    (who, reason): (&str, &str),
    now_ms: i64,
) -> Result<(), LedgerError> {
    let whose = (operator, &OrderId::from(""));
    if let Some(head) = post_head(tx, whose, transaction, now_ms).await? {
        tx.insert_reason(&head, who, reason).await?;
    }
    Ok(())
}

/// The head that was written; none when the same is there already.
async fn post_head(
    tx: &mut Tx,
    (operator, order): (&OperatorId, &OrderId),
    transaction: &Transaction,
    now_ms: i64,
) -> Result<Option<LedgerHead>, LedgerError> {
    let kind = transaction.kind.as_str();
    let head = LedgerHead {
        id: random::base32::<20>(),
        operator_id: operator.clone(),
        key: transaction.key.clone(),
        input_hash: input_hash(kind, &transaction.postings),
        kind: kind.to_owned(),
        order_id: order.clone(),
    };
    if !tx.insert_ledger_head(&head, now_ms).await? {
        let known = tx.ledger_hash(operator, &transaction.key).await?;
        let same = known.as_deref() == Some(head.input_hash.as_str());
        return if same { Ok(None) } else { Err(LedgerError::KeyReused(head.key)) };
    }
    tx.insert_postings(&head, &transaction.postings).await?;
    Ok(Some(head))
}

/// SHA-256 over what a transaction says, in hex.
fn input_hash(kind: &str, postings: &[Posting]) -> String {
    use std::fmt::Write as _;
    let mut text = kind.to_owned();
    for posting in postings {
        let _ = write!(text, "\n{}={}", posting.account, posting.amount_fen.0);
    }
    random::sha256_hex(text.as_bytes())
}
