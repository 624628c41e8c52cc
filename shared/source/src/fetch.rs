//! A fetch: bounded in time and size, through gix, else through the git program.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{RecvTimeoutError, sync_channel},
    },
    time::{Duration, Instant},
};

use crate::{
    Limits, Mirror, SourceError,
    advertised::Difference,
    failure,
    git_program::{self, GitFailure},
    host_key,
    mirror::Core,
    repack,
    wire::{self, Wanted},
};

/// Time between two looks at the bounds: short against any fetch that could pass them.
const TICK: Duration = Duration::from_millis(50);

/// Time for an interrupted fetch to end before its thread is left behind.
const GRACE: Duration = Duration::from_secs(5);

/// Which program did the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The library.
    Gix,
    /// The git program, because the library could not.
    Git,
}

/// What a fetch brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    /// Whether any branch, tag or the default branch changed.
    pub changed: bool,
    /// Which program did the work.
    pub program: Program,
}

impl Mirror {
    /// Brings the mirror up to date: branches, tags, the default branch; what the server deleted is deleted.
    /// When nothing changed it costs one listing.
    ///
    /// # Errors
    /// Transient: `GIT-UNREACHABLE`, `GIT-TIMEOUT`, `GIT-BUSY`, `GIT-FETCH`, `GIT-CORRUPT`, `GIT-STORE`.
    /// Permanent: `GIT-AUTH`, `GIT-PROXY-AUTH`, `GIT-SECRET`, `GIT-NOT-FOUND`, `GIT-TLS`, `GIT-HOST-KEY`, `GIT-EMPTY`,
    /// `GIT-TOO-LARGE`.
    pub fn fetch(&self) -> Result<Fetched, SourceError> {
        let limits = self.limits;
        self.bounded(move |core, stop| {
            let (found, program) = refresh(core, stop)?;
            repack::if_due(core, limits.packs, stop);
            Ok(Fetched { changed: !found.is_none(), program })
        })
    }

    /// Fetches one commit by its id, which not every server allows.
    pub(crate) fn fetch_commit(&self, id: gix::ObjectId) -> Result<(), SourceError> {
        self.bounded(move |core, stop| {
            let repository = core.repository();
            pull(core, &repository, &Wanted::Commit(id), stop)?;
            let unpinned = wire::unpin_others(&repository, id);
            unpinned.map_err(|error| failure::of_mirror(&error, &core.remote.address))
        })
    }

    /// Runs work on a thread of its own, so that no transport, however stuck, holds the caller past the bound.
    /// A thread that does not end keeps the mirror busy: there is never more than one.
    fn bounded<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Core, &AtomicBool) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let url = || self.core.remote.address.shown.clone();
        if self.core.busy.swap(true, Ordering::AcqRel) {
            return Err(SourceError::Busy { url: url() });
        }
        let guard = BusyGuard(Arc::clone(&self.core));
        let stop = Arc::new(AtomicBool::new(false));
        let (send, receive) = sync_channel(1);
        let thread = std::thread::Builder::new().name("git-fetch".to_owned());
        let spawned = thread.spawn({
            let stop = Arc::clone(&stop);
            move || {
                let result = work(&guard.0, &stop);
                drop(guard);
                // The caller may have given up waiting.
                let _ = send.send(result);
            }
        });
        spawned.map_err(|error| crate::mirror::store("start a thread for", error))?;

        let watch = Watch::new(self.limits, &self.core.folder);
        loop {
            match receive.recv_timeout(TICK) {
                Ok(Err(_)) if stop.load(Ordering::Relaxed) => return Err(watch.passed(url())),
                Ok(result) => return result,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(SourceError::Fetch { url: url(), reason: "the fetch broke off".to_owned() });
                }
                Err(RecvTimeoutError::Timeout) if watch.is_over() => return Err(watch.passed(url())),
                Err(RecvTimeoutError::Timeout) => {
                    if watch.is_passed() {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            }
        }
    }
}

struct BusyGuard(Arc<Core>);

impl Drop for BusyGuard {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Release);
    }
}

/// Watches the bounds of one fetch.
struct Watch<'a> {
    limits: Limits,
    folder: &'a Path,
    bytes: u64,
    start: Instant,
}

impl<'a> Watch<'a> {
    fn new(limits: Limits, folder: &'a Path) -> Self {
        Self { limits, folder, bytes: pack_bytes(folder), start: Instant::now() }
    }

    fn is_too_large(&self) -> bool {
        pack_bytes(self.folder).saturating_sub(self.bytes) > self.limits.fetch_bytes
    }

    fn is_passed(&self) -> bool {
        self.start.elapsed() > self.limits.fetch || self.is_too_large()
    }

    fn is_over(&self) -> bool {
        self.start.elapsed() > self.limits.fetch + GRACE
    }

    fn passed(&self, url: String) -> SourceError {
        if self.start.elapsed() > self.limits.fetch {
            return SourceError::Timeout { url, seconds: self.limits.fetch.as_secs() };
        }
        SourceError::TooLarge {
            what: format!("the fetch of {url}"),
            limit: self.limits.fetch_bytes,
            unit: "bytes",
        }
    }
}

/// Bytes in the packs of the current and of the fresh repository, half-written ones included.
fn pack_bytes(folder: &Path) -> u64 {
    ["repository", "fresh"]
        .iter()
        .filter_map(|name| fs::read_dir(folder.join(name).join("objects/pack")).ok())
        .flatten()
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}

/// Fetches into the mirror; a damaged one is filled anew beside it and then replaced.
fn refresh(core: &Core, stop: &AtomicBool) -> Result<(Difference, Program), SourceError> {
    if !core.is_condemned() {
        match pull(core, &core.repository(), &Wanted::Everything, stop) {
            Err(SourceError::Corrupt { reason, url }) => {
                tracing::warn!(address = url, reason, "the mirror is damaged and is made anew");
            }
            result => return result,
        }
    }
    let fresh = core.init_fresh()?;
    let result = pull(core, &fresh, &Wanted::Everything, stop)?;
    core.adopt_fresh()?;
    Ok(result)
}

/// Asks gix, then the git program where gix has no conclusive answer.
fn pull(
    core: &Core,
    repository: &gix::Repository,
    wanted: &Wanted,
    stop: &AtomicBool,
) -> Result<(Difference, Program), SourceError> {
    let remote = &core.remote;
    if !remote.address.is_there() {
        return Err(SourceError::RepositoryNotFound { url: remote.address.shown.clone() });
    }
    let mut first = None;
    if !core.git_first.load(Ordering::Relaxed) {
        match wire::pull(repository, remote, wanted, stop) {
            Ok(found) => return Ok((found, Program::Gix)),
            Err(error) if failure::is_conclusive(&error) || stop.load(Ordering::Relaxed) => {
                return Err(error);
            }
            Err(error) => first = Some(error),
        }
    }
    match git_program::pull(repository, remote, wanted, stop) {
        Ok(found) => {
            if matches!(wanted, Wanted::Everything) {
                core.git_first.store(true, Ordering::Relaxed);
            }
            Ok((found, Program::Git))
        }
        Err(GitFailure::Missing) => {
            let url = remote.address.shown.clone();
            Err(first.unwrap_or(SourceError::Missing { url, program: "git" }))
        }
        Err(GitFailure::Failed(error)) => {
            core.git_first.store(false, Ordering::Relaxed);
            // Damage decides what happens next; otherwise the program's words are the plainer ones.
            let error = first.filter(|first| matches!(first, SourceError::Corrupt { .. })).unwrap_or(error);
            Err(host_key::explained(error, remote))
        }
    }
}
