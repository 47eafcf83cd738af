//! The one way an order changes.

use serde::{Deserialize, Serialize};

use super::effect::{Effect, Timer};
use super::event::{Event, StartAnswer};
use super::state::{
    CancelReason, Capture, CaptureStatus, Order, Payment, Refund, RefundReason, RefundStatus,
    Session, Settlement, StartFailure, State, StopReason,
};
use super::{FINAL_READING_WITHIN_MS, START_UNKNOWN_MS, START_WITHIN_MS};
use crate::ids::{CaptureId, RefundId};
use crate::money::Fen;
use crate::posting::Transaction;
use crate::tariff::{PlanLimit, TariffError, Usage, settle};

/// Why an event has no place in an order's present state. The order stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejected {
    /// It is too late to cancel: current flows or the charge is over.
    TooLateToCancel,
    /// There is nothing to pay: it is paid, or over.
    NotAwaitingPayment,
    /// There is no running charge to stop.
    NotCharging,
    /// The order has no such refund.
    NoSuchRefund,
    /// The order has no such capture.
    NoSuchCapture,
    /// There is no bill yet, or less is left of it than shall go back.
    TooMuchBack,
    /// One payment number with two amounts, or held and paid.
    PaymentChanged,
    /// The usage cannot be billed.
    Unbillable(TariffError),
}

/// Applies what happened to an order at `now_ms` (milliseconds UTC).
///
/// What is already so is accepted and changes nothing: the same order and no effects come back.
///
/// # Errors
/// The event has no place in this state.
pub fn apply(order: &Order, event: Event, now_ms: i64) -> Result<(Order, Vec<Effect>), Rejected> {
    let mut change = Change { order: order.clone(), effects: Vec::new(), now_ms };
    match event {
        Event::Paid { payment, socket_free } => change.paid(&payment, socket_free)?,
        Event::RiderCancelled => change.rider_cancelled()?,
        Event::StartAnswered { answer } => change.start_answered(answer),
        Event::Started { session } => change.started(session),
        Event::StopWanted { reason } => change.stop_wanted(reason)?,
        Event::Stopped { transaction_id, reason, usage, final_reading_missing } => {
            change.stopped(transaction_id, reason, usage, final_reading_missing)?;
        }
        Event::Refunded { refund_id } => change.refunded(&refund_id)?,
        Event::RefundParked { refund_id } => change.refund_parked(&refund_id)?,
        Event::RefundRetried { refund_id } => change.refund_retried(&refund_id)?,
        Event::Captured { capture_id } => change.captured(&capture_id)?,
        Event::CaptureParked { capture_id } => change.capture_parked(&capture_id)?,
        Event::CaptureRetried { capture_id } => change.capture_retried(&capture_id)?,
        Event::GivenBack { amount_fen } => change.given_back(amount_fen)?,
        // No money moves: it goes back to the account that paid, whoever the rider is.
        Event::RiderKnown { rider_id } => change.order.rider_id = rider_id,
        Event::Due { timer } => change.due(&timer),
    }
    Ok((change.order, change.effects))
}

/// An order in the middle of a change.
struct Change {
    order: Order,
    effects: Vec<Effect>,
    now_ms: i64,
}

impl Change {
    fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// A charge that cost nothing moves no money.
    fn post(&mut self, transaction: Transaction) {
        if !transaction.postings.is_empty() {
            self.effect(Effect::Post(transaction));
        }
    }

    fn schedule(&mut self, timer: Timer, at_ms: i64) {
        self.effect(Effect::Schedule { timer, at_ms });
    }

    fn paid(&mut self, payment: &Payment, socket_free: bool) -> Result<(), Rejected> {
        if let Some(known) = self.order.payments.iter().find(|known| known.id == payment.id) {
            let same = known.amount_fen == payment.amount_fen && known.held == payment.held;
            return if same { Ok(()) } else { Err(Rejected::PaymentChanged) };
        }
        self.post(Transaction::arrived(&self.order, payment));
        self.order.payments.push(payment.clone());
        match self.order.state {
            State::AwaitingPayment { .. } => {
                if payment.amount_fen != self.order.terms.prepaid_fen {
                    self.cancel(CancelReason::WrongAmount);
                    self.give_back(payment, RefundReason::WrongAmount);
                } else if socket_free {
                    self.start();
                } else {
                    self.cancel(CancelReason::SocketTaken);
                    self.give_back(payment, RefundReason::SocketTaken);
                }
            }
            State::Cancelled { .. } => self.give_back(payment, RefundReason::TooLate),
            _ => self.give_back(payment, RefundReason::PaidTwice),
        }
        Ok(())
    }

