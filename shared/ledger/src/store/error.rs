//! What can go wrong with the store, and whether trying again helps.

use std::sync::Arc;

use model::{Digest, RetryClass};

use super::entry::{BODY_BYTES_MAX, KEY_BYTES_MAX, LEAF_BYTES_MAX};
use crate::LogName;

/// What the database or the system said; shared, because one failed write refuses many appends.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Says why a batch was not appended. Nothing of it is stored then.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A leaf is empty or too long.
    #[error("the leaf of event {sequence} has {bytes} bytes, 1 to {LEAF_BYTES_MAX} are possible")]
    Leaf {
        /// Sequence of the event.
        sequence: u64,
        /// Length of the leaf.
        bytes: usize,
    },
    /// The value of a key is too long.
    #[error("a key of event {sequence} has {bytes} bytes, at most {KEY_BYTES_MAX} are possible")]
    Key {
        /// Sequence of the event.
        sequence: u64,
        /// Length of the value.
        bytes: usize,
    },
    /// A body is too large.
    #[error("the body {digest} has {bytes} bytes, at most {BODY_BYTES_MAX} are possible")]
    BodySize {
        /// Its digest.
        digest: Digest,
        /// Its length.
        bytes: usize,
    },
    /// A body has another digest.
    #[error("a body said to be {said} is {found}")]
    BodyDigest {
        /// The digest that came with it.
        said: Digest,
        /// The digest that it has.
        found: Digest,
    },
    /// The entries of a batch go backwards: one of them would be taken for stored.
    #[error("event {sequence} comes behind event {before} in one batch")]
    Disorder {
        /// The sequence before it.
        before: u64,
        /// The sequence that is out of order.
        sequence: u64,
    },
    /// The disk failed or is full; whether anything was stored after all, the same batch tells when it comes again.
    #[error("the batch could not be stored")]
    Unavailable(#[source] Cause),
    /// What is stored is not what was written.
    #[error("the batch could not be stored: the ledger is broken: {0}")]
    Broken(String),
}

impl AppendError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        match self {
            Self::Leaf { .. } | Self::Key { .. } | Self::BodySize { .. } | Self::Broken(_) => {
                RetryClass::Permanent
            }
            Self::BodyDigest { .. } | Self::Disorder { .. } => RetryClass::Bug,
            Self::Unavailable(_) => RetryClass::Transient,
        }
    }
}

/// Why a write transaction came to nothing.
pub(super) enum WriteError {
    Unavailable(Cause),
    Broken(String),
}

impl From<WriteError> for AppendError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Unavailable(cause) => Self::Unavailable(cause),
            WriteError::Broken(what) => Self::Broken(what),
        }
    }
}

impl From<WriteError> for SignError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Unavailable(cause) => Self::Unavailable(cause),
            WriteError::Broken(what) => Self::Broken(what),
        }
    }
}

/// Says why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk failed.
    #[error("the ledger could not be read")]
    Unavailable(#[source] Cause),
    /// What is stored is not what was written.
    #[error("the ledger is broken: {0}")]
    Broken(String),
    /// There is no tree of that size yet.
    #[error("the ledger has {size} entries, {asked} are asked for")]
    BeyondEnd {
        /// What is asked for.
        asked: u64,
        /// What is there.
        size: u64,
    },
    /// No checkpoint covers the entry yet.
    #[error("no checkpoint covers entry {index} yet")]
    NotCovered {
        /// The entry.
        index: u64,
    },
}

impl ReadError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        match self {
            Self::Unavailable(_) | Self::NotCovered { .. } => RetryClass::Transient,
            Self::Broken(_) | Self::BeyondEnd { .. } => RetryClass::Permanent,
        }
    }
}

impl From<redb::Error> for ReadError {
    fn from(error: redb::Error) -> Self {
        if let redb::Error::Corrupted(what) = error {
            return Self::Broken(what);
        }
        Self::Unavailable(Arc::new(error))
    }
}

macro_rules! from_redb {
    ($($error:ty),*) => {$(
        impl From<$error> for ReadError {
            fn from(error: $error) -> Self {
                redb::Error::from(error).into()
            }
        }
    )*};
}
from_redb!(redb::StorageError, redb::TableError, redb::TransactionError);

/// Says why no checkpoint was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The ledger has checkpoints of another log.
    #[error("the ledger is signed as {stored}, the key is of {given}")]
    OtherLog {
        /// Origin of the checkpoints that are there.
        stored: LogName,
        /// Name of the key.
        given: LogName,
    },
    /// The checkpoint has no written form (bug).
    #[error("the checkpoint at size {size} could not be written down")]
    Unwritable {
        /// Its tree size.
        size: u64,
    },
    /// The disk failed or is full.
    #[error("the checkpoint could not be stored")]
    Unavailable(#[source] Cause),
    /// What is stored is not what was written.
    #[error("the checkpoint could not be stored: the ledger is broken: {0}")]
    Broken(String),
}

impl SignError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        match self {
            Self::OtherLog { .. } | Self::Broken(_) => RetryClass::Permanent,
            Self::Unwritable { .. } => RetryClass::Bug,
            Self::Unavailable(_) => RetryClass::Transient,
        }
    }
}
