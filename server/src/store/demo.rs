//! Documents of the demo's simulated outside world, which must survive a restart like the real
//! one does.

use super::{Store, StoreError};

impl Store {
    /// A document; none if there is none.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn demo_document(&self, key: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT body_json FROM demo_documents WHERE key = $1";
        let row: Option<(String,)> =
            sqlx::query_as(sql).bind(key).fetch_optional(&self.pool).await?;
        Ok(row.map(|(body,)| body))
    }

    /// Writes a document, over the one that was there.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn put_demo_document(
        &self,
        key: &str,
        body_json: &str,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO demo_documents (key, body_json, updated_ms) VALUES ($1, $2, $3) \
                   ON CONFLICT (key) DO UPDATE SET \
                   body_json = excluded.body_json, updated_ms = excluded.updated_ms";
        let _turn = self.turn().await;
        sqlx::query(sql).bind(key).bind(body_json).bind(now_ms).execute(&self.pool).await?;
        Ok(())
    }

    /// The bodies of all documents whose key begins with `prefix` (ASCII), by key.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn demo_documents(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT body_json FROM demo_documents \
                   WHERE substr(key, 1, $1) = $2 ORDER BY key";
        let length = i32::try_from(prefix.len()).unwrap_or(i32::MAX);
        let rows: Vec<(String,)> =
            sqlx::query_as(sql).bind(length).bind(prefix).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|(body,)| body).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn documents_are_kept_and_listed_by_the_beginning_of_their_key() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        for (key, body) in [("a/2", "2"), ("a/1", "0"), ("a/1", "1"), ("a%", "3"), ("b", "4")] {
            store.put_demo_document(key, body, 7).await.unwrap();
        }
        assert_eq!(store.demo_document("a/1").await.unwrap().as_deref(), Some("1"));
        assert_eq!(store.demo_document("a/").await.unwrap(), None);
        assert_eq!(store.demo_documents("a/").await.unwrap(), ["1", "2"]);
        assert_eq!(store.demo_documents("a%").await.unwrap(), ["3"]);
    }
}
