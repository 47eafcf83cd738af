//! The daily bill: asked for, fetched from the address in the signed answer, checked against the
//! digest there.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use flate2::read::GzDecoder;
use futures_util::future::BoxFuture;
use reqwest::{Method, Response};
use serde::Deserialize;
use url::Url;

use super::bill_lines::Lines;
use super::client::{Wechat, no_answer, read_as};
use crate::orders::{Answer, BillDay, BillLines, Bills, Unsure};
use crate::payments::time::to_day;
use crate::random;

/// Longest bill we fetch, packed, bytes: some ten million lines.
const BILL_MAX_BYTES: u64 = 1 << 30;
/// Longest bill we read, unpacked, bytes.
const UNPACKED_MAX_BYTES: u64 = 8 << 30;
/// Fetching a bill takes no longer.
const FETCH_TIMEOUT: Duration = Duration::from_mins(10);

/// What a packed bill begins with (RFC 1952, section 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A day without trades has no bill.
const NO_BILL: &str = "NO_STATEMENT_EXIST";

#[derive(Deserialize)]
struct Offer {
    hash_type: String,
    hash_value: String,
    download_url: String,
}

impl Bills for Wechat {
    fn bill<'a>(&'a self, day: BillDay, folder: &'a Path) -> BoxFuture<'a, Answer<BillLines>> {
        Box::pin(async move {
            let date = to_day(day.begins_ms());
            let target = format!("/v3/bill/tradebill?bill_date={date}&bill_type=ALL&tar_type=GZIP");
            let offer: Offer = match self.get(&target).await {
                // Nobody paid on that day: a bill of no lines, unless the day is still young.
                Err(Unsure::No { code, .. }) if code == NO_BILL && self.is_past(day) => {
                    return Ok(Box::new(std::iter::empty()) as BillLines);
                }
                answer => read_as(answer?)?,
            };
            let file = folder.join(format!("wechat-{date}.csv.gz"));
            self.fetch(&offer, &file).await?;
            let checked = file.clone();
            let lines = tokio::task::spawn_blocking(move || open_checked(&checked, &offer)).await;
            let lines = lines.map_err(|error| Unsure::Unknown(format!("bill: {error}")))?;
            lines.map_err(|error| Unsure::Unknown(format!("bill: {error}")))
        })
    }

    /// As `GET /v3/bill/tradebill` leads to it, packed or not, or as the merchant platform's page
    /// hands it out. Nothing vouches for it but who downloaded it.
    fn read(&self, file: &Path) -> io::Result<BillLines> {
        open(file)
    }
}

impl Wechat {
    /// Whether the platform has made the bill of a day by now: from ten o'clock on the day after.
    fn is_past(&self, day: BillDay) -> bool {
        const TEN_HOURS_MS: i64 = 10 * 3_600_000;
        self.clock.now_ms() >= day.next().begins_ms() + TEN_HOURS_MS
    }

    /// `GET` the address, signed like any call. Its answer is not signed; the digest speaks for it.
    async fn fetch(&self, offer: &Offer, file: &Path) -> Answer<()> {
        let unknown = |error: &dyn std::fmt::Display| Unsure::Unknown(format!("bill: {error}"));
        let url = Url::parse(&offer.download_url).map_err(|error| unknown(&error))?;
        let own = Url::parse(&self.config.base_url).map_err(|error| unknown(&error))?;
        // The request carries a signature of ours: it goes to no other house than the platform's.
        let same_house = url.host_str().is_some_and(|host| {
            Some(host) == own.host_str() || host.ends_with(".mch.weixin.qq.com")
        });
        if !same_house || url.scheme() != own.scheme() {
            return Err(Unsure::Unknown("bill: the address is not the platform's".to_owned()));
        }
        // A million lines take longer than a call may.
        let request = self.request(Method::GET, url, String::new()).timeout(FETCH_TIMEOUT);
        let sent = request.send().await;
        let mut answer = sent.map_err(|error| no_answer(&error))?;
        if !answer.status().is_success() {
            return Err(Unsure::Unknown(format!("bill: HTTP {}", answer.status())));
        }
        // Under another name until it is whole, so that half a bill is never taken for one.
        let part = part_name(file);
        let kept = keep(&mut answer, &part).await;
        let kept =
            kept.and_then(|()| std::fs::rename(&part, file).map_err(|error| unknown(&error)));
        if kept.is_err() {
            drop(std::fs::remove_file(&part));
        }
        kept
    }
}

fn part_name(file: &Path) -> PathBuf {
    file.with_extension(format!("{}.part", random::base32::<8>()))
}

async fn keep(answer: &mut Response, part: &Path) -> Answer<()> {
    let unknown = |error: io::Error| Unsure::Unknown(format!("bill: {error}"));
    let mut file = File::create(part).map_err(unknown)?;
    let mut bytes = 0;
    while let Some(chunk) = answer.chunk().await.map_err(|error| no_answer(&error))? {
        bytes += chunk.len() as u64;
        if bytes > BILL_MAX_BYTES {
            return Err(Unsure::Unknown(format!("bill: over {BILL_MAX_BYTES} bytes")));
        }
        file.write_all(&chunk).map_err(unknown)?;
    }
    file.sync_all().map_err(unknown)
}

/// Checks the digest and opens the bill for reading. The digest is that of the unpacked bill; a
/// platform that takes it of the packed one is believed as well, for nothing else is covered less.
fn open_checked(file: &Path, offer: &Offer) -> io::Result<BillLines> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    if offer.hash_type != "SHA1" {
        return Err(wrong("a digest of an unknown kind"));
    }
    let wanted = offer.hash_value.to_lowercase();
    let unpacked = digest(GzDecoder::new(File::open(file)?).take(UNPACKED_MAX_BYTES));
    if unpacked.ok().as_ref() != Some(&wanted) && digest(File::open(file)?)? != wanted {
        return Err(wrong("the digest is another"));
    }
    open(file)
}

/// Opens a bill, packed or not.
fn open(file: &Path) -> io::Result<BillLines> {
    let mut from = BufReader::new(File::open(file)?);
    if !from.fill_buf()?.starts_with(&GZIP_MAGIC) {
        return Ok(Box::new(Lines::new(from)?));
    }
    let unpacked = GzDecoder::new(from).take(UNPACKED_MAX_BYTES);
    Ok(Box::new(Lines::new(BufReader::new(unpacked))?))
}

fn digest(mut from: impl Read) -> io::Result<String> {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(random::hex(context.finish().as_ref()));
        }
        context.update(&buffer[..read]);
    }
}
