//! No payment platform: a server without one serves device links and pages, and says no to paying.

use futures_util::future::{BoxFuture, FutureExt, ready};
use wasm_core::ids::PaymentId;

use crate::orders::{Answer, Checkout, NewPayment, Payments, RefundRequest, TradeState, Unsure};

/// Says no to whatever costs money.
#[derive(Clone, Copy, Debug)]
pub struct Absent;

fn no<T: Send + 'static>() -> BoxFuture<'static, Answer<T>> {
    let (code, message) = ("NOT_CONFIGURED".to_owned(), "no payment platform".to_owned());
    ready(Err(Unsure::No { code, message })).boxed()
}

impl Payments for Absent {
    fn create<'a>(&'a self, _: &'a NewPayment) -> BoxFuture<'a, Answer<Checkout>> {
        no()
    }

    fn query<'a>(&'a self, _: &'a PaymentId) -> BoxFuture<'a, Answer<TradeState>> {
        no()
    }

    fn close<'a>(&'a self, _: &'a PaymentId) -> BoxFuture<'a, Answer<()>> {
        no()
    }

    fn refund<'a>(&'a self, _: &'a RefundRequest) -> BoxFuture<'a, Answer<()>> {
        no()
    }

    fn refund_done<'a>(&'a self, _: &'a RefundRequest) -> BoxFuture<'a, Answer<bool>> {
        no()
    }
}
