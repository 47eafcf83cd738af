//! Payments in advance, refunds and logins at a payment platform.

use std::net::IpAddr;

use futures_util::future::BoxFuture;
use wasm_core::ids::{PaymentId, RefundId};
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::Answer;

/// The name of [`Product::Hold`] as stored.
pub(in crate::orders) const HOLD: &str = "hold";
/// The name of [`Product::Code`] as stored.
pub(crate) const CODE: &str = "code";

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

    /// The same for a code that a mini-program's shell got (`my.getAuthCode`, `wx.login`). Alipay
    /// makes no difference.
    fn shell_login<'a>(&'a self, auth_code: &'a str) -> BoxFuture<'a, Answer<String>> {
        self.login(auth_code)
    }
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
    /// Whether parts of it will go to others: some platforms must freeze it for that.
    pub will_split: bool,
}

/// How a rider pays: at which platform, and by which of its products.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayVia {
    /// The platform.
    pub channel: Channel,
    /// The product.
    pub product: Product,
}

impl PayVia {
    /// A phone's browser, sent on to the platform.
    pub fn browser(channel: Channel, client_ip: IpAddr) -> Self {
        Self { channel, product: Product::Browser { client_ip } }
    }

    /// Inside the platform's own app.
    pub fn app(channel: Channel, buyer_open_id: impl Into<String>) -> Self {
        Self { channel, product: Product::App { buyer_open_id: buyer_open_id.into() } }
    }

    /// Nothing now: the platform sets money aside, inside its own app.
    pub fn hold(channel: Channel, buyer_open_id: Option<String>) -> Self {
        Self { channel, product: Product::Hold { buyer_open_id } }
    }

    /// A code on another screen.
    pub fn code(channel: Channel) -> Self {
        Self { channel, product: Product::Code }
    }
}

/// What a platform sells us to be paid by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Product {
    /// A phone's browser is redirected (`alipay.trade.wap.pay`; `/v3/pay/transactions/h5`).
    Browser {
        /// The phone's address, which `WeChat` Pay demands.
        client_ip: IpAddr,
    },
    /// Inside the platform's app (`alipay.trade.create`; `/v3/pay/transactions/jsapi`).
    App {
        /// The buyer's `open_id` at the platform.
        buyer_open_id: String,
    },
    /// Nothing is paid now: the platform sets the amount aside, of which [`super::Holds`] takes the
    /// bill (`alipay.fund.auth.order.app.freeze`; `/v3/payscore/serviceorder`).
    Hold {
        /// The buyer's `open_id` at the platform, if it is known.
        buyer_open_id: Option<String>,
    },
    /// A code that the rider scans with the platform's app (`alipay.trade.precreate`;
    /// `/v3/pay/transactions/native`).
    Code,
}

impl Product {
    /// The name as stored.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Browser { .. } => "browser",
            Self::App { .. } => "app",
            Self::Hold { .. } => HOLD,
            Self::Code => CODE,
        }
    }
}

/// Where the rider goes to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checkout {
    /// Go to this address.
    Redirect(String),
    /// Call Alipay's cashier (`tradePay`) with this `tradeNO`.
    TradeNo(String),
    /// Call Alipay's cashier (`tradePay`) with this `orderStr`.
    OrderString(String),
    /// Call `WeChat`'s cashier (`getBrandWCPayRequest`, `wx.requestPayment`) with these parameters,
    /// a JSON object.
    Bridge(String),
    /// Call `WeChat`'s pay score (`openBusinessView`, `wx.openBusinessView`) with this
    /// `queryString`.
    ScoreView(String),
    /// Show this text as a QR code.
    Code(String),
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
    /// The platform that says so.
    pub channel: Channel,
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
    /// Nothing is paid: the amount is set aside, and `trade_no` is the platform's number of the
    /// hold.
    pub held: bool,
}

/// What a verified notify says of a refund that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRefund {
    /// The platform that says so.
    pub channel: Channel,
    /// Our number of the refund.
    pub id: RefundId,
    /// Our number of the payment.
    pub payment_id: PaymentId,
    /// How much, fen.
    pub amount_fen: Fen,
    /// Whether the rider has the money; otherwise the platform has given up.
    pub paid_back: bool,
}

/// What a verified notify says of a hold of which the bill was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCapture {
    /// The platform that says so.
    pub channel: Channel,
    /// Our number of the hold.
    pub payment_id: PaymentId,
    /// How much was taken, fen.
    pub amount_fen: Fen,
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
    /// How much was paid, fen; `WeChat` Pay wants to hear it again.
    pub paid_fen: Fen,
    /// How much, fen.
    pub amount_fen: Fen,
    /// Why, for the rider's statement; at most 256 characters.
    pub reason: String,
}
