//! The loop: what the log says goes into the picture, and whoever watches learns what changed.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use bus::{Filter, Log, Patient, Report, WatchItem};
use events::{Content, Event, state::DefinitionsState};
use model::{AggregateKind, ClusterName, DefinitionSet, TargetId};
use tokio::{
    sync::{broadcast, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error, Listener,
    decide::{self, Picture, Taken, Told},
    serve::serve,
    wire::{self, Evaluated, TargetStatus},
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

/// Changes that a slow watcher may be behind; past them it gets everything anew.
const BEHIND_MAX: usize = 1024;

/// The log counts as silent after that long without an answer: several looks.
const SILENT: Duration = Duration::from_secs(15);

/// What all requests share.
pub(crate) struct Gateway {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) config: Config,
    picture: RwLock<Picture>,
    evaluations: RwLock<Evaluations>,
    changes: broadcast::Sender<Arc<[TargetId]>>,
    /// Whether all that the log says is listed.
    listed: watch::Sender<bool>,
}

/// What those who evaluate have told.
#[derive(Default)]
struct Evaluations {
    /// How far each status could be believed when that was last told.
    told: BTreeMap<TargetId, wire::Freshness>,
    reports: Vec<Report>,
    asked: Option<Instant>,
}

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
    loop {
        let item = tokio::select! {
            _ = look.tick() => {
                let found = seen.follow_if_answered(&*gateway.log).await?;
                let reports = match found {
                    Some(_) => gateway.log.members("differ").await.ok(),
                    None => None,
                };
                seen = found.unwrap_or(seen);
                gateway.note(reports);
                continue;
            }
            item = watch.next() => item.ok_or(Error::WatchEnded)?,
        };
        match item {
            Ok(WatchItem::Event(event)) => gateway.take(log, &event).await?,
            Ok(WatchItem::Listed) => drop(gateway.listed.send_replace(true)),
            Ok(WatchItem::Undecodable(parked)) => {
                tracing::error!(aggregate = %parked.aggregate, reason = parked.reason, "not understood");
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
            changes: broadcast::channel(BEHIND_MAX).0,
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

    /// Whose statuses change from now on.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Arc<[TargetId]>> {
        self.changes.subscribe()
    }

    pub(crate) fn evaluated(&self, cluster: &ClusterName) -> Evaluated {
        let told = self.evaluations.read().unwrap_or_else(PoisonError::into_inner);
        let bound = self.config.stale_after;
        let freshness = bus::freshness(cluster, &told.reports, bound);
        let since = told.asked.map(|asked| asked.elapsed()).unwrap_or_default();
        decide::evaluated(&freshness, since, bound)
    }

    /// Notes what those who evaluate tell now; `None`: they could not be asked, and what they told grows old.
    fn note(&self, reports: Option<Vec<Report>>) {
        if let Some(reports) = reports {
            let mut told = self.evaluations_mut();
            (told.reports, told.asked) = (reports, Some(Instant::now()));
        }
        let ids = self.picture().ids();
        let words: BTreeMap<_, _> =
            ids.into_iter().map(|id| (id.clone(), self.evaluated(&id.cluster).state)).collect();
        let before = std::mem::replace(&mut self.evaluations_mut().told, words.clone());
        let turned =
            words.into_iter().filter(|(id, word)| before.get(id).is_some_and(|before| before != word));
        self.tell(turned.map(|(id, _)| id).collect());
    }

    async fn take(&self, log: &Arc<dyn Log>, event: &Event) -> Result<(), Error> {
        let taken = self.picture_mut().take(event);
        match taken {
            Ok(Taken::Targets(targets)) => self.tell(targets),
            Ok(Taken::Definitions(n, state)) => match read_set(log, &state).await {
                Some(set) => {
                    let DefinitionsState { commit, rejected, consent, .. } = *state;
                    let told = Told { commit, rejected, consent };
                    let concerned = self.picture_mut().define(n, Arc::new(set), told);
                    self.tell(concerned);
                }
                None => tracing::error!(n, "the definitions cannot be read here"),
            },
            Err(error) => {
                let aggregate = event.aggregate();
                tracing::error!(%aggregate, error = &error as &dyn std::error::Error, "not understood");
            }
        }
        Ok(())
    }

    fn tell(&self, targets: Vec<TargetId>) {
        if !targets.is_empty() {
            // Nobody may be watching.
            let _ = self.changes.send(targets.into());
        }
    }
}

async fn read_set(log: &Arc<dyn Log>, state: &DefinitionsState) -> Option<DefinitionSet> {
    let bytes = match &state.set {
        Content::Inline(bytes) => bytes.clone(),
        Content::Blob(digest) => log.get_blob(digest).await.ok()??.to_vec(),
    };
    DefinitionsState::decode_set(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Body,
        http::{Request, StatusCode},
    };
    use futures::FutureExt;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn who_asks_before_the_log_is_listed_waits_for_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let log = bus::open(bus::LogConfig::embedded(folder.path())).await.unwrap();
        let gateway = Arc::new(Gateway::new(log, Config::default()));
        let request = Request::get("/api/v1/targets").header("host", "localhost").body(Body::empty());
        let mut answer = crate::api::routes(gateway.clone()).oneshot(request.unwrap()).boxed();
        assert!((&mut answer).now_or_never().is_none(), "nothing is told of what is not known");
        gateway.listed.send_replace(true);
        assert_eq!(answer.await.unwrap().status(), StatusCode::OK);
    }
}
