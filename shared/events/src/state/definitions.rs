//! `definitions`, written by the differ that owns it.

use model::{Commit, DefinitionSet, Digest, Failure};
use serde::{Deserialize, Serialize};

use super::{RequestId, State};
use crate::Content;

/// The complete set of definitions in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionsState {
    /// Digest of the encoded set.
    pub digest: Digest,
    /// The set, encoded as a named MessagePack map.
    pub set: Content,
    /// Why a newer set was refused; `None` if the newest one is in force.
    pub rejected: Option<Failure>,
    /// The commit of the fleet repository that the set in force was made from; `None`: it was handed over.
    #[serde(default)]
    pub commit: Option<Commit>,
    /// The source's observation of the fleet repository that was judged last; 0: none was. An older one is never
    /// judged again.
    #[serde(default)]
    pub observation: u64,
    /// What a person has to be asked about, and was.
    #[serde(default)]
    pub consent: Consent,
}

/// Consent to a set of definitions that the guard holds back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Digest of the newest set, if it lets go of more than the guard allows: it waits for an approval.
    #[serde(default)]
    pub held: Option<Digest>,
    /// Approvals that were read, newest last, at most [`REQUESTS_MAX`](super::REQUESTS_MAX): those of another set
    /// too, which they are not for.
    #[serde(default)]
    pub handled: Vec<RequestId>,
}

impl State for DefinitionsState {
    const FORMAT: u16 = 1;
}

impl DefinitionsState {
    /// Encodes a set; its digest is [`DefinitionSet::digest`] of these bytes.
    ///
    /// # Errors
    /// If a value has no encoding (bug).
    pub fn encode_set(set: &DefinitionSet) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        super::encode(set)
    }

    /// Decodes a set.
    ///
    /// # Errors
    /// If the bytes are no set (permanent).
    pub fn decode_set(bytes: &[u8]) -> Result<DefinitionSet, rmp_serde::decode::Error> {
        rmp_serde::from_slice(bytes)
    }
}
