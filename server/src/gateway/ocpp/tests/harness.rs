//! A gateway on a real port, a house that only takes notes, and a station of few words.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use wasm_core::ids::StationId;

use crate::clock::Clock;
use crate::gateway::{DeviceEvents, Stations, Timing};
use crate::orders::{OrderError, Reading, StartRecord, StopRecord};
use crate::store::stations::{NewStation, SOCKET_MAX_W, new_codes};
use crate::store::{Store, StoreError};

pub const PATIENCE: Duration = Duration::from_secs(20);
pub const PASSWORD: &str = "secret:with:colons";

/// Takes notes, and keeps transactions as the real one does.
pub struct Notes {
    store: Store,
    clock: Clock,
    pub started: Mutex<Vec<StartRecord>>,
    pub stopped: Mutex<Vec<StopRecord>>,
    pub metered: Mutex<Vec<(i64, Reading)>>,
    pub changed: Mutex<Vec<StationId>>,
}

impl Notes {
    async fn start(&self, record: StartRecord) -> Result<i64, OrderError> {
        assert!(record.id_tag != "PANIC", "told to panic");
        if record.id_tag == "TROUBLE" {
            return Err(OrderError::Store(StoreError::Stale));
        }
        let id = {
            let mut started = self.started.lock().unwrap();
            let same = |known: &StartRecord| {
                (known.connector, &known.id_tag, known.at_ms, known.meter_start_wh)
                    == (record.connector, &record.id_tag, record.at_ms, record.meter_start_wh)
            };
            if let Some(index) = started.iter().position(same) {
                return Ok(i64::try_from(index).unwrap() + 1);
            }
            started.push(record.clone());
            i64::try_from(started.len()).unwrap()
        };
        sqlx::query(
            "INSERT INTO transactions (id, operator_id, station_id, connector, id_tag,
                 device_started_ms, meter_start_wh, started_ms, received_ms)
             VALUES ($1, 'op', $2, $3, $4, $5, $6, $5, $7)",
        )
        .bind(id)
        .bind(record.station_id.as_str())
        .bind(record.connector)
        .bind(record.id_tag)
        .bind(record.at_ms)
        .bind(record.meter_start_wh)
        .bind(self.clock.now_ms())
        .execute(&self.store.pool)
        .await
        .unwrap();
        Ok(id)
    }

    async fn stop(&self, record: StopRecord) -> Result<(), OrderError> {
        assert!(record.meter_stop_wh != 666, "told to panic");
        sqlx::query("UPDATE transactions SET stopped_ms = $2 WHERE id = $1")
            .bind(record.transaction_id)
            .bind(record.at_ms)
            .execute(&self.store.pool)
            .await
            .unwrap();
        self.stopped.lock().unwrap().push(record);
        Ok(())
    }
}

impl DeviceEvents for Notes {
    fn started(&self, record: StartRecord) -> BoxFuture<'_, Result<i64, OrderError>> {
        Box::pin(self.start(record))
    }

    fn stopped(&self, record: StopRecord) -> BoxFuture<'_, Result<(), OrderError>> {
        Box::pin(self.stop(record))
    }

    fn metered<'a>(
        &'a self,
        _: &'a StationId,
        transaction_id: i64,
        reading: Reading,
    ) -> BoxFuture<'a, ()> {
        self.metered.lock().unwrap().push((transaction_id, reading));
        Box::pin(std::future::ready(()))
    }

    fn authorizes<'a>(
        &'a self,
        _: &'a StationId,
        _: Option<i64>,
        id_tag: &'a str,
    ) -> BoxFuture<'a, Result<bool, OrderError>> {
        Box::pin(std::future::ready(Ok(id_tag.starts_with("ORDER"))))
    }

    fn station_changed(&self, station: &StationId) {
        self.changed.lock().unwrap().push(station.clone());
    }
}

/// The gateway under test.
pub struct House {
    pub store: Store,
    pub clock: Clock,
    pub notes: Arc<Notes>,
    pub stations: Stations,
    pub address: SocketAddr,
    pub station_id: StationId,
}

/// 2026-11-22T13:00:00Z.
pub const NOW_MS: i64 = 1_795_352_400_000;

impl House {
    /// A house with the stations `CP1` and `CP2`, two sockets each.
    pub async fn open() -> Self {
        Self::patient(Timing::default()).await
    }

    pub async fn patient(timing: Timing) -> Self {
        Self::patient_at(timing, Clock::manual(NOW_MS)).await
    }

    pub async fn patient_at(timing: Timing, clock: Clock) -> Self {
        Self::over(Store::open("sqlite::memory:").await.unwrap(), timing, clock).await
    }

    /// A house over an empty database.
    pub async fn over(store: Store, timing: Timing, clock: Clock) -> Self {
        store.migrate().await.unwrap();
        for sql in [
            "INSERT INTO operators VALUES ('op', 'Operator', '400', 0)",
            "INSERT INTO tariffs VALUES ('op', 't', '{}', 0)",
            "INSERT INTO sites VALUES ('op', 'site', 'Site', 'Road 1', 't', 0)",
        ] {
            sqlx::query(sql).execute(&store.pool).await.unwrap();
        }
        let station_id = add_station(&store, "CP1").await;
        add_station(&store, "CP2").await;
        let notes = Arc::new(Notes {
            store: store.clone(),
            clock: clock.clone(),
            started: Mutex::default(),
            stopped: Mutex::default(),
            metered: Mutex::default(),
            changed: Mutex::default(),
        });
        let events = Arc::clone(&notes) as Arc<dyn DeviceEvents>;
        let stations = Stations::start(store.clone(), clock.clone(), events, timing).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = crate::gateway::ocpp::router(stations.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { store, clock, notes, stations, address, station_id }
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.store.pool).await.unwrap()
    }

