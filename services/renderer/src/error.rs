//! Why the renderer ends. A render that fails does not end it: that is a state.

use bus::{AppendError, LogPosition, ReadError};
use engine::EngineError;
use model::RetryClass;

/// Says why the renderer ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine could not be set up.
    #[error("the engine could not be set up")]
    Engine(#[source] EngineError),
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
    /// A value has no encoding.
    #[error("a state could not be encoded: {0}")]
    Encode(String),
    /// A task ended in a panic.
    #[error("a task of the renderer died")]
    TaskDied(#[source] tokio::task::JoinError),
    /// The watch ended without a word.
    #[error("the watch of the log ended")]
    WatchEnded,
}

impl Error {
    /// What starting again would achieve.
    pub fn class(&self) -> RetryClass {
        match self {
            Self::Engine(error) => error.class(),
            Self::Read(error) => error.class(),
            Self::Restarted { .. } | Self::WatchEnded => RetryClass::Transient,
            Self::Append(error) => error.class(),
            Self::Encode(_) | Self::TaskDied(_) => RetryClass::Bug,
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
