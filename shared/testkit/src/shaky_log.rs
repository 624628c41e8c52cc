//! A log that fails again and again, as one does whose broker restarts.

use std::{
    collections::HashSet,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bus::{
    AppendError, BlobError, Feed, Filter, Lineage, Log, LogPosition, Member, Membership, ReadError, Report,
    Swept, Watch, error::Cause, log::Replay,
};
use bytes::Bytes;
use events::{Draft, Event};
use futures::{StreamExt as _, stream};
use model::{Aggregate, Digest, Timestamp};

/// Every other call fails with `Unavailable`, the first of each verb included. Of the appends that fail, every
/// other one was stored nevertheless, so that only its acknowledgement is lost. A watch begins with a failure.
pub struct ShakyLog {
    log: Arc<dyn Log>,
    replaced: AtomicBool,
    positions: AtomicUsize,
    appends: AtomicUsize,
    reads: AtomicUsize,
    puts: AtomicUsize,
    gets: AtomicUsize,
}

impl ShakyLog {
    /// Shakes that log.
    pub fn new(log: Arc<dyn Log>) -> Self {
        let [positions, appends, reads, puts, gets] = Default::default();
        Self { log, replaced: AtomicBool::default(), positions, appends, reads, puts, gets }
    }

    /// Lets it say that it is another log, from the second time that it is asked.
    pub fn replace(&self) {
        self.replaced.store(true, Ordering::SeqCst);
    }

    /// Calls of appends so far, failed ones included.
    pub fn appends(&self) -> usize {
        self.appends.load(Ordering::SeqCst)
    }
}

fn cause() -> Cause {
    Arc::new(io::Error::new(io::ErrorKind::ConnectionReset, "the broker restarts"))
}

/// Counts a call; whether it fails.
fn fails(calls: &AtomicUsize) -> bool {
    calls.fetch_add(1, Ordering::SeqCst).is_multiple_of(2)
}

#[async_trait]
impl Log for ShakyLog {
    fn incarnation(&self) -> &str {
        self.log.incarnation()
    }

    fn lineage(&self) -> &Lineage {
        self.log.lineage()
    }

    async fn append(&self, drafts: Vec<Draft>) -> Vec<Result<Event, AppendError>> {
        let call = self.appends.fetch_add(1, Ordering::SeqCst);
        if call % 2 == 1 {
            return self.log.append(drafts).await;
        }
        let unknown = drafts.iter().map(|draft| draft.aggregate.clone()).collect::<Vec<_>>();
        if call.is_multiple_of(4) {
            self.log.append(drafts).await;
        }
        unknown
            .into_iter()
            .map(|aggregate| Err(AppendError::Unavailable { aggregate, cause: cause() }))
            .collect()
    }

    async fn newest(&self, aggregate: &Aggregate) -> Result<Option<Event>, ReadError> {
        if fails(&self.reads) {
            return Err(ReadError::Unavailable(cause()));
        }
        self.log.newest(aggregate).await
    }

    async fn history(&self, aggregate: &Aggregate, limit: usize) -> Result<Vec<Event>, ReadError> {
        if fails(&self.reads) {
            return Err(ReadError::Unavailable(cause()));
        }
        self.log.history(aggregate, limit).await
    }

    async fn watch(&self, filter: Filter) -> Result<Watch, ReadError> {
        let watch = self.log.watch(filter).await?;
        let failure = stream::iter([Err(ReadError::Unavailable(cause()))]);
        let items = stream::unfold(watch, async |mut watch| Some((watch.next().await?, watch)));
        Ok(Watch::of(Box::pin(failure.chain(items))))
    }

    async fn retire(&self, draft: Draft) -> Result<Event, AppendError> {
        if fails(&self.appends) {
            return Err(AppendError::Unavailable { aggregate: draft.aggregate, cause: cause() });
        }
        self.log.retire(draft).await
    }

    async fn feed(&self, consumer: &str) -> Result<Feed, ReadError> {
        self.log.feed(consumer).await
    }

    fn replay(&self) -> Replay {
        self.log.replay()
    }

    async fn position(&self) -> Result<LogPosition, ReadError> {
        let position = self.log.position().await?;
        let asked = self.positions.fetch_add(1, Ordering::SeqCst);
        Ok(match self.replaced.load(Ordering::SeqCst) && asked > 0 {
            true => LogPosition { incarnation: "another".into(), ..position },
            false => position,
        })
    }

    async fn put_blob(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        if fails(&self.puts) {
            return Err(BlobError::Unavailable(cause()));
        }
        self.log.put_blob(bytes).await
    }

    async fn get_blob(&self, digest: &Digest) -> Result<Option<Bytes>, BlobError> {
        if fails(&self.gets) {
            return Err(BlobError::Unavailable(cause()));
        }
        self.log.get_blob(digest).await
    }

    async fn has_blob(&self, digest: &Digest) -> Result<bool, BlobError> {
        if fails(&self.gets) {
            return Err(BlobError::Unavailable(cause()));
        }
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
