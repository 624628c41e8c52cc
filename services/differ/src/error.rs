//! What can end or hinder the differ.

use bus::{AppendError, BlobError, LogPosition, ReadError};
use manifest::OpenError;
use model::{Aggregate, Digest, RetryClass};

/// A failed act of the differ.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log cannot be read.
    #[error("the differ cannot read the log")]
    Read(#[source] ReadError),
    /// An event cannot be appended.
    #[error("the differ cannot append to {aggregate}")]
    Append {
        /// What it was about.
        aggregate: Aggregate,
        /// Why.
        #[source]
        source: Box<AppendError>,
    },
    /// A blob cannot be read or written.
    #[error("the differ cannot use a blob")]
    Blob(#[source] BlobError),
    /// A blob that an event names is not there; it is made again from Git.
    #[error("blob {digest} is missing")]
    BlobMissing {
        /// Its address.
        digest: Digest,
    },
    /// Content that an event names is not what it should be.
    #[error("{what} cannot be read: {reason}")]
    Content {
        /// What it is.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// Content is sealed under a key that is not at hand, or damaged.
    #[error("{what} cannot be opened: {source}")]
    Sealed {
        /// What it is.
        what: &'static str,
        /// Why.
        source: OpenError,
    },
    /// Definitions would come from elsewhere than the log says, and nobody allowed it.
    #[error("definitions come from {before}, and would come from {now}")]
    OtherFleet {
        /// Where they come from.
        before: String,
        /// Where they would come from.
        now: String,
    },
    /// The definitions in force are gone from the log's store, and cannot be made again.
    #[error(
        "the definitions in force, made from commit {commit:?}, are lost, and what was rendered of it too"
    )]
    DefinitionsLost {
        /// The commit that they were made from; empty: they were handed over.
        commit: String,
    },
    /// The log is another one, or an older copy: everything that was seen is void.
    #[error("the log was replaced: it is at {}, {} was seen", found.sequence, seen.sequence)]
    Restarted {
        /// What was seen before.
        seen: LogPosition,
        /// What is there now.
        found: LogPosition,
    },
    /// The watch ended without a word.
    #[error("the watch of the log ended")]
    WatchEnded,
    /// A task of the differ ended although it never should.
    #[error("a task of the differ ended: {0}")]
    TaskEnded(String),
}

impl Error {
    /// What trying again would achieve.
    pub fn class(&self) -> RetryClass {
        match self {
            Self::Read(error) => error.class(),
            Self::Append { source, .. } => source.class(),
            Self::Blob(error) => error.class(),
            Self::BlobMissing { .. } => RetryClass::Transient,
            Self::Content { .. } | Self::OtherFleet { .. } | Self::DefinitionsLost { .. } => {
                RetryClass::Permanent
            }
            Self::Sealed { source, .. } => source.class(),
            Self::Restarted { .. } | Self::WatchEnded => RetryClass::Transient,
            Self::TaskEnded(_) => RetryClass::Bug,
        }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Restarted { seen, found } => Self::Restarted { seen, found },
            ReadError::Unavailable(_) | ReadError::Undecodable(_) => Self::Read(error),
        }
    }
}
