//! Jobs that send partners their parts, and take them back for late refunds.

use wasm_core::ids::{OrderId, RefundId};
use wasm_core::money::Fen;
use wasm_core::share::Account;
use wasm_core::units::{MS_PER_MINUTE, MS_PER_SECOND};

use super::payments::{RETRY_WAITS_MS, wait_ms};
use super::{Done, Workers};
use crate::crash;
use crate::orders::splits::{NO_ACCOUNT, receiver, request, request_id};
use crate::orders::{Answer, CODE, OrderError, ReturnRequest, SplitRequest, Splits, Unsure};
use crate::store::JobRow;
use crate::store::splits::{ReturnRow, ReturnStatus, ShareRow, ShareStatus, SplitRow};

/// How long a split stays open for shares that wait for a person: the rest of the payment, the
/// operator's own, is frozen meanwhile.
const RELEASE_AFTER_MS: i64 = 3 * 24 * 60 * MS_PER_MINUTE;
/// Waits between tries to take a part back. They are few: the rider waits meanwhile, and is paid
/// when they are over, for what partners owe is not the rider's matter.
const RETURN_WAITS_MS: [i64; 5] =
    [MS_PER_SECOND, 5 * MS_PER_SECOND, 30 * MS_PER_SECOND, 2 * MS_PER_MINUTE, 10 * MS_PER_MINUTE];

/// In what platforms say of a receiver that they do not know (any more): binding it again helps.
const UNBOUND: [&str; 2] = ["RELATION", "ROYALTY_RECEIVER_INVALID"];

/// What a platform's answer leaves to do.
enum Asked {
    /// All shares of the request are decided.
    Decided,
    /// Look again.
    Again(String),
    /// The platform refused, for good or not.
    Refused { why: String, for_good: bool },
}

impl Workers {
    /// Asks for what an order owes to partners, request after request, until each share is done
    /// or waits for a person; then lets go what is frozen beside.
    pub(super) async fn split(&self, row: &JobRow) -> Result<Done, OrderError> {
        let Some((split, shares)) = self.store.split(&row.order_id).await? else {
            return Ok(Done::Finished);
        };
        let platform = self.platforms.at(split.channel).ok();
        let Some(splits) = platform.and_then(|platform| platform.splits.clone()) else {
            return self.cannot_split(row, &shares).await;
        };
        if let Some(share) = shares.iter().find(|share| is_asked(share.status)) {
            return self.pursue(row, &*splits, &split, share.ask).await;
        }
        for share in shares.iter().filter(|share| share.status == ShareStatus::Owed) {
            if let Some(again) = self.bind(row, &*splits, &split, share).await? {
                return Ok(again);
            }
        }
        match self.orders.begin_ask(&split.order_id).await? {
            Some(ask) => self.pursue(row, &*splits, &split, ask).await,
            None => self.end_split(row, &*splits, &split).await,
        }
    }

    /// The platform is not set up for splits (any more): what is owed waits for a person, and what
    /// was asked for until it is set up again.
    async fn cannot_split(&self, row: &JobRow, shares: &[ShareRow]) -> Result<Done, OrderError> {
        let why = "NOT_CONFIGURED: no splits at this platform";
        for share in shares.iter().filter(|share| share.status == ShareStatus::Owed) {
            self.orders.share_refused(&row.order_id, &share.party, why).await?;
        }
        if shares.iter().any(|share| is_asked(share.status)) {
            return Ok(Done::NotYet { in_ms: 60 * MS_PER_MINUTE, why: why.to_owned() });
        }
        Ok(Done::Finished)
    }

    /// Nothing is left to ask for. A split is ended only now, since the platform takes no further
    /// request afterwards; a person has some days to put right what was refused before.
    async fn end_split(
        &self,
        row: &JobRow,
        splits: &dyn Splits,
        split: &SplitRow,
    ) -> Result<Done, OrderError> {
        let Some((_, shares)) = self.store.split(&split.order_id).await? else {
            return Ok(Done::Finished);
        };
        let waits = shares.iter().any(|share| waits_for_a_person(share.status));
        let left_ms = split.created_ms + RELEASE_AFTER_MS - self.clock.now_ms();
        if waits && left_ms > 0 {
            let why = "a share waits for a person".to_owned();
            return Ok(Done::NotYet { in_ms: left_ms, why });
        }
        self.let_go(row, splits, split).await
    }

