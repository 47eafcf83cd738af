//! Answers to repeated POSTs: a key means one input, and gets one answer.
//!
//! A key is claimed before the work and answered after it. A claim whose process died is given up
//! by the next one ([`Store::give_up_claims`]); what is repeated then is an order that nobody has
//! paid for.

use sqlx::Row;

use super::{Store, StoreError, one_row};

/// A claim without an answer is given up after this long, in milliseconds: no request lives so
/// long.
pub const CLAIM_STALE_MS: i64 = 60_000;

/// What claiming a key found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nobody had it: do the work, then answer.
    New,
    /// It was done before; this is what was answered.
    Answered(String),
    /// The same request is being worked on.
    Running,
    /// The key stands for another input.
    Different,
}

impl Store {
    /// Claims `key` of `owner` for the input with this hash. Of any number of claims at one time
    /// exactly one is [`Claim::New`].
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn claim_key(
        &self,
        owner: &str,
        key: &str,
        input_hash: &str,
        now_ms: i64,
    ) -> Result<Claim, StoreError> {
        let mut tx = self.begin().await?;
        let inserted = sqlx::query(
            "INSERT INTO idempotency_keys (owner_id, key, input_hash, answer_json, created_ms) \
             VALUES ($1, $2, $3, '', $4) ON CONFLICT DO NOTHING",
        )
        .bind(owner)
        .bind(key)
        .bind(input_hash)
        .bind(now_ms)
        .execute(&mut *tx.inner)
        .await?;
        if inserted.rows_affected() == 1 {
            tx.commit().await?;
            return Ok(Claim::New);
        }
        let row = sqlx::query(
            "SELECT input_hash, answer_json FROM idempotency_keys \
             WHERE owner_id = $1 AND key = $2",
        )
        .bind(owner)
        .bind(key)
        .fetch_one(&mut *tx.inner)
        .await?;
        let (known_hash, answer): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        if known_hash != input_hash {
            return Ok(Claim::Different);
        }
        if !answer.is_empty() {
            return Ok(Claim::Answered(answer));
        }
        let taken_over = sqlx::query(
            "UPDATE idempotency_keys SET created_ms = $3 \
             WHERE owner_id = $1 AND key = $2 AND answer_json = '' AND created_ms < $4",
        )
        .bind(owner)
        .bind(key)
        .bind(now_ms)
        .bind(now_ms - CLAIM_STALE_MS)
        .execute(&mut *tx.inner)
        .await?;
        if taken_over.rows_affected() != 1 {
            return Ok(Claim::Running);
        }
        tx.commit().await?;
        Ok(Claim::New)
    }

    /// Stores the answer of a claimed key.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the key is not claimed or already answered.
    pub async fn answer_key(
        &self,
        owner: &str,
        key: &str,
        answer_json: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE idempotency_keys SET answer_json = $3 \
             WHERE owner_id = $1 AND key = $2 AND answer_json = ''",
        )
        .bind(owner)
        .bind(key)
        .bind(answer_json)
        .execute(&mut *tx.inner)
        .await?;
        one_row(&done)?;
        tx.commit().await
    }

    /// Gives a claimed key back because nothing was done: the same request may try again.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn release_key(&self, owner: &str, key: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "DELETE FROM idempotency_keys WHERE owner_id = $1 AND key = $2 AND answer_json = ''",
        )
        .bind(owner)
        .bind(key)
        .execute(&mut *tx.inner)
        .await?;
        tx.commit().await
    }

    /// Gives up the claims of a process that died. Only at start, before any request.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn give_up_claims(&self) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let gone = sqlx::query("DELETE FROM idempotency_keys WHERE answer_json = ''")
            .execute(&mut *tx.inner)
            .await?;
        tx.commit().await?;
        Ok(gone.rows_affected())
    }

    /// Forgets keys made before a time. Returns how many.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_keys(&self, before_ms: i64) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let gone = sqlx::query("DELETE FROM idempotency_keys WHERE created_ms < $1")
            .bind(before_ms)
            .execute(&mut *tx.inner)
            .await?;
        tx.commit().await?;
        Ok(gone.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("t.db").display());
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        (folder, store)
    }

    #[tokio::test]
    async fn a_key_has_one_input_and_one_answer() {
        let (_folder, store) = store().await;
        assert_eq!(store.claim_key("r1", "k", "h1", 1_000).await.unwrap(), Claim::New);
        assert_eq!(store.claim_key("r1", "k", "h1", 1_001).await.unwrap(), Claim::Running);
        assert_eq!(store.claim_key("r1", "k", "h2", 1_001).await.unwrap(), Claim::Different);
        assert_eq!(store.claim_key("r2", "k", "h2", 1_001).await.unwrap(), Claim::New);
        store.answer_key("r1", "k", "{}").await.unwrap();
        let again = store.claim_key("r1", "k", "h1", 1_002).await.unwrap();
        assert_eq!(again, Claim::Answered("{}".to_owned()));
        assert!(matches!(store.answer_key("r1", "k", "{}").await, Err(StoreError::Stale)));
    }

    #[tokio::test]
    async fn what_was_not_done_may_be_tried_again() {
        let (_folder, store) = store().await;
        store.claim_key("r1", "k", "h", 1_000).await.unwrap();
        store.release_key("r1", "k").await.unwrap();
        assert_eq!(store.claim_key("r1", "k", "h", 1_001).await.unwrap(), Claim::New);
        let later_ms = 1_002 + CLAIM_STALE_MS;
        assert_eq!(store.claim_key("r1", "k", "h", later_ms).await.unwrap(), Claim::New);
        assert_eq!(store.claim_key("r1", "k", "h", later_ms).await.unwrap(), Claim::Running);
        assert_eq!(store.forget_keys(later_ms + 1).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn what_a_dead_process_had_claimed_may_be_claimed_again() {
        let (_folder, store) = store().await;
        store.claim_key("r1", "open", "h", 1_000).await.unwrap();
        store.claim_key("r1", "done", "h", 1_000).await.unwrap();
        store.answer_key("r1", "done", "{}").await.unwrap();
        assert_eq!(store.give_up_claims().await.unwrap(), 1);
        assert_eq!(store.claim_key("r1", "open", "h", 1_001).await.unwrap(), Claim::New);
        let answered = Claim::Answered("{}".to_owned());
        assert_eq!(store.claim_key("r1", "done", "h", 1_001).await.unwrap(), answered);
    }

    #[tokio::test]
    async fn f38_of_twenty_claims_at_once_one_is_new() {
        let (_folder, store) = store().await;
        let claims = (0..20).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.claim_key("r1", "k", "h", 1_000).await.unwrap() })
        });
        let mut new = 0;
        for claim in claims.collect::<Vec<_>>() {
            match claim.await.unwrap() {
                Claim::New => new += 1,
                other => assert_eq!(other, Claim::Running),
            }
        }
        assert_eq!(new, 1);
    }
}
