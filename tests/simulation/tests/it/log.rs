//! The log as one process sees it: late, sometimes not at all, and by watches that tell twice and in another order.

use std::{
    collections::{HashSet, VecDeque},
    io,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bus::{
    AppendError, BlobError, Feed, Filter, Log, LogPosition, Member, Membership, ReadError, Report, Swept,
    Watch, WatchItem, error::Cause, log::Replay,
};
use bytes::Bytes;
use events::{
    Draft, Event,
    state::{SyncStage, SyncState, TargetState, decode},
};
use futures::{FutureExt as _, stream};
use model::{Aggregate, AggregateKind, Digest, Timestamp};
use testkit::MemoryLog;
use tokio::time::sleep;

use crate::{dice::Dice, gate::Gate, rules, trace::Trace, weather::Weather};

/// Items of a watch that may overtake each other.
const AHEAD: usize = 6;

/// The log as one process sees it.
pub struct SeenLog {
    pub memory: Arc<MemoryLog>,
    pub border: Border,
    /// What the process may write.
    pub writes: &'static [AggregateKind],
}

/// What lies between a process and the rest of the world.
#[derive(Clone)]
pub struct Border {
    pub who: String,
    pub gate: Gate,
    pub dice: Dice,
    pub weather: Weather,
    pub trace: Trace,
}

impl Border {
    /// The way there or back.
    pub async fn way(&self) {
        self.gate.pass().await;
        let slow = self.dice.happens(self.weather.now().slow);
        sleep(if slow { self.dice.millis(100..3_000) } else { self.dice.millis(0..4) }).await;
        self.gate.pass().await;
    }

    fn fails(&self) -> bool {
        self.dice.happens(self.weather.now().log)
    }
}

fn cause() -> Cause {
    Arc::new(io::Error::new(io::ErrorKind::ConnectionReset, "simulated"))
}

/// What a reader of the trace wants to know of a state: how the target is and why nothing is done, how a sync ended.
fn says(draft: &Draft) -> String {
    let read = |failure: &Option<model::Failure>| {
        failure.as_ref().map(|failure| format!(" {}: {}", failure.code, failure.message)).unwrap_or_default()
    };
    match &draft.aggregate {
        Aggregate::Target(_) => decode::<TargetState>(draft.format, &draft.payload)
            .map(|state| format!(" {:?}{}", state.status, read(&state.refused)))
            .unwrap_or_default(),
        Aggregate::Sync(_) => decode::<SyncState>(draft.format, &draft.payload)
            .map(|state| match state.stage {
                SyncStage::Running { .. } => String::new(),
                ended @ (SyncStage::Finished { .. }
                | SyncStage::Rejected { .. }
                | SyncStage::Superseded { .. }) => format!(" {ended:?}"),
            })
            .unwrap_or_default(),
        Aggregate::Source(_)
        | Aggregate::Definitions
        | Aggregate::Render { .. }
        | Aggregate::Cluster(_)
        | Aggregate::Command(_) => String::new(),
    }
}

impl SeenLog {
    async fn read<T>(&self, value: impl FnOnce() -> T) -> Result<T, Cause> {
        self.border.way().await;
        if self.border.fails() {
            return Err(cause());
        }
        let value = value();
        self.border.way().await;
        Ok(value)
    }

    fn store(&self, draft: Draft) -> Result<Event, AppendError> {
        let kind = draft.aggregate.kind();
        if !self.writes.contains(&kind) {
            self.border.trace.broke(format!("{} writes {}", self.border.who, draft.aggregate));
        }
        let broken = rules::broken_by(&self.memory, &draft);
        let (what, n, word) = (draft.aggregate.clone(), draft.n, draft.kind.word());
        let says = says(&draft);
        let before = self.memory.head(&what).map_or(0, |event| event.n());
        let result = self.memory.append_one(draft);
        let how = match &result {
            Ok(_) if before < n => "",
            Ok(_) => " (again)",
            Err(_) => " (refused)",
        };
        self.border.trace.tell(&self.border.who, format!("{what} {n} {word}{says}{how}"));
        if how.is_empty() {
            broken.into_iter().for_each(|rule| self.border.trace.broke(format!("{what} {n}: {rule}")));
        }
        result
    }
}

#[async_trait]
impl Log for SeenLog {
    fn incarnation(&self) -> &str {
        self.memory.incarnation()
    }

    fn lineage(&self) -> &bus::Lineage {
        self.memory.lineage()
    }

    async fn append(&self, drafts: Vec<Draft>) -> Vec<Result<Event, AppendError>> {
        let mut results = Vec::with_capacity(drafts.len());
        for draft in drafts {
            self.border.way().await;
            let aggregate = draft.aggregate.clone();
            let lost = self.border.fails();
            let result = if lost && self.border.dice.happens(500) { None } else { Some(self.store(draft)) };
            self.border.way().await;
            let unknown = AppendError::Unavailable { aggregate, cause: cause() };
            results.push(result.filter(|_| !lost).unwrap_or(Err(unknown)));
        }
        results
    }

    async fn newest(&self, aggregate: &Aggregate) -> Result<Option<Event>, ReadError> {
        self.read(|| self.memory.head(aggregate)).await.map_err(ReadError::Unavailable)
    }

    async fn history(&self, aggregate: &Aggregate, limit: usize) -> Result<Vec<Event>, ReadError> {
        self.read(|| ()).await.map_err(ReadError::Unavailable)?;
        self.memory.history(aggregate, limit).await
    }

    async fn watch(&self, filter: Filter) -> Result<Watch, ReadError> {
        let watch = self.memory.watch(filter).await?;
        let telling = Telling { watch, border: self.border.clone(), ahead: VecDeque::new() };
        let items = stream::unfold(telling, async |mut telling| Some((telling.next().await?, telling)));
        Ok(Watch::of(Box::pin(items)))
    }

    async fn retire(&self, draft: Draft) -> Result<Event, AppendError> {
        self.border.way().await;
        let (aggregate, n) = (draft.aggregate.clone(), draft.n);
        let lost = self.border.fails();
        let result = self.memory.retire(draft).await;
        self.border.trace.tell(&self.border.who, format!("{aggregate} {n} retired: {}", result.is_ok()));
        self.border.way().await;
        if lost { Err(AppendError::Unavailable { aggregate, cause: cause() }) } else { result }
    }

    async fn feed(&self, consumer: &str) -> Result<Feed, ReadError> {
        self.memory.feed(consumer).await
    }

    fn replay(&self) -> Replay {
        self.memory.replay()
    }

    async fn position(&self) -> Result<LogPosition, ReadError> {
        self.border.way().await;
        self.memory.position().await
    }

    async fn put_blob(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        self.read(|| ()).await.map_err(BlobError::Unavailable)?;
        self.memory.put_blob(bytes).await
    }

    async fn get_blob(&self, digest: &Digest) -> Result<Option<Bytes>, BlobError> {
        self.read(|| self.memory.blob(digest)).await.map_err(BlobError::Unavailable)
    }

    async fn has_blob(&self, digest: &Digest) -> Result<bool, BlobError> {
        self.read(|| self.memory.blob(digest).is_some()).await.map_err(BlobError::Unavailable)
    }

    async fn blobs(&self) -> Result<Vec<Digest>, BlobError> {
        self.memory.blobs().await
    }

    async fn sweep_blobs(&self, keep: &HashSet<Digest>, older_than: Timestamp) -> Result<Swept, BlobError> {
        self.memory.sweep_blobs(keep, older_than).await
    }

    async fn join(&self, group: &str, member: Member, ttl: Duration) -> Result<Membership, ReadError> {
        self.memory.join(group, member, ttl).await
    }

    async fn members(&self, group: &str) -> Result<Vec<Report>, ReadError> {
        self.memory.members(group).await
    }
}

/// A watch of the log on its way to a process.
struct Telling {
    watch: Watch,
    border: Border,
    /// Heard and not told yet.
    ahead: VecDeque<WatchItem>,
}

impl Telling {
    async fn next(&mut self) -> Option<Result<WatchItem, ReadError>> {
        if self.ahead.is_empty() {
            self.ahead.push_back(self.watch.next().await?.ok()?);
        }
        self.border.way().await;
        while self.ahead.len() < AHEAD
            && let Some(item) = self.watch.next().now_or_never()
        {
            self.ahead.push_back(item?.ok()?);
        }
        if self.border.fails() {
            return Some(Err(ReadError::Unavailable(cause())));
        }
        let at = self.choose();
        let item = self.ahead.get(at)?.clone();
        // A repetition comes later, perhaps behind what is newer of other aggregates.
        let again =
            matches!(item, WatchItem::Event(_)) && self.border.dice.happens(self.border.weather.now().twice);
        if !again {
            self.ahead.remove(at);
        }
        Some(Ok(item))
    }

    /// Any of the first ones that overtakes neither its own aggregate nor the end of the list.
    fn choose(&self) -> usize {
        let aggregate = |item: &WatchItem| match item {
            WatchItem::Event(event) => Some(event.aggregate().clone()),
            WatchItem::Undecodable(_) | WatchItem::Listed | WatchItem::Restarted { .. } => None,
        };
        let mut free = vec![];
        let mut passed = vec![];
        for (at, item) in self.ahead.iter().enumerate() {
            match aggregate(item) {
                Some(aggregate) if !passed.contains(&aggregate) => {
                    free.push(at);
                    passed.push(aggregate);
                }
                Some(_) => {}
                None => {
                    if at == 0 {
                        free.push(at);
                    }
                    break;
                }
            }
        }
        if self.border.weather.now().twice == 0 {
            0
        } else {
            self.border.dice.pick(&free).copied().unwrap_or(0)
        }
    }
}
