//! The listener against clients that mean no good, over real sockets and with short limits.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::WebSocketUpgrade;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::server::{Limits, serve};

/// Short, so that tests are; the shapes are the same with long ones.
const SHORT: Duration = Duration::from_millis(300);
/// A client that is still there after this was not got rid of.
const GONE_WITHIN: Duration = Duration::from_secs(5);

struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

fn limits() -> Limits {
    Limits { connections: 8, head: SHORT, request: SHORT, write: SHORT, drain: GONE_WITHIN }
}

async fn start(router: Router, limits: Limits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let served = tokio::spawn(serve(listener, router, limits, stop.clone()));
    Running { address, stop, served }
}

fn routes() -> Router {
    let big = get(|| async { vec![b'x'; 64 * 1024 * 1024] });
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/body", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/big", big)
}

/// Sends and then reads until the server closes; what it said, and that it closed in time.
async fn until_closed(stream: &mut TcpStream, sent: &[u8]) -> String {
    stream.write_all(sent).await.unwrap();
    let mut said = Vec::new();
    let read = stream.read_to_end(&mut said);
    // A reset is an end as well.
    let _: std::io::Result<usize> =
        tokio::time::timeout(GONE_WITHIN, read).await.expect("the server closes in time");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn f50_a_silent_client_is_closed() {
    let running = start(routes(), limits()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    until_closed(&mut stream, b"").await;
}

#[tokio::test]
async fn f50_half_a_head_is_closed() {
    let running = start(routes(), limits()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    until_closed(&mut stream, b"GET / HTTP/1.1\r\nHost: x\r\n").await;
}

#[tokio::test]
async fn f50_a_dripped_head_is_closed() {
    let running = start(routes(), limits()).await;
    let stream = TcpStream::connect(running.address).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    write.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let dripping = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(SHORT / 3);
        while write.write_all(b"x-drip: 1\r\n").await.is_ok() {
            ticks.tick().await;
        }
    });
    let mut said = Vec::new();
    let read = read.read_to_end(&mut said);
    let _: std::io::Result<usize> =
        tokio::time::timeout(GONE_WITHIN, read).await.expect("the server closes in time");
    dripping.abort();
}

#[tokio::test]
async fn f50_an_idle_connection_is_closed() {
    let running = start(routes(), limits()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let said = until_closed(&mut stream, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    assert!(said.ends_with("hello"), "{said}");
}

#[tokio::test]
async fn f50_a_body_that_never_comes_is_closed() {
    let running = start(routes(), limits()).await;
    for path in ["/body", "/"] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
        let said = until_closed(&mut stream, head.as_bytes()).await;
        let status = if path == "/" { "HTTP/1.1 405" } else { "HTTP/1.1 408" };
        assert!(said.starts_with(status), "{said}");
    }
}

#[tokio::test]
async fn f50_a_client_that_takes_no_answer_is_closed() {
    let running = start(routes(), limits()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut probe = [0; 1];
    stream.peek(&mut probe).await.unwrap();
    // All other places are taken; one is free again only when the sleeper is gone.
    let alone = start(routes(), Limits { connections: 1, ..limits() }).await;
    let mut sleeper = TcpStream::connect(alone.address).await.unwrap();
    sleeper.write_all(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    sleeper.peek(&mut probe).await.unwrap();
    let deadline = Instant::now() + GONE_WITHIN;
    loop {
        assert!(Instant::now() < deadline, "the sleeper still has its place");
        let mut next = TcpStream::connect(alone.address).await.unwrap();
        let ask = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let mut said = String::new();
        let asked = next.write_all(ask).await;
        if asked.is_ok() && next.read_to_string(&mut said).await.is_ok() && !said.is_empty() {
            assert!(said.starts_with("HTTP/1.1 200"), "{said}");
            break;
        }
        tokio::time::sleep(SHORT / 10).await;
    }
}

/// Clients of each bad kind at one time, and when the last of them must be gone.
const BAD_CLIENTS: usize = 1_000;
const ALL_GONE_WITHIN: Duration = Duration::from_secs(15);

/// The ways to hold a connection without using it.
#[derive(Clone, Copy, Debug)]
enum Bad {
    Silent,
    HalfAHead,
    DrippedHead,
    IdleAfterwards,
    NoBody,
}

/// How long the server put up with one.
async fn put_up_with(stream: TcpStream, bad: Bad) -> Duration {
    let (mut read, mut write) = stream.into_split();
    let began = Instant::now();
    let sent: &[u8] = match bad {
        Bad::Silent => b"",
        Bad::HalfAHead | Bad::DrippedHead => b"GET / HTTP/1.1\r\nHost: x\r\n",
        Bad::IdleAfterwards => b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        Bad::NoBody => b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf",
    };
    write.write_all(sent).await.unwrap();
    let mut said = Vec::new();
    let mut drips = tokio::time::interval(Duration::from_secs(1));
    let reading = read.read_to_end(&mut said);
    tokio::pin!(reading);
    loop {
        tokio::select! {
            // A reset is an end as well.
            _ = &mut reading => return began.elapsed(),
            _ = drips.tick(), if matches!(bad, Bad::DrippedHead) => {
                drop(write.write_all(b"x-drip: 1\r\n").await);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f50_five_thousand_bad_clients_are_gone_soon_and_others_are_served_meanwhile() {
    let running = start(routes(), Limits::default()).await;
    let kinds = [Bad::Silent, Bad::HalfAHead, Bad::DrippedHead, Bad::IdleAfterwards, Bad::NoBody];
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..BAD_CLIENTS {
        for bad in kinds {
            // One after the other: what the system's own queue drops was never the server's.
            let stream = TcpStream::connect(running.address).await.unwrap();
            let put_up_with = tokio::time::timeout(ALL_GONE_WITHIN * 2, put_up_with(stream, bad));
            crowd.spawn(async move { (bad, put_up_with.await.expect("it is let go")) });
        }
    }
    let mut waits = Vec::new();
    let mut gone = Vec::new();
    while !crowd.is_empty() {
        let asked = Instant::now();
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let ask = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let said = until_closed(&mut stream, ask).await;
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        waits.push(asked.elapsed());
        while let Some(left) = crowd.try_join_next() {
            gone.push(left.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(gone.len(), BAD_CLIENTS * kinds.len());
    let (bad, longest) = gone.iter().max_by_key(|(_, waited)| *waited).unwrap();
    assert!(*longest < ALL_GONE_WITHIN, "{bad:?}: {longest:?}");
    waits.sort();
    let p99 = waits[waits.len() * 99 / 100];
    assert!(p99 < Duration::from_secs(1), "others waited {p99:?}");
}

#[tokio::test]
async fn f62_beyond_the_cap_new_ones_are_closed_and_old_ones_kept() {
    let long = Limits { head: GONE_WITHIN * 2, connections: 1, ..limits() };
    let running = start(routes(), long).await;
    let mut kept = TcpStream::connect(running.address).await.unwrap();
    let ask = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut answer = [0; 12];
    kept.write_all(ask).await.unwrap();
    kept.read_exact(&mut answer).await.unwrap();
    let mut shed = TcpStream::connect(running.address).await.unwrap();
    assert_eq!(until_closed(&mut shed, b"").await, "");
    kept.write_all(ask).await.unwrap();
    kept.read_exact(&mut answer).await.unwrap();
}

#[tokio::test]
async fn a_head_too_large_is_refused() {
    let running = start(routes(), limits()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nHost: x\r\nx-big: {}\r\n\r\n", "a".repeat(20 * 1024));
    let said = until_closed(&mut stream, head.as_bytes()).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
}

#[tokio::test]
async fn a_stop_lets_the_open_request_end_and_takes_no_new_ones() {
    let (entered, mut inside) = mpsc::channel(1);
    let (go, gate) = mpsc::channel::<()>(1);
    let gate = std::sync::Arc::new(tokio::sync::Mutex::new(gate));
    let slow = get(move || async move {
        entered.send(()).await.unwrap();
        gate.lock().await.recv().await;
        "done"
    });
    let patient = Limits { request: GONE_WITHIN, ..limits() };
    let running = start(Router::new().route("/", slow), patient).await;
    let mut open = TcpStream::connect(running.address).await.unwrap();
    open.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    inside.recv().await.unwrap();
    running.stop.cancel();
    while TcpStream::connect(running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go.send(()).await.unwrap();
    let said = until_closed(&mut open, b"").await;
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("done"), "{said}");
    tokio::time::timeout(GONE_WITHIN, running.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_waits_for_device_links_but_not_for_ever() {
    let link = get(|upgrade: WebSocketUpgrade| async {
        upgrade.on_upgrade(|mut socket| async move { while socket.recv().await.is_some() {} })
    });
    let brief = Limits { drain: SHORT, ..limits() };
    let running = start(Router::new().route("/", link), brief).await;
    let url = format!("ws://{}/", running.address);
    let (_socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    // Longer than any time-out of requests: the upgrade took the link out of them.
    tokio::time::sleep(SHORT * 2).await;
    running.stop.cancel();
    let began = Instant::now();
    tokio::time::timeout(GONE_WITHIN, running.served).await.unwrap().unwrap();
    assert!(began.elapsed() >= SHORT, "the link was open, so the drain time was used");
}
