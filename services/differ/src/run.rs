//! The loop of the differ: list and watch the log, keep what it says, wake the workers of the clusters concerned.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bus::{Filter, Log, Patient, Undecodable, WatchItem};
use events::Event;
use model::{Aggregate, AggregateKind, Cluster, ClusterName, TargetId};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error,
    followed::Followed,
    intake::Intake,
    known::{Dirty, Known, News},
    perform,
    worker::{Inbox, Shared, Worker},
};

/// What a differ reads of the log.
const KINDS: [AggregateKind; 7] = [
    AggregateKind::Cluster,
    AggregateKind::Definitions,
    AggregateKind::Source,
    AggregateKind::Render,
    AggregateKind::Sync,
    AggregateKind::Target,
    AggregateKind::Command,
];

/// Works until `stop`. A log that does not answer is waited for.
///
/// # Errors
/// If the log cannot be used or was replaced, or a task ended that never should.
pub async fn run(log: Arc<dyn Log>, config: Config, stop: CancellationToken) -> Result<(), Error> {
    let log: Arc<dyn Log> = Arc::new(Patient::new(log, stop.clone()));
    match stop.run_until_cancelled(work(log, config)).await {
        // A worker may see before us that there is no more waiting for the log.
        Some(Err(error)) if stop.is_cancelled() => {
            tracing::info!(error = &error as &dyn std::error::Error, "work was given up to stop");
            Ok(())
        }
        ended => ended.unwrap_or(Ok(())),
    }
}

async fn work(log: Arc<dyn Log>, config: Config) -> Result<(), Error> {
    let mut watch = log.watch(Filter::kinds(&KINDS)).await?;
    let mut seen = log.position().await?;
    let mut share = config.share.clone();
    let mut definitions = perform::DefinitionsKeeper::new(config.bootstrap.clone());
    let shared = shared(log, config);
    let mut fleet = Fleet::new(shared.clone());
    fleet.workers.spawn(perform::keep_collecting(shared.clone()));
    let mut listed = false;
    let mut followed = Followed::default();
    let mut sweep = tokio::time::interval(shared.config.sweep);
    loop {
        if listed && share.holds(Aggregate::Definitions.partition()) {
            definitions.attend(&shared).await?;
        }
        let item = tokio::select! {
            biased; // What is rare comes first.
            ended = fleet.workers.join_next(), if !fleet.workers.is_empty() => match ended {
                // Its cluster is not ours any more, or was defined anew.
                Some(Err(error)) if error.is_cancelled() => continue,
                ended => return Err(ended_early(ended)),
            },
            _ = sweep.tick() => {
                let asked = Instant::now();
                if let Some(found) = seen.follow_if_answered(&*shared.log).await? {
                    note(&shared, followed.asked(asked, found.sequence));
                    seen = found;
                }
                if listed {
                    fleet.retire_nameless().await?;
                }
                continue;
            }
            () = share.changed() => {
                if listed {
                    fleet.follow(Dirty::All).await?;
                }
                continue;
            }
            item = watch.next() => item,
        };
        match item {
            Some(Ok(WatchItem::Event(event))) => {
                if let Some(dirty) = take_in(&shared, &event).await?
                    && listed
                {
                    fleet.follow(dirty).await?;
                }
                note(&shared, followed.told(event.sequence));
            }
            Some(Ok(WatchItem::Listed)) => {
                listed = true;
                // Whatever stood there before the list and is not in it is gone.
                note(&shared, followed.told(seen.sequence));
                fleet.follow(Dirty::All).await?;
            }
            Some(Ok(WatchItem::Undecodable(parked))) => {
                note(&shared, followed.told(parked.sequence));
                park(&shared, parked);
            }
            Some(Ok(WatchItem::Restarted { seen, found })) => return Err(Error::Restarted { seen, found }),
            Some(Err(error)) => return Err(error.into()),
            None => return Err(Error::WatchEnded),
        }
    }
}

fn shared(log: Arc<dyn Log>, config: Config) -> Shared {
    let (intake, known) = (Intake::new(log.clone()), Arc::new(Mutex::new(Known::default())));
    Shared { intake, known, config: Arc::new(config), log }
}

