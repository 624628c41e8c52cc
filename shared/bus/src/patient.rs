//! A log that is asked again for as long as it does not answer.
//!
//! A broker restarts and a disk fills up while services run; neither is a reason to end. What they ask is asked
//! again until its fate is known. For an append that is more than convenience: the very same draft again is the
//! same event, while a new decision over an unknown fate could be a second one.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use events::{Draft, Event};
use model::{Aggregate, Digest, Timestamp};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{
    AppendError, BlobError, Feed, Filter, Lineage, Log, LogPosition, Member, Membership, ReadError, Report,
    Swept, Watch, WatchItem, log::Replay, watch::WatchSource,
};

/// Wait before a log that did not answer is asked again: it is busy coming back, and people wait for it.
const AGAIN: Duration = Duration::from_millis(500);

/// Asks another log until it answers.
///
/// `Unavailable` comes out of appends, reads of events and blobs, and watches only once `stop` is cancelled.
/// What a sweep repeats anyway (`position`, `sweep_blobs`), what a process starts with (opening a watch or a feed,
/// joining a group), and a replay is asked once, and so is who is in a group, which only whoever waits wants to know.
pub struct Patient {
    log: Arc<dyn Log>,
    stop: CancellationToken,
}

impl Patient {
    /// Asks `log` until it answers or `stop` is cancelled.
    pub fn new(log: Arc<dyn Log>, stop: CancellationToken) -> Self {
        Self { log, stop }
    }

    async fn until_answered<T, E, F>(&self, mut ask: impl FnMut() -> F) -> Result<T, E>
    where
        E: Interruption,
        F: Future<Output = Result<T, E>>,
    {
        loop {
            match ask().await {
                Err(error) if error.is_interruption() && self.waited(&error).await => {}
                answer => return answer,
            }
        }
    }

    /// Appends until the fate of every draft is known.
    async fn append_until_known(&self, drafts: Vec<Draft>) -> Vec<Result<Event, AppendError>> {
        let mut results = self.log.append(drafts.clone()).await;
        loop {
            let unknown: Vec<usize> = (0..results.len())
                .filter(|i| matches!(&results[*i], Err(error) if error.is_interruption()))
                .collect();
            let Some(Err(error)) = unknown.first().map(|first| &results[*first]) else { return results };
            if !self.waited(error).await {
                return results;
            }
            let again = unknown.iter().map(|i| drafts[*i].clone()).collect();
            for (i, result) in unknown.into_iter().zip(self.log.append(again).await) {
                results[i] = result;
            }
        }
    }

    /// Waits before the log is asked again; `false`: it is not to be asked again.
    async fn waited(&self, error: &impl Interruption) -> bool {
        tracing::warn!(error = error as &dyn std::error::Error, "the log does not answer");
        self.stop.run_until_cancelled(sleep(AGAIN)).await.is_some()
    }
}

/// Says what is in the log for good: whoever doubts the log holds it against these lines.
fn tell(event: &Event) {
    tracing::debug!(aggregate = %event.aggregate(), n = event.n(), id = %event.id, "appended");
}

/// Whether asking again may get an answer.
trait Interruption: std::error::Error + Send + Sync + 'static {
    fn is_interruption(&self) -> bool;
}

impl Interruption for AppendError {
    fn is_interruption(&self) -> bool {
        self.class() == model::RetryClass::Transient
    }
}

impl Interruption for ReadError {
    fn is_interruption(&self) -> bool {
        self.class() == model::RetryClass::Transient
    }
}

impl Interruption for BlobError {
    fn is_interruption(&self) -> bool {
        self.class() == model::RetryClass::Transient
    }
}

#[async_trait]
impl Log for Patient {
    fn incarnation(&self) -> &str {
        self.log.incarnation()
    }

    fn lineage(&self) -> &Lineage {
        self.log.lineage()
    }

    async fn append(&self, drafts: Vec<Draft>) -> Vec<Result<Event, AppendError>> {
        let results = self.append_until_known(drafts).await;
        results.iter().flatten().for_each(tell);
        results
    }

    async fn newest(&self, aggregate: &Aggregate) -> Result<Option<Event>, ReadError> {
        self.until_answered(|| self.log.newest(aggregate)).await
    }

    async fn history(&self, aggregate: &Aggregate, limit: usize) -> Result<Vec<Event>, ReadError> {
        self.until_answered(|| self.log.history(aggregate, limit)).await
    }

    async fn watch(&self, filter: Filter) -> Result<Watch, ReadError> {
        let watch = self.log.watch(filter).await?;
        Ok(Watch::new(PatientWatch { watch, stop: self.stop.clone(), again: None }))
    }

    async fn retire(&self, draft: Draft) -> Result<Event, AppendError> {
        self.until_answered(|| self.log.retire(draft.clone())).await.inspect(tell)
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
        self.until_answered(|| self.log.put_blob(bytes.clone())).await
    }

    async fn get_blob(&self, digest: &Digest) -> Result<Option<Bytes>, BlobError> {
        self.until_answered(|| self.log.get_blob(digest)).await
    }

    async fn has_blob(&self, digest: &Digest) -> Result<bool, BlobError> {
        self.until_answered(|| self.log.has_blob(digest)).await
    }

    async fn blobs(&self) -> Result<Vec<Digest>, BlobError> {
        self.until_answered(|| self.log.blobs()).await
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

/// A watch whose interruptions nobody sees.
struct PatientWatch {
    watch: Watch,
    stop: CancellationToken,
    /// When to ask again; kept here, so that a cancelled wait is not a skipped one.
    again: Option<Instant>,
}

#[async_trait]
impl WatchSource for PatientWatch {
    async fn next(&mut self) -> Option<Result<WatchItem, ReadError>> {
        loop {
            if let Some(again) = self.again {
                self.stop.run_until_cancelled(sleep_until(again)).await;
                self.again = None;
            }
            match self.watch.next().await {
                Some(Err(error)) if error.is_interruption() && !self.stop.is_cancelled() => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the watch was interrupted");
                    self.again = Some(Instant::now() + AGAIN);
                }
                item => return item,
            }
        }
    }
}
