//! The open file: reads on threads of their own, and coming back after a failed disk.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, TryLockError},
};

use events::Event;
use redb::{Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase, WriteTransaction};
use tokio::sync::watch;

use super::{compact, folder, layout, layout::*, recent::Recent};
use crate::{Cause, LogPosition, OpenError, lineage::Identity};

/// Memory for pages of the file. The default of redb, 1 GiB, is more than everything else here needs; what is
/// written is read back at once and seldom later, and the system caches the file as well.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// The file of the log.
const FILE: &str = "log.redb";

/// How the file is opened; tests put a failing disk in its place.
pub(super) type Opener = Box<dyn Fn(&Path) -> Result<Database, DatabaseError> + Send + Sync>;

/// The open file and what everybody needs to know of it.
pub(super) struct Store {
    pub(super) identity: Identity,
    /// The newest committed sequence; wakes readers.
    pub(super) committed: watch::Sender<u64>,
    /// The newest committed events.
    pub(super) recent: RwLock<Recent>,
    path: PathBuf,
    opener: Opener,
    /// `None` after a failed disk, until it could be opened again.
    database: RwLock<Option<Database>>,
    _lock: File,
}

/// What a transaction did.
pub(super) struct Written {
    /// The newest sequence of the log behind it.
    pub(super) sequence: u64,
    /// The events that it stored, in order.
    pub(super) events: Vec<Event>,
}

/// Says that the disk failed and the file could not be opened again yet.
#[derive(Debug, thiserror::Error)]
#[error("the log is closed after a failed write; it is opened again with the next append")]
struct Closed;

pub(super) fn open_file(path: &Path) -> Result<Database, DatabaseError> {
    Builder::new().set_cache_size(CACHE_BYTES).create(path)
}

impl Store {
    pub(super) fn open(folder: &Path, opener: Opener) -> Result<Arc<Self>, OpenError> {
        let lock = folder::take(folder)?;
        Self::open_taken(folder, lock, opener, &Identity::fresh())
    }

    /// Creates the file of a log that is another one's copy, in place of one that is there.
    pub(super) fn create(folder: &Path, identity: &Identity) -> Result<Arc<Self>, OpenError> {
        let lock = folder::take(folder)?;
        match std::fs::remove_file(folder.join(FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(OpenError::Storage { folder: folder.to_owned(), cause: Arc::new(error) });
            }
            Ok(()) | Err(_) => {}
        }
        Self::open_taken(folder, lock, Box::new(open_file), identity)
    }

    /// Opens the file in a folder that is ours; a new one gets that identity.
    fn open_taken(
        folder: &Path,
        lock: File,
        opener: Opener,
        identity: &Identity,
    ) -> Result<Arc<Self>, OpenError> {
        let failed = |cause: Cause| OpenError::Storage { folder: folder.to_owned(), cause };
        let path = folder.join(FILE);
        let mut database = opener(&path).map_err(|error| failed(Arc::new(error)))?;
        compact::on_open(&mut database, &path);
        let facts = Facts::prepare(&database, identity).map_err(|error| failed(Arc::new(error)))?;
        if facts.layout > LAYOUT {
            return Err(OpenError::NewerLayout { found: facts.layout, known: LAYOUT });
        }
        Ok(Arc::new(Self {
            identity: facts.identity,
            committed: watch::Sender::new(facts.sequence),
            recent: RwLock::default(),
            path,
            opener,
            database: RwLock::new(Some(database)),
            _lock: lock,
        }))
    }

    pub(super) fn position(&self) -> LogPosition {
        LogPosition {
            incarnation: self.identity.incarnation.clone(),
            restoration: self.identity.lineage.newest(),
            sequence: *self.committed.borrow(),
        }
    }

