//! What platforms said about shares, written down: each answer once, with its postings.

use wasm_core::ids::{OrderId, PartyId};
use wasm_core::money::Fen;
use wasm_core::order::Order;
use wasm_core::posting::Transaction;
use wasm_core::share::Share;

use super::super::service::{OrderError, Orders, commit, retry};
use crate::ledger;
use crate::orders::ports::ShareState;
use crate::store::splits::{ReturnRow, ReturnStatus, ShareRow, ShareStatus, SplitRow};
use crate::store::{StoreError, Tx};

/// A split in the middle of a change.
pub(super) struct Change {
    pub tx: Tx,
    pub order: Order,
    pub split: SplitRow,
    pub shares: Vec<ShareRow>,
    pub returns: Vec<ReturnRow>,
    pub now_ms: i64,
    /// Shares and returns as they were: only what changed is written.
    before: (Vec<ShareRow>, Vec<ReturnRow>),
}

impl Change {
    /// Writes all of it and commits.
    pub async fn commit(mut self, asks: i64, what: &str) -> Result<(), StoreError> {
        self.tx.change_split(&self.split, asks).await?;
        let (shares, returns) = &self.before;
        for (share, before) in self.shares.iter().zip(shares) {
            if share != before {
                self.tx.update_share(&self.split, share, self.now_ms).await?;
            }
        }
        for (back, before) in self.returns.iter().zip(returns) {
            if back != before {
                self.tx.update_return(&self.split.operator_id, back, self.now_ms).await?;
            }
        }
        commit(self.tx, what).await
    }

    /// Settles what refunds want back of a share that never left: on paper. Whether there was any.
    pub fn settle_on_paper(&mut self, party: &PartyId) -> bool {
        let mut paper_fen = Fen::ZERO;
        for back in &mut self.returns {
            if back.party == *party && back.status != ReturnStatus::Done {
                back.status = ReturnStatus::Done;
                back.reason.clear();
                paper_fen += back.amount_fen;
            }
        }
        let share = self.shares.iter_mut().find(|share| share.party == *party);
        if let Some(share) = share.filter(|_| paper_fen > Fen::ZERO) {
            share.paper_fen += paper_fen;
            if share.to_send_fen() == Fen::ZERO {
                share.status = ShareStatus::PulledBack;
                share.reason.clear();
            }
        }
        paper_fen > Fen::ZERO
    }

    /// A refused request with a changed share can not be asked for again as it was: its shares
    /// are asked for anew, under the next number.
    pub fn ask_anew(&mut self, ask: i64) {
        for share in self.shares.iter_mut().filter(|share| ask > 0 && share.ask == ask) {
            if share.status == ShareStatus::Refused {
                share.ask = 0;
            }
        }
    }

    fn asked(&self, ask: i64) -> Vec<usize> {
        let wanted = |nth: &usize| self.shares[*nth].ask == ask;
        (0..self.shares.len()).filter(wanted).collect()
    }
}

impl Orders {
    /// Begins a change of an order's split; none if it was never split.
    pub(super) async fn change(&self, order: &OrderId) -> Result<Option<Change>, OrderError> {
        let mut tx = self.inner.store.begin().await?;
        let Some((split, shares)) = tx.split(order).await? else { return Ok(None) };
        let stored = tx.order(order).await?.ok_or(OrderError::NoSuchOrder)?;
        let returns = tx.returns(&split.operator_id, order).await?;
        let now_ms = self.inner.clock.now_ms();
        let before = (shares.clone(), returns.clone());
        Ok(Some(Change { tx, order: stored.order, split, shares, returns, now_ms, before }))
    }

    /// Gives all that is owed and not yet asked for the next number, before the platform is
    /// asked: whatever happens then, the same number means the same shares. None if nothing is.
    pub(crate) async fn begin_ask(&self, order: &OrderId) -> Result<Option<i64>, OrderError> {
        retry!(self.try_begin_ask(order))
    }

    async fn try_begin_ask(&self, order: &OrderId) -> Result<Option<i64>, OrderError> {
        let Some(mut change) = self.change(order).await? else { return Ok(None) };
        let ask = change.split.asks + 1;
        let mut any = false;
        for share in &mut change.shares {
            if share.status == ShareStatus::Owed {
                (share.status, share.ask, any) = (ShareStatus::Asked, ask, true);
                share.asked_fen = share.to_send_fen();
            }
        }
        if !any {
            return Ok(None);
        }
        change.commit(ask, "split_asked").await?;
        Ok(Some(ask))
    }

    /// A share cannot be asked for: its account is refused, or there is none.
    pub(crate) async fn share_refused(
        &self,
        order: &OrderId,
        party: &PartyId,
        why: &str,
    ) -> Result<(), OrderError> {
        retry!(self.try_share_refused(order, party, why))
    }

    async fn try_share_refused(
        &self,
        order: &OrderId,
        party: &PartyId,
        why: &str,
    ) -> Result<(), OrderError> {
        let Some(mut change) = self.change(order).await? else { return Ok(()) };
        let owed =
            |share: &&mut ShareRow| share.party == *party && share.status == ShareStatus::Owed;
        let Some(share) = change.shares.iter_mut().find(owed) else { return Ok(()) };
        why.clone_into(&mut share.reason);
        share.status = ShareStatus::Refused;
        let asks = change.split.asks;
        tracing::error!(%order, %party, why, "a share was refused");
        Ok(change.commit(asks, "split_refused").await?)
    }

