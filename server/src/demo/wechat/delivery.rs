//! Notifies: encrypted and kept when something happens, signed anew for each delivery, sent until
//! they are taken.

use std::time::Duration;

use axum::http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::faults::NotifyFault;
use super::gateway::{OLD_S, put};
use super::keys::seal;
use super::platform::{MCHID, Platform, lock};
use super::refund::millis;
use super::time::rfc3339;
use crate::random;
use crate::store::StoreError;

/// Begins the signature of a probe.
const PROBE: &str = "WECHATPAY/SIGNTEST/";

/// What the rider chose to go wrong at the cashier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lateness {
    /// Nothing.
    None,
    /// The notify comes late.
    Late,
    /// The notify never comes.
    Lost,
}

/// A notify.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Notice {
    id: String,
    url: String,
    body: String,
    /// When it is to be delivered next, milliseconds UTC.
    due_ms: i64,
    /// Deliveries so far.
    deliveries: usize,
    /// Taken, or given up.
    over: bool,
}

impl Platform {
    /// Makes the notify of an `event` (its type and what it is about) and starts the delivery at
    /// `from_ms`. Nothing is sent where nobody listens. The caller holds `changing`.
    pub(super) async fn report(
        &self,
        url: &str,
        (event, about): (&str, &str),
        mut told: Value,
        from_ms: i64,
        lateness: Lateness,
    ) -> Result<(), StoreError> {
        let faults = self.faults();
        if lateness == Lateness::Lost || faults.notify == NotifyFault::Lost || url.is_empty() {
            return Ok(());
        }
        let is_odd = {
            let mut made = lock(&self.inner.notices);
            *made += 1;
            *made % 2 == 1
        };
        let late = match (lateness, faults.notify) {
            (Lateness::Late, _) => faults.late,
            (_, NotifyFault::Late(late)) => late,
            (_, NotifyFault::Reordered(late)) if is_odd => late,
            _ => Duration::ZERO,
        };
        if faults.notify == NotifyFault::OtherMerchant && told.get("mchid").is_some() {
            told["mchid"] = json!(format!("{}9", &MCHID[..9]));
        }
        let notice = Notice {
            id: random::base32::<26>(),
            url: url.to_owned(),
            body: self.envelope(event, about, &told).to_string(),
            due_ms: from_ms + millis(late),
            deliveries: 0,
            over: false,
        };
        self.write(&format!("notice/{}", notice.id), &notice).await?;
        let copies = if let NotifyFault::Copies(copies) = faults.notify { copies } else { 1 };
        for _ in 0..copies {
            self.deliver_in_background(notice.clone());
        }
        Ok(())
    }

    fn envelope(&self, event: &str, about: &str, told: &Value) -> Value {
        let (nonce, ciphertext) = seal(&self.inner.keys.api_v3, &told.to_string(), about);
        let mut id: [u8; 16] = random::bytes();
        // A UUID, version 4.
        id[6] = (id[6] & 0x0f) | 0x40;
        id[8] = (id[8] & 0x3f) | 0x80;
        let id = random::hex(&id);
        json!({
            "id": format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]),
            "create_time": rfc3339(self.now_ms()),
            "resource_type": "encrypt-resource",
            "event_type": event,
            "summary": event,
            "resource": {
                "original_type": about,
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": ciphertext,
                "associated_data": about,
                "nonce": nonce,
            },
        })
    }

    /// Takes up the deliveries that a restart interrupted.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn resume(&self) -> Result<(), StoreError> {
        for notice in self.list::<Notice>("notice/").await? {
            if !notice.over {
                self.deliver_in_background(notice);
            }
        }
        Ok(())
    }

    fn deliver_in_background(&self, notice: Notice) {
        let platform = self.clone();
        tokio::spawn(async move {
            if let Err(error) = platform.deliver(notice).await {
                tracing::error!(%error, "simulated wechat pay: a notify was not delivered");
            }
        });
    }

    async fn deliver(&self, mut notice: Notice) -> Result<(), StoreError> {
        while !notice.over {
            let wait_ms = u64::try_from(notice.due_ms - self.now_ms()).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            if self.faults().probes {
                self.probe(&notice).await;
            }
            let taken = self.post(&notice).await;
            notice.deliveries += 1;
            match self.faults().retry_after.get(notice.deliveries - 1) {
                Some(pause) if !taken => notice.due_ms = self.now_ms() + millis(*pause),
                _ => notice.over = true,
            }
            self.write(&format!("notice/{}", notice.id), &notice).await?;
        }
        Ok(())
    }

    /// Whether the merchant took it.
    async fn post(&self, notice: &Notice) -> bool {
        let fault = self.faults().notify;
        let mut body = notice.body.clone();
        let (old_s, by_stranger) = match fault {
            NotifyFault::Old => (OLD_S, false),
            NotifyFault::OtherKey => (0, true),
            _ => (0, false),
        };
        let mut headers = self.signature("", body.as_bytes(), old_s, by_stranger);
        match fault {
            NotifyFault::BadSignature => {
                let (_, other) = self.sign("", b"something else");
                put(&mut headers, "wechatpay-signature", &other);
            }
            NotifyFault::UnknownSerial => put(&mut headers, "wechatpay-serial", "0123456789ABCDEF"),
            NotifyFault::Altered => body = body.replace("\"summary\":\"", "\"summary\":\"!"),
            _ => {}
        }
        self.send(&notice.url, headers, body).await
    }

    /// Sends the notify with a signature that must be refused.
    async fn probe(&self, notice: &Notice) {
        let mut headers = self.signature("", notice.body.as_bytes(), 0, false);
        put(&mut headers, "wechatpay-signature", &format!("{PROBE}{}", random::base32::<64>()));
        let taken = self.send(&notice.url, headers, notice.body.clone()).await;
        let mut probes = lock(&self.inner.probes);
        if taken {
            probes.1 += 1;
        } else {
            probes.0 += 1;
        }
    }

    async fn send(&self, url: &str, headers: HeaderMap, body: String) -> bool {
        let request = self
            .inner
            .http
            .post(url)
            .headers(headers)
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .body(body);
        let answer = request.send().await;
        answer.is_ok_and(|answer| matches!(answer.status().as_u16(), 200 | 204))
    }
}
