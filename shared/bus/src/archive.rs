//! A log as one stream of bytes: the backup of either backend, and the way from one to the other.
//!
//! [`export`] tells a log as it is while writers go on; [`Archive`] checks one that was written and makes a log of
//! it that is the same one: its incarnation, versions, ids and times, so that whoever knew it knows it again.
//!
//! ```text
//! "driftless backup" · head · events, in the order of the log … · blobs … · end: SHA-256 of all before it
//! ```
//!
//! Blobs come after the events that name them: what an event names was put before it was appended, so nothing that
//! is named is missing. Nothing is restored from an archive whose end was not seen.

mod error;
mod export;
mod format;
mod restore;

use tokio::io::{AsyncRead, AsyncSeek};

pub use error::{ExportError, RestoreError};
pub use export::export;

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The log that it is of.
    pub incarnation: String,
    /// How far that log went.
    pub newest: u64,
    /// Events in it.
    pub events: u64,
    /// Blobs in it.
    pub blobs: u64,
    /// What whoever wrote it put beside the log.
    pub attachment: Option<Vec<u8>>,
}

/// An archive that is whole.
pub struct Archive<R> {
    reader: R,
    contents: Contents,
}

impl<R: AsyncRead + AsyncSeek + Unpin + Send> Archive<R> {
    /// What is in it.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }
}