    /// Waits until a number in the database is as it should be.
    pub async fn until(&self, sql: &'static str, expected: i64) {
        eventually(sql, async || self.count(sql).await == expected).await;
    }

    /// Why messages were kept unused.
    pub async fn kept(&self) -> Vec<(String, String)> {
        self.store.device_records(&"op".into(), &self.station_id).await.unwrap()
    }

    /// A station that has booted.
    pub async fn booted(&self) -> Peer {
        let mut peer = self.connect().await;
        peer.boot().await;
        peer
    }

    pub async fn connect(&self) -> Peer {
        let login = format!("CP1:{PASSWORD}");
        self.knock("CP1", Some(&login), Some("ocpp1.6")).await.unwrap()
    }

    pub async fn knock(
        &self,
        identity: &str,
        login: Option<&str>,
        protocol: Option<&'static str>,
    ) -> Result<Peer, Error> {
        let url = format!("ws://{}/ocpp/{identity}", self.address);
        let mut request = url.into_client_request().unwrap();
        if let Some(login) = login {
            let value = format!("Basic {}", BASE64.encode(login));
            request.headers_mut().insert("Authorization", value.parse().unwrap());
        }
        if let Some(protocol) = protocol {
            let value = HeaderValue::from_static(protocol);
            request.headers_mut().insert("Sec-WebSocket-Protocol", value);
        }
        let (socket, _) = connect_async(request).await?;
        Ok(Peer { socket, sent: 0, asked: Vec::new(), obedient: true })
    }
}

pub async fn add_station(store: &Store, identity: &str) -> StationId {
    let new = NewStation {
        operator_id: "op".into(),
        site_id: "site".into(),
        identity: identity.into(),
        name: identity.into(),
        password: PASSWORD.into(),
        socket_max_w: SOCKET_MAX_W,
        codes: new_codes(2),
    };
    store.add_station(&new, 0).await.unwrap().station_id
}

/// Waits for a condition; fails after [`PATIENCE`].
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "never: {what}");
}

/// A charge point.
pub struct Peer {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    sent: u32,
    /// What the server asked: id, action, payload.
    pub asked: Vec<(String, String, Value)>,
    /// Whether it accepts whatever it is asked.
    pub obedient: bool,
}

impl Peer {
    pub async fn say(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    /// The next frame; none when the link ended.
    pub async fn hear(&mut self) -> Option<Value> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a frame in time") {
                Some(Ok(Message::Text(text))) => {
                    return Some(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next answer (CALLRESULT or CALLERROR); what the server asks meanwhile is noted and,
    /// if obedient, accepted.
    pub async fn hear_answer(&mut self) -> Option<Value> {
        loop {
            let frame = self.hear().await?;
            if frame[0] != 2 {
                return Some(frame);
            }
            self.note(&frame).await;
        }
    }

    /// Waits until the server asks for an action.
    pub async fn hear_call(&mut self, action: &str) -> (String, Value) {
        loop {
            if let Some(index) = self.asked.iter().position(|(_, asked, _)| asked == action) {
                let (id, _, payload) = self.asked.remove(index);
                return (id, payload);
            }
            let frame = self.hear().await.expect("a call");
            assert_eq!(frame[0], 2, "{frame}");
            self.note(&frame).await;
        }
    }

    async fn note(&mut self, frame: &Value) {
        let text = |index: usize| frame[index].as_str().unwrap().to_owned();
        let (id, action) = (text(1), text(2));
        if self.obedient || action == "ChangeConfiguration" || action == "TriggerMessage" {
            self.say(json!([3, id, {"status": "Accepted"}]).to_string()).await;
        }
        self.asked.push((id, action, frame[3].clone()));
    }

    pub async fn ask(&mut self, action: &str, payload: Value) -> Value {
        self.sent += 1;
        let id = format!("m{}", self.sent);
        self.say(json!([2, id, action, payload]).to_string()).await;
        let answer = self.hear_answer().await.expect("an answer");
        assert_eq!(answer[1], json!(id), "{answer}");
        answer
    }

    /// Asks and expects a CALLRESULT.
    pub async fn call(&mut self, action: &str, payload: Value) -> Value {
        let answer = self.ask(action, payload).await;
        assert_eq!(answer[0], 3, "{answer}");
        answer[2].clone()
    }

    pub async fn boot(&mut self) {
        let boot =
            json!({"chargePointVendor": "V", "chargePointModel": "M", "firmwareVersion": "1"});
        let answer = self.call("BootNotification", boot).await;
        assert_eq!(answer["status"], "Accepted");
    }

    pub async fn start(&mut self, id_tag: &str, timestamp: &str) -> i64 {
        let start = json!({"connectorId": 1, "idTag": id_tag, "meterStart": 100,
                           "timestamp": timestamp});
        self.call("StartTransaction", start).await["transactionId"].as_i64().unwrap()
    }
}
