//! The outbox and the timers.

use sqlx::Row;
use sqlx::any::AnyRow;
use wasm_core::ids::{OperatorId, OrderId};
use wasm_core::order::Order;

use super::orders::stored;
use super::{Store, StoreError, Tx, one_row};

/// Something to do, at the earliest when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Its identity.
    pub id: String,
    /// The tenant.
    pub operator_id: OperatorId,
    /// The order it serves.
    pub order_id: OrderId,
    /// What to do, for people and metrics.
    pub kind: String,
    /// What to do, in full.
    pub payload_json: String,
    /// Not before, milliseconds UTC.
    pub run_at_ms: i64,
    /// How often it was tried.
    pub attempts: i64,
}

/// A job that needs a person, with its order.
#[derive(Clone, Debug)]
pub struct ParkedJob {
    /// The job.
    pub job: JobRow,
    /// The order it serves.
    pub order: Order,
    /// Why it was given up.
    pub why: String,
    /// When, milliseconds UTC.
    pub parked_ms: i64,
}

/// How a claimed job goes back into the outbox.
#[derive(Clone, Copy, Debug)]
pub struct Postponed<'a> {
    /// `waiting`, or `parked` when a person must look.
    pub status: &'static str,
    /// Not before, milliseconds UTC.
    pub run_at_ms: i64,
    /// Why.
    pub why: &'a str,
    /// Whether the claim counts as a try.
    pub tried: bool,
}

/// Longest reason kept, in characters.
const WHY_MAX: usize = 1_000;

/// A reason as it is kept. Stations and platforms have their words in it: it has a bound, and no
/// NUL characters, which PostgreSQL refuses each time anew.
fn short(why: &str) -> String {
    why.chars().filter(|c| *c != '\0').take(WHY_MAX).collect()
}

/// Which jobs share places: a crowd of one kind never keeps the other waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Those that wait for a station's answer.
    Stations,
    /// All others.
    Rest,
}

impl Tx {
    /// An operator's parked job.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn parked_job(
        &mut self,
        operator: &OperatorId,
        id: &str,
    ) -> Result<Option<JobRow>, StoreError> {
        let sql = "SELECT id, operator_id, order_id, kind, payload_json, run_at_ms, attempts \
                   FROM jobs WHERE operator_id = $1 AND id = $2 AND status = 'parked'";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(id);
        query.fetch_optional(&mut *self.inner).await?.as_ref().map(job).transpose()
    }

    /// Takes a parked job out of the table: another one does its work.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is not parked any more.
    pub async fn drop_parked_job(&mut self, id: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM jobs WHERE id = $1 AND status = 'parked'";
        one_row(&sqlx::query(sql).bind(id).execute(&mut *self.inner).await?)
    }

    /// Lets a parked job wait for a worker again, with all its tries before it.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is not parked any more.
    pub async fn unpark_job(&mut self, id: &str, now_ms: i64) -> Result<(), StoreError> {
        let sql = "UPDATE jobs SET status = 'waiting', attempts = 0, run_at_ms = $2, \
                   updated_ms = $2 WHERE id = $1 AND status = 'parked'";
        one_row(&sqlx::query(sql).bind(id).bind(now_ms).execute(&mut *self.inner).await?)
    }

    /// Puts a job into the outbox; one that waits there already stays as it is.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn insert_job(&mut self, job: &JobRow, now_ms: i64) -> Result<(), StoreError> {
        let sql = "INSERT INTO jobs (id, operator_id, order_id, kind, payload_json, run_at_ms, \
                   attempts, status, created_ms, updated_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6, 0, 'waiting', $7, $7) \
                   ON CONFLICT (id) DO NOTHING";
        sqlx::query(sql)
            .bind(job.id.as_str())
            .bind(job.operator_id.as_str())
            .bind(job.order_id.as_str())
            .bind(job.kind.as_str())
            .bind(job.payload_json.as_str())
            .bind(job.run_at_ms)
            .bind(now_ms)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }
}

