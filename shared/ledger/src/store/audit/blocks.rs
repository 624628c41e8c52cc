//! The times of blocks of entries, computed anew.

use redb::{ReadOnlyTable, ReadableTable as _};

use super::AuditError;
use crate::store::times::{self, Bounds, LEVELS};

/// Counts the rows one by one: the count that the file keeps may itself be wrong.
pub(super) fn count<K: redb::Key + 'static, V: redb::Value + 'static>(
    table: &ReadOnlyTable<K, V>,
) -> Result<u64, redb::StorageError> {
    table.iter()?.try_fold(0, |count, row| row.map(|_| count + 1))
}

/// The bounds of blocks, computed anew.
pub(super) struct Blocks {
    stored: ReadOnlyTable<(u8, u64), (i64, i64)>,
    from: u64,
    seen: u64,
    /// The block of each level that is not complete yet.
    open: [Option<(u64, Bounds)>; LEVELS as usize],
}

impl Blocks {
    pub(super) fn new(stored: ReadOnlyTable<(u8, u64), (i64, i64)>, from: u64) -> Self {
        Self { stored, from, seen: 0, open: [None; LEVELS as usize] }
    }

    pub(super) fn add(&mut self, index: u64, time: i64) -> Result<(), AuditError> {
        for level in 1..=LEVELS {
            let block = index / times::span(level);
            let at = usize::from(level) - 1;
            let bounds = match self.open[at] {
                Some((open, bounds)) if open == block => times::join(bounds, (time, time)),
                Some(_) | None => {
                    self.compare(level)?;
                    (time, time)
                }
            };
            self.open[at] = Some((block, bounds));
        }
        Ok(())
    }

    /// Holds the open block of a level against the stored one, if all of its entries were seen.
    fn compare(&mut self, level: u8) -> Result<(), AuditError> {
        let Some((block, bounds)) = self.open[usize::from(level) - 1].take() else { return Ok(()) };
        if block * times::span(level) < self.from {
            return Ok(());
        }
        self.seen += 1;
        let stored = self.stored.get((level, block))?.map(|row| row.value());
        let index = (block + 1) * times::span(level) - 1;
        if stored == Some(bounds) { Ok(()) } else { Err(AuditError::Times { index }) }
    }

    pub(super) fn end(&mut self) -> Result<(), AuditError> {
        (1..=LEVELS).try_for_each(|level| self.compare(level))?;
        if self.from > 0 || count(&self.stored)? == self.seen {
            return Ok(());
        }
        Err(AuditError::Times { index: u64::MAX })
    }
}
