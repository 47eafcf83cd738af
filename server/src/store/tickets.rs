//! Tickets from a mini-program's shell to the pages in its web-view.

use sqlx::Row;
use wasm_core::order::Channel;

use super::{Store, StoreError, Tx};

/// Who a ticket's bearer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The platform that said so.
    pub channel: Channel,
    /// The rider's id there.
    pub open_id: String,
    /// Until when it serves, milliseconds UTC.
    pub expires_ms: i64,
}

impl Store {
    /// Keeps a ticket, by the hash of its text, and forgets those that are too old to serve.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn add_ticket(
        &self,
        hash: &str,
        ticket: &Ticket,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM tickets WHERE expires_ms <= $1";
        sqlx::query(sql).bind(now_ms).execute(&mut *tx.inner).await?;
        let sql = "INSERT INTO tickets (ticket_hash, channel, open_id, expires_ms) \
                   VALUES ($1, $2, $3, $4)";
        let query = sqlx::query(sql).bind(hash).bind(ticket.channel.as_str());
        let query = query.bind(ticket.open_id.as_str()).bind(ticket.expires_ms);
        query.execute(&mut *tx.inner).await?;
        tx.commit().await
    }
}

impl Tx {
    /// Takes a ticket: it is gone afterwards. None if there is none, or it is too old.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn take_ticket(
        &mut self,
        hash: &str,
        now_ms: i64,
    ) -> Result<Option<Ticket>, StoreError> {
        let sql = "DELETE FROM tickets WHERE ticket_hash = $1 \
                   RETURNING channel, open_id, expires_ms";
        let row = sqlx::query(sql).bind(hash).fetch_optional(&mut *self.inner).await?;
        let Some(row) = row else { return Ok(None) };
        let name: &str = row.try_get("channel")?;
        let ticket = Ticket {
            channel: Channel::parse(name)
                .ok_or_else(|| StoreError::Unreadable(format!("channel {name}")))?,
            open_id: row.try_get("open_id")?,
            expires_ms: row.try_get("expires_ms")?,
        };
        Ok(Some(ticket).filter(|ticket| now_ms < ticket.expires_ms))
    }
}
