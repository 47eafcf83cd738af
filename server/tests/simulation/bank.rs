//! Both payment platforms, with a book of their own. What they do and what they say may differ:
//! an answer is lost after the deed, a notify never comes, comes late, or comes many times.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::future::{BoxFuture, FutureExt, ready};
use server::clock::Clock;
use server::orders::{
    Answer, CaptureRequest, Checkout, Holds, NewPayment, Payments, Platform, Platforms, Product,
    RefundRequest, TradeState, TradeStatus, Unsure, VerifiedTrade,
};
use wasm_core::ids::{PaymentId, RefundId};
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use crate::chance::{below, between, one_of, percent};
use crate::partners::Partners;

/// The longest a notify is late, milliseconds.
const LATE_MS: i64 = 20 * 60_000;

/// A payment as the platform knows it.
#[derive(Clone, Debug)]
pub struct Trade {
    pub channel: Channel,
    pub amount_fen: Fen,
    pub held: bool,
    pub expires_ms: i64,
    pub paid_ms: Option<i64>,
    pub closed: bool,
    pub refunds: BTreeMap<RefundId, Fen>,
    /// What was taken of a hold; zero: let go.
    pub captured_fen: Option<Fen>,
}

impl Trade {
    pub fn refunded_fen(&self) -> Fen {
        self.refunds.values().copied().sum()
    }

    /// What the platform keeps of it for the operator.
    pub fn kept_fen(&self) -> Fen {
        match (self.paid_ms, self.held) {
            (None, _) => Fen::ZERO,
            (Some(_), false) => self.amount_fen - self.refunded_fen(),
            (Some(_), true) => self.captured_fen.unwrap_or_default() - self.refunded_fen(),
        }
    }
}

/// Money that came in (positive) or went back, as a platform's bill lists it.
#[derive(Clone, Debug)]
pub struct Moved {
    pub at_ms: i64,
    pub channel: Channel,
    pub payment_id: PaymentId,
    /// Our number of the deed; empty for a payment.
    pub our_no: String,
    pub amount_fen: Fen,
}

/// The platforms' state.
#[derive(Default)]
pub struct Book {
    /// All that moved, in order.
    pub moved: Vec<Moved>,
    /// What was passed on.
    pub partners: Partners,
    /// How far their clock is ahead of ours, milliseconds.
    ahead_ms: i64,
    pub trades: BTreeMap<PaymentId, Trade>,
    /// When which notify is delivered, milliseconds UTC.
    pub notifies: Vec<(i64, PaymentId)>,
    /// From now on nothing fails.
    pub calm: bool,
    /// What the platforms would never forgive.
    pub outrages: Vec<String>,
}

/// Both platforms. Cheap to clone.
#[derive(Clone)]
pub struct Bank {
    book: Arc<Mutex<Book>>,
    clock: Clock,
}

impl Bank {
    pub fn new(clock: Clock) -> Self {
        let ahead_ms = one_of(&[0, 0, 90_000, -180_000]).copied().unwrap_or_default();
        let book = Book { ahead_ms, ..Book::default() };
        Self { book: Arc::new(Mutex::new(book)), clock }
    }

    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no panic while locked")
    }

    pub fn platforms(&self) -> Platforms {
        Channel::ALL.into_iter().fold(Platforms::default(), |platforms, channel| {
            let branch = Arc::new(Branch { bank: self.clone(), channel });
            let platform = Platform {
                holds: Some(branch.clone()),
                splits: Some(branch.clone()),
                bills: Some(branch.clone()),
                ..Platform::of(branch)
            };
            platforms.with(channel, platform)
        })
    }

    /// A rider pays, if the platform still takes it; notifies are on their way, or not.
    pub fn pay(&self, id: &PaymentId) -> bool {
        let now_ms = self.clock.now_ms();
        let mut book = self.book();
        let (calm, ahead_ms) = (book.calm, book.ahead_ms);
        let Some(trade) = book.trades.get_mut(id) else { return false };
        if trade.paid_ms.is_some() || trade.closed || now_ms >= trade.expires_ms {
            return false;
        }
        trade.paid_ms = Some(now_ms + ahead_ms);
        if !trade.held {
            let (channel, amount_fen) = (trade.channel, trade.amount_fen);
            book.move_money(channel, (id, ""), amount_fen, now_ms);
        }
        let times = if calm { 1 } else { [0, 1, 1, 2, 5][below(5)] };
        for _ in 0..times {
            let late_ms = if calm || percent(60) { 0 } else { between(0, LATE_MS) };
            book.notifies.push((now_ms + late_ms, id.clone()));
        }
        true
    }

    /// What a signed notify says.
    pub fn says(&self, id: &PaymentId) -> Option<VerifiedTrade> {
        self.book().trades.get(id).and_then(|trade| verified(id, trade))
    }
}

