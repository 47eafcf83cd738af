//! A person tries again what was given up: a share that does not leave, a return that does not
//! come.

use wasm_core::ids::{OperatorId, OrderId, PartyId};

use super::super::job::Job;
use super::super::service::{OrderError, Orders, retry};
use super::answers::Change;
use crate::store::splits::{ReturnStatus, ShareRow, ShareStatus};

impl Orders {
    /// Tries a share again that the platform refused, failed or did not answer for. What may have
    /// happened is asked for under the same number; so is what was refused, unless the partner's
    /// account is another one by now. What failed is asked for under a new number.
    ///
    /// # Errors
    /// [`OrderError::NoSuchJob`] also for another operator's, when it waits for nobody, and while
    /// the rest of its request is not decided.
    pub async fn retry_share(
        &self,
        operator: &OperatorId,
        order: &OrderId,
        party: &PartyId,
    ) -> Result<(), OrderError> {
        retry!(self.try_retry_share(operator, order, party))?;
        self.inner.ring();
        Ok(())
    }

    async fn try_retry_share(
        &self,
        operator: &OperatorId,
        order: &OrderId,
        party: &PartyId,
    ) -> Result<(), OrderError> {
        let change = self.change(order).await?.ok_or(OrderError::NoSuchJob)?;
        let mut change = own(change, operator)?;
        let found = change.shares.iter().find(|share| share.party == *party);
        let (status, ask) =
            found.map(|share| (share.status, share.ask)).ok_or(OrderError::NoSuchJob)?;
        let together = |share: &ShareRow| ask > 0 && share.ask == ask;
        let undecided = |share: &ShareRow| {
            together(share) && matches!(share.status, ShareStatus::Asked | ShareStatus::Taken)
        };
        if change.shares.iter().any(undecided) {
            return Err(OrderError::NoSuchJob);
        }
        let moved = self
            .new_accounts(&mut change, status, |share| together(share) || share.party == *party);
        let moved = moved.await?;
        for share in &mut change.shares {
            let this = share.party == *party || together(share) && share.status == status;
            if !this {
                continue;
            }
            match status {
                ShareStatus::Parked => share.status = ShareStatus::Asked,
                ShareStatus::Refused if ask > 0 && !moved => share.status = ShareStatus::Asked,
                ShareStatus::Refused => (share.status, share.ask) = (ShareStatus::Owed, 0),
                ShareStatus::Failed if share.party == *party => {
                    (share.status, share.ask) = (ShareStatus::Owed, 0);
                }
                ShareStatus::Failed => {}
                _ => return Err(OrderError::NoSuchJob),
            }
        }
        let now_ms = change.now_ms;
        self.enqueue(&mut change.tx, &change.order, &Job::Split, now_ms).await?;
        let asks = change.split.asks;
        change.commit(asks, "split_retried").await?;
        tracing::info!(%order, %party, "a share is tried again");
        Ok(())
    }

    /// Takes over the partners' accounts of the rule in force now, for shares of which nothing can
    /// have left. Whether one changed.
    async fn new_accounts(
        &self,
        change: &mut Change,
        status: ShareStatus,
        wanted: impl Fn(&ShareRow) -> bool,
    ) -> Result<bool, OrderError> {
        if !matches!(status, ShareStatus::Refused | ShareStatus::Failed) {
            return Ok(false);
        }
        let (operator, site) = (&change.order.operator_id, &change.order.site_id);
        let rule = change.tx.rule_in_force(operator, site, change.now_ms).await?;
        let Some(rule) = rule.map(|row| row.rule) else { return Ok(false) };
        let mut moved = false;
        for share in change.shares.iter_mut().filter(|share| share.status == status) {
            let party = rule.party(&share.party).filter(|_| wanted(share));
            let account = party.and_then(|party| party.account_at(change.split.channel)).cloned();
            if account.is_some() && account != share.account {
                (share.account, moved) = (account, true);
            }
        }
        Ok(moved)
    }

    /// Asks a partner again to give back what a refund took.
    ///
    /// # Errors
    /// [`OrderError::NoSuchJob`] also for another operator's, and when it waits for nobody.
    pub async fn retry_return(
        &self,
        operator: &OperatorId,
        order: &OrderId,
        id: &str,
    ) -> Result<(), OrderError> {
        retry!(self.try_retry_return(operator, order, id))?;
        self.inner.ring();
        Ok(())
    }

    async fn try_retry_return(
        &self,
        operator: &OperatorId,
        order: &OrderId,
        id: &str,
    ) -> Result<(), OrderError> {
        let change = self.change(order).await?.ok_or(OrderError::NoSuchJob)?;
        let mut change = own(change, operator)?;
        let back = change.returns.iter_mut().find(|back| back.id == id);
        let back = back.filter(|back| back.status == ReturnStatus::Parked);
        let back = back.ok_or(OrderError::NoSuchJob)?;
        back.status = ReturnStatus::Open;
        let job = Job::PullBack { refund_id: back.refund_id.clone() };
        let now_ms = change.now_ms;
        self.enqueue(&mut change.tx, &change.order, &job, now_ms).await?;
        let asks = change.split.asks;
        change.commit(asks, "return_retried").await?;
        Ok(())
    }
}

fn own(change: Change, operator: &OperatorId) -> Result<Change, OrderError> {
    if change.split.operator_id == *operator { Ok(change) } else { Err(OrderError::NoSuchJob) }
}
