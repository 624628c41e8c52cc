//! A log on which one thing does not work, while everything else does.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use bus::{
    AppendError, BlobError, Feed, Filter, Lineage, Log, LogPosition, Member, Membership, ReadError, Report,
    Swept, Watch, log::Replay,
};
use bytes::Bytes;
use events::{Draft, Event, EventType};
use model::{Aggregate, Digest, Timestamp};
use tokio::sync::watch;

/// Another log, until it is told to get stuck.
pub struct StuckLog {
    log: Arc<dyn Log>,
    trouble: watch::Sender<Trouble>,
    /// How many appends were held up.
    held: watch::Sender<usize>,
}

#[derive(PartialEq, Eq)]
enum Trouble {
    None,
    /// Whoever asks for the newest event of that aggregate hears nothing.
    Hangs(Aggregate),
    /// No blob is found.
    NoBlobs,
    /// Events of that type are not appended.
    Holds(EventType),
}

impl StuckLog {
    /// Works as that log, for now.
    pub fn new(log: Arc<dyn Log>) -> Self {
        Self { log, trouble: watch::Sender::new(Trouble::None), held: watch::Sender::new(0) }
    }

    /// From now on whoever asks for the newest event of that aggregate hears nothing.
    pub fn hang(&self, aggregate: Aggregate) {
        self.trouble.send_replace(Trouble::Hangs(aggregate));
    }

    /// From now on no blob is found.
    pub fn lose_blobs(&self) {
        self.trouble.send_replace(Trouble::NoBlobs);
    }

    /// From now on whoever appends an event of that type hears nothing, and it is not appended.
    pub fn hold(&self, kind: EventType) {
        self.trouble.send_replace(Trouble::Holds(kind));
    }

    /// Waits until an append is held up. Safe to cancel.
    pub async fn held(&self) {
        let _ = self.held.subscribe().wait_for(|held| *held > 0).await;
    }

    /// Works again; who waits is answered.
    pub fn go_on(&self) {
        self.trouble.send_replace(Trouble::None);
    }
}

#[async_trait]
impl Log for StuckLog {
    fn incarnation(&self) -> &str {
        self.log.incarnation()
    }

    fn lineage(&self) -> &Lineage {
        self.log.lineage()
    }

    async fn append(&self, drafts: Vec<Draft>) -> Vec<Result<Event, AppendError>> {
        let is_held = |trouble: &Trouble| match trouble {
            Trouble::Holds(kind) => drafts.iter().any(|draft| draft.kind == *kind),
            Trouble::None | Trouble::Hangs(_) | Trouble::NoBlobs => false,
        };
        let mut trouble = self.trouble.subscribe();
        if is_held(&trouble.borrow()) {
            self.held.send_modify(|held| *held += 1);
        }
        let _ = trouble.wait_for(|trouble| !is_held(trouble)).await;
        self.log.append(drafts).await
    }

    async fn newest(&self, aggregate: &Aggregate) -> Result<Option<Event>, ReadError> {
        let mut trouble = self.trouble.subscribe();
        let _ = trouble.wait_for(|trouble| *trouble != Trouble::Hangs(aggregate.clone())).await;
        self.log.newest(aggregate).await
    }

    async fn history(&self, aggregate: &Aggregate, limit: usize) -> Result<Vec<Event>, ReadError> {
        self.log.history(aggregate, limit).await
    }

    async fn watch(&self, filter: Filter) -> Result<Watch, ReadError> {
        self.log.watch(filter).await
    }

    async fn retire(&self, draft: Draft) -> Result<Event, AppendError> {
        self.log.retire(draft).await
    }

    async fn feed(&self, consumer: &str) -> Result<Feed, ReadError> {
        self.log.feed(consumer).await
    }

    fn replay(&self) -> Replay {
        self.log.replay()
    }

    async fn position(&self) -> Result<LogPosition, ReadError> {
        self.log.position().await
    }

    async fn put_blob(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        self.log.put_blob(bytes).await
    }

    async fn get_blob(&self, digest: &Digest) -> Result<Option<Bytes>, BlobError> {
        if *self.trouble.borrow() == Trouble::NoBlobs {
            return Ok(None);
        }
        self.log.get_blob(digest).await
    }

    async fn has_blob(&self, digest: &Digest) -> Result<bool, BlobError> {
        self.log.has_blob(digest).await
    }

    async fn blobs(&self) -> Result<Vec<Digest>, BlobError> {
        self.log.blobs().await
    }

    async fn sweep_blobs(&self, keep: &HashSet<Digest>, older_than: Timestamp) -> Result<Swept, BlobError> {
        self.log.sweep_blobs(keep, older_than).await
    }

    async fn join(&self, group: &str, member: Member, ttl: Duration) -> Result<Membership, ReadError> {
        self.log.join(group, member, ttl).await
    }

    async fn members(&self, group: &str) -> Result<Vec<Report>, ReadError> {
        self.log.members(group).await
    }
}
