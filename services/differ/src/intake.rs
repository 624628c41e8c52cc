//! Reads events into news: decodes the state, and fetches what it keeps in blobs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bus::{BlobError, Log, log::HISTORY_MAX};
use events::{
    Content, Event, EventType, Table,
    state::{
        AppliedObject, ClusterState, CommandState, DefinitionsState, ObservedPath, RenderState, SourceState,
        State, SyncState, SyncStatus, TargetState,
    },
};
use model::{Aggregate, CommandScope, Digest, TargetId};
use plan::{Left, release::Search};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Error,
    known::{Definitions, News, SourceFacts, SyncFacts, Versioned},
};

/// Reads blobs and events for the differ.
#[derive(Clone)]
pub struct Intake {
    log: Arc<dyn Log>,
}

impl Intake {
    /// Reads from that log.
    pub fn new(log: Arc<dyn Log>) -> Self {
        Self { log }
    }

    /// Reads one event; `None`: it says nothing that the differ needs, or cannot be read here. What would be decided or
    /// written without knowing it is parked.
    pub async fn read(&self, event: &Event) -> Result<Option<News>, Error> {
        match self.decode(event).await {
            Ok(news) => Ok(news),
            Err(error @ (Error::Content { .. } | Error::BlobMissing { .. })) => {
                tracing::error!(aggregate = %event.aggregate(), n = event.n(), %error, "an event is left aside");
                Ok(match event.aggregate() {
                    Aggregate::Cluster(name) => Some(News::Unreadable(name.clone())),
                    Aggregate::Target(target) => Some(News::Parked(target.clone())),
                    Aggregate::Sync(target) => Some(News::SyncParked(target.clone())),
                    // What was said before stands.
                    Aggregate::Source(_)
                    | Aggregate::Definitions
                    | Aggregate::Render { .. }
                    | Aggregate::Command(_) => None,
                })
            }
            Err(error) => Err(error),
        }
    }

    async fn decode(&self, event: &Event) -> Result<Option<News>, Error> {
        Ok(Some(match event.aggregate() {
            Aggregate::Definitions => {
                let state: DefinitionsState = state(event)?;
                let bytes = self.content(&state.set).await?;
                let set = DefinitionsState::decode_set(&bytes)
                    .map_err(|error| Error::Content { what: "the definitions", reason: error.to_string() })?;
                News::Definitions(Definitions::new(event.n(), set))
            }
            Aggregate::Source(name) => {
                let state: SourceState = state(event)?;
                let paths = match &state.revision {
                    Some(revision) => self.rows::<ObservedPath>(&revision.paths).await?,
                    None => vec![],
                };
                let paths = paths.into_iter().map(|row| (row.path, row.outcome)).collect();
                News::Source(name.clone(), SourceFacts { state, paths })
            }
            aggregate @ Aggregate::Render { .. } => {
                let state: RenderState = state(event)?;
                News::Render(aggregate.clone(), Versioned { event: event.id, n: event.n(), state })
            }
            Aggregate::Sync(target) => {
                let state: SyncState = state(event)?;
                let rows = self.rows::<AppliedObject>(&state.objects).await?;
                let objects: BTreeMap<_, _> = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
                News::Sync(target.clone(), SyncFacts { n: event.n(), at: event.draft.time, state, objects })
            }
            Aggregate::Target(target) => {
                let state = self.whole(target, state(event)?).await?;
                News::Target(target.clone(), Versioned { event: event.id, n: event.n(), state })
            }
            Aggregate::Command(CommandScope::Target(target)) => {
                let state: CommandState = state(event)?;
                News::Requests(target.clone(), state.pending)
            }
            Aggregate::Cluster(name) if event.draft.kind == EventType::ClusterRetired => {
                News::Cluster(name.clone(), None)
            }
            Aggregate::Cluster(name) => News::Cluster(name.clone(), Some(state::<ClusterState>(event)?)),
            Aggregate::Command(CommandScope::Fleet) => {
                News::FleetRequests(state::<CommandState>(event)?.pending)
            }
            Aggregate::Command(CommandScope::Source(_) | CommandScope::Cluster(_)) => return Ok(None),
        }))
    }

    /// The state of a target with what it keeps in pages. What is lost is found anew: until then nothing is said.
    async fn whole(&self, target: &TargetId, mut state: TargetState) -> Result<TargetState, Error> {
        let heals = std::mem::take(&mut state.heals_paged);
        let refreshed = std::mem::take(&mut state.refreshed_paged);
        let pages = async {
            state.drift = Table::Inline(self.rows(&state.drift).await?);
            state.heals.extend(self.rows(&heals).await?);
            state.refreshed.extend(self.rows(&refreshed).await?);
            Ok(())
        };
        match pages.await {
            Ok(()) => {}
            Err(error @ (Error::Content { .. } | Error::BlobMissing { .. })) => {
                tracing::error!(%target, %error, "a part of what was told is lost");
                state.status = SyncStatus::Unknown;
                state.drift = Table::default();
            }
            Err(error) => return Err(error),
        }
        Ok(state)
    }

