//! Telling a log, part by part, as fast as somebody takes it.

use std::{collections::BTreeMap, sync::Arc, vec};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use model::Digest;

use super::{
    Beside, ExportError,
    format::{self, EVENTS_BYTES, FORMAT, Head, Writer},
};
use crate::{BlobError, FeedItem, Log, log::Replay};

/// The bytes of an archive of a log, which may be in use. No more is in memory than one part: about a megabyte of
/// events, or one blob. What is beside the log goes into the head as it is.
///
/// # Errors
/// The last item. Read and Blob as their own class; Undecodable: permanent; Encode: a bug.
pub fn export(log: Arc<dyn Log>, beside: Beside) -> BoxStream<'static, Result<Bytes, ExportError>> {
    let begun = stream::once(async move {
        let position = log.position().await.map_err(ExportError::Read)?;
        let head = Head {
            format: FORMAT,
            incarnation: position.incarnation,
            lineage: log.lineage().clone(),
            newest: position.sequence,
            key_id: beside.key_id,
            attachment: beside.attachment,
        };
        let (writer, first) = Writer::begin(&head)?;
        let stage = Stage::Events { replay: log.replay(), parked: BTreeMap::new() };
        let exporter = Exporter { log, writer, stage };
        let rest = stream::try_unfold(exporter, Exporter::next);
        Ok::<_, ExportError>(stream::iter([Ok(first)]).chain(rest))
    });
    begun.try_flatten().boxed()
}

struct Exporter {
    log: Arc<dyn Log>,
    writer: Writer,
    stage: Stage,
}

/// What is told now.
enum Stage {
    Events {
        replay: Replay,
        /// Aggregates whose newest event so far cannot be read, and why.
        parked: BTreeMap<String, String>,
    },
    Blobs(vec::IntoIter<Digest>),
    Ended,
}

impl Exporter {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, ExportError> {
        loop {
            match &mut self.stage {
                Stage::Events { replay, parked } => {
                    let plain = gather(replay, parked).await?;
                    if !plain.is_empty() {
                        let frame = self.writer.events(plain).await.map_err(ExportError::Blob)?;
                        return Ok(Some((frame, self)));
                    }
                    if let Some((path, reason)) = parked.pop_first() {
                        return Err(ExportError::Undecodable { path, reason });
                    }
                    let digests = self.log.blobs().await.map_err(ExportError::Blob)?;
                    self.stage = Stage::Blobs(digests.into_iter());
                }
                Stage::Blobs(digests) => {
                    let Some(digest) = digests.next() else {
                        self.stage = Stage::Ended;
                        return Ok(Some((self.writer.end(), self)));
                    };
                    if let Some(plain) = blob(&*self.log, &digest).await? {
                        let frame = self.writer.blob(plain).await.map_err(ExportError::Blob)?;
                        return Ok(Some((frame, self)));
                    }
                }
                Stage::Ended => return Ok(None),
            }
        }
    }
}

/// The events of the next frame; none: all are told.
async fn gather(replay: &mut Replay, parked: &mut BTreeMap<String, String>) -> Result<Vec<u8>, ExportError> {
    let mut plain = Vec::new();
    while plain.len() < EVENTS_BYTES
        && let Some(item) = replay.try_next().await.map_err(ExportError::Read)?
    {
        match item {
            FeedItem::Event(event) => {
                parked.remove(&event.aggregate().path());
                format::push(&mut plain, &event)?;
            }
            FeedItem::Undecodable { path, reason, .. } => {
                parked.insert(path, reason);
            }
        }
    }
    Ok(plain)
}

/// A blob; `None`: it is gone, or was lost on the disk, and is rebuilt where it is missed.
async fn blob(log: &dyn Log, digest: &Digest) -> Result<Option<Bytes>, ExportError> {
    match log.get_blob(digest).await {
        Err(BlobError::Corrupt { digest }) => {
            tracing::warn!(%digest, "a corrupt blob is left out of the archive");
            Ok(None)
        }
        found => found.map_err(ExportError::Blob),
    }
}
