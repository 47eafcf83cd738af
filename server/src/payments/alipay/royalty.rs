//! Splits (Alipay: royalty): bind who may receive, settle, ask what became of it, take back.
//!
//! One settle ends a trade's royalty: what is left of a trade opened with `royalty_freeze` goes to
//! the merchant at once and not after 30 days. Up to five receivers are settled within the call,
//! all or none; more in the background, each for itself.
//!
//! Alipay has no call that only takes a part back; a refund of nothing to the buyer, with
//! `refund_royalty_parameters`, does just that (opendocs.alipay.com/support/01rg1b). Trades by a
//! code (`FACE_TO_FACE_PAYMENT`) need none: there each refund takes its share back by itself.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_core::money::Fen;

use super::client::{Alipay, for_good, read_node};
use crate::orders::{
    Answer, Receiver, ReceiverKind, ReturnRequest, ShareState, SplitRequest, SplitShare, Splits,
    Unsure,
};
use crate::random;

/// So many receivers are settled within the call.
const SYNC_RECEIVERS_MAX: usize = 5;

/// So many receivers one settle takes at all.
const RECEIVERS_MAX: usize = 50;

/// A split refused like this will be refused tomorrow as well.
const NEVER: [&str; 5] = [
    "ACQ.ROYALTY_RATIO_EXCEED",
    "ACQ.ALLOC_AMOUNT_VALIDATE_ERROR",
    "ACQ.TRADE_SETTLE_ERROR",
    "ACQ.ROYALTY_RECEIVER_INVALID",
    "ACQ.DISCORDANT_REPEAT_REQUEST",
];

/// What Alipay calls a refund of a part from who received it.
const RETURN_NEVER: [&str; 2] = ["ACQ.TRADE_HAS_FINISHED", "ACQ.DISCORDANT_REPEAT_REQUEST"];

#[derive(Deserialize)]
struct Bound {
    #[serde(default)]
    result_code: String,
}

#[derive(Deserialize)]
struct Queried {
    #[serde(default)]
    royalty_detail_list: Vec<Detail>,
}

/// One line of a settle; also the operator's own rest, which is none of the parts.
#[derive(Deserialize)]
struct Detail {
    #[serde(default)]
    state: String,
    #[serde(default)]
    amount: String,
    #[serde(default)]
    trans_in: String,
    #[serde(default)]
    error_code: String,
    #[serde(default)]
    error_desc: String,
}

#[derive(Deserialize)]
struct Returned {
    #[serde(default)]
    trade_no: String,
}

impl Alipay {
    /// `alipay.trade.royalty.relation.bind`
    async fn bind_receiver(&self, receiver: &Receiver) -> Answer<()> {
        let mut account = json!({ "type": kind(receiver), "account": receiver.account });
        // Checked for login names, forbidden for nobody.
        if !receiver.name.is_empty() {
            account["name"] = json!(receiver.name);
        }
        let business =
            json!({ "out_request_no": random::base32::<32>(), "receiver_list": [account] });
        let node = self.call("alipay.trade.royalty.relation.bind", &business).await?;
        match read_node::<Bound>(node)?.result_code.as_str() {
            "SUCCESS" => Ok(()),
            other => Err(Unsure::Unknown(format!("binding is {other:?}"))),
        }
    }

    /// `alipay.trade.order.settle`
    async fn settle(&self, split: &SplitRequest) -> Answer<()> {
        if split.shares.len() > RECEIVERS_MAX {
            let message = format!("{} receivers", split.shares.len());
            return Err(Unsure::Never { code: "TOO_MANY_RECEIVERS".to_owned(), message });
        }
        let shares: Vec<Value> = split.shares.iter().map(|share| self.transfer(share)).collect();
        let mode = if shares.len() > SYNC_RECEIVERS_MAX { "async" } else { "sync" };
        let business = json!({
            "out_request_no": split.id,
            "trade_no": split.trade_no,
            "royalty_parameters": shares,
            "royalty_mode": mode,
            "extend_params": { "royalty_finish": "true" },
        });
        let settled = self.call("alipay.trade.order.settle", &business).await;
        settled.map(drop).map_err(|unsure| for_good(unsure, &NEVER))
    }

