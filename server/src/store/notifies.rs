//! Notifies of payment platforms, kept as they came.

use super::{Store, StoreError};

/// A verified notify.
#[derive(Clone, Copy, Debug)]
pub struct NotifyRecord<'a> {
    /// Which platform.
    pub channel: &'a str,
    /// The platform's id for it, the same on every delivery.
    pub notify_id: &'a str,
    /// The payment it names, which may not exist.
    pub payment_id: &'a str,
    /// The body as it came.
    pub body: &'a str,
    /// What came of it.
    pub outcome: &'a str,
    /// When, milliseconds UTC.
    pub received_ms: i64,
}

impl Store {
    /// Keeps a notify once for its id: the first body stays, and its outcome follows later
    /// deliveries until it is `taken`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn record_notify(
        &self,
        notify: &NotifyRecord<'_>,
        taken: &str,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO notifies (channel, notify_id, payment_id, body, outcome, received_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6) \
                   ON CONFLICT (channel, notify_id) DO UPDATE SET outcome = excluded.outcome \
                   WHERE notifies.outcome <> $7";
        let _turn = self.turn().await;
        sqlx::query(sql)
            .bind(notify.channel)
            .bind(notify.notify_id)
            .bind(notify.payment_id)
            .bind(notify.body)
            .bind(notify.outcome)
            .bind(notify.received_ms)
            .bind(taken)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The outcome of a notify; none if it never came.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn notify_outcome(
        &self,
        channel: &str,
        notify_id: &str,
    ) -> Result<Option<String>, StoreError> {
        let sql = "SELECT outcome FROM notifies WHERE channel = $1 AND notify_id = $2";
        let row: Option<(String,)> =
            sqlx::query_as(sql).bind(channel).bind(notify_id).fetch_optional(&self.pool).await?;
        Ok(row.map(|(outcome,)| outcome))
    }
}
