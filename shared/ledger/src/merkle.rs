//! Hashes of the tree, between our type for digests and the one of the tree's crate.
//!
//! Source: RFC 6962, section 2.1.

use model::Digest;
use tlog_tiles::Hash;

pub(crate) fn digest(hash: Hash) -> Digest {
    Digest::from_bytes(hash.0)
}

pub(crate) fn hash(digest: &Digest) -> Hash {
    Hash(*digest.as_bytes())
}

pub(crate) fn hashes(digests: &[Digest]) -> Vec<Hash> {
    digests.iter().map(hash).collect()
}

#[cfg(feature = "store")]
pub(crate) fn digests(hashes: Vec<Hash>) -> Vec<Digest> {
    hashes.into_iter().map(digest).collect()
}

/// A tree that grows leaf by leaf and keeps only the roots of its complete parts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frontier {
    size: u64,
    /// One root for each bit of the size, the widest first.
    roots: Vec<Hash>,
}

impl Frontier {
    /// The frontier of a tree of that size, whose parts have those roots, the widest first.
    #[cfg(feature = "store")]
    pub(crate) fn of(size: u64, roots: Vec<Hash>) -> Self {
        Self { size, roots }
    }

    /// Adds a leaf and returns what it completes: its own hash first, then the nodes above it, upwards.
    pub(crate) fn push(&mut self, leaf: Hash) -> Vec<Hash> {
        let mut completed = vec![leaf];
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                node = tlog_tiles::node_hash(left, node);
                completed.push(node);
            }
        }
        self.roots.push(node);
        self.size += 1;
        completed
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn root(&self) -> Hash {
        let mut parts = self.roots.iter().rev();
        let Some(last) = parts.next() else { return tlog_tiles::EMPTY_HASH };
        parts.fold(*last, |right, left| tlog_tiles::node_hash(*left, right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tlog_tiles::{node_hash, record_hash};

    /// RFC 6962's own words: split at the largest power of two below the size.
    fn naive(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => tlog_tiles::EMPTY_HASH,
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node_hash(naive(&leaves[..split]), naive(&leaves[split..]))
            }
        }
    }

    #[test]
    fn the_frontier_has_the_root_of_the_whole() {
        let leaves: Vec<Hash> = (0..300_u32).map(|i| record_hash(&i.to_be_bytes())).collect();
        let mut frontier = Frontier::default();
        for size in 0..=leaves.len() {
            assert_eq!(frontier.root(), naive(&leaves[..size]), "{size}");
            if let Some(leaf) = leaves.get(size) {
                frontier.push(*leaf);
            }
        }
    }
}
