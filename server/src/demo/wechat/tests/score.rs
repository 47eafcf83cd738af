//! Pay score by the two-wheeler form.

use serde_json::json;

use super::merchant::Merchant;

#[tokio::test]
async fn payscore_goes_by_the_two_wheeler_rules() {
    let mut merchant = Merchant::new().await;
    let path = "/v3/payscore/serviceorder";
    let (appid, service) = (merchant.config.appid.clone(), merchant.config.service_id.clone());
    let wanted = json!({"out_order_no": "SCORE1", "appid": appid, "service_id": service,
        "service_introduction": "两轮车充电", "time_range": {"start_time": "OnAccept"},
        "risk_fund": {"name": "ESTIMATE_ORDER_COST", "amount": 1000},
        "post_payments": [{"name": "收费标准", "description": "1元/小时"}],
        "device": {"start_device_id": "D1"}, "need_user_confirm": true,
        "notify_url": format!("{}/told", merchant.url)});
    for (name, value) in [
        ("post_payments", json!([{"name": "收费标准", "description": "x", "amount": 1}])),
        ("post_payments", json!([{"name": "服务费", "description": "x"}])),
        ("device", json!({})),
        ("post_payments", json!([])),
    ] {
        let mut wrong = wanted.clone();
        wrong[name] = value;
        assert_eq!(merchant.call("POST", path, &wrong).await.status, 400, "{wrong}");
    }
    let created = merchant.call("POST", path, &wanted).await.json();
    assert_eq!(created["state"], "CREATED");
    let complete = |tariff: i64, total: i64| {
        json!({"appid": appid, "service_id": service,
        "time_range": {"end_time": "20261122090000"}, "total_amount": total,
        "post_payments": [{"name": "收费标准", "amount": tariff, "description": "1元/小时"},
            {"name": "使用时长", "description": "1小时"}]})
    };
    let deed = |deed: &str| format!("{path}/SCORE1/{deed}");
    assert_eq!(
        merchant.call("POST", &deed("complete"), &complete(300, 300)).await.code(),
        "INVALID_ORDER_STATE"
    );
    let form = [("package", created["package"].as_str().unwrap()), ("action", "pay")];
    merchant.http.post(&merchant.config.business_view_url).form(&form).send().await.unwrap();
    assert_eq!(merchant.told().await["state_description"], "USER_CONFIRM");
    assert_eq!(
        merchant.call("POST", &deed("complete"), &complete(300, 200)).await.code(),
        "PARAM_ERROR"
    );
    assert_eq!(
        merchant.call("POST", &deed("complete"), &complete(1001, 1001)).await.code(),
        "PARAM_ERROR"
    );
    let done = merchant.call("POST", &deed("complete"), &complete(300, 300)).await.json();
    assert_eq!(done["state"], "DONE", "{done}");
    let paid = merchant.told().await;
    let id = paid["collection"]["details"][0]["transaction_id"].as_str().unwrap();
    let cancel = json!({"appid": appid, "service_id": service, "reason": "x"});
    assert_eq!(merchant.call("POST", &deed("cancel"), &cancel).await.code(), "INVALID_ORDER_STATE");
    let refund = json!({"transaction_id": id, "out_refund_no": "R1",
        "amount": {"refund": 100, "total": 300, "currency": "CNY"}});
    assert_eq!(merchant.call("POST", "/v3/refund/domestic/refunds", &refund).await.status, 200);
}
