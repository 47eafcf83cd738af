//! The proof of the books: `saochong ledger check`.

use std::collections::BTreeMap;

use serde::Serialize;
use wasm_core::ids::OperatorId;
use wasm_core::money::Fen;
use wasm_core::order::{Order, RefundReason, RefundStatus, State};
use wasm_core::posting::Posting;

use super::input_hash;
use crate::store::splits::SplitSums;
use crate::store::{LedgerHead, Store, StoreError};

/// Orders read at a time.
const PAGE: i64 = 500;

/// What the check saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Ledger transactions in all.
    pub transactions: i64,
    /// Sum of all debits, fen.
    pub debits_fen: Fen,
    /// Orders compared with their postings.
    pub orders: i64,
    /// What is wrong; empty when the books are whole.
    pub findings: Vec<Finding>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// A transaction's postings do not add to zero.
    Unbalanced {
        /// Which.
        transaction_id: String,
        /// What is left over.
        sum_fen: Fen,
    },
    /// Postings belong to no transaction.
    StrayPostings {
        /// How many.
        count: i64,
    },
    /// A transaction's postings are not those its hash was made from.
    Altered {
        /// Which.
        transaction_id: String,
    },
    /// An order's accounts do not stand where its state says.
    OrderDiffers {
        /// Which.
        order_id: String,
        /// The account.
        account: String,
        /// As posted.
        posted_fen: Fen,
        /// As the order's state demands.
        expected_fen: Fen,
    },
}

impl Report {
    /// Whether the books are whole.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Checks all books: every transaction adds to zero and is unaltered, every order's liabilities
/// stand where its state says (zero once all money is done), and income equals the bills.
///
/// # Errors
/// The database does not answer.
pub async fn check(store: &Store) -> Result<Report, StoreError> {
    check_books(store, None).await
}

/// Checks one operator's books in the same way.
///
/// # Errors
/// The database does not answer.
pub async fn check_operator(store: &Store, operator: &OperatorId) -> Result<Report, StoreError> {
    check_books(store, Some(operator)).await
}

async fn check_books(store: &Store, operator: Option<&OperatorId>) -> Result<Report, StoreError> {
    let (transactions, debits_fen) = store.ledger_size(operator).await?;
    let mut report = Report { transactions, debits_fen, ..Report::default() };
    for (transaction_id, sum_fen) in store.unbalanced_transactions(operator).await? {
        report.findings.push(Finding::Unbalanced { transaction_id, sum_fen });
    }
    let count = store.stray_postings(operator).await?;
    if count > 0 {
        report.findings.push(Finding::StrayPostings { count });
    }
    let mut after = String::new();
    loop {
        let orders = store.orders_after(operator, &after, PAGE).await?;
        let Some(last) = orders.last() else { return Ok(report) };
        let splits = store.split_sums(operator, &after, &last.id).await?;
        after.clone_from(&last.id.0);
        for order in &orders {
            let posted = store.ledger_of_order(&order.operator_id, &order.id).await?;
            let split = splits.get(&order.id).copied().unwrap_or_default();
            check_order(order, split, &posted, &mut report);
        }
    }
}

fn check_order(
    order: &Order,
    split: SplitSums,
    posted: &[(LedgerHead, Vec<Posting>)],
    report: &mut Report,
) {
    report.orders += 1;
    let mut balances: BTreeMap<String, Fen> = BTreeMap::new();
    for (head, postings) in posted {
        if input_hash(&head.kind, postings) != head.input_hash {
            report.findings.push(Finding::Altered { transaction_id: head.id.clone() });
        }
        for posting in postings {
            *balances.entry(account_kind(&posting.account)).or_default() += posting.amount_fen;
        }
    }
    for (account, expected_fen) in expected(order, split) {
        let posted_fen = balances.get(account).copied().unwrap_or_default();
        if posted_fen != expected_fen {
            report.findings.push(Finding::OrderDiffers {
                order_id: order.id.0.clone(),
                account: account.to_owned(),
                posted_fen,
                expected_fen,
            });
        }
    }
}

fn account_kind(account: &str) -> String {
    account.split(':').next().unwrap_or_default().to_owned()
}

/// Where an order's accounts must stand, from its state and its split alone.
fn expected(order: &Order, split: SplitSums) -> [(&'static str, Fen); 9] {
    let paid_fen = order.paid_fen();
    let refunds = |wanted: fn(&RefundStatus) -> bool| -> Fen {
        let chosen = order.refunds.iter().filter(|refund| wanted(&refund.status));
        chosen.map(|refund| refund.amount_fen).sum()
    };
    let done_fen = refunds(|status| matches!(status, RefundStatus::Done { .. }));
    let owed_fen = refunds(|status| !matches!(status, RefundStatus::Done { .. }));
    let bill = match &order.state {
        State::Settled(settlement) | State::Closed(settlement) => Some(&settlement.bill),
        _ => None,
    };
    let billed = |part: fn(&wasm_core::tariff::Bill) -> Fen| bill.map(part).unwrap_or_default();
    let total_fen = billed(|bill| bill.total_fen);
    let given = order.refunds.iter().filter(|refund| refund.reason == RefundReason::Complaint);
    let given_fen: Fen = given.map(|refund| refund.amount_fen).sum();
    [
        ("clearing", paid_fen - done_fen - split.paid_fen),
        ("prepaid", -(paid_fen - total_fen - done_fen - owed_fen + given_fen)),
        ("refunds", -owed_fen),
        ("electricity", -billed(|bill| bill.electricity_fen)),
        ("service", -billed(|bill| bill.service_fen)),
        ("discount", billed(|bill| bill.discount_fen)),
        ("allowance", given_fen),
        ("share", split.shares_fen),
        ("payable", -(split.shares_fen - split.paid_fen)),
    ]
}
