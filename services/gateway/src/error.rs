//! Why the gateway ends. A request that fails does not end it.

use std::net::SocketAddr;

use bus::{LogPosition, ReadError};
use model::RetryClass;

/// Says why the gateway ended, or did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("{address} could not be listened on")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// An address that others reach, without a token.
    #[error("{address} is reached by others, and no token is asked of them")]
    Open {
        /// The address.
        address: SocketAddr,
    },
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
    /// The watch ended without a word.
    #[error("the watch of the log ended")]
    WatchEnded,
    /// The server ended in a panic.
    #[error("the server of the gateway died")]
    TaskDied(#[source] tokio::task::JoinError),
}

impl Error {
    /// What starting again would achieve.
    pub fn class(&self) -> RetryClass {
        match self {
            Self::Listen { .. } | Self::Open { .. } => RetryClass::Permanent,
            Self::Read(error) => error.class(),
            Self::Restarted { .. } | Self::WatchEnded => RetryClass::Transient,
            Self::TaskDied(_) => RetryClass::Bug,
        }
    }

    /// A stable code for people.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Listen { .. } => "GATEWAY-LISTEN",
            Self::Open { .. } => "GATEWAY-OPEN",
            Self::Read(error) => error.code(),
            Self::Restarted { .. } => "LOG-RESTARTED",
            Self::WatchEnded | Self::TaskDied(_) => "BUG",
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Listen { .. } => "choose another address with --listen, or stop what listens there",
            Self::Open { .. } => "listen on 127.0.0.1, or give a token with --api-token",
            Self::Read(error) => error.remedy(),
            Self::Restarted { .. } => "start it again",
            Self::WatchEnded | Self::TaskDied(_) => "report it as a bug",
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
