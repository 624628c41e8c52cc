//! The tree over the stored hashes.

use std::cell::RefCell;

use model::Digest;
use redb::ReadableTable;
use tlog_tiles::{Hash, HashReader, stored_hash_index, sub_tree_index};

use super::layout::corrupted;
use crate::merkle::{self, Frontier};

/// Reads stored hashes for the tree's crate, whose errors cannot carry ours.
pub(super) struct StoredHashes<'a, T> {
    table: &'a T,
    failure: RefCell<Option<redb::Error>>,
}

impl<'a, T: ReadableTable<u64, &'static [u8; 32]>> StoredHashes<'a, T> {
    pub(super) fn new(table: &'a T) -> Self {
        Self { table, failure: RefCell::new(None) }
    }

    /// The root of the first `size` entries.
    pub(super) fn root(&self, size: u64) -> Result<Digest, redb::Error> {
        self.run(|reader| tlog_tiles::tree_hash(size, reader)).map(merkle::digest)
    }

    /// The hashes from an entry to the root.
    pub(super) fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Digest>, redb::Error> {
        self.run(|reader| tlog_tiles::prove_record(size, index, reader)).map(merkle::digests)
    }

    /// The hashes from one root to a later one.
    pub(super) fn consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, redb::Error> {
        if old == 0 {
            return Ok(Vec::new());
        }
        self.run(|reader| tlog_tiles::prove_tree(new, old, reader)).map(merkle::digests)
    }

    /// The bytes of a published tile.
    pub(super) fn tile(&self, tile: &tlog_tiles::Tile) -> Result<Vec<u8>, redb::Error> {
        self.run(|reader| tile.read_data(reader))
    }

    /// What is needed to add the next leaf.
    pub(super) fn frontier(&self, size: u64) -> Result<Frontier, redb::Error> {
        let roots = self.run(|reader| reader.read_hashes(&sub_tree_index(0, size, Vec::new())))?;
        Ok(Frontier::of(size, roots))
    }

    fn run<R>(&self, work: impl FnOnce(&Self) -> Result<R, tlog_tiles::Error>) -> Result<R, redb::Error> {
        work(self).map_err(|error| {
            self.failure.take().unwrap_or_else(|| corrupted(format!("the tree cannot be computed: {error}")))
        })
    }

    fn get(&self, position: u64) -> Result<Hash, redb::Error> {
        let row = self.table.get(position)?;
        let row = row.ok_or_else(|| corrupted(format!("the hash at position {position} is missing")))?;
        Ok(Hash(*row.value()))
    }
}

impl<T: ReadableTable<u64, &'static [u8; 32]>> HashReader for StoredHashes<'_, T> {
    fn read_hashes(&self, positions: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        positions.iter().map(|position| self.get(*position)).collect::<Result<_, _>>().map_err(|error| {
            self.failure.replace(Some(error));
            tlog_tiles::Error::InvalidInput("stored hashes".to_owned())
        })
    }
}

/// Where the hash of a leaf stands; those of the nodes that it completes follow, upwards.
pub(super) fn leaf_position(index: u64) -> u64 {
    stored_hash_index(0, index)
}