    /// Nobody gets anything more: what is frozen for a split goes to the operator.
    async fn let_go(
        &self,
        row: &JobRow,
        splits: &dyn Splits,
        split: &SplitRow,
    ) -> Result<Done, OrderError> {
        crash::point("before_call", "split_nobody");
        let answer = splits.split(&request(split, &[], 0)).await;
        crash::point("after_call", "split_nobody");
        let Err(unsure) = answer else { return Ok(Done::Finished) };
        let for_good = matches!(unsure, Unsure::Never { .. });
        Ok(match wait_ms(&RETRY_WAITS_MS, row.attempts).filter(|_| !for_good) {
            Some(in_ms) => Done::Again { in_ms, why: unsure.to_string() },
            None => Done::Parked(unsure.to_string()),
        })
    }

    /// Makes sure that the platform knows a receiver. What is to be done instead of asking, if the
    /// platform does not say.
    async fn bind(
        &self,
        row: &JobRow,
        splits: &dyn Splits,
        split: &SplitRow,
        share: &ShareRow,
    ) -> Result<Option<Done>, OrderError> {
        let (Some(account), Some(receiver)) = (&share.account, receiver(share)) else {
            self.orders.share_refused(&split.order_id, &share.party, NO_ACCOUNT).await?;
            return Ok(None);
        };
        if self.store.is_bound(&split.operator_id, account).await? {
            return Ok(None);
        }
        crash::point("before_call", "bind");
        let answer = splits.bind(&receiver).await;
        crash::point("after_call", "bind");
        let Err(unsure) = answer else {
            let now_ms = self.clock.now_ms();
            self.store.remember_bound(&split.operator_id, account, now_ms).await?;
            return Ok(None);
        };
        let for_good = matches!(unsure, Unsure::Never { .. });
        if let Some(in_ms) = wait_ms(&RETRY_WAITS_MS, row.attempts).filter(|_| !for_good) {
            return Ok(Some(Done::Again { in_ms, why: unsure.to_string() }));
        }
        self.orders.share_refused(&split.order_id, &share.party, &unsure.to_string()).await?;
        Ok(None)
    }

    /// Asks for the shares of a request, or what became of them.
    async fn pursue(
        &self,
        row: &JobRow,
        splits: &dyn Splits,
        split: &SplitRow,
        ask: i64,
    ) -> Result<Done, OrderError> {
        let Some((split, shares)) = self.store.split(&split.order_id).await? else {
            return Ok(Done::Finished);
        };
        let request = request(&split, &shares, ask);
        let taken =
            shares.iter().any(|share| share.ask == ask && share.status == ShareStatus::Taken);
        crash::point("before_call", &row.kind);
        let answer = if taken { Ok(()) } else { splits.split(&request).await };
        crash::point("after_call", &row.kind);
        let asked = self.look(splits, &request, (&split.order_id, ask), answer).await?;
        let wait_ms = wait_ms(&RETRY_WAITS_MS, row.attempts);
        match (asked, wait_ms) {
            // What is owed since, a retried share for one, is asked for by the same job.
            (Asked::Decided, _) => Ok(next()),
            (Asked::Again(why) | Asked::Refused { why, for_good: false }, Some(in_ms)) => {
                Ok(Done::Again { in_ms, why })
            }
            (Asked::Refused { why, .. }, _) => {
                if UNBOUND.iter().any(|word| why.contains(word)) {
                    self.forget_receivers(&split, &shares, ask).await?;
                }
                let failed = (ShareStatus::Refused, why.as_str());
                self.orders.ask_failed(&split.order_id, ask, failed).await?;
                Ok(next())
            }
            (Asked::Again(why), None) => {
                let failed = (ShareStatus::Parked, why.as_str());
                self.orders.ask_failed(&split.order_id, ask, failed).await?;
                Ok(next())
            }
        }
    }

    /// What became of a request. A platform that refuses or does not answer may have done it all
    /// the same, at an earlier try: only what it says of the shares decides, or that it does not
    /// know the request.
    async fn look(
        &self,
        splits: &dyn Splits,
        request: &SplitRequest,
        (order, ask): (&OrderId, i64),
        answer: Answer<()>,
    ) -> Result<Asked, OrderError> {
        let states = splits.split_state(request).await;
        let states = states.and_then(|states| {
            let whole = states.len() == request.shares.len();
            let strange = || Unsure::Unknown(format!("{} states", states.len()));
            if whole { Ok(states) } else { Err(strange()) }
        });
        let for_good = matches!(answer, Err(Unsure::Never { .. }));
        let refused = for_good || matches!(answer, Err(Unsure::No { .. }));
        let why = answer.err().map(|unsure| unsure.to_string());
        match states {
            Ok(states) if self.orders.shares_learned(order, ask, &states).await? => {
                Ok(Asked::Decided)
            }
            Ok(_) => Ok(Asked::Again(why.unwrap_or_else(|| "under way".to_owned()))),
            Err(Unsure::No { .. }) if refused => {
                Ok(Asked::Refused { why: why.unwrap_or_default(), for_good })
            }
            Err(unsure) => Ok(Asked::Again(why.unwrap_or_else(|| unsure.to_string()))),
        }
    }

