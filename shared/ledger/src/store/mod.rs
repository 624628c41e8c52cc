//! The store: one file, one process, and batches that are on the disk when they are acknowledged.

mod anchor;
mod append;
mod audit;
mod body;
#[cfg(test)]
mod broken_rows;
mod checkpoints;
mod door;
mod entry;
mod error;
#[cfg(test)]
mod failing_disk;
mod file;
#[cfg(test)]
mod flipped_bytes;
mod guard;
mod keys;
mod layout;
mod open_error;
mod publish;
mod query;
mod record;
mod span;
mod times;
mod tree;
mod view;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use model::Timestamp;
use redb::ReadableDatabase as _;

pub use audit::{AuditError, Facts, Progress, Rules};
pub use checkpoints::StoredCheckpoint;
pub use door::Door;
pub use entry::{
    Appended, BODY_BYTES_MAX, Batch, Body, Dimension, Entry, KEY_BYTES_MAX, Key, LEAF_BYTES_MAX, Origin,
    StoredEntry,
};
pub use error::{AppendError, Cause, ReadError, SignError};
pub use open_error::OpenError;
pub use publish::{PublishError, Published};
pub use query::{Order, Window};
pub use span::Span;
pub use view::View;

use crate::SigningKey;
use file::{File, Opener, ReadOnlyOpener};
use guard::guarded;

/// How the file is used.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Memory for pages of the file. Keys are written all over their table, so that the more of it is in memory, the
    /// less is read for a batch.
    pub cache_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cache_bytes: 64 * 1024 * 1024 }
    }
}

/// The ledger of this process: what is appended stays.
pub struct Ledger {
    file: File,
    folder: PathBuf,
}

impl Ledger {
    /// Opens the ledger in a folder, which is made if it is not there. One process has it at a time.
    ///
    /// # Errors
    /// Permanent: another process has it, a newer version wrote it, it is older than what it signed, or the file
    /// cannot be used.
    pub fn open(folder: &Path, settings: &Settings) -> Result<Self, OpenError> {
        Self::over(folder, file::opener(settings.cache_bytes))
    }

    fn over(folder: &Path, opener: Opener) -> Result<Self, OpenError> {
        let ledger = guarded(|| File::open(folder, opener).map_err(Opening::Refused))
            .map(|file| Self { file, folder: folder.to_owned() })
            .map_err(|opening| opening.of(folder))?;
        check_opened(folder, || ledger.view())?;
        Ok(ledger)
    }

    /// Appends a batch: all of it is on the disk when this returns, or nothing is. Entries that are stored already
    /// are skipped: those of an incarnation of the event log at or below the last sequence stored from it.
    ///
    /// # Errors
    /// Permanent: a leaf, a key or a body is too large, or the file is broken. Bug: a body has another digest, or the
    /// batch goes backwards. Transient: the disk failed; append the same batch again.
    pub fn append(&self, batch: &Batch) -> Result<Appended, AppendError> {
        append::check(batch)?;
        self.file.write(|write| append::append(write, batch)).unwrap_or_else(|error| Err(error.into()))
    }

    /// Signs and stores a checkpoint over all entries; `None` if there are none since the last one.
    ///
    /// # Errors
    /// Permanent: the ledger was signed under another name, or the file is broken. Transient: the disk failed.
    pub fn sign_checkpoint(
        &self,
        key: &SigningKey,
        now: Timestamp,
    ) -> Result<Option<StoredCheckpoint>, SignError> {
        self.file
            .write(|write| checkpoints::sign(write, (&self.folder, key), now))
            .unwrap_or_else(|error| Err(error.into()))
    }

    /// The state as it is now, for any number of questions. It ends with the ledger, and with a disk that fails.
    ///
    /// # Errors
    /// Transient: the disk failed. Permanent: the file is broken.
    pub fn view(&self) -> Result<View, ReadError> {
        View::of(self.file.read().map_err(ReadError::Unavailable)?)
    }
}

/// Why a file was not opened.
enum Opening {
    Refused(OpenError),
    Broken(redb::Error),
}

impl From<redb::Error> for Opening {
    fn from(error: redb::Error) -> Self {
        Self::Broken(error)
    }
}

impl Opening {
    fn of(self, folder: &Path) -> OpenError {
        match self {
            Self::Refused(error) => error,
            Self::Broken(error) => OpenError::Storage { folder: folder.to_owned(), cause: Arc::new(error) },
        }
    }
}

/// Looks at what was opened: it can be read, and it is not older than what was signed.
fn check_opened(folder: &Path, view: impl FnOnce() -> Result<View, ReadError>) -> Result<(), OpenError> {
    let checked = guarded(|| Ok::<_, ReadError>(anchor::check(folder, &view()?)));
    checked
        .unwrap_or_else(|error| Err(OpenError::Storage { folder: folder.to_owned(), cause: Arc::new(error) }))
}

/// The ledger of a platform that does not run: it can only be read.
pub struct Archive {
    database: redb::ReadOnlyDatabase,
}

impl Archive {
    /// Opens the ledger in a folder for reading; several processes may.
    ///
    /// # Errors
    /// Permanent: there is none, a process writes to it, or the file cannot be used.
    pub fn open(folder: &Path, settings: &Settings) -> Result<Self, OpenError> {
        Self::over(folder, &file::read_only_opener(settings.cache_bytes))
    }

    fn over(folder: &Path, opener: &ReadOnlyOpener) -> Result<Self, OpenError> {
        let opened = guarded(|| file::open_read_only(folder, opener).map_err(Opening::Refused));
        let archive = Self { database: opened.map_err(|opening| opening.of(folder))? };
        check_opened(folder, || archive.view())?;
        Ok(archive)
    }

    /// The state, for any number of questions.
    ///
    /// # Errors
    /// Transient: the disk failed. Permanent: the file is broken.
    pub fn view(&self) -> Result<View, ReadError> {
        View::of(self.database.begin_read()?)
    }
}
