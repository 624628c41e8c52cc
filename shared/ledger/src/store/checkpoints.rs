//! Stored checkpoints.

use std::{path::Path, sync::Arc};

use model::Timestamp;
use redb::{ReadableTable, WriteTransaction};

use super::{
    anchor,
    append::size,
    error::SignError,
    file::Step,
    layout::{self, CHECKPOINTS, ENTRIES, HASHES},
    record::{SEAL_BYTES, seal},
    tree::StoredHashes,
};
use crate::{Checkpoint, SigningKey};

/// A checkpoint and when it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// When it was signed.
    pub time: Timestamp,
    /// What was signed.
    pub checkpoint: Checkpoint,
}

impl StoredCheckpoint {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; SEAL_BYTES];
        bytes.extend_from_slice(&self.time.as_millis().to_be_bytes());
        bytes.extend_from_slice(self.checkpoint.as_str().as_bytes());
        let seal = seal("checkpoint", &[&self.checkpoint.size().to_be_bytes(), &bytes[SEAL_BYTES..]]);
        bytes[..SEAL_BYTES].copy_from_slice(&seal);
        bytes
    }

    /// The checkpoint that was stored at that size; `None` if something else stands there.
    pub(super) fn decode(size: u64, bytes: &[u8]) -> Option<Self> {
        let (sealed, rest) = bytes.split_at_checked(SEAL_BYTES)?;
        if seal("checkpoint", &[&size.to_be_bytes(), rest]) != sealed {
            return None;
        }
        let (time, text) = rest.split_first_chunk()?;
        let checkpoint: Checkpoint = std::str::from_utf8(text).ok()?.parse().ok()?;
        let time = Timestamp::from_millis(i64::from_be_bytes(*time));
        (checkpoint.size() == size).then_some(Self { time, checkpoint })
    }
}

/// The newest one.
pub(super) fn newest(
    table: &impl ReadableTable<u64, &'static [u8]>,
) -> Result<Option<StoredCheckpoint>, redb::Error> {
    let Some((size, bytes)) = table.last()? else { return Ok(None) };
    read(size.value(), bytes.value()).map(Some)
}

pub(super) fn read(size: u64, bytes: &[u8]) -> Result<StoredCheckpoint, redb::Error> {
    let stored = StoredCheckpoint::decode(size, bytes);
    stored.ok_or_else(|| layout::corrupted(format!("the checkpoint at size {size} is not what was stored")))
}

/// Signs the present tree if it grew since the last checkpoint.
pub(super) fn sign(
    write: &WriteTransaction,
    (folder, key): (&Path, &SigningKey),
    now: Timestamp,
) -> Result<Step<Result<Option<StoredCheckpoint>, SignError>>, redb::Error> {
    let mut table = write.open_table(CHECKPOINTS)?;
    let before = newest(&table)?;
    let size = size(&write.open_table(ENTRIES)?)?;
    if let Some(StoredCheckpoint { checkpoint, .. }) = &before {
        let (stored, given) = (checkpoint.origin(), key.name());
        if stored != given {
            let error = SignError::OtherLog { stored: stored.clone(), given: given.clone() };
            return Ok(Step::Leave(Err(error)));
        }
    }
    if size <= before.map_or(0, |before| before.checkpoint.size()) {
        return Ok(Step::Leave(Ok(None)));
    }
    let root = StoredHashes::new(&write.open_table(HASHES)?).root(size)?;
    let Some(checkpoint) = key.sign(size, root).and_then(|text| text.parse().ok()) else {
        return Ok(Step::Leave(Err(SignError::Unwritable { size })));
    };
    // Before it is stored: what it covers is on the disk already, so that it may stand alone.
    if let Err(error) = anchor::keep(folder, &checkpoint) {
        return Ok(Step::Leave(Err(SignError::Unavailable(Arc::new(error)))));
    }
    let stored = StoredCheckpoint { time: now, checkpoint };
    layout::add(&mut table, size, stored.encode().as_slice(), || format!("the checkpoint at {size}"))?;
    Ok(Step::Commit(Ok(Some(stored))))
}
