//! One run: fetch the bill, sort both sides, compare them, keep what differs, post the fees.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wasm_core::day::Day;
use wasm_core::ids::{OperatorId, OrderId, PaymentId};
use wasm_core::money::Fen;
use wasm_core::order::Channel;
use wasm_core::posting::{Transaction, accounts};
use wasm_core::units::MS_PER_MINUTE;

use super::bill::sort_bill;
use super::compare::{CASE, Found, Ours, Tally, Theirs, Verdict, compare, expected_fee, judge};
use super::sort::{Item, Sorter};
use super::{CaseKind, Progress, Recon, ReconError, Repair, Reports, file};
use crate::ledger;
use crate::orders::BillLines;
use crate::random::sha256_hex;
use crate::store::StoreError;
use crate::store::recon::{CaseRow, RunRow};

/// After so long without a sign a run counts as dead, milliseconds.
const STALE_MS: i64 = 5 * MS_PER_MINUTE;
/// How often a run says how far it is.
const SIGN_EVERY: Duration = Duration::from_secs(2);
/// Ledger transactions and cases read at a time.
const PAGE: i64 = 2_000;
/// Differences written in one transaction.
const BATCH: usize = 200;

/// What one run knows.
#[derive(Clone)]
struct Run {
    channel: Channel,
    day: Day,
    fee_bp: Option<i64>,
    /// Whose everything is that nothing else says: the only operator there is.
    sole: OperatorId,
}

impl Recon {
    /// Compares the platform's bill of a day, fetched from the platform or read from `file`.
    ///
    /// # Errors
    /// [`ReconError::Runs`] when somebody else does so; what was found stays.
    pub async fn reconcile(
        &self,
        channel: Channel,
        day: Day,
        file: Option<&Path>,
        reports: &Reports,
    ) -> Result<RunRow, ReconError> {
        let now_ms = self.clock.now_ms();
        if day.ends_ms() > now_ms {
            return Err(ReconError::NotOver(day));
        }
        if !self.store.claim_run(channel, day, now_ms, now_ms - STALE_MS).await? {
            return Err(ReconError::Runs);
        }
        reports.send_replace(Progress { phase: "fetch", ..Progress::default() });
        let folder = tempfile::tempdir()?;
        let done = async {
            let lines = self.bill(channel, day, file, folder.path()).await?;
            self.run(channel, day, lines, reports).await
        };
        let (status, error) = match done.await {
            Ok(()) => ("done", None),
            Err(error) => ("failed", Some(error)),
        };
        let row = self.row(channel, day, now_ms, reports, status, error.as_ref());
        self.store.write_run(&row).await?;
        tracing::info!(channel = channel.as_str(), %day, status, lines = row.bill_lines,
            matched = row.matched, differences = row.differences, error = row.error, "reconciled");
        if let Some(error) = error {
            return Err(error);
        }
        self.store.settle_waiting(channel, self.clock.now_ms()).await?;
        Ok(row)
    }

    async fn bill(
        &self,
        channel: Channel,
        day: Day,
        file: Option<&Path>,
        folder: &Path,
    ) -> Result<BillLines, ReconError> {
        if let Some(own) = file.and_then(file::ours) {
            return Ok(own?);
        }
        let platform = self.orders.platforms().at(channel)?;
        let bills = platform.bills.as_ref().ok_or(ReconError::NoBills(channel))?;
        match file {
            Some(file) => Ok(bills.read(file)?),
            None => Ok(bills.bill(day, folder).await?),
        }
    }

    fn row(
        &self,
        channel: Channel,
        day: Day,
        started_ms: i64,
        reports: &Reports,
        status: &str,
        error: Option<&ReconError>,
    ) -> RunRow {
        let progress = reports.borrow().clone();
        RunRow {
            channel,
            day,
            status: status.to_owned(),
            phase: progress.phase.to_owned(),
            bill_lines: progress.bill_lines,
            ours: progress.ours,
            matched: progress.matched,
            differences: progress.differences,
            error: error.map(ToString::to_string).unwrap_or_default(),
            started_ms,
            updated_ms: self.clock.now_ms(),
        }
    }

