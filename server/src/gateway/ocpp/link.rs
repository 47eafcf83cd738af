//! One station's link: one task, one open CALL each way, bounded in everything.
//!
//! The station's calls are handled one after the other, in the order they came; those that come
//! while one is being handled wait in a short backlog, and when that is full nothing more is read.
//! Answers to our own calls pass them by.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::frame::{self, Call, ErrorCode, Frame, Malformed, Refusal};
use super::handlers::{self, Device, Done, Outcome};
use super::setup::Setup;
use crate::gateway::Stations;
use crate::gateway::presence::News;
use crate::gateway::stations::{Attached, Outgoing, Reply};
use crate::store::stations::StationAccount;

/// Calls of a station that may wait for their turn.
const BACKLOG_CALLS: usize = 8;

/// How long the closing handshake may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// Malformed frames of one link that are logged one by one; later ones by powers of two.
const MALFORMED_LOGGED: u64 = 16;

struct Link {
    stations: Stations,
    device: Arc<Device>,
    socket: WebSocket,
    commands: mpsc::Receiver<Box<Outgoing>>,
    replaced: CancellationToken,
    backlog: VecDeque<Call>,
    handling: Option<BoxFuture<'static, Handling>>,
    open_call: Option<OpenCall>,
    setup: Setup,
    calls_sent: u64,
    malformed: u64,
    /// When the next ping is due.
    ping_at: Instant,
    /// Whether anything came since the last ping.
    heard: bool,
}

/// Our question that waits for its answer.
struct OpenCall {
    id: String,
    until: Instant,
    /// None for the set-up, whose answers are only logged.
    reply: Option<oneshot::Sender<Reply>>,
}

/// A piece of work beside the socket that ended.
enum Handling {
    Answer(Done),
    Afterwards,
}

enum Happened {
    Frame(Option<Result<Message, axum::Error>>),
    Command(Option<Box<Outgoing>>),
    Handled(Handling),
    Due,
    Replaced,
}

/// Why a link ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    /// The station left, or the line broke.
    Gone,
    /// It did not answer a ping.
    Silent,
    /// It does not read.
    SlowReader,
    /// A newer link took over, or the server ends.
    Replaced,
    /// We cannot store what it says: it shall keep it.
    OwnTrouble,
}

/// Serves a station until its link ends.
pub(super) async fn run(stations: Stations, account: StationAccount, socket: WebSocket) {
    let inner = Arc::clone(&stations.inner);
    let station_id = account.station_id.clone();
    let Attached { generation, commands, replaced } =
        inner.links.attach(&station_id, &inner.closing);
    let device = Arc::new(Device::new(Arc::clone(&inner), account));
    metrics::gauge!("ocpp_links").increment(1);
    tracing::info!(identity = device.identity(), generation, "station connected");

    let link = Link::new(stations, Arc::clone(&device), socket, commands, replaced);
    // A panic of the link itself must not leave its entry behind.
    let farewell = std::panic::AssertUnwindSafe(link.serve()).catch_unwind().await;

    inner.links.detach(&station_id, generation);
    metrics::gauge!("ocpp_links").decrement(1);
    tracing::info!(identity = device.identity(), generation, ?farewell, "station gone");
    if device.booted() {
        device.tell(News::Link).await;
    }
}

impl Link {
    fn new(
        stations: Stations,
        device: Arc<Device>,
        socket: WebSocket,
        commands: mpsc::Receiver<Box<Outgoing>>,
        replaced: CancellationToken,
    ) -> Self {
        let ping_at = Instant::now() + stations.inner.timing.ping_every;
        Self {
            stations,
            device,
            socket,
            commands,
            replaced,
            backlog: VecDeque::new(),
            handling: None,
            open_call: None,
            setup: Setup::default(),
            calls_sent: 0,
            malformed: 0,
            ping_at,
            heard: true,
        }
    }

    async fn serve(mut self) -> Farewell {
        if self.device.booted() {
            self.device.tell(News::Link).await;
            self.setup = Setup::after_reconnect();
        }
        let farewell = match self.turn_until_the_end().await {
            Ok(never) => match never {},
            Err(farewell) => farewell,
        };
        if let Some(reply) = self.open_call.take().and_then(|open| open.reply) {
            // The caller may no longer wait.
            let _ = reply.send(Reply::Silence);
        }
        self.say_goodbye(farewell).await;
        farewell
    }

