//! The bare limit: what axum costs alone, for a socket that reads a message and answers it, and
//! for a page that is already written.

use anyhow::Result;
use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::{Html, Response};
use axum::routing::get;
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::child::{Ready, serve_until_orphaned};

const READ_BUFFER_BYTES: usize = 4 * 1024;

/// A frame with its payload read into a type, as any server must at the least.
#[derive(Deserialize)]
struct Call(u8, String, String, Payload);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    #[serde(default)]
    meter_value: Vec<MeterValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MeterValue {
    timestamp: String,
    sampled_value: Vec<SampledValue>,
}

#[derive(Deserialize)]
struct SampledValue {
    value: String,
    measurand: String,
}

/// Serves a socket, and a page of so many bytes.
pub async fn run(page_bytes: usize) -> Result<()> {
    let page: &'static str = "x".repeat(page_bytes).leak();
    let router = Router::new()
        .route("/ocpp/{identity}", get(connect))
        .route("/page", get(move || async move { Html(page) }));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    serve_until_orphaned(&Ready { address, page: "/page".to_owned(), orders: Vec::new() }).await
}

async fn connect(upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .protocols(["ocpp1.6"])
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .on_upgrade(answer)
}

async fn answer(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let Ok(Call(2, id, action, payload)) = serde_json::from_str(&text) else { return };
        let answer = match action.as_str() {
            "StartTransaction" => r#"{"transactionId":1,"idTagInfo":{"status":"Accepted"}}"#,
            _ if payload.is_whole() => "{}",
            _ => return,
        };
        let sent = socket.send(Message::Text(format!(r#"[3,"{id}",{answer}]"#).into())).await;
        if sent.is_err() {
            return;
        }
    }
}

impl Payload {
    /// Looks at every field, so that reading them is not optimised away.
    fn is_whole(&self) -> bool {
        self.meter_value.iter().all(|value| {
            let figures = value.sampled_value.iter();
            !value.timestamp.is_empty()
                && figures.fold(true, |whole, figure| {
                    whole && !figure.value.is_empty() && !figure.measurand.is_empty()
                })
        })
    }
}
