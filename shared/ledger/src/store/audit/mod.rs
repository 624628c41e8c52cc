//! Checking the whole: everything is computed anew from the leaves.

mod blocks;
mod error;

use model::{Digest, Timestamp};
use redb::{ReadOnlyTable, ReadableTable as _};
use tlog_tiles::Hash;

pub use error::AuditError;

use super::{
    body,
    checkpoints::StoredCheckpoint,
    entry::Key,
    guard::guarded,
    keys,
    layout::{BODIES, CHECKPOINTS, ENTRIES, HASHES, KEYS, TIMES},
    record::Record,
    tree::{self, StoredHashes},
    view::View,
};
use crate::{VerifierKey, merkle, merkle::Frontier};
use blocks::{Blocks, count};

/// What a leaf says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its time.
    pub time: Timestamp,
    /// What it is found by.
    pub keys: Vec<Key>,
}

/// What the ledger is held against.
pub struct Rules<'a> {
    /// Keys that sign its checkpoints.
    pub keys: &'a [VerifierKey],
    /// Reads a leaf: this crate does not know what leaves mean.
    pub facts: &'a dyn Fn(&[u8]) -> Result<Facts, String>,
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many of the entries are checked.
    Entries {
        /// Checked ones, and those before where the check began.
        done: u64,
        /// All.
        of: u64,
    },
    /// All entries and so many bodies are checked.
    Bodies {
        /// Checked ones.
        done: u64,
    },
}

/// Entries between two calls of the progress.
const STRIDE: u64 = 1_024;

impl View {
    /// Checks the entries from `from` on and all bodies: leaves are hashed and the tree is computed anew, each
    /// checkpoint's root and signature is checked, and times, keys and spans are held against the leaves. It reads
    /// everything once and keeps little in memory.
    ///
    /// What lies before `from` is only covered as far as the checkpoints from there on cover it, by their roots; with
    /// 0, keys and times that no entry has are found as well.
    ///
    /// # Errors
    /// Permanent: something is not as it was appended. Transient: the disk failed.
    pub fn verify(
        &self,
        from: u64,
        rules: &Rules<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), AuditError> {
        guarded(|| self.verify_entries(from.min(self.size()), rules, progress))?;
        guarded(|| self.verify_bodies(progress))
    }

    fn verify_entries(
        &self,
        from: u64,
        rules: &Rules<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), AuditError> {
        let mut audit = Audit::begin(self, rules, from)?;
        audit.checkpoint()?;
        let entries = self.table(ENTRIES)?;
        for row in entries.range(from..)? {
            let (index, bytes) = row?;
            audit.entry(index.value(), bytes.value())?;
            if audit.next() % STRIDE == 0 {
                progress(Progress::Entries { done: audit.next(), of: self.size() });
            }
        }
        audit.end(from)?;
        progress(Progress::Entries { done: self.size(), of: self.size() });
        Ok(())
    }

    fn verify_bodies(&self, progress: &mut dyn FnMut(Progress)) -> Result<(), AuditError> {
        for (row, done) in self.table(BODIES)?.iter()?.zip(1_u64..) {
            let (digest, stored) = row?;
            let digest = Digest::from_bytes(*digest.value());
            if body::decode(&digest, stored.value()).is_none() {
                return Err(AuditError::Body { digest });
            }
            if done % STRIDE == 0 {
                progress(Progress::Bodies { done });
            }
        }
        Ok(())
    }
}

type Rows<K, V> = redb::Range<'static, K, V>;

struct Audit<'a> {
    view: &'a View,
    rules: &'a Rules<'a>,
    frontier: Frontier,
    hashes: Rows<u64, &'static [u8; 32]>,
    checkpoints: std::iter::Peekable<Rows<u64, &'static [u8]>>,
    keys: ReadOnlyTable<&'static [u8], i64>,
    keys_expected: u64,
    times: Blocks,
    /// Span and sequence of the entry before.
    before: Option<(u32, u64)>,
}

impl<'a> Audit<'a> {
    fn begin(view: &'a View, rules: &'a Rules<'a>, from: u64) -> Result<Self, AuditError> {
        let hashes = view.table(HASHES)?;
        let frontier = StoredHashes::new(&hashes).frontier(from)?;
        Ok(Self {
            view,
            rules,
            frontier,
            hashes: hashes.range(tree::leaf_position(from)..)?,
            checkpoints: view.table(CHECKPOINTS)?.range(from..)?.peekable(),
            keys: view.table(KEYS)?,
            keys_expected: 0,
            times: Blocks::new(view.table(TIMES)?, from),
            before: None,
        })
    }