    /// Reads one consistent state, on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, Cause> {
        let store = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            read(&store.database.read().unwrap_or_else(PoisonError::into_inner), work)
        });
        reading.await.unwrap_or_else(|error| Err(Arc::new(error)))
    }

    /// Reads a few pages, most often cached ones, where it is called: going to another thread and back costs many
    /// times as much. Only while the file is being compacted or opened anew it waits, on a thread that may block.
    pub(super) async fn peek<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, Cause> {
        match self.database.try_read() {
            Ok(guard) => return read(&guard, work),
            Err(TryLockError::Poisoned(guard)) => return read(&guard.into_inner(), work),
            Err(TryLockError::WouldBlock) => {}
        }
        self.read(work).await
    }

    /// Runs one write transaction and commits it to the disk.
    pub(super) fn write(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<Written, redb::Error>,
    ) -> Result<(), Cause> {
        self.reopen_if_closed()?;
        let outcome = {
            let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
            let database = guard.as_ref().ok_or_else(|| -> Cause { Arc::new(Closed) })?;
            commit(database, work)
        };
        match outcome {
            Ok(Written { sequence, events }) => {
                self.recent.write().unwrap_or_else(PoisonError::into_inner).add(events);
                self.committed.send_if_modified(|newest| std::mem::replace(newest, sequence) != sequence);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "a write to the log failed; closing it");
                self.close();
                // At once, so that readers do not wait for the next append; if it fails, that one tries again.
                if let Err(cause) = self.reopen_if_closed() {
                    tracing::error!(%cause, "the log could not be opened again");
                }
                Err(Arc::new(error))
            }
        }
    }

    /// Gives space back to the file system; readers wait meanwhile.
    pub(super) fn compact(&self) {
        let mut guard = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = guard.as_mut() {
            compact::now(database, &self.path);
        }
    }

    fn close(&self) {
        self.recent.write().unwrap_or_else(PoisonError::into_inner).forget();
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
        // After a failed fsync the kernel takes pages for clean that never reached the disk: make it forget
        // them, so that what is read from here on is what the disk has.
        let forget = File::open(&self.path)
            .map(|file| rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed));
        if let Err(error) = forget {
            tracing::warn!(%error, "the page cache of the log could not be dropped");
        }
    }

    fn reopen_if_closed(&self) -> Result<(), Cause> {
        let mut guard = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if guard.is_some() {
            return Ok(());
        }
        let database = (self.opener)(&self.path).map_err(|error| -> Cause { Arc::new(error) })?;
        let facts =
            Facts::prepare(&database, &self.identity).map_err(|error| -> Cause { Arc::new(error) })?;
        self.committed.send_replace(facts.sequence);
        *guard = Some(database);
        tracing::info!(sequence = facts.sequence, "the log is open again");
        Ok(())
    }
}

fn read<T>(
    database: &Option<Database>,
    work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
) -> Result<T, Cause> {
    let database = database.as_ref().ok_or_else(|| -> Cause { Arc::new(Closed) })?;
    let read = || work(&database.begin_read().map_err(redb::Error::from)?);
    read().map_err(|error| -> Cause { Arc::new(error) })
}

fn commit(
    database: &Database,
    work: impl FnOnce(&WriteTransaction) -> Result<Written, redb::Error>,
) -> Result<Written, redb::Error> {
    let write = database.begin_write()?;
    let written = work(&write)?;
    write.commit()?;
    Ok(written)
}

struct Facts {
    layout: u32,
    identity: Identity,
    sequence: u64,
}

impl Facts {
    /// Reads the facts of the log, and writes them first if the file is new.
    fn prepare(database: &Database, identity: &Identity) -> Result<Self, redb::Error> {
        if let Some(facts) = Self::read(database)? {
            return Ok(facts);
        }
        let write = database.begin_write()?;
        {
            let mut meta = write.open_table(META)?;
            meta.insert(LAYOUT_KEY, LAYOUT.to_be_bytes().as_slice())?;
            meta.insert(INCARNATION_KEY, identity.incarnation.as_bytes())?;
            meta.insert(RESTORATIONS_KEY, identity.lineage.to_string().as_bytes())?;
            meta.insert(SEQUENCE_KEY, 0_u64.to_be_bytes().as_slice())?;
            write.open_table(EVENTS)?;
            write.open_table(HEADS)?;
            write.open_table(VERSIONS)?;
            write.open_table(EXPIRING)?;
            write.open_table(FEED_ONLY)?;
            write.open_table(CONSUMERS)?;
            write.open_table(layout::BLOBS)?;
            write.open_table(layout::CHUNKS)?;
        }
        write.commit()?;
        Self::read(database)?.ok_or_else(|| redb::Error::Corrupted("the facts of the log are missing".into()))
    }

    fn read(database: &Database) -> Result<Option<Self>, redb::Error> {
        let meta = match database.begin_read()?.open_table(META) {
            Ok(meta) => meta,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let corrupted = |what: &str| redb::Error::Corrupted(format!("{what} of the log is unreadable"));
        let bytes = |key: &'static str| -> Result<Vec<u8>, redb::Error> {
            Ok(meta.get(key)?.ok_or_else(|| corrupted(key))?.value().to_vec())
        };
        let layout = bytes(LAYOUT_KEY)?.try_into().map_err(|_| corrupted(LAYOUT_KEY))?;
        let sequence = bytes(SEQUENCE_KEY)?.try_into().map_err(|_| corrupted(SEQUENCE_KEY))?;
        let text = |key: &'static str, bytes| String::from_utf8(bytes).map_err(|_| corrupted(key));
        let incarnation = text(INCARNATION_KEY, bytes(INCARNATION_KEY)?)?;
        let restorations = meta.get(RESTORATIONS_KEY)?.map(|row| row.value().to_vec()).unwrap_or_default();
        let lineage =
            text(RESTORATIONS_KEY, restorations)?.parse().map_err(|_| corrupted(RESTORATIONS_KEY))?;
        Ok(Some(Self {
            layout: u32::from_be_bytes(layout),
            identity: Identity { incarnation, lineage },
            sequence: u64::from_be_bytes(sequence),
        }))
    }
}
