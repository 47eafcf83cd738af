//! What people decide about cases. Accepting one does what its repair says, through the same code
//! as ever or by a correction; balances are never written.

use wasm_core::ids::{OperatorId, RefundId};
use wasm_core::money::Fen;
use wasm_core::order::{Event, Refund, RefundStatus};
use wasm_core::posting::Transaction;

use super::{Recon, ReconError, Repair};
use crate::ledger;
use crate::orders::{RefundRequest, TradeState};
use crate::store::recon::{CaseRow, Decision};
use crate::store::{StoreError, Tx};

/// What the platform reads when it is asked for a refund; it is asked only, never told.
const ASKED_BY: &str = "对账";

/// A person's decision.
#[derive(Clone, Debug)]
pub struct Settled<'a> {
    /// The case.
    pub id: &'a str,
    /// Whose case it must be; none = anybody's.
    pub scope: Option<&'a OperatorId>,
    /// Whose the money is, when the case does not say.
    pub operator: Option<&'a OperatorId>,
    /// Who decides.
    pub who: &'a str,
    /// Why. Nothing is booked as unexplained and nothing is dismissed without.
    pub reason: &'a str,
}

impl Recon {
    /// Accepts a case: does the repair, the proposed one unless another is named, and returns what
    /// was done.
    ///
    /// # Errors
    /// [`ReconError::NotConfirmed`] when the platform does not say what would be booked: then
    /// nothing is, and the case stays open.
    pub async fn accept(
        &self,
        settled: &Settled<'_>,
        repair: Option<Repair>,
    ) -> Result<String, ReconError> {
        let case = self.undecided(settled).await?;
        let repair = repair.or_else(|| Repair::parse(&case.repair));
        let repair = repair.filter(|repair| Repair::fitting(&case.kind).contains(repair));
        let repair = repair.ok_or(ReconError::DoesNotFit)?;
        if repair == Repair::Suspense && settled.reason.trim().is_empty() {
            return Err(ReconError::NoReason);
        }
        if repair == Repair::Suspense && case.status == "waiting" {
            return Err(ReconError::Waits);
        }
        let said = match repair {
            Repair::AskPlatform => self.ask(&case).await?,
            Repair::BookFee | Repair::Suspense => String::new(),
        };
        let operator = whose(&case, settled)?;
        let now_ms = self.clock.now_ms();
        let mut tx = self.store.begin().await?;
        let mut done = vec![repair.as_str().to_owned()];
        done.extend([said, settled.reason.trim().to_owned()]);
        if repair == Repair::Suspense {
            still_so(&mut tx, &operator, &case).await?;
        }
        let moved_fen = case.theirs_fen - case.ours_fen;
        if repair == Repair::Suspense && moved_fen != Fen::ZERO {
            let by = (settled.who, settled.reason.trim());
            let unexplained = Transaction::unexplained(case.channel, &case.id, moved_fen);
            ledger::correct(&mut tx, &operator, &unexplained, by, now_ms).await?;
        }
        if case.fee_fen != Fen::ZERO {
            let fee = Transaction::fee(case.channel, &case.id, case.fee_fen);
            ledger::post_entry(&mut tx, &operator, &fee, now_ms).await?;
        }
        done.retain(|part| !part.is_empty());
        let note = done.join("; ");
        let decision =
            Decision { operator_id: &operator, status: "accepted", who: settled.who, note: &note };
        tx.decide_case(&case.id, &decision, now_ms).await.map_err(decided)?;
        tx.commit().await?;
        tracing::info!(case = case.id, who = settled.who, note, "case accepted");
        Ok(note)
    }

    /// Dismisses a case: nothing is booked.
    ///
    /// # Errors
    /// [`ReconError::NoReason`] without one.
    pub async fn dismiss(&self, settled: &Settled<'_>) -> Result<(), ReconError> {
        let case = self.undecided(settled).await?;
        let note = settled.reason.trim();
        if note.is_empty() {
            return Err(ReconError::NoReason);
        }
        let operator = whose(&case, settled).unwrap_or_else(|_| case.operator_id.clone());
        let decision =
            Decision { operator_id: &operator, status: "dismissed", who: settled.who, note };
        let mut tx = self.store.begin().await?;
        tx.decide_case(&case.id, &decision, self.clock.now_ms()).await.map_err(decided)?;
        tx.commit().await?;
        tracing::info!(case = case.id, who = settled.who, note, "case dismissed");
        Ok(())
    }

    async fn undecided(&self, settled: &Settled<'_>) -> Result<CaseRow, ReconError> {
        let case = self.store.case(settled.id).await?;
        let own = |case: &CaseRow| settled.scope.is_none_or(|scope| case.operator_id == *scope);
        let case = case.filter(own).ok_or(ReconError::NoSuchCase)?;
        if is_undecided(&case) { Ok(case) } else { Err(ReconError::Decided) }
    }

