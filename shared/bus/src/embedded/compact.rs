//! Giving space back: redb keeps what was deleted as free pages inside the file.

use std::path::Path;

use redb::{Database, ReadableDatabase};

use super::layout::{BLOBS, CHUNKS, EVENTS, HEADS, VERSIONS};
use redb::ReadableTableMetadata;

/// Freed space below this is not worth the rewrite: new events fill it again.
pub(super) const WORTH_BYTES: u64 = 64 * 1024 * 1024;

/// Compacts if at least half of the file, and at least [`WORTH_BYTES`], is free.
pub(super) fn on_open(database: &mut Database, path: &Path) {
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    if size < 2 * WORTH_BYTES {
        return;
    }
    match stored_bytes(database) {
        Ok(stored) if stored < size / 2 => now(database, path),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the fill of the log could not be read"),
    }
}

/// Compacts. A failure is no harm: the file only stays larger than it need be.
pub(super) fn now(database: &mut Database, path: &Path) {
    let before = std::fs::metadata(path).map_or(0, |file| file.len());
    match database.compact() {
        Ok(_) => {
            let after = std::fs::metadata(path).map_or(0, |file| file.len());
            tracing::info!(before, after, "the log was compacted");
        }
        Err(error) => tracing::warn!(%error, "the log could not be compacted"),
    }
}

/// Bytes of all large tables, with their trees.
fn stored_bytes(database: &Database) -> Result<u64, redb::Error> {
    let read = database.begin_read()?;
    let mut sum = 0;
    let mut add = |stats: redb::TableStats| {
        sum += stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes();
    };
    match read.open_table(EVENTS) {
        Ok(table) => add(table.stats()?),
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(u64::MAX),
        Err(error) => return Err(error.into()),
    }
    add(read.open_table(HEADS)?.stats()?);
    add(read.open_table(VERSIONS)?.stats()?);
    add(read.open_table(BLOBS)?.stats()?);
    add(read.open_table(CHUNKS)?.stats()?);
    Ok(sum)
}
