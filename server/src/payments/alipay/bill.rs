//! Fetches a day's bill: the gateway names an address that is good for 30 seconds.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

use super::bill_file::read_bill;
use super::client::{Alipay, read_node};
use super::time::to_beijing;
use crate::orders::{Answer, BillDay, BillLines, Bills, Unsure};

/// Longest packed bill, bytes: a million lines take some 50 MB.
const BILL_MAX_BYTES: u64 = 1 << 30;

/// Fetching a bill takes no longer.
const FETCH_TIMEOUT: Duration = Duration::from_mins(10);

/// Pieces of a bill waiting for the disk.
const WAITING_PIECES: usize = 16;

#[derive(Deserialize)]
struct Address {
    bill_download_url: String,
}

impl Alipay {
    async fn fetch_bill(&self, day: BillDay, folder: &Path) -> Answer<BillLines> {
        let date: String = to_beijing(day.begins_ms()).chars().take("yyyy-MM-dd".len()).collect();
        let business = json!({ "bill_type": "trade", "bill_date": date });
        let method = "alipay.data.dataservice.bill.downloadurl.query";
        let address: Address = read_node(self.call(method, &business).await?)?;
        let path = folder.join(format!("alipay-{date}.zip"));
        self.download(&address.bill_download_url, &path).await?;
        let opened = tokio::task::spawn_blocking(move || read_bill(&path)).await;
        let lines = opened.map_err(|error| Unsure::Unknown(error.to_string()))?;
        lines.map_err(|error| Unsure::Unknown(format!("the bill of {date}: {error}")))
    }

    /// The address carries a token and is therefore in no error.
    async fn download(&self, address: &str, path: &Path) -> Answer<()> {
        let asked = self.http.get(address).timeout(FETCH_TIMEOUT).send().await;
        let mut answer = asked.map_err(|error| unknown(error.without_url()))?;
        if !answer.status().is_success() {
            return Err(unknown(format!("HTTP {}", answer.status())));
        }
        let (sender, mut pieces) = mpsc::channel::<Vec<u8>>(WAITING_PIECES);
        let mut file = File::create(path).map_err(unknown)?;
        let writing = tokio::task::spawn_blocking(move || {
            while let Some(piece) = pieces.blocking_recv() {
                file.write_all(&piece)?;
            }
            file.sync_all()
        });
        let mut bytes = 0;
        while let Some(piece) =
            answer.chunk().await.map_err(|error| unknown(error.without_url()))?
        {
            bytes += piece.len() as u64;
            if bytes > BILL_MAX_BYTES {
                return Err(unknown(format!("over {BILL_MAX_BYTES} bytes")));
            }
            if sender.send(piece.to_vec()).await.is_err() {
                break;
            }
        }
        drop(sender);
        writing.await.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(unknown)
    }
}

fn unknown(why: impl std::fmt::Display) -> Unsure {
    Unsure::Unknown(format!("fetching a bill: {why}"))
}

impl Bills for Alipay {
    fn bill<'a>(&'a self, day: BillDay, folder: &'a Path) -> BoxFuture<'a, Answer<BillLines>> {
        Box::pin(self.fetch_bill(day, folder))
    }

    fn read(&self, file: &Path) -> io::Result<BillLines> {
        read_bill(file)
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::{get, post};

    use super::*;
    use crate::clock::Clock;
    use crate::payments::alipay::{AlipayConfig, testing};

    /// An adapter whose gateway names an address that answers like this.
    async fn bill_behind(status: StatusCode, content: &'static [u8]) -> Answer<BillLines> {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let node = json!({ "code": "10000", "bill_download_url": format!("{url}/file?t=sesame") })
            .to_string();
        let sign = testing::key().sign(&node);
        let name = "alipay_data_dataservice_bill_downloadurl_query_response";
        let answer = format!("{{\"{name}\":{node},\"sign\":\"{sign}\"}}");
        let router = Router::new()
            .route("/gateway.do", post(async move || answer))
            .route("/file", get(async move || (status, content)));
        let server = tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
        let config = AlipayConfig { gateway_url: format!("{url}/gateway.do"), ..testing::config() };
        let alipay = Alipay::new(config, Clock::System).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let lines = alipay.bill(BillDay::of(0), folder.path()).await;
        server.abort();
        lines
    }

    #[tokio::test]
    async fn an_address_that_has_run_out_is_unknown_and_stays_secret() {
        for (status, content) in [
            (StatusCode::FORBIDDEN, b"expired".as_slice()),
            (StatusCode::FOUND, b""),
            (StatusCode::OK, b"PK but no archive"),
            (StatusCode::OK, b""),
        ] {
            let lines = bill_behind(status, content).await;
            let failed = match lines {
                Err(Unsure::Unknown(why)) => why,
                Ok(mut lines) => lines.next().unwrap().unwrap_err().to_string(),
                Err(no) => panic!("{no}"),
            };
            assert!(!failed.contains("sesame"), "{failed}");
        }
    }
}
