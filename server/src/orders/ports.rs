//! What orders need of the outside: sockets that start and stop, platforms that move money.
//!
//! Every call to the outside has three results: yes, no, unknown. *Unknown* is never treated as
//! either of the others; a query or a timer decides later.

use futures_util::future::BoxFuture;
use wasm_core::ids::{OrderId, PaymentId, RefundId, StationId};
use wasm_core::money::Fen;

/// Yes (`Ok`), no, or unknown.
pub type Answer<T> = Result<T, Unsure>;

/// Not a yes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsure {
    /// The other side refused, and nothing happened there.
    #[error("refused: {code} {message}")]
    No {
        /// The other side's code.
        code: String,
        /// The other side's words, for logs.
        message: String,
    },
    /// Time-out, broken line, unverifiable or incomprehensible answer: it may have happened.
    #[error("unknown: {0}")]
    Unknown(String),
}

/// The stations, as orders see them.
pub trait Chargers: Send + Sync {
    /// Whether the station has a live link.
    fn is_online(&self, station: &StationId) -> bool;

    /// Asks a socket to start for an order (OCPP `RemoteStartTransaction`; the order's id is the
    /// `idTag`). `Ok(Accepted)` is not yet started.
    fn start<'a>(
        &'a self,
        station: &'a StationId,
        connector: i64,
        order: &'a OrderId,
    ) -> BoxFuture<'a, Answer<CommandAnswer>>;

    /// Asks a station to end a transaction (OCPP `RemoteStopTransaction`).
    fn stop<'a>(
        &'a self,
        station: &'a StationId,
        transaction_id: i64,
    ) -> BoxFuture<'a, Answer<CommandAnswer>>;
}

/// What a station says to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandAnswer {
    /// It will try.
    Accepted,
    /// It will not.
    Rejected,
    /// It has no link.
    Offline,
}

/// A payment platform.
pub trait Payments: Send + Sync {
    /// Opens a payment at the platform and says how the rider gets there.
    fn create<'a>(&'a self, payment: &'a NewPayment) -> BoxFuture<'a, Answer<Checkout>>;

    /// What the platform knows of a payment.
    fn query<'a>(&'a self, payment: &'a PaymentId) -> BoxFuture<'a, Answer<TradeState>>;

    /// Closes an unpaid payment. `Ok` also when the platform never saw it.
    fn close<'a>(&'a self, payment: &'a PaymentId) -> BoxFuture<'a, Answer<()>>;

    /// Pays back. Asking again with the same refund id never pays twice.
    fn refund<'a>(&'a self, refund: &'a RefundRequest) -> BoxFuture<'a, Answer<()>>;

    /// Whether a refund is done (`false`: the platform has no such refund, or it is under way).
    fn refund_done<'a>(&'a self, refund: &'a RefundRequest) -> BoxFuture<'a, Answer<bool>>;
}

/// A platform that tells who a rider is there.
pub trait Logins: Send + Sync {
    /// Where the rider's browser is sent. From there it comes back to `redirect_uri`, an absolute
    /// address, with a login code and `state`.
    fn authorize_url(&self, redirect_uri: &str, state: &str) -> String;

    /// The rider's id at the platform, for a login code, which serves once.
    fn login<'a>(&'a self, auth_code: &'a str) -> BoxFuture<'a, Answer<String>>;
}

/// A payment to open.
#[derive(Clone, Debug)]
pub struct NewPayment {
    /// Our number (`out_trade_no`).
    pub id: PaymentId,
    /// How much, fen.
    pub amount_fen: Fen,
    /// What the rider reads at the platform; at most 256 characters.
    pub subject: String,
    /// How the rider pays.
    pub via: PayVia,
    /// When the platform shall stop taking it, milliseconds UTC.
    pub expires_ms: i64,
    /// Where the rider comes back to: an absolute address.
    pub return_url: String,
}

/// How a rider pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayVia {
    /// A phone's browser, redirected to the platform (`alipay.trade.wap.pay`).
    Browser,
    /// Inside the platform's app (`alipay.trade.create`, then `tradePay`).
    App {
        /// The buyer's `open_id` at the platform.
        buyer_open_id: String,
    },
}

/// Where the rider goes to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checkout {
    /// Go to this address.
    Redirect(String),
    /// Call the app's cashier with this `tradeNO`.
    TradeNo(String),
}

/// What a platform knows of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TradeState {
    /// Nothing: the rider never reached it.
    Unknown,
    /// Waiting for the rider.
    Waiting,
    /// Paid.
    Paid(VerifiedTrade),
    /// Closed without payment, or wholly refunded.
    Closed,
}

/// What a verified notify or a query says of a trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedTrade {
    /// Our number.
    pub payment_id: PaymentId,
    /// The platform's number.
    pub trade_no: String,
    /// How much, fen.
    pub amount_fen: Fen,
    /// When, milliseconds UTC.
    pub paid_ms: i64,
    /// Its state.
    pub status: TradeStatus,
    /// The buyer's `open_id` (or user id) at the platform, if it was told.
    pub buyer_open_id: Option<String>,
}

/// A trade's state, as the platform names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeStatus {
    /// Created, not paid.
    Waiting,
    /// Paid, can be refunded.
    Success,
    /// Paid, can no more be refunded.
    Finished,
    /// Closed unpaid, or wholly refunded.
    Closed,
}

/// A refund to carry out.
#[derive(Clone, Debug)]
pub struct RefundRequest {
    /// Our number (`out_request_no`); the platform's idempotency key.
    pub id: RefundId,
    /// The payment.
    pub payment_id: PaymentId,
    /// How much, fen.
    pub amount_fen: Fen,
    /// Why, for the rider's statement; at most 256 characters.
    pub reason: String,
}
