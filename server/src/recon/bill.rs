//! A platform's bill on its way into the comparison.

use super::Reports;
use super::compare::Theirs;
use super::sort::Sorter;
use crate::orders::BillLines;

/// Lines of a bill between two signs of progress.
const LINES_A_SIGN: i64 = 5_000;

/// Sorts a bill as it is read, so that none of it is held.
pub(super) fn sort_bill(lines: BillLines, reports: &Reports) -> Result<Sorter, std::io::Error> {
    reports.send_modify(|progress| progress.phase = "bill");
    let (mut sorter, mut count) = (Sorter::default(), 0);
    for line in lines {
        let (number, theirs) = Theirs::of(line?);
        sorter.push(Theirs::item(number, &theirs))?;
        count += 1;
        if count % LINES_A_SIGN == 0 {
            reports.send_modify(|progress| progress.bill_lines = count);
        }
    }
    reports.send_modify(|progress| progress.bill_lines = count);
    Ok(sorter)
}
