//! What an operator gives back after the bill, and what that takes back from partners: first they
//! give back, then the rider is paid.

use wasm_core::ids::{OperatorId, OrderId, RefundId};
use wasm_core::money::Fen;
use wasm_core::order::{Event, Order};
use wasm_core::posting::Transaction;
use wasm_core::share::{self, Role, Share};

use super::super::job::Job;
use super::super::service::{OrderError, Orders, commit, retry};
use crate::ledger;
use crate::store::splits::{
    OperatorRefund, ReturnRow, ReturnStatus, ShareRow, ShareStatus, SplitRow,
};
use crate::store::{StoreError, Tx};

impl Orders {
    /// Gives back part of what a charge cost, for `reason` in the operator's words. Asking again
    /// with the same key changes nothing.
    ///
    /// # Errors
    /// [`OrderError::NoSuchOrder`] also for another operator's; [`OrderError::Rejected`] when
    /// there is no bill yet or less is left of it; [`OrderError::KeyReused`] when the key stands
    /// for another refund.
    pub async fn refund_for_operator(
        &self,
        operator: &OperatorId,
        id: &OrderId,
        amount_fen: Fen,
        reason: &str,
        key: &str,
    ) -> Result<Order, OrderError> {
        let wanted = Wanted { operator, id, amount_fen, reason, key };
        let order = retry!(self.try_refund_for_operator(&wanted))?;
        self.changed(&order);
        Ok(order)
    }

    async fn try_refund_for_operator(&self, wanted: &Wanted<'_>) -> Result<Order, OrderError> {
        let mut tx = self.inner.store.begin().await?;
        let stored = tx.order(wanted.id).await?.map(|stored| stored.order);
        let own = stored.filter(|order| order.operator_id == *wanted.operator);
        let before = own.ok_or(OrderError::NoSuchOrder)?;
        if let Some(known) = tx.operator_refund(wanted.operator, wanted.key).await? {
            let same = (&known.order_id, known.amount_fen) == (wanted.id, wanted.amount_fen);
            return if same { Ok(before) } else { Err(OrderError::KeyReused) };
        }
        let event = Event::GivenBack { amount_fen: wanted.amount_fen };
        let order = self.apply_in(&mut tx, wanted.id, event).await?;
        let refund = order.refunds.last().ok_or(OrderError::NoSuchOrder)?;
        let row = OperatorRefund {
            operator_id: wanted.operator.clone(),
            key: wanted.key.to_owned(),
            order_id: order.id.clone(),
            refund_id: refund.id.clone(),
            amount_fen: refund.amount_fen,
            reason: wanted.reason.to_owned(),
        };
        let now_ms = self.inner.clock.now_ms();
        tx.insert_operator_refund(&row, now_ms).await?;
        self.pull_back_in(&mut tx, &order, &row, now_ms).await?;
        commit(tx, "given_back").await?;
        tracing::info!(order = %order.id, refund = %row.refund_id, amount = %row.amount_fen, "given back");
        Ok(order)
    }

    /// Takes a refund off the shares of an order that is split already, pro rata.
    async fn pull_back_in(
        &self,
        tx: &mut Tx,
        order: &Order,
        refund: &OperatorRefund,
        now_ms: i64,
    ) -> Result<(), OrderError> {
        let Some((split, mut shares)) = tx.split(&order.id).await? else { return Ok(()) };
        let left =
            |share: &ShareRow| Share { party: share.party.clone(), amount_fen: share.left_fen() };
        let left: Vec<_> = shares.iter().map(left).collect();
        let parts = share::pull_back(&left, refund.amount_fen).map_err(|_| {
            StoreError::Unreadable(format!("the shares of {} do not add up", order.id))
        })?;
        tx.change_split(&split, split.asks).await?;
        let known = tx.returns(&split.operator_id, &order.id).await?.len();
        let mut open = false;
        let mut theirs = Vec::new();
        let mut anew = Vec::new();
        for (nth, (share, part)) in (known + 1..).zip(shares.iter_mut().zip(parts)) {
            if part.amount_fen == Fen::ZERO {
                continue;
            }
            share.back_fen += part.amount_fen;
            let status = take_off(share, part.amount_fen, &mut anew);
            let row = ReturnRow {
                id: format!("{}B{nth}", order.id),
                order_id: order.id.clone(),
                refund_id: refund.refund_id.clone(),
                party: part.party.clone(),
                amount_fen: part.amount_fen,
                status,
                reason: String::new(),
            };
            tx.insert_return(&split.operator_id, &row, now_ms).await?;
            open |= status == ReturnStatus::Open;
            if share.role != Role::Operator {
                theirs.push(part);
            }
        }
        write(tx, &split, &mut shares, &anew, now_ms).await?;
        if !theirs.is_empty() {
            let posting = Transaction::pull_back(order, &refund.refund_id, &theirs);
            ledger::post(tx, order, &posting, now_ms).await?;
        }
        if open {
            let job = Job::PullBack { refund_id: refund.refund_id.clone() };
            self.enqueue(tx, order, &job, now_ms).await?;
        }
        Ok(())
    }

    /// Whether partners still have to give back before a refund goes to the rider.
    pub(crate) async fn waits_for_partners(
        &self,
        order: &Order,
        refund: &RefundId,
    ) -> Result<bool, OrderError> {
        let returns = self.inner.store.returns(&order.operator_id, &order.id).await?;
        let open =
            |back: &ReturnRow| back.refund_id == *refund && back.status == ReturnStatus::Open;
        Ok(returns.iter().any(open))
    }
}

/// What an operator asks for.
struct Wanted<'a> {
    operator: &'a OperatorId,
    id: &'a OrderId,
    amount_fen: Fen,
    reason: &'a str,
    key: &'a str,
}

/// Takes a part off a share: on paper if it never left, else it must come back. `anew` collects
/// refused requests that can not be asked for again as they were.
fn take_off(share: &mut ShareRow, amount_fen: Fen, anew: &mut Vec<i64>) -> ReturnStatus {
    match share.status {
        ShareStatus::Asked | ShareStatus::Taken | ShareStatus::Parked | ShareStatus::Done => {
            ReturnStatus::Open
        }
        ShareStatus::Kept
        | ShareStatus::ByHand
        | ShareStatus::Owed
        | ShareStatus::Failed
        | ShareStatus::Refused
        | ShareStatus::PulledBack => {
            share.paper_fen += amount_fen;
            if share.status == ShareStatus::Refused {
                anew.push(share.ask);
            }
            if share.to_send_fen() == Fen::ZERO && share.status != ShareStatus::Kept {
                share.status = ShareStatus::PulledBack;
                share.reason.clear();
            }
            ReturnStatus::Done
        }
    }
}

async fn write(
    tx: &mut Tx,
    split: &SplitRow,
    shares: &mut [ShareRow],
    anew: &[i64],
    now_ms: i64,
) -> Result<(), StoreError> {
    for share in shares {
        if share.status == ShareStatus::Refused && anew.contains(&share.ask) {
            share.ask = 0;
        }
        tx.update_share(split, share, now_ms).await?;
    }
    Ok(())
}
