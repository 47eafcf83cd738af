//! Royalty at the simulated platform: relations, settling, taking back.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wasm_core::money::Fen;

use super::gateway::Failure;
use super::platform::{Platform, SELLER_ID, digits};
use super::rules::{Refusal, amount, success, text};
use super::trade::{Status, Trade};

/// What a merchant may pass on without a further contract, hundredths of a percent of the trade.
const RATIO_MAX_BP: i64 = 3_000;
/// Receivers that one call binds.
const BOUND_AT_ONCE_MAX: usize = 20;
/// Receivers of one settle, in the call and in the background.
const SYNC_RECEIVERS_MAX: usize = 5;
const ASYNC_RECEIVERS_MAX: usize = 50;
/// Settles of one trade, in the call and in the background.
const SYNC_SETTLES_MAX: usize = 50;
const ASYNC_SETTLES_MAX: usize = 300;
/// What is settled in the background takes so long, milliseconds.
const BACKGROUND_MS: i64 = 1_000;

/// One settle of a trade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settle {
    out_request_no: String,
    number: String,
    /// When its parts have arrived, milliseconds UTC.
    #[serde(default)]
    ready_ms: i64,
    parts: Vec<Part>,
}

/// What one receiver got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    account: String,
    amount_fen: Fen,
    returned_fen: Fen,
    /// Why not, if not.
    failed: Option<String>,
}

impl Trade {
    /// What others have of it.
    pub(super) fn passed_on_fen(&self) -> Fen {
        let parts = self.settles.iter().flat_map(|settle| &settle.parts);
        parts
            .filter(|part| part.failed.is_none())
            .map(|part| part.amount_fen - part.returned_fen)
            .sum()
    }
}

impl Platform {
    /// `alipay.trade.royalty.relation.bind`
    pub(super) async fn bind_receivers(&self, wanted: &Value) -> Result<Value, Failure> {
        let receivers = wanted["receiver_list"].as_array().map(Vec::as_slice).unwrap_or_default();
        if receivers.is_empty() {
            return Err(Refusal::business("ACQ.RECEIVER_LIST_EMPTY").into());
        }
        if receivers.len() > BOUND_AT_ONCE_MAX || text(wanted, "out_request_no").is_empty() {
            return Err(Refusal::business("ACQ.INVALID_PARAMETER").into());
        }
        for receiver in receivers {
            let (kind, account) = (text(receiver, "type"), text(receiver, "account"));
            let right = match kind {
                "userId" => account.len() == 16 && account.starts_with("2088"),
                "loginName" => !account.is_empty() && !text(receiver, "name").is_empty(),
                "openId" => !text(receiver, "account_open_id").is_empty(),
                _ => return Err(Refusal::business("ACQ.INVALID_RECEIVER_TYPE").into()),
            };
            if !right {
                return Err(Refusal::business("ACQ.USER_NOT_EXIST").into());
            }
            self.put_receiver(account).await?;
        }
        Ok(success(json!({ "result_code": "SUCCESS" })))
    }

    /// `alipay.trade.order.settle`
    pub(super) async fn settle(&self, wanted: &Value) -> Result<Value, Failure> {
        let invalid = Refusal::business("ACQ.INVALID_PARAMETER");
        let number = text(wanted, "out_request_no");
        if !(1..=32).contains(&number.len()) || text(wanted, "trade_no").is_empty() {
            return Err(invalid.into());
        }
        let in_background = text(wanted, "royalty_mode") == "async";
        let mut parts = parts(wanted)?;
        let (receivers_max, settles_max) = if in_background {
            (ASYNC_RECEIVERS_MAX, ASYNC_SETTLES_MAX)
        } else {
            (SYNC_RECEIVERS_MAX, SYNC_SETTLES_MAX)
        };
        if parts.len() > receivers_max {
            return Err(invalid.into());
        }
        let _changing = self.inner.changing.lock().await;
        let mut trade = self.find(wanted).await?;
        if let Some(known) = trade.settles.iter().find(|known| known.out_request_no == number) {
            return answer(&trade, known, &parts);
        }
        if trade.status != Status::TradeSuccess {
            return Err(Refusal::business("ACQ.TRADE_STATUS_ERROR").into());
        }
        if trade.royalty_over || trade.settles.len() >= settles_max {
            return Err(Refusal::business("ACQ.TRADE_SETTLE_ERROR").into());
        }
        let wanted_fen: Fen = parts.iter().map(|part| part.amount_fen).sum();
        let after_fen = trade.passed_on_fen() + wanted_fen;
        let over_ratio = after_fen.0 * 10_000 > trade.total_fen.0 * RATIO_MAX_BP;
        if over_ratio || after_fen + trade.refunded_fen() > trade.total_fen {
            return Err(Refusal::business("ACQ.ALLOC_AMOUNT_VALIDATE_ERROR").into());
        }
        for part in &mut parts {
            if self.is_receiver(&part.account).await? {
                continue;
            }
            // All or nothing within the call; each for itself in the background.
            if !in_background {
                return Err(Refusal::business("ACQ.ROYALTY_RECEIVER_INVALID").into());
            }
            part.failed = Some("ROYALTY_RECEIVER_INVALID".to_owned());
        }
        let number_there = format!("{}{}", &trade.trade_no[..8], digits::<20>());
        let ready_ms = self.now_ms() + if in_background { BACKGROUND_MS } else { 0 };
        let settle =
            Settle { out_request_no: number.to_owned(), number: number_there, ready_ms, parts };
        let node = answer(&trade, &settle, &settle.parts);
        trade.settles.push(settle);
        trade.royalty_over |= text(&wanted["extend_params"], "royalty_finish") == "true";
        self.put(&trade).await?;
        node
    }

