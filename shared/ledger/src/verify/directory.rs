//! A published copy, walked from the first entry to the last.

use model::{Digest, RetryClass};
use tlog_tiles::{HASH_SIZE, Hash, record_hash};

use crate::{
    Checkpoint, CheckpointError, VerifierKey,
    merkle::{self, Frontier},
    tile_path::{self, CHECKPOINT, HEIGHT, WIDTH},
};

/// Reads published files, wherever they lie.
pub trait ReadTile {
    /// The file at that path below the copy's root; `None` if there is none.
    ///
    /// # Errors
    /// Transient: it could not be read.
    fn read(&self, path: &str) -> std::io::Result<Option<Vec<u8>>>;
}

/// Says why a published copy cannot be relied on.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A file could not be read.
    #[error("{path} could not be read")]
    Unreadable {
        /// Its path in the copy.
        path: String,
        /// What the reader said.
        #[source]
        cause: std::io::Error,
    },
    /// A file that the checkpoint needs is not there.
    #[error("{path} is missing")]
    Missing {
        /// Its path in the copy.
        path: String,
    },
    /// The checkpoint is not trusted.
    #[error("the checkpoint of the copy cannot be relied on")]
    Checkpoint(#[from] CheckpointError),
    /// A bundle does not hold the entries that it should.
    #[error("{path} does not hold whole entries; the first that is wrong is {index}")]
    Bundle {
        /// Its path in the copy.
        path: String,
        /// The first entry that cannot be read from it.
        index: u64,
    },
    /// A tile holds another hash than the entries have.
    #[error("{path} does not agree with the entries up to {index}")]
    Tile {
        /// Its path in the copy.
        path: String,
        /// The last entry below the first hash that is wrong.
        index: u64,
    },
    /// The entries have another root than the checkpoint says.
    #[error("the {size} entries do not have the root that the checkpoint says")]
    Root {
        /// The size of the tree.
        size: u64,
    },
}

impl CopyError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        match self {
            Self::Unreadable { .. } => RetryClass::Transient,
            Self::Missing { .. }
            | Self::Checkpoint(_)
            | Self::Bundle { .. }
            | Self::Tile { .. }
            | Self::Root { .. } => RetryClass::Permanent,
        }
    }
}

/// Checks a whole published copy: every entry is hashed, every tile and the root are computed anew, and the signature
/// is checked. It keeps one bundle and one tile of each level in memory, and tells how many entries are done.
///
/// Source: C2SP tlog-tiles, "Merkle Tree" and "Log entries".
///
/// # Errors
/// Transient: a file could not be read. Permanent: a file is missing or is not what the checkpoint says.
pub fn verify_directory(
    copy: &dyn ReadTile,
    keys: &[VerifierKey],
    mut progress: impl FnMut(u64),
) -> Result<Checkpoint, CopyError> {
    let text = read(copy, CHECKPOINT)?.ok_or_else(|| CopyError::Missing { path: CHECKPOINT.to_owned() })?;
    let text = String::from_utf8(text).map_err(|_| CheckpointError::Malformed)?;
    let checkpoint: Checkpoint = text.parse()?;
    checkpoint.check_signature(keys)?;
    let size = checkpoint.size();
    let mut walk = Walk { copy, size, tree: Frontier::default(), open: Vec::new() };
    while walk.tree.size() < size {
        walk.bundle()?;
        progress(walk.tree.size());
    }
    walk.partial_tiles()?;
    if walk.root() != checkpoint.root() {
        return Err(CopyError::Root { size });
    }
    Ok(checkpoint)
}

struct Walk<'a> {
    copy: &'a dyn ReadTile,
    size: u64,
    tree: Frontier,
    /// For each level the hashes of the tile that is not full yet, and the tile's number.
    open: Vec<(u64, Vec<Hash>)>,
}

impl Walk<'_> {
    fn root(&self) -> Digest {
        merkle::digest(self.tree.root())
    }

    fn bundle(&mut self) -> Result<(), CopyError> {
        let first = self.tree.size();
        let n = first / u64::from(WIDTH);
        let width = u32::try_from((self.size - first).min(u64::from(WIDTH))).unwrap_or(WIDTH);
        let (path, bytes) = part_or_full(self.copy, |width| tile_path::entries(n, width), width)?;
        let mut rest = bytes.as_slice();
        for index in first..first + u64::from(width) {
            let leaf =
                take_entry(&mut rest).ok_or_else(|| CopyError::Bundle { path: path.clone(), index })?;
            self.push(leaf)?;
        }
        // A full bundle that stands for a part goes on; a bundle of its own width ends here.
        if !rest.is_empty() && path == tile_path::entries(n, width) {
            return Err(CopyError::Bundle { path, index: first + u64::from(width) });
        }
        Ok(())
    }

    /// Adds a leaf to the tree and what it completes to the tiles: each eighth level is one of tiles.
    fn push(&mut self, leaf: &[u8]) -> Result<(), CopyError> {
        let completed = self.tree.push(record_hash(leaf));
        for (level, node) in completed.into_iter().step_by(usize::from(HEIGHT)).enumerate() {
            if self.open.len() == level {
                self.open.push((0, Vec::new()));
            }
            self.open[level].1.push(node);
            if self.open[level].1.len() == WIDTH as usize {
                self.compare(level)?;
                self.open[level].0 += 1;
                self.open[level].1.clear();
            }
        }
        Ok(())
    }

    fn partial_tiles(&self) -> Result<(), CopyError> {
        let mut unfinished = (0..self.open.len()).filter(|level| !self.open[*level].1.is_empty());
        unfinished.try_for_each(|level| self.compare(level))
    }

    fn compare(&self, level: usize) -> Result<(), CopyError> {
        let (n, hashes) = &self.open[level];
        let width = u32::try_from(hashes.len()).unwrap_or(WIDTH);
        let number = u8::try_from(level).unwrap_or(u8::MAX);
        let (path, bytes) = part_or_full(self.copy, |width| tile_path::tile(number, *n, width), width)?;
        let exact = bytes.len() == hashes.len() * HASH_SIZE || path != tile_path::tile(number, *n, width);
        let same = bytes.chunks(HASH_SIZE).zip(hashes).take_while(|(stored, hash)| *stored == hash.0).count();
        if same == hashes.len() && exact {
            return Ok(());
        }
        let span = 1_u64.checked_shl(u32::from(HEIGHT) * u32::from(number)).unwrap_or(u64::MAX);
        let node = n.saturating_mul(u64::from(WIDTH)).saturating_add(same as u64 + 1);
        Err(CopyError::Tile { path, index: node.saturating_mul(span).min(self.size) - 1 })
    }
}

/// The file of that width, or the full one, which replaces narrower ones in time.
fn part_or_full(
    copy: &dyn ReadTile,
    path: impl Fn(u32) -> String,
    width: u32,
) -> Result<(String, Vec<u8>), CopyError> {
    for width in [width, WIDTH] {
        let path = path(width);
        if let Some(bytes) = read(copy, &path)? {
            return Ok((path, bytes));
        }
    }
    Err(CopyError::Missing { path: path(width) })
}

fn read(copy: &dyn ReadTile, path: &str) -> Result<Option<Vec<u8>>, CopyError> {
    copy.read(path).map_err(|cause| CopyError::Unreadable { path: path.to_owned(), cause })
}

/// An entry: two bytes of length, the highest first, then so many bytes.
fn take_entry<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, behind) = rest.split_first_chunk::<2>()?;
    let (leaf, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = behind;
    Some(leaf)
}
