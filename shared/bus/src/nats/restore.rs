//! Filling a log from an archive: its streams bear a mark, with which nobody opens them, until they are whole.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use events::{Draft, Event};
use model::Aggregate;

use super::{
    append::{BATCH_BYTES_MAX, BATCH_MAX},
    blob, connect, envelope,
    hub::Hub,
    publish::{Outgoing, publish, publish_batch},
    streams,
};
use crate::{
    BlobError, Cause, NatsConfig, OpenError,
    archive::{Contents, RestoreError},
};

/// A log that nobody can open yet.
pub(crate) struct Restoring {
    hub: Hub,
    retired_ttl: Duration,
    mark: String,
    /// Newest version of each aggregate and its sequence, by which histories are walked back.
    heads: HashMap<Aggregate, (u64, u64)>,
    /// The last sequence that is given away.
    sequence: u64,
    batch: Vec<Outgoing>,
    batch_bytes: usize,
}

/// Says that somebody else writes into the log meanwhile.
#[derive(Debug, thiserror::Error)]
#[error("somebody else is at work on the streams: the log is at {found} instead of {expected}")]
struct Disturbed {
    found: u64,
    expected: u64,
}

impl Restoring {
    pub(crate) async fn begin(config: NatsConfig, contents: &Contents) -> Result<Self, RestoreError> {
        let (client, jetstream, reconnected) = connect::client(&config).await.map_err(RestoreError::Open)?;
        let found = streams::find(&jetstream).await.map_err(RestoreError::Open)?;
        match found {
            streams::Found::Nothing => {}
            streams::Found::Remains => {
                streams::delete_all(&jetstream).await.map_err(RestoreError::Open)?;
            }
            streams::Found::Log(stream) => {
                let place = format!("the stream {stream} on {}", config.url);
                return Err(RestoreError::Exists { place });
            }
        }
        let mark = format!("{:016x}", rand::random::<u64>());
        // The log ends where it ended, and no event gets a lower sequence than it had: what a Lease tells of the
        // newest event acted on is below all that follows, and above all of an older log.
        let first = contents.newest.saturating_sub(contents.events) + 1;
        let origin = streams::Origin { identity: contents.restored(), mark: mark.clone(), first };
        let created = streams::create(&jetstream, config.replicas, origin).await;
        let identity = created.map_err(RestoreError::Open)?;
        let hub = Hub::new((client, jetstream), identity, config.replicas, reconnected).await;
        let hub = hub.map_err(RestoreError::Open)?;
        Ok(Self {
            hub,
            retired_ttl: config.retired_ttl,
            mark,
            heads: HashMap::new(),
            sequence: first - 1,
            batch: Vec::new(),
            batch_bytes: 0,
        })
    }

    /// Stores what follows.
    pub(crate) async fn store(&mut self, events: Vec<Event>) -> Result<(), Cause> {
        for event in events {
            let retires = event.draft.kind.retires();
            if retires {
                // Nothing that rolls others up may be in a batch with them.
                self.flush().await?;
            }
            let message = self.message(&event);
            self.batch_bytes += message.payload.len();
            self.batch.push(message);
            if retires || self.batch.len() == BATCH_MAX || self.batch_bytes >= BATCH_BYTES_MAX {
                self.flush().await?;
            }
        }
        self.flush().await
    }

    fn message(&mut self, event: &Event) -> Outgoing {
        self.sequence += 1;
        let Event { id, draft, .. } = event;
        let known = self.heads.insert(draft.aggregate.clone(), (draft.n, self.sequence));
        // What was dropped between, while it was copied, was dropped with all before it: no history leads there.
        let before = known.filter(|(n, _)| n + 1 == draft.n).map_or(0, |(_, sequence)| sequence);
        let mut headers = envelope::headers(*id, draft, before);
        if draft.kind.retires() {
            envelope::mark_retired(&mut headers, self.retired_ttl);
        }
        let Draft { aggregate, payload, .. } = draft;
        Outgoing { subject: envelope::subject(aggregate), headers, payload: payload.clone() }
    }

    async fn flush(&mut self) -> Result<(), Cause> {
        let mut batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let last = match batch.pop() {
            None => return Ok(()),
            Some(only) if batch.is_empty() => publish(&self.hub.client, only).await,
            Some(last) => {
                batch.push(last);
                publish_batch(&self.hub.client, batch).await
            }
        };
        let found = last.map_err(|error| -> Cause { Arc::new(error) })?;
        if found == self.sequence {
            return Ok(());
        }
        Err(Arc::new(Disturbed { found, expected: self.sequence }))
    }

    pub(crate) async fn put_blob(&self, bytes: Bytes) -> Result<(), BlobError> {
        blob::put(&self.hub, bytes).await.map(drop)
    }

    /// Takes the mark away.
    pub(crate) async fn finish(self) -> Result<(), RestoreError> {
        let cleared = streams::clear_mark(&self.hub.jetstream, &self.mark).await;
        let failed = |cause| OpenError::Stream { stream: streams::LOG.to_owned(), cause };
        cleared.map_err(failed).map_err(RestoreError::Open)
    }
}
