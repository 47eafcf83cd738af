//! The operators' own people, who log in with a name and a password.

use sqlx::Row;
use wasm_core::ids::OperatorId;

use super::{Store, StoreError, one_row, taken};

/// Somebody who works for an operator.
#[derive(Clone, Debug)]
pub struct User {
    /// Its id.
    pub id: String,
    /// Whom it works for.
    pub operator_id: OperatorId,
    /// The name it logs in with, unique over all operators.
    pub login: String,
    /// What it may do: `owner`, `finance`, `support` or `technician`.
    pub role: String,
    /// Argon2 hash of the password, in PHC form.
    pub password_hash: String,
}

impl Store {
    /// Adds a user.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the login is in use.
    pub async fn add_user(&self, user: &User, now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO users (id, operator_id, login, password_hash, role, created_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&user.id)
        .bind(user.operator_id.as_str())
        .bind(&user.login)
        .bind(&user.password_hash)
        .bind(&user.role)
        .bind(now_ms)
        .execute(&mut *tx.inner)
        .await
        .map_err(taken)?;
        tx.commit().await
    }

    /// The user who logs in by this name.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn user_by_login(&self, login: &str) -> Result<Option<User>, StoreError> {
        let row = sqlx::query(
            "SELECT id, operator_id, login, role, password_hash FROM users WHERE login = $1",
        )
        .bind(login)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(User {
                id: row.try_get(0)?,
                operator_id: OperatorId(row.try_get(1)?),
                login: row.try_get(2)?,
                role: row.try_get(3)?,
                password_hash: row.try_get(4)?,
            })
        })
        .transpose()
    }

    /// Gives a user another password, and ends the user's sessions.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is no such user.
    pub async fn set_password(&self, login: &str, password_hash: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query("UPDATE users SET password_hash = $2 WHERE login = $1")
            .bind(login)
            .bind(password_hash)
            .execute(&mut *tx.inner)
            .await?;
        one_row(&done)?;
        sqlx::query(
            "DELETE FROM sessions WHERE user_id IN (SELECT id FROM users WHERE login = $1)",
        )
        .bind(login)
        .execute(&mut *tx.inner)
        .await?;
        tx.commit().await
    }
}