    fn next(&self) -> u64 {
        self.frontier.size()
    }

    fn entry(&mut self, index: u64, bytes: &[u8]) -> Result<(), AuditError> {
        if index != self.next() {
            return Err(AuditError::Entry { index: self.next() });
        }
        let (record, leaf) = Record::decode(index, bytes).ok_or(AuditError::Entry { index })?;
        self.hashes(index, leaf)?;
        self.span(index, &record)?;
        self.facts(index, &record)?;
        self.times.add(index, record.time.as_millis())?;
        self.checkpoint()
    }

    fn hashes(&mut self, index: u64, leaf: Hash) -> Result<(), AuditError> {
        for (position, hash) in (tree::leaf_position(index)..).zip(self.frontier.push(leaf)) {
            let (found, stored) = self.hashes.next().transpose()?.ok_or(AuditError::Hash { index })?;
            if found.value() != position || *stored.value() != hash.0 {
                return Err(AuditError::Hash { index });
            }
        }
        Ok(())
    }

    fn span(&mut self, index: u64, record: &Record) -> Result<(), AuditError> {
        let wrong = AuditError::Span { index };
        let Some(span) = self.view.spans.0.get(record.span as usize) else { return Err(wrong) };
        let begins = span.first_index == index && span.first_sequence == record.sequence;
        let continues = match self.before {
            // The check may begin in the middle of a span.
            None => begins || (index > 0 && span.first_index < index),
            Some((number, sequence)) if number == record.span => sequence < record.sequence,
            Some((number, sequence)) => {
                let ended = self.view.spans.0.get(number as usize).map(|span| span.last_sequence);
                number + 1 == record.span && ended == Some(sequence) && begins
            }
        };
        self.before = Some((record.span, record.sequence));
        if continues && record.sequence <= span.last_sequence { Ok(()) } else { Err(wrong) }
    }

    fn facts(&mut self, index: u64, record: &Record) -> Result<(), AuditError> {
        let facts = (self.rules.facts)(&record.leaf).map_err(|reason| AuditError::Leaf { index, reason })?;
        if facts.time != record.time {
            return Err(AuditError::Key { index });
        }
        for key in keys::distinct(&facts.keys) {
            let row = keys::row(key, index);
            let time = self.keys.get(row.as_slice())?.map(|row| row.value());
            if time != Some(record.time.as_millis()) {
                return Err(AuditError::Key { index });
            }
            self.keys_expected += 1;
        }
        Ok(())
    }

    /// Checks the checkpoint over the entries up to here, if there is one.
    fn checkpoint(&mut self) -> Result<(), AuditError> {
        let size = self.next();
        let here = |row: &Result<(redb::AccessGuard<'_, u64>, _), _>| match row {
            Ok((found, _)) => found.value() <= size,
            Err(_) => true,
        };
        let Some((found, bytes)) = self.checkpoints.next_if(here).transpose()? else { return Ok(()) };
        let wrong = || AuditError::Checkpoint { size: found.value() };
        let stored = StoredCheckpoint::decode(found.value(), bytes.value()).ok_or_else(wrong)?;
        if found.value() != size || stored.checkpoint.root() != merkle::digest(self.frontier.root()) {
            return Err(wrong());
        }
        stored
            .checkpoint
            .check_signature(self.rules.keys)
            .map_err(|cause| AuditError::Signature { size, cause })
    }

    /// Nothing is left over.
    fn end(mut self, from: u64) -> Result<(), AuditError> {
        let index = self.view.size().saturating_sub(1);
        if self.next() != self.view.size() {
            return Err(AuditError::Entry { index: self.next() });
        }
        if self.hashes.next().transpose()?.is_some() {
            return Err(AuditError::Hash { index });
        }
        if let Some((size, _)) = self.checkpoints.next().transpose()? {
            return Err(AuditError::Checkpoint { size: size.value() });
        }
        if let Some((span, sequence)) = self.before {
            let last = self.view.spans.0.last().map(|span| span.last_sequence);
            if span != self.view.spans.newest() || last != Some(sequence) {
                return Err(AuditError::Span { index });
            }
        }
        self.times.end()?;
        if from > 0 {
            return Ok(());
        }
        let found = count(&self.keys)?;
        if found == self.keys_expected {
            Ok(())
        } else {
            Err(AuditError::Keys { expected: self.keys_expected, found })
        }
    }
}
