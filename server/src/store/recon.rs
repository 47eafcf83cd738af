//! Reconciliation: runs and cases.

use sqlx::Row;
use sqlx::any::AnyRow;
use wasm_core::day::Day;
use wasm_core::ids::{OperatorId, OrderId, PaymentId};
use wasm_core::money::Fen;
use wasm_core::order::Channel;

use super::{Store, StoreError, Tx, one_row};

pub use super::cleared::Cleared;

/// A bill of a day, compared or being compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// The platform.
    pub channel: Channel,
    /// The day.
    pub day: Day,
    /// `running`, `done` or `failed`.
    pub status: String,
    /// What is being done.
    pub phase: String,
    /// Lines of the bill so far.
    pub bill_lines: i64,
    /// Movements of the day in our ledger so far.
    pub ours: i64,
    /// Lines that agree.
    pub matched: i64,
    /// Differences.
    pub differences: i64,
    /// Why it failed; empty when it did not.
    pub error: String,
    /// When it began, milliseconds UTC.
    pub started_ms: i64,
    /// When something was last heard of it, milliseconds UTC.
    pub updated_ms: i64,
}

/// A difference between a bill and our ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseRow {
    /// Its identity.
    pub id: String,
    /// The tenant; empty when nothing says whose it is.
    pub operator_id: OperatorId,
    /// The platform.
    pub channel: Channel,
    /// The day of the bill, or of our posting when no bill has it.
    pub day: Day,
    /// What differs: `recon::CaseKind::as_str`.
    pub kind: String,
    /// `in:` or `out:` and our number.
    pub number: String,
    /// The order; empty when it is not known.
    pub order_id: OrderId,
    /// The payment, as the bill or our ledger names it.
    pub payment_id: PaymentId,
    /// What came in by our ledger; negative when it went out.
    pub ours_fen: Fen,
    /// What came in by the bill.
    pub theirs_fen: Fen,
    /// The fee by the bill that is not posted yet.
    pub fee_fen: Fen,
    /// Both sides as they were found, JSON.
    pub evidence_json: String,
    /// The proposed repair: `recon::Repair::as_str`.
    pub repair: String,
    /// `waiting`, `open`, `accepted`, `dismissed` or `explained`.
    pub status: String,
    /// Who decided.
    pub decided_by: String,
    /// When, milliseconds UTC; 0 = not yet.
    pub decided_ms: i64,
    /// Why, or what explains it.
    pub note: String,
    /// When it was found, milliseconds UTC.
    pub created_ms: i64,
}

/// What becomes of a case.
#[derive(Clone, Debug)]
pub struct Decision<'a> {
    /// Whose it is, now at the latest.
    pub operator_id: &'a OperatorId,
    /// The new status.
    pub status: &'a str,
    /// Who decided.
    pub who: &'a str,
    /// Why, and what was done.
    pub note: &'a str,
}

impl Tx {
    /// Keeps a difference. `false` when it is known already.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn insert_case(&mut self, case: &CaseRow) -> Result<bool, StoreError> {
        let sql = "INSERT INTO recon_cases (id, operator_id, channel, day, kind, number, order_id, \
                   payment_id, ours_fen, theirs_fen, fee_fen, evidence_json, repair, status, \
                   created_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
                   $14, $15) ON CONFLICT (id) DO NOTHING";
        let query = sqlx::query(sql)
            .bind(case.id.as_str())
            .bind(case.operator_id.as_str())
            .bind(case.channel.as_str())
            .bind(case.day.number)
            .bind(case.kind.as_str())
            .bind(case.number.as_str())
            .bind(case.order_id.as_str())
            .bind(case.payment_id.as_str())
            .bind(case.ours_fen.0)
            .bind(case.theirs_fen.0)
            .bind(case.fee_fen.0)
            .bind(case.evidence_json.as_str())
            .bind(case.repair.as_str())
            .bind(case.status.as_str())
            .bind(case.created_ms);
        Ok(query.execute(&mut *self.inner).await?.rows_affected() == 1)
    }

    /// Keeps that a bill of another day than our posting's contains a number.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn insert_crossed(
        &mut self,
        channel: Channel,
        number: &str,
        bill_day: Day,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO recon_crossed (channel, number, bill_day) VALUES ($1, $2, $3) \
                   ON CONFLICT (channel, number) DO NOTHING";
        let query = sqlx::query(sql).bind(channel.as_str()).bind(number).bind(bill_day.number);
        query.execute(&mut *self.inner).await?;
        Ok(())
    }

    /// Decides a case that nobody has decided.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody has.
    pub async fn decide_case(
        &mut self,
        id: &str,
        decision: &Decision<'_>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE recon_cases SET operator_id = $1, status = $2, decided_by = $3, \
                   note = $4, decided_ms = $5 WHERE id = $6 AND status IN ('open', 'waiting')";
        let query = sqlx::query(sql)
            .bind(decision.operator_id.as_str())
            .bind(decision.status)
            .bind(decision.who)
            .bind(decision.note)
            .bind(now_ms)
            .bind(id);
        one_row(&query.execute(&mut *self.inner).await?)
    }

    /// What a transaction moved on an account; none when its key is not there.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn posted_on(
        &mut self,
        operator: &OperatorId,
        key: &str,
        account: &str,
    ) -> Result<Option<Fen>, StoreError> {
        let sql = "SELECT CAST(COALESCE(SUM(CASE WHEN p.account = $3 THEN p.amount_fen ELSE 0 END), \
                   0) AS BIGINT) AS sum_fen \
                   FROM ledger_transactions t LEFT JOIN ledger_postings p \
                   ON p.operator_id = t.operator_id AND p.transaction_id = t.id WHERE t.operator_id = $1 AND t.idempotency_key = $2 \
                   GROUP BY t.id";
        let query = sqlx::query(sql).bind(operator.as_str()).bind(key).bind(account);
        let row = query.fetch_optional(&mut *self.inner).await?;
        Ok(row.map(|row| row.try_get("sum_fen")).transpose()?.map(Fen))
    }
}

