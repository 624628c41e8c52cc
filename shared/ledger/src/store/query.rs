//! Finding entries.

use std::ops::Range;

use model::Timestamp;

use super::{
    entry::{Dimension, Key, StoredEntry},
    error::ReadError,
    guard::guarded,
    keys,
    layout::{ENTRIES, KEYS, TIMES},
    times::Finder,
    view::View,
};

/// In which order entries are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By index, upwards.
    OldestFirst,
    /// By index, downwards.
    NewestFirst,
}

/// Which part of the ledger is looked at. The default is all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Places in the ledger; an answer is continued by beginning or ending behind its last entry.
    pub indexes: Range<u64>,
    /// Entries with this time or a later one.
    pub since: Option<Timestamp>,
    /// Entries with an earlier time than this.
    pub until: Option<Timestamp>,
}

impl Default for Window {
    fn default() -> Self {
        Self { indexes: 0..u64::MAX, since: None, until: None }
    }
}

impl Window {
    fn has(&self, time: i64) -> bool {
        self.since.is_none_or(|since| time >= since.as_millis())
            && self.until.is_none_or(|until| time < until.as_millis())
    }
}

fn next<T>(rows: &mut impl DoubleEndedIterator<Item = T>, order: Order) -> Option<T> {
    match order {
        Order::OldestFirst => rows.next(),
        Order::NewestFirst => rows.next_back(),
    }
}

fn in_order(mut range: Range<u64>, order: Order) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || next(&mut range, order))
}

impl View {
    /// The entries of the window that have that key, at most `limit` of them.
    ///
    /// # Errors
    /// Transient: the disk failed. Permanent: the file is broken.
    pub fn by(
        &self,
        key: &Key,
        window: &Window,
        order: Order,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, ReadError> {
        guarded(|| self.by_all((key, &[]), window, order, limit))
    }

    /// The entries of the window that have all of these keys, at most `limit` of them; without keys, all of the window.
    /// Those with the first key are looked through: the rarest should be it.
    ///
    /// # Errors
    /// Transient: the disk failed. Permanent: the file is broken.
    pub fn find(
        &self,
        keys: &[Key],
        window: &Window,
        order: Order,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, ReadError> {
        match keys.split_first() {
            Some(keys) => guarded(|| self.by_all(keys, window, order, limit)),
            None => self.entries(window, order, limit),
        }
    }

    fn by_all(
        &self,
        (key, others): (&Key, &[Key]),
        window: &Window,
        order: Order,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, ReadError> {
        let table = self.table(KEYS)?;
        let has = |index: u64| -> Result<bool, ReadError> {
            for other in others {
                if table.get(keys::row(other, index).as_slice())?.is_none() {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let indexes = self.indexes(window)?;
        let mut found = Vec::new();
        for segment in in_order(keys::segment(indexes.start)..keys::segment(indexes.end) + 1, order) {
            let (first, end) = keys::rows(key, segment, &indexes);
            let mut rows = table.range(first.as_slice()..end.as_slice())?;
            while found.len() < limit {
                let Some(row) = next(&mut rows, order) else { break };
                let (row, time) = row?;
                let Some(index) = keys::index_of(row.value()) else { continue };
                if window.has(time.value()) && has(index)? {
                    found.push(self.named(row.value())?);
                }
            }
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    /// The entries of the window, at most `limit` of them.
    ///
    /// # Errors
    /// Transient: the disk failed. Permanent: the file is broken.
    pub fn entries(
        &self,
        window: &Window,
        order: Order,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, ReadError> {
        guarded(|| {
            let table = self.table(ENTRIES)?;
            let mut rows = table.range(self.indexes(window)?)?;
            let mut found = Vec::new();
            while found.len() < limit
                && let Some(row) = next(&mut rows, order)
            {
                let (index, bytes) = row?;
                let entry = self.decode(index.value(), bytes.value())?;
                if window.has(entry.time.as_millis()) {
                    found.push(entry);
                }
            }
            Ok(found)
        })
    }

    /// The first entry, in the order of the ledger, with that time or a later one.
    ///
    /// # Errors
    /// Transient: the disk failed. Permanent: the file is broken.
    pub fn first_at_or_after(&self, time: Timestamp) -> Result<Option<u64>, ReadError> {
        guarded(|| {
            let time = time.as_millis();
            Ok(self.finder()?.first(|(_, latest)| latest >= time)?)
        })
    }

    /// The newest entry about an aggregate with that time or an earlier one: what was so at that instant, since an
    /// event carries the state after it.
    ///
    /// # Errors
    /// Transient: the disk failed. Permanent: the file is broken.
    pub fn newest_before(&self, aggregate: &str, time: Timestamp) -> Result<Option<StoredEntry>, ReadError> {
        let key = Key::new(Dimension::Aggregate, aggregate);
        let until = time.as_millis().checked_add(1).map(Timestamp::from_millis);
        let window = Window { until, ..Window::default() };
        Ok(self.by(&key, &window, Order::NewestFirst, 1)?.pop())
    }

    /// The places outside of which no entry of the window can be.
    fn indexes(&self, window: &Window) -> Result<Range<u64>, ReadError> {
        let Window { indexes: Range { start, end }, since, until } = window;
        let first = match since {
            Some(since) => self.first_at_or_after(*since)?.unwrap_or(self.size()),
            None => 0,
        };
        let behind = match until {
            Some(until) => self.last_before(until.as_millis())?.map_or(0, |last| last + 1),
            None => self.size(),
        };
        let (start, end) = ((*start).max(first), (*end).min(behind));
        Ok(start..end.max(start))
    }

    fn last_before(&self, time: i64) -> Result<Option<u64>, ReadError> {
        Ok(self.finder()?.last(|(earliest, _)| earliest < time)?)
    }

    fn finder(&self) -> Result<Finder, redb::Error> {
        Ok(Finder { times: self.table(TIMES)?, entries: self.table(ENTRIES)?, size: self.size() })
    }

    /// The entry that a row of the keys is for.
    fn named(&self, row: &[u8]) -> Result<StoredEntry, ReadError> {
        let entry = keys::index_of(row).map(|index| self.entry(index)).transpose()?.flatten();
        entry.ok_or_else(|| ReadError::Broken("a key names an entry that is not there".to_owned()))
    }
}
