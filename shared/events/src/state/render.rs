//! `render/<application>/<parameters>`, written by the renderer.

use model::{Commit, Digest, Failure, SourceName};
use serde::{Deserialize, Serialize};

use super::State;
use crate::Content;

/// The desired state of an application under one set of parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderState {
    /// What the newest render, good or failed, was made from.
    pub made_from: RenderInputs,
    /// The last good desired state.
    pub desired: Option<DesiredState>,
    /// Why the newest render failed; `None` if it did not.
    pub failure: Option<Failure>,
}

impl State for RenderState {
    const FORMAT: u16 = 1;
}

/// Everything that a render depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderInputs {
    /// The source.
    pub source: SourceName,
    /// The source's observation that was rendered.
    pub observation: u64,
    /// Its commit.
    pub commit: Commit,
    /// Digest of the files; `None` if the path could not be read at that observation.
    pub closure: Option<Digest>,
    /// Names and versions of the programs that take part.
    pub engine: String,
    /// Install key that redacted the result.
    pub key_id: String,
}

/// A rendered desired state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredState {
    /// Digest of the canonical redacted manifests: equal means the same desired state.
    pub digest: Digest,
    /// Number of objects.
    pub objects: u32,
    /// The canonical redacted manifests, encoded.
    pub manifests: Content,
    /// Blob with the sealed secret values; `None` if there are none.
    pub secrets: Option<Digest>,
    /// The revision that it was first rendered from.
    pub commit: Commit,
    /// That revision's observation.
    pub observation: u64,
    /// What a person should know: objects set aside, YAML that others read otherwise.
    pub notes: Vec<Note>,
}

impl DesiredState {
    /// The blobs that it needs.
    pub fn blobs(&self) -> impl Iterator<Item = Digest> {
        let Self { digest: _, objects: _, manifests, secrets, commit: _, observation: _, notes: _ } = self;
        let manifests = match manifests {
            Content::Inline(_) => None,
            Content::Blob(digest) => Some(*digest),
        };
        manifests.into_iter().chain(*secrets)
    }
}

/// Something about a render that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Stable code.
    pub code: String,
    /// One sentence.
    pub message: String,
}
