//! Profit sharing: receivers, orders, the release of what is left, and parts taken back.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{NOT_EXIST, Wechat, read_as, refused_with, segment};
use super::trade::clean;
use crate::orders::{
    Answer, Receiver, ReceiverKind, ReturnRequest, ShareState, SplitRequest, SplitShare, Splits,
    Unsure,
};

/// Longest description of a part, characters (the platform counts 80 bytes).
const DESCRIPTION_MAX_CHARS: usize = 26;

/// What the rider's money is called when nobody gets a part of it.
const RELEASED: &str = "解冻剩余资金";

/// A split, as answers describe it.
#[derive(Deserialize)]
struct Splitted {
    out_order_no: String,
    state: String,
    #[serde(default)]
    receivers: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    account: String,
    amount: i64,
    result: String,
    #[serde(default)]
    fail_reason: Option<String>,
}

#[derive(Deserialize)]
struct Returned {
    out_return_no: String,
    amount: i64,
    result: String,
    #[serde(default)]
    fail_reason: Option<String>,
}

impl Wechat {
    /// `POST /v3/profitsharing/receivers/add`; adding one that is there changes nothing.
    async fn add_receiver(&self, receiver: &Receiver) -> Answer<()> {
        let mut body = json!({
            "appid": self.config.appid,
            "type": kind(receiver.kind),
            "account": receiver.account,
            "relation_type": "PARTNER",
        });
        self.add_name(&mut body, receiver).await?;
        self.post("/v3/profitsharing/receivers/add", &body).await.map(|_| ())
    }

    /// Names travel encrypted for the platform alone.
    async fn add_name(&self, body: &mut Value, receiver: &Receiver) -> Answer<()> {
        if receiver.name.is_empty() {
            return Ok(());
        }
        let (_, key) = self.encrypting_key().await?;
        let sealed = key.encrypt(&receiver.name).ok_or_else(|| Unsure::Never {
            code: "PARAM_ERROR".to_owned(),
            message: "a receiver's name is too long".to_owned(),
        })?;
        body["name"] = json!(sealed);
        Ok(())
    }

    /// `POST /v3/profitsharing/orders`, or `…/unfreeze` when nobody gets anything.
    async fn ask_split(&self, split: &SplitRequest) -> Answer<()> {
        let trade_no = self.trade_to_split(split).await?;
        let answer = if split.shares.is_empty() {
            let body = json!({
                "transaction_id": trade_no,
                "out_order_no": split.id,
                "description": RELEASED,
            });
            self.post("/v3/profitsharing/orders/unfreeze", &body).await?
        } else {
            let mut receivers = Vec::with_capacity(split.shares.len());
            for share in &split.shares {
                receivers.push(self.part(share).await?);
            }
            let body = json!({
                "appid": self.config.appid,
                "transaction_id": trade_no,
                "out_order_no": split.id,
                "receivers": receivers,
                "unfreeze_unsplit": false,
            });
            self.post("/v3/profitsharing/orders", &body).await?
        };
        let taken: Splitted = read_as(answer)?;
        same_split(split, &taken)
    }

    /// What pay score took is split under a trade number that only the service order tells.
    async fn trade_to_split(&self, split: &SplitRequest) -> Answer<String> {
        if !split.held {
            return Ok(split.trade_no.clone());
        }
        let number = self.captured_trade_no(&split.payment_id).await?;
        number.ok_or_else(|| Unsure::Unknown("no trade number of what was taken yet".to_owned()))
    }

    async fn part(&self, share: &SplitShare) -> Answer<Value> {
        let mut part = json!({
            "type": kind(share.receiver.kind),
            "account": share.receiver.account,
            "amount": share.amount_fen.0,
            "description": clean(&share.description, DESCRIPTION_MAX_CHARS),
        });
        self.add_name(&mut part, &share.receiver).await?;
        Ok(part)
    }

