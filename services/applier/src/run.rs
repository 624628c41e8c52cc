//! The loop: watch, decide which targets want something, attend to them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bus::{Filter, Log, LogPosition, Patient, ReadError, Share, Watch, WatchItem};
use events::{Event, state::DefinitionsState};
use model::{Aggregate, AggregateKind, ClusterName, TargetId};
use tokio::{task::JoinSet, time};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error,
    decide::{
        picture::{Picture, Told},
        queue::Queue,
    },
    perform::{Attended, Performer},
};

const WATCHED: [AggregateKind; 3] = [AggregateKind::Definitions, AggregateKind::Target, AggregateKind::Sync];
/// Time between two sweeps over everything, so that nothing rests on a wake-up.
const SWEEP: Duration = Duration::from_secs(60);

/// Carries out the plans of all targets until it is told to stop. What is under way then comes to the end of
/// its requests and is recorded; the next applier goes on with it.
///
/// # Errors
/// Whatever ends the process: the log was replaced, or a task died.
pub async fn run(log: Arc<dyn Log>, config: Config, stop: CancellationToken) -> Result<(), Error> {
    let log: Arc<dyn Log> = Arc::new(Patient::new(log, stop.clone()));
    let mut watch = log.watch(Filter::kinds(&WATCHED)).await?;
    let seen = log.position().await?;
    let mut share = config.share.clone();
    let mut applier = Applier::new(log, config, (seen, stop.clone()));
    let ended = applier.serve(&mut watch, &mut share, &stop).await;
    applier.rest().await;
    ended
}

type Ended = (TargetId, Result<Attended, Error>);

struct Applier {
    performer: Arc<Performer>,
    picture: Picture,
    queue: Queue,
    syncs: JoinSet<Ended>,
    /// Who takes custody of clusters, and of which.
    keepers: JoinSet<ClusterName>,
    keeping: BTreeSet<ClusterName>,
    /// Who lets go of them.
    leaving: JoinSet<()>,
    /// Definitions that are not in force yet, because they have not been read so far.
    unread: Option<(u64, DefinitionsState)>,
    listed: bool,
    seen: LogPosition,
    syncs_per_cluster: usize,
}

impl Applier {
    fn new(log: Arc<dyn Log>, config: Config, (seen, stop): (LogPosition, CancellationToken)) -> Self {
        let syncs_per_cluster = config.syncs_per_cluster;
        Self {
            performer: Arc::new(Performer::new(log, config, stop)),
            picture: Picture::default(),
            queue: Queue::default(),
            syncs: JoinSet::new(),
            keepers: JoinSet::new(),
            keeping: BTreeSet::new(),
            leaving: JoinSet::new(),
            unread: None,
            listed: false,
            seen,
            syncs_per_cluster,
        }
    }

    /// Goes on until it is told to stop.
    async fn serve(
        &mut self,
        watch: &mut Watch,
        share: &mut Share,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let mut sweep = time::interval(SWEEP);
        loop {
            self.dispatch().await?;
            tokio::select! {
                // What ends comes before what begins.
                biased;
                () = stop.cancelled() => return self.drain().await,
                Some(ended) = self.syncs.join_next() => {
                    let (target, attended) = ended.map_err(Error::SyncDied)?;
                    self.conclude(&target, attended?);
                }
                Some(left) = self.leaving.join_next() => left.map_err(Error::SyncDied)?,
                Some(kept) = self.keepers.join_next() => {
                    self.keeping.remove(&kept.map_err(Error::SyncDied)?);
                }
                () = share.changed() => self.wake_all(),
                _ = sweep.tick() => self.sweep().await?,
                item = watch.next() => self.take(item.ok_or(Error::WatchEnded)?).await?,
            }
        }
    }

    /// Starts to attend to as many targets as there is room for.
    async fn dispatch(&mut self) -> Result<(), Error> {
        if !self.listed {
            return Ok(());
        }
        self.define().await?;
        let due = |target: &TargetId| self.picture.defined(target).filter(|_| self.picture.wants(target));
        for (target, defined) in self.queue.take(self.syncs_per_cluster, due) {
            let performer = Arc::clone(&self.performer);
            self.syncs.spawn(async move {
                let attended = performer.attend(&target, defined).await;
                (target, attended)
            });
        }
        Ok(())
    }

