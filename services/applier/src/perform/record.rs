//! Appending to a target's sync aggregate. Decisions are dropped when another event is there first; facts,
//! which is what was done to a cluster, are appended again until they are stored.

use std::collections::HashSet;

use bus::{AppendError, BlobError};
use bytes::Bytes;
use events::{
    Content, Draft, Event, EventId, EventType, Table,
    state::{AppliedObject, State, SyncStage, SyncState, encode},
};
use model::{Aggregate, Digest, TargetId};

use super::{Halt, Performer, now, read::Unread};
use crate::{Error, decide::late::late};

/// Largest part of an event that the inventory may take inline, and that the manifests may: both and the rest
/// stay below the bound of an event.
const INLINE_BYTES_MAX: usize = 10 * 1024;

/// Whether an event may be appended after another than it was decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It stands only where it was decided.
    Decision,
    /// It happened.
    Fact,
}

/// Appends to the sync aggregate of one target.
pub(super) struct Recorder<'p> {
    performer: &'p Performer,
    aggregate: Aggregate,
    head: Option<(u64, EventId)>,
    /// The event that led to it all, and what is handed on from it.
    cause: Option<Event>,
    stored: HashSet<Digest>,
}

impl<'p> Recorder<'p> {
    pub(super) fn new(
        performer: &'p Performer,
        target: &TargetId,
        newest: Option<&Event>,
        cause: Option<Event>,
    ) -> Self {
        let head = newest.map(|event| (event.n(), event.id));
        let aggregate = Aggregate::Sync(target.clone());
        Self { performer, aggregate, head, cause, stored: HashSet::new() }
    }

    /// Appends a state with these rows as its inventory.
    pub(super) async fn store_rows(
        &mut self,
        (event, kind): (EventType, Kind),
        mut state: SyncState,
        rows: Vec<AppliedObject>,
    ) -> Result<(), Halt> {
        let laid = Table::lay(rows, INLINE_BYTES_MAX).map_err(encoding)?;
        for (address, bytes) in laid.blobs {
            self.put(address, bytes).await?;
        }
        state.objects = laid.table;
        match self.store((event, kind), &state).await {
            Err(Halt::TakenOver) if kind == Kind::Fact => {
                self.tell_late(&state.objects).await?;
                Err(Halt::TakenOver)
            }
            stored => stored,
        }
    }

    /// Adds what this process created to the newest state, which another one wrote: else nobody would know of
    /// it. Who runs the sync now may drop it again; then the history names it.
    async fn tell_late(&mut self, objects: &Table<AppliedObject>) -> Result<(), Halt> {
        let mine = self.rows(objects).await?;
        loop {
            let Some((event, mut state)) = self.performer.newest::<SyncState>(&self.aggregate).await? else {
                return Ok(());
            };
            let mut rows = self.rows(&state.objects).await?;
            let late = late(&rows, mine.clone());
            if late.is_empty() {
                return Ok(());
            }
            tracing::warn!(aggregate = %self.aggregate, objects = late.len(), "created after it was overtaken");
            rows.extend(late);
            rows.sort_by(|a, b| a.id.cmp(&b.id));
            let laid = Table::lay(rows, INLINE_BYTES_MAX).map_err(encoding)?;
            for (address, bytes) in laid.blobs {
                self.put(address, bytes).await?;
            }
            state.objects = laid.table;
            self.head = Some((event.n(), event.id));
            let payload = Bytes::from(encode(&state).map_err(encoding)?);
            if self.append(self.draft(EventType::SyncProgressed, payload)).await?.is_some() {
                return Ok(());
            }
        }
    }

    async fn rows(&self, objects: &Table<AppliedObject>) -> Result<Vec<AppliedObject>, Halt> {
        match self.performer.load_rows(objects).await {
            Ok(rows) => Ok(rows),
            Err(Unread::Halt(halt)) => Err(halt),
            // Without the inventory nothing can be added to it.
            Err(Unread::Fault(fault)) => {
                tracing::error!(aggregate = %self.aggregate, %fault, "what was created late cannot be told");
                Err(Halt::TakenOver)
            }
        }
    }

