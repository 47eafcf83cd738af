//! The proof of the books: `saochong ledger check`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use wasm_core::ids::OperatorId;
use wasm_core::money::Fen;
use wasm_core::order::{CaptureStatus, Order, Payment, RefundReason, RefundStatus, State};
use wasm_core::posting::Posting;

use super::chain;
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
    /// Closed days compared with their postings.
    pub days: i64,
    /// The last closed day of each operator: note it down, and no day up to it can be changed
    /// without being found ([`check_noted`]).
    pub heads: Vec<Head>,
    /// What is wrong; empty when the books are whole.
    pub findings: Vec<Finding>,
}

/// A closed day and its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Whose books.
    pub operator_id: String,
    /// The day.
    pub day: String,
    /// SHA-256 in hex.
    pub hash: String,
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
    /// A closed day does not consist of what it was closed with.
    DayDiffers {
        /// Whose books.
        operator_id: String,
        /// The day.
        day: String,
        /// Transactions when it was closed.
        closed_transactions: i64,
        /// Transactions now.
        found_transactions: i64,
        /// Debits when it was closed.
        closed_debits_fen: Fen,
        /// Debits now.
        found_debits_fen: Fen,
    },
    /// Days before and after it are closed, but not this one.
    DayMissing {
        /// Whose books.
        operator_id: String,
        /// The day.
        day: String,
    },
    /// A day does not stand on the hash of the day before.
    ChainBroken {
        /// Whose books.
        operator_id: String,
        /// The day.
        day: String,
    },
    /// A balance kept with a closed day is not what the postings add up to.
    BalanceDiffers {
        /// Whose books.
        operator_id: String,
        /// The day.
        day: String,
        /// The account.
        account: String,
    },
    /// A transaction is older than the first closed day.
    BeforeTheBooks {
        /// Which.
        transaction_id: String,
    },
    /// A hash that somebody noted down is no closed day's any more.
    NotedIsGone {
        /// The hash.
        hash: String,
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
    check_books(store, None, &[]).await
}

/// The same, and that each of these hashes still is a closed day's.
///
/// # Errors
/// The database does not answer.
pub async fn check_noted(store: &Store, noted: &[String]) -> Result<Report, StoreError> {
    check_books(store, None, noted).await
}

/// Checks one operator's books in the same way.
///
/// # Errors
/// The database does not answer.
pub async fn check_operator(store: &Store, operator: &OperatorId) -> Result<Report, StoreError> {
    check_books(store, Some(operator), &[]).await
}

async fn check_books(
    store: &Store,
    operator: Option<&OperatorId>,
    noted: &[String],
) -> Result<Report, StoreError> {
    let (transactions, debits_fen) = store.ledger_size(operator).await?;
    let mut report = Report { transactions, debits_fen, ..Report::default() };
    for (transaction_id, sum_fen) in store.unbalanced_transactions(operator).await? {
        report.findings.push(Finding::Unbalanced { transaction_id, sum_fen });
    }
    let count = store.stray_postings(operator).await?;
    if count > 0 {
        report.findings.push(Finding::StrayPostings { count });
    }
    let books = match operator {
        Some(operator) => vec![operator.clone()],
        None => store.books().await?,
    };
    let mut gone: BTreeSet<String> = noted.iter().cloned().collect();
    for operator in &books {
        chain::check(store, operator, &mut gone, &mut report).await?;
    }
    report.findings.extend(gone.into_iter().map(|hash| Finding::NotedIsGone { hash }));
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
    for (_, postings) in posted {
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
fn expected(order: &Order, split: SplitSums) -> [(&'static str, Fen); 11] {
    let received_fen = order.received_fen();
    let aside_fen = aside_fen(order);
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
        ("clearing", received_fen - done_fen - split.paid_fen),
        ("prepaid", -(received_fen - total_fen - done_fen - owed_fen + given_fen)),
        ("holds", aside_fen),
        ("held", -aside_fen),
        ("refunds", -owed_fen),
        ("electricity", -billed(|bill| bill.electricity_fen)),
        ("service", -billed(|bill| bill.service_fen)),
        ("discount", billed(|bill| bill.discount_fen)),
        ("allowance", given_fen),
        ("share", split.shares_fen),
        ("payable", -(split.shares_fen - split.paid_fen)),
    ]
}

/// What is still set aside for an order: neither taken nor let go.
fn aside_fen(order: &Order) -> Fen {
    let is_over = |hold: &&Payment| {
        let capture = order.capture_of(&hold.id);
        capture.is_some_and(|capture| matches!(capture.status, CaptureStatus::Done { .. }))
    };
    let holds = order.payments.iter().filter(|payment| payment.held);
    holds.filter(|hold| !is_over(hold)).map(|hold| hold.amount_fen).sum()
}