    /// Reads definitions that were announced, and puts them in force.
    async fn define(&mut self) -> Result<(), Error> {
        let Some((n, state)) = self.unread.take() else { return Ok(()) };
        if let Some(set) = self.performer.read_set(&state).await? {
            self.picture.define(n, &set);
            self.wake_all();
            self.let_go();
        }
        Ok(())
    }

    async fn take(&mut self, item: Result<WatchItem, ReadError>) -> Result<(), Error> {
        match item {
            Ok(WatchItem::Event(event)) => self.note(&event),
            Ok(WatchItem::Listed) => {
                self.listed = true;
                self.wake_all();
            }
            Ok(WatchItem::Undecodable(found)) => {
                tracing::error!(aggregate = %found.aggregate, reason = found.reason, "parked");
                if let Aggregate::Target(target) | Aggregate::Sync(target) = &found.aggregate {
                    self.picture.park(target);
                }
            }
            Ok(WatchItem::Restarted { seen, found }) => return Err(Error::Restarted { seen, found }),
            // Only when it is to stop: until then an interruption is waited for.
            Err(ReadError::Unavailable(_)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn note(&mut self, event: &Event) {
        self.performer.act_on(event);
        match self.picture.take(event) {
            Ok(Told::Target(target)) if self.picture.wants(&target) => self.queue.push(target),
            Ok(Told::Supersede(target, generation)) => {
                self.performer.supersede(&target, generation);
                if self.picture.wants(&target) {
                    self.queue.push(target);
                }
            }
            Ok(Told::Definitions(n, state)) => self.unread = Some((n, *state)),
            Ok(Told::Target(_) | Told::Nothing) => {}
            Err(error) => {
                let aggregate = event.aggregate();
                tracing::error!(%aggregate, error = &error as &dyn std::error::Error, "not understood");
            }
        }
    }

    fn conclude(&mut self, target: &TargetId, attended: Attended) {
        self.queue.done(target);
        match attended {
            Attended::At(Some(synced)) => {
                self.picture.conclude(target, synced);
                if synced.retired {
                    self.let_go();
                }
            }
            Attended::Parked => self.picture.park(target),
            Attended::At(None) | Attended::Left => {}
        }
    }

    fn wake_all(&mut self) {
        self.picture.wanting().into_iter().for_each(|target| self.queue.push(target));
        if self.performer.keeps_clusters() {
            self.keep_all();
        }
    }

    /// Takes custody of every cluster, whether there is something to do or not.
    fn keep_all(&mut self) {
        for (cluster, applications) in self.picture.clusters() {
            self.performer.comprise(&cluster.name, applications);
            if self.keeping.insert(cluster.name.clone()) {
                let performer = Arc::clone(&self.performer);
                self.keepers.spawn(async move {
                    performer.keep(&cluster).await;
                    cluster.name
                });
            }
        }
    }

    async fn sweep(&mut self) -> Result<(), Error> {
        self.seen = self.performer.follow(&self.seen).await?;
        if self.listed {
            self.wake_all();
            self.let_go();
        }
        Ok(())
    }

    /// Lets go of clusters with which it is over.
    fn let_go(&mut self) {
        if let (true, Some(ours)) = (self.performer.keeps_clusters(), self.picture.ours()) {
            let performer = Arc::clone(&self.performer);
            self.leaving.spawn(async move { performer.leave_all_but(ours).await });
        }
    }

    /// Lets every sync come to the end of its requests.
    async fn drain(&mut self) -> Result<(), Error> {
        while let Some(ended) = self.syncs.join_next().await {
            ended.map_err(Error::SyncDied)?.1?;
        }
        Ok(())
    }

    /// Ends whatever is under way, and gives back the clusters: a successor of another log would wait for them.
    async fn rest(mut self) {
        self.syncs.shutdown().await;
        self.keepers.shutdown().await;
        self.leaving.shutdown().await;
        if self.performer.keeps_clusters() {
            self.performer.give_back().await;
        }
    }
}
