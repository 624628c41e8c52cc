//! The log, as services see it.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use events::{Draft, Event};
use futures::stream::BoxStream;
use model::{Aggregate, Digest, Timestamp};

use crate::{
    AppendError, BlobError, Feed, FeedItem, Filter, Lineage, LogPosition, Member, Membership, ReadError,
    Report, Watch,
};

/// Events kept of each aggregate; the newest is always among them. Enough for a page of history in the UI,
/// and small enough that 100,000 busy aggregates fit on one disk.
pub const HISTORY_MAX: usize = 256;

/// How long the last event of a retired aggregate is kept.
pub const RETIRED_TTL: Duration = Duration::from_secs(30 * 24 * 3600);

/// Largest blob, in plain bytes: the sealed tree of a very large repository.
pub const BLOB_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Every event that is kept, as [`Log::replay`] tells it.
pub type Replay = BoxStream<'static, Result<FeedItem, ReadError>>;

/// What a sweep removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Blobs removed.
    pub blobs: u64,
    /// Stored (compressed) bytes given back.
    pub bytes: u64,
}

/// An append-only log of events with one writer per aggregate, and the blobs that events name.
///
/// Everything that a call reports as stored is on disk (`fsync`) and survives `kill -9` and power loss.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// Id written when the log was created; another one means another log.
    fn incarnation(&self) -> &str;

    /// The restorations that led to it: of logs of one incarnation, the newest one tells which it is.
    fn lineage(&self) -> &Lineage;

    /// Appends events, at most one per aggregate; one result per draft, in order. Each draft stands for
    /// itself: a stale one does not hold back the others. A draft that is already stored at its version is
    /// reported as stored (a lost acknowledgement).
    ///
    /// # Errors
    /// Per draft: `Conflict` (stale): read again, decide again. `Unavailable` (transient): whether it was
    /// stored is unknown; appending the very same draft again is safe. Others permanent or bugs.
    async fn append(&self, drafts: Vec<Draft>) -> Vec<Result<Event, AppendError>>;

    /// The newest event of an aggregate, which is its state.
    ///
    /// # Errors
    /// `Undecodable` (permanent): the aggregate is parked. `Unavailable` (transient).
    async fn newest(&self, aggregate: &Aggregate) -> Result<Option<Event>, ReadError>;

    /// The newest `limit` events of an aggregate (at most [`HISTORY_MAX`]), newest first. Undecodable ones
    /// are left out.
    ///
    /// # Errors
    /// `Unavailable` (transient).
    async fn history(&self, aggregate: &Aggregate, limit: usize) -> Result<Vec<Event>, ReadError>;

    /// Lists the newest event of each aggregate that the filter lets through, then `Listed`, then every
    /// change. A reader that lags far behind sees the newest event of each aggregate instead of all.
    /// For partitions gained later, open another watch over just those.
    ///
    /// # Errors
    /// `Unavailable` (transient).
    async fn watch(&self, filter: Filter) -> Result<Watch, ReadError>;

    /// Appends the last event of an aggregate: its older events go at once, itself after
    /// [`RETIRED_TTL`]. Until then the aggregate goes on at n + 1, afterwards it starts again at 1.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    async fn retire(&self, draft: Draft) -> Result<Event, AppendError>;

    /// Consumes every event in order, from the one after the last acknowledged. The first call of a name
    /// registers it: from then on nothing is dropped that it has not acknowledged. A newcomer may find gone
    /// what all others have acknowledged.
    ///
    /// # Errors
    /// `Unavailable` (transient).
    async fn feed(&self, consumer: &str) -> Result<Feed, ReadError>;

    /// Tells every event that is kept, in order, and ends where nothing newer is. What is dropped meanwhile was
    /// told, or something newer of its aggregate is.
    ///
    /// # Errors
    /// `Restarted` (permanent). `Unavailable` (transient). The last item: begin again.
    fn replay(&self) -> Replay;

    /// Which log this is and how far it goes. Compare with what was seen before at every sweep.
    ///
    /// # Errors
    /// `Unavailable` (transient).
    async fn position(&self) -> Result<LogPosition, ReadError>;

    /// Stores bytes under their SHA-256; if they are there already, marks them as used now.
    ///
    /// # Errors
    /// `TooLarge` (permanent), `Unavailable` (transient).
    async fn put_blob(&self, bytes: Bytes) -> Result<Digest, BlobError>;

    /// The bytes with that SHA-256, verified.
    ///
    /// # Errors
    /// `Corrupt` (permanent): what is stored is something else; it is dropped, so that the next put
    /// stores it anew. `Unavailable` (transient).
    async fn get_blob(&self, digest: &Digest) -> Result<Option<Bytes>, BlobError>;

    /// Whether a blob is there, without reading it.
    ///
    /// # Errors
    /// `Unavailable` (transient).
    async fn has_blob(&self, digest: &Digest) -> Result<bool, BlobError>;

    /// The digests of all blobs. One that is put or swept meanwhile may be among them or not.
    ///
    /// # Errors
    /// `Unavailable` (transient).
    async fn blobs(&self) -> Result<Vec<Digest>, BlobError>;

    /// Removes the blobs that are not in `keep` and were last put before `older_than`.
    ///
    /// # Errors
    /// `Unavailable` (transient): a part may be removed.
    async fn sweep_blobs(&self, keep: &HashSet<Digest>, older_than: Timestamp) -> Result<Swept, BlobError>;

    /// Makes a process member of a group for as long as the membership is held. If the process dies, the
    /// others see it leave after `ttl` (whole seconds, at least 1).
    ///
    /// # Errors
    /// `Unavailable` (transient).
    async fn join(&self, group: &str, member: Member, ttl: Duration) -> Result<Membership, ReadError>;

    /// Who is in a group now, and what each told with its newest heartbeat; without joining it. A member that died
    /// is there for as long as its time to live, and so much older than told its work may be.
    ///
    /// # Errors
    /// `Unavailable` (transient).
    async fn members(&self, group: &str) -> Result<Vec<Report>, ReadError>;
}
