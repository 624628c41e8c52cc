//! One cluster: its watches, its live view, and the rounds in which its targets are decided.

mod identity;
mod inbox;
mod look_around;
mod observe;
mod pace;
mod round;
mod standing;
mod vigil;
mod wakes;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bus::{Log, now};
use cluster::{ClusterClient, Discovery};
use events::state::ClusterIdentity;
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{BoxStream, FuturesUnordered, SelectAll},
};
use model::{ApplicationName, Cluster, ClusterName, Partition, TargetId};
use tokio::time::Instant;

pub use inbox::Inbox;
use pace::Pace;
use standing::Probed;
use vigil::Vigil;
use wakes::Wakes;

use crate::{
    Config, Error,
    answers::Answers,
    decide::{ClusterStanding, Unreadable},
    desired::Desired,
    intake::Intake,
    known::{Around, Ids, Known},
    live::{LiveView, Part},
    perform::Loaded,
};

/// Observations taken in one go before targets are decided: enough to merge a burst, few enough to stay prompt.
const OBSERVATIONS_AT_ONCE: usize = 512;

/// What all workers of a differ share.
#[derive(Clone)]
pub struct Shared {
    /// The log.
    pub log: Arc<dyn Log>,
    /// Reads from it.
    pub intake: Intake,
    /// What it says.
    pub known: Arc<Mutex<Known>>,
    /// Settings.
    pub config: Arc<Config>,
}

impl Shared {
    /// Looks at what the log says.
    pub fn known<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        // A panic while it was held would have ended the process: see run.
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the cluster is this differ's, now.
    pub fn holds(&self, cluster: &ClusterName) -> bool {
        self.config.share.holds(Partition::of_cluster(cluster))
    }
}

/// A desired state held while its target is being decided.
struct Held {
    loaded: Loaded,
    desired: Desired,
}

/// The connection to the API server.
struct Connection {
    client: ClusterClient,
    discovery: Arc<Discovery>,
    discovered: Instant,
}

/// What the watches have found about the cluster as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum News {
    /// Nothing.
    #[default]
    None,
    /// It was restored from a backup.
    Restored,
}

/// One cluster.
pub struct Worker {
    shared: Shared,
    cluster: Cluster,
    inbox: Arc<Inbox>,
    standing: ClusterStanding,
    connection: Option<Connection>,
    live: LiveView,
    /// What the watches have found that is still to be told.
    news: News,
    /// Which API server it is, as far as one has answered.
    identity: Option<ClusterIdentity>,
    observations: SelectAll<BoxStream<'static, (Part, cluster::Observation)>>,
    /// The one question whether the cluster still answers; none while nothing makes us doubt it.
    probe: FuturesUnordered<BoxFuture<'static, Probed>>,
    /// Since when everything was looked at.
    vigil: Vigil,
    answers: BTreeMap<TargetId, Answers>,
    held: BTreeMap<TargetId, Arc<Held>>,
    unreadable: BTreeMap<TargetId, Unreadable>,
    wakes: Wakes,
    pace: Pace,
    around: BTreeMap<TargetId, Around>,
    /// Applications whose news a target waits for.
    awaited: BTreeMap<TargetId, BTreeSet<ApplicationName>>,
    ids: Ids,
}

impl Worker {
    /// A worker for a cluster; it connects when it runs.
    pub fn new(shared: Shared, cluster: Cluster, inbox: Arc<Inbox>) -> Self {
        Self {
            shared,
            live: LiveView::of(cluster.reach.clone()),
            cluster,
            inbox,
            standing: ClusterStanding::Connecting,
            connection: None,
            news: News::default(),
            identity: None,
            observations: SelectAll::new(),
            probe: FuturesUnordered::new(),
            vigil: Vigil::default(),
            answers: BTreeMap::new(),
            held: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            wakes: Wakes::default(),
            pace: Pace::default(),
            around: BTreeMap::new(),
            awaited: BTreeMap::new(),
            ids: Ids::new(),
        }
    }

    /// Works for ever.
    ///
    /// # Errors
    /// If the log cannot be used.
    pub async fn run(mut self) -> Result<(), Error> {
        let mut sweep = tokio::time::interval(self.shared.config.sweep);
        let mut connect_at = Instant::now();
        loop {
            let until_wake = self.until_wake();
            let mut sweeping = None;
            let mut dirty = tokio::select! {
                // What is rare comes first. What may come without end holds up nothing: it is taken along below.
                biased;
                _ = sweep.tick() => {
                    sweeping = Some(Instant::now());
                    // A server that takes connections and answers nothing breaks no watch: they wait for their
                    // next bookmark.
                    self.doubt();
                    self.sweep()
                }
                () = tokio::time::sleep_until(connect_at), if self.connection.is_none() => {
                    connect_at = self.connect().await?;
                    self.targets()
                }
                Some(probed) = self.probe.next(), if !self.probe.is_empty() => {
                    self.judge_probe(probed).await?;
                    self.targets()
                }
                () = tokio::time::sleep(until_wake) => self.wakes.take_due(now()),
                dirty = self.inbox.take() => dirty,
                Some(observation) = self.observations.next(), if !self.observations.is_empty() => {
                    self.take_observations(observation)
                }
            };
            dirty.extend(self.take_along());
            self.tell_restored().await?;
            let ending = self.round(dirty).await?;
            if let Some(begun) = sweeping {
                self.swept(begun, ending);
            }
            if self.vigil.is_open() && self.is_in_view() {
                sweep.reset_immediately();
            }
        }
    }

    fn targets(&self) -> BTreeSet<TargetId> {
        let mut targets: BTreeSet<TargetId> =
            self.shared.known(|known| known.targets_on(&self.cluster.name)).into_iter().collect();
        targets.extend(self.answers.keys().cloned());
        targets
    }

    fn sweep(&mut self) -> BTreeSet<TargetId> {
        for answers in self.answers.values_mut() {
            answers.forget_uncertain();
        }
        self.live.forget_undiscovered();
        self.pace.sweep(now());
        self.targets()
    }

    fn until_wake(&self) -> Duration {
        self.wakes.next().map_or(self.shared.config.sweep, |wake| wake.since(now()))
    }

    /// Takes what else has come by now, and says which targets it concerns.
    fn take_along(&mut self) -> BTreeSet<TargetId> {
        let mut dirty = self.inbox.take().now_or_never().unwrap_or_default();
        if let Some(observation) = self.observations.next().now_or_never().flatten() {
            dirty.extend(self.take_observations(observation));
        }
        dirty
    }

    /// Takes what has been observed by now, and says which targets it concerns.
    fn take_observations(&mut self, first: (Part, cluster::Observation)) -> BTreeSet<TargetId> {
        let mut dirty = BTreeSet::new();
        let mut next = Some(first);
        let mut left = OBSERVATIONS_AT_ONCE;
        while let Some((part, observation)) = next.take() {
            dirty.extend(self.observe(part, observation));
            left -= 1;
            if left > 0 {
                next = self.observations.next().now_or_never().flatten();
            }
        }
        dirty
    }
}
