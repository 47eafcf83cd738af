//! Stations that mean no good, all stations at once, and a database without room.

use std::time::{Duration, Instant};

use futures_util::SinkExt;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::harness::{House, NOW_MS, PASSWORD, Peer, add_station, eventually};
use crate::clock::Clock;
use crate::gateway::Timing;
use crate::store::Store;

/// What this process may grow by while it is abused, bytes. What is sent is many times as much.
const GROWTH_MAX: u64 = 48 << 20;
/// Stations that come back at one time.
const STORM: usize = 300;
/// When all of them must be back.
const BACK_WITHIN: Duration = Duration::from_mins(1);

fn fragment(opcode: Data, bytes: Vec<u8>, is_last: bool) -> Message {
    Message::Frame(Frame::message(bytes, OpCode::Data(opcode), is_last))
}

/// This process's memory, bytes.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Sends until it is refused, and sees that the link is ended.
async fn is_let_go(house: &House, what: &str, messages: Vec<Message>) {
    let mut peer = house.booted().await;
    for message in messages {
        if peer.socket.send(message).await.is_err() {
            break;
        }
    }
    while peer.hear().await.is_some() {}
    eventually(what, async || house.stations.connected() == 0).await;
}

#[tokio::test]
async fn f33_frames_without_measure_or_sense_end_the_link_and_cost_no_memory() {
    let house = House::open().await;
    drop(house.booted().await);
    eventually("gone", async || house.stations.connected() == 0).await;
    let before = resident_bytes();
    for _ in 0..5 {
        is_let_go(&house, "10 MB of text", vec![Message::text("x".repeat(10 << 20))]).await;
        let mut pieces = vec![fragment(Data::Text, vec![b'x'; 1024], false)];
        pieces.extend((0..1024).map(|_| fragment(Data::Continue, vec![b'x'; 1024], false)));
        is_let_go(&house, "1 MB of fragments", pieces).await;
        let no_text = vec![fragment(Data::Text, vec![b'"', 0xff, 0xfe, b'"'], true)];
        is_let_go(&house, "no UTF-8", no_text).await;
    }
    let mut peer = house.booted().await;
    for _ in 0..20_000 {
        peer.socket.send(Message::Ping(vec![0; 125].into())).await.unwrap();
    }
    peer.call("Heartbeat", json!({})).await;
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH_MAX, "{grown} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f35_all_stations_that_come_back_at_once_are_soon_back() {
    let house = House::open().await;
    let names: Vec<String> = (0..STORM).map(|number| format!("STORM{number}")).collect();
    for name in &names {
        add_station(&house.store, name).await;
    }
    let began = Instant::now();
    let peers = join_all(names.iter().map(|name| comes_back(&house, name))).await;
    let stored = "SELECT COUNT(*) FROM stations WHERE online = 1";
    let expected = i64::try_from(STORM).unwrap();
    house.until(stored, expected).await;
    assert!(began.elapsed() < BACK_WITHIN, "{:?}", began.elapsed());
    assert_eq!(house.stations.connected(), STORM);
    assert_eq!(house.notes.started.lock().unwrap().len(), STORM, "each queue was taken");
    drop(peers);
}

/// Boots, says how it stands, and sends what it kept.
async fn comes_back(house: &House, name: &str) -> Peer {
    let login = format!("{name}:{PASSWORD}");
    let mut peer = house.knock(name, Some(&login), Some("ocpp1.6")).await.unwrap();
    peer.boot().await;
    let status = json!({"connectorId": 1, "errorCode": "NoError", "status": "Charging"});
    peer.call("StatusNotification", status).await;
    assert!(peer.start(&format!("ORDER {name}"), "2026-11-22T12:00:00Z").await > 0);
    peer
}

/// Says something to each connection of the pool, such as how many pages the file may have.
async fn each_connection(house: &House, pragma: &'static str) {
    let mut held = Vec::new();
    for _ in 0..house.store.pool.options().get_max_connections() {
        let mut connection = house.store.pool.acquire().await.unwrap();
        sqlx::query(pragma).execute(&mut *connection).await.unwrap();
        held.push(connection);
    }
}

fn reading(transaction: i64, number: usize) -> Value {
    let timestamp = format!("2026-11-22T12:{:02}:{:02}Z", number / 60, number % 60);
    let value = json!({"timestamp": timestamp, "sampledValue": [{"value": number.to_string()}]});
    json!({"connectorId": 1, "transactionId": transaction, "meterValue": [value]})
}

#[tokio::test]
async fn f51_on_a_full_disk_stations_keep_what_they_say_and_say_it_later() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("t.db").display());
    let store = Store::open(&url).await.unwrap();
    let house = House::over(store, Timing::default(), Clock::manual(NOW_MS)).await;
    let mut peer = house.booted().await;
    let id = peer.start("ORDER1", "2026-11-22T12:00:00Z").await;
    each_connection(&house, "PRAGMA max_page_count = 1").await;
    let mut confirmed = 0;
    loop {
        let call = json!([2, format!("r{confirmed}"), "MeterValues", reading(id, confirmed)]);
        peer.say(call.to_string()).await;
        let Some(answer) = peer.hear_answer().await else { break };
        assert_eq!(answer[0], 3, "never an error, which counts as a try: {answer}");
        confirmed += 1;
        assert!(confirmed < 3_000, "it is never full");
    }
    let stored = async || house.store.samples(id).await.unwrap().len();
    assert_eq!(stored().await, confirmed, "reading works, and what was confirmed is there");
    each_connection(&house, "PRAGMA max_page_count = 1000000").await;
    let mut peer = house.connect().await;
    for number in confirmed..confirmed + 20 {
        assert_eq!(peer.call("MeterValues", reading(id, number)).await, json!({}));
    }
    assert_eq!(stored().await, confirmed + 20);
}
