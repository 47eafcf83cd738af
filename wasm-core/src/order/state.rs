//! What an order is, and what each state knows.

use serde::{Deserialize, Serialize};

use crate::ids::{CaptureId, OperatorId, OrderId, PaymentId, RefundId, RiderId, SiteId, SocketId};
use crate::money::Fen;
use crate::tariff::{Bill, Limits, Plan, Tariff, Usage};

/// One charge, wanted, running or over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its identity; also the device's `idTag`.
    pub id: OrderId,
    /// Whose site it is at.
    pub operator_id: OperatorId,
    /// The site.
    pub site_id: SiteId,
    /// The socket.
    pub socket_id: SocketId,
    /// Who charges.
    pub rider_id: RiderId,
    /// When it was made, milliseconds UTC.
    pub created_ms: i64,
    /// What was agreed when it was made.
    pub terms: Terms,
    /// Payments that arrived; the first is what the charge runs on.
    pub payments: Vec<Payment>,
    /// Money going back.
    pub refunds: Vec<Refund>,
    /// What becomes of payments that are only held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captures: Vec<Capture>,
    /// Where it stands.
    pub state: State,
}

/// What rider and operator agreed on: locked when the order is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The whole tariff as it was.
    pub tariff: Tariff,
    /// The plan chosen.
    pub plan: Plan,
    /// What is to be paid.
    pub prepaid_fen: Fen,
    /// What ends the charge at the latest.
    pub limits: Limits,
}

/// Where an order stands; each state carries what it knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum State {
    /// Made; the rider has until `expires_ms` to pay.
    AwaitingPayment {
        /// Milliseconds UTC.
        expires_ms: i64,
    },
    /// Paid; the socket was asked to start. *Accepted* is not started.
    Starting {
        /// When the money was there.
        since_ms: i64,
        /// When the start counts as unknown.
        deadline_ms: i64,
        /// Whether the device said it would.
        accepted: bool,
    },
    /// No current in time and no refusal: we still wait, then the money goes back.
    StartUnknown {
        /// When the money was there.
        since_ms: i64,
        /// When we give up and pay back.
        gives_up_ms: i64,
    },
    /// Current flows.
    Charging(Session),
    /// Told to stop; waiting for the final reading.
    Finishing {
        /// The charge.
        session: Session,
        /// Why it ends.
        reason: StopReason,
        /// When we were told.
        since_ms: i64,
        /// When the last known reading is taken as final.
        deadline_ms: i64,
    },
    /// The bill is made; money may still be on its way back.
    Settled(Settlement),
    /// The bill is made and all money is where it belongs.
    Closed(Settlement),
    /// Ended without a charge before it was to start. Money that arrived goes back.
    Cancelled {
        /// Why.
        reason: CancelReason,
        /// When.
        at_ms: i64,
    },
    /// Paid, but the socket did not start. All money goes back.
    StartFailed {
        /// Why.
        reason: StartFailure,
        /// When we gave up.
        at_ms: i64,
    },
}

/// A running charge at the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The transaction id we issued to the device, 1 to 2,147,483,647.
    pub transaction_id: i64,
    /// When current began, milliseconds UTC.
    pub started_ms: i64,
}

/// How a charge ended and what it cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// The charge.
    pub session: Session,
    /// Why it ended.
    pub reason: StopReason,
    /// What the bill was made from.
    pub usage: Usage,
    /// The bill.
    pub bill: Bill,
    /// When it was made, milliseconds UTC.
    pub settled_ms: i64,
    /// The final reading never came; the last known one was used.
    pub final_reading_missing: bool,
}

/// Money that arrived, or that the platform has set aside for us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Our number for it, the platform's `out_trade_no`.
    pub id: PaymentId,
    /// Which platform.
    pub channel: Channel,
    /// How much, fen.
    pub amount_fen: Fen,
    /// The platform's number.
    pub trade_no: String,
    /// When the platform says it was paid, milliseconds UTC.
    pub paid_ms: i64,
    /// Nothing is paid yet: the platform has set `amount_fen` aside, of which a [`Capture`] takes
    /// what the charge cost.
    #[serde(default, skip_serializing_if = "is_false")]
    pub held: bool,
    /// Of a hold, whose money it is: the rider's id at the platform, if it was told. Platforms ask
    /// for it when the bill is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer_open_id: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A payment platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Alipay.
    Alipay,
    /// `WeChat` Pay.
    Wechat,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Alipay, Self::Wechat];

    /// The name as stored and as written in account names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alipay => "alipay",
            Self::Wechat => "wechat",
        }
    }

    /// The channel of that name ([`Self::as_str`]).
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == name)
    }
}

