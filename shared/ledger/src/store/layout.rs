//! The tables of the file. Keys and values are bytes and numbers of our own making, so that a change of redb's own
//! encodings cannot touch them. Rows of entries, hashes, keys, bodies and checkpoints are written once.

use redb::{Table, TableDefinition};

/// Version of this layout; a file with a newer one is refused.
pub(super) const LAYOUT: u32 = 1;

/// Facts about the file: [`LAYOUT_KEY`].
pub(super) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
pub(super) const LAYOUT_KEY: &str = "layout";

/// Index → record: what was appended.
pub(super) const ENTRIES: TableDefinition<u64, &[u8]> = TableDefinition::new("entries");

/// Position → hash of a node of the tree, in the order in which nodes become complete.
///
/// Source: tlog_tiles, `stored_hash_index`.
pub(super) const HASHES: TableDefinition<u64, &[u8; 32]> = TableDefinition::new("hashes");

/// Segment, dimension, value and index → milliseconds: where entries with a value are.
pub(super) const KEYS: TableDefinition<&[u8], i64> = TableDefinition::new("keys");

/// Level and block → earliest and latest milliseconds of the entries in it.
pub(super) const TIMES: TableDefinition<(u8, u64), (i64, i64)> = TableDefinition::new("times");

/// Number → span of the event log.
pub(super) const SPANS: TableDefinition<u32, &[u8]> = TableDefinition::new("spans");

/// Tree size → milliseconds and signed checkpoint.
pub(super) const CHECKPOINTS: TableDefinition<u64, &[u8]> = TableDefinition::new("checkpoints");

/// Digest → body.
pub(super) const BODIES: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("bodies");

/// A broken promise of the file's contents.
pub(super) fn corrupted(what: impl Into<String>) -> redb::Error {
    redb::Error::Corrupted(what.into())
}

/// Writes a row that is not there yet. Nothing here overwrites: a row that is there is a fault of the file.
pub(super) fn add<'k, K: redb::Key + 'static, V: redb::Value + 'static>(
    table: &mut Table<'_, K, V>,
    key: impl std::borrow::Borrow<K::SelfType<'k>>,
    value: impl std::borrow::Borrow<V::SelfType<'k>>,
    what: impl Fn() -> String,
) -> Result<(), redb::Error> {
    match table.insert(key, value)? {
        None => Ok(()),
        Some(_) => Err(corrupted(format!("{} is there already", what()))),
    }
}