    /// `alipay.trade.order.settle.query`
    pub(super) async fn query_settle(&self, wanted: &Value) -> Result<Value, Failure> {
        let trade = self.find(wanted).await?;
        let number = text(wanted, "out_request_no");
        let settle = trade.settles.iter().find(|settle| settle.out_request_no == number);
        let settle = settle.ok_or(Refusal::business("ACQ.TRADE_SETTLE_NOT_EXIST"))?;
        let arrived = self.now_ms() >= settle.ready_ms;
        let lines: Vec<Value> = settle.parts.iter().map(|part| line(part, arrived)).collect();
        Ok(success(json!({
            "out_request_no": settle.out_request_no,
            "royalty_detail_list": lines,
        })))
    }

    /// `alipay.trade.order.onsettle.query`: what is frozen for others and not yet passed on.
    pub(super) async fn query_unsettled(&self, wanted: &Value) -> Result<Value, Failure> {
        let trade = self.find(wanted).await?;
        let frozen = trade.royalty_freeze && !trade.royalty_over;
        let left_fen = trade.total_fen - trade.refunded_fen() - trade.passed_on_fen();
        let unsettled_fen = if frozen { left_fen } else { Fen::ZERO };
        Ok(success(json!({ "unsettled_amount": unsettled_fen.to_yuan() })))
    }

    /// `alipay.trade.royalty.rate.query`
    pub(super) fn max_ratio() -> Value {
        success(json!({ "user_id": SELLER_ID, "max_ratio": RATIO_MAX_BP / 100 }))
    }
}

/// Takes back from receivers what a refund names, all or nothing. The caller writes the trade.
pub(super) fn take_back(trade: &mut Trade, wanted: &Value) -> Result<Fen, Refusal> {
    let mut back_fen = Fen::ZERO;
    let named = wanted["refund_royalty_parameters"].as_array();
    for one in named.map(Vec::as_slice).unwrap_or_default() {
        let mut left_fen = amount(one, "amount")?;
        back_fen += left_fen;
        let account = text(one, "trans_out");
        let parts = trade.settles.iter_mut().flat_map(|settle| &mut settle.parts);
        for part in parts.filter(|part| part.account == account && part.failed.is_none()) {
            let part_fen = left_fen.min(part.amount_fen - part.returned_fen);
            part.returned_fen += part_fen;
            left_fen -= part_fen;
        }
        if left_fen > Fen::ZERO || text(one, "trans_in") != SELLER_ID {
            return Err(Refusal::business("ACQ.REFUND_ROYALTY_AMT_ERROR"));
        }
    }
    Ok(back_fen)
}

/// Takes their shares of a refund back from receivers, as the platform does by itself for trades
/// by a code. The caller writes the trade.
pub(super) fn take_back_pro_rata(trade: &mut Trade, amount_fen: Fen) {
    let left_fen = trade.total_fen - trade.refunded_fen();
    let parts = trade.settles.iter_mut().flat_map(|settle| &mut settle.parts);
    for part in parts.filter(|part| part.failed.is_none()) {
        let has_fen = part.amount_fen - part.returned_fen;
        part.returned_fen += Fen(has_fen.0 * amount_fen.0 / left_fen.0);
    }
}

fn parts(wanted: &Value) -> Result<Vec<Part>, Refusal> {
    let named = wanted["royalty_parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let part = |one: &Value| {
        let right = matches!(text(one, "royalty_type"), "" | "transfer")
            && text(one, "trans_out") == SELLER_ID
            && !text(one, "trans_in").is_empty();
        if !right {
            return Err(Refusal::business("ACQ.INVALID_PARAMETER"));
        }
        let account = text(one, "trans_in").to_owned();
        let amount_fen = amount(one, "amount")?;
        Ok(Part { account, amount_fen, returned_fen: Fen::ZERO, failed: None })
    };
    named.iter().map(part).collect()
}

/// The same answer for the same request; another under the same number is refused.
fn answer(trade: &Trade, settle: &Settle, parts: &[Part]) -> Result<Value, Failure> {
    let key = |part: &Part| (part.account.clone(), part.amount_fen);
    if !settle.parts.iter().map(key).eq(parts.iter().map(key)) {
        return Err(Refusal::business("ACQ.DISCORDANT_REPEAT_REQUEST").into());
    }
    Ok(success(json!({ "trade_no": trade.trade_no, "settle_no": settle.number })))
}

fn line(part: &Part, arrived: bool) -> Value {
    let state = match &part.failed {
        _ if !arrived => "PROCESSING",
        Some(_) => "FAIL",
        None => "SUCCESS",
    };
    json!({
        "operation_type": "transfer",
        "trans_out": SELLER_ID,
        "trans_out_type": "userId",
        "trans_in": part.account,
        "amount": part.amount_fen.to_yuan(),
        "state": state,
        "error_code": part.failed.clone().unwrap_or_default(),
    })
}
