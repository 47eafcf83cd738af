//! Tests of stations and sockets.

use super::*;

/// A code of its own for each text.
pub(crate) fn code(text: &str) -> ScanCode {
    ScanCode::from_random(text.bytes().fold(7, |bits, byte| bits * 31 + u64::from(byte)))
}

async fn store_with_site() -> Store {
    let store = Store::open("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    for sql in [
        "INSERT INTO operators VALUES ('op', 'Operator', '400', 0)",
        "INSERT INTO tariffs VALUES ('op', 't', '{}', 0)",
        "INSERT INTO sites VALUES ('op', 'site', 'Site', 'Road 1', 't', 0)",
    ] {
        sqlx::query(sql).execute(&store.pool).await.unwrap();
    }
    store
}

fn new_station(identity: &str, codes: &[&str]) -> NewStation {
    NewStation {
        operator_id: "op".into(),
        site_id: "site".into(),
        identity: identity.into(),
        name: "1 号桩".into(),
        password: "correct horse".into(),
        socket_max_w: SOCKET_MAX_W,
        codes: codes.iter().copied().map(code).collect(),
    }
}

#[tokio::test]
async fn a_station_is_found_by_identity_and_knows_its_key() {
    let store = store_with_site().await;
    let added = store.add_station(&new_station("SIM0001", &["A", "B"]), 5).await.unwrap();
    assert_eq!(added.sockets.iter().map(|s| s.connector).collect::<Vec<_>>(), [1, 2]);

    let account = store.station_by_identity("SIM0001").await.unwrap().unwrap();
    assert_eq!(account.station_id, added.station_id);
    assert_eq!(account.last_seen_ms, 0);
    assert!(account.accepts(b"correct horse"));
    assert!(!account.accepts(b"correct horsE"));
    assert!(!account.accepts(b""));
    assert!(!StationAccount::nobody().accepts(b""));
    assert!(store.station_by_identity("sim0001").await.unwrap().is_none());
}

#[tokio::test]
async fn an_identity_or_a_code_is_given_once() {
    let store = store_with_site().await;
    store.add_station(&new_station("SIM0001", &["A"]), 5).await.unwrap();
    let same_identity = store.add_station(&new_station("SIM0001", &["B"]), 5).await;
    assert!(matches!(same_identity, Err(StoreError::Taken)));
    let same_code = store.add_station(&new_station("SIM0002", &["A"]), 5).await;
    assert!(matches!(same_code, Err(StoreError::Taken)));
    assert!(store.station_by_identity("SIM0002").await.unwrap().is_none(), "half a station");
}

#[tokio::test]
async fn a_socket_row_changes_only_with_its_state() {
    let store = store_with_site().await;
    let added = store.add_station(&new_station("SIM0001", &["A"]), 5).await.unwrap();
    let presence = |at_ms, status: &str| Presence {
        operator_id: "op".into(),
        station_id: added.station_id.clone(),
        online: true,
        seen_ms: at_ms,
        boot: None,
        sockets: vec![SocketStatus {
            connector: 1,
            status: status.into(),
            error_code: "NoError".into(),
            at_ms,
        }],
    };
    let status_ms = || async {
        let sql = "SELECT status_ms FROM sockets WHERE connector = 1";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&store.pool).await.unwrap()
    };
    store.write_presence(&[presence(10, "Available")]).await.unwrap();
    store.write_presence(&[presence(20, "Available")]).await.unwrap();
    assert_eq!(status_ms().await, 10);
    store.write_presence(&[presence(30, "Faulted")]).await.unwrap();
    assert_eq!(status_ms().await, 30);
    let account = store.station_by_identity("SIM0001").await.unwrap().unwrap();
    assert_eq!(account.last_seen_ms, 30);
}
