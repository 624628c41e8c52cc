//! The connection and what everybody on it needs to know.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use async_nats::{
    Client,
    jetstream::{self, ErrorCode, response::Response, stream::Info},
};

use super::{heads::Heads, mirror::Mirror, streams};
use crate::{Cause, LogPosition, OpenError, Succession, lineage::Identity};

pub(super) type Stream = jetstream::stream::Stream<()>;

/// The connection.
pub(super) struct Hub {
    pub(super) client: Client,
    pub(super) jetstream: jetstream::Context,
    pub(super) identity: Identity,
    /// Servers that keep each stream; `None`: as it is.
    pub(super) replicas: Option<usize>,
    pub(super) log: Stream,
    pub(super) blobs: Stream,
    /// Newest version of the aggregates that were read or written lately.
    pub(super) heads: Heads,
    pub(super) mirror: Mirror,
    /// Set at every reconnect: what is behind the address may be another log.
    reconnected: Arc<AtomicBool>,
    /// Highest sequence ever seen.
    seen: AtomicU64,
    /// Set for ever once another log was found.
    restarted: OnceLock<(LogPosition, LogPosition)>,
}

impl Hub {
    pub(super) async fn new(
        (client, jetstream): (Client, jetstream::Context),
        identity: Identity,
        replicas: Option<usize>,
        reconnected: Arc<AtomicBool>,
    ) -> Result<Self, OpenError> {
        let failed = |stream: &str, cause: Cause| OpenError::Stream { stream: stream.to_owned(), cause };
        let log = stream(&jetstream, streams::LOG).await.map_err(|cause| failed(streams::LOG, cause))?;
        let blobs =
            stream(&jetstream, streams::BLOBS).await.map_err(|cause| failed(streams::BLOBS, cause))?;
        let hub = Self {
            client,
            jetstream,
            identity,
            replicas,
            log,
            blobs,
            heads: Heads::default(),
            mirror: Mirror::default(),
            reconnected,
            seen: AtomicU64::new(0),
            restarted: OnceLock::new(),
        };
        let position = hub.position().await.map_err(|cause| failed(streams::LOG, cause))?;
        hub.note(position.sequence);
        Ok(hub)
    }

    /// Remembers that the log goes at least that far.
    pub(super) fn note(&self, sequence: u64) {
        self.seen.fetch_max(sequence, Ordering::SeqCst);
    }

    pub(super) fn seen(&self) -> LogPosition {
        LogPosition {
            incarnation: self.identity.incarnation.clone(),
            restoration: self.identity.lineage.newest(),
            sequence: self.seen.load(Ordering::SeqCst),
        }
    }

    /// Asks the leader where the log stands. A log that is not there has no incarnation.
    pub(super) async fn position(&self) -> Result<LogPosition, Cause> {
        let subject = format!("STREAM.INFO.{}", streams::LOG);
        let answer: Response<Info> =
            self.jetstream.request(subject, &()).await.map_err(|error| -> Cause { Arc::new(error) })?;
        match answer {
            Response::Ok(info) => {
                let Identity { incarnation, lineage } = streams::identity_of(&info.config)?;
                let (restoration, sequence) = (lineage.newest(), info.state.last_sequence);
                Ok(LogPosition { incarnation, restoration, sequence })
            }
            Response::Err { error } if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Ok(LogPosition { incarnation: String::new(), restoration: None, sequence: 0 })
            }
            Response::Err { error } => Err(Arc::new(error)),
        }
    }

    /// Whether the log is still the one that was opened, asking the server.
    pub(super) async fn check(&self) -> Result<Result<LogPosition, Box<(LogPosition, LogPosition)>>, Cause> {
        if let Some(restarted) = self.restarted.get() {
            return Ok(Err(Box::new(restarted.clone())));
        }
        // Taken before the question: what is seen while it travels must not count against the answer.
        let seen = self.seen();
        let found = self.position().await?;
        match seen.succession(&found) {
            Succession::Continues => Ok(Ok(found)),
            Succession::Replaced | Succession::Older => {
                tracing::error!(?seen, ?found, "the log is another one");
                let restarted = self.restarted.get_or_init(|| (seen, found));
                Ok(Err(Box::new(restarted.clone())))
            }
        }
    }

    /// As [`check`](Self::check), but asks only after a reconnect.
    pub(super) async fn still_the_same(&self) -> Result<bool, Cause> {
        if self.restarted.get().is_some() {
            return Ok(false);
        }
        if !self.reconnected.swap(false, Ordering::SeqCst) {
            return Ok(true);
        }
        self.heads.forget_all();
        let checked = self.check().await;
        if checked.is_err() {
            self.reconnected.store(true, Ordering::SeqCst);
        }
        Ok(checked?.is_ok())
    }
}

/// A handle on a stream of the table.
pub(super) async fn stream(jetstream: &jetstream::Context, name: &str) -> Result<Stream, Cause> {
    jetstream.get_stream_no_info(name).await.map_err(|error| -> Cause { Arc::new(error) })
}
