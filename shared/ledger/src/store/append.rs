//! Appending: entries, hashes, keys, times and bodies in one transaction.

use std::collections::{HashMap, HashSet};

use model::Digest;
use redb::{ReadableTable, Table, WriteTransaction};
use tlog_tiles::record_hash;

use super::{
    body,
    entry::{Appended, BODY_BYTES_MAX, Batch, Body, Entry, KEY_BYTES_MAX, LEAF_BYTES_MAX},
    error::AppendError,
    file::Step,
    keys,
    layout::{self, BODIES, ENTRIES, HASHES, KEYS, SPANS, TIMES},
    record::Record,
    span::Spans,
    times, tree,
    tree::StoredHashes,
};
use crate::merkle::Frontier;

/// Checks what needs no look at the store.
pub(super) fn check(batch: &Batch) -> Result<(), AppendError> {
    batch.entries.iter().try_for_each(check_entry)?;
    batch.bodies.iter().try_for_each(check_body)
}

fn check_entry(entry: &Entry) -> Result<(), AppendError> {
    let sequence = entry.origin.sequence;
    let bytes = entry.leaf.len();
    if bytes == 0 || bytes > LEAF_BYTES_MAX {
        return Err(AppendError::Leaf { sequence, bytes });
    }
    let longest = entry.keys.iter().map(|key| key.value.len()).max().unwrap_or(0);
    if longest > KEY_BYTES_MAX { Err(AppendError::Key { sequence, bytes: longest }) } else { Ok(()) }
}

fn check_body(body: &Body) -> Result<(), AppendError> {
    if body.bytes.len() > BODY_BYTES_MAX {
        return Err(AppendError::BodySize { digest: body.digest, bytes: body.bytes.len() });
    }
    let found = Digest::of(&body.bytes);
    if found == body.digest { Ok(()) } else { Err(AppendError::BodyDigest { said: body.digest, found }) }
}

/// Stores what of the batch is not stored yet.
pub(super) fn append(
    write: &WriteTransaction,
    batch: &Batch,
) -> Result<Step<Result<Appended, AppendError>>, redb::Error> {
    let mut spans = Spans::read(&write.open_table(SPANS)?)?;
    let fresh = match fresh(&spans, &batch.entries) {
        Ok(fresh) => fresh,
        Err(error) => return Ok(Step::Leave(Err(error))),
    };
    let size = size(&write.open_table(ENTRIES)?)?;
    let appended = Appended {
        indexes: size..size + fresh.len() as u64,
        skipped: (batch.entries.len() - fresh.len()) as u64,
    };
    if fresh.is_empty() && batch.bodies.is_empty() {
        return Ok(Step::Leave(Ok(appended)));
    }
    let changed_from = spans.newest();
    let mut growth = Growth::begin(write, size)?;
    fresh.iter().try_for_each(|entry| growth.add(&mut spans, entry))?;
    growth.finish(write)?;
    spans.write(&mut write.open_table(SPANS)?, changed_from)?;
    let mut bodies = write.open_table(BODIES)?;
    batch.bodies.iter().try_for_each(|one| body::add(&mut bodies, one))?;
    Ok(Step::Commit(Ok(appended)))
}

/// The number of entries: the place of the next one.
pub(super) fn size(entries: &impl ReadableTable<u64, &'static [u8]>) -> Result<u64, redb::Error> {
    Ok(entries.last()?.map_or(0, |(index, _)| index.value() + 1))
}

/// Those that are not stored yet. What the store has of an incarnation ends at its last sequence, and a batch may
/// begin again somewhere in itself, as deliveries do.
fn fresh<'a>(spans: &Spans, entries: &'a [Entry]) -> Result<Vec<&'a Entry>, AppendError> {
    let mut seen: HashMap<&str, (Option<u64>, HashSet<u64>, u64)> = HashMap::new();
    let mut fresh = Vec::new();
    for entry in entries {
        let (incarnation, sequence) = (entry.origin.incarnation.as_str(), entry.origin.sequence);
        let (stored, taken, before) =
            seen.entry(incarnation).or_insert_with(|| (spans.last_of(incarnation), HashSet::new(), 0));
        if stored.is_some_and(|stored| sequence <= stored) || taken.contains(&sequence) {
            continue;
        }
        if sequence < *before {
            return Err(AppendError::Disorder { before: *before, sequence });
        }
        *before = sequence;
        taken.insert(sequence);
        fresh.push(entry);
    }
    Ok(fresh)
}

/// The tables that grow with each entry.
struct Growth<'txn> {
    first: u64,
    frontier: Frontier,
    entries: Table<'txn, u64, &'static [u8]>,
    hashes: Table<'txn, u64, &'static [u8; 32]>,
    keys: keys::Rows,
    times: Vec<i64>,
}

impl<'txn> Growth<'txn> {
    fn begin(write: &'txn WriteTransaction, size: u64) -> Result<Self, redb::Error> {
        let hashes = write.open_table(HASHES)?;
        Ok(Self {
            first: size,
            frontier: StoredHashes::new(&hashes).frontier(size)?,
            entries: write.open_table(ENTRIES)?,
            hashes,
            keys: keys::Rows::default(),
            times: Vec::new(),
        })
    }

    fn add(&mut self, spans: &mut Spans, entry: &Entry) -> Result<(), redb::Error> {
        let index = self.frontier.size();
        let Entry { leaf, origin, time, keys } = entry;
        let span = spans.note(origin, index);
        let record = Record { span, sequence: origin.sequence, time: *time, leaf: leaf.clone() };
        let hash = record_hash(leaf);
        let bytes = record.encode(index, &hash);
        layout::add(&mut self.entries, index, bytes.as_slice(), || format!("entry {index}"))?;
        for (position, hash) in (tree::leaf_position(index)..).zip(self.frontier.push(hash)) {
            layout::add(&mut self.hashes, position, &hash.0, || format!("the hash at {position}"))?;
        }
        self.keys.note(index, time.as_millis(), keys);
        self.times.push(time.as_millis());
        Ok(())
    }

    fn finish(self, write: &WriteTransaction) -> Result<(), redb::Error> {
        self.keys.write(&mut write.open_table(KEYS)?)?;
        times::add(&mut write.open_table(TIMES)?, self.first, &self.times)
    }
}
