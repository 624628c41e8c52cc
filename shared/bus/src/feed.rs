//! Durable consumption of everything, in order.

use async_trait::async_trait;
use events::Event;

use crate::ReadError;

/// One entry of the log, as the feed tells it.
#[expect(clippy::large_enum_variant, reason = "nearly all are events")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedItem {
    /// An event.
    Event(Event),
    /// An entry that this process cannot read; the feed goes on behind it.
    Undecodable {
        /// Path of its aggregate, as stored.
        path: String,
        /// Its place in the log.
        sequence: u64,
        /// Why it cannot be read, for people.
        reason: String,
    },
}

impl FeedItem {
    /// Its place in the log.
    pub fn sequence(&self) -> u64 {
        match self {
            Self::Event(event) => event.sequence,
            Self::Undecodable { sequence, .. } => *sequence,
        }
    }
}

#[async_trait]
pub(crate) trait FeedSource: Send {
    async fn next(&mut self) -> Result<FeedItem, ReadError>;
    async fn ack(&mut self, sequence: u64) -> Result<(), ReadError>;
    async fn unregister(&mut self) -> Result<(), ReadError>;
}

/// Every entry of the log, in order, from the one after the last acknowledged.
pub struct Feed {
    source: Box<dyn FeedSource>,
}

impl Feed {
    pub(crate) fn new(source: impl FeedSource + 'static) -> Self {
        Self { source: Box::new(source) }
    }

    /// Waits for the next entry. Safe to cancel. Entries are told once per feed; a new feed of the same
    /// consumer begins behind the last acknowledged one.
    ///
    /// # Errors
    /// `Unavailable` (transient): call again. `Restarted` (permanent): the log is another one.
    pub async fn next(&mut self) -> Result<FeedItem, ReadError> {
        self.source.next().await
    }

    /// Records durably that everything up to `sequence` is done with; what no registered consumer needs
    /// any more may be dropped. A lower sequence than before changes nothing.
    ///
    /// # Errors
    /// `Unavailable` (transient): call again.
    pub async fn ack(&mut self, sequence: u64) -> Result<(), ReadError> {
        self.source.ack(sequence).await
    }

    /// Ends the registration of the consumer: nothing is kept for it any more. One that is only forgotten holds
    /// everything from its floor on for ever.
    ///
    /// # Errors
    /// `Unavailable` (transient): whether it is registered still is unknown.
    pub async fn unregister(mut self) -> Result<(), ReadError> {
        self.source.unregister().await
    }
}