fn verified(id: &PaymentId, trade: &Trade) -> Option<VerifiedTrade> {
    Some(VerifiedTrade {
        channel: trade.channel,
        payment_id: id.clone(),
        trade_no: format!("T{id}"),
        amount_fen: trade.amount_fen,
        paid_ms: trade.paid_ms?,
        status: TradeStatus::Success,
        buyer_open_id: Some("buyer".to_owned()),
        held: trade.held,
    })
}

/// What happens to a call on its way.
enum Fate {
    Arrives,
    NeverArrives,
    AnswerLost,
}

impl Book {
    fn fate(&self) -> Fate {
        match below(100) {
            _ if self.calm => Fate::Arrives,
            0..8 => Fate::NeverArrives,
            8..16 => Fate::AnswerLost,
            _ => Fate::Arrives,
        }
    }

    fn move_money(
        &mut self,
        channel: Channel,
        (payment, our_no): (&PaymentId, &str),
        amount_fen: Fen,
        now_ms: i64,
    ) {
        self.moved.push(Moved {
            at_ms: now_ms + self.ahead_ms,
            channel,
            payment_id: payment.clone(),
            our_no: our_no.to_owned(),
            amount_fen,
        });
    }

    /// Carries a call out, or not, and answers, or not.
    pub fn call<T>(&mut self, deed: impl FnOnce(&mut Self) -> Answer<T>) -> Answer<T> {
        match self.fate() {
            Fate::Arrives => deed(self),
            Fate::NeverArrives => Err(Unsure::Unknown("it never arrived".to_owned())),
            Fate::AnswerLost => {
                drop(deed(self));
                Err(Unsure::Unknown("the answer was lost".to_owned()))
            }
        }
    }

    fn refund(&mut self, refund: &RefundRequest, now_ms: i64) -> Answer<()> {
        let refused = !self.calm && percent(10);
        let Some(trade) = self.trades.get_mut(&refund.payment_id) else {
            self.outrages.push(format!("refund of nothing: {refund:?}"));
            return Err(no("NO_TRADE"));
        };
        if let Some(before) = trade.refunds.get(&refund.id) {
            if *before != refund.amount_fen {
                self.outrages.push(format!("one refund, two amounts: {refund:?}"));
            }
            return Ok(());
        }
        if refused {
            return Err(no("NOT_ENOUGH"));
        }
        let kept_fen = trade.kept_fen();
        trade.refunds.insert(refund.id.clone(), refund.amount_fen);
        if refund.amount_fen > kept_fen || refund.amount_fen <= Fen::ZERO {
            self.outrages.push(format!("refund beyond the {kept_fen} kept: {refund:?}"));
        }
        let channel = trade.channel;
        let number = (&refund.payment_id, refund.id.as_str());
        self.move_money(channel, number, -refund.amount_fen, now_ms);
        Ok(())
    }

