//! A log as one stream of bytes: the backup of either backend, and the way from one to the other.
//!
//! [`export`] tells a log as it is while writers go on; [`Archive`] checks one that was written and makes a log of
//! it with its incarnation, versions, ids and times, so that whoever knew it knows it again. Its lineage has one
//! [`Restoration`] more, by which the two are told apart: the other one may go on as well.
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

use std::fmt;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncSeek};

use crate::{Lineage, Restoration, RestorationId, lineage::Identity};

pub use error::{ExportError, RestoreError};
pub use export::export;
pub use restore::check_free;

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The log that it is of.
    pub incarnation: String,
    /// The restorations that led to it.
    pub lineage: Lineage,
    /// How far that log went.
    pub newest: u64,
    /// Events in it.
    pub events: u64,
    /// Blobs in it.
    pub blobs: u64,
    /// What whoever wrote it put beside the log.
    pub beside: Beside,
}

/// What belongs to a log and is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Names the key in force, if whoever wrote it knew.
    pub key_id: Option<String>,
    /// The key.
    pub attachment: Option<Attachment>,
}

/// Bytes that nobody is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attachment(#[serde(with = "serde_bytes")] Vec<u8>);

impl Attachment {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Attachment {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attachment({} bytes)", self.0.len())
    }
}

impl Contents {
    /// Which log is made by restoring it now: another one every time.
    pub(crate) fn restored(&self) -> Identity {
        let restoration = Restoration { id: RestorationId::random(), at: self.newest };
        Identity {
            incarnation: self.incarnation.clone(),
            lineage: self.lineage.clone().restored(restoration),
        }
    }
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
