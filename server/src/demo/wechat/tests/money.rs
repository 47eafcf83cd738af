//! Orders, refunds, sharing and the bill keep the rules of the real one.

use std::time::Duration;

use serde_json::json;

use super::super::*;
use super::merchant::Merchant;
use crate::random;

#[tokio::test]
async fn an_order_is_opened_paid_told_and_asked_for() {
    let mut merchant = Merchant::new().await;
    let id = merchant.paid("ORDER1").await;
    for target in [
        format!("out-trade-no/ORDER1?mchid={}", merchant.config.mchid),
        format!("id/{id}?mchid={}", merchant.config.mchid),
    ] {
        let told = merchant.get(&format!("/v3/pay/transactions/{target}")).await.json();
        assert_eq!(
            (told["trade_state"].as_str(), told["amount"]["total"].as_i64()),
            (Some("SUCCESS"), Some(500))
        );
        assert_eq!(told["payer"]["openid"], "o1");
    }
    let again =
        merchant.call("POST", "/v3/pay/transactions/jsapi", &merchant.order("ORDER1")).await;
    assert_eq!(again.code(), "ORDERPAID");
    let close = json!({"mchid": merchant.config.mchid});
    let close_path = |number: &str| format!("/v3/pay/transactions/out-trade-no/{number}/close");
    assert_eq!(merchant.call("POST", &close_path("ORDER1"), &close).await.code(), "ORDERPAID");
    assert_eq!(
        merchant.call("POST", &close_path("ORDER9"), &close).await.code(),
        "ORDER_NOT_EXIST"
    );
    let prepay_id = merchant.opened("ORDER2").await;
    assert_eq!(merchant.opened("ORDER2").await, prepay_id, "the same order again");
    let mut other = merchant.order("ORDER2");
    other["amount"]["total"] = json!(501);
    let answer = merchant.call("POST", "/v3/pay/transactions/jsapi", &other).await;
    assert_eq!(answer.code(), "INVALID_REQUEST");
    assert_eq!(merchant.call("POST", &close_path("ORDER2"), &close).await.status, 204);
    merchant.press(&prepay_id, "pay").await;
    let told =
        merchant.get("/v3/pay/transactions/out-trade-no/ORDER2?mchid=1900000001").await.json();
    assert_eq!(told["trade_state"], "CLOSED", "what is closed cannot be paid");
}

#[tokio::test]
async fn refunds_take_their_time_and_their_limits() {
    let mut merchant = Merchant::new().await;
    merchant.paid("ORDER1").await;
    merchant.faults(|faults| faults.takes = Duration::from_secs(1));
    let first = merchant.refund("ORDER1", "R1", 300).await.json();
    assert_eq!(first["status"], "PROCESSING");
    merchant.clock.advance_ms(1_000);
    let done = merchant.get("/v3/refund/domestic/refunds/R1").await.json();
    assert_eq!(
        (done["status"].as_str(), &done["refund_id"]),
        (Some("SUCCESS"), &first["refund_id"])
    );
    assert_eq!(merchant.told().await["refund_status"], "SUCCESS");
    let again = merchant.refund("ORDER1", "R1", 300).await.json();
    assert_eq!(again["refund_id"], first["refund_id"]);
    assert_eq!(merchant.refund("ORDER1", "R1", 200).await.code(), "INVALID_REQUEST");
    assert_eq!(merchant.refund("ORDER1", "R2", 201).await.code(), "INVALID_REQUEST");
    merchant.faults(|faults| faults.refund = RefundFault::NotEnough);
    assert_eq!(merchant.refund("ORDER1", "R2", 200).await.code(), "NOT_ENOUGH");
    merchant.faults(|faults| faults.refund = RefundFault::Abnormal);
    assert_eq!(merchant.refund("ORDER1", "R2", 200).await.status, 200);
    assert_eq!(merchant.told().await["refund_status"], "ABNORMAL");
    assert_eq!(merchant.get("/v3/refund/domestic/refunds/R9").await.code(), "RESOURCE_NOT_EXISTS");
}