    async fn run(
        &self,
        channel: Channel,
        day: Day,
        lines: BillLines,
        reports: &Reports,
    ) -> Result<(), ReconError> {
        let fee_bp = self.store.fee_bp(channel).await?;
        let operators = self.store.operator_ids().await?;
        let sole = match operators.as_slice() {
            [only] => only.clone(),
            _ => OperatorId::from(""),
        };
        let run = Run { channel, day, fee_bp, sole };
        let telling = reports.clone();
        let reading = tokio::task::spawn_blocking(move || sort_bill(lines, &telling));
        let sorter = self.watched(&run, reports, reading).await??;
        let sorter = self.sort_ours(&run, sorter, reports).await?;
        let sorter = self.sort_cases(&run, sorter).await?;
        reports.send_modify(|progress| progress.phase = "compare");
        let (tell, mut found) = mpsc::channel(BATCH);
        let comparing = tokio::task::spawn_blocking(move || {
            let told = |found| tell.blocking_send(found).map_err(std::io::Error::other);
            compare(sorter.sorted()?, day, fee_bp, told)
        });
        let mut late = Tally::default();
        let mut batch = Vec::with_capacity(BATCH);
        while found.recv_many(&mut batch, BATCH).await > 0 {
            self.keep(&run, batch.drain(..), &mut late, reports).await?;
            self.sign(&run, reports).await?;
        }
        let tally = comparing.await.map_err(|_| ReconError::CutOff)??;
        let matched = tally.matched + late.matched;
        reports.send_modify(|progress| (progress.phase, progress.matched) = ("fees", matched));
        let mut fees = tally.fees;
        for (operator, fee_fen) in late.fees {
            *fees.entry(operator).or_default() += fee_fen;
        }
        self.post_fees(&run, fees, reports).await
    }

    /// Awaits work beside the runtime and says meanwhile how far it is.
    async fn watched<T>(
        &self,
        run: &Run,
        reports: &Reports,
        mut work: JoinHandle<T>,
    ) -> Result<T, ReconError> {
        loop {
            tokio::select! {
                done = &mut work => return done.map_err(|_| ReconError::CutOff),
                () = tokio::time::sleep(SIGN_EVERY) => self.sign(run, reports).await?,
            }
        }
    }