    /// The newest events of an aggregate, newest first.
    pub async fn history(&self, aggregate: &Aggregate, limit: usize) -> Result<Vec<Event>, Error> {
        self.log.history(aggregate, limit).await.map_err(Error::Read)
    }

    /// Reads what was in force last for targets that left. Behind a set that cannot be read nothing is deleted.
    pub async fn left(&self, targets: BTreeSet<TargetId>) -> Result<BTreeMap<TargetId, Left>, Error> {
        let mut search = Search::new(targets);
        let history = self.log.history(&Aggregate::Definitions, HISTORY_MAX).await.map_err(Error::Read)?;
        for event in history {
            if search.is_done() {
                break;
            }
            match self.decode(&event).await {
                Ok(Some(News::Definitions(definitions))) => search.look(event.draft.time, &definitions.set),
                Ok(_) => {}
                Err(error @ (Error::Content { .. } | Error::BlobMissing { .. })) => {
                    tracing::error!(n = event.n(), %error, "old definitions cannot be read");
                    search.miss(event.draft.time);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(search.into_found())
    }

    /// The bytes of content, wherever they are.
    pub async fn content(&self, content: &Content) -> Result<bytes::Bytes, Error> {
        match content {
            Content::Inline(bytes) => Ok(bytes::Bytes::copy_from_slice(bytes)),
            Content::Blob(digest) => self.blob(digest).await,
        }
    }

    /// A blob that has to be there.
    pub async fn blob(&self, digest: &Digest) -> Result<bytes::Bytes, Error> {
        match self.log.get_blob(digest).await {
            Ok(Some(bytes)) => Ok(bytes),
            // What was spoilt is dropped when it is found.
            Ok(None) | Err(BlobError::Corrupt { .. }) => Err(Error::BlobMissing { digest: *digest }),
            Err(error @ (BlobError::TooLarge { .. } | BlobError::Unavailable(_))) => Err(Error::Blob(error)),
        }
    }

    async fn rows<Row: Serialize + DeserializeOwned + Clone>(
        &self,
        table: &Table<Row>,
    ) -> Result<Vec<Row>, Error> {
        let mut rows = match table {
            Table::Inline(rows) => return Ok(rows.clone()),
            Table::Paged { .. } => Vec::new(),
        };
        for page in table.pages() {
            let bytes = self.blob(page).await?;
            let read = Table::<Row>::read_page(&bytes)
                .map_err(|error| Error::Content { what: "a page of a table", reason: error.to_string() })?;
            rows.extend(read);
        }
        Ok(rows)
    }
}

fn state<S: State>(event: &Event) -> Result<S, Error> {
    events::decode(event.draft.format, &event.draft.payload)
        .map_err(|error| Error::Content { what: "the state of an event", reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use events::{Draft, EventId};
    use model::Timestamp;

    use super::*;

    fn newer(aggregate: Aggregate, kind: EventType) -> Event {
        let draft = Draft {
            aggregate,
            n: 1,
            previous: None,
            kind,
            format: 2,
            time: Timestamp::default(),
            cause: None,
            correlation: None,
            actor: None,
            traceparent: None,
            payload: bytes::Bytes::new(),
        };
        Event { id: EventId::derive("log", &draft), sequence: 1, draft }
    }

    /// Taken for nothing, a target would be written anew from its first version, and planned from no inventory.
    #[tokio::test]
    async fn what_a_newer_version_wrote_of_a_target_is_parked() {
        let folder = tempfile::tempdir().unwrap();
        let intake = Intake::new(bus::open(bus::LogConfig::embedded(folder.path())).await.unwrap());
        let target = TargetId { cluster: "eu".parse().unwrap(), application: "shop".parse().unwrap() };
        let own = newer(Aggregate::Target(target.clone()), EventType::HealthChanged);
        let read = intake.read(&own).await.unwrap();
        assert!(matches!(&read, Some(News::Parked(parked)) if *parked == target), "{read:?}");
        let sync = newer(Aggregate::Sync(target.clone()), EventType::SyncFinished);
        let read = intake.read(&sync).await.unwrap();
        assert!(matches!(&read, Some(News::SyncParked(parked)) if *parked == target), "{read:?}");
    }
}
