//! The messages that carry a bill: never refused, never counted twice, never lost.

use serde_json::json;
use wasm_core::order::StopReason;

use super::harness::{House, NOW_MS};

const START: &str = "2026-11-22T13:00:00Z";

#[tokio::test]
async fn f21_a_charge_from_start_to_stop() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    let tag = json!({"idTag": "ORDER1"});
    assert_eq!(peer.call("Authorize", tag).await["idTagInfo"]["status"], "Accepted");
    let stranger = json!({"idTag": "CARD7"});
    assert_eq!(peer.call("Authorize", stranger).await["idTagInfo"]["status"], "Invalid");

    let id = peer.start("ORDER1", START).await;
    assert_eq!(peer.start("ORDER1", START).await, id, "a repeat is the same start");

    house.clock.advance_ms(10_000);
    let reading = json!({"connectorId": 1, "transactionId": id, "meterValue": [
        {"timestamp": "2026-11-22T13:00:05Z", "sampledValue": [{"value": "101"}]},
        {"timestamp": "2026-11-22T13:00:10Z", "sampledValue": [
            {"value": "0.102", "unit": "kWh"},
            {"value": "310.4", "measurand": "Power.Active.Import", "unit": "W"}]}]});
    assert_eq!(peer.call("MeterValues", reading).await, json!({}));
    let stored = house.store.samples(id).await.unwrap();
    let rows: Vec<_> = stored.iter().map(|s| (s.at_ms, s.register_wh, s.power_w)).collect();
    assert_eq!(rows, [(NOW_MS + 5_000, 101, None), (NOW_MS + 10_000, 102, Some(310))]);

    let suspended = json!({"connectorId": 1, "errorCode": "NoError", "status": "SuspendedEV"});
    peer.call("StatusNotification", suspended).await;
    let finishing = json!({"connectorId": 1, "errorCode": "NoError", "status": "Finishing"});
    peer.call("StatusNotification", finishing).await;
    let stop = json!({"transactionId": id, "meterStop": 103, "reason": "Local",
                      "timestamp": "2026-11-22T13:00:10Z"});
    assert_eq!(peer.call("StopTransaction", stop).await, json!({}));
    let stopped = house.notes.stopped.lock().unwrap()[0].clone();
    assert_eq!((stopped.transaction_id, stopped.meter_stop_wh), (id, 103));
    assert_eq!((stopped.reason, stopped.at_ms), (StopReason::Full, NOW_MS + 10_000));
    let metered = house.notes.metered.lock().unwrap().clone();
    assert_eq!(metered.len(), 1, "after the answer, the house hears of the last reading");
    assert_eq!((metered[0].0, metered[0].1.register_wh), (id, 102));
    assert!(house.kept().await.is_empty());
}

#[tokio::test]
async fn readings_of_a_finished_or_strange_transaction_are_kept_and_revive_nothing() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    let id = peer.start("ORDER1", START).await;
    let stop = json!({"transactionId": id, "meterStop": 103, "timestamp": START});
    peer.call("StopTransaction", stop).await;
    let reading = |transaction: serde_json::Value| {
        json!({"connectorId": 1, "transactionId": transaction, "meterValue": [
            {"timestamp": START, "sampledValue": [{"value": "104"}]}]})
    };
    for transaction in [json!(id), json!(999), json!(-1), json!("0")] {
        assert_eq!(peer.call("MeterValues", reading(transaction)).await, json!({}));
    }
    let by_clock = json!({"connectorId": 0, "meterValue": [
        {"timestamp": START, "sampledValue": [{"value": "104"}]}]});
    assert_eq!(peer.call("MeterValues", by_clock).await, json!({}));
    assert_eq!(house.kept().await.len(), 4);
    assert_eq!(house.count("SELECT COUNT(*) FROM samples").await, 0);
    assert!(house.notes.metered.lock().unwrap().is_empty());
}

#[tokio::test]
async fn readings_that_name_no_transaction_belong_to_the_charge_at_their_socket() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    let id = peer.start("ORDER1", START).await;
    let reading = |connector: i64, wh: &str| {
        json!({"connectorId": connector, "meterValue": [
            {"timestamp": START, "sampledValue": [{"value": wh}]}]})
    };
    for (connector, wh) in [(1, "104"), (2, "999"), (0, "999")] {
        assert_eq!(peer.call("MeterValues", reading(connector, wh)).await, json!({}));
    }
    let stored = house.store.samples(id).await.unwrap();
    assert_eq!(stored.iter().map(|sample| sample.register_wh).collect::<Vec<_>>(), [104]);
    assert!(house.kept().await.is_empty());
}

