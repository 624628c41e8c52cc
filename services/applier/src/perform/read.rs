//! Reading the log, until it answers.

use std::{future::Future, time::Duration};

use bus::{BlobError, ReadError};
use events::{
    Content, Event,
    state::{State, decode},
};
use model::{Aggregate, Digest};
use tokio::time::sleep;

use super::{Halt, Performer};
use crate::{Error, decide::error::Fault};

/// Wait before a log that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(1);

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
        let Some(event) = self.until_answered(|| self.log.newest(aggregate)).await? else { return Ok(None) };
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
        self.until_answered(|| self.log.history(aggregate, limit)).await
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
        loop {
            match self.log.get_blob(address).await {
                Ok(Some(bytes)) => return Ok(bytes.to_vec()),
                Ok(None) => return Err(Unread::Fault(Fault::BlobMissing { what, blob: *address })),
                Err(BlobError::Unavailable(_)) => self.pause().await?,
                Err(error @ (BlobError::Corrupt { .. } | BlobError::TooLarge { .. })) => {
                    let problem = error.to_string();
                    return Err(Unread::Fault(Fault::BlobUnreadable { what, problem }));
                }
            }
        }
    }

    async fn until_answered<T, F>(&self, ask: impl Fn() -> F) -> Result<T, Halt>
    where
        F: Future<Output = Result<T, ReadError>>,
    {
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(ReadError::Unavailable(_)) => self.pause().await?,
                Err(ReadError::Undecodable(found)) => {
                    tracing::error!(aggregate = %found.aggregate, reason = found.reason, "parked");
                    return Err(Halt::Parked);
                }
                Err(ReadError::Restarted { seen, found }) => {
                    return Err(Halt::Fatal(Error::Restarted { seen, found }));
                }
            }
        }
    }

    /// Waits before the log is asked again; ends when the process does.
    pub(super) async fn pause(&self) -> Result<(), Halt> {
        tokio::select! {
            () = self.stop.cancelled() => Err(Halt::Stopping),
            () = sleep(AGAIN) => Ok(()),
        }
    }
}