/// Money going back to the account that paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Our number for it, the platform's `out_request_no`.
    pub id: RefundId,
    /// The payment it returns part of.
    pub payment_id: PaymentId,
    /// How much, fen.
    pub amount_fen: Fen,
    /// Why.
    pub reason: RefundReason,
    /// How far it is.
    pub status: RefundStatus,
}

/// Why money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundReason {
    /// What the charge did not use.
    Unused,
    /// The socket did not start.
    NotStarted,
    /// It came after the order was cancelled or expired.
    TooLate,
    /// Somebody else paid for the same socket first.
    SocketTaken,
    /// It was another amount than the price.
    WrongAmount,
    /// The order was paid twice.
    PaidTwice,
    /// The operator gives back after the bill what it had earned.
    Complaint,
}

/// What becomes of a hold: so much is taken, the rest is let go, in one step. Each hold has one at
/// most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// Our number for it: the payment's, and `C`.
    pub id: CaptureId,
    /// The hold.
    pub payment_id: PaymentId,
    /// How much is taken, fen; zero lets all go, and no more than was held can be taken.
    pub amount_fen: Fen,
    /// How far it is.
    pub status: CaptureStatus,
}

/// How far a capture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum CaptureStatus {
    /// Asked for, or about to be.
    Pending,
    /// The platform says it is done.
    Done {
        /// Milliseconds UTC.
        at_ms: i64,
    },
    /// Refused for good as far as machines go; a person must look. Nothing is taken or let go yet.
    Parked,
}

/// How far a refund is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum RefundStatus {
    /// Asked for, or about to be.
    Pending,
    /// The platform says it is done.
    Done {
        /// Milliseconds UTC.
        at_ms: i64,
    },
    /// Refused for good as far as machines go; a person must look. Still owed.
    Parked,
}

/// Why an order ended before it was to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// Not paid in time.
    Expired,
    /// The rider changed their mind.
    Rider,
    /// Somebody else paid for the same socket first.
    SocketTaken,
    /// The payment differs from the price and was sent back.
    WrongAmount,
}

/// Why a paid order did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartFailure {
    /// The station had no link.
    Offline,
    /// The station said no.
    Refused,
    /// No current flowed in time.
    NoCurrent,
    /// The rider gave up while it was starting.
    Rider,
}

/// Why a charge ended: the trade's closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The battery is full.
    Full,
    /// The time bought is over.
    TimeReached,
    /// The energy bought is in.
    EnergyReached,
    /// The money paid is used up.
    MoneyReached,
    /// The longest time a charge may take.
    LongestDuration,
    /// The plug was pulled.
    Unplugged,
    /// The rider stopped it.
    Rider,
    /// The operator stopped it.
    Operator,
    /// A card stopped it at the device.
    Card,
    /// Too much power.
    Overload,
    /// Too much power for the whole station.
    StationOverload,
    /// Too much current.
    OverCurrent,
    /// Voltage too high.
    OverVoltage,
    /// Voltage too low.
    UnderVoltage,
    /// Nothing drew current.
    NoLoad,
    /// Contact or fuse.
    Contact,
    /// Short circuit.
    ShortCircuit,
    /// The relay is stuck.
    RelayStuck,
    /// The socket is too hot.
    SocketTemperature,
    /// The case is too hot.
    CaseTemperature,
    /// Smoke.
    Smoke,
    /// Water.
    Water,
    /// Fire alarm link.
    FireLink,
    /// The door is open.
    Door,
    /// The device's memory failed.
    MemoryFault,
    /// The device lost its own socket board.
    BoardLost,
    /// Mains power was lost.
    PowerLoss,
    /// The device restarted.
    Reboot,
    /// The device's emergency stop.
    EmergencyStop,
    /// The link to the device was lost and did not come back.
    DeviceLost,
    /// The device did not say.
    Unknown,
}

/// What a rider can do with an order now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Pay it.
    Pay,
    /// Cancel it before it runs.
    Cancel,
    /// Stop the charge.
    Stop,
    /// Read the receipt.
    Receipt,
}