    fn start(&mut self) {
        let deadline_ms = self.now_ms + START_WITHIN_MS;
        self.order.state = State::Starting { since_ms: self.now_ms, deadline_ms, accepted: false };
        self.effect(Effect::StartSocket);
        self.schedule(Timer::StartDeadline, deadline_ms);
    }

    fn cancel(&mut self, reason: CancelReason) {
        self.order.state = State::Cancelled { reason, at_ms: self.now_ms };
        self.effect(Effect::ClosePayments);
    }

    fn rider_cancelled(&mut self) -> Result<(), Rejected> {
        match self.order.state {
            State::AwaitingPayment { .. } => self.cancel(CancelReason::Rider),
            State::Starting { .. } | State::StartUnknown { .. } => {
                self.fail_start(StartFailure::Rider);
            }
            State::Cancelled { .. } | State::StartFailed { .. } => {}
            _ => return Err(Rejected::TooLateToCancel),
        }
        Ok(())
    }

    fn start_answered(&mut self, answer: StartAnswer) {
        match (&mut self.order.state, answer) {
            (State::Starting { accepted, .. }, StartAnswer::Accepted) => *accepted = true,
            (
                State::Starting { .. } | State::StartUnknown { .. },
                StartAnswer::Refused { reason },
            ) => self.fail_start(reason),
            _ => {}
        }
    }

    /// The money goes back; a start that comes after all is stopped in [`Self::started`].
    fn fail_start(&mut self, reason: StartFailure) {
        self.order.state = State::StartFailed { reason, at_ms: self.now_ms };
        if let Some(payment) = self.order.payments.first().cloned() {
            self.give_back(&payment, RefundReason::NotStarted);
        }
    }

    fn started(&mut self, session: Session) {
        if self.order.session().is_some_and(|known| known.transaction_id == session.transaction_id)
        {
            return;
        }
        if matches!(self.order.state, State::Starting { .. } | State::StartUnknown { .. }) {
            let ends_ms = session.started_ms + self.order.terms.limits.duration_ms;
            self.order.state = State::Charging(session);
            self.schedule(Timer::ChargeDeadline, ends_ms);
        } else {
            let transaction_id = session.transaction_id;
            self.effect(Effect::StopSocket { transaction_id });
            self.effect(Effect::RecordFreeEnergy { transaction_id });
        }
    }

    fn stop_wanted(&mut self, reason: StopReason) -> Result<(), Rejected> {
        match self.order.state.clone() {
            State::Charging(session) => self.finish(session, reason),
            State::Finishing { .. } | State::Settled(_) | State::Closed(_) => {}
            _ => return Err(Rejected::NotCharging),
        }
        Ok(())
    }

    fn finish(&mut self, session: Session, reason: StopReason) {
        let deadline_ms = self.now_ms + FINAL_READING_WITHIN_MS;
        self.effect(Effect::StopSocket { transaction_id: session.transaction_id });
        self.schedule(Timer::FinalReading, deadline_ms);
        self.order.state = State::Finishing { session, reason, since_ms: self.now_ms, deadline_ms };
    }

    fn stopped(
        &mut self,
        transaction_id: i64,
        told: StopReason,
        usage: Usage,
        final_reading_missing: bool,
    ) -> Result<(), Rejected> {
        let (session, wanted) = match &self.order.state {
            State::Charging(session) => (session.clone(), StopReason::Unknown),
            State::Finishing { session, reason, .. } => (session.clone(), *reason),
            _ => return Ok(()),
        };
        if session.transaction_id != transaction_id {
            return Ok(());
        }
        let terms = &self.order.terms;
        let bill = settle(&terms.tariff, &terms.plan, terms.prepaid_fen, &usage)
            .map_err(Rejected::Unbillable)?;
        let settlement = Settlement {
            session,
            reason: if told == StopReason::Unknown { wanted } else { told },
            usage,
            bill,
            settled_ms: self.now_ms,
            final_reading_missing,
        };
        self.settle(settlement);
        Ok(())
    }

