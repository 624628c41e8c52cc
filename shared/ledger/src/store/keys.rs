//! The rows that find entries by a value.

use std::ops::Range;

use redb::Table;

use super::{entry::Key, layout};

/// Dimension, length of the value, value: the length in front keeps values apart that begin alike.
pub(super) fn prefix(key: &Key) -> Vec<u8> {
    let mut bytes = vec![key.dimension.code()];
    // The length was checked when it was appended; a longer one is in no row.
    bytes.extend_from_slice(&u16::try_from(key.value.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend_from_slice(key.value.as_bytes());
    bytes
}

/// The row of an entry under that prefix.
pub(super) fn row(prefix: &[u8], index: u64) -> Vec<u8> {
    [prefix, &index.to_be_bytes()].concat()
}

/// First row of those indexes, and the first behind them.
pub(super) fn rows(key: &Key, indexes: &Range<u64>) -> (Vec<u8>, Vec<u8>) {
    let prefix = prefix(key);
    (row(&prefix, indexes.start), row(&prefix, indexes.end))
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

pub(super) fn add(
    table: &mut Table<'_, &'static [u8], i64>,
    (index, time): (u64, i64),
    keys: &[Key],
) -> Result<(), redb::Error> {
    for key in distinct(keys) {
        let row = row(&prefix(key), index);
        layout::add(table, row.as_slice(), time, || format!("the key of entry {index}"))?;
    }
    Ok(())
}
