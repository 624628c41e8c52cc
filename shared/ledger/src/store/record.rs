//! An entry as it is stored: a seal, where it is from and when it was, then the leaf byte for byte.

use bytes::Bytes;
use model::Timestamp;
use sha2::{Digest as _, Sha256};
use tlog_tiles::Hash;

/// Bytes in front of the leaf.
pub(super) const HEAD_BYTES: usize = SEAL_BYTES + 4 + 8 + 8;
pub(super) const SEAL_BYTES: usize = 8;

/// A decoded record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Number of its span.
    pub(super) span: u32,
    /// Position in the event log.
    pub(super) sequence: u64,
    pub(super) time: Timestamp,
    pub(super) leaf: Bytes,
}

/// Part of a SHA-256 over a place and what stands there. The tree covers leaves alone; this finds what became wrong
/// by itself elsewhere. Who changes it on purpose can make a new one: against that there are leaves and checkpoints.
pub(super) fn seal(place: &str, parts: &[&[u8]]) -> [u8; SEAL_BYTES] {
    let parts = parts.iter().fold(Sha256::new_with_prefix(place), |hash, part| hash.chain_update(part));
    let mut seal = [0; SEAL_BYTES];
    seal.copy_from_slice(&parts.finalize()[..SEAL_BYTES]);
    seal
}

impl Record {
    /// The stored form at that index.
    pub(super) fn encode(&self, index: u64, leaf_hash: &Hash) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.leaf.len());
        bytes.extend_from_slice(&[0; SEAL_BYTES]);
        bytes.extend_from_slice(&self.span.to_be_bytes());
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.extend_from_slice(&self.time.as_millis().to_be_bytes());
        let seal = seal("entry", &[&index.to_be_bytes(), &bytes[SEAL_BYTES..], &leaf_hash.0]);
        bytes[..SEAL_BYTES].copy_from_slice(&seal);
        bytes.extend_from_slice(&self.leaf);
        bytes
    }

    /// The record at that index and the hash of its leaf; `None` if it is not what was stored there.
    pub(super) fn decode(index: u64, bytes: &[u8]) -> Option<(Self, Hash)> {
        let (head, leaf) = bytes.split_at_checked(HEAD_BYTES)?;
        let leaf_hash = tlog_tiles::record_hash(leaf);
        let (sealed, rest) = head.split_at(SEAL_BYTES);
        if seal("entry", &[&index.to_be_bytes(), rest, &leaf_hash.0]) != sealed {
            return None;
        }
        let (span, rest) = rest.split_first_chunk()?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let record = Self {
            span: u32::from_be_bytes(*span),
            sequence: u64::from_be_bytes(*sequence),
            time: Timestamp::from_millis(i64::from_be_bytes(rest.try_into().ok()?)),
            leaf: Bytes::copy_from_slice(leaf),
        };
        Some((record, leaf_hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_only_as_it_was_written() {
        let leaf = Bytes::from_static(b"leaf");
        let record = Record { span: 3, sequence: 9, time: Timestamp::from_millis(-5), leaf };
        let hash = tlog_tiles::record_hash(b"leaf");
        let bytes = record.encode(7, &hash);
        assert_eq!(Record::decode(7, &bytes), Some((record, hash)));
        assert_eq!(Record::decode(8, &bytes), None);
        assert_eq!(Record::decode(7, &bytes[..HEAD_BYTES - 1]), None);
        for i in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[i] ^= 1;
            assert_eq!(Record::decode(7, &broken), None, "{i}");
        }
    }
}
