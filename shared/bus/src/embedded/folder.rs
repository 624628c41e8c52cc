//! The state folder belongs to one process at a time.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::Path,
    sync::Arc,
};

use crate::OpenError;

/// Takes the folder: creates it if needed, locks it, and writes our process id into the lock file. The lock
/// is held as long as the file is.
pub(super) fn take(folder: &Path) -> Result<File, OpenError> {
    let failed = |error: io::Error| OpenError::Storage { folder: folder.to_owned(), cause: Arc::new(error) };
    create_private(folder).map_err(failed)?;
    let mut lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(folder.join("lock"))
        .map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(OpenError::InUse { folder: folder.to_owned(), holder: read_holder(&mut lock) });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    write_holder(&mut lock).map_err(failed)?;
    Ok(lock)
}

fn create_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    if folder.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

fn read_holder(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_holder(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}
