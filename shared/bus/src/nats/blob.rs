//! Blobs as chunks of an upload, and a head that names the upload. Two uploads of one blob never mix.

use std::{collections::HashSet, sync::Arc};

use async_nats::{HeaderMap, header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, jetstream};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use model::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    hub::Hub,
    publish::{Outgoing, PublishError, publish},
    read, streams,
    tail::{AfterLoss, Content, Course, Start, Step, Tail},
};
use crate::{BlobError, Cause, Swept, packing};

/// Bytes of a chunk: an eighth of the server's message limit.
const CHUNK_BYTES: usize = 128 * 1024;

/// Chunks on their way at once.
const IN_FLIGHT: usize = 16;

/// Tries against others that put or sweep the same blob.
const TRIES: usize = 4;

/// What is stored of a blob besides its chunks.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct BlobHead {
    plain_bytes: u64,
    stored_bytes: u64,
    chunks: u32,
    upload: String,
}

fn head_subject(digest: &Digest) -> String {
    format!("blob.head.{digest}")
}

fn chunk_subject(digest: &Digest, upload: &str, number: u32) -> String {
    format!("blob.part.{digest}.{upload}.{number}")
}

fn unavailable<E: std::error::Error + Send + Sync + 'static>(error: E) -> BlobError {
    BlobError::Unavailable(Arc::new(error))
}

pub(super) async fn put(hub: &Hub, bytes: Bytes) -> Result<Digest, BlobError> {
    packing::check_size(bytes.len())?;
    let digest = packing::digest(bytes.clone()).await?;
    for _ in 0..TRIES {
        let done = match read_head(hub, &digest).await? {
            Some((head, at)) => write_head(hub, &digest, &head, at).await?,
            None => upload(hub, &digest, bytes.clone()).await?,
        };
        if done == Written::Yes {
            return Ok(digest);
        }
    }
    Err(unavailable(PublishError::WrongLast))
}

pub(super) async fn get(hub: &Hub, digest: Digest) -> Result<Option<Bytes>, BlobError> {
    let Some((head, at)) = read_head(hub, &digest).await? else { return Ok(None) };
    let parts = (0..head.chunks).map(|number| {
        let subject = chunk_subject(&digest, &head.upload, number);
        async move { read::last(&hub.blobs, &subject).await.map_err(BlobError::Unavailable) }
    });
    let parts: Vec<_> = futures::stream::iter(parts).buffered(IN_FLIGHT).try_collect().await?;
    let stored: Vec<u8> = parts.into_iter().flatten().flat_map(|part| part.payload).collect();
    match packing::unpack(stored, head.plain_bytes, digest).await? {
        Some(plain) => Ok(Some(plain)),
        None => {
            remove(hub, &digest, &head.upload, at).await?;
            Err(BlobError::Corrupt { digest })
        }
    }
}

pub(super) async fn has(hub: &Hub, digest: &Digest) -> Result<bool, BlobError> {
    Ok(read_head(hub, digest).await?.is_some())
}

pub(super) async fn sweep(
    hub: &Arc<Hub>,
    keep: &HashSet<Digest>,
    older_than: Timestamp,
) -> Result<Swept, BlobError> {
    let mut swept = Swept::default();
    for row in list(hub, "blob.head.*", Content::Whole).await? {
        let Some(digest) = row.subject.rsplit('.').next().and_then(|text| text.parse().ok()) else {
            continue;
        };
        if row.time >= older_than || keep.contains(&digest) {
            continue;
        }
        let head = rmp_serde::from_slice::<BlobHead>(&row.payload).map_err(unavailable)?;
        if remove(hub, &digest, &head.upload, row.sequence).await? == Written::Yes {
            swept.blobs += 1;
            swept.bytes += head.stored_bytes;
        }
    }
    sweep_abandoned(hub, older_than).await?;
    Ok(swept)
}

