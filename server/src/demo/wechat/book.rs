//! The platform's book: documents by every number that finds them, changed one at a time.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::order::Order;
use super::platform::Platform;
use crate::store::StoreError;

impl Platform {
    /// An order by the merchant's number.
    pub(super) async fn order(&self, out_trade_no: &str) -> Result<Option<Order>, StoreError> {
        self.read(&format!("order/{out_trade_no}")).await
    }

    /// An order by another number: `transaction`, `prepay`, `refund`, `share` or `return`.
    pub(super) async fn order_by(
        &self,
        kind: &str,
        number: &str,
    ) -> Result<Option<Order>, StoreError> {
        match self.read::<String>(&format!("{kind}/{number}")).await? {
            Some(out_trade_no) => self.order(&out_trade_no).await,
            None => Ok(None),
        }
    }

    /// Makes an order findable by another number. Before the order itself has the number: one that
    /// finds nothing in it is as good as none.
    pub(super) async fn index(
        &self,
        kind: &str,
        number: &str,
        order: &Order,
    ) -> Result<(), StoreError> {
        self.write(&format!("{kind}/{number}"), &order.out_trade_no).await
    }

    /// Writes an order. The caller holds `changing`.
    pub(super) async fn put(&self, order: &Order) -> Result<(), StoreError> {
        self.write(&format!("order/{}", order.out_trade_no), order).await
    }

    /// Writes a new order, findable by all its numbers. The caller holds `changing`.
    pub(super) async fn put_new(&self, order: &Order) -> Result<(), StoreError> {
        self.index("transaction", &order.transaction_id, order).await?;
        if !order.prepay_id.is_empty() {
            self.index("prepay", &order.prepay_id, order).await?;
        }
        self.put(order).await
    }

    /// All orders.
    pub(super) async fn orders(&self) -> Result<Vec<Order>, StoreError> {
        self.list("order/").await
    }

    /// A document; its key without the platform's own prefix.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<T>, StoreError> {
        let stored = self.inner.store.demo_document(&format!("wechat/{key}")).await?;
        stored.map(|body| parse(&body)).transpose()
    }

    /// All documents whose key begins so.
    pub(super) async fn list<T: DeserializeOwned>(&self, key: &str) -> Result<Vec<T>, StoreError> {
        let stored = self.inner.store.demo_documents(&format!("wechat/{key}")).await?;
        stored.iter().map(|body| parse(body)).collect()
    }

    /// Writes a document over the one that was there.
    pub(super) async fn write<T: Serialize + Sync>(
        &self,
        key: &str,
        value: &T,
    ) -> Result<(), StoreError> {
        let body = serde_json::to_string(value)
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        let key = format!("wechat/{key}");
        self.inner.store.put_demo_document(&key, &body, self.inner.clock.now_ms()).await
    }
}

fn parse<T: DeserializeOwned>(stored: &str) -> Result<T, StoreError> {
    serde_json::from_str(stored).map_err(|error| StoreError::Unreadable(error.to_string()))
}
