//! The tables of the file. Keys and values are bytes of our own making, so that a change of redb's own
//! encodings cannot touch them.

use model::{Aggregate, AggregateKind, Partition};
use redb::TableDefinition;

/// Version of this layout; a file with a newer one is refused.
pub(super) const LAYOUT: u32 = 1;

/// Facts about the log: [`LAYOUT_KEY`], [`INCARNATION_KEY`], [`RESTORATIONS_KEY`] (none: never restored),
/// [`SEQUENCE_KEY`].
pub(super) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
pub(super) const LAYOUT_KEY: &str = "layout";
pub(super) const INCARNATION_KEY: &str = "incarnation";
pub(super) const RESTORATIONS_KEY: &str = "restorations";
pub(super) const SEQUENCE_KEY: &str = "sequence";

/// Sequence → record: the log.
pub(super) const EVENTS: TableDefinition<u64, &[u8]> = TableDefinition::new("events");

/// Place (kind, partition, path) → [`Head`]: the newest event of each aggregate, in the order that lists need.
pub(super) const HEADS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("heads");

/// (path, n) → sequence: the history of each aggregate.
pub(super) const VERSIONS: TableDefinition<(&str, u64), u64> = TableDefinition::new("versions");

/// (milliseconds, place) → n: events of retired aggregates, by the time when they go.
pub(super) const EXPIRING: TableDefinition<(i64, &[u8]), u64> = TableDefinition::new("expiring");

/// Sequences that are no longer in any history and wait only for a consumer of the feed.
pub(super) const FEED_ONLY: TableDefinition<u64, ()> = TableDefinition::new("feed-only");

/// Consumer of the feed → its acknowledged sequence.
pub(super) const CONSUMERS: TableDefinition<&str, u64> = TableDefinition::new("consumers");

/// Digest → [`super::blob::BlobHead`].
pub(super) const BLOBS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("blobs");

/// Digest and big-endian number → a chunk of compressed bytes.
pub(super) const CHUNKS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("chunks");

/// The newest event of an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) n: u64,
    pub(super) sequence: u64,
    /// Milliseconds since the epoch after which it counts as gone; `i64::MAX` for never.
    pub(super) expires: i64,
}

impl Head {
    pub(super) fn encode(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.n.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[16..].copy_from_slice(&self.expires.to_be_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| bytes.get(at..at + 8)?.try_into().ok();
        Some(Self {
            n: u64::from_be_bytes(word(0)?),
            sequence: u64::from_be_bytes(word(8)?),
            expires: i64::from_be_bytes(word(16)?),
        })
    }
}

/// The key of an aggregate: kind and partition, then its path.
pub(super) fn place(aggregate: &Aggregate) -> Vec<u8> {
    let mut place = vec![kind_code(aggregate.kind()), aggregate.partition().0];
    place.extend_from_slice(aggregate.path().as_bytes());
    place
}

/// The aggregate that a key names.
pub(super) fn aggregate_at(place: &[u8]) -> Option<Aggregate> {
    let path = std::str::from_utf8(place.get(2..)?).ok()?;
    let words: Vec<&str> = path.split('/').collect();
    Aggregate::from_words(&words).ok()
}

/// First key of a kind and partition, and the first key behind it.
pub(super) fn places(kind: AggregateKind, partition: Partition) -> ([u8; 2], [u8; 2]) {
    let first = [kind_code(kind), partition.0];
    (first, (u16::from_be_bytes(first) + 1).to_be_bytes())
}

/// The byte that stands for a kind in stored keys; never changed.
const fn kind_code(kind: AggregateKind) -> u8 {
    match kind {
        AggregateKind::Source => 1,
        AggregateKind::Definitions => 2,
        AggregateKind::Render => 3,
        AggregateKind::Cluster => 4,
        AggregateKind::Target => 5,
        AggregateKind::Sync => 6,
        AggregateKind::Command => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_places_round_trip() {
        let head = Head { n: 7, sequence: u64::MAX, expires: i64::MAX };
        assert_eq!(Head::decode(&head.encode()), Some(head));
        assert_eq!(Head::decode(&[0; 23]), None);
        let aggregate = Aggregate::Source("shop".parse().unwrap());
        assert_eq!(aggregate_at(&place(&aggregate)), Some(aggregate));
    }

    #[test]
    fn ranges_of_places_neither_overlap_nor_leave_gaps() {
        for kind in AggregateKind::ALL {
            for pair in Partition::all().collect::<Vec<_>>().windows(2) {
                assert_eq!(places(kind, pair[0]).1, places(kind, pair[1]).0);
            }
        }
    }
}
