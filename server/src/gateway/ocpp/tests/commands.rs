//! What we ask of stations: yes, no, unknown.

use std::time::Duration;

use serde_json::json;
use wasm_core::ids::OrderId;

use super::harness::House;
use crate::gateway::Timing;
use crate::gateway::ocpp::messages::commands::{AvailabilityStatus, AvailabilityType};
use crate::orders::{Chargers, CommandAnswer, Unsure};

#[tokio::test]
async fn a_start_is_answered_yes_or_no() {
    let house = House::open().await;
    let order = OrderId::from("ORDER1");
    let offline = house.stations.start(&house.station_id, 1, &order).await;
    assert_eq!(offline, Ok(CommandAnswer::Offline));

    let mut peer = house.booted().await;
    peer.hear_call("TriggerMessage").await;
    peer.obedient = false;
    for (answer, expected) in [
        (json!({"status": "Accepted"}), CommandAnswer::Accepted),
        (json!({"status": "Rejected"}), CommandAnswer::Rejected),
    ] {
        let (station, stations, order) =
            (house.station_id.clone(), house.stations.clone(), order.clone());
        let asked = tokio::spawn(async move { stations.start(&station, 2, &order).await });
        let (id, payload) = peer.hear_call("RemoteStartTransaction").await;
        assert_eq!(payload, json!({"connectorId": 2, "idTag": "ORDER1"}));
        peer.say(json!([3, id, answer]).to_string()).await;
        assert_eq!(asked.await.unwrap(), Ok(expected));
    }
}

#[tokio::test]
async fn one_call_is_open_at_a_time_and_the_next_waits() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    peer.hear_call("TriggerMessage").await;
    peer.obedient = false;
    let ask = |transaction_id: i64| {
        let (station, stations) = (house.station_id.clone(), house.stations.clone());
        tokio::spawn(async move { stations.stop(&station, transaction_id).await })
    };
    let both = [ask(1), ask(2)];
    let (id, _) = peer.hear_call("RemoteStopTransaction").await;
    // Calls of ours cross its own.
    peer.call("Heartbeat", json!({})).await;
    let second = peer.asked.iter().find(|(_, action, _)| action == "RemoteStopTransaction");
    assert_eq!(second, None, "a second call before the first is answered");
    peer.say(json!([3, id, {"status": "Accepted"}]).to_string()).await;
    let (id, _) = peer.hear_call("RemoteStopTransaction").await;
    peer.say(json!([4, id, "NotSupported", "", {}]).to_string()).await;
    let mut answers = Vec::new();
    for asked in both {
        answers.push(asked.await.unwrap());
    }
    assert!(answers.contains(&Ok(CommandAnswer::Accepted)));
    let refused = Err(Unsure::No { code: "NotSupported".into(), message: String::new() });
    assert!(answers.contains(&refused), "{answers:?}");
}

#[tokio::test]
async fn a_start_does_not_wait_for_the_rest_of_the_set_up() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    // The first step of the set-up is on its way and unanswered.
    let first = peer.hear().await.expect("a call");
    assert_eq!(first[2], "ChangeConfiguration");
    let (station, stations) = (house.station_id.clone(), house.stations.clone());
    let order = OrderId::from("ORDER1");
    let asked = tokio::spawn(async move { stations.start(&station, 1, &order).await });
    while house.stations.waiting(&house.station_id) == 0 {
        tokio::task::yield_now().await;
    }
    peer.say(json!([3, first[1], {"status": "Accepted"}]).to_string()).await;
    let next = peer.hear().await.expect("a call");
    assert_eq!(next[2], "RemoteStartTransaction");
    peer.say(json!([3, next[1], {"status": "Accepted"}]).to_string()).await;
    assert_eq!(asked.await.unwrap(), Ok(CommandAnswer::Accepted));
}

#[tokio::test]
async fn f19_f32_silence_is_unknown_and_a_late_answer_is_no_matter() {
    let timing = Timing { answer_within: Duration::from_millis(150), ..Timing::default() };
    let house = House::patient(timing).await;
    let mut peer = house.booted().await;
    peer.hear_call("TriggerMessage").await;
    peer.obedient = false;
    let (station, stations) = (house.station_id.clone(), house.stations.clone());
    let asked = tokio::spawn(async move { stations.stop(&station, 7).await });
    let (id, _) = peer.hear_call("RemoteStopTransaction").await;
    assert!(matches!(asked.await.unwrap(), Err(Unsure::Unknown(_))));
    peer.say(json!([3, id, {"status": "Accepted"}]).to_string()).await;
    peer.call("Heartbeat", json!({})).await;
}

#[tokio::test]
async fn a_line_that_breaks_with_an_open_call_is_unknown() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    peer.hear_call("TriggerMessage").await;
    peer.obedient = false;
    let (station, stations) = (house.station_id.clone(), house.stations.clone());
    let asked = tokio::spawn(async move { stations.stop(&station, 7).await });
    peer.hear_call("RemoteStopTransaction").await;
    drop(peer);
    assert!(matches!(asked.await.unwrap(), Err(Unsure::Unknown(_))));
}

#[tokio::test]
async fn an_odd_answer_is_unknown_and_other_commands_are_typed() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    peer.hear_call("TriggerMessage").await;
    peer.obedient = false;
    let (station, stations) = (house.station_id.clone(), house.stations.clone());
    let asked = tokio::spawn(async move {
        let odd = stations.stop(&station, 7).await;
        let inoperative = AvailabilityType::Inoperative;
        let scheduled = stations.change_availability(&station, 1, inoperative).await;
        let configuration = stations.configuration(&station, vec!["A".into()]).await;
        (odd, scheduled, configuration.unwrap())
    });
    let (id, _) = peer.hear_call("RemoteStopTransaction").await;
    peer.say(json!([3, id, {"status": "Perhaps"}]).to_string()).await;
    let (id, payload) = peer.hear_call("ChangeAvailability").await;
    assert_eq!(payload, json!({"connectorId": 1, "type": "Inoperative"}));
    peer.say(json!([3, id, {"status": "Scheduled"}]).to_string()).await;
    let (id, payload) = peer.hear_call("GetConfiguration").await;
    assert_eq!(payload, json!({"key": ["A"]}));
    let keys = json!({"configurationKey": [{"key": "A", "readonly": false, "value": "1"}]});
    peer.say(json!([3, id, keys]).to_string()).await;
    let (odd, scheduled, configuration) = asked.await.unwrap();
    assert!(matches!(odd, Err(Unsure::Unknown(_))));
    assert_eq!(scheduled, Ok(AvailabilityStatus::Scheduled));
    assert_eq!(configuration.configuration_key[0].value.as_deref(), Some("1"));
}
