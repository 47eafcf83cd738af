//! The load of stations: real WebSocket clients, one task each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::stream::{self, StreamExt};
use futures_util::{SinkExt, TryStreamExt};
use server::clock::Clock;
use server::gateway::ocpp::time;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::world::{PASSWORD, identity};

/// Stations that connect at the same time in a storm.
const CONNECTING_AT_ONCE: usize = 64;

/// Before a measurement, until caches and pools are warm.
const WARM_UP: Duration = Duration::from_secs(1);

/// How long the fleet may take to fall silent after it connected.
const QUIET_WITHIN: Duration = Duration::from_secs(20);

const READ_BUFFER_BYTES: usize = 4 * 1024;

const BOOT: &str =
    r#"{"chargePointVendor":"Bench","chargePointModel":"Box","firmwareVersion":"1.0"}"#;

/// A connected station.
struct Station {
    socket: WebSocketStream<TcpStream>,
    calls: u64,
    /// Calls of the server that were answered.
    answered: Arc<AtomicU64>,
}

impl Station {
    async fn connect(address: &str, number: usize, answered: Arc<AtomicU64>) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let name = identity(number);
        let mut request = format!("ws://{address}/ocpp/{name}").into_client_request()?;
        let basic = format!("Basic {}", BASE64.encode(format!("{name}:{PASSWORD}")));
        request.headers_mut().insert("authorization", HeaderValue::from_str(&basic)?);
        let protocol = HeaderValue::from_static("ocpp1.6");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let config =
            WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES).write_buffer_size(0);
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
        let mut station = Self { socket, calls: 0, answered };
        station.call("BootNotification", BOOT).await?;
        Ok(station)
    }

    /// Asks and waits for the answer's payload; answers the server's own calls on the way.
    async fn call(&mut self, action: &str, payload: &str) -> Result<String> {
        self.calls += 1;
        let call = format!(r#"[2,"{}","{action}",{payload}]"#, self.calls);
        let answer = format!(r#"[3,"{}","#, self.calls);
        self.socket.send(Message::Text(call.into())).await?;
        loop {
            let text = self.next().await?;
            if let Some(payload) = text.strip_prefix(answer.as_str()) {
                return Ok(payload.trim_end_matches(']').to_owned());
            }
        }
    }

    /// The next text, after answering it if it asks something.
    async fn next(&mut self) -> Result<String> {
        loop {
            let message = self.socket.next().await.context("the server hung up")??;
            let Message::Text(text) = message else { continue };
            ensure!(!text.starts_with("[4,"), "refused: {text}");
            if text.starts_with("[2,") {
                let id = text.split('"').nth(1).context("a call has an id")?;
                let answer = format!(r#"[3,"{id}",{{"status":"Accepted"}}]"#);
                self.socket.send(Message::Text(answer.into())).await?;
                self.answered.fetch_add(1, Ordering::Relaxed);
            }
            return Ok(text.as_str().to_owned());
        }
    }

    async fn idle(mut self) -> Result<()> {
        loop {
            self.next().await?;
        }
    }

    /// Starts the transaction of an order; the transaction's id.
    async fn start(&mut self, order: &str) -> Result<String> {
        let start = format!(
            r#"{{"connectorId":1,"idTag":"{order}","meterStart":0,"timestamp":"{}"}}"#,
            time::write(Clock::System.now_ms())
        );
        let started = self.call("StartTransaction", &start).await?;
        let number = started.split("\"transactionId\":").nth(1).context("a transaction")?;
        Ok(number.chars().take_while(char::is_ascii_digit).collect())
    }

    /// Sends readings as fast as they are answered.
    async fn meter(mut self, transaction: String, counted: Arc<AtomicU64>) -> Result<()> {
        let mut at_ms = Clock::System.now_ms();
        loop {
            // Two readings of one millisecond would be one reading.
            at_ms = Clock::System.now_ms().max(at_ms + 1);
            self.call("MeterValues", &meter_values(&transaction, at_ms)).await?;
            counted.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A message with four measurands, as boxes send it; about 490 bytes.
fn meter_values(transaction: &str, at_ms: i64) -> String {
    let figure = |measurand: &str, value: &str, unit: &str| {
        format!(
            r#"{{"value":"{value}","context":"Sample.Periodic","measurand":"{measurand}","unit":"{unit}"}}"#
        )
    };
    format!(
        r#"{{"connectorId":1,"transactionId":{transaction},"meterValue":[{{"timestamp":"{}","sampledValue":[{},{},{},{}]}}]}}"#,
        time::write(at_ms),
        figure("Energy.Active.Import.Register", "1", "Wh"),
        figure("Power.Active.Import", "180.5", "W"),
        figure("Current.Import", "0.82", "A"),
        figure("Voltage", "229.7", "V"),
    )
}

/// Stations that are connected and silent.
pub struct Idle {
    tasks: JoinSet<Result<()>>,
    answered: Arc<AtomicU64>,
}

impl Idle {
    pub fn new() -> Self {
        Self { tasks: JoinSet::new(), answered: Arc::default() }
    }

    /// Connects further stations, many at once. Returns how many a second.
    pub async fn connect(&mut self, address: &str, range: std::ops::Range<usize>) -> Result<f64> {
        let (count, began) = (range.len(), Instant::now());
        let answered = Arc::clone(&self.answered);
        let connect = |number| Station::connect(address, number, Arc::clone(&answered));
        let mut connecting = stream::iter(range).map(connect).buffer_unordered(CONNECTING_AT_ONCE);
        while let Some(station) = connecting.try_next().await? {
            self.tasks.spawn(station.idle());
        }
        Ok(as_f64(count as u64) / began.elapsed().as_secs_f64())
    }

    /// Waits until every station was asked all that the server asks after a boot.
    pub async fn quiet(&self, calls_each: u64) -> Result<()> {
        let all = calls_each * self.tasks.len() as u64;
        let quiet = async {
            let mut looks = interval(Duration::from_millis(50));
            while self.answered.load(Ordering::Relaxed) < all {
                looks.tick().await;
            }
        };
        timeout(QUIET_WITHIN, quiet).await.context("the stations' set-up does not end")
    }
}

/// Counts the readings that are answered, of one station for each order.
pub struct Metering {
    tasks: JoinSet<Result<()>>,
    counted: Arc<AtomicU64>,
}

impl Metering {
    /// Connects the stations and lets them meter until everything is warm.
    pub async fn start(address: &str, orders: &[String]) -> Result<Self> {
        let begin = async |(number, order): (usize, &String)| {
            let mut station = Station::connect(address, number, Arc::default()).await?;
            let transaction = station.start(order).await?;
            anyhow::Ok((station, transaction))
        };
        let started = stream::iter(orders.iter().enumerate()).map(begin);
        let started: Vec<_> = started.buffer_unordered(CONNECTING_AT_ONCE).try_collect().await?;
        let mut metering = Self { tasks: JoinSet::new(), counted: Arc::default() };
        for (station, transaction) in started {
            metering.tasks.spawn(station.meter(transaction, Arc::clone(&metering.counted)));
        }
        metering.go_on(WARM_UP).await?;
        Ok(metering)
    }

    /// Goes on for so long; returns how many readings were answered. A station that fails ends
    /// the measurement.
    pub async fn go_on(&mut self, span: Duration) -> Result<f64> {
        let before = self.counted.load(Ordering::Relaxed);
        tokio::select! {
            () = tokio::time::sleep(span) => {}
            failed = self.tasks.join_next() => match failed {
                Some(failed) => failed??,
                None => bail!("no stations"),
            },
        }
        Ok(as_f64(self.counted.load(Ordering::Relaxed) - before))
    }
}

/// Counts here are far below what a float holds exactly.
#[expect(clippy::cast_precision_loss, reason = "below 2^52")]
pub fn as_f64(count: u64) -> f64 {
    count as f64
}
