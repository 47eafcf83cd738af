//! Splits (Alipay: royalty): bind who may receive, settle, ask what became of it, take back.
//!
//! One settle ends a trade's royalty: what is left of a trade opened with `royalty_freeze` goes to
//! the merchant at once and not after 30 days. Up to five receivers are settled within the call,
//! all or none; more in the background, each for itself.
//!
//! Alipay has no call that only takes a part back; a refund of nothing to the buyer, with
//! `refund_royalty_parameters`, does just that (opendocs.alipay.com/support/01rg1b). Trades by a
//! code (`FACE_TO_FACE_PAYMENT`) need none: there each refund takes its share back by itself.
//!
//! What was taken of a hold is a trade of its own, with the hold's number as `out_trade_no`.

use futures_util::future::BoxFuture;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use wasm_core::ids::PaymentId;
use wasm_core::money::Fen;

use super::client::{Alipay, for_good, read_node};
use super::trade::same_number;
use crate::orders::{
    Answer, Receiver, ReceiverKind, ReturnRequest, ShareState, SplitRequest, SplitShare, Splits,
    Unsure,
};
use crate::random;

/// So many receivers are settled within the call.
const SYNC_RECEIVERS_MAX: usize = 5;

/// What a query of a settle is answered when there is none.
const SETTLE_UNKNOWN: [&str; 2] = ["ACQ.TRADE_SETTLE_NOT_EXIST", "ACQ.TRADE_NOT_EXIST"];
/// So many receivers one settle takes at all.
const RECEIVERS_MAX: usize = 50;

/// A split refused like this will be refused tomorrow as well.
const NEVER: [&str; 4] = [
    "ACQ.ALLOC_AMOUNT_VALIDATE_ERROR",
    "ACQ.TRADE_SETTLE_ERROR",
    "ACQ.ROYALTY_RECEIVER_INVALID",
    "ACQ.DISCORDANT_REPEAT_REQUEST",
];

/// Nor will these let a receiver be bound.
const BIND_NEVER: [&str; 4] = [
    "ACQ.USER_NOT_EXIST",
    "ACQ.INVALID_RECEIVER_TYPE",
    "ACQ.RELATION_QUANTITY_LIMIT",
    "ACQ.PRODUCT_UNSIGN",
];

/// Nor these let a part be taken back.
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
    #[serde(default, deserialize_with = "written_amount")]
    amount: String,
    #[serde(default)]
    trans_in: String,
    #[serde(default)]
    error_code: String,
    #[serde(default)]
    error_desc: String,
}

