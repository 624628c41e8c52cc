//! The mirrors of this process: one for each remote, opened when it is first visited.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use model::definition::Git;
use source::{Credentials, Mirror, SourceError};

use super::fault::Fault;
use crate::{
    Error,
    decide::{Effort, RemoteId, Visit},
};

/// Open mirrors. All calls may block.
pub struct Mirrors {
    folder: PathBuf,
    credentials: Credentials,
    open: Mutex<BTreeMap<RemoteId, Mirror>>,
}

impl Mirrors {
    pub fn new(folder: PathBuf, credentials: Credentials) -> Self {
        Self { folder, credentials, open: Mutex::default() }
    }

    fn open(&self, remote: RemoteId, git: &Git) -> Result<Mirror, SourceError> {
        if let Some(mirror) = self.handles().get(&remote) {
            return Ok(mirror.clone());
        }
        let mirror =
            Mirror::open_or_create(&self.folder.join(remote.to_string()), git, self.credentials.clone())?;
        self.handles().insert(remote, mirror.clone());
        Ok(mirror)
    }

    /// Closes and removes all others.
    pub fn keep_only(&self, named: &BTreeSet<RemoteId>) {
        self.handles().retain(|remote, _| named.contains(remote));
        let names: BTreeSet<String> = named.iter().map(RemoteId::to_string).collect();
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let folders = entries
            .flatten()
            .filter(|entry| !entry.file_name().to_str().is_some_and(|name| names.contains(name)));
        for folder in folders {
            match fs::remove_dir_all(folder.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(folder = %folder.path().display(), %error, "a mirror could not be removed");
                }
                Ok(()) | Err(_) => {}
            }
        }
    }

    fn handles(&self) -> std::sync::MutexGuard<'_, BTreeMap<RemoteId, Mirror>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the mirror of a visit and brings it up to date, if that is part of the visit.
pub async fn ready(mirrors: &Arc<Mirrors>, visit: &Visit) -> Result<Result<Mirror, Fault>, Error> {
    let Some(first) = visit.looks.first() else { return Ok(Err(Fault::nothing())) };
    let (mirrors, remote, effort) = (Arc::clone(mirrors), visit.remote, visit.effort);
    let git = first.source.git.clone();
    let work = move || -> Result<Mirror, SourceError> {
        let mirror = mirrors.open(remote, &git)?;
        match effort {
            Effort::Survey => {}
            Effort::Fetch => {
                mirror.fetch()?;
            }
        }
        Ok(mirror)
    };
    let mirror = tokio::task::spawn_blocking(work).await.map_err(Error::VisitDied)?;
    Ok(mirror.map_err(|error| Fault::of_source(&error)))
}
