//! The closure of a path: everything in the repository that rendering it can read.
//!
//! An unchanged closure means that nothing need be rendered, so it must never be too small. It is the Git tree
//! of the folder and of whatever its kustomizations and charts name outside it. Any doubt (a file that cannot
//! be read, a remote base, a field that is not known, a link that leads out) makes it the whole repository.

mod chart;
mod kustomization;
#[cfg(test)]
mod tests;
mod walk;

use std::cell::RefCell;

use gix::object::tree::EntryKind;
use model::Digest;

use crate::{Snapshot, SourceError, contents::Found, tree_path};

/// What rendering a path can read, and the digest of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    /// Digest over the sorted paths and object ids: equal if and only if the contents are.
    pub digest: Digest,
    /// Files and folders to read, sorted, none within another; one empty path is the whole repository. Paths
    /// that are named but missing are part of the digest, not of this list.
    pub roots: Vec<String>,
    /// Why it is the whole repository, if it is out of doubt; for people.
    pub doubt: Option<String>,
    /// Whether the folder's chart, if it is one, may need others.
    pub subcharts: Subcharts,
}

/// Whether a chart may depend on charts that are not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subcharts {
    /// It names none, or it is no chart.
    None,
    /// It names some, which may lie in the repository or in another place.
    Named,
}

/// What a path of a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A folder, by the id of its tree.
    Folder(String),
    /// A file, by the id of its content.
    File(String),
    /// A link or submodule, whose content lies elsewhere.
    Elsewhere,
}

/// The files of a repository at one commit. Paths are relative to its root, which is the empty path.
pub trait Files {
    /// What is at a path.
    fn find(&self, path: &str) -> Option<Entry>;
    /// The content of a file; `None` if there is none or it is too large.
    fn bytes(&self, path: &str) -> Option<Vec<u8>>;
    /// The symbolic links at and below a folder with their targets; `None` if there are too many entries.
    fn links(&self, folder: &str) -> Option<Vec<(String, String)>>;
}

/// Computes the closure of a folder. `values_files` are those of the application, relative to the folder.
/// `None`: there is no such folder. Pure: it depends on nothing but what `files` answers.
pub fn closure(files: &impl Files, folder: &str, values_files: &[String]) -> Option<Closure> {
    let Some(Entry::Folder(_)) = files.find(folder) else { return None };
    let subcharts = chart::subcharts(files, folder);
    Some(match walk::walk(files, folder, values_files) {
        Ok(parts) => Closure {
            digest: digest(&parts),
            roots: parts.into_iter().filter(|(_, id)| id != walk::ABSENT).map(|(path, _)| path).collect(),
            doubt: None,
            subcharts,
        },
        Err(doubt) => Closure { subcharts, ..whole(files, doubt) },
    })
}

fn whole(files: &impl Files, doubt: String) -> Closure {
    let id = match files.find("") {
        Some(Entry::Folder(id)) => id,
        Some(Entry::File(_) | Entry::Elsewhere) | None => walk::ABSENT.to_owned(),
    };
    Closure {
        digest: digest(&[(String::new(), id)]),
        roots: vec![String::new()],
        doubt: Some(doubt),
        subcharts: Subcharts::None,
    }
}

fn digest(parts: &[(String, String)]) -> Digest {
    Digest::of_parts("closure", parts.iter().flat_map(|(path, id)| [path.as_bytes(), id.as_bytes()]))
}

impl Snapshot {
    /// The closure of a path. `values_files` are those of the application, relative to the path.
    ///
    /// # Errors
    /// Permanent: `GIT-PATH` (no such folder). Transient: `GIT-CORRUPT`.
    pub fn closure(&self, path: &str, values_files: &[String]) -> Result<Closure, SourceError> {
        let path = tree_path::parse(path)?;
        let files = At { snapshot: self, failed: RefCell::default() };
        let found = closure(&files, &path, values_files);
        match files.failed.into_inner() {
            Some(error) => Err(error),
            None => found.ok_or_else(|| SourceError::Path { path, commit: self.commit().to_string() }),
        }
    }
}

/// Largest kustomization or chart file read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A snapshot. A failure is kept, so that damage is never taken for absence.
struct At<'a> {
    snapshot: &'a Snapshot,
    failed: RefCell<Option<SourceError>>,
}

impl At<'_> {
    fn look(&self, path: &str) -> Option<Found> {
        self.keep(self.snapshot.find(path)).flatten()
    }

    fn keep<T>(&self, result: Result<T, SourceError>) -> Option<T> {
        result.map_err(|error| self.failed.borrow_mut().get_or_insert(error).code()).ok()
    }
}

impl Files for At<'_> {
    fn find(&self, path: &str) -> Option<Entry> {
        let found = self.look(path)?;
        Some(match found.kind {
            EntryKind::Tree => Entry::Folder(found.id.to_string()),
            EntryKind::Blob => Entry::File(found.id.to_string()),
            // The mode is part of what a render sees.
            EntryKind::BlobExecutable => Entry::File(format!("{}x", found.id)),
            EntryKind::Link | EntryKind::Commit => Entry::Elsewhere,
        })
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let found = self.look(path)?;
        self.keep(self.snapshot.blob(found.id, FILE_BYTES_MAX)).flatten()
    }

    fn links(&self, folder: &str) -> Option<Vec<(String, String)>> {
        let found = self.look(folder)?;
        match self.snapshot.links(folder.to_owned(), found) {
            // A folder that cannot be an artifact is refused with its reason when it is read.
            Err(SourceError::TooLarge { .. } | SourceError::Hostile { .. }) => None,
            result => self.keep(result),
        }
    }
}