    async fn sign(&self, run: &Run, reports: &Reports) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let row = self.row(run.channel, run.day, now_ms, reports, "running", None);
        self.store.write_run(&row).await
    }

    /// What we posted from the day before to the day after: their clock is not ours.
    async fn sort_ours(
        &self,
        run: &Run,
        mut sorter: Sorter,
        reports: &Reports,
    ) -> Result<Sorter, ReconError> {
        reports.send_modify(|progress| progress.phase = "ledger");
        let span = (run.day.previous().begins_ms(), run.day.next().ends_ms());
        let mut after = (i64::MIN, String::new());
        loop {
            let (page, last) = self.store.cleared(run.channel, span, &after, PAGE).await?;
            let Some(last) = last else { return Ok(sorter) };
            after = last;
            let of_day = page.iter().filter(|row| Day::of(row.posted_ms) == run.day).count();
            let count = i64::try_from(of_day).unwrap_or(i64::MAX);
            reports.send_modify(|progress| progress.ours += count);
            let sorting = tokio::task::spawn_blocking(move || {
                for row in page {
                    sorter.push(Ours::from(row).item())?;
                }
                Ok::<_, std::io::Error>(sorter)
            });
            sorter = self.watched(run, reports, sorting).await??;
        }
    }

    async fn sort_cases(&self, run: &Run, mut sorter: Sorter) -> Result<Sorter, ReconError> {
        let mut after = String::new();
        loop {
            let page = self.store.case_numbers(run.channel, run.day, &after, PAGE).await?;
            let Some((last, ..)) = page.last() else { return Ok(sorter) };
            after.clone_from(last);
            for (_, number, kind) in page {
                sorter.push(Item { key: number, side: CASE, body: kind.into_bytes() })?;
            }
        }
    }

    /// Writes what was found; what our ledger has from long ago or from this morning agrees after
    /// all.
    async fn keep(
        &self,
        run: &Run,
        found: impl Iterator<Item = Found>,
        late: &mut Tally,
        reports: &Reports,
    ) -> Result<(), ReconError> {
        let (mut cases, mut elsewhere) = (Vec::new(), Vec::new());
        for found in found {
            match found {
                Found::Elsewhere { number } => elsewhere.push(number),
                Found::Theirs { number, theirs, known } => {
                    let ours = self.store.movement(run.channel, &number).await?;
                    let Some(ours) = ours.map(Ours::from) else {
                        cases.push(self.theirs_only(run, number, theirs).await?);
                        continue;
                    };
                    elsewhere.push(number.clone());
                    match judge(&ours, &theirs, run.fee_bp) {
                        Verdict::Same => {
                            late.matched += 1;
                            let fee_fen = if known { Fen::ZERO } else { theirs.fee_fen };
                            *late.fees.entry(ours.operator_id).or_default() += fee_fen;
                        }
                        Verdict::OtherAmount => {
                            cases.push(run.both(CaseKind::OtherAmount, number, ours, &theirs));
                        }
                        Verdict::OtherFee => {
                            cases.push(run.both(CaseKind::OtherFee, number, ours, &theirs));
                        }
                    }
                }
                Found::Ours { number, ours } => {
                    if self.store.crossed(run.channel, &number).await?.is_none() {
                        cases.push(run.ours_only(number, ours));
                    }
                }
                Found::Amount { number, ours, theirs } => {
                    cases.push(run.both(CaseKind::OtherAmount, number, ours, &theirs));
                }
                Found::Fee { number, ours, theirs } => {
                    cases.push(run.both(CaseKind::OtherFee, number, ours, &theirs));
                }
                Found::Again { number, theirs, nth } => {
                    cases.push(self.again(run, number, theirs, nth).await?);
                }
            }
        }
        let count = i64::try_from(cases.len()).unwrap_or(i64::MAX);
        reports.send_modify(|progress| progress.differences += count);
        self.write(run, &cases, &elsewhere).await
    }

    async fn write(
        &self,
        run: &Run,
        cases: &[CaseRow],
        elsewhere: &[String],
    ) -> Result<(), ReconError> {
        let now_ms = self.clock.now_ms();
        let mut tx = self.store.begin().await?;
        for case in cases {
            tx.insert_case(&CaseRow { created_ms: now_ms, ..case.clone() }).await?;
        }
        for number in elsewhere {
            tx.insert_crossed(run.channel, number, run.day).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn theirs_only(
        &self,
        run: &Run,
        number: String,
        theirs: Theirs,
    ) -> Result<CaseRow, StoreError> {
        let owner = self.store.payment_owner(&theirs.payment_id).await?;
        // The platform can be asked about what we asked it for; of the rest it knows no more than
        // the bill.
        let asked = match &owner {
            Some((_, order)) => self.asked_for(order, &number, &theirs).await?,
            None => false,
        };
        let repair = if asked { Repair::AskPlatform } else { Repair::Suspense };
        let (operator_id, order_id) = owner.unwrap_or_else(|| run.nobodys());
        let evidence = json!({ "bill": run.line(&theirs), "ledger": Value::Null });
        Ok(CaseRow {
            operator_id,
            order_id,
            ..run.case(CaseKind::TheirsOnly, number, "", repair, Some(&theirs), &evidence)
        })
    }

    /// Whether an order of ours asked the platform for this: a payment, or a refund.
    async fn asked_for(
        &self,
        order: &OrderId,
        number: &str,
        theirs: &Theirs,
    ) -> Result<bool, StoreError> {
        let Some(refund) = number.strip_prefix("out:") else {
            return Ok(number.strip_prefix("in:") == Some(theirs.payment_id.as_str()));
        };
        let order = self.store.order(order).await?;
        Ok(order.is_some_and(|order| order.refunds.iter().any(|known| known.id.0 == refund)))
    }

    async fn again(
        &self,
        run: &Run,
        number: String,
        theirs: Theirs,
        nth: u32,
    ) -> Result<CaseRow, StoreError> {
        let owner = self.store.payment_owner(&theirs.payment_id).await?;
        let (operator_id, order_id) = owner.unwrap_or_else(|| run.nobodys());
        let evidence = json!({ "bill": run.line(&theirs), "time_in_bill": nth });
        let kind = CaseKind::Duplicate;
        Ok(CaseRow {
            operator_id,
            order_id,
            ..run.case(kind, number, &nth.to_string(), Repair::Suspense, Some(&theirs), &evidence)
        })
    }

    /// Posts the fees of what agrees, one transaction for each operator: they are no difference.
    /// When the day's fees were posted already and are others now, that is one.
    async fn post_fees(
        &self,
        run: &Run,
        fees: BTreeMap<OperatorId, Fen>,
        reports: &Reports,
    ) -> Result<(), ReconError> {
        let now_ms = self.clock.now_ms();
        let account = accounts::fee(run.channel.as_str());
        for (operator, fee_fen) in fees {
            let fees = Transaction::fee(run.channel, &run.day.to_string(), fee_fen);
            let mut tx = self.store.begin().await?;
            match tx.posted_on(&operator, &fees.key, &account).await? {
                Some(posted_fen) if posted_fen != fee_fen => {
                    let evidence = json!({ "posted_fen": posted_fen, "bill_fen": fee_fen });
                    let repair = Repair::BookFee;
                    let part = fee_fen.0.to_string();
                    let number = fees.key.clone();
                    let case = CaseRow {
                        operator_id: operator,
                        ours_fen: -posted_fen,
                        theirs_fen: -fee_fen,
                        fee_fen: fee_fen - posted_fen,
                        created_ms: now_ms,
                        ..run.case(CaseKind::OtherFee, number, &part, repair, None, &evidence)
                    };
                    tx.insert_case(&case).await?;
                    reports.send_modify(|progress| progress.differences += 1);
                }
                None if fee_fen != Fen::ZERO => {
                    ledger::post_entry(&mut tx, &operator, &fees, now_ms).await?;
                }
                _ => {}
            }
            tx.commit().await?;
        }
        Ok(())
    }
}

impl Run {
    fn nobodys(&self) -> (OperatorId, OrderId) {
        (self.sole.clone(), OrderId::from(""))
    }

    fn line(&self, theirs: &Theirs) -> Value {
        let expected = self.fee_bp.map(|bp| expected_fee(theirs.amount_fen.0.abs(), bp));
        json!({
            "line": theirs.raw, "trade_no": theirs.trade_no, "amount_fen": theirs.amount_fen,
            "fee_fen": theirs.fee_fen, "at_ms": theirs.at_ms, "agreed_fee_fen": expected,
        })
    }

    fn both(&self, kind: CaseKind, number: String, ours: Ours, theirs: &Theirs) -> CaseRow {
        let repair = if kind == CaseKind::OtherFee { Repair::BookFee } else { Repair::Suspense };
        let evidence = json!({ "bill": self.line(theirs), "ledger": ours });
        CaseRow {
            ours_fen: ours.amount_fen,
            operator_id: ours.operator_id,
            order_id: ours.order_id,
            ..self.case(kind, number, "", repair, Some(theirs), &evidence)
        }
    }

    fn ours_only(&self, number: String, ours: Ours) -> CaseRow {
        let evidence = json!({ "bill": Value::Null, "ledger": ours });
        let repair = Repair::AskPlatform;
        let payment_id = number.strip_prefix("in:").unwrap_or_default().into();
        CaseRow {
            ours_fen: ours.amount_fen,
            operator_id: ours.operator_id,
            order_id: ours.order_id,
            payment_id,
            status: "waiting".to_owned(),
            ..self.case(CaseKind::OursOnly, number, "", repair, None, &evidence)
        }
    }

    /// A case with what the bill says; `part` tells several of one number apart.
    fn case(
        &self,
        kind: CaseKind,
        number: String,
        part: &str,
        repair: Repair,
        theirs: Option<&Theirs>,
        evidence: &Value,
    ) -> CaseRow {
        let (channel, kind) = (self.channel, kind.as_str());
        let fact = format!("{}|{}|{kind}|{number}|{part}", channel.as_str(), self.day);
        let mut id = sha256_hex(fact.as_bytes());
        id.truncate(20);
        CaseRow {
            id,
            operator_id: self.sole.clone(),
            channel,
            day: self.day,
            kind: kind.to_owned(),
            number,
            order_id: OrderId::from(""),
            payment_id: theirs
                .map_or_else(|| PaymentId::from(""), |theirs| theirs.payment_id.clone()),
            ours_fen: Fen::ZERO,
            theirs_fen: theirs.map_or(Fen::ZERO, |theirs| theirs.amount_fen),
            fee_fen: theirs.map_or(Fen::ZERO, |theirs| theirs.fee_fen),
            evidence_json: evidence.to_string(),
            repair: repair.as_str().to_owned(),
            status: "open".to_owned(),
            decided_by: String::new(),
            decided_ms: 0,
            note: String::new(),
            created_ms: 0,
        }
    }
}
