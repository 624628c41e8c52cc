//! What the log has told so far: which commit each application is at, and when what happened.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bus::{Filter, Log, WatchItem};
use events::{
    Event, EventType,
    state::{RequestId, SourceState, SyncOutcome, SyncStage, SyncState},
};
use model::{Aggregate, AggregateKind, ApplicationName};
use tokio::{
    sync::watch::{self, Receiver},
    task::AbortHandle,
};

use crate::Fault;

const KINDS: [AggregateKind; 4] =
    [AggregateKind::Source, AggregateKind::Render, AggregateKind::Target, AggregateKind::Sync];

/// What the log has told.
#[derive(Debug, Default)]
pub struct Told {
    /// The commit that each application was last applied at in full, and when that was told.
    pub applied: BTreeMap<ApplicationName, (String, Instant)>,
    /// Requests of the source that were carried out.
    pub fetched: Vec<RequestId>,
    /// Per event type: how many, the first and the last.
    pub phases: BTreeMap<EventType, Phase>,
    /// Applications about which a sync said anything.
    pub touched: BTreeSet<ApplicationName>,
    /// The first sync that failed.
    pub failed: Option<String>,
}

/// Events of one type.
#[derive(Debug, Clone, Copy)]
pub struct Phase {
    pub count: u64,
    pub first: Instant,
    pub last: Instant,
}

/// A reader of the log.
pub struct Story {
    told: Arc<Mutex<Told>>,
    changed: Receiver<u64>,
    reader: AbortHandle,
}

impl Drop for Story {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Story {
    pub async fn follow(log: &Arc<dyn Log>) -> Result<Self, Fault> {
        let mut watch = log.watch(Filter::kinds(&KINDS)).await?;
        let told = Arc::new(Mutex::new(Told::default()));
        let (news, changed) = watch::channel(0);
        let board = told.clone();
        let reader = tokio::spawn(async move {
            while let Some(Ok(item)) = watch.next().await {
                if let WatchItem::Event(event) = item {
                    board.lock().unwrap_or_else(PoisonError::into_inner).take(&event);
                    news.send_modify(|count| *count += 1);
                }
            }
        });
        Ok(Self { told, changed, reader: reader.abort_handle() })
    }

    pub fn with<T>(&self, act: impl FnOnce(&mut Told) -> T) -> T {
        act(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets when what happened, and which syncs said anything.
    pub fn turn_page(&self) {
        self.with(|told| {
            told.phases.clear();
            told.touched.clear();
        });
    }

    /// Waits until `seen` finds what it looks for; a failed sync ends the wait.
    pub async fn until<T>(
        &mut self,
        bound: Duration,
        what: &str,
        mut seen: impl FnMut(&Told) -> Option<T>,
    ) -> Result<T, Fault> {
        let deadline = tokio::time::Instant::now() + bound;
        loop {
            let (found, failed) = self.with(|told| (seen(told), told.failed.clone()));
            match (found, failed) {
                (Some(found), _) => return Ok(found),
                (None, Some(failed)) => return Err(format!("a sync failed: {failed}").into()),
                (None, None) => {}
            }
            match tokio::time::timeout_at(deadline, self.changed.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err("the log ended".into()),
                Err(_) => return Err(format!("{what}: not within {} s", bound.as_secs()).into()),
            }
        }
    }
}

impl Told {
    fn take(&mut self, event: &Event) {
        let now = Instant::now();
        let fresh = Phase { count: 0, first: now, last: now };
        let phase = self.phases.entry(event.draft.kind).or_insert(fresh);
        (phase.count, phase.last) = (phase.count + 1, now);
        match event.aggregate() {
            Aggregate::Source(_) => {
                if let Ok(state) = events::decode::<SourceState>(event.draft.format, &event.draft.payload) {
                    self.fetched = state.handled;
                }
            }
            Aggregate::Sync(target) => {
                if let Ok(state) = events::decode::<SyncState>(event.draft.format, &event.draft.payload) {
                    self.sync(&target.application, state, now);
                }
            }
            Aggregate::Definitions
            | Aggregate::Render { .. }
            | Aggregate::Cluster(_)
            | Aggregate::Target(_)
            | Aggregate::Command(_) => {}
        }
    }

    fn sync(&mut self, application: &ApplicationName, state: SyncState, now: Instant) {
        self.touched.insert(application.clone());
        let SyncStage::Finished { outcome, .. } = state.stage else { return };
        match (outcome, state.commit) {
            (SyncOutcome::Succeeded, Some(commit)) => {
                self.applied.insert(application.clone(), (commit.to_string(), now));
            }
            (SyncOutcome::Succeeded, None) => {}
            (SyncOutcome::Failed { failure }, _) => {
                self.failed.get_or_insert(format!("{application}: {} {}", failure.code, failure.message));
            }
        }
    }
}
