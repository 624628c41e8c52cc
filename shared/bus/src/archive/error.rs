//! What can go wrong with an archive.

use std::io;

use model::RetryClass;

use crate::{BlobError, Cause, OpenError, ReadError};

/// Says why a log was not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log could not be read.
    #[error("the log could not be read")]
    Read(#[source] ReadError),
    /// A blob could not be read.
    #[error("a blob could not be read")]
    Blob(#[source] BlobError),
    /// A state cannot be read here, so an archive without it would be an older log.
    #[error("the newest event of {path} cannot be read: {reason}")]
    Undecodable {
        /// Path of its aggregate, as stored.
        path: String,
        /// Why it cannot be read, for people.
        reason: String,
    },
    /// An event could not be encoded.
    #[error("an event could not be encoded")]
    Encode(#[source] rmp_serde::encode::Error),
}

impl ExportError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        match self {
            Self::Read(error) => error.class(),
            Self::Blob(error) => error.class(),
            Self::Undecodable { .. } => RetryClass::Permanent,
            Self::Encode(_) => RetryClass::Bug,
        }
    }

    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Read(error) => error.code(),
            Self::Blob(error) => error.code(),
            Self::Undecodable { .. } => "LOG-UNDECODABLE",
            Self::Encode(_) => "BUG",
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Read(error) => error.remedy(),
            Self::Blob(error) => error.remedy(),
            Self::Undecodable { .. } => "use the driftless that wrote the event",
            Self::Encode(_) => "report it as a bug",
        }
    }
}

/// Says why no log was made of an archive.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The archive could not be read.
    #[error("the archive could not be read")]
    Read(#[source] io::Error),
    /// It is not what was written.
    #[error("the archive is damaged: {0}")]
    Damaged(&'static str),
    /// A newer version of driftless wrote it.
    #[error("the archive was written by a newer driftless: {0}")]
    Newer(String),
    /// There is a log already, and nothing of it is to be lost.
    #[error("there is a log already: {place}")]
    Exists {
        /// Where.
        place: String,
    },
    /// The new log could not be made.
    #[error("the new log could not be made")]
    Open(#[source] OpenError),
    /// The new log could not be written.
    #[error("the new log could not be written")]
    Store(#[source] Cause),
    /// A blob could not be put.
    #[error("a blob could not be put into the new log")]
    Blob(#[source] BlobError),
}

impl RestoreError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        match self {
            Self::Read(_) | Self::Store(_) => RetryClass::Transient,
            Self::Damaged(_) | Self::Newer(_) | Self::Exists { .. } => RetryClass::Permanent,
            Self::Open(error) => error.class(),
            Self::Blob(error) => error.class(),
        }
    }

    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Read(_) => "BACKUP-FILE",
            Self::Damaged(_) => "BACKUP-DAMAGED",
            Self::Newer(_) => "BACKUP-NEWER",
            Self::Exists { .. } => "RESTORE-EXISTS",
            Self::Open(error) => error.code(),
            Self::Store(_) => "LOG-UNAVAILABLE",
            Self::Blob(error) => error.code(),
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Read(_) => "check the file and its disk",
            Self::Damaged(_) => "take another backup: nothing was restored",
            Self::Newer(_) => "use the newer driftless",
            Self::Exists { .. } => {
                "restore to another place, or move what is there away: nothing is ever restored over a log"
            }
            Self::Open(error) => error.remedy(),
            Self::Store(_) => "check the disk of the log and that its server runs, then restore again",
            Self::Blob(error) => error.remedy(),
        }
    }
}
