//! Sorting more than fits into memory: sorted parts in temporary files, then merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

/// What is held in memory before a part goes to disk, bytes.
const MEMORY_MAX: usize = 16 << 20;
/// What an item costs beside its text, bytes.
const ITEM_COST: usize = 96;
/// Parts at most: each is an open file and a buffer while they are merged.
const PARTS_MAX: usize = 600;
/// A part's buffer while it is merged, bytes.
const PART_BUFFER: usize = 32 << 10;
/// Longest key or body, bytes: a longer one is a broken file.
const TEXT_MAX: usize = 1 << 20;

/// What is sorted: by key, then by side, then as it came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// First.
    pub key: String,
    /// Second.
    pub side: u8,
    /// The rest.
    pub body: Vec<u8>,
}

/// Takes items in any order.
#[derive(Default)]
pub struct Sorter {
    held: Vec<Item>,
    held_bytes: usize,
    parts: Vec<File>,
}

impl Sorter {
    /// Takes an item.
    ///
    /// # Errors
    /// The disk is full, or there is more than can be sorted.
    pub fn push(&mut self, item: Item) -> io::Result<()> {
        self.held_bytes += item.key.len() + item.body.len() + ITEM_COST;
        self.held.push(item);
        if self.held_bytes >= MEMORY_MAX { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        if self.parts.len() == PARTS_MAX {
            return Err(io::Error::other("more than can be sorted"));
        }
        self.held.sort_by(|left, right| (&left.key, left.side).cmp(&(&right.key, right.side)));
        let mut part = BufWriter::new(tempfile::tempfile()?);
        for item in self.held.drain(..) {
            write_text(&mut part, item.key.as_bytes())?;
            part.write_all(&[item.side])?;
            write_text(&mut part, &item.body)?;
        }
        self.held_bytes = 0;
        let mut part = part.into_inner().map_err(io::IntoInnerError::into_error)?;
        part.rewind()?;
        self.parts.push(part);
        Ok(())
    }

    /// Everything in order.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn sorted(mut self) -> io::Result<Sorted> {
        self.spill()?;
        // The memory of the last part is needed no more.
        self.held = Vec::new();
        let buffered = |part| BufReader::with_capacity(PART_BUFFER, part);
        let mut sorted = Sorted {
            parts: self.parts.into_iter().map(buffered).collect(),
            next: BinaryHeap::new(),
        };
        for part in 0..sorted.parts.len() {
            sorted.take_from(part)?;
        }
        Ok(sorted)
    }
}

/// Items in order.
pub struct Sorted {
    parts: Vec<BufReader<File>>,
    /// The first of each part. Earlier parts came earlier.
    next: BinaryHeap<Reverse<First>>,
}

/// The first item of a part: its key, its side, the part, its body.
type First = (String, u8, usize, Vec<u8>);

impl Sorted {
    fn take_from(&mut self, part: usize) -> io::Result<()> {
        let reader = &mut self.parts[part];
        let Some(key) = read_text(reader)? else { return Ok(()) };
        let key = String::from_utf8(key).map_err(io::Error::other)?;
        let mut side = [0];
        reader.read_exact(&mut side)?;
        let body = read_text(reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        self.next.push(Reverse((key, side[0], part, body)));
        Ok(())
    }
}

impl Iterator for Sorted {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<io::Result<Item>> {
        let Reverse((key, side, part, body)) = self.next.pop()?;
        Some(self.take_from(part).map(|()| Item { key, side, body }))
    }
}

fn write_text(to: &mut impl Write, text: &[u8]) -> io::Result<()> {
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(text)
}

/// A text; none at the end of the file.
fn read_text(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?;
    if length > TEXT_MAX {
        return Err(io::Error::other("a sorted part is broken"));
    }
    let mut text = vec![0; length];
    from.read_exact(&mut text)?;
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_comes_back_in_order() {
        let mut sorter = Sorter::default();
        let count = 200_000_u64;
        for number in 0..count {
            // A permutation: the factor has no divisor in common with the count.
            let key = format!("{:08}", number * 7_919 % count);
            let side = u8::try_from(number % 3).unwrap();
            sorter.push(Item { key, side, body: vec![b'x'; 64] }).unwrap();
        }
        assert!(sorter.parts.len() > 1, "all of it fitted");
        let keys: Vec<_> = sorter.sorted().unwrap().map(|item| item.unwrap().key).collect();
        let expected: Vec<_> = (0..count).map(|number| format!("{number:08}")).collect();
        assert!(keys == expected);
    }

    #[test]
    fn equal_keys_come_by_side_and_then_as_they_came() {
        let mut sorter = Sorter::default();
        for (side, body) in [(2, "b"), (1, "z"), (2, "a"), (0, "c")] {
            sorter.push(Item { key: "k".into(), side, body: body.into() }).unwrap();
            if body == "z" {
                sorter.spill().unwrap();
            }
        }
        let came = sorter.sorted().unwrap().map(|item| item.unwrap().body);
        let bodies: Vec<_> = came.map(|body| String::from_utf8(body).unwrap()).collect();
        assert_eq!(bodies, ["c", "z", "b", "a"]);
    }
}
