//! The platform's book: trades as documents, changed one at a time.

use super::hold::Hold;
use super::platform::Platform;
use super::trade::Trade;
use crate::store::StoreError;

const TRADES: &str = "alipay/trade/";
const NUMBERS: &str = "alipay/trade_no/";
const HOLDS: &str = "alipay/hold/";
const AUTH_NUMBERS: &str = "alipay/auth_no/";
const RECEIVERS: &str = "alipay/receiver/";
const BILLS: &str = "alipay/bill/";
const CODES: &str = "alipay/code/";

impl Platform {
    /// A trade by the merchant's number.
    pub(super) async fn trade(&self, out_trade_no: &str) -> Result<Option<Trade>, StoreError> {
        let stored = self.inner.store.demo_document(&format!("{TRADES}{out_trade_no}")).await?;
        let Some(stored) = stored else { return Ok(None) };
        let mut trade: Trade = read(&stored)?;
        trade.expire(self.now_ms());
        Ok(Some(trade))
    }

    /// A trade by the platform's number.
    pub(super) async fn trade_by_no(&self, trade_no: &str) -> Result<Option<Trade>, StoreError> {
        match self.inner.store.demo_document(&format!("{NUMBERS}{trade_no}")).await? {
            Some(out_trade_no) => self.trade(&read::<String>(&out_trade_no)?).await,
            None => Ok(None),
        }
    }

    /// Writes a trade. The caller holds `changing`.
    pub(super) async fn put(&self, trade: &Trade) -> Result<(), StoreError> {
        self.write(&format!("{TRADES}{}", trade.out_trade_no), trade).await
    }

    /// Writes a new trade, findable by both numbers. The caller holds `changing`.
    pub(super) async fn put_new(&self, trade: &Trade) -> Result<(), StoreError> {
        self.write(&format!("{NUMBERS}{}", trade.trade_no), &trade.out_trade_no).await?;
        self.put(trade).await
    }

    /// All trades.
    pub(super) async fn trades(&self) -> Result<Vec<Trade>, StoreError> {
        let stored = self.inner.store.demo_documents(TRADES).await?;
        stored.iter().map(|body| read(body)).collect()
    }

    /// A hold by the merchant's number.
    pub(super) async fn hold(&self, out_order_no: &str) -> Result<Option<Hold>, StoreError> {
        let stored = self.inner.store.demo_document(&format!("{HOLDS}{out_order_no}")).await?;
        let Some(stored) = stored else { return Ok(None) };
        let mut hold: Hold = read(&stored)?;
        hold.expire(self.now_ms());
        Ok(Some(hold))
    }

    /// A hold by the platform's number.
    pub(super) async fn hold_by_no(&self, auth_no: &str) -> Result<Option<Hold>, StoreError> {
        match self.inner.store.demo_document(&format!("{AUTH_NUMBERS}{auth_no}")).await? {
            Some(out_order_no) => self.hold(&read::<String>(&out_order_no)?).await,
            None => Ok(None),
        }
    }

    /// Writes a hold. The caller holds `changing`.
    pub(super) async fn put_hold(&self, hold: &Hold) -> Result<(), StoreError> {
        self.write(&format!("{HOLDS}{}", hold.out_order_no), hold).await
    }

    /// Writes a new hold, findable by both numbers. The caller holds `changing`.
    pub(super) async fn put_new_hold(&self, hold: &Hold) -> Result<(), StoreError> {
        self.write(&format!("{AUTH_NUMBERS}{}", hold.auth_no), &hold.out_order_no).await?;
        self.put_hold(hold).await
    }

    /// All holds.
    pub(super) async fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        let stored = self.inner.store.demo_documents(HOLDS).await?;
        stored.iter().map(|body| read(body)).collect()
    }

    /// Lets an account receive royalty.
    pub(super) async fn put_receiver(&self, account: &str) -> Result<(), StoreError> {
        self.write(&format!("{RECEIVERS}{account}"), &account).await
    }

    /// Whether an account may receive royalty.
    pub(super) async fn is_receiver(&self, account: &str) -> Result<bool, StoreError> {
        let stored = self.inner.store.demo_document(&format!("{RECEIVERS}{account}")).await?;
        Ok(stored.is_some())
    }

    /// Makes a bill's address good until `until_ms`.
    pub(super) async fn put_bill_token(
        &self,
        token: &str,
        day_begins_ms: i64,
        until_ms: i64,
    ) -> Result<(), StoreError> {
        self.write(&format!("{BILLS}{token}"), &(day_begins_ms, until_ms)).await
    }

    /// Which day's bill an address is for, and until when.
    pub(super) async fn bill_token(&self, token: &str) -> Result<Option<(i64, i64)>, StoreError> {
        let stored = self.inner.store.demo_document(&format!("{BILLS}{token}")).await?;
        stored.as_deref().map(read).transpose()
    }

    /// Makes a login code valid, once, for a buyer.
    pub(super) async fn put_code(&self, code: &str, open_id: &str) -> Result<(), StoreError> {
        self.write(&format!("{CODES}{code}"), &open_id).await
    }

    /// Uses a login code up; the buyer it stood for.
    pub(super) async fn take_code(&self, code: &str) -> Result<Option<String>, StoreError> {
        let _changing = self.inner.changing.lock().await;
        let key = format!("{CODES}{code}");
        let Some(stored) = self.inner.store.demo_document(&key).await? else { return Ok(None) };
        let open_id: String = read(&stored)?;
        self.write(&key, &"").await?;
        Ok(Some(open_id).filter(|open_id| !open_id.is_empty()))
    }

    async fn write<T: serde::Serialize>(&self, key: &str, value: &T) -> Result<(), StoreError> {
        let body = serde_json::to_string(value)
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        self.inner.store.put_demo_document(key, &body, self.now_ms()).await
    }
}

fn read<T: for<'de> serde::Deserialize<'de>>(stored: &str) -> Result<T, StoreError> {
    serde_json::from_str(stored).map_err(|error| StoreError::Unreadable(error.to_string()))
}