    /// The platform does not know a receiver that it knew: it is told again at the next try.
    async fn forget_receivers(
        &self,
        split: &SplitRow,
        shares: &[ShareRow],
        ask: i64,
    ) -> Result<(), OrderError> {
        let asked = shares.iter().filter(|share| share.ask == ask);
        let accounts: Vec<&Account> = asked.filter_map(|share| share.account.as_ref()).collect();
        for account in accounts {
            self.store.forget_bound(&split.operator_id, account).await?;
        }
        Ok(())
    }

    /// Takes back from partners what a late refund took off their shares.
    pub(super) async fn pull_back(
        &self,
        row: &JobRow,
        refund_id: &RefundId,
    ) -> Result<Done, OrderError> {
        let Some((split, shares)) = self.store.split(&row.order_id).await? else {
            return Ok(Done::Finished);
        };
        let returns = self.store.returns(&split.operator_id, &split.order_id).await?;
        let open =
            |back: &&ReturnRow| back.refund_id == *refund_id && back.status == ReturnStatus::Open;
        let mut done = Done::Finished;
        for back in returns.iter().filter(open) {
            let share = shares.iter().find(|share| share.party == back.party);
            let Err(unsure) = self.take_back(row, &split, share, back).await else {
                self.orders.return_ended(&split.order_id, &back.id, None).await?;
                continue;
            };
            let for_good = matches!(unsure, Unsure::Never { .. });
            let why = unsure.to_string();
            match wait_ms(&RETURN_WAITS_MS, row.attempts).filter(|_| !for_good) {
                Some(in_ms) => done = Done::Again { in_ms, why },
                None => self.orders.return_ended(&split.order_id, &back.id, Some(&why)).await?,
            }
        }
        Ok(done)
    }

    async fn take_back(
        &self,
        row: &JobRow,
        split: &SplitRow,
        share: Option<&ShareRow>,
        back: &ReturnRow,
    ) -> Answer<()> {
        let arrived = share.filter(|share| share.paid_fen - share.returned_fen > Fen::ZERO);
        let Some((share, receiver)) = arrived.and_then(|share| Some((share, receiver(share)?)))
        else {
            return Err(Unsure::Unknown("the share is still under way".to_owned()));
        };
        let paid = self.store.payments_of_order(&split.order_id).await.map_err(|error| {
            tracing::error!(%error, order = %split.order_id, "no payments");
            Unsure::Unknown("the payments cannot be read".to_owned())
        })?;
        let by_code = paid.iter().any(|row| row.id == split.payment_id && row.product == CODE);
        let request = ReturnRequest {
            id: back.id.clone(),
            split_id: request_id(split, share.ask),
            payment_id: split.payment_id.clone(),
            by_code,
            trade_no: split.trade_no.clone(),
            held: split.held,
            receiver,
            amount_fen: back.amount_fen,
        };
        let splits = self.platforms.at(split.channel)?.splits.clone();
        let splits = splits.ok_or_else(|| Unsure::No {
            code: "NOT_CONFIGURED".to_owned(),
            message: "no splits at this platform".to_owned(),
        })?;
        crash::point("before_call", &row.kind);
        let answer = splits.take_back(&request).await;
        crash::point("after_call", &row.kind);
        answer
    }
}

/// Whether the platform may have been asked for a share, and has not answered for it.
fn is_asked(status: ShareStatus) -> bool {
    matches!(status, ShareStatus::Asked | ShareStatus::Taken)
}

/// Whether a person must look, and may try again.
fn waits_for_a_person(status: ShareStatus) -> bool {
    matches!(status, ShareStatus::Failed | ShareStatus::Refused | ShareStatus::Parked)
}

/// The same job, from the beginning.
fn next() -> Done {
    Done::NotYet { in_ms: 0, why: "what comes next".to_owned() }
}
