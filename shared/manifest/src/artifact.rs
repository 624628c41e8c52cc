//! Artifacts: folders of files held in memory, as the fetcher stores them and the renderer reads them.

use std::collections::BTreeMap;

use model::{Digest, RetryClass};
use serde::{Deserialize, Serialize};

/// Most files in one artifact: four times a large monorepo folder, and still a small index.
pub const FILES_MAX: usize = 50_000;
/// Most bytes of contents in one artifact: it is held in memory, sealed and opened as a whole.
pub const BYTES_MAX: usize = 128 << 20;
/// Longest path, in bytes. Source: `PATH_MAX` of Linux is 4,096 with a folder in front.
pub const PATH_BYTES_MAX: usize = 1_024;

/// Says how a file is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileMode {
    /// A plain file.
    Regular,
    /// A file with the executable bit.
    Executable,
    /// A symbolic link; its contents are the target as text, not checked here.
    Symlink,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// How it is to be written.
    pub mode: FileMode,
    /// Its contents; of a link, the target.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// A folder of files by clean relative path (`deploy/web.yaml`).
///
/// It holds at most [`FILES_MAX`] files of [`BYTES_MAX`] bytes together, and no path that is the folder of
/// another, so that it can be written out under a folder without reaching outside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Artifact {
    files: BTreeMap<String, File>,
    bytes: usize,
}

/// Says why files are not an artifact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// A path that could reach outside the folder, or is no path at all.
    #[error("{0:?} is not a clean relative path")]
    UncleanPath(String),
    /// The path is there already, or is a folder of another, or the other way round.
    #[error("{0:?} stands twice, as a file and again as a file or folder")]
    PathTaken(String),
    /// More than [`FILES_MAX`] files.
    #[error("more than {FILES_MAX} files")]
    TooManyFiles,
    /// More than [`BYTES_MAX`] bytes.
    #[error("more than {BYTES_MAX} bytes")]
    TooLarge,
    /// The stored form cannot be read.
    #[error("the stored artifact cannot be read: {0}")]
    Undecodable(String),
}

impl ArtifactError {
    /// Always [`RetryClass::Permanent`]: the same files fail again.
    pub fn class(&self) -> RetryClass {
        RetryClass::Permanent
    }
}

impl Artifact {
    /// An artifact of these files.
    ///
    /// # Errors
    /// Permanent: a path is not clean or stands twice, or a bound is passed.
    pub fn from_files(files: impl IntoIterator<Item = (String, File)>) -> Result<Self, ArtifactError> {
        let mut artifact = Self::default();
        for (path, file) in files {
            artifact.insert(path, file)?;
        }
        Ok(artifact)
    }

    /// Adds one file.
    ///
    /// # Errors
    /// Permanent: as [`Artifact::from_files`].
    pub fn insert(&mut self, path: impl Into<String>, file: File) -> Result<(), ArtifactError> {
        let path = path.into();
        check_path(&path)?;
        if self.is_taken(&path) {
            return Err(ArtifactError::PathTaken(path));
        }
        if self.files.len() >= FILES_MAX {
            return Err(ArtifactError::TooManyFiles);
        }
        self.bytes = self
            .bytes
            .checked_add(file.bytes.len())
            .filter(|n| *n <= BYTES_MAX)
            .ok_or(ArtifactError::TooLarge)?;
        self.files.insert(path, file);
        Ok(())
    }

    fn is_taken(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        let below =
            self.files.range(folder.clone()..).next().is_some_and(|(other, _)| other.starts_with(&folder));
        let above = path.match_indices('/').any(|(at, _)| self.files.contains_key(&path[..at]));
        below || above || self.files.contains_key(path)
    }

    /// All files, by path.
    pub fn files(&self) -> &BTreeMap<String, File> {
        &self.files
    }

    /// The file at this path.
    pub fn get(&self, path: &str) -> Option<&File> {
        self.files.get(path)
    }

    /// Bytes of contents together.
    pub fn size(&self) -> usize {
        self.bytes
    }

