//! Packed charts on disk, by what they were locked to.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use model::Digest;
use tempfile::NamedTempFile;

/// Most bytes kept: thousands of usual charts.
const KEPT_BYTES_MAX: u64 = 512 << 20;

/// A private folder of packed charts; what was used least lately goes first.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    bytes_max: u64,
}

impl Cache {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), bytes_max: KEPT_BYTES_MAX }
    }

    /// What is kept under a key. A folder that cannot be read keeps nothing.
    pub fn get(&self, key: &Digest) -> Option<Vec<u8>> {
        let path = self.folder.join(key.to_string());
        let bytes = fs::read(&path).ok()?;
        // Only the order of leaving suffers if this fails.
        let _ = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(bytes)
    }

    /// Keeps bytes under a key. Failing costs only that they are fetched again.
    pub fn put(&self, key: &Digest, bytes: &[u8]) {
        if let Err(error) = self.try_put(key, bytes).and_then(|()| self.shrink()) {
            tracing::warn!(folder = %self.folder.display(), %error, "a packed chart could not be kept");
        }
    }

    fn try_put(&self, key: &Digest, bytes: &[u8]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let mut file = NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.persist(self.folder.join(key.to_string()))?;
        Ok(())
    }

    fn shrink(&self) -> io::Result<()> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let found = entry.metadata()?;
            kept.push((found.modified()?, found.len(), entry.path()));
        }
        kept.sort();
        let mut bytes: u64 = kept.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in kept {
            if bytes <= self.bytes_max {
                break;
            }
            fs::remove_file(path)?;
            bytes -= size;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_least_lately_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache { folder: folder.path().join("charts"), bytes_max: 20 };
        let keys = ["a", "b", "c"].map(|name| Digest::of(name.as_bytes()));
        assert_eq!(cache.get(&keys[0]), None);
        cache.put(&keys[0], &[1; 10]);
        cache.put(&keys[1], &[2; 10]);
        assert_eq!(cache.get(&keys[0]), Some(vec![1; 10]));
        cache.put(&keys[2], &[3; 10]);
        assert_eq!(keys.map(|key| cache.get(&key).is_some()), [true, false, true]);
    }
}