    /// The platform takes its time to answer: what somebody decided meanwhile is not booked again.
    async fn still_undecided(&self, case: &CaseRow) -> Result<(), ReconError> {
        let now = self.store.case(&case.id).await?.ok_or(ReconError::NoSuchCase)?;
        if is_undecided(&now) { Ok(()) } else { Err(ReconError::Decided) }
    }

    /// Asks the platform and books what it confirms; returns what it said.
    async fn ask(&self, case: &CaseRow) -> Result<String, ReconError> {
        let booked = self.store.movement(case.channel, &case.number).await?;
        if booked
            .is_some_and(|ours| case.kind == "theirs_only" && ours.amount_fen == case.theirs_fen)
        {
            return Ok("booked meanwhile".to_owned());
        }
        match case.number.split_once(':') {
            Some(("in", number)) if number == case.payment_id.as_str() => {
                self.ask_payment(case).await
            }
            Some(("out", number)) => self.ask_refund(case, &RefundId::from(number)).await,
            _ => Err(ReconError::DoesNotFit),
        }
    }

    async fn ask_payment(&self, case: &CaseRow) -> Result<String, ReconError> {
        let platform = self.orders.platforms().at(case.channel)?;
        let trade = match platform.payments.query(&case.payment_id).await? {
            TradeState::Paid(trade) => trade,
            other => return Err(ReconError::NotConfirmed(format!("{other:?}"))),
        };
        let expected_fen = if case.kind == "ours_only" { case.ours_fen } else { case.theirs_fen };
        if trade.amount_fen != expected_fen {
            return Err(ReconError::NotConfirmed(format!("{} was paid", trade.amount_fen)));
        }
        self.still_undecided(case).await?;
        // What we have booked already stays as it is.
        self.orders.trade_found(&trade).await?;
        Ok(format!("paid {} as {}", trade.amount_fen, trade.trade_no))
    }

    async fn ask_refund(&self, case: &CaseRow, id: &RefundId) -> Result<String, ReconError> {
        let order = self.store.order(&case.order_id).await?;
        let known = order.as_ref().and_then(|order| {
            let refund = order.refunds.iter().find(|refund| refund.id == *id)?;
            let payment = order.payments.iter().find(|paid| paid.id == refund.payment_id)?;
            Some((order, payment, refund))
        });
        let Some((order, payment, refund)) = known else {
            return Err(ReconError::NotConfirmed(format!("we know no refund {id}")));
        };
        let amount_fen = if case.kind == "ours_only" { case.ours_fen } else { case.theirs_fen };
        if -refund.amount_fen != amount_fen {
            return Err(ReconError::NotConfirmed(format!("we owe {}", refund.amount_fen)));
        }
        let request = RefundRequest {
            id: refund.id.clone(),
            payment_id: refund.payment_id.clone(),
            paid_fen: payment.amount_fen,
            amount_fen: refund.amount_fen,
            reason: ASKED_BY.to_owned(),
        };
        let platform = self.orders.platforms().at(case.channel)?;
        if !platform.payments.refund_done(&request).await? {
            return Err(ReconError::NotConfirmed("the refund is not done".to_owned()));
        }
        if !is_done(refund) {
            self.still_undecided(case).await?;
            self.orders.handle(&order.id, Event::Refunded { refund_id: id.clone() }).await?;
        }
        Ok(format!("paid back {}", refund.amount_fen))
    }
}

fn is_undecided(case: &CaseRow) -> bool {
    matches!(case.status.as_str(), "open" | "waiting")
}

/// A case was true when it was found. What has been booked or billed since then must not be
/// counted again as unexplained.
async fn still_so(tx: &mut Tx, operator: &OperatorId, case: &CaseRow) -> Result<(), ReconError> {
    let (ours, crossed) = tx.movement_held(operator, case).await?;
    let ours_fen = ours.map_or(Fen::ZERO, |ours| ours.amount_fen);
    let is_so = match case.kind.as_str() {
        // The line that is no duplicate has its movement, if any.
        "duplicate" => true,
        "ours_only" => ours_fen == case.ours_fen && crossed.is_none(),
        _ => ours_fen == case.ours_fen,
    };
    if is_so { Ok(()) } else { Err(ReconError::Outdated) }
}

fn is_done(refund: &Refund) -> bool {
    matches!(refund.status, RefundStatus::Done { .. })
}

/// Whose the money is: as the case says, else as the person says.
fn whose(case: &CaseRow, settled: &Settled<'_>) -> Result<OperatorId, ReconError> {
    if !case.operator_id.0.is_empty() {
        return Ok(case.operator_id.clone());
    }
    settled.operator.cloned().ok_or(ReconError::WhoseMoney)
}

fn decided(error: StoreError) -> ReconError {
    match error {
        StoreError::Stale => ReconError::Decided,
        error => error.into(),
    }
}
