//! Notifies: made with the trade's change, delivered until they are answered `success`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use wasm_core::money::Fen;

use super::faults::NotifyFault;
use super::hold::{Change, Hold};
use super::platform::{APP_ID, Platform, SELLER_ID, digits};
use super::trade::{Notice, Trade};
use crate::payments::alipay::sign;
use crate::payments::alipay::sign::Params;
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

/// What a notify is of, by the merchant's number.
#[derive(Clone, Debug)]
pub(super) enum Of {
    Trade(String),
    Hold(String),
}

/// Where a notify belongs and goes.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    of: Of,
    notify_url: String,
}

impl Platform {
    /// Writes a trade together with the notify that reports it, and starts the delivery. The
    /// caller holds `changing`.
    pub(super) async fn put_and_report(
        &self,
        trade: &mut Trade,
        lateness: Lateness,
    ) -> Result<(), StoreError> {
        let notify_id = digits::<34>();
        let mut params = trade.notify_params(&notify_id, self.now_ms());
        params.insert("seller_id".to_owned(), SELLER_ID.to_owned());
        let notice = self.notice(&trade.notify_url, "total_amount", params, lateness);
        trade.notices.extend(notice.clone());
        self.put(trade).await?;
        let parcel = Parcel {
            of: Of::Trade(trade.out_trade_no.clone()),
            notify_url: trade.notify_url.clone(),
        };
        self.dispatch(&parcel, notice);
        Ok(())
    }

    /// The same for a hold.
    pub(super) async fn put_hold_and_report(
        &self,
        hold: &mut Hold,
        change: &Change,
        lateness: Lateness,
    ) -> Result<(), StoreError> {
        let notify_id = digits::<34>();
        let params = hold.notify_params(change, &notify_id, self.now_ms());
        let notice = self.notice(&hold.notify_url, "amount", params, lateness);
        hold.notices.extend(notice.clone());
        self.put_hold(hold).await?;
        let of = Of::Hold(hold.out_order_no.clone());
        self.dispatch(&Parcel { of, notify_url: hold.notify_url.clone() }, notice);
        Ok(())
    }

    fn dispatch(&self, parcel: &Parcel, notice: Option<Notice>) {
        let Some(notice) = notice else { return };
        let copies = match self.faults().notify {
            NotifyFault::Copies(copies) => copies,
            _ => 1,
        };
        for _ in 0..copies {
            self.deliver_in_background(parcel, &notice);
        }
    }

    /// A signed notify; none if nobody listens or it is to be lost.
    fn notice(
        &self,
        notify_url: &str,
        amount: &str,
        mut params: Params,
        lateness: Lateness,
    ) -> Option<Notice> {
        let faults = self.faults();
        let lost = lateness == Lateness::Lost || faults.notify == NotifyFault::Lost;
        if lost || notify_url.is_empty() {
            return None;
        }
        let late = match (lateness, faults.notify) {
            (Lateness::Late, _) => faults.late,
            (_, NotifyFault::Late(late)) => late,
            (_, NotifyFault::Reordered(late)) if self.is_odd_notify() => late,
            _ => Duration::ZERO,
        };
        let other_app = faults.notify == NotifyFault::OtherApp;
        let app_id = if other_app { "9021000000000002" } else { APP_ID };
        params.insert("app_id".to_owned(), app_id.to_owned());
        params.insert("auth_app_id".to_owned(), app_id.to_owned());
        if let Some(fen) = params.get(amount).and_then(|yuan| Fen::from_yuan(yuan))
            && faults.notify == NotifyFault::WrongAmount
        {
            params.insert(amount.to_owned(), (fen + Fen(1)).to_yuan());
        }
        let forged = faults.notify == NotifyFault::Forged;
        let key = if forged { self.inner.strange_key.clone() } else { self.signing().0 };
        sign::sign_notify(&mut params, &key);
        let notify_id = params.get("notify_id").cloned().unwrap_or_default();
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
                let of = Of::Trade(trade.out_trade_no.clone());
                let parcel = Parcel { of, notify_url: trade.notify_url.clone() };
                self.deliver_in_background(&parcel, notice);
            }
        }
        for hold in self.holds().await? {
            for notice in hold.notices.iter().filter(|notice| !notice.over) {
                let of = Of::Hold(hold.out_order_no.clone());
                let parcel = Parcel { of, notify_url: hold.notify_url.clone() };
                self.deliver_in_background(&parcel, notice);
            }
        }
        Ok(())
    }

    fn deliver_in_background(&self, parcel: &Parcel, notice: &Notice) {
        let (platform, parcel, notice) = (self.clone(), parcel.clone(), notice.clone());
        tokio::spawn(async move {
            if let Err(error) = platform.deliver(&parcel, notice).await {
                tracing::error!(%error, "simulated alipay: a notify was not delivered");
            }
        });
    }

    async fn deliver(&self, parcel: &Parcel, mut notice: Notice) -> Result<(), StoreError> {
        while !notice.over {
            let wait_ms = u64::try_from(notice.due_ms - self.now_ms()).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            let taken = self.post(&parcel.notify_url, &notice).await;
            notice.deliveries += 1;
            match self.faults().retry_after.get(notice.deliveries - 1) {
                Some(pause) if !taken => notice.due_ms = self.now_ms() + millis(*pause),
                _ => notice.over = true,
            }
            self.note(&parcel.of, &notice).await?;
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
    async fn note(&self, of: &Of, notice: &Notice) -> Result<(), StoreError> {
        let _changing = self.inner.changing.lock().await;
        match of {
            Of::Trade(number) => {
                let Some(mut trade) = self.trade(number).await? else { return Ok(()) };
                replace(&mut trade.notices, notice);
                self.put(&trade).await
            }
            Of::Hold(number) => {
                let Some(mut hold) = self.hold(number).await? else { return Ok(()) };
                replace(&mut hold.notices, notice);
                self.put_hold(&hold).await
            }
        }
    }
}

fn replace(notices: &mut [Notice], notice: &Notice) {
    for known in notices.iter_mut().filter(|known| known.notify_id == notice.notify_id) {
        *known = notice.clone();
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