    fn capture(&mut self, capture: &CaptureRequest, now_ms: i64) -> Answer<()> {
        let refused = !self.calm && percent(10);
        let hold = self.trades.get_mut(&capture.payment_id);
        let Some(hold) = hold.filter(|hold| hold.held && hold.paid_ms.is_some()) else {
            self.outrages.push(format!("capture of nothing: {capture:?}"));
            return Err(no("NO_HOLD"));
        };
        if let Some(before) = hold.captured_fen {
            if before != capture.amount_fen {
                self.outrages.push(format!("one hold, two captures: {capture:?}"));
            }
            return Ok(());
        }
        if refused {
            return Err(no("BUSY"));
        }
        hold.captured_fen = Some(capture.amount_fen);
        if capture.amount_fen > hold.amount_fen || capture.amount_fen < Fen::ZERO {
            self.outrages.push(format!("capture beyond the hold: {capture:?}"));
        }
        let channel = hold.channel;
        if capture.amount_fen > Fen::ZERO {
            let number = (&capture.payment_id, capture.id.as_str());
            self.move_money(channel, number, capture.amount_fen, now_ms);
        }
        Ok(())
    }
}

pub fn no(code: &str) -> Unsure {
    Unsure::No { code: code.to_owned(), message: String::new() }
}

/// A platform as the server calls it.
pub struct Branch {
    pub bank: Bank,
    pub channel: Channel,
}

impl Payments for Branch {
    fn create<'a>(&'a self, payment: &'a NewPayment) -> BoxFuture<'a, Answer<Checkout>> {
        let opened = self.bank.book().call(|book| {
            book.trades.entry(payment.id.clone()).or_insert_with(|| Trade {
                channel: self.channel,
                amount_fen: payment.amount_fen,
                held: matches!(payment.via.product, Product::Hold { .. }),
                expires_ms: payment.expires_ms,
                paid_ms: None,
                closed: false,
                refunds: BTreeMap::new(),
                captured_fen: None,
            });
            Ok(Checkout::Redirect("http://cashier".to_owned()))
        });
        ready(opened).boxed()
    }

    fn query<'a>(&'a self, id: &'a PaymentId) -> BoxFuture<'a, Answer<TradeState>> {
        let state = self.bank.book().call(|book| {
            Ok(match book.trades.get(id) {
                None => TradeState::Unknown,
                Some(trade) => match verified(id, trade) {
                    Some(paid) => TradeState::Paid(paid),
                    None if trade.closed => TradeState::Closed,
                    None => TradeState::Waiting,
                },
            })
        });
        ready(state).boxed()
    }

    fn close<'a>(&'a self, id: &'a PaymentId) -> BoxFuture<'a, Answer<()>> {
        let closed = self.bank.book().call(|book| match book.trades.get_mut(id) {
            Some(trade) if trade.paid_ms.is_some() => Err(no("PAID")),
            Some(trade) => {
                trade.closed = true;
                Ok(())
            }
            None => Ok(()),
        });
        ready(closed).boxed()
    }

    fn refund<'a>(&'a self, refund: &'a RefundRequest) -> BoxFuture<'a, Answer<()>> {
        let now_ms = self.bank.clock.now_ms();
        ready(self.bank.book().call(|book| book.refund(refund, now_ms))).boxed()
    }

    fn refund_done<'a>(&'a self, refund: &'a RefundRequest) -> BoxFuture<'a, Answer<bool>> {
        let done = self.bank.book().call(|book| {
            let trade = book.trades.get(&refund.payment_id);
            Ok(trade.is_some_and(|trade| trade.refunds.contains_key(&refund.id)))
        });
        ready(done).boxed()
    }
}

impl Holds for Branch {
    fn capture<'a>(&'a self, capture: &'a CaptureRequest) -> BoxFuture<'a, Answer<()>> {
        let now_ms = self.bank.clock.now_ms();
        ready(self.bank.book().call(|book| book.capture(capture, now_ms))).boxed()
    }

    fn captured<'a>(&'a self, capture: &'a CaptureRequest) -> BoxFuture<'a, Answer<bool>> {
        let done = self.bank.book().call(|book| {
            let hold = book.trades.get(&capture.payment_id);
            Ok(hold.is_some_and(|hold| hold.captured_fen.is_some()))
        });
        ready(done).boxed()
    }
}
