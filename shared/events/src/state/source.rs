//! `source/<name>`, written by the fetcher.

use model::{Commit, Digest, Failure};
use serde::{Deserialize, Serialize};

use super::{Note, RequestId, State};
use crate::Table;

/// Most notes of one path: with 200 characters each, a page of 256 paths stays far below what a blob holds.
pub const NOTES_MAX: usize = 9;

/// What is known of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// Counts what was seen, from 1. It alone orders revisions: commits do not (force-push, revert).
    pub observation: u64,
    /// The last good revision.
    pub revision: Option<ObservedRevision>,
    /// Why the newest look failed; `None` if it did not.
    pub failure: Option<Failure>,
    /// Requests carried out, newest last, at most 32.
    pub handled: Vec<RequestId>,
}

impl State for SourceState {
    const FORMAT: u16 = 1;
}

/// A revision and the closures of all watched paths in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedRevision {
    /// The commit.
    pub commit: Commit,
    /// What resolved to it: `refs/heads/main`, `refs/tags/v1.4.2` or the commit itself.
    pub reference: String,
    /// Every path that an application reads, sorted.
    pub paths: Table<ObservedPath>,
    /// Digest of the address and reference that were looked at ([`Git::origin`](model::definition::Git::origin)); `None`:
    /// an older version did not tell. A source that is defined otherwise by now has not been seen.
    #[serde(default)]
    pub origin: Option<Digest>,
}

/// One path at one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedPath {
    /// The folder, relative to the root.
    pub path: String,
    /// What was found there.
    pub outcome: PathOutcome,
}

/// What was found at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathOutcome {
    /// A folder.
    Found {
        /// Digest of the folder and of all that it names outside itself.
        closure: Digest,
        /// Blob with the sealed artifact: all files of the closure.
        artifact: Digest,
        /// What a person should know: files that Git only points to. At most [`NOTES_MAX`].
        #[serde(default)]
        notes: Vec<Note>,
    },
    /// Nothing usable.
    Failed(Failure),
}