#[tokio::test]
async fn f25_nothing_strange_is_refused() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    // Before 1970 was over, without a time, a long tag, a socket that is not there.
    let starts = [
        json!({"connectorId": 1, "idTag": "X", "meterStart": -5, "timestamp": "1970-01-01T00:00:00Z"}),
        json!({"connectorId": 1, "idTag": "X", "meterStart": 0, "timestamp": "gestern"}),
        json!({"connectorId": 99, "idTag": "x".repeat(40), "meterStart": "7", "timestamp": START}),
        json!({"connectorId": 1, "meterStart": 8.0}),
    ];
    let mut ids = Vec::new();
    for start in starts {
        let answer = peer.call("StartTransaction", start).await;
        ids.push(answer["transactionId"].as_i64().unwrap());
        assert_eq!(answer["idTagInfo"]["status"], "Invalid");
    }
    assert!(ids.iter().all(|id| *id > 0));
    let stops = [
        json!({"transactionId": -1, "meterStop": 5, "timestamp": START, "idTag": "ORDER1"}),
        json!({"transactionId": 0, "meterStop": 5, "timestamp": START}),
        json!({"transactionId": 4711, "meterStop": -1, "timestamp": "1970-01-01T00:00:00Z"}),
        json!({"transactionId": ids[0], "meterStop": -1, "timestamp": "2099-01-01T00:00:00Z"}),
        json!({"transactionId": ids[0], "meterStop": 1, "reason": "Tired"}),
        json!({"transactionId": ids[2]}),
    ];
    for stop in stops {
        assert_eq!(peer.call("StopTransaction", stop).await, json!({}));
    }
    let stopped = house.notes.stopped.lock().unwrap().clone();
    assert_eq!(stopped.len(), 6, "orders hear of every stop");
    assert_eq!(stopped[0].id_tag.as_deref(), Some("ORDER1"));
    assert!(stopped.iter().all(|stop| stop.at_ms == NOW_MS), "implausible times become ours");
    let unknown = house.kept().await;
    assert_eq!(unknown.len(), 3, "{unknown:?}");
}

#[tokio::test]
async fn f24_a_replay_keeps_its_times() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    let id = peer.start("ORDER1", "2026-11-19T13:00:00Z").await;
    let reading = json!({"connectorId": 1, "transactionId": id, "meterValue": [
        {"timestamp": "2026-11-19T14:00:00Z", "sampledValue": [{"value": "150"}]}]});
    peer.call("MeterValues", reading).await;
    let hour_ms = 3_600_000;
    let at_ms = house.store.samples(id).await.unwrap()[0].at_ms;
    assert_eq!(at_ms, NOW_MS - 71 * hour_ms);
    let stop = json!({"transactionId": id, "meterStop": 200, "timestamp": "2026-11-19T15:00:00Z"});
    peer.call("StopTransaction", stop).await;
    assert_eq!(house.notes.stopped.lock().unwrap()[0].at_ms, NOW_MS - 70 * hour_ms);
}

#[tokio::test]
async fn readings_without_a_believable_time_do_not_hide_each_other() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    let id = peer.start("ORDER1", START).await;
    let value = |wh: i64| {
        json!({"timestamp": "1970-01-01T00:00:00Z",
                                 "sampledValue": [{"value": wh.to_string()}]})
    };
    let reading = json!({"connectorId": 1, "transactionId": id,
                         "meterValue": [value(101), value(102), value(103)]});
    peer.call("MeterValues", reading).await;
    let stored = house.store.samples(id).await.unwrap();
    assert_eq!(stored.iter().map(|s| s.register_wh).collect::<Vec<_>>(), [101, 102, 103]);
    assert_eq!(stored[2].at_ms, NOW_MS);
}

#[tokio::test]
async fn f60_what_breaks_a_handler_is_parked_and_the_link_lives_on() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    let start = json!({"connectorId": 1, "idTag": "PANIC", "meterStart": 0, "timestamp": START});
    assert_eq!(peer.ask("StartTransaction", start).await[2], "InternalError");
    let stop = json!({"transactionId": 1, "meterStop": 666, "timestamp": START});
    assert_eq!(peer.call("StopTransaction", stop).await, json!({}));
    let unreadable = json!({"connectorId": [], "meterStart": 1});
    assert_eq!(peer.ask("StartTransaction", unreadable).await[0], 4);
    let kept = house.kept().await;
    assert_eq!(kept.iter().filter(|(_, reason)| reason.contains("told to panic")).count(), 2);
    assert!(kept.iter().any(|(_, reason)| reason.starts_with("invalid type")), "{kept:?}");
    peer.call("Heartbeat", json!({})).await;
}

#[tokio::test]
async fn f51_our_own_trouble_closes_the_link_instead_of_answering() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    let start = json!({"connectorId": 1, "idTag": "TROUBLE", "meterStart": 0, "timestamp": START});
    peer.say(json!([2, "x", "StartTransaction", start]).to_string()).await;
    assert_eq!(peer.hear_answer().await, None);

    let mut peer = house.connect().await;
    let id = peer.start("ORDER1", START).await;
    sqlx::query("DROP TABLE samples").execute(&house.store.pool).await.unwrap();
    let reading = json!({"connectorId": 1, "transactionId": id, "meterValue": [
        {"timestamp": START, "sampledValue": [{"value": "101"}]}]});
    peer.say(json!([2, "y", "MeterValues", reading]).to_string()).await;
    assert_eq!(peer.hear_answer().await, None);
}
