//! The log in one file, for one process: redb, one writer thread, group commit.

mod append;
mod blob;
mod compact;
#[cfg(test)]
mod failing_disk;
mod feed;
mod folder;
mod layout;
mod member;
mod pace;
mod read;
mod recent;
pub(crate) mod record;
mod replay;
mod restore;
mod retention;
mod store;
mod watch;
mod writer;

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use bytes::Bytes;
use events::{Draft, Event};
use model::{Aggregate, Digest, Timestamp};

use crate::{
    AppendError, BlobError, Cause, EmbeddedConfig, Feed, Filter, Lineage, Log, LogPosition, Member,
    Membership, OpenError, ReadError, Report, Swept, Watch, WatchItem, draft_check, log::Replay,
};

pub(crate) use restore::{Restoring, check_free};

use {store::Store, writer::Writer};

/// The log in a state folder.
pub(crate) struct EmbeddedLog {
    store: Arc<Store>,
    writer: Writer,
    groups: member::Groups,
    retired_ttl: Duration,
}

impl EmbeddedLog {
    pub(crate) async fn open(config: EmbeddedConfig) -> Result<Self, OpenError> {
        let folder = config.folder.clone();
        let failed = move |cause: Cause| OpenError::Storage { folder: folder.clone(), cause };
        let store =
            tokio::task::spawn_blocking(move || Store::open(&config.folder, Box::new(store::open_file)))
                .await
                .map_err(|error| failed(Arc::new(error)))??;
        Ok(Self::over(store, config.retired_ttl))
    }

    fn over(store: Arc<Store>, retired_ttl: Duration) -> Self {
        let writer = Writer::start(store.clone());
        Self { store, writer, groups: member::Groups::default(), retired_ttl }
    }

    async fn append_checked(&self, drafts: Vec<append::Item>) -> Vec<Result<Event, AppendError>> {
        let incarnation = self.store.identity.incarnation.clone();
        let aggregates: Vec<_> = drafts.iter().map(|item| item.draft.aggregate.clone()).collect();
        let outcome = self
            .writer
            .submit(move |write, stored| append::append((write, stored), &incarnation, drafts))
            .await;
        match outcome {
            Ok(results) => results,
            Err(cause) => aggregates
                .into_iter()
                .map(|aggregate| Err(AppendError::Unavailable { aggregate, cause: cause.clone() }))
                .collect(),
        }
    }
}

/// Milliseconds since the epoch, by this machine's clock.
fn now() -> Timestamp {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(passed.as_millis().try_into().unwrap_or(i64::MAX))
}

#[async_trait]
impl Log for EmbeddedLog {
    fn incarnation(&self) -> &str {
        &self.store.identity.incarnation
    }

    fn lineage(&self) -> &Lineage {
        &self.store.identity.lineage
    }

    async fn append(&self, drafts: Vec<Draft>) -> Vec<Result<Event, AppendError>> {
        let checked = draft_check::check_all(&drafts);
        let sound = drafts.into_iter().zip(&checked).filter(|(_, check)| check.is_ok());
        let items = sound.map(|(draft, _)| append::Item { draft, expires: None }).collect();
        let mut results = self.append_checked(items).await.into_iter();
        checked
            .into_iter()
            .filter_map(|check| match check {
                Ok(()) => results.next(),
                Err(error) => Some(Err(error)),
            })
            .collect()
    }

    async fn newest(&self, aggregate: &Aggregate) -> Result<Option<Event>, ReadError> {
        let wanted = aggregate.clone();
        let found = self.store.peek(move |txn| read::newest(txn, &wanted)).await;
        match found.map_err(ReadError::Unavailable)? {
            None => Ok(None),
            Some(WatchItem::Event(event)) => Ok(Some(event)),
            Some(WatchItem::Undecodable(what)) => Err(ReadError::Undecodable(what)),
            Some(WatchItem::Listed | WatchItem::Restarted { .. }) => Ok(None),
        }
    }

    async fn history(&self, aggregate: &Aggregate, limit: usize) -> Result<Vec<Event>, ReadError> {
        let wanted = aggregate.clone();
        self.store.read(move |txn| read::history(txn, &wanted, limit)).await.map_err(ReadError::Unavailable)
    }

    async fn watch(&self, filter: Filter) -> Result<Watch, ReadError> {
        Ok(Watch::new(watch::Tail::new(self.store.clone(), filter)))
    }

    async fn retire(&self, draft: Draft) -> Result<Event, AppendError> {
        draft_check::check(&draft)?;
        let aggregate = draft.aggregate.clone();
        let expires = Some(now().plus(self.retired_ttl));
        let mut results = self.append_checked(vec![append::Item { draft, expires }]).await;
        let lost = || AppendError::Malformed { aggregate, rule: "one draft has one result" };
        results.pop().unwrap_or_else(|| Err(lost()))
    }

    async fn feed(&self, consumer: &str) -> Result<Feed, ReadError> {
        let source = feed::Consumer::register(self.store.clone(), self.writer.clone(), consumer).await;
        source.map(Feed::new).map_err(ReadError::Unavailable)
    }

    fn replay(&self) -> Replay {
        replay::replay(self.store.clone())
    }

    async fn position(&self) -> Result<LogPosition, ReadError> {
        Ok(self.store.position())
    }

    async fn put_blob(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        blob::put(&self.store, &self.writer, bytes).await
    }

    async fn get_blob(&self, digest: &Digest) -> Result<Option<Bytes>, BlobError> {
        blob::get(&self.store, &self.writer, *digest).await
    }

    async fn has_blob(&self, digest: &Digest) -> Result<bool, BlobError> {
        blob::has(&self.store, *digest).await
    }

    async fn blobs(&self) -> Result<Vec<Digest>, BlobError> {
        blob::list(&self.store).await
    }

    async fn sweep_blobs(&self, keep: &HashSet<Digest>, older_than: Timestamp) -> Result<Swept, BlobError> {
        let swept = blob::sweep(&self.store, &self.writer, keep, older_than).await?;
        if swept.bytes >= compact::WORTH_BYTES {
            self.writer.compact().await;
        }
        Ok(swept)
    }

    async fn join(&self, group: &str, member: Member, ttl: Duration) -> Result<Membership, ReadError> {
        Ok(self.groups.join(group, member, ttl))
    }

    async fn members(&self, group: &str) -> Result<Vec<Report>, ReadError> {
        Ok(self.groups.reports(group))
    }
}
