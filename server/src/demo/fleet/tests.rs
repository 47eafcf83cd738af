//! The fleet against the real gateway.

use tokio::sync::OnceCell;
use wasm_core::order::StopReason;

use super::*;
use crate::clock::Clock;
use crate::gateway::Timing;
use crate::gateway::ocpp::tests::harness::{House, PASSWORD, eventually};
use crate::orders::{Chargers, CommandAnswer};

/// A charge in a second and a half instead of three hours.
const SPEED: u32 = 8_000;

#[test]
fn addresses_and_names() {
    assert_eq!(websocket_address("http://127.0.0.1:8080/"), "ws://127.0.0.1:8080");
    assert_eq!(websocket_address("https://charge.example"), "wss://charge.example");
    assert_eq!(websocket_address("ws://h:1"), "ws://h:1");
    let fleet = numbered(2, 10, "p");
    assert_eq!((fleet[1].identity.as_str(), fleet[1].sockets), ("SIM0002", 10));
}

#[tokio::test]
async fn a_simulated_station_charges_until_full_and_stops_when_told() {
    let house = House::patient_at(Timing::default(), Clock::System).await;
    let station =
        SimulatedStation { identity: "CP1".into(), password: PASSWORD.into(), sockets: 2 };
    let stop = CancellationToken::new();
    let server = format!("http://{}", house.address);
    let token = stop.clone();
    let fleet = tokio::spawn(async move { run(&server, vec![station], 3, SPEED, token).await });
    house.until("SELECT COUNT(*) FROM sockets WHERE status = 'Available'", 2).await;

    let id = &house.station_id;
    for (connector, order) in [(1, "ORDER1"), (2, "ORDER2")] {
        // A station that has just said it is free may still be settling in.
        eventually("it accepts", async || {
            let answer = house.stations.start(id, connector, &order.into()).await;
            answer == Ok(CommandAnswer::Accepted)
        })
        .await;
    }
    assert_eq!(house.stations.stop(id, 77).await, Ok(CommandAnswer::Rejected));
    let socket_2 = OnceCell::new();
    eventually("socket 2 charges", async || {
        let started = house.notes.started.lock().unwrap();
        let index = started.iter().position(|record| record.connector == 2);
        index.is_some_and(|index| socket_2.set(i64::try_from(index).unwrap() + 1).is_ok())
    })
    .await;
    let transaction = *socket_2.get().unwrap();
    assert_eq!(house.stations.stop(id, transaction).await, Ok(CommandAnswer::Accepted));
    eventually("both are over", async || house.notes.stopped.lock().unwrap().len() == 2).await;

    let stopped = house.notes.stopped.lock().unwrap().clone();
    for record in stopped {
        let told = record.transaction_id == transaction;
        let expected = if told { StopReason::Unknown } else { StopReason::Full };
        assert_eq!(record.reason, expected, "{record:?}");
    }
    assert!(!house.notes.metered.lock().unwrap().is_empty());
    assert!(house.kept().await.is_empty());
    stop.cancel();
    fleet.await.unwrap();
}