impl Order {
    /// What the rider can do now; pages show exactly these buttons.
    pub fn actions(&self) -> &'static [Action] {
        match self.state {
            State::AwaitingPayment { .. } => &[Action::Pay, Action::Cancel],
            State::Starting { .. } | State::StartUnknown { .. } => &[Action::Cancel],
            State::Charging(_) => &[Action::Stop],
            State::Settled(_) | State::Closed(_) => &[Action::Receipt],
            State::Finishing { .. } | State::Cancelled { .. } | State::StartFailed { .. } => &[],
        }
    }

    /// Whether the order has the socket to itself: from payment to the final reading.
    pub fn holds_socket(&self) -> bool {
        matches!(
            self.state,
            State::Starting { .. }
                | State::StartUnknown { .. }
                | State::Charging(_)
                | State::Finishing { .. }
        )
    }

    /// Whether nothing more can happen but money going back.
    pub fn is_over(&self) -> bool {
        matches!(
            self.state,
            State::Settled(_)
                | State::Closed(_)
                | State::Cancelled { .. }
                | State::StartFailed { .. }
        )
    }

    /// All that was paid in advance, fen. What is only held is not paid.
    pub fn paid_fen(&self) -> Fen {
        self.payments_fen(false)
    }

    /// All that was ever set aside, fen, whatever became of it.
    pub fn held_fen(&self) -> Fen {
        self.payments_fen(true)
    }

    fn payments_fen(&self, held: bool) -> Fen {
        let chosen = self.payments.iter().filter(|payment| payment.held == held);
        chosen.map(|payment| payment.amount_fen).sum()
    }

    /// What was taken of holds, fen, as far as platforms have confirmed it.
    pub fn taken_fen(&self) -> Fen {
        let done = |capture: &&Capture| matches!(capture.status, CaptureStatus::Done { .. });
        self.captures.iter().filter(done).map(|capture| capture.amount_fen).sum()
    }

    /// All that came in, fen: paid in advance, or taken of holds.
    pub fn received_fen(&self) -> Fen {
        self.paid_fen() + self.taken_fen()
    }

    /// What came in by one payment, fen, of which alone money can go back: of a hold, what was taken.
    pub fn received_by(&self, payment: &Payment) -> Fen {
        if !payment.held {
            return payment.amount_fen;
        }
        let done = |capture: &&Capture| matches!(capture.status, CaptureStatus::Done { .. });
        let taken = self.capture_of(&payment.id).filter(done);
        taken.map_or(Fen::ZERO, |capture| capture.amount_fen)
    }

    /// What becomes of a hold; none while the charge may still run on it.
    pub fn capture_of(&self, payment: &PaymentId) -> Option<&Capture> {
        self.captures.iter().find(|capture| capture.payment_id == *payment)
    }

    /// Whether the charge runs, or ran, on money that was only set aside.
    pub fn runs_on_hold(&self) -> bool {
        self.payments.first().is_some_and(|payment| payment.held)
    }

    /// What the operator keeps of what the charge cost, after what it gave back since, fen; none
    /// before the bill.
    pub fn kept_fen(&self) -> Option<Fen> {
        let (State::Settled(settlement) | State::Closed(settlement)) = &self.state else {
            return None;
        };
        let given = self.refunds.iter().filter(|refund| refund.reason == RefundReason::Complaint);
        let given_fen: Fen = given.map(|refund| refund.amount_fen).sum();
        Some(settlement.bill.total_fen - given_fen)
    }

    /// The running charge, if there is one.
    pub fn session(&self) -> Option<&Session> {
        match &self.state {
            State::Charging(session) | State::Finishing { session, .. } => Some(session),
            State::Settled(settlement) | State::Closed(settlement) => Some(&settlement.session),
            _ => None,
        }
    }
}

impl State {
    /// The state's name, as stored and as shown by the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AwaitingPayment { .. } => "awaiting_payment",
            Self::Starting { .. } => "starting",
            Self::StartUnknown { .. } => "start_unknown",
            Self::Charging(_) => "charging",
            Self::Finishing { .. } => "finishing",
            Self::Settled(_) => "settled",
            Self::Closed(_) => "closed",
            Self::Cancelled { .. } => "cancelled",
            Self::StartFailed { .. } => "start_failed",
        }
    }
}