impl Store {
    /// Takes what is due in a lane, oldest first, and marks it running.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn claim_jobs(
        &self,
        lane: Lane,
        now_ms: i64,
        most: i64,
    ) -> Result<Vec<JobRow>, StoreError> {
        let sql = match lane {
            Lane::Stations => {
                "UPDATE jobs SET status = 'running', attempts = attempts + 1, updated_ms = $1 \
                 WHERE id IN (SELECT id FROM jobs WHERE status = 'waiting' AND run_at_ms <= $1 \
                 AND kind IN ('start_socket', 'stop_socket') ORDER BY run_at_ms, id LIMIT $2) \
                 RETURNING id, operator_id, order_id, kind, payload_json, run_at_ms, attempts"
            }
            Lane::Rest => {
                "UPDATE jobs SET status = 'running', attempts = attempts + 1, updated_ms = $1 \
                 WHERE id IN (SELECT id FROM jobs WHERE status = 'waiting' AND run_at_ms <= $1 \
                 AND kind NOT IN ('start_socket', 'stop_socket') ORDER BY run_at_ms, id LIMIT $2) \
                 RETURNING id, operator_id, order_id, kind, payload_json, run_at_ms, attempts"
            }
        };
        let mut tx = self.begin().await?;
        let rows = sqlx::query(sql).bind(now_ms).bind(most).fetch_all(&mut *tx.inner).await?;
        tx.commit().await?;
        let mut jobs = rows.iter().map(job).collect::<Result<Vec<_>, _>>()?;
        jobs.sort_by(|a, b| (a.run_at_ms, &a.id).cmp(&(b.run_at_ms, &b.id)));
        Ok(jobs)
    }

    /// When the next waiting job is due, milliseconds UTC.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn next_job_ms(&self) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT MIN(run_at_ms) AS due_ms FROM jobs WHERE status = 'waiting'";
        let row = sqlx::query(sql).fetch_one(&self.pool).await?;
        Ok(row.try_get("due_ms")?)
    }

    /// Puts back what was running when the server died. Only at start, before any worker.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn revive_jobs(&self) -> Result<u64, StoreError> {
        let sql = "UPDATE jobs SET status = 'waiting' WHERE status = 'running'";
        let mut tx = self.begin().await?;
        let revived = sqlx::query(sql).execute(&mut *tx.inner).await?.rows_affected();
        tx.commit().await?;
        Ok(revived)
    }

    /// A job is done and leaves the table.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn finish_job(&self, id: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM jobs WHERE id = $1";
        let deleted = sqlx::query(sql).bind(id).execute(&mut *tx.inner).await?;
        one_row(&deleted)?;
        tx.commit().await
    }

    /// A claimed job goes back into the outbox.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn postpone_job(
        &self,
        id: &str,
        postponed: &Postponed<'_>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE jobs SET status = $1, run_at_ms = $2, last_error = $3, \
                   attempts = attempts - $4, updated_ms = $5 WHERE id = $6";
        let mut tx = self.begin().await?;
        let updated = sqlx::query(sql)
            .bind(postponed.status)
            .bind(postponed.run_at_ms)
            .bind(short(postponed.why))
            .bind(i64::from(!postponed.tried))
            .bind(now_ms)
            .bind(id)
            .execute(&mut *tx.inner)
            .await?;
        one_row(&updated)?;
        tx.commit().await
    }

    /// An operator's parked jobs, oldest first, at most `most`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn parked_jobs(
        &self,
        operator: &OperatorId,
        most: i64,
    ) -> Result<Vec<ParkedJob>, StoreError> {
        let sql = "SELECT j.id, j.operator_id, j.order_id, j.kind, j.payload_json, j.run_at_ms, \
                   j.attempts, j.last_error, j.updated_ms AS parked_ms, o.order_json, o.version \
                   FROM jobs j JOIN orders o ON o.operator_id = j.operator_id AND o.id = j.order_id \
                   WHERE j.operator_id = $1 AND j.status = 'parked' \
                   ORDER BY j.updated_ms, j.id LIMIT $2";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(most);
        let parked = |row: &AnyRow| {
            Ok(ParkedJob {
                job: job(row)?,
                order: stored(row)?.order,
                why: row.try_get("last_error")?,
                parked_ms: row.try_get("parked_ms")?,
            })
        };
        query.fetch_all(&self.pool).await?.iter().map(parked).collect()
    }

    /// How many jobs have a status, for tests.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn count_jobs(&self, status: &str) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) AS n FROM jobs WHERE status = $1";
        Ok(sqlx::query(sql).bind(status).fetch_one(&self.pool).await?.try_get("n")?)
    }
}

fn job(row: &AnyRow) -> Result<JobRow, StoreError> {
    Ok(JobRow {
        id: row.try_get("id")?,
        operator_id: OperatorId(row.try_get("operator_id")?),
        order_id: OrderId(row.try_get("order_id")?),
        kind: row.try_get("kind")?,
        payload_json: row.try_get("payload_json")?,
        run_at_ms: row.try_get("run_at_ms")?,
        attempts: row.try_get("attempts")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_reason_is_short_and_takes_any_database() {
        assert_eq!(short("asked\0 to stop"), "asked to stop");
        assert_eq!(short(&"充".repeat(WHY_MAX + 1)).chars().count(), WHY_MAX);
    }
}
