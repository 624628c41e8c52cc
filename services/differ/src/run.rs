//! The loop of the differ: list and watch the log, keep what it says, wake the workers of the clusters concerned.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bus::{Filter, Log, WatchItem};
use events::{
    Content, Draft, EventType,
    content::INLINE_BYTES_MAX,
    state::{DefinitionsState, State},
};
use model::{Aggregate, AggregateKind, Cluster, ClusterName, DefinitionSet, TargetId};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error,
    intake::Intake,
    known::{Dirty, Known},
    worker::{Inbox, Shared, Worker, now},
};

/// What a differ reads of the log.
const KINDS: [AggregateKind; 6] = [
    AggregateKind::Definitions,
    AggregateKind::Source,
    AggregateKind::Render,
    AggregateKind::Sync,
    AggregateKind::Target,
    AggregateKind::Command,
];

/// Works until `stop`.
///
/// # Errors
/// If the log cannot be used, or a task ended that never should.
pub async fn run(log: Arc<dyn Log>, config: Config, stop: CancellationToken) -> Result<(), Error> {
    if let Some(set) = &config.bootstrap {
        commit_definitions(&log, set).await?;
    }
    let shared = Shared {
        intake: Intake::new(log.clone()),
        known: Arc::new(Mutex::new(Known::default())),
        config: Arc::new(config),
        log,
    };
    let mut fleet = Fleet::new(shared.clone());
    let mut watch = shared.log.watch(Filter::kinds(&KINDS)).await.map_err(Error::Read)?;
    let mut listed = false;
    loop {
        let item = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            ended = fleet.workers.join_next(), if !fleet.workers.is_empty() => return Err(ended_early(ended)),
            item = watch.next() => item,
        };
        match item {
            Some(Ok(WatchItem::Event(event))) => {
                if let Some(news) = shared.intake.read(&event).await? {
                    let dirty = shared.known(|known| known.take(news));
                    if listed {
                        fleet.wake(dirty);
                    }
                }
            }
            Some(Ok(WatchItem::Listed)) => {
                listed = true;
                fleet.wake(Dirty::All);
            }
            Some(Ok(WatchItem::Undecodable(parked))) => {
                tracing::error!(aggregate = %parked.aggregate, reason = parked.reason, "an aggregate is parked");
                if let Aggregate::Target(target) = parked.aggregate {
                    shared.known(|known| known.take(crate::known::News::Parked(target)));
                }
            }
            Some(Ok(WatchItem::Restarted { .. })) | None => return Err(Error::Restarted),
            Some(Err(error)) if error.class() == model::RetryClass::Transient => {
                tracing::warn!(%error, "the log does not answer");
            }
            Some(Err(error)) => return Err(Error::Read(error)),
        }
    }
}

fn ended_early(ended: Option<Result<Result<(), Error>, tokio::task::JoinError>>) -> Error {
    match ended {
        Some(Ok(Err(error))) => error,
        Some(Err(error)) => Error::TaskEnded(error.to_string()),
        Some(Ok(Ok(()))) | None => Error::TaskEnded("without a reason".to_owned()),
    }
}

/// The workers of all clusters.
struct Fleet {
    shared: Shared,
    workers: JoinSet<Result<(), Error>>,
    clusters: BTreeMap<ClusterName, (Cluster, Arc<Inbox>, tokio::task::AbortHandle)>,
}

impl Fleet {
    fn new(shared: Shared) -> Self {
        Self { shared, workers: JoinSet::new(), clusters: BTreeMap::new() }
    }

    fn wake(&mut self, dirty: Dirty) {
        let by_cluster = match dirty {
            Dirty::All => {
                self.follow_definitions();
                self.shared.known(|known| {
                    let targets = known.definitions().map(|known| known.targets.keys().cloned().collect());
                    group(targets.unwrap_or_default())
                })
            }
            Dirty::Targets(targets) => group(targets),
        };
        for (cluster, targets) in by_cluster {
            if let Some((_, inbox, _)) = self.clusters.get(&cluster) {
                inbox.put(targets);
            }
        }
    }

    /// One worker for each cluster in the set; a changed cluster gets a new one.
    fn follow_definitions(&mut self) {
        let Some(definitions) = self.shared.known(|known| known.definitions().cloned()) else {
            return;
        };
        self.clusters.retain(|name, (cluster, _, worker)| {
            let stays = definitions.set.cluster(name).is_some_and(|now| now.kubeconfig == cluster.kubeconfig);
            if !stays {
                worker.abort();
            }
            stays
        });
        for cluster in definitions.set.clusters() {
            if !self.clusters.contains_key(&cluster.name) {
                let inbox = Arc::new(Inbox::default());
                let worker = Worker::new(self.shared.clone(), cluster.clone(), inbox.clone());
                let handle = self.workers.spawn(worker.run());
                self.clusters.insert(cluster.name.clone(), (cluster.clone(), inbox, handle));
            }
        }
    }
}

fn group(targets: Vec<TargetId>) -> BTreeMap<ClusterName, Vec<TargetId>> {
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for target in targets {
        groups.entry(target.cluster.clone()).or_default().push(target);
    }
    groups
}

/// Puts the definitions of the command line in force, unless they are.
async fn commit_definitions(log: &Arc<dyn Log>, set: &DefinitionSet) -> Result<(), Error> {
    let bad = |reason: String| Error::Content { what: "the definitions", reason };
    let bytes = DefinitionsState::encode_set(set).map_err(|error| bad(error.to_string()))?;
    let digest = DefinitionSet::digest(&bytes);
    let newest = log.newest(&Aggregate::Definitions).await.map_err(Error::Read)?;
    if let Some(event) = &newest
        && let Ok(state) = events::decode::<DefinitionsState>(event.draft.format, &event.draft.payload)
        && state.digest == digest
        && state.rejected.is_none()
    {
        return Ok(());
    }
    let set = if bytes.len() > INLINE_BYTES_MAX {
        Content::Blob(log.put_blob(bytes.into()).await.map_err(Error::Blob)?)
    } else {
        Content::Inline(bytes)
    };
    let state = DefinitionsState { digest, set, rejected: None };
    let draft = Draft {
        aggregate: Aggregate::Definitions,
        n: newest.as_ref().map_or(0, |event| event.n()) + 1,
        previous: newest.map(|event| event.id),
        kind: EventType::DefinitionsChanged,
        format: DefinitionsState::FORMAT,
        time: now(),
        cause: None,
        correlation: None,
        actor: None,
        traceparent: None,
        payload: events::encode(&state).map_err(|error| bad(error.to_string()))?.into(),
    };
    match log.append(vec![draft]).await.into_iter().next() {
        Some(Ok(_)) | None => Ok(()),
        Some(Err(source)) => {
            Err(Error::Append { aggregate: Aggregate::Definitions, source: Box::new(source) })
        }
    }
}
