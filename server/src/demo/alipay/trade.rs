//! A trade as the simulated platform keeps it: one document, its refunds and notifies in it.

use serde::{Deserialize, Serialize};
use wasm_core::money::Fen;

use super::royalty::Settle;
use crate::payments::alipay::sign::Params;
use crate::payments::alipay::time::to_beijing;

/// A trade can be refunded this long.
const REFUNDABLE_MS: i64 = 365 * 24 * 60 * 60 * 1000;

/// A trade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "`trade_no` is what Alipay calls it")]
pub(super) struct Trade {
    /// The merchant's number.
    pub(super) out_trade_no: String,
    /// The platform's number.
    pub(super) trade_no: String,
    /// What is paid for.
    pub(super) subject: String,
    /// How much.
    pub(super) total_fen: Fen,
    /// Where it stands.
    pub(super) status: Status,
    /// Who pays; for a browser's trade known once it is paid.
    pub(super) buyer_open_id: String,
    /// Where to report.
    pub(super) notify_url: String,
    /// Where the browser goes after paying.
    pub(super) return_url: String,
    /// Where the browser goes after leaving.
    pub(super) quit_url: String,
    /// When it was made, milliseconds UTC.
    pub(super) created_ms: i64,
    /// When it can no longer be paid.
    pub(super) expires_ms: i64,
    /// When it was paid; 0 before.
    pub(super) paid_ms: i64,
    /// The merchant's terminal.
    #[serde(default)]
    pub(super) terminal_id: String,
    /// The hold it was taken of; empty for a payment.
    #[serde(default)]
    pub(super) auth_no: String,
    /// Whether it is paid by a code: its refunds take royalty back by themselves.
    #[serde(default)]
    pub(super) by_code: bool,
    /// Whether it waits for royalty to be passed on.
    #[serde(default)]
    pub(super) royalty_freeze: bool,
    /// Whether no more royalty may be passed on.
    #[serde(default)]
    pub(super) royalty_over: bool,
    /// What was passed on.
    #[serde(default)]
    pub(super) settles: Vec<Settle>,
    /// What went back.
    pub(super) refunds: Vec<Refund>,
    /// What is to be reported, or was.
    pub(super) notices: Vec<Notice>,
}

/// Where a trade stands, as Alipay writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    /// Can be paid.
    WaitBuyerPay,
    /// Paid.
    TradeSuccess,
    /// Paid, too long ago to be refunded.
    TradeFinished,
    /// Closed unpaid, or wholly refunded.
    TradeClosed,
}

/// Money that went back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refund {
    /// The merchant's number.
    pub(super) out_request_no: String,
    /// How much.
    pub(super) amount_fen: Fen,
    /// When, milliseconds UTC.
    pub(super) at_ms: i64,
}

/// A notify.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notice {
    /// The same on every delivery.
    pub(super) notify_id: String,
    /// The form, signed.
    pub(super) params: Params,
    /// When it is to be delivered next, milliseconds UTC.
    pub(super) due_ms: i64,
    /// Deliveries so far.
    pub(super) deliveries: usize,
    /// Answered `success`, or given up.
    pub(super) over: bool,
}

impl Status {
    /// As Alipay writes it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::WaitBuyerPay => "WAIT_BUYER_PAY",
            Self::TradeSuccess => "TRADE_SUCCESS",
            Self::TradeFinished => "TRADE_FINISHED",
            Self::TradeClosed => "TRADE_CLOSED",
        }
    }
}

impl Trade {
    /// Closes what nobody paid in time, and ends what can no more be refunded.
    pub(super) fn expire(&mut self, now_ms: i64) {
        if self.status == Status::TradeSuccess && now_ms >= self.paid_ms + REFUNDABLE_MS {
            self.status = Status::TradeFinished;
        }
        if self.status == Status::WaitBuyerPay && now_ms >= self.expires_ms {
            self.status = Status::TradeClosed;
        }
    }

    /// What went back so far.
    pub(super) fn refunded_fen(&self) -> Fen {
        self.refunds.iter().map(|refund| refund.amount_fen).sum()
    }

    /// The fields of a notify, without those that name the app, and not signed.
    pub(super) fn notify_params(&self, notify_id: &str, now_ms: i64) -> Params {
        let mut params: Params = [
            ("notify_id", notify_id.to_owned()),
            ("notify_type", "trade_status_sync".to_owned()),
            ("notify_time", to_beijing(now_ms)),
            ("charset", "utf-8".to_owned()),
            ("version", "1.0".to_owned()),
            ("trade_no", self.trade_no.clone()),
            ("out_trade_no", self.out_trade_no.clone()),
            ("trade_status", self.status.as_str().to_owned()),
            ("subject", self.subject.clone()),
            ("total_amount", self.total_fen.to_yuan()),
            ("receipt_amount", self.total_fen.to_yuan()),
            ("buyer_pay_amount", self.total_fen.to_yuan()),
            ("invoice_amount", self.total_fen.to_yuan()),
            ("point_amount", "0.00".to_owned()),
            ("buyer_open_id", self.buyer_open_id.clone()),
            ("gmt_create", to_beijing(self.created_ms)),
            ("gmt_payment", to_beijing(self.paid_ms)),
            ("fund_bill_list", self.fund_bill_list()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        if let Some(refund) = self.refunds.last() {
            params.insert("refund_fee".to_owned(), self.refunded_fen().to_yuan());
            params.insert("gmt_refund".to_owned(), format!("{}.000", to_beijing(refund.at_ms)));
            params.insert("out_biz_no".to_owned(), refund.out_request_no.clone());
        }
        params
    }

    fn fund_bill_list(&self) -> String {
        let amount = self.total_fen.to_yuan();
        serde_json::json!([{"amount": amount, "fundChannel": "ALIPAYACCOUNT"}]).to_string()
    }
}
