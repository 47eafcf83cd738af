//! Refunds. `out_request_no` makes a repeat harmless; only moved money counts as done.

use serde::Deserialize;
use serde_json::json;
use wasm_core::money::Fen;

use super::client::{Alipay, for_good, read_node};
use super::trade::same_number;
use crate::orders::{Answer, RefundRequest, Unsure};

/// Longest reason Alipay takes, in characters.
const REASON_MAX_CHARS: usize = 256;

/// A refund refused like this will be refused tomorrow as well: the trade can no more be refunded
/// (after a year it is finished), or not so much.
const NEVER: [&str; 6] = [
    "ACQ.TRADE_HAS_FINISHED",
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",
    "ACQ.REASON_TRADE_REFUND_FEE_ERR",
    "ACQ.REFUND_FEE_ERROR",
    "ACQ.TRADE_NOT_ALLOW_REFUND",
    "ACQ.DISCORDANT_REPEAT_REQUEST",
];

#[derive(Deserialize)]
struct Refunded {
    out_trade_no: String,
    #[serde(default)]
    fund_change: String,
}

#[derive(Deserialize)]
struct RefundQueried {
    #[serde(default)]
    out_trade_no: String,
    #[serde(default)]
    out_request_no: String,
    /// Left out when the platform has no such refund or it did not succeed.
    #[serde(default)]
    refund_status: String,
    #[serde(default)]
    refund_amount: String,
}

impl Alipay {
    /// `alipay.trade.refund`. `fund_change` is `Y` only on the call that moved the money; on a
    /// repeat it is `N`, and the refund's own state decides.
    pub(super) async fn pay_back(&self, refund: &RefundRequest) -> Answer<()> {
        let reason: String = refund.reason.chars().take(REASON_MAX_CHARS).collect();
        let business = json!({
            "out_trade_no": refund.payment_id.as_str(),
            "out_request_no": refund.id.as_str(),
            "refund_amount": refund.amount_fen.to_yuan(),
            "refund_reason": reason,
        });
        let node = match self.call("alipay.trade.refund", &business).await {
            Ok(node) => node,
            Err(refused) => return self.refused(refund, refused).await,
        };
        let refunded: Refunded = read_node(node)?;
        same_number(&refund.payment_id, &refunded.out_trade_no)?;
        if refunded.fund_change == "Y" || self.query_refund(refund).await? {
            return Ok(());
        }
        Err(Unsure::Unknown(format!("refund {} was taken, no money moved yet", refund.id)))
    }

    /// Before a refund is given up for good, it is asked for: an earlier try whose answer was lost
    /// may have done it.
    async fn refused(&self, refund: &RefundRequest, refused: Unsure) -> Answer<()> {
        let refused = for_good(refused, &NEVER);
        if !matches!(refused, Unsure::Never { .. }) {
            return Err(refused);
        }
        match self.query_refund(refund).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(refused),
            // Another amount went back under this number: no try will change that.
            Err(Unsure::Unknown(_)) if is_repeat(&refused) => Err(refused),
            Err(unsure) => Err(unsure),
        }
    }

    /// `alipay.trade.fastpay.refund.query`: whether the money went back.
    pub(super) async fn query_refund(&self, refund: &RefundRequest) -> Answer<bool> {
        let business = json!({
            "out_trade_no": refund.payment_id.as_str(),
            "out_request_no": refund.id.as_str(),
        });
        let queried: RefundQueried =
            match self.call("alipay.trade.fastpay.refund.query", &business).await {
                Ok(node) => read_node(node)?,
                Err(Unsure::No { code, .. }) if code == "ACQ.TRADE_NOT_EXIST" => return Ok(false),
                Err(unsure) => return Err(unsure),
            };
        if queried.refund_status != "REFUND_SUCCESS" {
            return Ok(false);
        }
        same_number(&refund.payment_id, &queried.out_trade_no)?;
        let amount_fen = Fen::from_yuan(&queried.refund_amount);
        if queried.out_request_no != refund.id.as_str() || amount_fen != Some(refund.amount_fen) {
            return Err(Unsure::Unknown(format!(
                "asked for refund {} of {}, answered {} of {}",
                refund.id, refund.amount_fen, queried.out_request_no, queried.refund_amount
            )));
        }
        Ok(true)
    }
}

/// Whether the same number was refunded before, with another amount.
fn is_repeat(refused: &Unsure) -> bool {
    matches!(refused, Unsure::Never { code, .. } if code == "ACQ.DISCORDANT_REPEAT_REQUEST")
}
