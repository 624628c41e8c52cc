//! The loop: watch, decide, render, append.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::pending,
    sync::Arc,
    time::Duration,
};

use bus::{Filter, Log, LogPosition, Patient, ReadError, Share, WatchItem};
use events::{Draft, Event, Table, state::DefinitionsState, state::ObservedPath};
use model::{Aggregate, AggregateKind, SourceName, Timestamp};
use tokio::{task::JoinSet, time};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error,
    decide::{Agenda, Check, Lane, Observed, Order, Picture, Step, Taken},
    perform::{BATCH_MAX, Done, End, Performer, Unreadable, now},
};

const WATCHED: [AggregateKind; 3] =
    [AggregateKind::Definitions, AggregateKind::Source, AggregateKind::Render];
/// Wait before a part of the log that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// Finished renders that may wait for the log: memory for some 30 MB of events.
const DRAFTS_MAX: usize = 4 * BATCH_MAX;

/// Renders whatever the definitions in force ask for until it is told to stop.
///
/// # Errors
/// Whatever ends the process: the log was replaced, the engine cannot be used, or a task died.
pub async fn run(log: Arc<dyn Log>, config: Config, stop: CancellationToken) -> Result<(), Error> {
    let log: Arc<dyn Log> = Arc::new(Patient::new(log, stop.clone()));
    stop.run_until_cancelled(work(log, config)).await.unwrap_or(Ok(()))
}

async fn work(log: Arc<dyn Log>, config: Config) -> Result<(), Error> {
    let mut watch = log.watch(Filter::kinds(&WATCHED)).await?;
    let seen = log.position().await?;
    let (mut share, sweep) = (config.share.clone(), config.sweep);
    let mut renderer = Renderer::new(Performer::new(log, config).await?, share.clone(), seen);
    let mut sweep = time::interval(sweep);
    loop {
        renderer.read_announced().await;
        renderer.dispatch();
        renderer.append();
        let appointment = renderer.appointment();
        tokio::select! {
            item = watch.next() => renderer.take(item.ok_or(Error::WatchEnded)?).await?,
            Some(worked) = renderer.work.join_next() => renderer.conclude(worked.map_err(Error::TaskDied)?)?,
            Some(appended) = renderer.appending.join_next() => {
                for (render, end) in appended.map_err(Error::TaskDied)?? {
                    renderer.settle(render, end);
                }
            }
            Some(lost) = renderer.checking.join_next() => renderer.lose(lost.map_err(Error::TaskDied)?),
            () = appointment => {}
            () = share.changed() => renderer.wake(renderer.picture.renders()),
            _ = sweep.tick() => renderer.sweep().await?,
        }
    }
}

type Worked = (Aggregate, Lane, Result<Done, Error>);
type Appended = Result<Vec<(Aggregate, End)>, Error>;

struct Renderer {
    performer: Arc<Performer>,
    share: Share,
    picture: Picture,
    agenda: Agenda,
    /// Orders under way, and how many of each lane.
    work: JoinSet<Worked>,
    running: BTreeMap<Lane, usize>,
    /// Renders that wait for room in their lane, each once.
    waiting: BTreeMap<Lane, VecDeque<Aggregate>>,
    in_line: BTreeSet<Aggregate>,
    /// Renders under way or on their way into the log.
    busy: BTreeSet<Aggregate>,
    drafts: Vec<Draft>,
    /// At most one append: while it runs, the next batch gathers.
    appending: JoinSet<Appended>,
    /// At most one look for blobs of what was rendered; it tells what lacks one.
    checking: JoinSet<Vec<Check>>,
    /// What was announced and could not be read so far.
    definitions: Option<DefinitionsState>,
    revisions: BTreeMap<SourceName, (Observed, Table<ObservedPath>)>,
    listed: bool,
    seen: LogPosition,
}

impl Renderer {
    fn new(performer: Performer, share: Share, seen: LogPosition) -> Self {
        let picture = Picture::new(performer.engines().clone(), performer.key_id());
        Self {
            performer: Arc::new(performer),
            share,
            picture,
            agenda: Agenda::default(),
            work: JoinSet::new(),
            running: BTreeMap::new(),
            waiting: BTreeMap::new(),
            in_line: BTreeSet::new(),
            busy: BTreeSet::new(),
            drafts: Vec::new(),
            appending: JoinSet::new(),
            checking: JoinSet::new(),
            definitions: None,
            revisions: BTreeMap::new(),
            listed: false,
            seen,
        }
    }

    /// Reads definitions and revisions that were announced, and puts them into the picture.
    async fn read_announced(&mut self) {
        if !self.listed {
            return;
        }
        if let Some(state) = self.definitions.take() {
            match self.performer.reader.set(&state).await {
                Ok(set) => {
                    self.picture.define(&set);
                    self.wake(self.picture.renders());
                }
                Err(Unreadable::Now) => self.definitions = Some(state),
                Err(Unreadable::Ever) => {}
            }
        }
        for (name, (observed, paths)) in std::mem::take(&mut self.revisions) {
            match self.performer.reader.rows(&name, &paths).await {
                Ok(rows) => {
                    let renders = self.picture.observe(&name, observed, rows);
                    self.wake(renders);
                }
                Err(Unreadable::Now) => {
                    self.revisions.insert(name, (observed, paths));
                }
                Err(Unreadable::Ever) => {}
            }
        }
    }