    /// The platform refused a request, or does not say what became of it (`status`).
    pub(crate) async fn ask_failed(
        &self,
        order: &OrderId,
        ask: i64,
        (status, why): (ShareStatus, &str),
    ) -> Result<(), OrderError> {
        retry!(self.try_ask_failed(order, ask, (status, why)))
    }

    async fn try_ask_failed(
        &self,
        order: &OrderId,
        ask: i64,
        (status, why): (ShareStatus, &str),
    ) -> Result<(), OrderError> {
        let Some(mut change) = self.change(order).await? else { return Ok(()) };
        let mut paper = false;
        for nth in change.asked(ask) {
            let share = &mut change.shares[nth];
            if !matches!(share.status, ShareStatus::Asked | ShareStatus::Taken) {
                continue;
            }
            why.clone_into(&mut share.reason);
            share.status = status;
            let party = share.party.clone();
            tracing::error!(%order, %party, why, status = status.as_str(), "a share does not leave");
            if status == ShareStatus::Refused {
                paper |= change.settle_on_paper(&party);
            }
        }
        if paper {
            change.ask_anew(ask);
        }
        let asks = change.split.asks;
        Ok(change.commit(asks, status.as_str()).await?)
    }

    /// The platform says what became of each share of a request, in the order asked. Whether all
    /// of them are decided.
    pub(crate) async fn shares_learned(
        &self,
        order: &OrderId,
        ask: i64,
        states: &[ShareState],
    ) -> Result<bool, OrderError> {
        retry!(self.try_shares_learned(order, ask, states))
    }

    async fn try_shares_learned(
        &self,
        order: &OrderId,
        ask: i64,
        states: &[ShareState],
    ) -> Result<bool, OrderError> {
        let Some(mut change) = self.change(order).await? else { return Ok(true) };
        let (mut decided, mut news) = (true, false);
        for (nth, state) in change.asked(ask).into_iter().zip(states) {
            let before = change.shares[nth].status;
            let open =
                matches!(before, ShareStatus::Asked | ShareStatus::Taken | ShareStatus::Parked);
            if !open {
                continue;
            }
            decided &= *state != ShareState::Pending;
            self.share_learned(&mut change, nth, state).await?;
            news |= change.shares[nth].status != before;
        }
        if news {
            let asks = change.split.asks;
            change.commit(asks, "split_learned").await?;
        }
        Ok(decided)
    }

    async fn share_learned(
        &self,
        change: &mut Change,
        nth: usize,
        state: &ShareState,
    ) -> Result<(), OrderError> {
        let now_ms = change.now_ms;
        let share = &mut change.shares[nth];
        match state {
            ShareState::Pending => share.status = ShareStatus::Taken,
            ShareState::Done => {
                let amount_fen = share.asked_fen;
                (share.status, share.paid_fen) = (ShareStatus::Done, amount_fen);
                share.reason.clear();
                let paid = Share { party: share.party.clone(), amount_fen };
                let posting = Transaction::share_paid(&change.order, change.split.channel, &paid);
                ledger::post(&mut change.tx, &change.order, &posting, now_ms).await?;
            }
            ShareState::Failed(why) => {
                share.status = ShareStatus::Failed;
                share.reason.clone_from(why);
                let party = share.party.clone();
                tracing::error!(order = %change.order.id, %party, why, "a share failed");
                change.settle_on_paper(&party);
            }
        }
        Ok(())
    }

    /// A partner gave back what a refund took, or it was given up with a reason.
    pub(crate) async fn return_ended(
        &self,
        order: &OrderId,
        id: &str,
        gave_up: Option<&str>,
    ) -> Result<(), OrderError> {
        retry!(self.try_return_ended(order, id, gave_up))
    }

    async fn try_return_ended(
        &self,
        order: &OrderId,
        id: &str,
        gave_up: Option<&str>,
    ) -> Result<(), OrderError> {
        let Some(mut change) = self.change(order).await? else { return Ok(()) };
        let open = |back: &&mut ReturnRow| back.id == id && back.status == ReturnStatus::Open;
        let Some(back) = change.returns.iter_mut().find(open) else { return Ok(()) };
        gave_up.unwrap_or_default().clone_into(&mut back.reason);
        if let Some(why) = gave_up {
            back.status = ReturnStatus::Parked;
            tracing::error!(%order, party = %back.party, why, "a partner does not give back");
        } else {
            back.status = ReturnStatus::Done;
            let part = Share { party: back.party.clone(), amount_fen: back.amount_fen };
            let posting =
                Transaction::share_returned(&change.order, change.split.channel, id, &part);
            let of_it = |share: &&mut ShareRow| share.party == part.party;
            if let Some(share) = change.shares.iter_mut().find(of_it) {
                share.returned_fen += part.amount_fen;
                if share.returned_fen == share.paid_fen {
                    share.status = ShareStatus::PulledBack;
                }
            }
            ledger::post(&mut change.tx, &change.order, &posting, change.now_ms).await?;
        }
        let asks = change.split.asks;
        change.commit(asks, "split_returned").await?;
        self.inner.ring();
        Ok(())
    }
}
