//! Trees and files of a commit, read within bounds.

use std::sync::Arc;

use gix::{ObjectId, object::tree::EntryKind};
use manifest::{
    Artifact, ArtifactError, File, FileMode,
    artifact::{BYTES_MAX, FILES_MAX, PATH_BYTES_MAX},
};
use model::{Commit, TreeId};

use crate::{Mirror, SourceError, tree_path, trees::Folder};

/// Deepest folder: deeper trees are made, not written.
const DEPTH_MAX: usize = 64;

/// Most entries of trees looked at for one artifact, folders included: a few trees that name each other many
/// times unfold without end.
const ENTRIES_MAX: usize = 2 * FILES_MAX;

/// Something that an artifact leaves out or cannot use; people should see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// A submodule, by its path: its files are not part of the artifact.
    Submodule(String),
    /// A file, by its path, whose content lies in Git LFS: only the pointer is part of the artifact.
    LfsPointer(String),
}

/// Files of a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// The files, by path relative to the repository's root.
    pub artifact: Artifact,
    /// What is left out.
    pub notes: Vec<Note>,
}

/// An entry of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub kind: EntryKind,
    pub id: ObjectId,
}

/// A mirror at one commit, for one thread. What is asked of it is answered by one handle, and by trees that were
/// read before.
pub struct Snapshot {
    mirror: Mirror,
    repository: gix::Repository,
    commit: Commit,
    root: ObjectId,
}

impl Mirror {
    /// The mirror at a commit.
    ///
    /// # Errors
    /// `GIT-REF` (permanent) for an unknown commit, `GIT-CORRUPT` (transient).
    pub fn at(&self, commit: &Commit) -> Result<Snapshot, SourceError> {
        let repository = self.repository();
        let id = ObjectId::from_hex(commit.as_str().as_bytes()).map_err(|_| self.unknown(commit))?;
        let header = repository.try_find_header(id).map_err(|error| self.damaged(&error))?;
        if header.is_none_or(|header| header.kind() != gix::object::Kind::Commit) {
            return Err(self.unknown(commit));
        }
        let root = || -> gix::Result<ObjectId> { Ok(repository.find_commit(id)?.tree_id()?.detach()) };
        let root = root().map_err(|error| self.damaged(&error))?;
        Ok(Snapshot { mirror: self.clone(), repository, commit: commit.clone(), root })
    }

    fn unknown(&self, commit: &Commit) -> SourceError {
        SourceError::Reference {
            url: self.address().to_owned(),
            wanted: format!("commit {commit}"),
            known: "it may have been replaced by a forced push".to_owned(),
        }
    }
}

impl Snapshot {
    /// The commit.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// The tree of a folder: equal for equal contents, at whatever commit. `None`: there is no such folder. An
    /// empty path means the root.
    ///
    /// # Errors
    /// `GIT-PATH` (permanent) for a path that leads upwards, `GIT-CORRUPT` (transient).
    pub fn tree_id(&self, path: &str) -> Result<Option<TreeId>, SourceError> {
        let found = self.find(&tree_path::parse(path)?)?;
        let folder = found.filter(|found| found.kind == EntryKind::Tree);
        Ok(folder
            .map(|found| found.id.to_string().parse().expect("gix prints lower-case hexadecimal digits")))
    }

    /// Reads the files at and below each path. Symbolic links stay links, whatever they point to; the reader of
    /// the artifact decides. An empty path means the root.
    ///
    /// # Errors
    /// Permanent: `GIT-PATH`, `GIT-TREE` (hostile names), `GIT-TOO-LARGE`. Transient: `GIT-CORRUPT`.
    pub fn read(&self, paths: &[&str]) -> Result<Contents, SourceError> {
        let mut walk = Walk::new(self, Taking::Everything);
        for path in paths {
            let path = tree_path::parse(path)?;
            let found = self.find(&path)?;
            let found = found
                .ok_or_else(|| SourceError::Path { path: path.clone(), commit: self.commit.to_string() })?;
            walk.add(path, found)?;
        }
        Ok(walk.contents)
    }

    /// The entry at a path that was parsed already.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Found>, SourceError> {
        let mut found = Found { kind: EntryKind::Tree, id: self.root };
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if found.kind != EntryKind::Tree {
                return Ok(None);
            }
            match self.folder(found.id)?.get(name.as_bytes()) {
                Some(inner) => found = inner,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    fn folder(&self, id: ObjectId) -> Result<Arc<Folder>, SourceError> {
        let damaged = |error: gix::Error| self.mirror.damaged(&error);
        if let Some(folder) = self.mirror.core.trees.get(&id) {
            return Ok(folder);
        }
        let tree = self.repository.find_tree(id).map_err(damaged)?;
        let mut entries = Vec::new();
        for entry in tree.iter() {
            let entry = entry.map_err(damaged)?;
            let found = Found { kind: entry.mode().kind(), id: entry.object_id() };
            entries.push((entry.filename().to_vec().into_boxed_slice(), found));
        }
        Ok(self.mirror.core.trees.keep(id, Folder::new(entries)))
    }

    /// The content of a blob; `None` if it is larger than `bytes_max`.
    pub(crate) fn blob(&self, id: ObjectId, bytes_max: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let damaged = |error: gix::Error| self.mirror.damaged(&error);
        // The size is asked for first: unpacking is what a hostile object makes costly.
        if self.repository.find_header(id).map_err(damaged)?.size() > bytes_max {
            return Ok(None);
        }
        Ok(Some(self.repository.find_blob(id).map_err(damaged)?.take_data()))
    }

    /// The symbolic links at and below a path, with their targets.
    pub(crate) fn links(&self, path: String, found: Found) -> Result<Vec<(String, String)>, SourceError> {
        let mut walk = Walk::new(self, Taking::Links);
        walk.add(path, found)?;
        let links = walk.contents.artifact.files().iter();
        Ok(links.map(|(path, link)| (path.clone(), String::from_utf8_lossy(&link.bytes).into())).collect())
    }
}

/// What a walk takes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taking {
    Everything,
    Links,
}

