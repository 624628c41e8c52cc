//! The open file, and coming back after a failed disk.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use redb::{
    Builder, Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, StorageError,
    TableError, WriteTransaction,
};

use super::{
    error::{Cause, WriteError},
    guard::guarded,
    layout::*,
    open_error::OpenError,
};

/// The file of the ledger in its folder.
const FILE: &str = "ledger.redb";

/// How the file is opened; tests put a failing disk in its place.
pub(super) type Opener = Box<dyn Fn(&Path) -> Result<Database, DatabaseError> + Send + Sync>;

/// How the file is opened for reading alone.
pub(super) type ReadOnlyOpener = Box<dyn Fn(&Path) -> Result<ReadOnlyDatabase, DatabaseError>>;

/// What a write transaction came to.
pub(super) enum Step<T> {
    /// To be made durable.
    Commit(T),
    /// Nothing is to be written.
    Leave(T),
}

pub(super) struct File {
    path: PathBuf,
    opener: Opener,
    /// `None` after a failed disk, until it could be opened again.
    database: RwLock<Option<Database>>,
}

/// Says that the disk failed and the file could not be opened again yet.
#[derive(Debug, thiserror::Error)]
#[error("the ledger is closed after a failed write; it is opened again with the next append")]
struct Closed;

pub(super) fn opener(cache_bytes: usize) -> Opener {
    Box::new(move |path| Builder::new().set_cache_size(cache_bytes).create(path))
}

pub(super) fn read_only_opener(cache_bytes: usize) -> ReadOnlyOpener {
    Box::new(move |path| Builder::new().set_cache_size(cache_bytes).open_read_only(path))
}

/// Opens the file of a ledger that nobody writes to.
pub(super) fn open_read_only(folder: &Path, opener: &ReadOnlyOpener) -> Result<ReadOnlyDatabase, OpenError> {
    let database = opener(&folder.join(FILE));
    if let Err(DatabaseError::Storage(StorageError::Io(error))) = &database
        && error.kind() == io::ErrorKind::NotFound
    {
        return Err(OpenError::Missing { folder: folder.to_owned() });
    }
    let database = database.map_err(|error| refused(folder, error))?;
    let read = database.begin_read().map_err(|error| broken(folder, error.into()))?;
    match layout(&read).map_err(|error| broken(folder, error))? {
        Some(found) => known(found)?,
        None => return Err(OpenError::Missing { folder: folder.to_owned() }),
    }
    Ok(database)
}

impl File {
    pub(super) fn open(folder: &Path, opener: Opener) -> Result<Self, OpenError> {
        create_private(folder)
            .map_err(|error| OpenError::Storage { folder: folder.to_owned(), cause: Arc::new(error) })?;
        let path = folder.join(FILE);
        let database = opener(&path).map_err(|error| refused(folder, error))?;
        known(prepare(&database).map_err(|error| broken(folder, error))?)?;
        Ok(Self { path, opener, database: RwLock::new(Some(database)) })
    }

    /// One consistent state.
    pub(super) fn read(&self) -> Result<ReadTransaction, Cause> {
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = guard.as_ref().ok_or_else(|| -> Cause { Arc::new(Closed) })?;
        database.begin_read().map_err(|error| -> Cause { Arc::new(error) })
    }

    /// Runs one write transaction, and commits it to the disk if that is what it came to.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<Step<T>, redb::Error>,
    ) -> Result<T, WriteError> {
        self.reopen_if_closed().map_err(WriteError::Unavailable)?;
        let outcome = {
            let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
            let database = guard.as_ref().ok_or_else(|| WriteError::Unavailable(Arc::new(Closed)))?;
            guarded(|| run(database, work))
        };
        outcome.map_err(|error| {
            tracing::error!(%error, "a write to the ledger failed; closing it");
            self.close();
            // At once, so that readers do not wait for the next append; if it fails, that one tries again.
            if let Err(cause) = self.reopen_if_closed() {
                tracing::error!(%cause, "the ledger could not be opened again");
            }
            if let redb::Error::Corrupted(what) = error {
                return WriteError::Broken(what);
            }
            WriteError::Unavailable(Arc::new(error))
        })
    }

    fn close(&self) {
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
        // After a failed fsync the kernel takes pages for clean that never reached the disk: make it forget
        // them, so that what is read from here on is what the disk has.
        let forget = std::fs::File::open(&self.path)
            .map(|file| rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed));
        if let Err(error) = forget {
            tracing::warn!(%error, "the page cache of the ledger could not be dropped");
        }
    }

    fn reopen_if_closed(&self) -> Result<(), Cause> {
        let mut guard = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if guard.is_none() {
            *guard = Some((self.opener)(&self.path).map_err(|error| -> Cause { Arc::new(error) })?);
            tracing::info!("the ledger is open again");
        }
        Ok(())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let database = self.database.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let closed = guarded(|| {
            drop(database);
            Ok::<_, redb::Error>(())
        });
        if let Err(error) = closed {
            tracing::error!(%error, "the ledger could not be closed");
        }
    }
}

fn run<T>(
    database: &Database,
    work: impl FnOnce(&WriteTransaction) -> Result<Step<T>, redb::Error>,
) -> Result<T, redb::Error> {
    let mut write = database.begin_write()?;
    // After a kill the file is open in milliseconds; without it, it is read as a whole: 8 s for 1.3 GB. Appending is
    // as fast.
    write.set_quick_repair(true);
    match work(&write)? {
        Step::Commit(value) => {
            write.commit()?;
            Ok(value)
        }
        Step::Leave(value) => {
            write.abort()?;
            Ok(value)
        }
    }
}

/// The layout of the file; a new one gets ours and all tables.
fn prepare(database: &Database) -> Result<u32, redb::Error> {
    if let Some(found) = layout(&database.begin_read()?)? {
        return Ok(found);
    }
    let write = database.begin_write()?;
    write.open_table(META)?.insert(LAYOUT_KEY, LAYOUT.to_be_bytes().as_slice())?;
    write.open_table(ENTRIES)?;
    write.open_table(HASHES)?;
    write.open_table(KEYS)?;
    write.open_table(TIMES)?;
    write.open_table(SPANS)?;
    write.open_table(CHECKPOINTS)?;
    write.open_table(BODIES)?;
    write.commit()?;
    Ok(LAYOUT)
}

fn layout(read: &ReadTransaction) -> Result<Option<u32>, redb::Error> {
    let meta = match read.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let bytes = meta.get(LAYOUT_KEY)?.and_then(|row| row.value().try_into().ok());
    let bytes = bytes.ok_or_else(|| corrupted("the layout of the ledger is unreadable"))?;
    Ok(Some(u32::from_be_bytes(bytes)))
}

fn known(found: u32) -> Result<(), OpenError> {
    if found == LAYOUT { Ok(()) } else { Err(OpenError::NewerLayout { found, known: LAYOUT }) }
}

fn refused(folder: &Path, error: DatabaseError) -> OpenError {
    let folder = folder.to_owned();
    if let DatabaseError::DatabaseAlreadyOpen = error {
        return OpenError::InUse { folder };
    }
    if let DatabaseError::RepairAborted = error {
        return OpenError::NotClosed { folder };
    }
    OpenError::Storage { folder, cause: Arc::new(error) }
}

fn broken(folder: &Path, error: redb::Error) -> OpenError {
    OpenError::Storage { folder: folder.to_owned(), cause: Arc::new(error) }
}

fn create_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
