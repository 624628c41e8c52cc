//! Why the auditor ends.

use bus::{LogPosition, ReadError};
use ledger::{AppendError, OpenError, PublishError, SignError};
use model::RetryClass;

use crate::perform::KeyFileError;

/// Says why the auditor ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger could not be opened.
    #[error("the ledger could not be opened")]
    Open(#[from] OpenError),
    /// The key that signs could not be read or made.
    #[error("the key that signs the ledger cannot be used")]
    Key(#[from] KeyFileError),
    /// The ledger could not be read.
    #[error("the ledger could not be read")]
    Ledger(#[from] ledger::ReadError),
    /// The ledger refused entries.
    #[error("the ledger refused what the log says")]
    Append(#[from] AppendError),
    /// A checkpoint could not be signed.
    #[error("the ledger could not be signed")]
    Sign(#[from] SignError),
    /// The copy could not be written.
    #[error("the copy of the ledger could not be written")]
    Publish(#[from] PublishError),
    /// The log could not be read.
    #[error("the log could not be read")]
    Read(#[source] ReadError),
    /// The log is another one, or an older copy: what follows is another span of the ledger.
    #[error("the log was replaced: it is at {}, {} was seen", found.sequence, seen.sequence)]
    Restarted {
        /// What was seen before.
        seen: LogPosition,
        /// What is there now.
        found: LogPosition,
    },
    /// A value has no encoding.
    #[error("an entry could not be encoded")]
    Encode(#[from] rmp_serde::encode::Error),
    /// The thread that writes the ledger could not be started.
    #[error("the thread that writes the ledger could not be started")]
    Thread(#[source] std::io::Error),
    /// It ended in a panic.
    #[error("the thread that writes the ledger died")]
    ThreadDied,
}

impl Error {
    /// What starting again would achieve.
    pub fn class(&self) -> RetryClass {
        match self {
            Self::Open(error) => error.class(),
            Self::Key(_) => RetryClass::Permanent,
            Self::Ledger(error) => error.class(),
            Self::Append(error) => error.class(),
            Self::Sign(error) => error.class(),
            Self::Publish(error) => error.class(),
            Self::Read(error) => error.class(),
            Self::Restarted { .. } | Self::Thread(_) => RetryClass::Transient,
            Self::Encode(_) | Self::ThreadDied => RetryClass::Bug,
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
