//! The loop: watch, decide, visit, append.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::pending,
    sync::Arc,
    time::Duration,
};

use bus::{Evaluated, Filter, Log, LogPosition, Patient, ReadError, Share, WatchItem};
use events::{Event, state::DefinitionsState};
use model::{Aggregate, AggregateKind, Timestamp};
use tokio::{
    task::JoinSet,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error,
    decide::{Agenda, Picture, RemoteId, Taken},
    perform::{End, Looked, Performer, Unreadable, now},
};

const WATCHED: [AggregateKind; 3] =
    [AggregateKind::Source, AggregateKind::Definitions, AggregateKind::Command];
/// Time between two sweeps over everything, so that nothing rests on a wake-up.
const SWEEP: Duration = Duration::from_secs(60);
/// Visits at once. One waits for its host most of the time; hosts that hang must not hold up the others.
const VISITS_MAX: usize = 64;
/// Wait before a part of the log that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// Looks at the sources of the definitions in force until it is told to stop.
///
/// # Errors
/// Whatever ends the process: the log was replaced, or a task died.
pub async fn run(log: Arc<dyn Log>, config: Config, stop: CancellationToken) -> Result<(), Error> {
    let log: Arc<dyn Log> = Arc::new(Patient::new(log, stop.clone()));
    stop.run_until_cancelled(work(log, config)).await.unwrap_or(Ok(()))
}

async fn work(log: Arc<dyn Log>, config: Config) -> Result<(), Error> {
    let mut watch = log.watch(Filter::kinds(&WATCHED)).await?;
    let seen = log.position().await?;
    let mut share = config.share.clone();
    let evaluated = config.evaluated.clone();
    let mut fetcher = Fetcher::new(Performer::new(log, config), (share.clone(), evaluated), seen);
    let mut sweep = time::interval(SWEEP);
    loop {
        fetcher.dispatch().await?;
        let appointment = fetcher.appointment();
        tokio::select! {
            item = watch.next() => fetcher.take(item.ok_or(Error::WatchEnded)?).await?,
            Some(visited) = fetcher.visits.join_next() => {
                let (remote, looked) = visited.map_err(Error::VisitDied)?;
                fetcher.conclude(remote, looked?);
            }
            () = appointment => {}
            () = share.changed() => {
                fetcher.forget_others();
                fetcher.wake_all();
            }
            _ = sweep.tick() => fetcher.sweep().await?,
        }
    }
}

type Visited = (RemoteId, Result<Vec<Looked>, Error>);

struct Fetcher {
    performer: Arc<Performer>,
    share: Share,
    picture: Picture,
    agenda: Agenda,
    visits: JoinSet<Visited>,
    /// Remotes that are visited, and since when.
    busy: BTreeMap<RemoteId, Instant>,
    evaluated: Evaluated,
    /// Definitions that are not in force yet, because they could not be read so far.
    unread: Option<DefinitionsState>,
    listed: bool,
    seen: LogPosition,
}

impl Fetcher {
    fn new(performer: Performer, (share, evaluated): (Share, Evaluated), seen: LogPosition) -> Self {
        Self {
            performer: Arc::new(performer),
            share,
            picture: Picture::default(),
            agenda: Agenda::default(),
            visits: JoinSet::new(),
            busy: BTreeMap::new(),
            evaluated,
            unread: None,
            listed: false,
            seen,
        }
    }

    /// Decides about every remote that is due, and starts its visit.
    async fn dispatch(&mut self) -> Result<(), Error> {
        if !self.listed {
            return Ok(());
        }
        self.define().await?;
        self.evaluated.followed(Instant::now());
        let now = now();
        while let Some((at, remote)) = self.agenda.first() {
            if at > now || self.visits.len() >= VISITS_MAX {
                break;
            }
            self.agenda.clear(remote);
            // A busy one comes back when its visit is concluded, another one's when it is gained.
            if self.busy.contains_key(&remote) || !self.share.holds(remote.partition()) {
                continue;
            }
            match self.picture.decide(remote, now) {
                None => {}
                Some(Err(until)) => self.agenda.set(remote, until),
                Some(Ok(visit)) => {
                    self.busy.insert(remote, Instant::now());
                    let performer = Arc::clone(&self.performer);
                    self.visits.spawn(async move { (remote, performer.visit(visit).await) });
                }
            }
        }
        Ok(())
    }