impl Store {
    /// Whose a payment is, and of which order.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn payment_owner(
        &self,
        id: &PaymentId,
    ) -> Result<Option<(OperatorId, OrderId)>, StoreError> {
        let sql = "SELECT operator_id, order_id FROM payments WHERE id = $1";
        let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(&self.pool).await?;
        let owner = |row: AnyRow| {
            Ok((OperatorId(row.try_get("operator_id")?), OrderId(row.try_get("order_id")?)))
        };
        row.map(owner).transpose()
    }

    /// Begins a run. `false` while another one works on the same bill: one of which something was
    /// heard since `stale_ms`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn claim_run(
        &self,
        channel: Channel,
        day: Day,
        now_ms: i64,
        stale_ms: i64,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO recon_runs (channel, day, status, phase, bill_lines, ours, matched, \
                   differences, error, started_ms, updated_ms) \
                   VALUES ($1, $2, 'running', 'fetch', 0, 0, 0, 0, '', $3, $3) \
                   ON CONFLICT (channel, day) DO UPDATE SET status = 'running', phase = 'fetch', \
                   bill_lines = 0, ours = 0, matched = 0, differences = 0, error = '', \
                   started_ms = $3, updated_ms = $3 \
                   WHERE recon_runs.status <> 'running' OR recon_runs.updated_ms < $4";
        let _turn = self.turn().await;
        let query = sqlx::query(sql).bind(channel.as_str()).bind(day.number);
        let done = query.bind(now_ms).bind(stale_ms).execute(&self.pool).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Keeps how far a run is.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn write_run(&self, run: &RunRow) -> Result<(), StoreError> {
        let sql = "UPDATE recon_runs SET status = $1, phase = $2, bill_lines = $3, ours = $4, \
                   matched = $5, differences = $6, error = $7, updated_ms = $8 \
                   WHERE channel = $9 AND day = $10";
        let _turn = self.turn().await;
        let query = sqlx::query(sql)
            .bind(run.status.as_str())
            .bind(run.phase.as_str())
            .bind(run.bill_lines)
            .bind(run.ours)
            .bind(run.matched)
            .bind(run.differences)
            .bind(run.error.as_str())
            .bind(run.updated_ms)
            .bind(run.channel.as_str())
            .bind(run.day.number);
        one_row(&query.execute(&self.pool).await?)
    }

    /// The run over a bill.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn run(&self, channel: Channel, day: Day) -> Result<Option<RunRow>, StoreError> {
        let sql = "SELECT channel, day, status, phase, bill_lines, ours, matched, differences, \
                   error, started_ms, updated_ms FROM recon_runs WHERE channel = $1 AND day = $2";
        let query = sqlx::query(sql).bind(channel.as_str()).bind(day.number);
        query.fetch_optional(&self.pool).await?.map(|row| run(&row)).transpose()
    }

    /// The last runs, newest day first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn last_runs(&self, most: i64) -> Result<Vec<RunRow>, StoreError> {
        let sql = "SELECT channel, day, status, phase, bill_lines, ours, matched, differences, \
                   error, started_ms, updated_ms FROM recon_runs \
                   ORDER BY day DESC, channel LIMIT $1";
        sqlx::query(sql).bind(most).fetch_all(&self.pool).await?.iter().map(run).collect()
    }

    /// The cases of a bill after an id, by id: id, number and kind; at most `most`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn case_numbers(
        &self,
        channel: Channel,
        day: Day,
        after: &str,
        most: i64,
    ) -> Result<Vec<(String, String, String)>, StoreError> {
        let sql = "SELECT id, number, kind FROM recon_cases WHERE channel = $1 AND day = $2 \
                   AND id > $3 ORDER BY id LIMIT $4";
        let query = sqlx::query(sql).bind(channel.as_str()).bind(day.number).bind(after);
        let rows = query.bind(most).fetch_all(&self.pool).await?;
        let read =
            |row: &AnyRow| Ok((row.try_get("id")?, row.try_get("number")?, row.try_get("kind")?));
        rows.iter().map(read).collect()
    }

    /// Explains cases whose number another day's bill has, and opens those that no bill to come
    /// can have.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn settle_waiting(&self, channel: Channel, now_ms: i64) -> Result<(), StoreError> {
        let sql = "SELECT k.id, c.bill_day FROM recon_cases k JOIN recon_crossed c \
                   ON c.channel = k.channel AND c.number = k.number WHERE k.channel = $1 \
                   AND k.kind = 'ours_only' AND k.status IN ('waiting', 'open')";
        let mut tx = self.begin().await?;
        let rows = sqlx::query(sql).bind(channel.as_str()).fetch_all(&mut *tx.inner).await?;
        for row in rows {
            let id: String = row.try_get("id")?;
            let bill_day = Day { number: row.try_get("bill_day")? };
            let sql = "UPDATE recon_cases SET status = 'explained', note = $1, decided_ms = $2 \
                       WHERE id = $3 AND status IN ('waiting', 'open')";
            let query = sqlx::query(sql).bind(format!("in the bill of {bill_day}")).bind(now_ms);
            query.bind(id).execute(&mut *tx.inner).await?;
        }
        let sql = "UPDATE recon_cases SET status = 'open' WHERE channel = $1 \
                   AND status = 'waiting' AND EXISTS (SELECT 1 FROM recon_runs r \
                   WHERE r.channel = recon_cases.channel AND r.day = recon_cases.day + 1 \
                   AND r.status = 'done')";
        sqlx::query(sql).bind(channel.as_str()).execute(&mut *tx.inner).await?;
        tx.commit().await
    }

    /// Cases, of one operator or of all, in one status or any, newest day first, at most `most`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn cases(
        &self,
        operator: Option<&OperatorId>,
        status: &str,
        most: i64,
    ) -> Result<Vec<CaseRow>, StoreError> {
        let sql = "SELECT * FROM recon_cases WHERE ($1 = '' OR operator_id = $1) \
                   AND ($2 = '' OR status = $2) ORDER BY day DESC, kind, number, id LIMIT $3";
        let query = sqlx::query(sql).bind(operator.map_or("", OperatorId::as_str)).bind(status);
        query.bind(most).fetch_all(&self.pool).await?.iter().map(case).collect()
    }

    /// A case.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn case(&self, id: &str) -> Result<Option<CaseRow>, StoreError> {
        let query = sqlx::query("SELECT * FROM recon_cases WHERE id = $1").bind(id);
        query.fetch_optional(&self.pool).await?.map(|row| case(&row)).transpose()
    }
}

