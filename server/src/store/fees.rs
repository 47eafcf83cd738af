//! What platforms take for their service, as agreed with them.

use sqlx::Row;
use wasm_core::order::Channel;

use super::{Store, StoreError};

impl Store {
    /// The fee agreed with a platform, in hundredths of a percent.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn fee_bp(&self, channel: Channel) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT fee_bp FROM recon_terms WHERE channel = $1";
        let row = sqlx::query(sql).bind(channel.as_str()).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| row.try_get("fee_bp")).transpose()?)
    }

    /// Sets it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_fee_bp(&self, channel: Channel, fee_bp: i64) -> Result<(), StoreError> {
        let sql = "INSERT INTO recon_terms (channel, fee_bp) VALUES ($1, $2) \
                   ON CONFLICT (channel) DO UPDATE SET fee_bp = $2";
        let _turn = self.turn().await;
        sqlx::query(sql).bind(channel.as_str()).bind(fee_bp).execute(&self.pool).await?;
        Ok(())
    }
}