    /// Decides about every render that is due, and starts what there is room for.
    fn dispatch(&mut self) {
        self.wake_waiting();
        let now = now();
        while self.listed && self.drafts.len() < DRAFTS_MAX {
            let Some(render) = self.agenda.take_due(now) else { return };
            // A busy one comes back when its event is in the log, another one's when it is gained.
            if self.busy.contains(&render) || !self.share.holds(render.partition()) {
                continue;
            }
            match self.picture.decide(&render, now) {
                Step::Rest => {}
                Step::Wait(until) => self.agenda.set(render, until),
                Step::Do(order) => self.start(order),
            }
        }
    }

    fn start(&mut self, order: Box<Order>) {
        let lane = self.picture.lane(&order);
        let running = self.running.entry(lane).or_default();
        if *running >= Performer::room(lane) {
            if self.in_line.insert(order.render.clone()) {
                self.waiting.entry(lane).or_default().push_back(order.render);
            }
            return;
        }
        *running += 1;
        self.busy.insert(order.render.clone());
        let performer = Arc::clone(&self.performer);
        self.work.spawn(async move {
            let done = performer.perform(&order, lane).await;
            (order.render, lane, done)
        });
    }

    /// Lets as many waiting renders be decided about as there is room for them.
    fn wake_waiting(&mut self) {
        for (lane, waiting) in &mut self.waiting {
            let running = self.running.get(lane).copied().unwrap_or_default();
            for _ in running..Performer::room(*lane) {
                let Some(render) = waiting.pop_front() else { break };
                self.in_line.remove(&render);
                self.agenda.set(render, Timestamp::default());
            }
        }
    }

    fn conclude(&mut self, (render, lane, done): Worked) -> Result<(), Error> {
        if let Some(running) = self.running.get_mut(&lane) {
            *running -= 1;
        }
        match done? {
            Done::Draft(draft) => self.drafts.push(draft),
            Done::Silent(retry) => {
                self.picture.remember(&render, retry);
                self.release(render);
            }
            Done::NeedsProcess => {
                self.picture.needs_process(&render);
                self.release(render);
            }
            Done::Ended(end) => self.settle(render, end),
        }
        Ok(())
    }

    /// Starts an append of what is finished, if none is under way.
    fn append(&mut self) {
        if !self.appending.is_empty() || self.drafts.is_empty() {
            return;
        }
        let batch = self.drafts.drain(..self.drafts.len().min(BATCH_MAX)).collect();
        let performer = Arc::clone(&self.performer);
        self.appending.spawn(async move { performer.append(batch).await });
    }

    fn settle(&mut self, render: Aggregate, end: End) {
        match end {
            End::Stored(event) | End::Overtaken(Some(event)) => self.note(&event),
            End::Parked => self.picture.park(render.clone()),
            End::Overtaken(None) => {}
        }
        self.release(render);
    }

    fn release(&mut self, render: Aggregate) {
        self.busy.remove(&render);
        self.agenda.set(render, Timestamp::default());
    }

    async fn take(&mut self, item: Result<WatchItem, ReadError>) -> Result<(), Error> {
        match item {
            Ok(WatchItem::Event(event)) => self.note(&event),
            Ok(WatchItem::Listed) => {
                self.listed = true;
                self.wake(self.picture.renders());
                self.check();
            }
            Ok(WatchItem::Undecodable(found)) => {
                tracing::error!(aggregate = %found.aggregate, reason = found.reason, "parked");
                self.picture.park(found.aggregate);
            }
            Ok(WatchItem::Restarted { seen, found }) => return Err(Error::Restarted { seen, found }),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn note(&mut self, event: &Event) {
        match self.picture.take(event) {
            Ok(Taken::Render(render)) => self.agenda.set(render, Timestamp::default()),
            Ok(Taken::Definitions(state)) => self.definitions = Some(*state),
            Ok(Taken::Revision { name, observed, paths }) => {
                self.revisions.insert(name, (observed, paths));
            }
            Ok(Taken::Nothing) => {}
            Err(error) => {
                let aggregate = event.aggregate();
                tracing::error!(%aggregate, error = &error as &dyn std::error::Error, "not understood");
            }
        }
    }

    fn wake(&mut self, renders: impl IntoIterator<Item = Aggregate>) {
        renders.into_iter().for_each(|render| self.agenda.set(render, Timestamp::default()));
    }

    /// The wait for the next appointment, if there is one.
    fn appointment(&self) -> impl Future<Output = ()> + use<> {
        let unread = self.definitions.is_some() || !self.revisions.is_empty();
        let wait = match self.agenda.first() {
            _ if !self.listed || self.drafts.len() >= DRAFTS_MAX => None,
            _ if unread => Some(AGAIN),
            first => first.map(|at| at.since(now())),
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
        self.wake(self.picture.renders());
        self.check();
        Ok(())
    }

    /// Looks for the blobs of some renders, unless that is being done.
    fn check(&mut self) {
        if !self.listed || !self.checking.is_empty() {
            return;
        }
        let checks = self.picture.to_check(|render| self.share.holds(render.partition()));
        let performer = Arc::clone(&self.performer);
        self.checking.spawn(async move { performer.lost(checks).await });
    }

    fn lose(&mut self, lost: Vec<Check>) {
        for check in lost {
            self.picture.lose(&check);
            self.agenda.set(check.render, Timestamp::default());
        }
    }
}
