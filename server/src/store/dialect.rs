//! All that differs between SQLite and PostgreSQL.

use std::fmt::Write as _;

use sqlx::any::AnyPoolOptions;
use sqlx::{AssertSqlSafe, Connection, Executor};

use super::StoreError;

/// Connections of a pool.
const POOL_MAX: u32 = 16;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, one file.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// By the address's scheme.
    pub(super) fn of(url: &str) -> Result<Self, StoreError> {
        match url.split(':').next() {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            // What follows the scheme may hold a password.
            scheme => Err(StoreError::Address(scheme.unwrap_or_default().to_owned())),
        }
    }

    /// SQLite files are created when they are missing.
    pub(super) fn address(self, url: &str) -> String {
        match self {
            Self::Sqlite if !url.contains(":memory:") && !url.contains('?') => {
                format!("{url}?mode=rwc")
            }
            _ => url.to_owned(),
        }
    }

    /// A database in memory lives in its one connection.
    pub(super) fn connections(self, url: &str) -> u32 {
        match self {
            Self::Sqlite if url.contains(":memory:") => 1,
            Self::Sqlite | Self::Postgres => POOL_MAX,
        }
    }

    /// SQLite writes one transaction at a time.
    pub(super) fn one_writer(self) -> bool {
        self == Self::Sqlite
    }

    /// SQLite wants a write transaction announced, or it fails half-way.
    pub(super) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// What makes those who post and the one who cuts a day wait for each other, till the end of
    /// their transactions; SQLite's writers take turns as it is. A lock on a row would be written
    /// to the disk with every posting.
    pub(super) fn lock_books(self, shared: bool) -> Option<&'static str> {
        match (self, shared) {
            (Self::Sqlite, _) => None,
            (Self::Postgres, true) => {
                Some("SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))")
            }
            (Self::Postgres, false) => {
                Some("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            }
        }
    }

    /// Sets each new connection up. Money is at stake: SQLite syncs on every commit.
    pub(super) fn prepare(self, options: AnyPoolOptions, url: &str) -> AnyPoolOptions {
        let in_memory = url.contains(":memory:");
        match self {
            // SQLite ends a transaction by itself when the disk is full or fails; sqlx then still
            // believes in it, and could never begin another one on that connection. A database in
            // memory has no disk, and would end with its connection.
            Self::Sqlite => options
                .before_acquire(move |connection, _| {
                    let is_free = in_memory || !connection.is_in_transaction();
                    Box::pin(async move { Ok(is_free) })
                })
                .after_connect(|connection, _| {
                    Box::pin(async move {
                        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                                   PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON;";
                        Executor::<'_>::execute(&mut *connection, pragmas).await?;
                        Ok::<(), sqlx::Error>(())
                    })
                }),
            Self::Postgres => options,
        }
    }
}

/// An insert of many rows: `head VALUES ($1, …), … tail`. The values are bound, never written.
pub(super) fn insert_rows(
    head: &'static str,
    columns: usize,
    rows: usize,
    tail: &'static str,
) -> AssertSqlSafe<String> {
    let mut sql = format!("{head} VALUES ");
    for row in 0..rows {
        for column in 0..columns {
            let lead = match (row, column) {
                (0, 0) => "(",
                (_, 0) => "), (",
                _ => ", ",
            };
            write!(sql, "{lead}${}", row * columns + column + 1).expect("a String takes all");
        }
    }
    sql.push_str(") ");
    sql.push_str(tail);
    AssertSqlSafe(sql)
}

/// Makes a schema, which only PostgreSQL has; the caller vouches for the name.
pub(super) fn create_schema(name: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("CREATE SCHEMA {name}"))
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use crate::store::Store;

    #[tokio::test]
    async fn f54_every_connection_that_writes_syncs_each_commit() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("t.db").display());
        let store = Store::open(&url).await.unwrap();
        // Held at once, so that each is another connection of the pool.
        let mut held = Vec::new();
        for _ in 0..super::POOL_MAX {
            let mut connection = store.pool.acquire().await.unwrap();
            for (pragma, expected) in [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1)] {
                let row = sqlx::query(pragma).fetch_one(&mut *connection).await.unwrap();
                assert_eq!(row.get::<i64, _>(0), expected, "{pragma}");
            }
            let row = sqlx::query("PRAGMA journal_mode").fetch_one(&mut *connection).await.unwrap();
            assert_eq!(row.get::<String, _>(0), "wal");
            held.push(connection);
        }
        drop(held);
        let mut tx = store.begin().await.unwrap();
        let row = sqlx::query("PRAGMA synchronous").fetch_one(&mut *tx.inner).await.unwrap();
        assert_eq!(row.get::<i64, _>(0), 2, "the writer: a commit is on the disk when it returns");
    }
}
