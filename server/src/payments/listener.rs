//! Who is told what a verified notify says: [`Orders`], or a test.

use futures_util::future::BoxFuture;

use crate::orders::{OrderError, Orders, VerifiedCapture, VerifiedRefund, VerifiedTrade};

/// What verified notifies are told to. Each is durable when it returns; repeats change nothing.
pub trait TradeListener: Send + Sync {
    /// A trade was paid, or its amount set aside.
    fn trade_changed<'a>(
        &'a self,
        trade: &'a VerifiedTrade,
    ) -> BoxFuture<'a, Result<(), OrderError>>;

    /// A refund ended. Alipay's end within the call, so a listener of Alipay's need not care.
    fn refund_ended<'a>(
        &'a self,
        _refund: &'a VerifiedRefund,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        Box::pin(async { Ok(()) })
    }

    /// What was to be taken of a hold has been taken. Alipay's end within the call as well.
    fn hold_captured<'a>(
        &'a self,
        _capture: &'a VerifiedCapture,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        Box::pin(async { Ok(()) })
    }
}

impl TradeListener for Orders {
    fn trade_changed<'a>(
        &'a self,
        trade: &'a VerifiedTrade,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        Box::pin(Orders::trade_changed(self, trade))
    }

    fn refund_ended<'a>(
        &'a self,
        refund: &'a VerifiedRefund,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        Box::pin(Orders::refund_ended(self, refund))
    }

    fn hold_captured<'a>(
        &'a self,
        capture: &'a VerifiedCapture,
    ) -> BoxFuture<'a, Result<(), OrderError>> {
        Box::pin(Orders::hold_captured(self, capture))
    }
}
