//! The loop: what the log says goes into the picture, and whoever watches learns what changed.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use bus::{Filter, Freshness, Log, Patient, Report, WatchItem, now};
use events::{Content, Event, state::DefinitionsState};
use model::{Aggregate, AggregateKind, ClusterName, DefinitionSet, Source, TargetId};
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error, Listener,
    api::Refusal,
    decide::{self, Picture, Reason, Taken, Told},
    serve::serve,
    shown::Shown,
    wire::{Evaluated, TargetStatus, Unread},
};

/// What a gateway reads of the log.
const KINDS: [AggregateKind; 6] = [
    AggregateKind::Definitions,
    AggregateKind::Source,
    AggregateKind::Render,
    AggregateKind::Cluster,
    AggregateKind::Target,
    AggregateKind::Sync,
];

/// Time between two looks at who evaluates: as often as they tell.
const LOOK: Duration = Duration::from_secs(3);

/// The log counts as silent after that long without an answer: several looks.
const SILENT: Duration = Duration::from_secs(15);

/// Who brings a commit as far as the differ, by the names of their groups.
const BEFORE_THE_DIFFER: [&str; 2] = [FETCHER, "renderer"];

/// Who looks at sources.
const FETCHER: &str = "fetcher";

/// Looks at a source that may fail to come until what was seen counts no more.
const LOOKS: u32 = 3;

/// Webhooks that are read at once, 2 MB each: who sends them has shown nothing yet.
const HEARD_MAX: usize = 32;

/// What all requests share.
pub(crate) struct Gateway {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) config: Config,
    picture: RwLock<Picture>,
    evaluations: RwLock<Evaluations>,
    pub(crate) shown: Shown,
    pub(crate) hearing: Semaphore,
    /// Whether all that the log says is listed.
    listed: watch::Sender<bool>,
}

/// What those who evaluate have told.
#[derive(Default)]
struct Evaluations {
    /// How far the statuses of each cluster could be believed when that was last told, without the age.
    told: BTreeMap<ClusterName, Evaluated>,
    reports: Vec<Report>,
    /// What those who look at sources have told.
    looks: Vec<Report>,
    asked: Option<Instant>,
    /// Since when there are newer definitions than those that are shown.
    outdated: Option<Instant>,
    /// Since when nobody is there who would see a commit, or render it.
    unattended: Option<Instant>,
}

/// Definitions that could not be read so far.
type Unreadable = Option<(u64, DefinitionsState)>;

/// Works until `stop`. A log that does not answer is waited for.
///
/// # Errors
/// If the log cannot be used or was replaced, or the server died.
pub async fn run(
    log: Arc<dyn Log>,
    config: Config,
    listener: Listener,
    stop: CancellationToken,
) -> Result<(), Error> {
    let patient: Arc<dyn Log> = Arc::new(Patient::new(log.clone(), stop.clone()));
    // A caller would rather be told than wait.
    let gateway = Arc::new(Gateway::new(log, config));
    let mut server = tokio::spawn(serve(listener, gateway.clone(), stop.clone()));
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        ended = follow(&patient, &gateway) => ended,
        died = &mut server => died.map_err(Error::TaskDied),
    };
    stop.cancel();
    ended
}

async fn follow(log: &Arc<dyn Log>, gateway: &Gateway) -> Result<(), Error> {
    let mut watch = log.watch(Filter::kinds(&KINDS)).await?;
    let mut seen = log.position().await?;
    let mut look = tokio::time::interval(LOOK);
    let mut unreadable = None;
    loop {
        let item = tokio::select! {
            _ = look.tick() => {
                let found = seen.follow_if_answered(&*gateway.log).await?;
                let reports = match found {
                    Some(_) => gateway.log.members("differ").await.ok(),
                    None => None,
                };
                seen = found.unwrap_or(seen);
                gateway.look_for_others().await;
                if let Some((n, state)) = unreadable.take() {
                    unreadable = gateway.define(n, state).await;
                }
                gateway.note(reports);
                continue;
            }
            item = watch.next() => item.ok_or(Error::WatchEnded)?,
        };
        match item {
            Ok(WatchItem::Event(event)) => gateway.take(&event, &mut unreadable).await,
            Ok(WatchItem::Listed) => drop(gateway.listed.send_replace(true)),
            Ok(WatchItem::Undecodable(parked)) => {
                gateway.miss(&parked.aggregate, Reason::Form(parked.reason));
            }
            Ok(WatchItem::Restarted { seen, found }) => return Err(Error::Restarted { seen, found }),
            Err(error) => return Err(error.into()),
        }
    }
}

