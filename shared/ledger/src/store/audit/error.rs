//! What a check of the whole may find.

use std::sync::Arc;

use model::{Digest, RetryClass};

use crate::{CheckpointError, store::error::ReadError};

/// Says what in the ledger is not as it was appended.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file cannot be read.
    #[error("the ledger could not be read")]
    Read(#[from] ReadError),
    /// An entry is missing or is not what was stored.
    #[error("entry {index} is not what was stored")]
    Entry {
        /// Its place.
        index: u64,
    },
    /// The tree has another hash than the leaf.
    #[error("a hash that entry {index} completes is not the one of the tree")]
    Hash {
        /// The last entry below it.
        index: u64,
    },
    /// The leaf cannot be read.
    #[error("the leaf of entry {index} cannot be read: {reason}")]
    Leaf {
        /// Its place.
        index: u64,
        /// What its reader said.
        reason: String,
    },
    /// An entry is stored with another time or under other keys than its leaf says.
    #[error("entry {index} is not found by what its leaf says")]
    Key {
        /// Its place.
        index: u64,
    },
    /// There are keys that no leaf has.
    #[error("there are {found} keys, the leaves have {expected}")]
    Keys {
        /// What the leaves have.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// The times of a block of entries are wrong.
    #[error("the times of the entries up to {index} are not theirs")]
    Times {
        /// The last entry of the block.
        index: u64,
    },
    /// An entry does not continue the event log that it comes from.
    #[error("entry {index} does not continue its span of the event log")]
    Span {
        /// Its place.
        index: u64,
    },
    /// A checkpoint is not what was stored, or is not over these entries.
    #[error("the checkpoint at size {size} is not over these entries")]
    Checkpoint {
        /// Its tree size.
        size: u64,
    },
    /// The signature of a checkpoint is wrong.
    #[error("the checkpoint at size {size} cannot be relied on")]
    Signature {
        /// Its tree size.
        size: u64,
        /// What is wrong.
        #[source]
        cause: CheckpointError,
    },
    /// A body has another digest.
    #[error("the body {digest} has another digest")]
    Body {
        /// The digest that it should have.
        digest: Digest,
    },
}

impl AuditError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        match self {
            Self::Read(error) => error.class(),
            Self::Entry { .. }
            | Self::Hash { .. }
            | Self::Leaf { .. }
            | Self::Key { .. }
            | Self::Keys { .. }
            | Self::Times { .. }
            | Self::Span { .. }
            | Self::Checkpoint { .. }
            | Self::Signature { .. }
            | Self::Body { .. } => RetryClass::Permanent,
        }
    }

    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Read(_) => "LEDGER-UNREADABLE",
            Self::Entry { .. }
            | Self::Hash { .. }
            | Self::Leaf { .. }
            | Self::Key { .. }
            | Self::Keys { .. }
            | Self::Times { .. }
            | Self::Span { .. }
            | Self::Checkpoint { .. }
            | Self::Signature { .. }
            | Self::Body { .. } => "LEDGER-BROKEN",
        }
    }
}

impl From<redb::Error> for AuditError {
    fn from(error: redb::Error) -> Self {
        Self::Read(error.into())
    }
}

impl From<redb::StorageError> for AuditError {
    fn from(error: redb::StorageError) -> Self {
        Self::Read(ReadError::Unavailable(Arc::new(error)))
    }
}