    /// Reads definitions that were announced, and puts them in force.
    async fn define(&mut self) -> Result<(), Error> {
        let Some(state) = &self.unread else { return Ok(()) };
        let set = match self.performer.read_set(state).await {
            Ok(set) => set,
            Err(Unreadable::Now) => return Ok(()),
            Err(Unreadable::Ever) => {
                self.unread = None;
                return Ok(());
            }
        };
        self.unread = None;
        self.picture.define(set);
        self.wake_all();
        self.retire_unnamed().await
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
                if let Aggregate::Source(name) = &found.aggregate {
                    self.picture.park(name);
                }
            }
            Ok(WatchItem::Restarted { seen, found }) => return Err(Error::Restarted { seen, found }),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn note(&mut self, event: &Event) {
        match self.picture.take(event) {
            Ok(Taken::Source(name)) => {
                if let Some(remote) = self.picture.remote_of(&name) {
                    self.agenda.set(remote, Timestamp::default());
                }
            }
            Ok(Taken::Definitions(state)) => self.unread = Some(*state),
            Ok(Taken::Nothing) => {}
            Err(error) => {
                let aggregate = event.aggregate();
                tracing::error!(%aggregate, error = &error as &dyn std::error::Error, "not understood");
            }
        }
    }

    fn conclude(&mut self, remote: RemoteId, looked: Vec<Looked>) {
        let begun = self.busy.remove(&remote);
        for Looked { look, memory, end } in looked {
            let name = &look.source.name;
            if let Some(begun) = begun {
                let source = Aggregate::Source(name.clone());
                self.evaluated.begin(source.clone());
                self.evaluated.done(&source, begun);
            }
            self.picture.remember(name, memory);
            match end {
                End::Stored(event) | End::Overtaken(Some(event)) => self.note(&event),
                End::Parked => self.picture.park(name),
                End::Silent | End::Overtaken(None) => {}
            }
        }
        self.agenda.set(remote, Timestamp::default());
    }

    fn wake_all(&mut self) {
        let remotes: Vec<RemoteId> = self.picture.remotes().into_iter().flatten().collect();
        remotes.into_iter().for_each(|remote| self.agenda.set(remote, Timestamp::default()));
    }

    /// Says no more when it looked at what others look at now, or nobody any more.
    fn forget_others(&self) {
        let is_held = |remote: RemoteId| self.share.holds(remote.partition());
        self.evaluated.retain(|what| match what {
            Aggregate::Source(name) => self.picture.remote_of(name).is_some_and(is_held),
            Aggregate::Definitions
            | Aggregate::Render { .. }
            | Aggregate::Cluster(_)
            | Aggregate::Target(_)
            | Aggregate::Sync(_)
            | Aggregate::Command(_) => false,
        });
    }

    /// The wait for the next appointment, if there is one and room for its visit.
    fn appointment(&self) -> impl Future<Output = ()> + use<> {
        let wait = match self.agenda.first() {
            _ if !self.listed => None,
            _ if self.unread.is_some() => Some(AGAIN),
            Some((at, _)) if self.visits.len() < VISITS_MAX => Some(at.since(now())),
            Some(_) | None => None,
        };
        async move {
            match wait {
                Some(wait) => time::sleep(wait).await,
                None => pending().await,
            }
        }
    }

    async fn sweep(&mut self) -> Result<(), Error> {
        self.seen = self.performer.check_log(&self.seen).await?;
        if !self.listed {
            return Ok(());
        }
        self.wake_all();
        self.forget_others();
        self.retire_unnamed().await?;
        let named: Option<BTreeSet<RemoteId>> = self.picture.remotes().map(Iterator::collect);
        match named {
            Some(mut named) => {
                named.extend(self.busy.keys());
                self.performer.drop_mirrors(named).await
            }
            None => Ok(()),
        }
    }

    async fn retire_unnamed(&mut self) -> Result<(), Error> {
        for (name, known) in self.picture.unnamed() {
            match self.performer.retire(&name, &known).await? {
                End::Stored(event) | End::Overtaken(Some(event)) => self.note(&event),
                End::Parked => self.picture.park(&name),
                End::Silent | End::Overtaken(None) => {}
            }
        }
        Ok(())
    }
}
