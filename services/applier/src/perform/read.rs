//! Reading the log.

use bus::{BlobError, ReadError};
use events::{
    Content, Event,
    state::{State, decode},
};
use model::{Aggregate, Digest};

use super::{Halt, Performer};
use crate::{Error, decide::error::Fault};

/// Why something could not be read.
pub(super) enum Unread {
    /// It is not there, or is not what it should be: the sync fails.
    Fault(Fault),
    /// The work ends.
    Halt(Halt),
}

impl From<Halt> for Unread {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

impl Performer {
    /// The newest event of an aggregate and its state.
    pub(super) async fn newest<S: State>(&self, aggregate: &Aggregate) -> Result<Option<(Event, S)>, Halt> {
        let Some(event) = self.log.newest(aggregate).await.map_err(halt)? else { return Ok(None) };
        match decode(event.draft.format, &event.draft.payload) {
            Ok(state) => Ok(Some((event, state))),
            Err(error) => {
                tracing::error!(%aggregate, error = &error as &dyn std::error::Error, "not understood");
                Err(Halt::Parked)
            }
        }
    }

    /// The newest events of an aggregate, newest first.
    pub(super) async fn history(&self, aggregate: &Aggregate, limit: usize) -> Result<Vec<Event>, Halt> {
        self.log.history(aggregate, limit).await.map_err(halt)
    }

    /// The bytes of a content.
    pub(super) async fn content(&self, content: &Content, what: &'static str) -> Result<Vec<u8>, Unread> {
        match content {
            Content::Inline(bytes) => Ok(bytes.clone()),
            Content::Blob(address) => self.blob(address, what).await,
        }
    }

    /// The bytes of a blob.
    pub(super) async fn blob(&self, address: &Digest, what: &'static str) -> Result<Vec<u8>, Unread> {
        match self.log.get_blob(address).await {
            Ok(Some(bytes)) => Ok(bytes.to_vec()),
            Ok(None) => Err(Unread::Fault(Fault::BlobMissing { what, blob: *address })),
            Err(BlobError::Unavailable(_)) => Err(Unread::Halt(Halt::Stopping)),
            Err(error @ (BlobError::Corrupt { .. } | BlobError::TooLarge { .. })) => {
                let problem = error.to_string();
                Err(Unread::Fault(Fault::BlobUnreadable { what, problem }))
            }
        }
    }
}

/// What an unanswered question means: the log is waited for until the process is to stop.
fn halt(error: ReadError) -> Halt {
    match error {
        ReadError::Unavailable(_) => Halt::Stopping,
        ReadError::Undecodable(found) => {
            tracing::error!(aggregate = %found.aggregate, reason = found.reason, "parked");
            Halt::Parked
        }
        ReadError::Restarted { seen, found } => Halt::Fatal(Error::Restarted { seen, found }),
    }
}
