//! Notifies: made with the trade's change, delivered until they are answered `success`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;

use super::faults::NotifyFault;
use super::platform::{APP_ID, Platform, SELLER_ID, digits};
use super::trade::{Notice, Trade};
use crate::payments::alipay::sign;
use crate::store::StoreError;

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

impl Platform {
    /// Writes a trade together with the notify that reports it, and starts the delivery. The
    /// caller holds `changing`.
    pub(super) async fn put_and_report(
        &self,
        trade: &mut Trade,
        lateness: Lateness,
    ) -> Result<(), StoreError> {
        let notice = self.notice(trade, lateness);
        trade.notices.extend(notice.clone());
        self.put(trade).await?;
        if let Some(notice) = notice {
            let copies = match self.faults().notify {
                NotifyFault::Copies(copies) => copies,
                _ => 1,
            };
            for _ in 0..copies {
                self.deliver_in_background(trade, &notice);
            }
        }
        Ok(())
    }

    /// The notify of a trade's present state; none if nobody listens or it is to be lost.
    fn notice(&self, trade: &Trade, lateness: Lateness) -> Option<Notice> {
        let faults = self.faults();
        let lost = lateness == Lateness::Lost || faults.notify == NotifyFault::Lost;
        if lost || trade.notify_url.is_empty() {
            return None;
        }
        let late = match (lateness, faults.notify) {
            (Lateness::Late, _) => faults.late,
            (_, NotifyFault::Late(late)) => late,
            (_, NotifyFault::Reordered(late)) if self.is_odd_notify() => late,
            _ => Duration::ZERO,
        };
        let notify_id = digits::<34>();
        let mut params = trade.notify_params(&notify_id, self.now_ms());
        let other_app = faults.notify == NotifyFault::OtherApp;
        let app_id = if other_app { "9021000000000002" } else { APP_ID };
        params.insert("app_id".to_owned(), app_id.to_owned());
        params.insert("auth_app_id".to_owned(), app_id.to_owned());
        params.insert("seller_id".to_owned(), SELLER_ID.to_owned());
        if faults.notify == NotifyFault::WrongAmount {
            let mut wrong_fen = trade.total_fen;
            wrong_fen.0 += 1;
            params.insert("total_amount".to_owned(), wrong_fen.to_yuan());
        }
        let forged = faults.notify == NotifyFault::Forged;
        let key = if forged { &self.inner.strange_key } else { &self.inner.key };
        sign::sign_notify(&mut params, key);
        let due_ms = self.now_ms() + millis(late);
        Some(Notice { notify_id, params, due_ms, deliveries: 0, over: false })
    }

    /// Counts notifies made.
    fn is_odd_notify(&self) -> bool {
        self.inner.notifies.fetch_add(1, Ordering::Relaxed).is_multiple_of(2)
    }

    /// Takes up the deliveries that a restart interrupted.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn resume(&self) -> Result<(), StoreError> {
        for trade in self.trades().await? {
            for notice in trade.notices.iter().filter(|notice| !notice.over) {
                self.deliver_in_background(&trade, notice);
            }
        }
        Ok(())
    }

    fn deliver_in_background(&self, trade: &Trade, notice: &Notice) {
        let (platform, trade, notice) = (self.clone(), trade.clone(), notice.clone());
        tokio::spawn(async move {
            if let Err(error) = platform.deliver(&trade, notice).await {
                tracing::error!(%error, "simulated alipay: a notify was not delivered");
            }
        });
    }

    async fn deliver(&self, trade: &Trade, mut notice: Notice) -> Result<(), StoreError> {
        while !notice.over {
            let wait_ms = u64::try_from(notice.due_ms - self.now_ms()).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            let taken = self.post(&trade.notify_url, &notice).await;
            notice.deliveries += 1;
            match self.faults().retry_after.get(notice.deliveries - 1) {
                Some(pause) if !taken => notice.due_ms = self.now_ms() + millis(*pause),
                _ => notice.over = true,
            }
            self.note(&trade.out_trade_no, &notice).await?;
        }
        Ok(())
    }

    /// Whether the merchant answered exactly `success`.
    async fn post(&self, notify_url: &str, notice: &Notice) -> bool {
        let request = self
            .inner
            .http
            .post(notify_url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
            .body(sign::encode(&notice.params));
        let Ok(answer) = request.send().await else { return false };
        answer.status().is_success() && answer.text().await.is_ok_and(|body| body == "success")
    }

    /// Writes down how far a delivery is.
    async fn note(&self, out_trade_no: &str, notice: &Notice) -> Result<(), StoreError> {
        let _changing = self.inner.changing.lock().await;
        let Some(mut trade) = self.trade(out_trade_no).await? else { return Ok(()) };
        for known in &mut trade.notices {
            if known.notify_id == notice.notify_id {
                *known = notice.clone();
            }
        }
        self.put(&trade).await
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
