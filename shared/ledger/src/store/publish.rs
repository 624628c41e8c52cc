//! Publishing: the signed tree as files that any server, object store or Git repository can carry.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use model::RetryClass;
use tlog_tiles::Tile;

use super::{
    error::ReadError,
    guard::guarded,
    layout::{ENTRIES, HASHES},
    tree::StoredHashes,
    view::View,
};
use crate::{
    Checkpoint,
    tile_path::{self, CHECKPOINT, HEIGHT, WIDTH},
};

/// Says why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The ledger cannot be read.
    #[error("the ledger could not be read")]
    Read(#[from] ReadError),
    /// A file of the copy cannot be read or written.
    #[error("{} could not be read or written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// What lies there is of another ledger, or of a state of this one that is lost.
    #[error("the copy in {} has {size} entries that are not those of this ledger", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// The size that the copy's checkpoint says; 0 if it cannot be read.
        size: u64,
    },
}

impl PublishError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        match self {
            Self::Read(error) => error.class(),
            Self::File { .. } => RetryClass::Transient,
            Self::Foreign { .. } => RetryClass::Permanent,
        }
    }
}

impl From<redb::Error> for PublishError {
    fn from(error: redb::Error) -> Self {
        Self::Read(error.into())
    }
}

/// What was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The size of the published tree.
    pub size: u64,
    /// How many files were written.
    pub files: u64,
}

impl View {
    /// Brings a folder to the newest checkpoint: what is new since the checkpoint that lies there is written, each
    /// file whole or not at all, and the checkpoint last.
    ///
    /// A narrow tile goes when the full one is there: readers of an older checkpoint take that one instead.
    ///
    /// Source: C2SP tlog-tiles, "APIs" and "Partial Tiles".
    ///
    /// # Errors
    /// Permanent: the folder holds another ledger, or ours is broken. Transient: a file could not be written.
    pub fn publish(&self, folder: &Path) -> Result<Published, PublishError> {
        guarded(|| {
            let old = self.published(folder)?;
            let Some(newest) = self.newest_checkpoint()?.filter(|newest| newest.checkpoint.size() > old)
            else {
                return Ok(Published { size: old, files: 0 });
            };
            let size = newest.checkpoint.size();
            let mut copy = Copy { folder, files: 0, full: Vec::new() };
            let hashes = self.table(HASHES)?;
            let stored = StoredHashes::new(&hashes);
            for tile in Tile::new_tiles(HEIGHT, old, size) {
                let (level, n, width) = (tile.level(), tile.level_index(), tile.width());
                copy.put_part(tile_path::tile(level, n, width), width, &stored.tile(&tile)?)?;
                if level == 0 {
                    copy.put_part(tile_path::entries(n, width), width, &self.bundle(n, width)?)?;
                }
            }
            copy.make_durable()?;
            copy.put(CHECKPOINT, newest.checkpoint.as_str().as_bytes())?;
            copy.drop_narrow()?;
            Ok(Published { size, files: copy.files })
        })
    }

    /// The size of what lies in the folder, which has to be a beginning of this ledger.
    fn published(&self, folder: &Path) -> Result<u64, PublishError> {
        let path = folder.join(CHECKPOINT);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(cause) => return Err(PublishError::File { path, cause }),
        };
        let foreign = |size| PublishError::Foreign { folder: folder.to_owned(), size };
        let text = String::from_utf8(text).map_err(|_| foreign(0))?;
        let checkpoint: Checkpoint = text.parse().map_err(|_| foreign(0))?;
        let size = checkpoint.size();
        if size > self.size() || self.root(size)? != checkpoint.root() {
            return Err(foreign(size));
        }
        Ok(size)
    }

    /// Entries as they are published: each behind its length.
    fn bundle(&self, n: u64, width: u32) -> Result<Vec<u8>, ReadError> {
        let first = n * u64::from(WIDTH);
        let mut bytes = Vec::new();
        for row in self.table(ENTRIES)?.range(first..first + u64::from(width))? {
            let (index, stored) = row?;
            let leaf = self.decode(index.value(), stored.value())?.leaf;
            let length = u16::try_from(leaf.len())
                .map_err(|_| ReadError::Broken(format!("the leaf of entry {} is too long", index.value())))?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&leaf);
        }
        Ok(bytes)
    }
}

/// The folder that is written to.
struct Copy<'a> {
    folder: &'a Path,
    files: u64,
    /// Paths of full tiles and bundles that were written.
    full: Vec<String>,
}

impl Copy<'_> {
    fn put_part(&mut self, path: String, width: u32, bytes: &[u8]) -> Result<(), PublishError> {
        self.put(&path, bytes)?;
        if width == WIDTH {
            self.full.push(path);
        }
        Ok(())
    }

    /// Else a copy that is published every second would have three files more each time.
    fn drop_narrow(&self) -> Result<(), PublishError> {
        for path in &self.full {
            let path = self.folder.join(format!("{path}.p"));
            match fs::remove_dir_all(&path) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                    return Err(PublishError::File { path, cause });
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), PublishError> {
        let path = self.folder.join(path);
        self.files += 1;
        write_whole(&path, bytes).map_err(|cause| PublishError::File { path, cause })
    }

    /// Files and folders reach the disk before the checkpoint that needs them: one call for all, since the first
    /// publication of a large ledger writes thousands.
    fn make_durable(&self) -> Result<(), PublishError> {
        let synced = File::open(self.folder).and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
        synced.map_err(|cause| PublishError::File { path: self.folder.to_owned(), cause })
    }
}

/// Writes beside the file and renames, so that nobody sees a part of it.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    drop(file);
    fs::rename(&beside, path)
}
