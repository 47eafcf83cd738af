//! Refunds. `out_refund_no` makes a repeat harmless; only `SUCCESS` counts as done, and while the
//! platform works on it the answer is *unknown*: a callback or the next question decides.

use serde::Deserialize;
use serde_json::{Value, json};
use wasm_core::ids::{PaymentId, RefundId};
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::client::{NOT_EXIST, Wechat, read_as, refused_with, segment};
use super::trade::clean;
use crate::orders::{Answer, RefundRequest, Unsure, VerifiedRefund};

/// Longest reason, characters (the platform counts 80 bytes).
const REASON_MAX_CHARS: usize = 26;

/// A refund, as an answer describes it; a callback has `refund_status` in place of `status`.
#[derive(Deserialize)]
pub(super) struct Refund {
    #[serde(default)]
    pub(super) mchid: Option<String>,
    out_trade_no: String,
    #[serde(default)]
    transaction_id: String,
    out_refund_no: String,
    #[serde(alias = "refund_status")]
    status: String,
    amount: Amount,
}

#[derive(Deserialize)]
struct Amount {
    refund: i64,
}

/// How far a refund is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Done,
    UnderWay,
    /// `CLOSED` or `ABNORMAL`: it will not come without a person.
    GivenUp,
}

impl Refund {
    fn stage(&self) -> Option<Stage> {
        match self.status.as_str() {
            "SUCCESS" => Some(Stage::Done),
            "PROCESSING" => Some(Stage::UnderWay),
            "CLOSED" | "ABNORMAL" => Some(Stage::GivenUp),
            _ => None,
        }
    }

    /// What a callback says of a refund that ended; none for another stage.
    pub(super) fn ended(self) -> Option<VerifiedRefund> {
        let paid_back = match self.stage()? {
            Stage::Done => true,
            Stage::GivenUp => false,
            Stage::UnderWay => return None,
        };
        Some(VerifiedRefund {
            channel: Channel::Wechat,
            id: RefundId(self.out_refund_no),
            payment_id: PaymentId(self.out_trade_no),
            amount_fen: Fen(self.amount.refund),
            paid_back,
        })
    }

    /// Whether it is about this refund of ours, of a trade under our number or of `trade_no`.
    fn is(&self, refund: &RefundRequest, trade_no: Option<&str>) -> bool {
        let of_ours = self.out_trade_no == refund.payment_id.as_str();
        self.out_refund_no == refund.id.as_str()
            && (of_ours || trade_no == Some(&self.transaction_id))
            && self.amount.refund == refund.amount_fen.0
    }
}

impl Wechat {
    /// `POST /v3/refund/domestic/refunds`.
    pub(super) async fn pay_back(&self, refund: &RefundRequest) -> Answer<()> {
        let trade = json!({
            "out_trade_no": refund.payment_id.as_str(),
            "notify_url": self.config.notify_url,
        });
        let (answer, trade_no) = match self.ask_refund(refund, trade).await {
            // What pay score took is no trade under our number: only the platform's names it. It is
            // not reported, because we would not find the payment; a query tells.
            Err(unsure) if refused_with(&unsure, &NOT_EXIST) => {
                match self.captured_trade_no(&refund.payment_id).await {
                    Ok(Some(number)) => {
                        let trade = json!({ "transaction_id": number });
                        (self.ask_refund(refund, trade).await?, Some(number))
                    }
                    _ => return Err(unsure),
                }
            }
            answer => (answer?, None),
        };
        match self.stage_of(refund, &read_as(answer)?, trade_no.as_deref())? {
            Stage::Done => Ok(()),
            Stage::UnderWay => Err(Unsure::Unknown("processing".to_owned())),
            Stage::GivenUp => Err(Unsure::Never {
                code: "REFUND_GIVEN_UP".to_owned(),
                message: "closed or abnormal: see the merchant platform".to_owned(),
            }),
        }
    }

    async fn ask_refund(&self, refund: &RefundRequest, mut body: Value) -> Answer<Value> {
        body["out_refund_no"] = json!(refund.id.as_str());
        body["reason"] = json!(clean(&refund.reason, REASON_MAX_CHARS));
        body["amount"] = json!({
            "refund": refund.amount_fen.0,
            "total": refund.paid_fen.0,
            "currency": "CNY",
        });
        self.post("/v3/refund/domestic/refunds", &body).await
    }

    /// `GET /v3/refund/domestic/refunds/{out_refund_no}`: whether the money went back.
    pub(super) async fn query_refund(&self, refund: &RefundRequest) -> Answer<bool> {
        let target = format!("/v3/refund/domestic/refunds/{}", segment(refund.id.as_str()));
        let answer = match self.get(&target).await {
            Err(unsure) if refused_with(&unsure, &NOT_EXIST) => return Ok(false),
            answer => answer?,
        };
        let answer: Refund = read_as(answer)?;
        let trade_no = if answer.out_trade_no == refund.payment_id.as_str() {
            None
        } else {
            self.captured_trade_no(&refund.payment_id).await?
        };
        Ok(self.stage_of(refund, &answer, trade_no.as_deref())? == Stage::Done)
    }

    /// An answer about another refund is none.
    fn stage_of(
        &self,
        refund: &RefundRequest,
        answer: &Refund,
        trade_no: Option<&str>,
    ) -> Answer<Stage> {
        let mchid = answer.mchid.as_deref().unwrap_or(&self.config.mchid);
        if !answer.is(refund, trade_no) || mchid != self.config.mchid {
            return Err(Unsure::Unknown(format!(
                "asked for refund {}, answered another",
                refund.id
            )));
        }
        answer.stage().ok_or_else(|| Unsure::Unknown("a refund's status that is new".to_owned()))
    }
}