    fn transfer(&self, share: &SplitShare) -> Value {
        json!({
            "royalty_type": "transfer",
            "trans_out": self.config.seller_id,
            "trans_out_type": "userId",
            "trans_in": share.receiver.account,
            "trans_in_type": kind(&share.receiver),
            "trans_in_name": share.receiver.name,
            "amount": share.amount_fen.to_yuan(),
            "desc": share.description,
            "royalty_scene": "平台服务费",
        })
    }

    /// `alipay.trade.order.settle.query`
    async fn settled(&self, split: &SplitRequest) -> Answer<Vec<ShareState>> {
        let business = json!({ "out_request_no": split.id, "trade_no": split.trade_no });
        let queried: Queried =
            read_node(self.call("alipay.trade.order.settle.query", &business).await?)?;
        let mut details = queried.royalty_detail_list;
        Ok(split.shares.iter().map(|share| state_of(share, &mut details)).collect())
    }

    async fn take_part_back(&self, back: &ReturnRequest) -> Answer<()> {
        let business = json!({
            "trade_no": back.trade_no,
            "out_request_no": back.id,
            "refund_amount": Fen::ZERO.to_yuan(),
            "refund_royalty_parameters": [{
                "royalty_type": "transfer",
                "trans_out": back.receiver.account,
                "trans_out_type": kind(&back.receiver),
                "trans_in": self.config.seller_id,
                "trans_in_type": "userId",
                "amount": back.amount_fen.to_yuan(),
                "desc": "退款退回分账",
            }],
        });
        let node = self.call("alipay.trade.refund", &business).await;
        let returned: Returned =
            read_node(node.map_err(|unsure| for_good(unsure, &RETURN_NEVER))?)?;
        if returned.trade_no == back.trade_no {
            return Ok(());
        }
        Err(Unsure::Unknown(format!("asked for {}, answered {}", back.trade_no, returned.trade_no)))
    }
}

/// Finds a share's line and takes it out, for the next share may have the same receiver and
/// amount.
fn state_of(share: &SplitShare, details: &mut Vec<Detail>) -> ShareState {
    let is_it = |detail: &Detail| {
        detail.trans_in == share.receiver.account
            && Fen::from_yuan(&detail.amount) == Some(share.amount_fen)
    };
    let Some(at) = details.iter().position(is_it) else { return ShareState::Pending };
    let detail = details.swap_remove(at);
    match detail.state.as_str() {
        "SUCCESS" => ShareState::Done,
        "FAIL" => ShareState::Failed(format!("{} {}", detail.error_code, detail.error_desc)),
        _ => ShareState::Pending,
    }
}

fn kind(receiver: &Receiver) -> &'static str {
    match receiver.kind {
        ReceiverKind::Merchant => "userId",
        ReceiverKind::Person => "loginName",
    }
}

impl Splits for Alipay {
    fn bind<'a>(&'a self, receiver: &'a Receiver) -> BoxFuture<'a, Answer<()>> {
        Box::pin(self.bind_receiver(receiver))
    }

    fn split<'a>(&'a self, split: &'a SplitRequest) -> BoxFuture<'a, Answer<()>> {
        Box::pin(self.settle(split))
    }

    fn split_state<'a>(
        &'a self,
        split: &'a SplitRequest,
    ) -> BoxFuture<'a, Answer<Vec<ShareState>>> {
        Box::pin(self.settled(split))
    }

    fn take_back<'a>(&'a self, back: &'a ReturnRequest) -> BoxFuture<'a, Answer<()>> {
        Box::pin(self.take_part_back(back))
    }
}
