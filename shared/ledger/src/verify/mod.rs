//! What a verifier does: bytes in, verdict out. It needs no store, no network and no trust but in keys.
//!
//! The same by hand, in any language: docs/audit-proof.md.

mod directory;

use bytes::Bytes;
use model::{Digest, RetryClass};

pub use directory::{CopyError, ReadTile, verify_directory};

use crate::{Checkpoint, CheckpointError, LogName, MalformedProof, ProofFile, VerifierKey, merkle};

/// Which bytes a proof is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaf<'a> {
    /// Those that the proof file carries.
    Inside,
    /// These; what the file carries is not looked at.
    Given(&'a [u8]),
}

/// What is proven: the log vouches for a tree, and these bytes are in it at that place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The log.
    pub origin: LogName,
    /// The place of the leaf.
    pub index: u64,
    /// The leaf.
    pub leaf: Bytes,
    /// The size of the tree.
    pub size: u64,
    /// The root of the tree.
    pub root: Digest,
}

/// Says why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The text is not a proof file.
    #[error("the proof file cannot be read")]
    Malformed(#[from] MalformedProof),
    /// The file carries no leaf and none was given.
    #[error("the proof of entry {index} carries no leaf")]
    NoLeaf {
        /// The place that the proof is for.
        index: u64,
    },
    /// The checkpoint is not trusted.
    #[error("the checkpoint of the proof cannot be relied on")]
    Checkpoint(#[from] CheckpointError),
    /// The leaf and the hashes do not lead to the root.
    #[error("entry {index} is not in the tree of size {size}: its hashes do not lead to the root")]
    NotInTree {
        /// The place that the proof is for.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
}

impl ProofError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        RetryClass::Permanent
    }
}

/// Checks a proof file: one of the keys has signed the checkpoint, and the leaf is in its tree at that index.
///
/// Source: C2SP tlog-proof; RFC 6962, section 2.1.1.
///
/// # Errors
/// Permanent: the file cannot be read, its checkpoint is not trusted, or the leaf is not in the tree.
pub fn verify_proof(text: &str, leaf: Leaf<'_>, keys: &[VerifierKey]) -> Result<Proven, ProofError> {
    let file: ProofFile = text.parse()?;
    let index = file.index;
    let leaf = match leaf {
        Leaf::Given(bytes) => Bytes::copy_from_slice(bytes),
        Leaf::Inside => file.leaf.ok_or(ProofError::NoLeaf { index })?,
    };
    file.checkpoint.check_signature(keys)?;
    let (size, root) = (file.checkpoint.size(), file.checkpoint.root());
    let path = merkle::hashes(&file.path);
    tlog_tiles::check_record(&path, size, merkle::hash(&root), index, tlog_tiles::record_hash(&leaf))
        .map_err(|_| ProofError::NotInTree { index, size })?;
    Ok(Proven { origin: file.checkpoint.origin().clone(), index, leaf, size, root })
}

/// Says why a checkpoint does not continue another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// One of the two is not trusted.
    #[error("a checkpoint cannot be relied on")]
    Checkpoint(#[from] CheckpointError),
    /// They are of two logs.
    #[error("the checkpoints are of two logs, {old} and {new}")]
    Origins {
        /// Origin of the older one.
        old: LogName,
        /// Origin of the newer one.
        new: LogName,
    },
    /// The newer tree is not the older one with entries added.
    #[error("the tree of size {new} does not begin with the tree of size {old}")]
    NotExtended {
        /// Size of the older one.
        old: u64,
        /// Size of the newer one.
        new: u64,
    },
}

impl ConsistencyError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        RetryClass::Permanent
    }
}

/// Checks that the newer checkpoint's tree is the older one's with entries added: nothing was changed or removed.
///
/// Source: RFC 6962, section 2.1.2.
///
/// # Errors
/// Permanent: a checkpoint is not trusted, or the proof does not lead from one to the other.
pub fn verify_consistency(
    old: &Checkpoint,
    new: &Checkpoint,
    proof: &[Digest],
    keys: &[VerifierKey],
) -> Result<(), ConsistencyError> {
    old.check_signature(keys)?;
    new.check_signature(keys)?;
    if old.origin() != new.origin() {
        return Err(ConsistencyError::Origins { old: old.origin().clone(), new: new.origin().clone() });
    }
    if extends((old.size(), old.root()), (new.size(), new.root()), proof) {
        return Ok(());
    }
    Err(ConsistencyError::NotExtended { old: old.size(), new: new.size() })
}

fn extends(old: (u64, Digest), new: (u64, Digest), proof: &[Digest]) -> bool {
    // RFC 6962 proves nothing about the empty tree: every tree begins with it.
    if old.0 == 0 {
        return proof.is_empty() && old.1 == merkle::digest(tlog_tiles::EMPTY_HASH);
    }
    let proof = merkle::hashes(proof);
    tlog_tiles::check_tree(&proof, new.0, merkle::hash(&new.1), old.0, merkle::hash(&old.1)).is_ok()
}
