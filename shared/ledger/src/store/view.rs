//! One state of the ledger, and what the tree and the checkpoints say about it.

use std::ops::RangeBounds;

use bytes::Bytes;
use model::Digest;
use redb::{ReadOnlyTable, ReadTransaction, TableDefinition};

use super::{
    append, body, checkpoints,
    checkpoints::StoredCheckpoint,
    entry::{Origin, StoredEntry},
    error::ReadError,
    guard::guarded,
    layout::{BODIES, CHECKPOINTS, ENTRIES, HASHES, SPANS, corrupted},
    record::Record,
    span::{Span, Spans},
    tree::StoredHashes,
};
use crate::{ProofFile, merkle};

/// One state of the ledger: all answers of a view fit together, whatever is appended meanwhile.
///
/// Pages that it can see are not used again: the file grows while a view is kept.
pub struct View {
    txn: ReadTransaction,
    pub(super) spans: Spans,
    size: u64,
}

impl View {
    pub(super) fn of(txn: ReadTransaction) -> Result<Self, ReadError> {
        let spans = Spans::read(&txn.open_table(SPANS)?)?;
        let size = append::size(&txn.open_table(ENTRIES)?)?;
        Ok(Self { txn, spans, size })
    }

    pub(super) fn table<K: redb::Key + 'static, V: redb::Value + 'static>(
        &self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<ReadOnlyTable<K, V>, redb::Error> {
        Ok(self.txn.open_table(table)?)
    }

    /// The number of entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The origin of the newest entry.
    pub fn last_origin(&self) -> Option<Origin> {
        self.spans.last_origin()
    }

    /// The runs of entries from one incarnation of the event log each, the oldest first.
    pub fn spans(&self) -> &[Span] {
        &self.spans.0
    }

    /// The root of the tree over the first `size` entries.
    ///
    /// # Errors
    /// Permanent: there are fewer, or the file is broken. Transient: the disk failed.
    pub fn root(&self, size: u64) -> Result<Digest, ReadError> {
        guarded(|| {
            self.within(size)?;
            Ok(StoredHashes::new(&self.table(HASHES)?).root(size)?)
        })
    }

    /// The hashes that prove an entry to be in the tree over the first `size`.
    ///
    /// Source: RFC 6962, section 2.1.1.
    ///
    /// # Errors
    /// Permanent: there are fewer, or the file is broken. Transient: the disk failed.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Digest>, ReadError> {
        guarded(|| {
            self.within(size)?;
            if index >= size {
                return Err(ReadError::BeyondEnd { asked: index.saturating_add(1), size });
            }
            Ok(StoredHashes::new(&self.table(HASHES)?).inclusion(index, size)?)
        })
    }

    /// The hashes that prove the tree over `new` entries to begin with the one over `old`.
    ///
    /// Source: RFC 6962, section 2.1.2.
    ///
    /// # Errors
    /// Permanent: there are fewer, or the file is broken. Transient: the disk failed.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, ReadError> {
        guarded(|| {
            self.within(new)?;
            if old > new {
                return Err(ReadError::BeyondEnd { asked: old, size: new });
            }
            Ok(StoredHashes::new(&self.table(HASHES)?).consistency(old, new)?)
        })
    }

    /// The proof file of an entry, under the newest checkpoint.
    ///
    /// # Errors
    /// Transient: no checkpoint covers it yet, or the disk failed. Permanent: the file is broken.
    pub fn proof(&self, index: u64) -> Result<ProofFile, ReadError> {
        let covering = self.newest_checkpoint()?.filter(|stored| stored.checkpoint.size() > index);
        let checkpoint = covering.ok_or(ReadError::NotCovered { index })?.checkpoint;
        let entry = self.entry(index)?.ok_or(ReadError::NotCovered { index })?;
        let path = self.inclusion(index, checkpoint.size())?;
        let leaf = tlog_tiles::record_hash(&entry.leaf);
        let root = merkle::hash(&checkpoint.root());
        // A proof that proves nothing must not leave the house.
        tlog_tiles::check_record(&merkle::hashes(&path), checkpoint.size(), root, index, leaf)
            .map_err(|_| ReadError::Broken(format!("entry {index} does not lead to the signed root")))?;
        Ok(ProofFile { leaf: Some(entry.leaf), index, path, checkpoint })
    }

    /// The newest checkpoint.
    ///
    /// # Errors
    /// Transient: the disk failed. Permanent: the file is broken.
    pub fn newest_checkpoint(&self) -> Result<Option<StoredCheckpoint>, ReadError> {
        guarded(|| Ok(checkpoints::newest(&self.table(CHECKPOINTS)?)?))
    }

    /// The checkpoints over those tree sizes, the oldest first.
    ///
    /// # Errors
    /// Transient: the disk failed. Permanent: the file is broken.
    pub fn checkpoints(&self, sizes: impl RangeBounds<u64>) -> Result<Vec<StoredCheckpoint>, ReadError> {
        guarded(|| {
            let table = self.table(CHECKPOINTS)?;
            let mut found = Vec::new();
            for row in table.range(sizes)? {
                let (size, bytes) = row?;
                found.push(checkpoints::read(size.value(), bytes.value())?);
            }
            Ok(found)
        })
    }

    /// The entry at that place.
    ///
    /// # Errors
    /// Transient: the disk failed. Permanent: the file is broken.
    pub fn entry(&self, index: u64) -> Result<Option<StoredEntry>, ReadError> {
        guarded(|| {
            let table = self.table(ENTRIES)?;
            let Some(row) = table.get(index)? else { return Ok(None) };
            Ok(Some(self.decode(index, row.value())?))
        })
    }

    /// The body with that digest.
    ///
    /// # Errors
    /// Transient: the disk failed. Permanent: the file is broken.
    pub fn body(&self, digest: &Digest) -> Result<Option<Bytes>, ReadError> {
        guarded(|| {
            let table = self.table(BODIES)?;
            let Some(row) = table.get(digest.as_bytes())? else { return Ok(None) };
            let body = body::decode(digest, row.value());
            body.map(Some).ok_or_else(|| ReadError::Broken(format!("the body {digest} has another digest")))
        })
    }

    pub(super) fn decode(&self, index: u64, bytes: &[u8]) -> Result<StoredEntry, redb::Error> {
        let wrong = || corrupted(format!("entry {index} is not what was stored"));
        let (record, _) = Record::decode(index, bytes).ok_or_else(wrong)?;
        let origin = self.spans.origin(record.span, record.sequence).ok_or_else(wrong)?;
        Ok(StoredEntry { index, origin, time: record.time, leaf: record.leaf })
    }

    fn within(&self, size: u64) -> Result<(), ReadError> {
        if size <= self.size { Ok(()) } else { Err(ReadError::BeyondEnd { asked: size, size: self.size }) }
    }
}