    /// The artifact as bytes; equal artifacts give equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        rmp_serde::to_vec_named(&self.files).expect("a map of text and bytes always encodes")
    }

    /// Reads what [`Artifact::encode`] wrote.
    ///
    /// # Errors
    /// Permanent: the bytes are something else, or hold what [`Artifact::from_files`] refuses.
    pub fn decode(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let files: BTreeMap<String, File> =
            rmp_serde::from_slice(bytes).map_err(|error| ArtifactError::Undecodable(error.to_string()))?;
        Self::from_files(files)
    }

    /// Digest of paths, modes and contents; the artifact's identity, whatever its stored form.
    pub fn digest(&self) -> Digest {
        let parts = self.files.iter().flat_map(|(path, file)| {
            let mode: &[u8] = match file.mode {
                FileMode::Regular => b"f",
                FileMode::Executable => b"x",
                FileMode::Symlink => b"l",
            };
            [path.as_bytes(), mode, &file.bytes]
        });
        Digest::of_parts("artifact", parts)
    }
}

fn check_path(path: &str) -> Result<(), ArtifactError> {
    let plain = !path.contains(['\\', '\0']) && path.len() <= PATH_BYTES_MAX;
    let clean = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if plain && clean { Ok(()) } else { Err(ArtifactError::UncleanPath(path.chars().take(80).collect())) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(text: &str) -> File {
        File { mode: FileMode::Regular, bytes: text.into() }
    }

    #[test]
    fn only_clean_paths_get_in() {
        let long = "a".repeat(PATH_BYTES_MAX + 1);
        for path in ["", "/etc/passwd", "..", "a/../b", "a//b", "./a", "a/", "a\\b", "a\0", &long] {
            let got = Artifact::default().insert(path, file("x"));
            assert!(matches!(got, Err(ArtifactError::UncleanPath(_))), "{path:?}");
        }
        for path in ["a", "a/b.yaml", ".hidden", "a..b", "ä/ö", &long[1..]] {
            assert_eq!(Artifact::default().insert(path, file("x")), Ok(()), "{path:?}");
        }
    }

    #[test]
    fn a_file_is_no_folder() {
        for (first, second) in [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a"), ("a", "a")] {
            let mut artifact = Artifact::default();
            artifact.insert("a!", file("")).unwrap();
            artifact.insert(first, file("")).unwrap();
            assert_eq!(artifact.insert(second, file("")), Err(ArtifactError::PathTaken(second.into())));
        }
    }

    #[test]
    fn a_stored_form_cannot_smuggle_a_path_in() {
        let files = BTreeMap::from([("../x", file("x"))]);
        let stored = rmp_serde::to_vec_named(&files).unwrap();
        assert_eq!(Artifact::decode(&stored), Err(ArtifactError::UncleanPath("../x".into())));
        assert!(matches!(Artifact::decode(b"nonsense"), Err(ArtifactError::Undecodable(_))));
    }

    #[test]
    fn size_is_bounded() {
        let mut artifact = Artifact::default();
        let half = File { mode: FileMode::Regular, bytes: vec![0; BYTES_MAX / 2] };
        artifact.insert("a", half.clone()).unwrap();
        artifact.insert("b", half).unwrap();
        assert_eq!(artifact.insert("c", file("x")), Err(ArtifactError::TooLarge));
    }

    proptest! {
        #[test]
        fn round_trips_and_order_of_insertion_never_matters(
            files in prop::collection::btree_map("[a-c]{1,2}\\.y", prop::collection::vec(any::<u8>(), 0..8), 0..6),
        ) {
            let one = |(path, bytes): (&String, &Vec<u8>)| {
                (path.clone(), File { mode: FileMode::Executable, bytes: bytes.clone() })
            };
            let forward = Artifact::from_files(files.iter().map(one)).unwrap();
            let backward = Artifact::from_files(files.iter().rev().map(one)).unwrap();
            prop_assert_eq!(forward.encode(), backward.encode());
            prop_assert_eq!(forward.digest(), backward.digest());
            prop_assert_eq!(Artifact::decode(&forward.encode()).unwrap(), forward);
        }

        #[test]
        fn digest_sees_path_mode_and_contents(bytes in prop::collection::vec(any::<u8>(), 0..8)) {
            let one = |path: &str, mode| {
                Artifact::from_files([(path.to_owned(), File { mode, bytes: bytes.clone() })]).unwrap().digest()
            };
            prop_assert_ne!(one("a", FileMode::Regular), one("b", FileMode::Regular));
            prop_assert_ne!(one("a", FileMode::Regular), one("a", FileMode::Executable));
            prop_assert_ne!(one("a", FileMode::Regular), one("a", FileMode::Symlink));
        }
    }
}
