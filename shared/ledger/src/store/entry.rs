//! What goes into the ledger and what comes out.

use std::ops::Range;

use bytes::Bytes;
use model::{Digest, Timestamp};

/// Longest leaf, in bytes. Source: C2SP tlog-tiles, "Log entries": the length has 16 bits.
pub const LEAF_BYTES_MAX: usize = 65_535;

/// Longest value of a key, in bytes: above that, pages of the index would hold few of them.
pub const KEY_BYTES_MAX: usize = 1_024;

/// Largest body, in bytes, before compression: it is in memory as a whole.
pub const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The position in the event log that an entry comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The incarnation of the event log.
    pub incarnation: String,
    /// The sequence in it: grows, with gaps.
    pub sequence: u64,
}

/// What entries are found by. The codes are stored and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Dimension {
    /// Id of the event.
    Event = 1,
    /// What the event is about.
    Aggregate = 2,
    /// Type of the event.
    Kind = 3,
    /// Name of the application.
    Application = 4,
    /// Name of the cluster.
    Cluster = 5,
    /// Opaque id of who wanted it.
    Actor = 6,
    /// Commit of the revision.
    Commit = 7,
    /// Object of a cluster.
    Resource = 8,
    /// The change that it belongs to.
    Change = 9,
}

impl Dimension {
    /// All dimensions.
    pub const ALL: [Self; 9] = [
        Self::Event,
        Self::Aggregate,
        Self::Kind,
        Self::Application,
        Self::Cluster,
        Self::Actor,
        Self::Commit,
        Self::Resource,
        Self::Change,
    ];

    /// The byte that stands for it in stored keys.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// A value that an entry is found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What the value is.
    pub dimension: Dimension,
    /// The value, at most [`KEY_BYTES_MAX`].
    pub value: String,
}

impl Key {
    /// A key of that dimension.
    pub fn new(dimension: Dimension, value: impl Into<String>) -> Self {
        Self { dimension, value: value.into() }
    }
}

/// An entry to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The stored bytes themselves: 1 to [`LEAF_BYTES_MAX`].
    pub leaf: Bytes,
    /// Where it comes from.
    pub origin: Origin,
    /// When it was, by its writer's clock.
    pub time: Timestamp,
    /// What it is found by; one that is given twice counts once.
    pub keys: Vec<Key>,
}

/// Bytes that leaves name by their digest: stored once, outside the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// What `bytes` must have.
    pub digest: Digest,
    /// The contents, at most [`BODY_BYTES_MAX`].
    pub bytes: Bytes,
}

/// What is appended together: all of it or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Entries in the order of the event log.
    pub entries: Vec<Entry>,
    /// Bodies that they name.
    pub bodies: Vec<Body>,
}

/// What an append did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Places of the entries that were stored, in order.
    pub indexes: Range<u64>,
    /// How many of the batch were stored before.
    pub skipped: u64,
}

/// An entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its place in the tree.
    pub index: u64,
    /// Where it comes from.
    pub origin: Origin,
    /// When it was.
    pub time: Timestamp,
    /// The stored bytes.
    pub leaf: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_dimensions_stay() {
        assert_eq!(Dimension::ALL.map(Dimension::code), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}
