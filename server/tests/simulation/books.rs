//! The day's work in virtual time: the books are closed, the platforms' bills compared. The bills
//! are written from the platforms' own books; where ours are right no difference is ever found.

use std::io;
use std::path::Path;

use futures_util::future::{BoxFuture, FutureExt, ready};
use server::ledger;
use server::orders::{Answer, BillDay, BillLine, BillLineKind, BillLines, Bills};
use server::recon::Recon;
use tokio_util::sync::CancellationToken;
use wasm_core::money::Fen;

use crate::bank::{Branch, Moved, no};
use crate::chance::percent;
use crate::world::World;

/// Does what is due on a server that keeps its books.
pub async fn keep(world: &World) {
    let recon = Recon::new(world.store.clone(), world.clock.clone(), world.orders.clone());
    recon.due(&CancellationToken::new()).await;
}

/// What the days have left behind that is not well.
pub async fn findings(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for status in ["open", "waiting"] {
        let cases = world.store.cases(None, status, 100).await.expect("store");
        found.extend(cases.iter().map(|case| format!("I5 {status} case: {case:?}")));
    }
    let report = ledger::check(&world.store).await.expect("a check");
    if report.days < 1 {
        found.push("I1 no day was closed".to_owned());
    }
    found
}

impl Bills for Branch {
    fn bill<'a>(&'a self, day: BillDay, _: &'a Path) -> BoxFuture<'a, Answer<BillLines>> {
        let book = self.bank.book();
        if !book.calm && percent(20) {
            return ready(Err(no("NOT_YET"))).boxed();
        }
        let of_day =
            |moved: &&Moved| moved.channel == self.channel && BillDay::of(moved.at_ms) == day;
        let lines: Vec<io::Result<BillLine>> =
            book.moved.iter().filter(of_day).map(|moved| Ok(line(moved))).collect();
        ready(Ok(Box::new(lines.into_iter()) as BillLines)).boxed()
    }
}

fn line(moved: &Moved) -> BillLine {
    let is_payment = moved.amount_fen > Fen::ZERO;
    BillLine {
        kind: if is_payment { BillLineKind::Payment } else { BillLineKind::Refund },
        payment_id: moved.payment_id.clone(),
        our_no: moved.our_no.clone(),
        trade_no: format!("T{}", moved.payment_id),
        amount_fen: if is_payment { moved.amount_fen } else { -moved.amount_fen },
        fee_fen: Fen::ZERO,
        at_ms: moved.at_ms,
        raw: format!("{moved:?}"),
    }
}
