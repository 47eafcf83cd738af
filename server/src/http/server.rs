//! The listener. `axum::serve` has no time-out against slow clients, so connections are accepted
//! and timed here: whoever is silent, slow or idle is gone within 15 seconds.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::{Request, service};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, info, warn};

use super::problem::Problem;
use super::timed_io::TimedIo;

/// Pause after the system refuses a connection (no file handles left), so that the loop does not
/// spin until one is free again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Largest request head and read buffer, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How long and how much the listener bears.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at one time, device links among them; further ones are closed at once.
    pub connections: usize,
    /// From the connection, or the last answer on it, to the end of the next request's head.
    pub head: Duration,
    /// From the head to the answer's head: reading the body and doing the work.
    pub request: Duration,
    /// A write that makes no progress.
    pub write: Duration,
    /// How long open requests and device links may take to end at a stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            head: Duration::from_secs(10),
            request: Duration::from_secs(12),
            write: Duration::from_secs(15),
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves `router` until `stop`, then lets open requests end for as long as the limits say.
/// Device links and event streams watch the same `stop` themselves.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
            warn!(%peer, most = limits.connections, "connection refused: too many are open");
            continue;
        };
        // The link is counted until its socket is closed, also after an upgrade to a WebSocket.
        let held = (permit, connections.token());
        let connection = Connection { router: router.clone(), limits, stop: stop.clone() };
        connections.spawn(connection.run(stream, peer, held));
    }
    drop(listener);
    connections.close();
    info!(open = connections.len(), "no new connections; waiting for the open ones");
    if tokio::time::timeout(limits.drain, connections.wait()).await.is_err() {
        warn!(open = connections.len(), "connections cut at the end of the drain time");
    }
}

/// A connection that died before it was accepted concerns nobody; a lack of file handles does.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        return;
    }
    warn!(%error, "cannot accept connections now");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

struct Connection {
    router: Router,
    limits: Limits,
    stop: CancellationToken,
}

impl Connection {
    async fn run<H>(self, stream: TcpStream, peer: SocketAddr, held: H)
    where
        H: Send + Unpin + 'static,
    {
        // Small frames must not wait for more.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%peer, %error, "connection gone");
            return;
        }
        let stream = TimedIo::new(stream, self.limits.write, held);
        let (router, most) = (self.router, self.limits.request);
        let service =
            service::service_fn(move |request| answer(router.clone(), request, peer, most));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(%peer, %error, "connection ended early");
        }
    }
}

async fn answer(
    router: Router,
    mut request: Request<Incoming>,
    peer: SocketAddr,
    most: Duration,
) -> Result<Response, std::convert::Infallible> {
    request.extensions_mut().insert(ConnectInfo(peer));
    match tokio::time::timeout(most, router.oneshot(request.map(Body::new))).await {
        Ok(answered) => answered,
        Err(_) => Ok(Problem::too_slow().into_response()),
    }
}
