//! An order as the simulated platform keeps it: one document, its refunds and shares in it. What
//! is under way ends by the clock, so that a restart forgets nothing.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wasm_core::money::Fen;

use super::time::rfc3339;

/// How an order is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// Inside the app, by a known buyer.
    Jsapi,
    /// From a phone's browser.
    H5,
    /// By a scanned code.
    Native,
    /// Deducted for `PayScore`.
    Auth,
}

impl Kind {
    /// The platform's `trade_type`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Jsapi => "JSAPI",
            Self::H5 => "MWEB",
            Self::Native => "NATIVE",
            Self::Auth => "AUTH",
        }
    }
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    /// The merchant's number; for a deduction one of the platform's own.
    pub(super) out_trade_no: String,
    /// The platform's number.
    pub(super) transaction_id: String,
    /// What the cashier is opened with.
    pub(super) prepay_id: String,
    pub(super) kind: Kind,
    pub(super) description: String,
    pub(super) attach: String,
    pub(super) notify_url: String,
    pub(super) total_fen: Fen,
    /// Who pays; known once paid, unless in the app.
    pub(super) openid: String,
    /// Kept back for sharing.
    pub(super) profit_sharing: bool,
    pub(super) created_ms: i64,
    /// When it can no longer be paid.
    pub(super) expires_ms: i64,
    /// When it was, or will be, paid; 0 before.
    pub(super) paid_ms: i64,
    pub(super) closed: bool,
    /// Where the browser goes afterwards.
    pub(super) return_url: String,
    pub(super) refunds: Vec<Refund>,
    pub(super) shares: Vec<Share>,
    pub(super) returns: Vec<Return>,
}

/// Money that goes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refund {
    pub(super) out_refund_no: String,
    pub(super) refund_id: String,
    pub(super) amount_fen: Fen,
    pub(super) created_ms: i64,
    /// When it is no longer under way.
    pub(super) ends_ms: i64,
    /// How it ends: `SUCCESS`, `ABNORMAL` or `CLOSED`.
    pub(super) end: String,
}

/// A request to share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Share {
    pub(super) out_order_no: String,
    pub(super) order_id: String,
    pub(super) parts: Vec<Part>,
    /// The rest goes to the merchant.
    pub(super) unfreezes: bool,
    pub(super) created_ms: i64,
    pub(super) ends_ms: i64,
}

/// One receiver's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) kind: String,
    pub(super) account: String,
    pub(super) amount_fen: Fen,
    pub(super) description: String,
    pub(super) detail_id: String,
    /// Why it does not succeed; empty if it does.
    pub(super) fail_reason: String,
}

/// A part that comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Return {
    pub(super) out_return_no: String,
    pub(super) return_id: String,
    pub(super) out_order_no: String,
    pub(super) mchid: String,
    pub(super) amount_fen: Fen,
    pub(super) description: String,
    pub(super) created_ms: i64,
    pub(super) ends_ms: i64,
}

/// How an order without an end can be paid: seven days.
pub(super) const UNPAID_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// After this long what is kept back goes to the merchant: thirty days.
pub(super) const FROZEN_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

impl Order {
    pub(super) fn is_paid(&self, now_ms: i64) -> bool {
        (1..=now_ms).contains(&self.paid_ms)
    }

    /// The platform's `trade_state`.
    pub(super) fn state(&self, now_ms: i64) -> &'static str {
        if self.is_paid(now_ms) {
            // A refund under way counts as well, a part of the amount as well as all of it.
            return if self.refunds.is_empty() { "SUCCESS" } else { "REFUND" };
        }
        let over = self.closed || (self.paid_ms == 0 && now_ms >= self.expires_ms);
        if over { "CLOSED" } else { "NOTPAY" }
    }

    /// What went back, or is about to.
    pub(super) fn refunded_fen(&self) -> Fen {
        let live = self.refunds.iter().filter(|refund| refund.end != "CLOSED");
        live.map(|refund| refund.amount_fen).sum()
    }

    /// What was shared, or is about to be.
    pub(super) fn shared_fen(&self) -> Fen {
        let parts = self.shares.iter().flat_map(|share| &share.parts);
        parts.filter(|part| part.fail_reason.is_empty()).map(|part| part.amount_fen).sum()
    }

    /// What is still kept back.
    pub(super) fn frozen_fen(&self, now_ms: i64) -> Fen {
        let freed =
            self.shares.iter().any(|share| share.unfreezes) || now_ms - self.paid_ms >= FROZEN_MS;
        if !self.profit_sharing || !self.is_paid(now_ms) || freed {
            return Fen(0);
        }
        Fen((self.total_fen.0 - self.shared_fen().0 - self.refunded_fen().0).max(0))
    }

    /// As a query and a notify tell it.
    pub(super) fn to_json(&self, appid: &str, mchid: &str, now_ms: i64) -> Value {
        let state = self.state(now_ms);
        let mut told = json!({
            "appid": appid,
            "mchid": mchid,
            "out_trade_no": self.out_trade_no,
            "trade_state": state,
            "trade_state_desc": describe(state),
            "attach": self.attach,
            "amount": {"total": self.total_fen.0, "currency": "CNY"},
        });
        if self.is_paid(now_ms) {
            told["transaction_id"] = json!(self.transaction_id);
            told["trade_type"] = json!(self.kind.as_str());
            told["bank_type"] = json!("OTHERS");
            told["success_time"] = json!(rfc3339(self.paid_ms));
            told["payer"] = json!({"openid": self.openid});
            told["amount"]["payer_total"] = json!(self.total_fen.0);
            told["amount"]["payer_currency"] = json!("CNY");
        }
        told
    }
}

fn describe(state: &str) -> &'static str {
    match state {
        "SUCCESS" => "支付成功",
        "REFUND" => "转入退款",
        "CLOSED" => "订单已关闭",
        _ => "订单未支付",
    }
}

impl Refund {
    pub(super) fn status(&self, now_ms: i64) -> &str {
        if now_ms < self.ends_ms { "PROCESSING" } else { &self.end }
    }
}
