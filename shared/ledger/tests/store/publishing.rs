//! Published copies, and what their verifier says.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use ledger::{
    Ledger, PublishError,
    verify::{CopyError, ReadTile, verify_directory},
};

use crate::samples::*;

struct Folder(PathBuf);

impl ReadTile for Folder {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.0.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn check(copy: &Path) -> Result<u64, CopyError> {
    verify_directory(&Folder(copy.to_owned()), &trusted(), |_| {}).map(|checkpoint| checkpoint.size())
}

/// All files of a copy.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            drop(found.insert(path.clone(), fs::read(path).unwrap()))
        }
    }
    found
}

fn grow(ledger: &Ledger, to: u64) {
    let from = ledger.view().unwrap().size();
    ledger.append(&batch((from..to).map(plain))).unwrap();
    ledger.sign_checkpoint(&key(), at(to as i64)).unwrap().unwrap();
}

#[test]
fn a_copy_grows_with_the_ledger() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ledger = open(folder.path());
    assert_eq!(ledger.view().unwrap().publish(copy.path()).unwrap().files, 0);
    assert!(matches!(check(copy.path()), Err(CopyError::Missing { .. })));
    for (size, written) in [(1, 3), (255, 3), (256, 4), (257, 3), (600, 6), (70_000, 0)] {
        grow(&ledger, size);
        let published = ledger.view().unwrap().publish(copy.path()).unwrap();
        assert_eq!(published.size, size);
        assert!(published.files == written || written == 0, "{size}: {}", published.files);
        assert_eq!(check(copy.path()).unwrap(), size);
        assert_eq!(ledger.view().unwrap().publish(copy.path()).unwrap().files, 0, "nothing is new");
    }
    // What the specification says of a tree of size 70,000.
    for (path, bytes) in [
        ("tile/0/272", 256 * 32),
        ("tile/0/273.p/112", 112 * 32),
        ("tile/1/000", 256 * 32),
        ("tile/1/001.p/17", 17 * 32),
        ("tile/2/000.p/1", 32),
    ] {
        assert_eq!(fs::metadata(copy.path().join(path)).unwrap().len(), bytes, "{path}");
    }
    // 273 full bundles and tiles, one of 256 full ones above, a narrow one of each, one at the top, the checkpoint: what
    // was published on the way is gone.
    assert_eq!(files(copy.path()).len(), 2 * 274 + 2 + 1 + 1);
}

#[test]
fn an_older_checkpoint_can_be_walked_over_newer_tiles() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ledger = open(folder.path());
    grow(&ledger, 100);
    ledger.view().unwrap().publish(copy.path()).unwrap();
    let old = fs::read(copy.path().join("checkpoint")).unwrap();
    grow(&ledger, 300);
    ledger.view().unwrap().publish(copy.path()).unwrap();
    fs::write(copy.path().join("checkpoint"), old).unwrap();
    assert!(!copy.path().join("tile/0/000.p").exists(), "the narrow tile is gone");
    assert_eq!(check(copy.path()).unwrap(), 100);
}

#[test]
fn a_copy_of_another_ledger_is_not_written_to() {
    let (folder, other, copy) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ledger, other) = (open(folder.path()), open(other.path()));
    grow(&ledger, 10);
    ledger.view().unwrap().publish(copy.path()).unwrap();
    let before = files(copy.path());
    grow(&other, 5);
    let shorter = other.view().unwrap().publish(copy.path()).unwrap_err();
    assert!(matches!(shorter, PublishError::Foreign { size: 10, .. }), "{shorter}");
    let mut entries: Vec<_> = (5..20).map(plain).collect();
    entries[0].leaf = "0|sequence=other".into();
    other.append(&batch(entries)).unwrap();
    other.sign_checkpoint(&key(), at(0)).unwrap();
    assert!(matches!(
        other.view().unwrap().publish(copy.path()),
        Err(PublishError::Foreign { size: 10, .. })
    ));
    assert_eq!(files(copy.path()), before);
}

#[test]
fn sound_tiles_under_the_checkpoint_of_another_tree_are_found() {
    let (folder, other, copy) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ledger, other) = (open(folder.path()), open(other.path()));
    grow(&ledger, 10);
    ledger.view().unwrap().publish(copy.path()).unwrap();
    other.append(&batch((10..20).map(plain))).unwrap();
    let signed = other.sign_checkpoint(&key(), at(0)).unwrap().unwrap();
    fs::write(copy.path().join("checkpoint"), signed.checkpoint.as_str()).unwrap();
    assert!(matches!(check(copy.path()), Err(CopyError::Root { size: 10 })));
}

/// Each byte of each file that the checkpoint needs, changed, is found; so is each missing file.
#[test]
fn every_change_of_a_copy_is_found() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ledger = open(folder.path());
    grow(&ledger, 260);
    ledger.view().unwrap().publish(copy.path()).unwrap();
    for (path, bytes) in files(copy.path()) {
        // Signatures cost milliseconds without optimisation.
        for i in (0..bytes.len()).step_by((bytes.len() / 40).max(1)) {
            let mut broken = bytes.clone();
            broken[i] ^= 1 << (i % 8);
            fs::write(&path, &broken).unwrap();
            assert!(check(copy.path()).is_err(), "{} {i}", path.display());
        }
        for broken in [&bytes[..bytes.len() - 1], &[bytes.as_slice(), b"x"].concat()] {
            fs::write(&path, broken).unwrap();
            assert!(check(copy.path()).is_err(), "{}", path.display());
        }
        fs::remove_file(&path).unwrap();
        assert!(matches!(check(copy.path()), Err(CopyError::Missing { .. })));
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(check(copy.path()).unwrap(), 260);
}
