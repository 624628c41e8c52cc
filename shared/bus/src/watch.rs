//! Listing, then watching.

use async_trait::async_trait;
use events::Event;
use futures::{Stream, StreamExt as _};
use model::Aggregate;

use crate::{LogPosition, ReadError};

/// An event that this process cannot read: its aggregate is parked, nothing else is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable {
    /// The aggregate that it belongs to.
    pub aggregate: Aggregate,
    /// Its place in the log.
    pub sequence: u64,
    /// Why it cannot be read, for people.
    pub reason: String,
}

/// What a watch tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchItem {
    /// The newest event of an aggregate as it was listed, or a change.
    Event(Event),
    /// The list is complete: what was not told so far did not exist when the list was made.
    Listed,
    /// An event that cannot be read; the aggregate must not be written.
    Undecodable(Undecodable),
    /// The log is another one, or an older copy of it. The last item: start afresh.
    Restarted {
        /// What was seen before.
        seen: LogPosition,
        /// What is there now.
        found: LogPosition,
    },
}

#[async_trait]
pub(crate) trait WatchSource: Send {
    async fn next(&mut self) -> Option<Result<WatchItem, ReadError>>;
}

/// A list of newest events followed by changes. It holds no queue of its own: a slow reader holds up nobody.
pub struct Watch {
    source: Box<dyn WatchSource>,
}

impl Watch {
    pub(crate) fn new(source: impl WatchSource + 'static) -> Self {
        Self { source: Box::new(source) }
    }

    /// A watch that tells these items; for tests of those who watch.
    pub fn of(items: impl Stream<Item = Result<WatchItem, ReadError>> + Send + Unpin + 'static) -> Self {
        Self::new(Told(items))
    }

    /// Waits for the next item. Safe to cancel. After an error the watch goes on where it was; it ends
    /// (`None`) only after [`WatchItem::Restarted`].
    ///
    /// # Errors
    /// `Unavailable` (transient): call again.
    pub async fn next(&mut self) -> Option<Result<WatchItem, ReadError>> {
        self.source.next().await
    }
}

/// Items from elsewhere.
struct Told<S>(S);

#[async_trait]
impl<S: Stream<Item = Result<WatchItem, ReadError>> + Send + Unpin> WatchSource for Told<S> {
    async fn next(&mut self) -> Option<Result<WatchItem, ReadError>> {
        self.0.next().await
    }
}
