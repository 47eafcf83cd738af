//! All SQL, one text for SQLite and PostgreSQL through `sqlx::Any`. Nothing outside this folder
//! names sqlx.

mod cleared;
pub mod closings;
pub mod demo;
mod dialect;
mod fees;
pub mod idempotency;
mod jobs;
mod ledger;
pub mod notifies;
mod orders;
mod overview;
mod payments;
pub mod recon;
pub mod riders;
pub mod samples;
pub mod sessions;
pub mod sites;
mod sockets;
pub mod splits;
pub mod statements;
pub mod stations;
pub mod tickets;
mod transactions;
pub mod users;

use std::sync::Arc;

use sqlx::any::AnyPoolOptions;
use sqlx::any::AnyQueryResult;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Any, AnyPool, SqlSafeStr, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use dialect::Dialect;
pub use jobs::{JobRow, Lane, ParkedJob, Postponed};
pub use ledger::{LedgerHead, Takings};
pub use orders::StoredOrder;
pub use overview::StationSocket;
pub use payments::{PaymentRow, PaymentStatus};
pub use riders::{OpenIds, StoredRider};
pub use sockets::SocketRow;
pub use transactions::{TransactionEnd, TransactionRow};

/// A database and how to speak to it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pool: AnyPool,
    pub(crate) dialect: Dialect,
    /// SQLite's one writer: whoever waits here waits in turn, while SQLite's own waiting polls.
    turns: Option<Arc<Semaphore>>,
}

/// A write transaction: dropped without [`Tx::commit`], nothing happened.
pub struct Tx {
    pub(crate) inner: Transaction<'static, Any>,
    pub(crate) dialect: Dialect,
    _turn: Option<OwnedSemaphorePermit>,
}

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, full, or refuses.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// A unique key is taken: the fact is already there, or a race was lost.
    #[error("already there")]
    Taken,
    /// A guarded update did not hit its one row.
    #[error("changed by somebody else")]
    Stale,
    /// A stored value cannot be read back.
    #[error("unreadable row: {0}")]
    Unreadable(String),
    /// The address is not `sqlite://…` or `postgres://…`.
    #[error("not a database address: {0}:…")]
    Address(String),
}

/// The schema's history, oldest first; a migration that has run is never changed.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "main job", include_str!("../../migrations/0001_main_job.sql")),
    (2, "demo", include_str!("../../migrations/0002_demo.sql")),
    (3, "look-ups", include_str!("../../migrations/0003_look_ups.sql")),
    (4, "rider joins", include_str!("../../migrations/0004_rider_joins.sql")),
    (5, "staff", include_str!("../../migrations/0005_staff.sql")),
    (6, "tickets", include_str!("../../migrations/0006_tickets.sql")),
    (13, "books", include_str!("../../migrations/0013_books.sql")),
    (14, "splits", include_str!("../../migrations/0014_splits.sql")),
    (15, "ledger in order", include_str!("../../migrations/0015_ledger_in_order.sql")),
];

impl Store {
    /// Opens a database: `sqlite://FILE`, `sqlite::memory:` or `postgres://…`.
    ///
    /// # Errors
    /// The address is wrong or the database does not answer.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = Dialect::of(url)?;
        let options = AnyPoolOptions::new().max_connections(dialect.connections(url));
        let pool = dialect.prepare(options, url).connect(&dialect.address(url)).await?;
        let turns = dialect.one_writer().then(|| Arc::new(Semaphore::new(1)));
        Ok(Self { pool, dialect, turns })
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// A migration failed or was changed after it ran.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let migrations = MIGRATIONS.iter().map(|(version, name, sql)| {
            Migration::new(
                *version,
                (*name).into(),
                MigrationType::Simple,
                (*sql).into_sql_str(),
                false,
            )
        });
        let migrated = Migrator::with_migrations(migrations.collect()).run(&self.pool).await;
        migrated.map_err(|error| StoreError::Database(error.into()))
    }

    /// Makes a schema (PostgreSQL), so that tests can run side by side on one server.
    ///
    /// # Errors
    /// The name is not plain lower-case, or the database refuses.
    pub async fn create_schema(&self, name: &str) -> Result<(), StoreError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if !name.chars().all(plain) {
            return Err(StoreError::Address(name.to_owned()));
        }
        sqlx::query(dialect::create_schema(name)).execute(&self.pool).await?;
        Ok(())
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The tables themselves, for tests that want a second opinion on what the store says.
    #[doc(hidden)]
    pub fn tables(&self) -> &AnyPool {
        &self.pool
    }

    /// Begins a write transaction.
    ///
    /// # Errors
    /// The database does not answer.
    ///
    /// # Panics
    /// Never: the writers' turns are not closed.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let turn = self.turn().await;
        let inner = self.pool.begin_with(self.dialect.begin()).await?;
        Ok(Tx { inner, dialect: self.dialect, _turn: turn })
    }

    /// The right to write, held until it is dropped. Every write takes it, a single statement
    /// too: whoever writes past it makes SQLite poll, and some wait for long.
    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let turns = self.turns.clone()?;
        Some(turns.acquire_owned().await.expect("the semaphore is never closed"))
    }
}

impl Tx {
    /// Makes it so.
    ///
    /// # Errors
    /// The commit failed: whether it happened is unknown, and idempotency keys decide.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.inner.commit().await?)
    }
}

/// Turns a unique violation into [`StoreError::Taken`].
pub(crate) fn taken(error: sqlx::Error) -> StoreError {
    match error.as_database_error() {
        Some(database) if database.is_unique_violation() => StoreError::Taken,
        _ => StoreError::Database(error),
    }
}

/// Demands that a guarded write hit exactly one row.
pub(crate) fn one_row(result: &AnyQueryResult) -> Result<(), StoreError> {
    if result.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Stale) }
}
