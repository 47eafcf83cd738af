//! Attempts to pay. The row is committed before the platform is asked, so that no notify can come
//! for a payment we do not know.

use sqlx::Row;
use sqlx::any::AnyRow;
use wasm_core::ids::{OperatorId, OrderId, PaymentId};
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::{Store, StoreError, Tx, one_row, taken};

/// An attempt to pay, as stored.
#[derive(Clone, Debug)]
pub struct PaymentRow {
    /// Our number.
    pub id: PaymentId,
    /// The tenant.
    pub operator_id: OperatorId,
    /// What it pays.
    pub order_id: OrderId,
    /// At which platform.
    pub channel: Channel,
    /// By which of its products: `orders::Product::as_str`.
    pub product: String,
    /// How much, fen.
    pub amount_fen: Fen,
    /// How far it is.
    pub status: PaymentStatus,
    /// The platform's number, once known.
    pub trade_no: Option<String>,
    /// When it was opened, milliseconds UTC.
    pub created_ms: i64,
}

/// How far an attempt to pay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentStatus {
    /// It can be paid.
    Open,
    /// The money arrived.
    Paid,
    /// It can no more be paid.
    Closed,
}

impl PaymentStatus {
    const ALL: [Self; 3] = [Self::Open, Self::Paid, Self::Closed];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Closed => "closed",
        }
    }
}

impl Tx {
    /// Writes a new attempt.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the id exists.
    pub async fn insert_payment(&mut self, payment: &PaymentRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO payments (operator_id, id, order_id, channel, product, amount_fen, \
                   status, created_ms, updated_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)";
        sqlx::query(sql)
            .bind(payment.operator_id.as_str())
            .bind(payment.id.as_str())
            .bind(payment.order_id.as_str())
            .bind(payment.channel.as_str())
            .bind(payment.product.as_str())
            .bind(payment.amount_fen.0)
            .bind(payment.status.as_str())
            .bind(payment.created_ms)
            .execute(&mut *self.inner)
            .await
            .map_err(taken)?;
        Ok(())
    }

    /// A payment by our number.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn payment(&mut self, id: &PaymentId) -> Result<Option<PaymentRow>, StoreError> {
        let sql = "SELECT id, operator_id, order_id, channel, product, amount_fen, status, trade_no, \
                   created_ms FROM payments WHERE id = $1";
        let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(&mut *self.inner).await?;
        row.map(|row| payment(&row)).transpose()
    }

    /// Marks a payment paid or closed.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when another payment has this trade number.
    pub async fn set_payment(
        &mut self,
        id: &PaymentId,
        status: PaymentStatus,
        trade_no: Option<&str>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE payments SET status = $1, trade_no = COALESCE($2, trade_no), \
                   updated_ms = $3 WHERE id = $4";
        let updated = sqlx::query(sql)
            .bind(status.as_str())
            .bind(trade_no.map(str::to_owned))
            .bind(now_ms)
            .bind(id.as_str())
            .execute(&mut *self.inner)
            .await
            .map_err(taken)?;
        one_row(&updated)
    }
}

impl Store {
    /// The payments of an order, oldest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn payments_of_order(&self, order: &OrderId) -> Result<Vec<PaymentRow>, StoreError> {
        let sql = "SELECT id, operator_id, order_id, channel, product, amount_fen, status, trade_no, \
                   created_ms FROM payments WHERE order_id = $1 ORDER BY created_ms, id";
        let rows = sqlx::query(sql).bind(order.as_str()).fetch_all(&self.pool).await?;
        rows.iter().map(payment).collect()
    }
}

fn payment(row: &AnyRow) -> Result<PaymentRow, StoreError> {
    let (channel, status): (&str, &str) = (row.try_get("channel")?, row.try_get("status")?);
    let known = PaymentStatus::ALL.into_iter().find(|known| known.as_str() == status);
    Ok(PaymentRow {
        id: PaymentId(row.try_get("id")?),
        operator_id: OperatorId(row.try_get("operator_id")?),
        order_id: OrderId(row.try_get("order_id")?),
        channel: Channel::parse(channel)
            .ok_or_else(|| StoreError::Unreadable(format!("channel {channel}")))?,
        product: row.try_get("product")?,
        amount_fen: Fen(row.try_get("amount_fen")?),
        status: known.ok_or_else(|| StoreError::Unreadable(format!("status {status}")))?,
        trade_no: row.try_get("trade_no")?,
        created_ms: row.try_get("created_ms")?,
    })
}