#[derive(Deserialize)]
struct Found {
    trade_no: String,
    out_trade_no: String,
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
        let node = self.call("alipay.trade.royalty.relation.bind", &business).await;
        let node = node.map_err(|unsure| for_good(unsure, &BIND_NEVER))?;
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
        let trade_no = self.split_trade(&split.payment_id, &split.trade_no, split.held).await?;
        let shares: Vec<Value> = split.shares.iter().map(|share| self.transfer(share)).collect();
        let mode = if shares.len() > SYNC_RECEIVERS_MAX { "async" } else { "sync" };
        let mut business = json!({
            "out_request_no": split.id,
            "trade_no": trade_no,
            "royalty_parameters": shares,
            "royalty_mode": mode,
        });
        if split.shares.is_empty() {
            business["extend_params"] = json!({ "royalty_finish": "true" });
        }
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
        let trade_no = self.split_trade(&split.payment_id, &split.trade_no, split.held).await?;
        let business = json!({ "out_request_no": split.id, "trade_no": trade_no });
        let node = self.call("alipay.trade.order.settle.query", &business).await;
        let queried: Queried = read_node(node.map_err(unless_not_there)?)?;
        Ok(states_of(&split.shares, queried.royalty_detail_list))
    }

    async fn take_part_back(&self, back: &ReturnRequest) -> Answer<()> {
        if back.by_code {
            return Ok(());
        }
        let trade_no = self.split_trade(&back.payment_id, &back.trade_no, back.held).await?;
        let business = json!({
            "trade_no": trade_no,
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
        if returned.trade_no == trade_no {
            return Ok(());
        }
        Err(Unsure::Unknown(format!("asked for {trade_no}, answered {}", returned.trade_no)))
    }

    /// The platform's number of the trade that parts are taken of.
    async fn split_trade(&self, payment: &PaymentId, no: &str, held: bool) -> Answer<String> {
        if !held {
            return Ok(no.to_owned());
        }
        let business = json!({ "out_trade_no": payment.as_str() });
        let found: Found = read_node(self.call("alipay.trade.query", &business).await?)?;
        same_number(payment, &found.out_trade_no)?;
        Ok(found.trade_no)
    }
}

/// Only that there is no such settle is a no; any other refusal leaves open what became of it.
fn unless_not_there(unsure: Unsure) -> Unsure {
    match unsure {
        Unsure::No { ref code, .. } if SETTLE_UNKNOWN.contains(&code.as_str()) => unsure,
        other => Unsure::Unknown(other.to_string()),
    }
}

/// What the lines of a settle say of each share. Two shares may have the same receiver and amount,
/// so each line counts once; lines that name the account itself are given out first.
fn states_of(shares: &[SplitShare], details: Vec<Detail>) -> Vec<ShareState> {
    let mut details: Vec<Option<Detail>> = details.into_iter().map(Some).collect();
    let mut states = vec![None; shares.len()];
    for fits in [names_account as fn(&SplitShare, &Detail) -> bool, may_be] {
        for (share, state) in shares.iter().zip(&mut states).filter(|(_, state)| state.is_none()) {
            let is_it = |detail: &&mut Option<Detail>| {
                detail.as_ref().is_some_and(|detail| {
                    Fen::from_yuan(&detail.amount) == Some(share.amount_fen) && fits(share, detail)
                })
            };
            *state = details
                .iter_mut()
                .find(is_it)
                .and_then(Option::take)
                .map(|detail| state_in(&detail));
        }
    }
    states.into_iter().map(|state| state.unwrap_or(ShareState::Pending)).collect()
}

fn names_account(share: &SplitShare, detail: &Detail) -> bool {
    detail.trans_in == share.receiver.account
}

/// Alipay may hide the middle of an account, and tells a login name's user id.
fn may_be(share: &SplitShare, detail: &Detail) -> bool {
    let account = share.receiver.account.as_str();
    match (detail.trans_in.split_once('*'), share.receiver.kind) {
        (Some((begin, end)), _) => {
            account.starts_with(begin) && account.ends_with(end.trim_start_matches('*'))
        }
        (None, ReceiverKind::Person) => detail.trans_in.starts_with("2088"),
        (None, ReceiverKind::Merchant) => false,
    }
}

fn state_in(detail: &Detail) -> ShareState {
    match detail.state.as_str() {
        "SUCCESS" => ShareState::Done,
        "FAIL" => {
            let why = format!("{} {}", detail.error_code, detail.error_desc);
            ShareState::Failed(why.trim_end().to_owned())
        }
        _ => ShareState::Pending,
    }
}

/// Alipay's own examples write amounts as text and as numbers.
fn written_amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn share(kind: ReceiverKind, account: &str, amount_fen: i64) -> SplitShare {
        let (account, name) = (account.to_owned(), String::new());
        let receiver = Receiver { kind, account, name };
        SplitShare { receiver, amount_fen: Fen(amount_fen), description: String::new() }
    }

    #[test]
    fn each_line_of_a_settle_counts_for_one_share() {
        let shares = [
            share(ReceiverKind::Person, "a@example.com", 1_000),
            share(ReceiverKind::Merchant, "2088721234140864", 1_000),
            share(ReceiverKind::Merchant, "2088721234140864", 1_000),
            share(ReceiverKind::Merchant, "2088000000000003", 25),
            share(ReceiverKind::Merchant, "2088000000000004", 25),
        ];
        let details = json!([
            { "state": "SUCCESS", "amount": "10.00", "trans_in": "2088000000000009" },
            { "state": "FAIL", "amount": 10.00, "trans_in": "208872****140864",
              "error_code": "TXN_RESULT_ACCOUNT_BALANCE_NOT_ENOUGH", "error_desc": "余额不足" },
            { "state": "SUCCESS", "amount": "10.00", "trans_in": "2088721234140864" },
            { "state": "PROCESSING", "amount": 0.25, "trans_in": "2088000000000003" },
            { "state": "SUCCESS", "amount": "0.26", "trans_in": "2088000000000004" },
        ]);
        let details: Vec<Detail> = serde_json::from_value(details).unwrap();
        let failed = "TXN_RESULT_ACCOUNT_BALANCE_NOT_ENOUGH 余额不足".to_owned();
        let expected = [
            ShareState::Done,
            ShareState::Done,
            ShareState::Failed(failed),
            ShareState::Pending,
            ShareState::Pending,
        ];
        assert_eq!(states_of(&shares, details), expected);
    }
}
