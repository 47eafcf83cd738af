//! Bills, from the platform's book to the lines that are reconciled.

use super::holds::capture;
use super::*;
use crate::orders::{BillDay, BillLine, BillLineKind, Bills, Holds};
use crate::payments::alipay::time::from_beijing;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Ten in the morning in Beijing, on a day that is over.
fn ten_o_clock() -> i64 {
    from_beijing("2026-11-20 10:00:00").unwrap()
}

/// What reconciliation looks at.
fn essence(line: &BillLine) -> (BillLineKind, &str, &str, i64, i64) {
    let BillLine { kind, payment_id, our_no, amount_fen, fee_fen, .. } = line;
    (*kind, payment_id.as_str(), our_no, amount_fen.0, fee_fen.0)
}

impl Fixture {
    /// A day with a payment, a refund and a capture, and a payment the day after.
    async fn busy_day() -> (Self, Clock) {
        let (mut fixture, clock) = Fixture::at(ten_o_clock()).await;
        fixture.paid("P1").await;
        clock.advance_ms(1_000);
        assert_eq!(fixture.alipay.refund(&refund("R1", "P1", 170)).await, Ok(()));
        clock.advance_ms(1_000);
        let hold = fixture.held("H1").await;
        assert_eq!(fixture.alipay.capture(&capture(&hold, 333)).await, Ok(()));
        clock.advance_ms(14 * DAY_MS / 24);
        fixture.open("P9").await.unwrap();
        let open = fixture.open("P2").await.unwrap();
        fixture.press(&trade_no(&open), "pay").await;
        (fixture, clock)
    }

    async fn lines(&self, day: BillDay, folder: &std::path::Path) -> Vec<BillLine> {
        let lines = self.alipay.bill(day, folder).await.unwrap();
        lines.collect::<Result<_, _>>().unwrap()
    }
}

#[tokio::test]
async fn a_days_bill_has_its_payments_refunds_and_captures() {
    let (fixture, clock) = Fixture::busy_day().await;
    let folder = tempfile::tempdir().unwrap();
    let day = BillDay::of(ten_o_clock());
    assert_no(fixture.alipay.bill(day, folder.path()).await.map(drop), "isp.bill_not_exist");
    clock.advance_ms(9 * DAY_MS / 24);
    let lines = fixture.lines(day, folder.path()).await;
    let expected = [
        (BillLineKind::Payment, "P1", "", 500, 3),
        (BillLineKind::Refund, "P1", "R1", 170, -1),
        (BillLineKind::Payment, "H1", "H1C", 333, 2),
    ];
    assert_eq!(lines.iter().map(essence).collect::<Vec<_>>(), expected);
    assert_eq!(lines[1].at_ms, ten_o_clock() + 1_000);
    assert!(lines[0].raw.contains("充电 3号插座"), "{}", lines[0].raw);

    let packed = folder.path().join("alipay-2026-11-20.zip");
    let read = fixture.alipay.read(&packed).unwrap();
    assert_eq!(read.collect::<Result<Vec<_>, _>>().unwrap(), lines, "downloaded by a person");
    let before = fixture.alipay.bill(BillDay::of(ten_o_clock() - DAY_MS), folder.path()).await;
    assert_no(before.map(drop), "isp.bill_not_exist");
}

#[tokio::test]
async fn a_bills_address_is_good_for_thirty_seconds() {
    let (fixture, clock) = Fixture::busy_day().await;
    clock.advance_ms(DAY_MS);
    let wanted = serde_json::json!({ "bill_type": "trade", "bill_date": "2026-11-20" });
    let Ok(node) = fixture.platform.bill_address(&wanted).await else { panic!("no address") };
    let address = node["bill_download_url"].as_str().unwrap();
    clock.advance_ms(30_000);
    assert_eq!(fixture.get(address).await.status(), 200);
    clock.advance_ms(1);
    assert_eq!(fixture.get(address).await.status(), 403);
    let strange = format!("{address}x");
    assert_eq!(fixture.get(&strange).await.status(), 403);
}

#[tokio::test]
async fn a_bill_is_spoiled_the_same_way_by_the_same_seed() {
    let (fixture, clock) = Fixture::busy_day().await;
    clock.advance_ms(DAY_MS);
    let folder = tempfile::tempdir().unwrap();
    let day = BillDay::of(ten_o_clock());
    let good = fixture.lines(day, folder.path()).await;
    let mut spoiled = Vec::new();
    for seed in [1, 1, 2, 3, 4, 5] {
        let bill = Some(BillErrors { seed, per_mille: 1_000 });
        fixture.platform.set_faults(Faults { bill, ..Faults::default() });
        spoiled.push(fixture.lines(day, folder.path()).await);
        assert_ne!(spoiled.last(), Some(&good), "seed {seed}");
    }
    assert_eq!(spoiled[0], spoiled[1]);
    assert!(spoiled.iter().any(|other| *other != spoiled[0]));
}