/// Gathers files from trees; no recursion, because depth is the repository's choice.
struct Walk<'a> {
    snapshot: &'a Snapshot,
    contents: Contents,
    entries: usize,
    bytes: u64,
    open: Vec<(String, ObjectId)>,
    taking: Taking,
}

impl<'a> Walk<'a> {
    fn new(snapshot: &'a Snapshot, taking: Taking) -> Self {
        let contents = Contents::default();
        Self { snapshot, contents, entries: 0, bytes: 0, open: Vec::new(), taking }
    }

    fn add(&mut self, path: String, found: Found) -> Result<(), SourceError> {
        self.entry(path, found)?;
        while let Some((path, id)) = self.open.pop() {
            for (name, found) in self.list(&path, id)? {
                let inner = if path.is_empty() { name } else { format!("{path}/{name}") };
                self.entry(inner, found)?;
            }
        }
        self.contents.notes.sort();
        self.contents.notes.dedup();
        Ok(())
    }

    fn list(&self, path: &str, id: ObjectId) -> Result<Vec<(String, Found)>, SourceError> {
        let folder = self.snapshot.folder(id)?;
        let mut list = Vec::new();
        for (bytes, found) in folder.entries() {
            let name = String::from_utf8_lossy(bytes);
            let hostile = |reason| SourceError::Hostile {
                commit: self.snapshot.commit.to_string(),
                path: format!("{path}/{name}").chars().filter(|c| !c.is_control()).take(200).collect(),
                reason,
            };
            if name.as_bytes() != &**bytes {
                return Err(hostile("its name is not UTF-8"));
            }
            if let Some(reason) = tree_path::hostile_name(&name) {
                return Err(hostile(reason));
            }
            list.push((name.into_owned(), *found));
        }
        Ok(list)
    }

    fn entry(&mut self, path: String, found: Found) -> Result<(), SourceError> {
        self.entries += 1;
        self.bound("the number of files and folders", self.entries as u64, ENTRIES_MAX, "entries")?;
        self.bound("the depth of folders", path.split('/').count() as u64, DEPTH_MAX, "levels")?;
        self.bound("a path", path.len() as u64, PATH_BYTES_MAX, "bytes")?;
        match found.kind {
            EntryKind::Tree => self.open.push((path, found.id)),
            EntryKind::Commit => self.contents.notes.push(Note::Submodule(path)),
            EntryKind::Blob => self.file(path, found.id, FileMode::Regular)?,
            EntryKind::BlobExecutable => self.file(path, found.id, FileMode::Executable)?,
            EntryKind::Link => self.file(path, found.id, FileMode::Symlink)?,
        }
        Ok(())
    }

    fn file(&mut self, path: String, id: ObjectId, mode: FileMode) -> Result<(), SourceError> {
        if self.taking == Taking::Links && mode != FileMode::Symlink {
            return Ok(());
        }
        let left = (BYTES_MAX as u64).saturating_sub(self.bytes);
        let Some(bytes) = self.snapshot.blob(id, left)? else {
            return self.bound("the size of all files", u64::MAX, BYTES_MAX, "bytes");
        };
        self.bytes += bytes.len() as u64;
        if is_lfs_pointer(&bytes) {
            self.contents.notes.push(Note::LfsPointer(path.clone()));
        }
        let added = self.contents.artifact.insert(path.clone(), File { mode, bytes });
        added.or_else(|error| match error {
            // Two of the wanted paths overlap: the file is there already, from the same commit.
            ArtifactError::PathTaken(_) => Ok(()),
            ArtifactError::TooManyFiles => self.bound("the number of files", u64::MAX, FILES_MAX, "files"),
            ArtifactError::TooLarge => self.bound("the size of all files", u64::MAX, BYTES_MAX, "bytes"),
            ArtifactError::UncleanPath(path) | ArtifactError::Undecodable(path) => {
                Err(SourceError::Hostile {
                    commit: self.snapshot.commit.to_string(),
                    path,
                    reason: "its name is no clean path",
                })
            }
        })
    }

    fn bound(&self, what: &str, value: u64, limit: usize, unit: &'static str) -> Result<(), SourceError> {
        let limit = limit as u64;
        if value <= limit {
            return Ok(());
        }
        Err(SourceError::TooLarge {
            what: format!("{what} at commit {}", self.snapshot.commit.short()),
            limit,
            unit,
        })
    }
}

/// Source: the Git LFS specification, "The Pointer" (first line, under 1024 bytes).
fn is_lfs_pointer(bytes: &[u8]) -> bool {
    bytes.len() < 1024 && bytes.starts_with(b"version https://git-lfs.github.com/spec/v1\n")
}