#[tokio::test]
async fn sharing_keeps_its_limits() {
    let mut merchant = Merchant::new().await;
    let id = merchant.paid("ORDER1").await;
    let share = |number: &str, account: &str, amount: i64| {
        json!({"appid": merchant.config.appid, "transaction_id": id, "out_order_no": number,
            "unfreeze_unsplit": false, "receivers": [{"type": "PERSONAL_OPENID", "account": account,
            "amount": amount, "description": "分账"}]})
    };
    let path = "/v3/profitsharing/orders";
    assert_eq!(
        merchant.call("POST", path, &share("S1", "o2", 100)).await.code(),
        "INVALID_REQUEST",
        "too early"
    );
    merchant.clock.advance_ms(60_000);
    assert_eq!(
        merchant.call("POST", path, &share("S1", "o2", 151)).await.code(),
        "RULE_LIMIT",
        "30 %"
    );
    let stranger = merchant.call("POST", path, &share("S0", "o9", 100)).await.json();
    assert_eq!(stranger["receivers"][0]["fail_reason"], "NO_RELATION");
    let receiver = json!({"appid": merchant.config.appid, "type": "PERSONAL_OPENID", "account": "o2",
        "relation_type": "PARTNER"});
    assert_eq!(
        merchant.call("POST", "/v3/profitsharing/receivers/add", &receiver).await.status,
        200
    );
    let done = merchant.call("POST", path, &share("S1", "o2", 150)).await.json();
    assert_eq!(
        (done["state"].as_str(), done["receivers"][0]["result"].as_str()),
        (Some("FINISHED"), Some("SUCCESS"))
    );
    let mut many = share("S3", "o2", 1);
    many["receivers"] = json!(vec![many["receivers"][0].clone(); 51]);
    assert_eq!(merchant.call("POST", path, &many).await.code(), "PARAM_ERROR");
    let left = format!("/v3/profitsharing/transactions/{id}/amounts");
    assert_eq!(merchant.get(&left).await.json()["unsplit_amount"], 350);
    let unfreeze = json!({"transaction_id": id, "out_order_no": "U1", "description": "解冻"});
    let freed = merchant.call("POST", "/v3/profitsharing/orders/unfreeze", &unfreeze).await.json();
    assert_eq!(freed["receivers"][0]["amount"], 350);
    assert_eq!(merchant.get(&left).await.json()["unsplit_amount"], 0);
    assert_eq!(merchant.call("POST", path, &share("S4", "o2", 1)).await.code(), "INVALID_REQUEST");
}

#[tokio::test]
async fn a_bill_has_yesterdays_payments_and_refunds() {
    let mut merchant = Merchant::new().await;
    merchant.paid("ORDER1").await;
    merchant.refund("ORDER1", "R1", 200).await;
    let target = "/v3/bill/tradebill?bill_date=2026-11-22&bill_type=ALL&tar_type=GZIP";
    assert_eq!(merchant.get(target).await.code(), "PARAM_ERROR", "today");
    merchant.clock.advance_ms(24 * 3_600_000);
    assert_eq!(merchant.get(target).await.code(), "STATEMENT_CREATING", "08:00");
    merchant.clock.advance_ms(2 * 3_600_000);
    let told = merchant.get(target).await.json();
    let address = told["download_url"].as_str().unwrap().strip_prefix(&merchant.url).unwrap();
    let packed = merchant.get(address).await.body;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut bytes).unwrap();
    let sha1 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    assert_eq!(told["hash_value"], random::hex(sha1.as_ref()));
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[1].contains(",`ORDER1,") && lines[1].contains(",`SUCCESS,"));
    assert!(lines[2].contains(",`R1,`2.00,"));
    assert_eq!(lines[4], "`2,`5.00,`2.00,`0.00,`0.01800,`5.00,`2.00");
    let unsigned = merchant.send("GET", address, "", "").await;
    assert_eq!(unsigned.status, 401);
}
