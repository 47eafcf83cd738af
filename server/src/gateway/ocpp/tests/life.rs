//! Boot, frames, and how links begin and end.

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::harness::{House, eventually};
use crate::gateway::Timing;

const ONLINE: &str = "SELECT online FROM stations WHERE identity = 'CP1'";

#[tokio::test]
async fn f32_before_its_first_boot_a_station_may_only_boot() {
    let house = House::open().await;
    let mut peer = house.connect().await;
    for action in ["Heartbeat", "StopTransaction", "Nonsense"] {
        let answer = peer.ask(action, json!({})).await;
        assert_eq!((&answer[0], &answer[2]), (&json!(4), &json!("SecurityError")), "{answer}");
    }
    assert_eq!(house.count(ONLINE).await, 0);
    peer.boot().await;
    house.until(ONLINE, 1).await;
    assert_eq!(house.count("SELECT COUNT(*) FROM stations WHERE vendor = 'V'").await, 1);
    let beat = peer.call("Heartbeat", json!({})).await;
    assert_eq!(beat["currentTime"], "2026-11-22T13:00:00.000Z");

    // A lost link is no restart: it goes on without a boot.
    drop(peer);
    house.until(ONLINE, 0).await;
    let mut again = house.connect().await;
    again.call("Heartbeat", json!({})).await;
    house.until(ONLINE, 1).await;
    let (_, wanted) = again.hear_call("TriggerMessage").await;
    assert_eq!(wanted, json!({"requestedMessage": "StatusNotification"}));
}

#[tokio::test]
async fn after_a_boot_the_station_is_told_how_to_report() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    peer.hear_call("TriggerMessage").await;
    let keys: Vec<_> = peer.asked.iter().map(|(_, _, asked)| asked["key"].clone()).collect();
    for key in ["MeterValueSampleInterval", "TransactionMessageAttempts", "HeartbeatInterval"] {
        assert!(keys.contains(&json!(key)), "{key} not in {keys:?}");
    }
}

