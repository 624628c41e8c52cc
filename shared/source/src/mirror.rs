//! A bare mirror on disk: opened, locked, made anew when it is damaged.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use model::{Digest, definition::Git};

use crate::{Credentials, SourceError, address::Address, signature, trees::Trees, wire};

/// Bounds of a mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time for one fetch. Default 10 min: a first clone of 2 GiB at 4 MB/s.
    pub fetch: Duration,
    /// Bytes that one fetch may add to the disk. Default 4 GiB: the largest monorepos' histories.
    pub fetch_bytes: u64,
    /// Packs before the mirror is repacked. Each fetch leaves one and gix never repacks; lookups try every
    /// pack, and 50 keep them under a millisecond. Default 50.
    pub packs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { fetch: Duration::from_secs(600), fetch_bytes: 4 << 30, packs: 50 }
    }
}

/// The server's side: where it is and how to log in.
#[derive(Debug)]
pub(crate) struct Remote {
    pub git: Git,
    pub address: Address,
    pub credentials: Credentials,
}

/// A bare mirror of one remote. Cheap to clone; all clones are the same mirror.
///
/// One process owns its folder. Reading goes on while a fetch runs.
#[derive(Clone)]
pub struct Mirror {
    pub(crate) core: Arc<Core>,
    pub(crate) limits: Limits,
}

pub(crate) struct Core {
    pub folder: PathBuf,
    pub remote: Remote,
    /// Whether a fetch runs, perhaps one that was given up waiting for.
    pub busy: AtomicBool,
    /// Whether gix could not read this remote but the git program could.
    pub git_first: AtomicBool,
    condemned: AtomicBool,
    repository: RwLock<gix::ThreadSafeRepository>,
    pub trees: Trees,
    lock: File,
}

impl Mirror {
    /// Opens the mirror in `folder`, or makes an empty one; a damaged one, or one of another address, is made
    /// anew. Nothing is fetched yet. The folder gets mode 0700. `git.reference` plays no part.
    ///
    /// # Errors
    /// `GIT-ADDRESS` (permanent), `GIT-BUSY` (transient: another process owns the folder), `GIT-STORE`
    /// (transient).
    pub fn open_or_create(folder: &Path, git: &Git, credentials: Credentials) -> Result<Self, SourceError> {
        let address = Address::parse(git)?;
        let remote = Remote { git: git.clone(), address, credentials };
        let folder = std::path::absolute(folder).map_err(|error| store("find", error))?;
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|e| store("create", e))?;
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).map_err(|e| store("protect", e))?;
        let lock = lock(&folder, &remote)?;
        let core = Core {
            repository: RwLock::new(open(&folder, &remote)?),
            folder,
            remote,
            busy: AtomicBool::new(false),
            git_first: AtomicBool::new(false),
            condemned: AtomicBool::new(false),
            trees: Trees::default(),
            lock,
        };
        Ok(Self { core: Arc::new(core), limits: Limits::default() })
    }

    /// The same mirror under other bounds.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The address, without user info.
    pub fn address(&self) -> &str {
        &self.core.remote.address.shown
    }

    /// A handle for this thread.
    pub(crate) fn repository(&self) -> gix::Repository {
        self.core.repository()
    }
}

impl Core {
    pub fn repository(&self) -> gix::Repository {
        self.repository.read().unwrap_or_else(PoisonError::into_inner).to_thread_local()
    }

    /// Marks the mirror as damaged; the next fetch makes a new one beside it.
    pub fn condemn(&self) {
        self.condemned.store(true, Ordering::Relaxed);
    }

    pub fn is_condemned(&self) -> bool {
        self.condemned.load(Ordering::Relaxed)
    }

    /// An empty repository beside the current one, to be filled and then put in its place.
    pub fn init_fresh(&self) -> Result<gix::Repository, SourceError> {
        let path = self.folder.join("fresh");
        remove(&path)?;
        init(&path, &self.remote).map(|repository| repository.to_thread_local())
    }

    /// Puts the fresh repository in the place of the current one; readers keep what they have open.
    pub fn adopt_fresh(&self) -> Result<(), SourceError> {
        let (current, old) = (self.folder.join("repository"), self.folder.join("old"));
        remove(&old)?;
        fs::rename(&current, &old).map_err(|error| store("rename in", error))?;
        fs::rename(self.folder.join("fresh"), &current).map_err(|error| store("rename in", error))?;
        self.reopen()?;
        self.condemned.store(false, Ordering::Relaxed);
        remove(&old)
    }

    /// Forgets cached packs, after files on the disk were replaced.
    pub fn reopen(&self) -> Result<(), SourceError> {
        let fresh = open_existing(&self.folder.join("repository"), &self.remote)
            .map_err(|error| crate::failure::of_mirror(&error, &self.remote.address))?;
        *self.repository.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        // Said in words: a child process between its fork and its exec shares the lock and would keep it.
        let _ = self.lock.unlock();
    }
}

pub(crate) fn store(act: &'static str, source: io::Error) -> SourceError {
    SourceError::Store { act, source }
}

fn lock(folder: &Path, remote: &Remote) -> Result<File, SourceError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = options.open(folder.join("lock")).map_err(|error| store("open", error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(SourceError::Busy { url: remote.address.shown.clone() }),
        Err(fs::TryLockError::Error(error)) => Err(store("lock", error)),
    }
}

/// Opens what is there if it is whole and of this address, else makes an empty repository.
fn open(folder: &Path, remote: &Remote) -> Result<gix::ThreadSafeRepository, SourceError> {
    let path = folder.join("repository");
    for leftover in ["fresh", "old", signature::FOLDER] {
        remove(&folder.join(leftover))?;
    }
    // A digest, because an address may carry a token in its query.
    let mark = Digest::of(remote.git.url.as_bytes()).to_string();
    let mark_file = folder.join("address");
    if fs::read_to_string(&mark_file).is_ok_and(|found| found == mark) {
        sweep(&path).map_err(|error| store("clean", error))?;
        if let Ok(repository) = open_existing(&path, remote)
            && wire::held(&repository.to_thread_local()).is_ok()
        {
            return Ok(repository);
        }
        tracing::warn!(address = remote.address.shown, "the mirror is damaged and is made anew");
    }
    remove(&path)?;
    let repository = init(&path, remote)?;
    fs::write(&mark_file, mark).map_err(|error| store("mark", error))?;
    Ok(repository)
}

fn init(path: &Path, remote: &Remote) -> Result<gix::ThreadSafeRepository, SourceError> {
    let failed = |error: gix::Error| crate::failure::of_mirror(&error, &remote.address);
    gix::init_bare(path).map_err(failed)?;
    open_existing(path, remote).map_err(failed)
}

fn open_existing(path: &Path, remote: &Remote) -> gix::Result<gix::ThreadSafeRepository> {
    wire::open_options(&remote.git, &remote.address.url.scheme).open_path_as_is(true).open(path)
}

/// Removes what a killed process leaves: lock files and half-written packs. The folder's lock is held.
fn sweep(repository: &Path) -> io::Result<()> {
    let mut folders = vec![repository.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                folders.push(path);
            } else if is_leftover(&path) {
                fs::remove_file(&path)?;
            }
        }
    }
    Ok(())
}

fn is_leftover(path: &Path) -> bool {
    let in_packs = path.parent().is_some_and(|folder| folder.ends_with("objects/pack"));
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("lock" | "keep") => true,
        Some("pack" | "idx" | "rev" | "bitmap" | "mtimes") => false,
        Some(_) | None => in_packs,
    }
}

fn remove(path: &Path) -> Result<(), SourceError> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(store("remove from", error)),
    }
}
