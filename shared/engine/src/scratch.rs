//! Temporary folders: private, removed afterwards, and after a kill by the next process.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink},
    path::{Path, PathBuf},
};

use manifest::{Artifact, FileMode};
use tempfile::TempDir;

use crate::{EngineError, links};

/// A process's own folder within the one that all share. Holding its lock tells others that it is in use.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: TempDir,
    lock: File,
}

const LOCK: &str = "lock";

impl Scratch {
    /// Makes a folder within `parent`, after removing those that dead processes left there.
    pub fn create(parent: &Path) -> Result<Self, EngineError> {
        Self::try_create(parent).map_err(|source| EngineError::Scratch { act: "make a folder for", source })
    }

    fn try_create(parent: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        sweep(parent)?;
        let folder = TempDir::with_prefix_in("engine-", parent)?;
        let lock = File::create(folder.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self { folder, lock })
    }

    /// A new folder that is removed when dropped. Mode 0700, as its parent.
    pub fn folder(&self) -> io::Result<TempDir> {
        TempDir::with_prefix_in("render-", self.folder.path())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Said in words: a child process between its fork and its exec shares the lock.
        let _ = self.lock.unlock();
    }
}

fn sweep(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        let ours = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("engine-"));
        // A folder without its lock yet belongs to a process that is just starting.
        let Some(lock) = ours.then(|| File::open(path.join(LOCK)).ok()).flatten() else { continue };
        if lock.try_lock().is_ok() {
            // Another process may be sweeping as well.
            let _ = fs::remove_dir_all(&path);
        }
    }
    Ok(())
}

/// Writes an artifact below `root`, which must be empty. No link leads out, and none is written through:
/// links come last.
pub(crate) fn unpack(artifact: &Artifact, root: &Path) -> Result<(), EngineError> {
    links::check(artifact)?;
    try_unpack(artifact, root).map_err(|source| EngineError::Scratch { act: "write", source })
}

fn try_unpack(artifact: &Artifact, root: &Path) -> io::Result<()> {
    let (links, files): (Vec<_>, Vec<_>) =
        artifact.files().iter().partition(|(_, file)| file.mode == FileMode::Symlink);
    for (path, file) in files {
        let mode = if file.mode == FileMode::Executable { 0o700 } else { 0o600 };
        write(&parented(root, path)?, &file.bytes, mode)?;
    }
    for (path, link) in links {
        let target = std::str::from_utf8(&link.bytes).map_err(io::Error::other)?;
        symlink(target, parented(root, path)?)?;
    }
    Ok(())
}

/// Writes a new private file.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)
}

/// The path below `root`, with its folders made.
fn parented(root: &Path, path: &str) -> io::Result<PathBuf> {
    let path = root.join(path);
    let parent = path.parent().unwrap_or(root);
    DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use manifest::File as Item;

    use super::*;

    #[test]
    fn only_folders_of_dead_processes_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let alive = Scratch::create(parent.path()).unwrap();
        let dead = parent.path().join("engine-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        fs::write(dead.join("secret"), "").unwrap();
        let foreign = parent.path().join("other");
        fs::create_dir(&foreign).unwrap();
        let second = Scratch::create(parent.path()).unwrap();
        assert!(!dead.exists() && foreign.exists() && alive.folder.path().exists());
        let folder = second.folder().unwrap().path().to_owned();
        assert!(!folder.exists());
    }

    #[test]
    fn artifacts_are_written_privately_with_modes_and_links() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let item = |mode, text: &str| Item { mode, bytes: text.into() };
        let artifact = Artifact::from_files([
            ("a/x".to_owned(), item(FileMode::Executable, "1")),
            ("a/y".to_owned(), item(FileMode::Regular, "2")),
            ("b/l".to_owned(), item(FileMode::Symlink, "../a/y")),
        ])
        .unwrap();
        unpack(&artifact, root.path()).unwrap();
        let mode = |path: &str| fs::metadata(root.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("a"), mode("a/x"), mode("a/y")), (0o700, 0o700, 0o600));
        assert_eq!(fs::read_to_string(root.path().join("b/l")).unwrap(), "2");
        let out = Artifact::from_files([("l".to_owned(), item(FileMode::Symlink, "/etc/passwd"))]).unwrap();
        assert_eq!(unpack(&out, root.path()).unwrap_err().code(), "RENDER-LINK");
    }
}
