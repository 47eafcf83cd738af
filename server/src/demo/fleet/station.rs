//! One station: its link, its sockets, and what it does when it is told to.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::SimulatedStation;
use super::character::{Character, Dice};
use super::outbox::Outbox;
use super::socket::{Moment, Socket};
use crate::clock::Clock;

type Link = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How often sockets move on.
const TICK: Duration = Duration::from_millis(500);

/// How long a connection may take to come about.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Readings are never further apart in the demo, nor closer, in seconds.
const FASTEST_SAMPLE_S: f64 = 2.0;

/// A station and its simulated world.
pub struct Station {
    url: String,
    login: String,
    sockets: Vec<Socket>,
    dice: Dice,
    speed: u32,
    clock: Clock,
    outbox: Outbox,
    charges: u64,
    booted: bool,
    sample_s: f64,
    heartbeat_s: f64,
    heartbeat_in_s: f64,
    /// A station with a bad line: how long until it next loses its link.
    drops_in_s: Option<f64>,
    moved_at: Instant,
}

/// What the server's question asks the link to do besides the answer.
#[derive(PartialEq, Eq)]
enum Then {
    Stay,
    Restart,
}

impl Station {
    /// A station at `base` (`ws://host:port`). The first of a fleet is without fault.
    pub fn new(
        base: &str,
        simulated: &SimulatedStation,
        index: usize,
        mut dice: Dice,
        speed: u32,
    ) -> Self {
        let mut socket = |number| {
            let character = Character::any(&mut dice);
            let character = if index == 0 { Character::Sound } else { character };
            Socket::new(number, character, &mut dice)
        };
        let sockets = (1..=simulated.sockets).map(&mut socket).collect();
        let bad_line = index > 0 && dice.once_in(6);
        Self {
            url: format!("{base}/ocpp/{}", simulated.identity),
            login: BASE64.encode(format!("{}:{}", simulated.identity, simulated.password)),
            sockets,
            drops_in_s: bad_line.then(|| f64::from(dice.between(60, 240))),
            dice,
            speed,
            clock: Clock::System,
            outbox: Outbox::default(),
            charges: 0,
            booted: false,
            sample_s: FASTEST_SAMPLE_S,
            heartbeat_s: 60.0,
            heartbeat_in_s: 0.0,
            moved_at: Instant::now(),
        }
    }

    /// Lives until dropped. Without a link its sockets go on.
    pub async fn run(mut self) {
        loop {
            match timeout(CONNECT_WITHIN, self.connect()).await {
                Ok(Ok(link)) => self.serve(link).await,
                Ok(Err(error)) => tracing::debug!(url = self.url, %error, "no link"),
                Err(_) => tracing::debug!(url = self.url, "no link in time"),
            }
            self.outbox.link_lost();
            self.rest().await;
        }
    }

    /// Some seconds without a link, different for each station so that a fleet does not storm.
    async fn rest(&mut self) {
        let until = Instant::now() + Duration::from_millis(self.dice.between(1_000, 5_000).into());
        while Instant::now() < until {
            tokio::time::sleep(TICK).await;
            self.advance();
        }
    }

    async fn connect(&self) -> Result<Link, tungstenite::Error> {
        let mut request = self.url.as_str().into_client_request()?;
        let headers = request.headers_mut();
        let login = HeaderValue::try_from(format!("Basic {}", self.login))
            .map_err(tungstenite::http::Error::from)?;
        headers.insert("Authorization", login);
        headers.insert("Sec-WebSocket-Protocol", HeaderValue::from_static("ocpp1.6"));
        Ok(connect_async(request).await?.0)
    }