/// Removes the chunks of uploads that were never finished.
async fn sweep_abandoned(hub: &Arc<Hub>, older_than: Timestamp) -> Result<(), BlobError> {
    for row in list(hub, "blob.part.*.*.0", Content::Headers).await? {
        let words: Vec<&str> = row.subject.split('.').collect();
        let (Some(digest), Some(upload)) = (words.get(2).and_then(|text| text.parse().ok()), words.get(3))
        else {
            continue;
        };
        if row.time >= older_than {
            continue;
        }
        let head = read_head(hub, &digest).await?;
        if head.is_none_or(|(head, _)| head.upload != *upload) {
            remove_chunks(hub, &digest, upload).await?;
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Yes,
    /// Somebody else changed the head meanwhile.
    Overtaken,
}

async fn upload(hub: &Hub, digest: &Digest, bytes: Bytes) -> Result<Written, BlobError> {
    let plain_bytes = bytes.len() as u64;
    let stored = packing::pack(bytes).await?;
    let chunks = packing::chunks(&stored, CHUNK_BYTES);
    let head = BlobHead {
        plain_bytes,
        stored_bytes: stored.len() as u64,
        chunks: chunks.len() as u32,
        upload: format!("{:016x}", rand::random::<u64>()),
    };
    let sending = chunks.into_iter().enumerate().map(|(number, payload)| {
        let subject = chunk_subject(digest, &head.upload, number as u32);
        publish(&hub.client, Outgoing { subject, headers: HeaderMap::new(), payload })
    });
    let sent = futures::stream::iter(sending).buffer_unordered(IN_FLIGHT);
    sent.try_for_each(|_| async { Ok(()) }).await.map_err(unavailable)?;
    let written = write_head(hub, digest, &head, 0).await?;
    if written == Written::Overtaken {
        remove_chunks(hub, digest, &head.upload).await?;
    }
    Ok(written)
}

/// Writes the head if it is still the one at `expected` (0: none); its time is when the blob was last put.
async fn write_head(
    hub: &Hub,
    digest: &Digest,
    head: &BlobHead,
    expected: u64,
) -> Result<Written, BlobError> {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
    let payload = Bytes::from(rmp_serde::to_vec_named(head).map_err(unavailable)?);
    match publish(&hub.client, Outgoing { subject: head_subject(digest), headers, payload }).await {
        Ok(_) => Ok(Written::Yes),
        Err(PublishError::WrongLast) => Ok(Written::Overtaken),
        Err(error) => Err(unavailable(error)),
    }
}

async fn read_head(hub: &Hub, digest: &Digest) -> Result<Option<(BlobHead, u64)>, BlobError> {
    let found = read::last(&hub.blobs, &head_subject(digest)).await.map_err(BlobError::Unavailable)?;
    let Some(message) = found else { return Ok(None) };
    let head = rmp_serde::from_slice(&message.payload).map_err(unavailable)?;
    Ok(Some((head, message.sequence)))
}

/// Removes a blob whose head is still the one at that sequence: first the head, so that nobody relies on it.
async fn remove(hub: &Hub, digest: &Digest, upload: &str, at: u64) -> Result<Written, BlobError> {
    let purged = hub.blobs.purge().filter(head_subject(digest)).sequence(at + 1).await;
    if purged.map_err(unavailable)?.purged == 0 {
        return Ok(Written::Overtaken);
    }
    remove_chunks(hub, digest, upload).await?;
    Ok(Written::Yes)
}

async fn remove_chunks(hub: &Hub, digest: &Digest, upload: &str) -> Result<(), BlobError> {
    let filter = format!("blob.part.{digest}.{upload}.*");
    hub.blobs.purge().filter(filter).await.map(drop).map_err(unavailable)
}

struct Row {
    subject: String,
    sequence: u64,
    time: Timestamp,
    payload: Bytes,
}

async fn list(hub: &Arc<Hub>, filter: &str, content: Content) -> Result<Vec<Row>, BlobError> {
    let course = Course {
        stream: streams::BLOBS,
        filters: vec![filter.to_owned()],
        start: Start::Newest,
        content,
        after_loss: AfterLoss::StartAgain,
    };
    let mut tail = Tail::new(hub.clone(), course);
    let mut rows = Vec::new();
    loop {
        match tail.next().await.map_err(BlobError::Unavailable)? {
            Step::Message(message) => rows.push(row(&message).map_err(BlobError::Unavailable)?),
            Step::CaughtUp | Step::Restarted(..) => return Ok(rows),
        }
    }
}

/// Says that a message came without its place in the stream.
#[derive(Debug, thiserror::Error)]
#[error("a message without a place in its stream")]
struct Placeless;

fn row(message: &jetstream::Message) -> Result<Row, Cause> {
    let info = message.info().map_err(|_| -> Cause { Arc::new(Placeless) })?;
    let millis = info.published.unix_timestamp_nanos() / 1_000_000;
    Ok(Row {
        subject: message.subject.to_string(),
        sequence: info.stream_sequence,
        time: Timestamp::from_millis(millis.try_into().unwrap_or(i64::MAX)),
        payload: message.payload.clone(),
    })
}