    /// Appends a state.
    pub(super) async fn store(
        &mut self,
        (event, kind): (EventType, Kind),
        state: &SyncState,
    ) -> Result<(), Halt> {
        let payload = Bytes::from(encode(state).map_err(encoding)?);
        let time = now();
        loop {
            let draft = Draft { time, ..self.draft(event, payload.clone()) };
            match self.append(draft).await? {
                Some(stored) => {
                    self.head = Some((stored.n(), stored.id));
                    return Ok(());
                }
                None if kind == Kind::Decision => return Err(Halt::Overtaken),
                None => self.look_who(state.generation).await?,
            }
        }
    }

    /// Appends a state as the last of its aggregate.
    pub(super) async fn retire(&mut self, state: &SyncState) -> Result<(), Halt> {
        let draft = self.draft(EventType::SyncRetired, Bytes::from(encode(state).map_err(encoding)?));
        let stored = stored(self.performer.log.retire(draft).await)?;
        stored.inspect(|event| self.performer.act_on(event)).map(|_| ()).ok_or(Halt::Overtaken)
    }

    /// A content that fits beside an inventory: inline if it is small.
    pub(super) async fn settle(&mut self, content: Content) -> Result<Content, Halt> {
        match content {
            Content::Inline(bytes) if bytes.len() > INLINE_BYTES_MAX => {
                let address = Digest::of(&bytes);
                self.put(address, bytes).await?;
                Ok(Content::Blob(address))
            }
            Content::Inline(_) | Content::Blob(_) => Ok(content),
        }
    }

    async fn put(&mut self, address: Digest, bytes: Vec<u8>) -> Result<(), Halt> {
        if self.stored.contains(&address) {
            return Ok(());
        }
        match self.performer.log.put_blob(bytes.into()).await {
            Ok(_) => {
                self.stored.insert(address);
                Ok(())
            }
            Err(BlobError::Unavailable(_)) => Err(Halt::Stopping),
            Err(error) => Err(Halt::Fatal(Error::Blob(error))),
        }
    }

    fn draft(&self, kind: EventType, payload: Bytes) -> Draft {
        let cause = self.cause.as_ref();
        Draft {
            aggregate: self.aggregate.clone(),
            n: self.head.map_or(1, |(n, _)| n + 1),
            previous: self.head.map(|(_, id)| id),
            kind,
            format: SyncState::FORMAT,
            time: now(),
            cause: cause.map(|event| event.id),
            correlation: cause.and_then(|event| event.draft.correlation.clone()),
            actor: cause.and_then(|event| event.draft.actor.clone()),
            traceparent: cause.and_then(|event| event.draft.traceparent.clone()),
            payload,
        }
    }

    /// Appends a draft; `None`: another event stands there.
    async fn append(&self, draft: Draft) -> Result<Option<Event>, Halt> {
        let stored =
            self.performer.log.append(vec![draft]).await.pop().map_or(Err(Halt::Stopping), stored)?;
        Ok(stored.inspect(|event| self.performer.act_on(event)))
    }

    /// After a conflict: goes on after the event that stands there, unless another process runs the sync now.
    async fn look_who(&mut self, generation: u64) -> Result<(), Halt> {
        let newest = self.performer.newest::<SyncState>(&self.aggregate).await?;
        if let Some((event, state)) = newest {
            let elsewhere = match &state.stage {
                SyncStage::Running { instance, .. } => *instance != self.performer.config.instance,
                // Another one has taken this sync over and ended it: what is known here is older.
                SyncStage::Finished { .. } | SyncStage::Rejected { .. } | SyncStage::Superseded { .. } => {
                    state.generation == generation
                }
            };
            if elsewhere || state.generation > generation {
                return Err(Halt::TakenOver);
            }
            self.head = Some((event.n(), event.id));
        }
        Ok(())
    }
}

/// What stands in the log after a draft was offered; `None`: another event.
fn stored(answer: Result<Event, AppendError>) -> Result<Option<Event>, Halt> {
    match answer {
        Ok(event) => Ok(Some(event)),
        Err(AppendError::Conflict { .. }) => Ok(None),
        Err(AppendError::Undecodable(_)) => Err(Halt::Parked),
        // A log that does not answer is asked again until the process is told to stop.
        Err(AppendError::Unavailable { .. }) => Err(Halt::Stopping),
        Err(
            error @ (AppendError::TooLarge { .. }
            | AppendError::Malformed { .. }
            | AppendError::Restarted { .. }),
        ) => Err(Halt::Fatal(Error::Append(error))),
    }
}

fn encoding(error: impl ToString) -> Halt {
    Halt::Fatal(Error::Encode(error.to_string()))
}