#[tokio::test]
async fn f33_what_is_malformed_gets_the_protocols_error_and_the_link_stays() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let overflow = r#"[2,"a","StartTransaction",{"connectorId":1e400}]"#;
    for (text, id, code) in [
        ("nonsense", "-1", "FormationViolation"),
        (&deep, "-1", "FormationViolation"),
        (overflow, "-1", "FormationViolation"),
        (r#"[2,"a","Fly",{}]"#, "a", "NotImplemented"),
        (r#"[2,"a","Reset",{"type":"Hard"}]"#, "a", "NotSupported"),
        (r#"[2,"a","Authorize",{}]"#, "a", "OccurenceConstraintViolation"),
        (r#"[2,"a","Authorize",{"idTag":7}]"#, "a", "TypeConstraintViolation"),
        (
            r#"[2,"a","Authorize",{"idTag":"123456789012345678901"}]"#,
            "a",
            "PropertyConstraintViolation",
        ),
        (r#"[2,"a","StopTransaction",{"transactionId":true}]"#, "a", "TypeConstraintViolation"),
    ] {
        peer.say(text).await;
        let answer = peer.hear_answer().await.unwrap();
        assert_eq!(answer[0], 4, "{text}: {answer}");
        assert_eq!((&answer[1], &answer[2]), (&json!(id), &json!(code)), "{answer}");
    }
    peer.socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(peer.hear_answer().await.unwrap()[2], "FormationViolation");
    // Answers to nothing we asked are no matter.
    for text in [r#"[3,"zz",{}]"#, r#"[4,"zz","GenericError","",{}]"#, "[3]", r#"[9,"q"]"#] {
        peer.say(text).await;
    }
    peer.call("Heartbeat", json!({})).await;
    assert_eq!(house.stations.connected(), 1);
}

#[tokio::test]
async fn f33_a_message_beyond_all_measure_ends_the_link_and_nothing_else() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    // The server may close while we still write.
    let _ = peer.socket.send(Message::text("x".repeat(1_000_000))).await;
    assert_eq!(peer.hear_answer().await, None);
    house.booted().await;
}

#[tokio::test]
async fn many_calls_at_once_are_answered_in_their_order() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    for number in 0..50 {
        peer.say(json!([2, format!("q{number}"), "Heartbeat", {}]).to_string()).await;
    }
    for number in 0..50 {
        assert_eq!(peer.hear_answer().await.unwrap()[1], json!(format!("q{number}")));
    }
}

#[tokio::test]
async fn f29_a_newer_link_wins_and_the_older_ones_end_does_not_put_it_offline() {
    let house = House::open().await;
    let mut older = house.booted().await;
    house.until(ONLINE, 1).await;
    let mut newer = house.connect().await;
    assert_eq!(older.hear_answer().await, None, "the older link is closed");
    newer.call("Heartbeat", json!({})).await;
    eventually("one link", async || house.stations.connected() == 1).await;
    // The older link's last word has been written when this one has.
    let available = json!({"connectorId": 1, "errorCode": "NoError", "status": "Available"});
    newer.call("StatusNotification", available).await;
    house.until("SELECT COUNT(*) FROM sockets WHERE status = 'Available'", 1).await;
    assert_eq!(house.count(ONLINE).await, 1);
    assert!(house.stations.online(&house.station_id));
}

#[tokio::test]
async fn f30_two_devices_with_one_identity_take_no_orders_while_they_take_turns() {
    let house = House::open().await;
    let mut last = house.booted().await;
    house.until(ONLINE, 1).await;
    // Each comes back as soon as the other has pushed it out, as devices do.
    for turn in 0..6 {
        let mut next = house.connect().await;
        next.call("Heartbeat", json!({})).await;
        while last.hear().await.is_some() {}
        last = next;
        let is_alone = house.stations.online(&house.station_id);
        assert_eq!(is_alone, turn < 3, "after {} replacements", turn + 1);
    }
    // What orders see: a station that is not there, though one of the two has a link.
    house.until(ONLINE, 0).await;
    assert_eq!(house.stations.connected(), 1);
    last.call("Heartbeat", json!({})).await;
    assert_eq!(house.count(ONLINE).await, 0, "it stays so while it speaks");
    // What it says is taken all the same: it may be somebody's bill.
    assert!(last.start("ORDER", "2026-11-22T12:00:00Z").await > 0);
}

#[tokio::test]
async fn a_silent_station_is_dead_after_a_missed_ping() {
    let timing = Timing { ping_every: Duration::from_millis(100), ..Timing::default() };
    let house = House::patient(timing).await;
    let mut peer = house.booted().await;
    house.until(ONLINE, 1).await;
    // It reads no more, so it answers no ping; then it is gone though its socket is open.
    eventually("offline", async || !house.stations.online(&house.station_id)).await;
    house.until(ONLINE, 0).await;
    while peer.hear().await.is_some() {}
}

#[tokio::test]
async fn a_station_that_answers_pings_stays() {
    let timing = Timing { ping_every: Duration::from_millis(50), ..Timing::default() };
    let house = House::patient(timing).await;
    let mut peer = house.booted().await;
    let listening = tokio::time::timeout(Duration::from_millis(400), async {
        while peer.hear().await.is_some() {}
    });
    assert!(listening.await.is_err(), "the link ended");
}

#[tokio::test]
async fn a_socket_state_is_written_when_it_changes() {
    let house = House::open().await;
    let mut peer = house.booted().await;
    let say = |status: &str| json!({"connectorId": 2, "errorCode": "NoError", "status": status});
    peer.call("StatusNotification", say("Available")).await;
    house.until("SELECT COUNT(*) FROM sockets WHERE status = 'Available'", 1).await;
    house.clock.advance_ms(1_000);
    peer.call("StatusNotification", say("Available")).await;
    peer.call("StatusNotification", say("Faulted")).await;
    house.until("SELECT COUNT(*) FROM sockets WHERE status = 'Faulted' AND connector = 2", 1).await;
    let changed = house.notes.changed.lock().unwrap().clone();
    assert!(changed.contains(&house.station_id));
}

#[tokio::test]
async fn f34_who_does_not_read_is_let_go_and_others_do_not_notice() {
    let timing = Timing { write_within: Duration::from_millis(300), ..Timing::default() };
    let house = House::patient(timing).await;
    let mut deaf = house.booted().await;
    // Answers to what it asks pile up until no more fit; then it is let go.
    let shouting = async {
        let question = json!([2, "x".repeat(36), "y".repeat(60), {}]).to_string();
        while deaf.socket.send(Message::text(question.clone())).await.is_ok() {}
    };
    let ended = tokio::time::timeout(Duration::from_mins(1), shouting).await;
    assert!(ended.is_ok(), "still connected");
    eventually("gone", async || house.stations.connected() == 0).await;
}