    fn settle(&mut self, settlement: Settlement) {
        self.post(Transaction::settled(&self.order, &settlement));
        let (total_fen, unused_fen) = (settlement.bill.total_fen, settlement.bill.refund_fen);
        self.order.state = State::Settled(settlement);
        match self.order.payments.first().cloned() {
            Some(hold) if hold.held => self.capture(&hold, total_fen),
            Some(payment) => self.refund(&payment, unused_fen, RefundReason::Unused),
            None => {}
        }
        self.close_when_money_is_done();
    }

    /// All of a payment that buys nothing goes back; what is only held is let go.
    fn give_back(&mut self, payment: &Payment, reason: RefundReason) {
        if payment.held {
            self.capture(payment, Fen::ZERO);
        } else {
            self.refund(payment, payment.amount_fen, reason);
        }
    }

    /// A hold is taken from once: what is not taken then is let go.
    fn capture(&mut self, hold: &Payment, amount_fen: Fen) {
        if self.order.capture_of(&hold.id).is_some() {
            return;
        }
        let capture = Capture {
            id: CaptureId(format!("{}C", hold.id)),
            payment_id: hold.id.clone(),
            amount_fen,
            status: CaptureStatus::Pending,
        };
        self.effect(Effect::Capture { capture_id: capture.id.clone() });
        self.order.captures.push(capture);
    }

    fn capture_mut(&mut self, id: &CaptureId) -> Result<&mut Capture, Rejected> {
        let found = self.order.captures.iter_mut().find(|capture| capture.id == *id);
        found.ok_or(Rejected::NoSuchCapture)
    }

    fn captured(&mut self, id: &CaptureId) -> Result<(), Rejected> {
        let now_ms = self.now_ms;
        let capture = self.capture_mut(id)?;
        if matches!(capture.status, CaptureStatus::Done { .. }) {
            return Ok(());
        }
        capture.status = CaptureStatus::Done { at_ms: now_ms };
        let capture = capture.clone();
        let of = |payment: &&Payment| payment.id == capture.payment_id;
        let hold = self.order.payments.iter().find(of).ok_or(Rejected::NoSuchCapture)?;
        let transaction = Transaction::captured(&self.order, hold, &capture);
        self.post(transaction);
        self.close_when_money_is_done();
        Ok(())
    }

    fn capture_parked(&mut self, id: &CaptureId) -> Result<(), Rejected> {
        let capture = self.capture_mut(id)?;
        if capture.status == CaptureStatus::Pending {
            capture.status = CaptureStatus::Parked;
        }
        Ok(())
    }

    fn capture_retried(&mut self, id: &CaptureId) -> Result<(), Rejected> {
        let capture = self.capture_mut(id)?;
        if capture.status == CaptureStatus::Parked {
            capture.status = CaptureStatus::Pending;
            self.effect(Effect::Capture { capture_id: id.clone() });
        }
        Ok(())
    }

    fn refund(&mut self, payment: &Payment, amount_fen: Fen, reason: RefundReason) {
        if amount_fen == Fen::ZERO {
            return;
        }
        let nth = self.order.refunds.iter().filter(|r| r.payment_id == payment.id).count() + 1;
        let refund = Refund {
            id: RefundId(format!("{}R{nth}", payment.id)),
            payment_id: payment.id.clone(),
            amount_fen,
            reason,
            status: RefundStatus::Pending,
        };
        self.post(Transaction::refund_owed(&self.order, &refund));
        self.effect(Effect::Refund { refund_id: refund.id.clone() });
        self.order.refunds.push(refund);
    }

    fn refund_mut(&mut self, id: &RefundId) -> Result<&mut Refund, Rejected> {
        let found = self.order.refunds.iter_mut().find(|refund| refund.id == *id);
        found.ok_or(Rejected::NoSuchRefund)
    }

