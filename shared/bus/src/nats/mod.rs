//! The log on NATS JetStream.

mod append;
mod blob;
mod connect;
mod envelope;
mod feed;
mod heads;
mod hub;
mod member;
mod mirror;
mod publish;
mod read;
mod replay;
mod restore;
mod server_check;
mod streams;
mod tail;
mod watch;

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use events::{Draft, Event};
use model::{Aggregate, Digest, Timestamp};

use crate::{
    AppendError, BlobError, Feed, Filter, Lineage, Log, LogPosition, Member, Membership, NatsConfig,
    OpenError, ReadError, Report, Swept, Watch, draft_check, log::Replay,
};

pub(crate) use restore::Restoring;

use {append::Appender, hub::Hub};

/// The log on a NATS server or cluster.
pub(crate) struct NatsLog {
    hub: Arc<Hub>,
    appender: Appender,
    retired_ttl: Duration,
}

impl NatsLog {
    pub(crate) async fn open(config: NatsConfig) -> Result<Self, OpenError> {
        let hub = Arc::new(connect::connect(&config).await?);
        let appender = Appender::start(hub.clone());
        Ok(Self { hub, appender, retired_ttl: config.retired_ttl })
    }
}

#[async_trait]
impl Log for NatsLog {
    fn incarnation(&self) -> &str {
        &self.hub.identity.incarnation
    }

    fn lineage(&self) -> &Lineage {
        &self.hub.identity.lineage
    }

    async fn append(&self, drafts: Vec<Draft>) -> Vec<Result<Event, AppendError>> {
        let checked = draft_check::check_all(&drafts);
        let waiting = drafts.into_iter().zip(checked).map(|(draft, check)| async {
            check?;
            self.appender.submit(draft, None).await
        });
        futures::future::join_all(waiting).await
    }

    async fn newest(&self, aggregate: &Aggregate) -> Result<Option<Event>, ReadError> {
        read::newest(&self.hub, aggregate).await
    }

    async fn history(&self, aggregate: &Aggregate, limit: usize) -> Result<Vec<Event>, ReadError> {
        read::history(&self.hub, aggregate, limit).await
    }

    async fn watch(&self, filter: Filter) -> Result<Watch, ReadError> {
        Ok(Watch::new(watch::Follower::new(self.hub.clone(), &filter)))
    }

    async fn retire(&self, draft: Draft) -> Result<Event, AppendError> {
        draft_check::check(&draft)?;
        self.appender.submit(draft, Some(self.retired_ttl)).await
    }

    async fn feed(&self, consumer: &str) -> Result<Feed, ReadError> {
        feed::Consumer::register(self.hub.clone(), consumer).await.map(Feed::new)
    }

    fn replay(&self) -> Replay {
        replay::replay(self.hub.clone())
    }

    async fn position(&self) -> Result<LogPosition, ReadError> {
        self.hub.position().await.map_err(ReadError::Unavailable)
    }

    async fn put_blob(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        blob::put(&self.hub, bytes).await
    }

    async fn get_blob(&self, digest: &Digest) -> Result<Option<Bytes>, BlobError> {
        blob::get(&self.hub, *digest).await
    }

    async fn has_blob(&self, digest: &Digest) -> Result<bool, BlobError> {
        blob::has(&self.hub, digest).await
    }

    async fn blobs(&self) -> Result<Vec<Digest>, BlobError> {
        blob::digests(&self.hub).await
    }

    async fn sweep_blobs(&self, keep: &HashSet<Digest>, older_than: Timestamp) -> Result<Swept, BlobError> {
        blob::sweep(&self.hub, keep, older_than).await
    }

    async fn join(&self, group: &str, member: Member, ttl: Duration) -> Result<Membership, ReadError> {
        member::join(self.hub.clone(), group, member, ttl).await
    }

    async fn members(&self, group: &str) -> Result<Vec<Report>, ReadError> {
        member::reports(self.hub.clone(), group).await
    }
}
