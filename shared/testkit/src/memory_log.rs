//! A log in memory: it decides as the real ones do, and nothing about it is left to chance.

use std::{
    collections::{BTreeMap, HashSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bus::{
    AppendError, BlobError, Feed, FeedItem, Filter, HISTORY_MAX, Lineage, Log, LogPosition, Member,
    Membership, ReadError, Report, Swept, Watch, WatchItem,
    draft_check::check_all,
    error::Cause,
    log::{BLOB_BYTES_MAX, RETIRED_TTL, Replay},
    verdict::{Verdict, judge},
};
use bytes::Bytes;
use events::{Draft, Event, EventId};
use futures::{StreamExt as _, stream};
use model::{Aggregate, Digest, Timestamp};
use tokio::{sync::watch, time::Instant};

/// Events that a watch may lag behind and still be told all of them.
const LAG: u64 = 1024;

/// A log that is gone with its last handle. It knows no members, and nothing consumes it durably.
pub struct MemoryLog {
    incarnation: String,
    lineage: Lineage,
    retired_ttl: Duration,
    state: Arc<Mutex<State>>,
    /// The newest sequence: watches wake by it.
    written: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    sequence: u64,
    /// By sequence: what is kept.
    events: BTreeMap<u64, Event>,
    aggregates: BTreeMap<Aggregate, Kept>,
    blobs: BTreeMap<Digest, (Bytes, Timestamp)>,
}

/// What is kept of an aggregate.
#[derive(Default)]
struct Kept {
    /// Sequences by version.
    versions: BTreeMap<u64, u64>,
    /// The last event of its life, and when that goes with all before it.
    last: Option<(u64, Instant)>,
}

impl MemoryLog {
    /// An empty log of that incarnation.
    pub fn new(incarnation: impl Into<String>) -> Arc<Self> {
        Self::with_retired_ttl(incarnation, RETIRED_TTL)
    }

    /// The same, which keeps the last event of a retired aggregate for so long.
    pub fn with_retired_ttl(incarnation: impl Into<String>, retired_ttl: Duration) -> Arc<Self> {
        Arc::new(Self {
            lineage: Lineage::default(),
            incarnation: incarnation.into(),
            retired_ttl,
            state: Arc::default(),
            written: watch::Sender::default(),
        })
    }

    /// The newest event of each aggregate.
    pub fn heads(&self) -> Vec<Event> {
        let state = self.state();
        state.aggregates.keys().filter_map(|aggregate| state.head(aggregate).cloned()).collect()
    }

    /// The newest event of an aggregate.
    pub fn head(&self, aggregate: &Aggregate) -> Option<Event> {
        self.state().head(aggregate).cloned()
    }

    /// The bytes with that digest.
    pub fn blob(&self, digest: &Digest) -> Option<Bytes> {
        self.state().blobs.get(digest).map(|(bytes, _)| bytes.clone())
    }

    /// Appends one event.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub fn append_one(&self, draft: Draft) -> Result<Event, AppendError> {
        let result = self.state().append(&self.incarnation, draft, None);
        self.tell();
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn tell(&self) {
        let newest = self.state().sequence;
        self.written.send_if_modified(|seen| std::mem::replace(seen, newest) != newest);
    }
}

impl State {
    fn head(&self, aggregate: &Aggregate) -> Option<&Event> {
        let (_, sequence) = self.aggregates.get(aggregate)?.versions.last_key_value()?;
        self.events.get(sequence)
    }

    fn append(
        &mut self,
        incarnation: &str,
        draft: Draft,
        ends: Option<Instant>,
    ) -> Result<Event, AppendError> {
        let id = EventId::derive(incarnation, &draft);
        let newest = self.head(&draft.aggregate).map(|event| (event.n(), event.id));
        let conflict = AppendError::Conflict {
            aggregate: draft.aggregate.clone(),
            n: draft.n,
            newest: newest.map(|(n, _)| n),
        };
        match judge(newest, &draft) {
            Verdict::Append => Ok(self.store(id, draft, ends)),
            Verdict::Compare => {
                let kept = self.aggregates.get(&draft.aggregate);
                let standing = kept.and_then(|kept| self.events.get(kept.versions.get(&draft.n)?));
                standing.filter(|event| event.id == id).cloned().ok_or(conflict)
            }
            Verdict::Conflict => Err(conflict),
        }
    }

    fn store(&mut self, id: EventId, draft: Draft, ends: Option<Instant>) -> Event {
        self.sequence += 1;
        let event = Event { id, sequence: self.sequence, draft };
        let kept = self.aggregates.entry(event.aggregate().clone()).or_default();
        let most = if ends.is_some() { 0 } else { HISTORY_MAX - 1 };
        while kept.versions.len() > most {
            if let Some((_, sequence)) = kept.versions.pop_first() {
                self.events.remove(&sequence);
            }
        }
        kept.versions.insert(event.n(), event.sequence);
        if let Some(ends) = ends {
            kept.last = Some((event.n(), ends));
        }
        self.events.insert(event.sequence, event.clone());
        event
    }

    fn end_lives(&mut self, now: Instant) {
        for kept in self.aggregates.values_mut() {
            let Some((last, _)) = kept.last.filter(|(_, ends)| *ends <= now) else { continue };
            kept.last = None;
            let later = kept.versions.split_off(&(last + 1));
            for sequence in std::mem::replace(&mut kept.versions, later).values() {
                self.events.remove(sequence);
            }
        }
        self.aggregates.retain(|_, kept| !kept.versions.is_empty());
    }

    fn is_head(&self, event: &Event) -> bool {
        self.head(event.aggregate()).is_some_and(|head| head.sequence == event.sequence)
    }

    fn list(&self, filter: &Filter) -> Vec<Event> {
        let admitted = self.aggregates.keys().filter(|aggregate| filter.admits(aggregate));
        let mut listed: Vec<Event> = admitted.filter_map(|aggregate| self.head(aggregate).cloned()).collect();
        listed.sort_by_key(|event| event.sequence);
        listed
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    state.end_lives(Instant::now());
    state
}

/// What a watch goes on from.
struct Following {
    state: Arc<Mutex<State>>,
    written: watch::Receiver<u64>,
    filter: Filter,
    seen: u64,
}

impl Following {
    async fn next(&mut self) -> Option<Event> {
        loop {
            self.written.mark_unchanged();
            let found = self.look();
            if found.is_some() {
                return found;
            }
            self.written.changed().await.ok()?;
        }
    }

    fn look(&mut self) -> Option<Event> {
        let state = lock(&self.state);
        let mut later = state.events.range(self.seen + 1..).map(|(_, event)| event);
        // Whoever lags far behind is told the newest only.
        let lags = state.sequence - self.seen > LAG;
        let tells = |event: &&Event| self.filter.admits(event.aggregate()) && (!lags || state.is_head(event));
        let found = later.find(tells).cloned();
        self.seen = found.as_ref().map_or(state.sequence, |event| event.sequence);
        found
    }
}

fn none() -> Cause {
    Arc::new(io::Error::new(io::ErrorKind::Unsupported, "a log in memory has neither members nor a feed"))
}

#[async_trait]
impl Log for MemoryLog {
    fn incarnation(&self) -> &str {
        &self.incarnation
    }

    fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    async fn append(&self, drafts: Vec<Draft>) -> Vec<Result<Event, AppendError>> {
        let checks = check_all(&drafts);
        let results = {
            let mut state = self.state();
            let append = |(draft, check): (Draft, Result<(), AppendError>)| {
                check.and_then(|()| state.append(&self.incarnation, draft, None))
            };
            drafts.into_iter().zip(checks).map(append).collect()
        };
        self.tell();
        results
    }

    async fn newest(&self, aggregate: &Aggregate) -> Result<Option<Event>, ReadError> {
        Ok(self.head(aggregate))
    }

    async fn history(&self, aggregate: &Aggregate, limit: usize) -> Result<Vec<Event>, ReadError> {
        let state = self.state();
        let sequences = state.aggregates.get(aggregate).into_iter().flat_map(|kept| kept.versions.values());
        let newest = sequences.rev().take(limit.min(HISTORY_MAX));
        Ok(newest.filter_map(|sequence| state.events.get(sequence).cloned()).collect())
    }

    async fn watch(&self, filter: Filter) -> Result<Watch, ReadError> {
        // Before the list: what is written from then on wakes the watch.
        let written = self.written.subscribe();
        let (listed, seen) = {
            let state = self.state();
            (state.list(&filter), state.sequence)
        };
        let listed = listed.into_iter().map(WatchItem::Event).chain([WatchItem::Listed]);
        let following = Following { state: self.state.clone(), written, filter, seen };
        let changes = stream::unfold(following, async |mut following| {
            let event = following.next().await?;
            Some((WatchItem::Event(event), following))
        });
        Ok(Watch::of(Box::pin(stream::iter(listed).chain(changes).map(Ok))))
    }

    async fn retire(&self, draft: Draft) -> Result<Event, AppendError> {
        check_all(std::slice::from_ref(&draft)).remove(0)?;
        let result = self.state().append(&self.incarnation, draft, Some(Instant::now() + self.retired_ttl));
        self.tell();
        result
    }

    async fn feed(&self, _consumer: &str) -> Result<Feed, ReadError> {
        Err(ReadError::Unavailable(none()))
    }

    fn replay(&self) -> Replay {
        let kept: Vec<_> = self.state().events.values().cloned().map(FeedItem::Event).map(Ok).collect();
        Box::pin(stream::iter(kept))
    }

    async fn position(&self) -> Result<LogPosition, ReadError> {
        let incarnation = self.incarnation.clone();
        Ok(LogPosition { incarnation, restoration: None, sequence: self.state().sequence })
    }

    async fn put_blob(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge { bytes: bytes.len(), max: BLOB_BYTES_MAX });
        }
        let digest = Digest::of(&bytes);
        self.state().blobs.insert(digest, (bytes, bus::now()));
        Ok(digest)
    }

    async fn get_blob(&self, digest: &Digest) -> Result<Option<Bytes>, BlobError> {
        Ok(self.blob(digest))
    }

    async fn has_blob(&self, digest: &Digest) -> Result<bool, BlobError> {
        Ok(self.state().blobs.contains_key(digest))
    }

    async fn blobs(&self) -> Result<Vec<Digest>, BlobError> {
        Ok(self.state().blobs.keys().copied().collect())
    }

    async fn sweep_blobs(&self, keep: &HashSet<Digest>, older_than: Timestamp) -> Result<Swept, BlobError> {
        let mut swept = Swept::default();
        self.state().blobs.retain(|digest, (bytes, put)| {
            let stays = keep.contains(digest) || *put >= older_than;
            if !stays {
                swept.blobs += 1;
                swept.bytes += bytes.len() as u64;
            }
            stays
        });
        Ok(swept)
    }

    async fn join(&self, _group: &str, _member: Member, _ttl: Duration) -> Result<Membership, ReadError> {
        Err(ReadError::Unavailable(none()))
    }

    async fn members(&self, _group: &str) -> Result<Vec<Report>, ReadError> {
        Err(ReadError::Unavailable(none()))
    }
}