impl Gateway {
    fn new(log: Arc<dyn Log>, config: Config) -> Self {
        Self {
            log,
            config,
            picture: RwLock::default(),
            evaluations: RwLock::default(),
            shown: Shown::new(),
            hearing: Semaphore::new(HEARD_MAX),
            listed: watch::Sender::new(false),
        }
    }

    pub(crate) fn picture(&self) -> RwLockReadGuard<'_, Picture> {
        self.picture.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn picture_mut(&self) -> RwLockWriteGuard<'_, Picture> {
        self.picture.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn evaluations_mut(&self) -> RwLockWriteGuard<'_, Evaluations> {
        self.evaluations.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what is shown is what the log says: all of it is listed, and the log has answered lately.
    pub(crate) fn is_ready(&self) -> bool {
        let told = self.evaluations.read().unwrap_or_else(PoisonError::into_inner);
        *self.listed.borrow() && told.asked.is_some_and(|asked| asked.elapsed() <= SILENT)
    }

    /// Waits until all that the log says is listed: before, what is not shown may be there nonetheless.
    pub(crate) async fn listed(&self) {
        // The sender is ours: it does not go before we do.
        let _ = self.listed.subscribe().wait_for(|listed| *listed).await;
    }

    /// The status of a target; `None`: there is none.
    pub(crate) fn status(&self, id: &TargetId) -> Option<TargetStatus> {
        self.picture().status(id, self.evaluated(&id.cluster))
    }

    /// Everything with a status, in order.
    pub(crate) fn statuses(&self) -> Vec<TargetStatus> {
        let ids = self.picture().ids();
        ids.iter().filter_map(|id| self.status(id)).collect()
    }

    /// Why the newest definitions cannot be read, if so.
    pub(crate) fn unread(&self) -> Option<Unread> {
        self.picture().missed(&Aggregate::Definitions).map(Unread::from)
    }

    /// The refusal of a request for something that is not shown: it may be there where the definitions cannot be read.
    pub(crate) fn unknown(&self, message: String) -> Refusal {
        match self.picture().missed(&Aggregate::Definitions) {
            Some(failure) => Refusal::unread(failure),
            None => Refusal::not_found(message),
        }
    }

    pub(crate) fn evaluated(&self, cluster: &ClusterName) -> Evaluated {
        let told = self.evaluations.read().unwrap_or_else(PoisonError::into_inner);
        let bound = self.config.stale_after;
        let freshness = bus::freshness(&Aggregate::Cluster(cluster.clone()), &told.reports, bound);
        let since = told.asked.map(|asked| asked.elapsed()).unwrap_or_default();
        let behind = told.outdated.into_iter().chain(told.unattended).map(|since| since.elapsed()).max();
        decide::evaluated(&freshness, since, behind, bound)
    }

    /// Who looked at a source, and how long ago. It counts while no look is missing: some are lost, and one takes time.
    pub(crate) fn looked_at(&self, source: &Source) -> Evaluated {
        let told = self.evaluations.read().unwrap_or_else(PoisonError::into_inner);
        let bound = self.config.stale_after.max(Duration::from_millis(source.poll_ms) * LOOKS);
        let freshness = match bus::freshness(&Aggregate::Source(source.name.clone()), &told.looks, bound) {
            // Which of the fetchers it falls to is decided by the repository, not by the name.
            Freshness::Unknown { .. } => Freshness::Unknown { owner: None },
            known @ (Freshness::Fresh { .. } | Freshness::Stale { .. }) => known,
        };
        let since = told.asked.map(|asked| asked.elapsed()).unwrap_or_default();
        decide::evaluated(&freshness, since, None, bound)
    }

