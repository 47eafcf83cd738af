//! The bare limit of a settlement: read a row, replace it under guard of its version, add ledger
//! rows and one outbox row, commit. Plain sqlx, without `Any`, without the domain.

use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::Result;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::task::JoinSet;

use crate::CALLERS;

/// The size of an order's document, in bytes.
const DOCUMENT_BYTES: usize = 2_500;

const TABLES: [&str; 4] = [
    "CREATE TABLE bare_orders (id BIGINT PRIMARY KEY, version BIGINT NOT NULL, body TEXT NOT NULL)",
    "CREATE TABLE bare_postings (id TEXT NOT NULL, line BIGINT NOT NULL, account TEXT NOT NULL, \
     amount BIGINT NOT NULL, PRIMARY KEY (id, line))",
    "CREATE INDEX bare_postings_by_account ON bare_postings (account)",
    "CREATE TABLE bare_jobs (id TEXT PRIMARY KEY, kind TEXT NOT NULL, run_at BIGINT NOT NULL)",
];

/// Writes the measurement once for each driver: their types differ, their text does not.
macro_rules! measure {
    ($driver:ident, $pool:ty, $begin:literal) => {
        mod $driver {
            use super::{CALLERS, DOCUMENT_BYTES, Duration, Instant, JoinSet, Result, TABLES};
            use crate::fleet::as_f64;

            pub async fn run(pool: $pool, span: Duration) -> Result<f64> {
                for sql in TABLES {
                    sqlx::query(sql).execute(&pool).await?;
                }
                let body = "x".repeat(DOCUMENT_BYTES);
                for id in (0_i64..).take(CALLERS) {
                    let sql = "INSERT INTO bare_orders VALUES ($1, 0, $2)";
                    sqlx::query(sql).bind(id).bind(&body).execute(&pool).await?;
                }
                let began = Instant::now();
                let mut callers = JoinSet::new();
                for id in (0_i64..).take(CALLERS) {
                    let (pool, body) = (pool.clone(), body.clone());
                    callers.spawn(async move {
                        let mut committed = 0;
                        while began.elapsed() < span {
                            settle(&pool, id, &body).await?;
                            committed += 1;
                        }
                        anyhow::Ok(committed)
                    });
                }
                let mut committed = 0;
                while let Some(caller) = callers.join_next().await {
                    committed += caller??;
                }
                Ok(as_f64(committed) / began.elapsed().as_secs_f64())
            }

            async fn settle(pool: &$pool, id: i64, body: &str) -> Result<()> {
                let mut tx = pool.begin_with($begin).await?;
                let (version, _): (i64, String) =
                    sqlx::query_as("SELECT version, body FROM bare_orders WHERE id = $1")
                        .bind(id)
                        .fetch_one(&mut *tx)
                        .await?;
                let sql = "UPDATE bare_orders SET version = version + 1, body = $1 \
                           WHERE id = $2 AND version = $3";
                let update = sqlx::query(sql).bind(body).bind(id).bind(version);
                let updated = update.execute(&mut *tx).await?.rows_affected();
                anyhow::ensure!(updated == 1, "somebody was faster");
                let fact = format!("{id}-{version}");
                let sql = "INSERT INTO bare_postings VALUES ($1, 0, 'a', 5), ($1, 1, 'b', -3), \
                           ($1, 2, 'c', -1), ($1, 3, 'd', -1)";
                sqlx::query(sql).bind(&fact).execute(&mut *tx).await?;
                let sql = "INSERT INTO bare_jobs VALUES ($1, 'refund', 0)";
                sqlx::query(sql).bind(&fact).execute(&mut *tx).await?;
                Ok(tx.commit().await?)
            }
        }
    };
}

measure!(sqlite, sqlx::SqlitePool, "BEGIN IMMEDIATE");
measure!(postgres, sqlx::PgPool, "BEGIN");

/// Commits per second, durable, from as many callers as the orders have.
pub async fn measure(database_url: &str, span: Duration) -> Result<f64> {
    if database_url.starts_with("sqlite") {
        let options = SqliteConnectOptions::from_str(database_url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        return sqlite::run(pool, span).await;
    }
    let schema = format!("l{}", server::random::base32::<12>().to_lowercase());
    server::store::Store::open(database_url).await?.create_schema(&schema).await?;
    let options =
        PgConnectOptions::from_str(database_url)?.options([("search_path", schema.as_str())]);
    let pool = PgPoolOptions::new().max_connections(16).connect_with(options).await?;
    postgres::run(pool, span).await
}
