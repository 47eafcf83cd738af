//! Partners' parts of what a charge brought: computed once when an order is closed, in the same
//! transaction; then asked for by jobs, which tell here what the platform said.

mod answers;
mod refunds;
mod retry;
mod rules;

use wasm_core::money::Fen;
use wasm_core::order::{Channel, Order, State};
use wasm_core::posting::Transaction;
use wasm_core::share::{self, AccountKind, Kept, Party, Role, Share, SplitRule};
use wasm_core::units::MS_PER_MINUTE;

use super::job::Job;
use super::ports::{Receiver, ReceiverKind, SplitRequest, SplitShare};
use super::service::{OrderError, Orders};
use crate::ledger;
use crate::store::splits::{ShareRow, ShareStatus, SplitRow};
use crate::store::{StoreError, Tx};

pub use rules::{WrittenRule, lint_rule, write_rule};

/// Why a party with an account at another platform gets nothing here.
pub(crate) const NO_ACCOUNT: &str = "NO_ACCOUNT: no account at this platform in the rule";

impl Orders {
    /// Whether a payment of this order must be held for splitting: its site has partners.
    pub(crate) async fn will_split(&self, order: &Order) -> Result<bool, OrderError> {
        let (operator, site) = (&order.operator_id, &order.site_id);
        let rule = self.inner.store.rule_in_force(operator, site, order.created_ms).await?;
        Ok(rule.is_some_and(|row| has_partners(&row.rule)))
    }

    /// Splits an order that was closed just now, unless it was split before or has no partners.
    pub(super) async fn split_in(
        &self,
        tx: &mut Tx,
        order: &Order,
        now_ms: i64,
    ) -> Result<(), OrderError> {
        let State::Closed(settlement) = &order.state else { return Ok(()) };
        let (operator, site) = (&order.operator_id, &order.site_id);
        let Some(row) = tx.rule_in_force(operator, site, order.created_ms).await? else {
            return Ok(());
        };
        let kept_fen = order.kept_fen().unwrap_or_default();
        let Some(payment) = order.payments.first() else { return Ok(()) };
        let nothing = kept_fen == Fen::ZERO || !has_partners(&row.rule);
        if nothing || tx.split(&order.id).await?.is_some() {
            return Ok(());
        }
        let bill = &settlement.bill;
        let (electricity_fen, energy_wh) = (bill.electricity_fen, bill.energy_wh);
        let kept = Kept { kept_fen, electricity_fen, energy_wh };
        let shares = share::split(&row.rule, &kept)
            .map_err(|error| StoreError::Unreadable(format!("rule {}: {error:?}", row.id)))?;
        let split = SplitRow {
            operator_id: operator.clone(),
            order_id: order.id.clone(),
            rule_id: row.id,
            payment_id: payment.id.clone(),
            channel: payment.channel,
            trade_no: payment.trade_no.clone(),
            held: payment.held,
            kept_fen,
            asks: 0,
            version: 0,
            created_ms: now_ms,
        };
        let rows = row.rule.parties.iter().zip(&shares);
        let rows: Vec<_> =
            rows.map(|(party, share)| share_row(party, share, payment.channel, now_ms)).collect();
        tx.insert_split(&split, &rows).await?;
        let theirs = partners(&row.rule, shares);
        if !theirs.is_empty() {
            ledger::post(tx, order, &Transaction::split(order, &theirs), now_ms).await?;
        }
        let not_before_ms = payment.paid_ms + split_after_ms(payment.channel);
        self.enqueue(tx, order, &Job::Split, now_ms.max(not_before_ms)).await
    }
}

/// How long after the payment a split is first asked for: `WeChat` Pay refuses within a minute.
fn split_after_ms(channel: Channel) -> i64 {
    match channel {
        Channel::Wechat => MS_PER_MINUTE,
        Channel::Alipay => 0,
    }
}

/// Whether anybody but the operator takes part.
fn has_partners(rule: &SplitRule) -> bool {
    rule.parties.iter().any(|party| party.role != Role::Operator)
}

/// The shares that leave the operator's books.
fn partners(rule: &SplitRule, shares: Vec<Share>) -> Vec<Share> {
    let own = rule.operator();
    let theirs = |share: &Share| share.party != *own && share.amount_fen > Fen::ZERO;
    shares.into_iter().filter(theirs).collect()
}

fn share_row(party: &Party, share: &Share, channel: Channel, now_ms: i64) -> ShareRow {
    let account = party.account_at(channel).cloned();
    let moves = party.role != Role::Operator && share.amount_fen > Fen::ZERO;
    let (status, reason) = match &account {
        _ if !moves => (ShareStatus::Kept, ""),
        Some(_) => (ShareStatus::Owed, ""),
        None if party.accounts.is_empty() => (ShareStatus::ByHand, ""),
        None => (ShareStatus::Refused, NO_ACCOUNT),
    };
    ShareRow {
        party: party.id.clone(),
        name: party.name.clone(),
        role: party.role,
        amount_fen: share.amount_fen,
        back_fen: Fen::ZERO,
        paper_fen: Fen::ZERO,
        paid_fen: Fen::ZERO,
        returned_fen: Fen::ZERO,
        status,
        reason: reason.to_owned(),
        ask: 0,
        asked_fen: Fen::ZERO,
        account,
        updated_ms: now_ms,
    }
}

/// Where a share goes; none without an account.
pub(crate) fn receiver(share: &ShareRow) -> Option<Receiver> {
    let account = share.account.as_ref()?;
    Some(Receiver {
        kind: match account.kind {
            AccountKind::Merchant => ReceiverKind::Merchant,
            AccountKind::Person => ReceiverKind::Person,
        },
        account: account.account.clone(),
        name: account.name.clone(),
    })
}

/// Our number of a split's nth request; 0 asks for nobody and lets the frozen rest go.
pub(crate) fn request_id(split: &SplitRow, ask: i64) -> String {
    format!("{}S{ask}", split.order_id)
}

/// The nth request of a split, with the shares that are part of it: always the same.
pub(crate) fn request(split: &SplitRow, shares: &[ShareRow], ask: i64) -> SplitRequest {
    let part = |share: &ShareRow| {
        Some(SplitShare {
            receiver: receiver(share)?,
            amount_fen: share.asked_fen,
            description: format!("充电订单分账 {}", split.order_id),
        })
    };
    let asked = shares.iter().filter(|share| ask > 0 && share.ask == ask);
    SplitRequest {
        id: request_id(split, ask),
        payment_id: split.payment_id.clone(),
        trade_no: split.trade_no.clone(),
        held: split.held,
        shares: asked.filter_map(part).collect(),
    }
}