    /// `GET /v3/profitsharing/orders/{out_order_no}`. `FINISHED` says only that the platform is
    /// through; each part has a result of its own.
    async fn query_split(&self, split: &SplitRequest) -> Answer<Vec<ShareState>> {
        let trade_no = self.trade_to_split(split).await?;
        let (number, trade_no) = (segment(&split.id), segment(&trade_no));
        let target = format!("/v3/profitsharing/orders/{number}?transaction_id={trade_no}");
        let answer = self.get(&target).await.map_err(|unsure| match unsure {
            Unsure::No { .. } if refused_with(&unsure, &NOT_EXIST) => unsure,
            other => Unsure::Unknown(other.to_string()),
        });
        let answer: Splitted = read_as(answer?)?;
        same_split(split, &answer)?;
        let mut parts = answer.receivers;
        let states = split.shares.iter().map(|share| {
            let is = |part: &Part| {
                part.account == share.receiver.account && part.amount == share.amount_fen.0
            };
            let at = parts.iter().position(is).ok_or_else(|| {
                Unsure::Unknown(format!("split {}: a part is not in the answer", split.id))
            })?;
            state(&answer.state, parts.swap_remove(at))
        });
        states.collect()
    }

    /// `POST /v3/profitsharing/return-orders`; only merchants give back.
    async fn ask_return(&self, back: &ReturnRequest) -> Answer<()> {
        if back.receiver.kind == ReceiverKind::Person {
            return Err(Unsure::Never {
                code: "PERSON".to_owned(),
                message: "a person's part cannot be taken back".to_owned(),
            });
        }
        let body = json!({
            "out_order_no": back.split_id,
            "out_return_no": back.id,
            "return_mchid": back.receiver.account,
            "amount": back.amount_fen.0,
            "description": "退款退回",
        });
        let answer = self.post("/v3/profitsharing/return-orders", &body).await?;
        let returned: Returned = read_as(answer)?;
        if returned.out_return_no != back.id || returned.amount != back.amount_fen.0 {
            return Err(Unsure::Unknown(format!("asked for return {}, answered another", back.id)));
        }
        match returned.result.as_str() {
            "SUCCESS" => Ok(()),
            "FAILED" => Err(Unsure::No {
                code: returned.fail_reason.unwrap_or_default(),
                message: "the part does not come back".to_owned(),
            }),
            _ => Err(Unsure::Unknown("processing".to_owned())),
        }
    }
}

fn kind(kind: ReceiverKind) -> &'static str {
    match kind {
        ReceiverKind::Merchant => "MERCHANT_ID",
        ReceiverKind::Person => "PERSONAL_OPENID",
    }
}

fn state(order: &str, part: Part) -> Answer<ShareState> {
    match (order, part.result.as_str()) {
        (_, "SUCCESS") => Ok(ShareState::Done),
        (_, "CLOSED") => Ok(ShareState::Failed(part.fail_reason.unwrap_or_default())),
        ("PROCESSING" | "FINISHED", "PENDING") => Ok(ShareState::Pending),
        _ => Err(Unsure::Unknown(format!("a part is {}", part.result))),
    }
}

fn same_split(split: &SplitRequest, answer: &Splitted) -> Answer<()> {
    if split.id == answer.out_order_no {
        return Ok(());
    }
    Err(Unsure::Unknown(format!("asked for split {}, answered another", split.id)))
}

impl Splits for Wechat {
    fn bind<'a>(&'a self, receiver: &'a Receiver) -> BoxFuture<'a, Answer<()>> {
        Box::pin(self.add_receiver(receiver))
    }

    fn split<'a>(&'a self, split: &'a SplitRequest) -> BoxFuture<'a, Answer<()>> {
        Box::pin(self.ask_split(split))
    }

    fn split_state<'a>(
        &'a self,
        split: &'a SplitRequest,
    ) -> BoxFuture<'a, Answer<Vec<ShareState>>> {
        Box::pin(self.query_split(split))
    }

    fn take_back<'a>(&'a self, back: &'a ReturnRequest) -> BoxFuture<'a, Answer<()>> {
        Box::pin(self.ask_return(back))
    }
}
