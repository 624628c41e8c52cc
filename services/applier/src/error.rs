//! Why the applier ends. A cluster that refuses a plan does not end it: that is a state.

use bus::{AppendError, BlobError, LogPosition, ReadError};
use model::RetryClass;

/// Says why the applier ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log could not be read.
    #[error("the log could not be read")]
    Read(#[source] ReadError),
    /// The log is another one, or an older copy: everything that was seen is void.
    #[error("the log was replaced: it is at {}, {} was seen", found.sequence, seen.sequence)]
    Restarted {
        /// What was seen before.
        seen: LogPosition,
        /// What is there now.
        found: LogPosition,
    },
    /// The log refused an event for good.
    #[error("the log refused an event")]
    Append(#[source] AppendError),
    /// A page could not be stored.
    #[error("a page could not be stored")]
    Blob(#[source] BlobError),
    /// A value has no encoding.
    #[error("a state could not be encoded: {0}")]
    Encode(String),
    /// A sync ended in a panic.
    #[error("a sync died")]
    SyncDied(#[source] tokio::task::JoinError),
    /// The watch ended without a word.
    #[error("the watch of the log ended")]
    WatchEnded,
}

impl Error {
    /// What starting again would achieve.
    pub fn class(&self) -> RetryClass {
        match self {
            Self::Read(error) => error.class(),
            Self::Restarted { .. } | Self::WatchEnded => RetryClass::Transient,
            Self::Append(error) => error.class(),
            Self::Blob(error) => error.class(),
            Self::Encode(_) | Self::SyncDied(_) => RetryClass::Bug,
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
