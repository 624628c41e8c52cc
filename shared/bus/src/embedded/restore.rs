//! Filling a log from an archive: in a folder beside its own, which takes its place when it is whole.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use events::Event;

use super::{EmbeddedLog, append, store::Store};
use crate::{
    BlobError, Cause, EmbeddedConfig, Log, OpenError,
    archive::{Contents, RestoreError},
};

/// A log that is not there yet.
pub(crate) struct Restoring {
    log: EmbeddedLog,
    folder: PathBuf,
    building: PathBuf,
    newest: u64,
}

impl Restoring {
    pub(crate) async fn begin(config: EmbeddedConfig, contents: &Contents) -> Result<Self, RestoreError> {
        let folder = config.folder;
        let newest = contents.newest;
        let identity = contents.restored();
        let building = beside(&folder);
        let (place, beside) = (folder.clone(), building.clone());
        let begun = tokio::task::spawn_blocking(move || {
            check_free(&place)?;
            Store::create(&beside, &identity).map_err(RestoreError::Open)
        });
        let store = begun.await.unwrap_or_else(|error| Err(RestoreError::Store(Arc::new(error))))?;
        let log = EmbeddedLog::over(store, config.retired_ttl);
        Ok(Self { log, folder, building, newest })
    }

    /// Stores what follows.
    pub(crate) async fn store(&mut self, events: Vec<Event>) -> Result<(), Cause> {
        let expires = super::now().plus(self.log.retired_ttl);
        let stored = self.log.writer.submit(move |write, stored| {
            for event in &events {
                append::restore(write, event, event.draft.kind.retires().then_some(expires))?;
            }
            stored.extend(events);
            Ok(())
        });
        stored.await
    }

    pub(crate) async fn put_blob(&self, bytes: bytes::Bytes) -> Result<(), BlobError> {
        self.log.put_blob(bytes).await.map(drop)
    }

    /// Puts the log in its place.
    pub(crate) async fn finish(self) -> Result<(), RestoreError> {
        let newest = self.newest;
        let reached = self.log.writer.submit(move |write, _| append::reach(write, newest));
        reached.await.map_err(RestoreError::Store)?;
        let Self { log, folder, building, .. } = self;
        let placed = tokio::task::spawn_blocking(move || {
            let failed = |error| storage(&folder, error);
            // Only an empty folder lets itself be replaced.
            fs::rename(&building, &folder).map_err(|error| {
                let full = [io::ErrorKind::DirectoryNotEmpty, io::ErrorKind::AlreadyExists];
                if full.contains(&error.kind()) { exists(&folder) } else { failed(error) }
            })?;
            // Until here it was locked, so that nobody else began anew in the folder that became this one.
            drop(log);
            let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = File::open(parent.unwrap_or(Path::new("."))).map_err(failed)?;
            parent.sync_all().map_err(failed)
        });
        placed.await.unwrap_or_else(|error| Err(RestoreError::Store(Arc::new(error))))
    }
}

fn beside(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().map_or_else(|| OsString::from("log"), OsString::from);
    name.push(".restoring");
    folder.with_file_name(name)
}

/// Whether nothing is lost by putting a log there.
pub(crate) fn check_free(folder: &Path) -> Result<(), RestoreError> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(storage(folder, error)),
        Ok(mut entries) => entries.next().map_or(Ok(()), |_| Err(exists(folder))),
    }
}

fn exists(folder: &Path) -> RestoreError {
    RestoreError::Exists { place: folder.display().to_string() }
}

fn storage(folder: &Path, error: io::Error) -> RestoreError {
    RestoreError::Open(OpenError::Storage { folder: folder.to_owned(), cause: Arc::new(error) })
}