    async fn serve(&mut self, mut link: Link) {
        self.greet();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            while let Some(frame) = self.outbox.next() {
                if link.send(Message::text(frame)).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                _ = ticks.tick() => {
                    self.advance();
                    if self.outbox.is_overdue() || self.drops_now() {
                        return;
                    }
                }
                message = link.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        if self.receive(&mut link, &text).await != Some(Then::Stay) {
                            return;
                        }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => {}
                },
            }
        }
    }

    fn greet(&mut self) {
        if !self.booted {
            let boot = json!({
                "chargePointVendor": "Saochong",
                "chargePointModel": "Simulated socket",
                "firmwareVersion": env!("CARGO_PKG_VERSION"),
            });
            self.outbox.notice("BootNotification", boot);
        }
        self.report_all();
    }

    fn report_all(&mut self) {
        let now_ms = self.clock.now_ms();
        for socket in &self.sockets {
            socket.report(&mut self.outbox, now_ms);
        }
    }

    fn advance(&mut self) {
        let now = Instant::now();
        let seconds = now.duration_since(self.moved_at).as_secs_f64();
        self.moved_at = now;
        self.each_socket(seconds, Socket::advance);
        self.heartbeat_in_s -= seconds;
        if self.booted && self.heartbeat_in_s <= 0.0 {
            self.heartbeat_in_s = self.heartbeat_s;
            self.outbox.notice("Heartbeat", json!({}));
        }
        if let Some(drops_in_s) = &mut self.drops_in_s {
            *drops_in_s -= seconds;
        }
    }

    fn each_socket(&mut self, seconds: f64, mut act: impl FnMut(&mut Socket, &mut Moment<'_>)) {
        let mut moment = Moment {
            seconds,
            now_ms: self.clock.now_ms(),
            sample_s: (self.sample_s / f64::from(self.speed)).max(FASTEST_SAMPLE_S),
            speed: self.speed,
            next_charge: &mut self.charges,
            dice: &mut self.dice,
            outbox: &mut self.outbox,
        };
        for socket in &mut self.sockets {
            act(socket, &mut moment);
        }
    }

    fn drops_now(&mut self) -> bool {
        let dropped = self.drops_in_s.is_some_and(|seconds| seconds <= 0.0);
        if dropped {
            self.drops_in_s = Some(f64::from(self.dice.between(60, 240)));
        }
        dropped
    }

    /// Handles a frame; none when the link broke.
    async fn receive(&mut self, link: &mut Link, text: &str) -> Option<Then> {
        let frame: Value = serde_json::from_str(text).ok()?;
        let id = frame[1].as_str()?;
        match frame[0].as_u64()? {
            3 => {
                self.note_boot(&frame[2]);
                self.outbox.answered(id, &frame[2]);
            }
            4 => self.outbox.refused(id),
            2 => {
                let (answer, then) = self.obey(frame[2].as_str()?, &frame[3]);
                let reply = match answer {
                    Some(answer) => json!([3, id, answer]),
                    None => json!([4, id, "NotImplemented", "", {}]),
                };
                link.send(Message::text(reply.to_string())).await.ok()?;
                return Some(then);
            }
            _ => {}
        }
        Some(Then::Stay)
    }

    /// Only a boot's answer has an interval.
    fn note_boot(&mut self, answer: &Value) {
        if let Some(interval_s) = answer["interval"].as_f64() {
            self.booted = answer["status"] == "Accepted";
            self.heartbeat_s = interval_s.max(10.0);
            self.heartbeat_in_s = self.heartbeat_s;
        }
    }

    fn obey(&mut self, action: &str, payload: &Value) -> (Option<Value>, Then) {
        let status = |status: &str| Some(json!({ "status": status }));
        let yes_or_no = |yes: bool| status(if yes { "Accepted" } else { "Rejected" });
        let answer = match action {
            "RemoteStartTransaction" => yes_or_no(self.remote_start(payload)),
            "RemoteStopTransaction" => yes_or_no(self.remote_stop(payload)),
            "ChangeConfiguration" => {
                self.configure(payload);
                status("Accepted")
            }
            "GetConfiguration" => {
                let sample_s = format!("{:.0}", self.sample_s);
                let key = "MeterValueSampleInterval";
                let keys = json!([{"key": key, "readonly": false, "value": sample_s}]);
                Some(json!({"configurationKey": keys, "unknownKey": []}))
            }
            "TriggerMessage" => {
                match payload["requestedMessage"].as_str() {
                    Some("StatusNotification") => self.report_all(),
                    Some("Heartbeat") => self.outbox.notice("Heartbeat", json!({})),
                    _ => return (status("NotImplemented"), Then::Stay),
                }
                status("Accepted")
            }
            "Reset" => {
                let hard = payload["type"] == "Hard";
                let reason = if hard { "HardReset" } else { "SoftReset" };
                self.each_socket(0.0, |socket, moment| socket.stop(reason, moment));
                self.booted = false;
                return (status("Accepted"), Then::Restart);
            }
            "ChangeAvailability" => status("Rejected"),
            "UnlockConnector" => status("NotSupported"),
            _ => None,
        };
        (answer, Then::Stay)
    }

    fn remote_start(&mut self, payload: &Value) -> bool {
        let connector = payload["connectorId"].as_u64().and_then(|c| usize::try_from(c).ok());
        let index = connector.unwrap_or(1).wrapping_sub(1);
        let Some(socket) = self.sockets.get_mut(index) else { return false };
        let id_tag = payload["idTag"].as_str().unwrap_or_default().to_owned();
        let willing = socket.start(id_tag, &mut self.dice);
        if willing {
            socket.report(&mut self.outbox, self.clock.now_ms());
        }
        willing
    }

    fn remote_stop(&mut self, payload: &Value) -> bool {
        let wanted = payload["transactionId"].as_i64();
        let running = self.sockets.iter().filter_map(Socket::charge);
        let charge = running
            .into_iter()
            .find(|charge| wanted.is_some() && self.outbox.issued(*charge) == wanted);
        let Some(charge) = charge else { return false };
        self.each_socket(0.0, |socket, moment| {
            if socket.runs(charge) {
                socket.stop("Remote", moment);
            }
        });
        true
    }

    fn configure(&mut self, payload: &Value) {
        let value = payload["value"].as_str().and_then(|value| value.parse::<f64>().ok());
        match (payload["key"].as_str(), value) {
            (Some("MeterValueSampleInterval"), Some(seconds)) if seconds >= 1.0 => {
                self.sample_s = seconds;
            }
            (Some("HeartbeatInterval"), Some(seconds)) if seconds >= 10.0 => {
                self.heartbeat_s = seconds;
            }
            _ => {}
        }
    }
}
