//! The rows that find entries by a value.
//!
//! They are sorted by segment first: all rows of so many entries stand together. Values are scattered (ids are random),
//! and in one sorted table of all of them each batch would rewrite a page for each value, 13 MB for 1,000 entries.
//! Within a segment the pages are few, at the cost of one look per segment for a value that is rare.

use std::ops::Range;

use redb::Table;

use super::{entry::Key, layout};

/// Entries of a segment. Twice as many make appending slower, half as many make looking for rare values slower; a
/// million entries have 123 segments.
pub(super) const SEGMENT: u64 = 8_192;

/// The segment of an entry.
pub(super) const fn segment(index: u64) -> u64 {
    index / SEGMENT
}

/// Segment, dimension, length of the value, value: the length in front keeps values apart that begin alike.
fn prefix(segment: u64, key: &Key) -> Vec<u8> {
    let mut bytes = segment.to_be_bytes().to_vec();
    bytes.push(key.dimension.code());
    // The length was checked when it was appended; a longer one is in no row.
    bytes.extend_from_slice(&u16::try_from(key.value.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend_from_slice(key.value.as_bytes());
    bytes
}

/// The row of an entry.
pub(super) fn row(key: &Key, index: u64) -> Vec<u8> {
    let mut row = prefix(segment(index), key);
    row.extend_from_slice(&index.to_be_bytes());
    row
}

/// First row of those indexes in a segment, and the first behind them.
pub(super) fn rows(key: &Key, segment: u64, indexes: &Range<u64>) -> (Vec<u8>, Vec<u8>) {
    let prefix = prefix(segment, key);
    let row = |index: u64| [prefix.as_slice(), &index.to_be_bytes()].concat();
    (row(indexes.start), row(indexes.end))
}

/// The index that a row is for.
pub(super) fn index_of(row: &[u8]) -> Option<u64> {
    row.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The keys of an entry, each once.
pub(super) fn distinct(keys: &[Key]) -> Vec<&Key> {
    let mut keys: Vec<&Key> = keys.iter().collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Rows to be written: of a whole batch, so that they are written in their order.
#[derive(Default)]
pub(super) struct Rows(Vec<(Vec<u8>, i64)>);

impl Rows {
    pub(super) fn note(&mut self, index: u64, time: i64, keys: &[Key]) {
        self.0.extend(distinct(keys).into_iter().map(|key| (row(key, index), time)));
    }

    pub(super) fn write(mut self, table: &mut Table<'_, &'static [u8], i64>) -> Result<(), redb::Error> {
        self.0.sort_unstable();
        for (row, time) in &self.0 {
            layout::add(table, row.as_slice(), *time, || {
                format!("a key of entry {}", index_of(row).unwrap_or_default())
            })?;
        }
        Ok(())
    }
}