    fn refunded(&mut self, id: &RefundId) -> Result<(), Rejected> {
        let now_ms = self.now_ms;
        let refund = self.refund_mut(id)?;
        if matches!(refund.status, RefundStatus::Done { .. }) {
            return Ok(());
        }
        refund.status = RefundStatus::Done { at_ms: now_ms };
        let refund = refund.clone();
        let paid_with = |payment: &&Payment| payment.id == refund.payment_id;
        let payment = self.order.payments.iter().find(paid_with).ok_or(Rejected::NoSuchRefund)?;
        let transaction = Transaction::refunded(&self.order, payment, &refund);
        self.post(transaction);
        self.close_when_money_is_done();
        Ok(())
    }

    fn refund_parked(&mut self, id: &RefundId) -> Result<(), Rejected> {
        let refund = self.refund_mut(id)?;
        if refund.status == RefundStatus::Pending {
            refund.status = RefundStatus::Parked;
        }
        Ok(())
    }

    fn refund_retried(&mut self, id: &RefundId) -> Result<(), Rejected> {
        let refund = self.refund_mut(id)?;
        if refund.status == RefundStatus::Parked {
            refund.status = RefundStatus::Pending;
            self.effect(Effect::Refund { refund_id: id.clone() });
        }
        Ok(())
    }

    /// Only what the charge cost and was not given back before; the order is open again until the
    /// money is back.
    fn given_back(&mut self, amount_fen: Fen) -> Result<(), Rejected> {
        let left_fen = self.order.kept_fen().ok_or(Rejected::TooMuchBack)?;
        if amount_fen <= Fen::ZERO || amount_fen > left_fen {
            return Err(Rejected::TooMuchBack);
        }
        let payment = self.order.payments.first().cloned().ok_or(Rejected::TooMuchBack)?;
        if let State::Closed(settlement) = &self.order.state {
            self.order.state = State::Settled(settlement.clone());
        }
        self.refund(&payment, amount_fen, RefundReason::Complaint);
        Ok(())
    }

    fn close_when_money_is_done(&mut self) {
        let done = |refund: &Refund| matches!(refund.status, RefundStatus::Done { .. });
        let taken = |capture: &Capture| matches!(capture.status, CaptureStatus::Done { .. });
        if let State::Settled(settlement) = &self.order.state
            && self.order.refunds.iter().all(done)
            && self.order.captures.iter().all(taken)
        {
            self.order.state = State::Closed(settlement.clone());
        }
    }

    /// A timer only acts in the state it was set for, and not before its time; the order may
    /// long have moved on.
    fn due(&mut self, timer: &Timer) {
        let now_ms = self.now_ms;
        match (timer, self.order.state.clone()) {
            (Timer::PaymentExpiry, State::AwaitingPayment { expires_ms })
                if now_ms >= expires_ms =>
            {
                self.cancel(CancelReason::Expired);
            }
            (Timer::StartDeadline, State::Starting { since_ms, deadline_ms, .. })
                if now_ms >= deadline_ms =>
            {
                let gives_up_ms = now_ms + START_UNKNOWN_MS;
                self.order.state = State::StartUnknown { since_ms, gives_up_ms };
                self.schedule(Timer::StartGiveUp, gives_up_ms);
            }
            (Timer::StartGiveUp, State::StartUnknown { gives_up_ms, .. })
                if now_ms >= gives_up_ms =>
            {
                self.fail_start(StartFailure::NoCurrent);
            }
            (Timer::ChargeDeadline, State::Charging(session)) => {
                let ends_ms = session.started_ms + self.order.terms.limits.duration_ms;
                if now_ms >= ends_ms {
                    self.finish(session, self.duration_reason());
                }
            }
            // The final reading is made from stored samples, which only the caller can read:
            // it sends `Stopped` with `final_reading_missing`.
            _ => {}
        }
    }

    fn duration_reason(&self) -> StopReason {
        match self.order.terms.plan.limit {
            PlanLimit::Time { .. } => StopReason::TimeReached,
            _ => StopReason::LongestDuration,
        }
    }
}