    /// Notes whether there is anybody before the differ: while nobody sees commits, being in sync means nothing.
    async fn look_for_others(&self) {
        let mut missing = false;
        for group in BEFORE_THE_DIFFER {
            match self.log.members(group).await {
                Ok(members) => {
                    missing |= members.is_empty();
                    if group == FETCHER {
                        self.evaluations_mut().looks = members;
                    }
                }
                // Not known: as it was.
                Err(_) => return,
            }
        }
        let mut told = self.evaluations_mut();
        told.unattended = if missing { told.unattended.or_else(|| Some(Instant::now())) } else { None };
    }

    /// Notes what those who evaluate tell now; `None`: they could not be asked, and what they told grows old.
    fn note(&self, reports: Option<Vec<Report>>) {
        if let Some(reports) = reports {
            let mut told = self.evaluations_mut();
            (told.reports, told.asked) = (reports, Some(Instant::now()));
        }
        let mut on: BTreeMap<ClusterName, Vec<TargetId>> = BTreeMap::new();
        for id in self.picture().ids() {
            on.entry(id.cluster.clone()).or_default().push(id);
        }
        let ageless = |cluster: &ClusterName| Evaluated { seconds: None, ..self.evaluated(cluster) };
        let words: BTreeMap<_, _> = on.keys().map(|cluster| (cluster.clone(), ageless(cluster))).collect();
        let before = std::mem::replace(&mut self.evaluations_mut().told, words.clone());
        on.retain(|cluster, _| before.get(cluster) != words.get(cluster));
        self.tell(on.into_values().flatten().collect());
    }

    async fn take(&self, event: &Event, unreadable: &mut Unreadable) {
        let taken = self.picture_mut().take(event);
        match taken {
            Ok(Taken::Targets(targets)) => self.tell(targets),
            Ok(Taken::Definitions(n, state)) => *unreadable = self.define(n, *state).await,
            Err(error) => {
                if event.aggregate() == &Aggregate::Definitions {
                    *unreadable = None;
                }
                self.miss(event.aggregate(), Reason::Form(error.to_string()));
            }
        }
    }

    /// Puts definitions in force; hands those that cannot be read back, to be tried again.
    async fn define(&self, n: u64, state: DefinitionsState) -> Unreadable {
        match read_set(&self.log, &state).await {
            Ok(set) => {
                let DefinitionsState { commit, rejected, consent, .. } = state;
                let told = Told { commit, rejected, consent };
                let concerned = self.picture_mut().define(n, Arc::new(set), told);
                self.evaluations_mut().outdated = None;
                self.tell(concerned);
                None
            }
            Err(reason) => {
                let again = matches!(reason, Reason::Blob(_));
                self.miss(&Aggregate::Definitions, reason);
                again.then_some((n, state))
            }
        }
    }

    /// Notes that the newest state of an aggregate cannot be read.
    fn miss(&self, aggregate: &Aggregate, reason: Reason) {
        let known = self.picture().missed(aggregate).is_some();
        if known {
            return;
        }
        tracing::error!(%aggregate, ?reason, "not understood");
        let concerned = self.picture_mut().miss(aggregate, decide::failure(aggregate, &reason, now()));
        if aggregate == &Aggregate::Definitions {
            self.evaluations_mut().outdated = Some(Instant::now());
        }
        self.tell(concerned);
    }

    fn tell(&self, targets: Vec<TargetId>) {
        self.shown.tell(targets, |id| self.status(id));
    }
}

async fn read_set(log: &Arc<dyn Log>, state: &DefinitionsState) -> Result<DefinitionSet, Reason> {
    let bytes = match &state.set {
        Content::Inline(bytes) => bytes.clone(),
        Content::Blob(digest) => {
            let blob = log.get_blob(digest).await.map_err(|error| Reason::Blob(error.to_string()))?;
            blob.ok_or_else(|| Reason::Blob(format!("blob {digest} is missing")))?.to_vec()
        }
    };
    DefinitionsState::decode_set(&bytes).map_err(|error| Reason::Form(error.to_string()))
}

#[cfg(test)]
mod tests;
