//! When entries were: the earliest and the latest time of every 64 entries, of every 64 such blocks, and so on.
//!
//! Writers' clocks differ, so that times go up and down along the ledger, and a clock may be wrong by years. These
//! bounds find the first entry at or after an instant, and the last one before it, whatever the clocks said.

use std::collections::BTreeMap;

use redb::{ReadOnlyTable, ReadableTable, Table};

use super::{layout::corrupted, record::Record};

/// Entries in a block, and blocks in a block of the next level.
pub(super) const FAN: u64 = 64;

/// Levels of blocks; the widest covers 64⁴ entries, and those are few enough to look at all.
pub(super) const LEVELS: u8 = 4;

/// Earliest and latest milliseconds.
pub(super) type Bounds = (i64, i64);

type TimesTable<'txn> = Table<'txn, (u8, u64), (i64, i64)>;

/// Entries under one block of a level; level 0 is the entries themselves.
pub(super) const fn span(level: u8) -> u64 {
    FAN.pow(level as u32)
}

pub(super) const fn join(a: Bounds, b: Bounds) -> Bounds {
    (if b.0 < a.0 { b.0 } else { a.0 }, if b.1 > a.1 { b.1 } else { a.1 })
}

/// Adds the times of entries from `first` on to their blocks.
pub(super) fn add(table: &mut TimesTable<'_>, first: u64, times: &[i64]) -> Result<(), redb::Error> {
    let mut blocks: BTreeMap<(u8, u64), Bounds> = BTreeMap::new();
    for level in 1..=LEVELS {
        for (index, time) in (first..).zip(times) {
            let bounds = blocks.entry((level, index / span(level))).or_insert((*time, *time));
            *bounds = join(*bounds, (*time, *time));
        }
    }
    for (block, bounds) in blocks {
        let before = table.get(block)?.map(|row| row.value());
        table.insert(block, before.map_or(bounds, |before| join(before, bounds)))?;
    }
    Ok(())
}

/// Finds entries by time.
pub(super) struct Finder {
    /// The blocks.
    pub(super) times: ReadOnlyTable<(u8, u64), (i64, i64)>,
    /// The entries themselves.
    pub(super) entries: ReadOnlyTable<u64, &'static [u8]>,
    /// How many there are.
    pub(super) size: u64,
}

impl Finder {
    /// The first entry that fits, if only the bounds of its blocks tell whether one may be in them.
    pub(super) fn first(&self, fits: impl Fn(Bounds) -> bool) -> Result<Option<u64>, redb::Error> {
        let mut node = (LEVELS + 1, 0);
        while node.0 > 0 {
            let Some(child) = self.child(node, Children::Forwards, &fits)? else { return Ok(None) };
            node = child;
        }
        Ok(Some(node.1))
    }

    /// The last entry that fits.
    pub(super) fn last(&self, fits: impl Fn(Bounds) -> bool) -> Result<Option<u64>, redb::Error> {
        let mut node = (LEVELS + 1, 0);
        while node.0 > 0 {
            let Some(child) = self.child(node, Children::Backwards, &fits)? else { return Ok(None) };
            node = child;
        }
        Ok(Some(node.1))
    }

    fn child(
        &self,
        (level, n): (u8, u64),
        order: Children,
        fits: &impl Fn(Bounds) -> bool,
    ) -> Result<Option<(u8, u64)>, redb::Error> {
        let below = level - 1;
        let there = self.size.div_ceil(span(below));
        // The top has all blocks of the widest level under it.
        let range = if level > LEVELS { 0..there } else { n * FAN..(n * FAN + FAN).min(there) };
        let fitting = |n: &u64| Ok::<_, redb::Error>(fits(self.bounds((below, *n))?));
        let mut children: Box<dyn Iterator<Item = u64>> = match order {
            Children::Forwards => Box::new(range),
            Children::Backwards => Box::new(range.rev()),
        };
        let found = children.find_map(|n| match fitting(&n) {
            Ok(false) => None,
            Ok(true) => Some(Ok((below, n))),
            Err(error) => Some(Err(error)),
        });
        found.transpose()
    }

    fn bounds(&self, (level, n): (u8, u64)) -> Result<Bounds, redb::Error> {
        if level == 0 {
            let row = self.entries.get(n)?;
            let time =
                row.and_then(|row| Record::decode(n, row.value())).map(|(record, _)| record.time.as_millis());
            return time
                .map(|time| (time, time))
                .ok_or_else(|| corrupted(format!("entry {n} is not what was stored")));
        }
        let bounds = self.times.get((level, n))?.map(|row| row.value());
        bounds.ok_or_else(|| corrupted(format!("the times of block {n} of level {level} are missing")))
    }
}

/// In which order the children of a block are looked at.
enum Children {
    Forwards,
    Backwards,
}