    async fn turn_until_the_end(&mut self) -> Result<std::convert::Infallible, Farewell> {
        loop {
            self.begin_next_call();
            if self.open_call.is_none() && self.device.booted() {
                self.send_next().await?;
            }
            match self.wait().await {
                Happened::Frame(Some(Ok(message))) => self.receive(message).await?,
                Happened::Frame(_) | Happened::Command(None) => return Err(Farewell::Gone),
                Happened::Command(Some(command)) => self.send_command(*command).await?,
                Happened::Handled(Handling::Answer(done)) => self.answer(done).await?,
                Happened::Handled(Handling::Afterwards) => {}
                Happened::Due => self.keep_time().await?,
                Happened::Replaced => return Err(Farewell::Replaced),
            }
        }
    }

    async fn wait(&mut self) -> Happened {
        let due = self.open_call.as_ref().map_or(self.ping_at, |open| open.until.min(self.ping_at));
        let handling = async {
            match self.handling.as_mut() {
                Some(handling) => handling.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.replaced.cancelled() => Happened::Replaced,
            done = handling => {
                self.handling = None;
                Happened::Handled(done)
            }
            message = self.socket.next(), if self.backlog.len() < BACKLOG_CALLS => {
                Happened::Frame(message)
            }
            command = self.commands.recv(), if self.open_call.is_none() => {
                Happened::Command(command)
            }
            () = sleep_until(due) => Happened::Due,
        }
    }

    fn begin_next_call(&mut self) {
        if self.handling.is_none()
            && let Some(call) = self.backlog.pop_front()
        {
            // An idle link keeps no empty queue.
            if self.backlog.is_empty() {
                self.backlog = VecDeque::new();
            }
            let handled = handlers::handle(Arc::clone(&self.device), call);
            self.handling = Some(Box::pin(handled.map(Handling::Answer)));
        }
    }

    async fn receive(&mut self, message: Message) -> Result<(), Farewell> {
        self.heard = true;
        match message {
            Message::Text(text) => match Frame::read(&text) {
                Ok(Frame::Call(call)) => self.backlog.push_back(call),
                Ok(Frame::Result { id, payload }) => self.take_reply(&id, Reply::Result(payload)),
                Ok(Frame::Error { id, code, description }) => {
                    self.take_reply(&id, Reply::Error { code, description });
                }
                Err(malformed) => self.refuse_frame(malformed).await?,
            },
            Message::Binary(_) => {
                let refusal = Refusal::new(ErrorCode::FormationViolation, "frames are text");
                self.refuse_frame(Malformed { id: Some("-1".to_owned()), refusal }).await?;
            }
            Message::Close(_) => return Err(Farewell::Gone),
            Message::Ping(_) | Message::Pong(_) => {}
        }
        Ok(())
    }

    async fn refuse_frame(&mut self, malformed: Malformed) -> Result<(), Farewell> {
        self.malformed += 1;
        metrics::counter!("ocpp_malformed_total").increment(1);
        if self.malformed <= MALFORMED_LOGGED || self.malformed.is_power_of_two() {
            let (identity, count) = (self.device.identity(), self.malformed);
            let why = &malformed.refusal.description;
            tracing::warn!(identity, count, why, "malformed frame");
        }
        match malformed.id {
            Some(id) => self.send(frame::write_error(&id, &malformed.refusal)).await,
            None => Ok(()),
        }
    }

    fn take_reply(&mut self, id: &str, reply: Reply) {
        let identity = self.device.identity();
        let Some(open) = self.open_call.take_if(|open| open.id == id) else {
            tracing::info!(identity, id, "answer to nothing we asked");
            return;
        };
        match open.reply {
            // The caller may no longer wait.
            Some(caller) => drop(caller.send(reply)),
            None => match reply {
                Reply::Result(answer) => tracing::debug!(identity, id, %answer, "set up"),
                Reply::Error { code, .. } => tracing::info!(identity, id, code, "not set up"),
                Reply::Silence => {}
            },
        }
    }

    async fn answer(&mut self, done: Done) -> Result<(), Farewell> {
        let Done { id, outcome, then } = done;
        match outcome {
            Outcome::Answer(payload) => self.send(frame::write_result(&id, &payload)).await?,
            Outcome::Refuse(refusal) => {
                let identity = self.device.identity();
                let (code, why) = (refusal.code.as_str(), &refusal.description);
                tracing::warn!(identity, code, why, "call refused");
                self.send(frame::write_error(&id, &refusal)).await?;
            }
            Outcome::Trouble(why) => {
                tracing::error!(identity = self.device.identity(), why, "own trouble; closing");
                return Err(Farewell::OwnTrouble);
            }
        }
        if self.device.take_just_booted() {
            self.setup = Setup::after_boot();
        }
        self.handling = then.map(|then| {
            let guarded = std::panic::AssertUnwindSafe(then).catch_unwind();
            guarded.map(|_| Handling::Afterwards).boxed()
        });
        Ok(())
    }

    /// Commands go before the set-up: a rider waits for them, and a station that leaves each step
    /// of the set-up unanswered would hold them up for minutes.
    async fn send_next(&mut self) -> Result<(), Farewell> {
        if let Ok(command) = self.commands.try_recv() {
            self.send_command(*command).await?;
        }
        if self.open_call.is_none() { self.send_setup().await } else { Ok(()) }
    }

    async fn send_setup(&mut self) -> Result<(), Farewell> {
        let Some((action, payload)) = self.setup.next(&self.stations.inner.timing) else {
            return Ok(());
        };
        self.send_call(action, &payload, None).await
    }

    async fn send_command(&mut self, command: Outgoing) -> Result<(), Farewell> {
        if command.reply.is_closed() {
            // Nobody waits any more: what was not sent shall not happen.
            return Ok(());
        }
        self.send_call(command.action, &command.payload, Some(command.reply)).await
    }

    async fn send_call(
        &mut self,
        action: &str,
        payload: &Value,
        reply: Option<oneshot::Sender<Reply>>,
    ) -> Result<(), Farewell> {
        self.calls_sent += 1;
        let id = self.calls_sent.to_string();
        let text = frame::write_call(&id, action, payload);
        let until = Instant::now() + self.stations.inner.timing.answer_within;
        self.open_call = Some(OpenCall { id, until, reply });
        self.send(text).await
    }

    /// Pings, and gives up on what is overdue.
    async fn keep_time(&mut self) -> Result<(), Farewell> {
        let now = Instant::now();
        if let Some(open) = self.open_call.take_if(|open| open.until <= now) {
            tracing::warn!(identity = self.device.identity(), id = open.id, "no answer in time");
            if let Some(caller) = open.reply {
                // The caller may no longer wait.
                let _ = caller.send(Reply::Silence);
            }
        }
        if self.ping_at <= now {
            // While the backlog is full we do not listen, so silence proves nothing.
            let listening = self.backlog.len() < BACKLOG_CALLS;
            if listening && !mem::take(&mut self.heard) {
                return Err(Farewell::Silent);
            }
            self.ping_at = now + self.stations.inner.timing.ping_every;
            self.write(Message::Ping(axum::body::Bytes::new())).await?;
        }
        Ok(())
    }

    async fn send(&mut self, text: String) -> Result<(), Farewell> {
        self.write(Message::Text(text.into())).await
    }

    async fn write(&mut self, message: Message) -> Result<(), Farewell> {
        let within = self.stations.inner.timing.write_within;
        match timeout(within, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Farewell::Gone),
            Err(_) => Err(Farewell::SlowReader),
        }
    }

    async fn say_goodbye(&mut self, farewell: Farewell) {
        let (code, reason) = match farewell {
            Farewell::Gone => (close_code::NORMAL, ""),
            Farewell::Replaced => (close_code::AWAY, "replaced or restarting"),
            Farewell::OwnTrouble => (close_code::ERROR, "try again later"),
            // There is nobody to say it to.
            Farewell::Silent | Farewell::SlowReader => return,
        };
        let frame = CloseFrame { code, reason: reason.into() };
        let goodbye = self.socket.send(Message::Close(Some(frame)));
        // The line may be broken already.
        let _ = timeout(CLOSE_WITHIN, goodbye).await;
    }
}