fn channel(row: &AnyRow) -> Result<Channel, StoreError> {
    let name: String = row.try_get("channel")?;
    Channel::parse(&name).ok_or_else(|| StoreError::Unreadable(format!("channel {name}")))
}

fn run(row: &AnyRow) -> Result<RunRow, StoreError> {
    Ok(RunRow {
        channel: channel(row)?,
        day: Day { number: row.try_get("day")? },
        status: row.try_get("status")?,
        phase: row.try_get("phase")?,
        bill_lines: row.try_get("bill_lines")?,
        ours: row.try_get("ours")?,
        matched: row.try_get("matched")?,
        differences: row.try_get("differences")?,
        error: row.try_get("error")?,
        started_ms: row.try_get("started_ms")?,
        updated_ms: row.try_get("updated_ms")?,
    })
}

fn case(row: &AnyRow) -> Result<CaseRow, StoreError> {
    Ok(CaseRow {
        id: row.try_get("id")?,
        operator_id: OperatorId(row.try_get("operator_id")?),
        channel: channel(row)?,
        day: Day { number: row.try_get("day")? },
        kind: row.try_get("kind")?,
        number: row.try_get("number")?,
        order_id: OrderId(row.try_get("order_id")?),
        payment_id: PaymentId(row.try_get("payment_id")?),
        ours_fen: Fen(row.try_get("ours_fen")?),
        theirs_fen: Fen(row.try_get("theirs_fen")?),
        fee_fen: Fen(row.try_get("fee_fen")?),
        evidence_json: row.try_get("evidence_json")?,
        repair: row.try_get("repair")?,
        status: row.try_get("status")?,
        decided_by: row.try_get("decided_by")?,
        decided_ms: row.try_get("decided_ms")?,
        note: row.try_get("note")?,
        created_ms: row.try_get("created_ms")?,
    })
}
