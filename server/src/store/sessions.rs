//! Sessions of the operators' people: who is logged in, and until when.

use sqlx::Row;
use wasm_core::ids::OperatorId;

use super::{Store, StoreError, taken};

/// Somebody who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionUser {
    /// The user's id.
    pub user_id: String,
    /// Whom the user works for.
    pub operator_id: OperatorId,
    /// The operator's name.
    pub operator_name: String,
    /// The name the user logs in with.
    pub login: String,
    /// What the user may do: `owner`, `finance`, `support` or `technician`.
    pub role: String,
}

impl Store {
    /// Opens a session known by this hash of its secret, and forgets those that are over.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the hash is in use.
    pub async fn open_session(
        &self,
        token_hash: &str,
        user_id: &str,
        now_ms: i64,
        expires_ms: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM sessions WHERE expires_ms <= $1")
            .bind(now_ms)
            .execute(&mut *tx.inner)
            .await?;
        sqlx::query(
            "INSERT INTO sessions (token_hash, user_id, created_ms, expires_ms) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(token_hash)
        .bind(user_id)
        .bind(now_ms)
        .bind(expires_ms)
        .execute(&mut *tx.inner)
        .await
        .map_err(taken)?;
        tx.commit().await
    }

    /// Who is logged in by a secret of this hash; none when nobody is, or not any more.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn session_user(
        &self,
        token_hash: &str,
        now_ms: i64,
    ) -> Result<Option<SessionUser>, StoreError> {
        let row = sqlx::query(
            "SELECT u.id, u.operator_id, o.name, u.login, u.role FROM sessions s \
             JOIN users u ON u.id = s.user_id JOIN operators o ON o.id = u.operator_id \
             WHERE s.token_hash = $1 AND s.expires_ms > $2",
        )
        .bind(token_hash)
        .bind(now_ms)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(SessionUser {
                user_id: row.try_get(0)?,
                operator_id: OperatorId(row.try_get(1)?),
                operator_name: row.try_get(2)?,
                login: row.try_get(3)?,
                role: row.try_get(4)?,
            })
        })
        .transpose()
    }

    /// Ends a session; ending none is no error.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn close_session(&self, token_hash: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM sessions WHERE token_hash = $1")
            .bind(token_hash)
            .execute(&mut *tx.inner)
            .await?;
        tx.commit().await
    }
}