async fn take_in(shared: &Shared, event: &Event) -> Result<Option<Dirty>, Error> {
    let news = shared.intake.read(event).await?;
    Ok(news.map(|news| shared.known(|known| known.take_event(event.aggregate(), event.sequence, news))))
}

/// What the log said until then is taken in.
fn note(shared: &Shared, since: Option<Instant>) {
    if let Some(since) = since {
        shared.config.evaluated.followed(since);
    }
}

fn park(shared: &Shared, parked: Undecodable) {
    tracing::error!(aggregate = %parked.aggregate, reason = parked.reason, "an aggregate is parked");
    let news = match &parked.aggregate {
        Aggregate::Target(target) => News::Parked(target.clone()),
        Aggregate::Sync(target) => News::SyncParked(target.clone()),
        Aggregate::Cluster(name) => News::Unreadable(name.clone()),
        Aggregate::Source(_) | Aggregate::Definitions | Aggregate::Render { .. } | Aggregate::Command(_) => {
            return;
        }
    };
    shared.known(|known| known.take_event(&parked.aggregate, parked.sequence, news));
}

/// Reads what was in force last for targets that have left the definitions; they are looked at then.
async fn settle_leaving(shared: &Shared, dirty: Dirty) -> Result<Dirty, Error> {
    let open = shared.known(|known| known.unsettled());
    if open.is_empty() {
        return Ok(dirty);
    }
    let found = shared.intake.left(open).await?;
    shared.known(|known| known.settle(found));
    Ok(Dirty::All)
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
    /// They, and the one that collects garbage.
    workers: JoinSet<Result<(), Error>>,
    clusters: BTreeMap<ClusterName, (Cluster, Arc<Inbox>, tokio::task::AbortHandle)>,
}

impl Fleet {
    fn new(shared: Shared) -> Self {
        Self { shared, workers: JoinSet::new(), clusters: BTreeMap::new() }
    }

    /// Does what follows from news: settles who leaves, wakes the workers concerned, retires what is nameless.
    async fn follow(&mut self, dirty: Dirty) -> Result<(), Error> {
        let dirty = settle_leaving(&self.shared, dirty).await?;
        self.wake(dirty);
        self.retire_nameless().await
    }

    /// Writes the last event of our clusters that nothing names any more. Before that their workers are let go of,
    /// which would only bring them back.
    async fn retire_nameless(&mut self) -> Result<(), Error> {
        let Some((definitions_n, nameless)) = self.shared.known(|known| known.nameless_clusters()) else {
            return Ok(());
        };
        if !nameless.is_empty() {
            self.follow_definitions();
        }
        for cluster in nameless.into_iter().filter(|name| self.shared.holds(name)) {
            perform::retire_cluster(&self.shared.log, cluster, definitions_n).await?;
        }
        Ok(())
    }

    fn wake(&mut self, dirty: Dirty) {
        let by_cluster = match dirty {
            Dirty::All => {
                self.follow_definitions();
                group(self.shared.known(|known| known.all_targets()))
            }
            Dirty::Targets(targets) => group(targets),
        };
        for (cluster, targets) in by_cluster {
            if let Some((_, inbox, _)) = self.clusters.get(&cluster) {
                inbox.put(targets);
            }
        }
    }

    /// One worker for each cluster that is ours and in the set, or with something to release; a changed cluster
    /// gets a new one.
    fn follow_definitions(&mut self) {
        if self.shared.known(|known| known.definitions().is_none()) {
            return;
        }
        let wanted = self.shared.known(|known| known.clusters());
        self.clusters.retain(|name, (cluster, _, worker)| {
            let now = wanted.iter().find(|wanted| wanted.name == *name);
            let same = |now: &Cluster| now.kubeconfig == cluster.kubeconfig && now.reach == cluster.reach;
            let stays = self.shared.holds(name) && now.is_some_and(same);
            if !stays {
                worker.abort();
                self.shared.config.evaluated.end(&Aggregate::Cluster(name.clone()));
            }
            stays
        });
        for cluster in &wanted {
            if self.shared.holds(&cluster.name) && !self.clusters.contains_key(&cluster.name) {
                self.shared.config.evaluated.begin(Aggregate::Cluster(cluster.name.clone()));
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
