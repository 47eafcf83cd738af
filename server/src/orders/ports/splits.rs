//! Parts of a payment that go to others than the operator's own account.

use futures_util::future::BoxFuture;
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;

use super::Answer;

/// A platform that passes parts of a payment on (Alipay royalty, `WeChat` profit sharing).
pub trait Splits: Send + Sync {
    /// Makes an account one that may receive parts. Asking again changes nothing.
    fn bind<'a>(&'a self, receiver: &'a Receiver) -> BoxFuture<'a, Answer<()>>;

    /// Asks for a split, of which the trade may see several; an empty one ends it. `Ok` is *taken on*, not *done*: [`Self::split_state`] says what became of
    /// it. Asking again with the same id never splits twice.
    fn split<'a>(&'a self, split: &'a SplitRequest) -> BoxFuture<'a, Answer<()>>;

    /// What became of each part, in the order asked. [`Unsure::No`] says that the platform does not
    /// know the request, and nothing else.
    fn split_state<'a>(&'a self, split: &'a SplitRequest)
    -> BoxFuture<'a, Answer<Vec<ShareState>>>;

    /// Takes a part back from who received it. Asking again with the same id takes it once.
    fn take_back<'a>(&'a self, back: &'a ReturnRequest) -> BoxFuture<'a, Answer<()>>;
}

/// Who may receive parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// What `account` is.
    pub kind: ReceiverKind,
    /// The account at the platform.
    pub account: String,
    /// Its owner's real name, where the platform checks it.
    pub name: String,
}

/// What a receiver's account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiverKind {
    /// A merchant (Alipay user id 2088…; `WeChat` `MERCHANT_ID`).
    Merchant,
    /// A person (Alipay login name; `WeChat` `PERSONAL_OPENID`).
    Person,
}

/// A split to carry out.
#[derive(Clone, Debug)]
pub struct SplitRequest {
    /// Our number, at most 32 letters and digits: the platform's idempotency key.
    pub id: String,
    /// The payment.
    pub payment_id: PaymentId,
    /// The platform's number of the payment; of a hold, its number and not that of what was taken.
    pub trade_no: String,
    /// Whether it was a hold.
    pub held: bool,
    /// Who gets how much. Empty: nobody gets anything, and what is frozen goes to the operator.
    pub shares: Vec<SplitShare>,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitShare {
    /// To whom.
    pub receiver: Receiver,
    /// How much, fen; positive.
    pub amount_fen: Fen,
    /// Why, for the receiver's statement; at most 80 characters.
    pub description: String,
}

/// What became of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShareState {
    /// Under way.
    Pending,
    /// The receiver has it.
    Done,
    /// It will not come: the platform's reason.
    Failed(String),
}

/// A part to take back.
#[derive(Clone, Debug)]
pub struct ReturnRequest {
    /// Our number, at most 32 letters and digits: the platform's idempotency key.
    pub id: String,
    /// The split it was part of.
    pub split_id: String,
    /// The payment.
    pub payment_id: PaymentId,
    /// Whether it was paid by a code ([`super::Product::Code`]): of those, Alipay takes the parts
    /// back by itself with each refund.
    pub by_code: bool,
    /// The platform's number of the payment; of a hold, its number and not that of what was taken.
    pub trade_no: String,
    /// Whether it was a hold.
    pub held: bool,
    /// From whom.
    pub receiver: Receiver,
    /// How much, fen.
    pub amount_fen: Fen,
}
