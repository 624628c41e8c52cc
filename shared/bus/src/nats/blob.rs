//! Blobs: a head that holds a small one whole, and of a large one names the upload whose chunks it is. Two uploads of
//! one blob never mix.

use std::{collections::HashSet, sync::Arc};

use async_nats::{HeaderMap, header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, jetstream};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use model::{Digest, Timestamp};

use super::{
    hub::Hub,
    publish::{Outgoing, PublishError, publish},
    read, streams,
    tail::{AfterLoss, Content, Course, Start, Step, Tail},
};
use crate::{BlobError, Cause, Swept, packing};

/// Stored bytes up to which a blob is one message: each costs the server a flush, and a reader a question. Most blobs
/// are the files or manifests of one application.
const SMALL_BYTES_MAX: usize = 64 * 1024;

/// Header of a head: plain bytes, stored bytes, chunks, upload. Beside the payload, so that a sweep need not read it.
const HEAD: &str = "Driftless-Blob";

/// Bytes of a chunk: an eighth of the server's message limit.
const CHUNK_BYTES: usize = 128 * 1024;

/// Chunks on their way at once.
const IN_FLIGHT: usize = 16;

/// Tries against others that put or sweep the same blob.
const TRIES: usize = 4;

/// What is stored of a blob besides its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct BlobHead {
    plain_bytes: u64,
    stored_bytes: u64,
    /// 0: the head's payload is all of it.
    chunks: u32,
    /// `-` if there are no chunks.
    upload: String,
}

impl BlobHead {
    fn read(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(HEAD)?.as_str();
        let [plain_bytes, stored_bytes, chunks, upload] = *text.split(' ').collect::<Vec<_>>() else {
            return None;
        };
        Some(Self {
            plain_bytes: plain_bytes.parse().ok()?,
            stored_bytes: stored_bytes.parse().ok()?,
            chunks: chunks.parse().ok()?,
            upload: upload.to_owned(),
        })
    }

    fn write(&self, headers: &mut HeaderMap) {
        let Self { plain_bytes, stored_bytes, chunks, upload } = self;
        headers.insert(HEAD, format!("{plain_bytes} {stored_bytes} {chunks} {upload}"));
    }
}

/// A head as it stands.
struct Standing {
    head: BlobHead,
    sequence: u64,
    payload: Bytes,
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
    let mut first = None;
    for _ in 0..TRIES {
        let found = read_head(hub, &digest).await?;
        let at = found.as_ref().map_or(0, |found| found.sequence);
        if at > *first.get_or_insert(at) {
            // Somebody else has put it since.
            return Ok(digest);
        }
        let done = match found {
            Some(found) => write_head(hub, &digest, (&found.head, found.payload), found.sequence).await?,
            None => upload(hub, &digest, bytes.clone()).await?,
        };
        if done == Written::Yes {
            return Ok(digest);
        }
    }
    Err(unavailable(PublishError::WrongLast))
}

pub(super) async fn get(hub: &Hub, digest: Digest) -> Result<Option<Bytes>, BlobError> {
    let Some(found) = read_head(hub, &digest).await? else { return Ok(None) };
    let head = &found.head;
    let stored = match head.chunks {
        0 => found.payload.to_vec(),
        _ => read_chunks(hub, &digest, head).await?,
    };
    match packing::unpack(stored, head.plain_bytes, digest).await? {
        Some(plain) => Ok(Some(plain)),
        None => {
            remove(hub, &digest, head, found.sequence).await?;
            Err(BlobError::Corrupt { digest })
        }
    }
}

async fn read_chunks(hub: &Hub, digest: &Digest, head: &BlobHead) -> Result<Vec<u8>, BlobError> {
    let parts = (0..head.chunks).map(|number| {
        let subject = chunk_subject(digest, &head.upload, number);
        async move { read::last(&hub.blobs, &subject).await.map_err(BlobError::Unavailable) }
    });
    let parts: Vec<_> = futures::stream::iter(parts).buffered(IN_FLIGHT).try_collect().await?;
    Ok(parts.into_iter().flatten().flat_map(|part| part.payload).collect())
}

pub(super) async fn has(hub: &Hub, digest: &Digest) -> Result<bool, BlobError> {
    Ok(read_head(hub, digest).await?.is_some())
}

pub(super) async fn digests(hub: &Hub) -> Result<Vec<Digest>, BlobError> {
    // By subjects and not by a list of messages, which goes on for as long as blobs are put.
    let subjects = hub.blobs.info_with_subjects("blob.head.*").await.map_err(unavailable)?;
    let found: Vec<(String, usize)> = subjects.try_collect().await.map_err(unavailable)?;
    Ok(found.iter().filter_map(|(subject, _)| digest_of(subject)).collect())
}

pub(super) async fn sweep(
    hub: &Arc<Hub>,
    keep: &HashSet<Digest>,
    older_than: Timestamp,
) -> Result<Swept, BlobError> {
    let mut swept = Swept::default();
    for row in list(hub, "blob.head.*").await? {
        let Some(digest) = digest_of(&row.subject) else { continue };
        if row.time >= older_than || keep.contains(&digest) {
            continue;
        }
        let Some(head) = row.head else { continue };
        if remove(hub, &digest, &head, row.sequence).await? == Written::Yes {
            swept.blobs += 1;
            swept.bytes += head.stored_bytes;
        }
    }
    sweep_abandoned(hub, older_than).await?;
    Ok(swept)
}

/// Removes the chunks of uploads that were never finished.
async fn sweep_abandoned(hub: &Arc<Hub>, older_than: Timestamp) -> Result<(), BlobError> {
    for row in list(hub, "blob.part.*.*.0").await? {
        let words: Vec<&str> = row.subject.split('.').collect();
        let (Some(digest), Some(upload)) = (words.get(2).and_then(|text| text.parse().ok()), words.get(3))
        else {
            continue;
        };
        if row.time >= older_than {
            continue;
        }
        let head = read_head(hub, &digest).await?;
        if head.is_none_or(|found| found.head.upload != *upload) {
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
    let stored_bytes = stored.len() as u64;
    if stored.len() <= SMALL_BYTES_MAX {
        let head = BlobHead { plain_bytes, stored_bytes, chunks: 0, upload: "-".to_owned() };
        return write_head(hub, digest, (&head, stored), 0).await;
    }
    let chunks = packing::chunks(&stored, CHUNK_BYTES);
    let upload = format!("{:016x}", rand::random::<u64>());
    let head = BlobHead { plain_bytes, stored_bytes, chunks: chunks.len() as u32, upload };
    let sending = chunks.into_iter().enumerate().map(|(number, payload)| {
        let subject = chunk_subject(digest, &head.upload, number as u32);
        publish(&hub.client, Outgoing { subject, headers: HeaderMap::new(), payload })
    });
    let sent = futures::stream::iter(sending).buffer_unordered(IN_FLIGHT);
    sent.try_for_each(|_| async { Ok(()) }).await.map_err(unavailable)?;
    let written = write_head(hub, digest, (&head, Bytes::new()), 0).await?;
    if written == Written::Overtaken {
        remove_chunks(hub, digest, &head.upload).await?;
    }
    Ok(written)
}

/// Writes the head if it is still the one at `expected` (0: none); its time is when the blob was last put.
async fn write_head(
    hub: &Hub,
    digest: &Digest,
    (head, payload): (&BlobHead, Bytes),
    expected: u64,
) -> Result<Written, BlobError> {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
    head.write(&mut headers);
    match publish(&hub.client, Outgoing { subject: head_subject(digest), headers, payload }).await {
        Ok(_) => Ok(Written::Yes),
        Err(PublishError::WrongLast) => Ok(Written::Overtaken),
        Err(error) => Err(unavailable(error)),
    }
}

async fn read_head(hub: &Hub, digest: &Digest) -> Result<Option<Standing>, BlobError> {
    let found = read::last(&hub.blobs, &head_subject(digest)).await.map_err(BlobError::Unavailable)?;
    let Some(message) = found else { return Ok(None) };
    let Some(head) = BlobHead::read(&message.headers) else {
        let purged = hub.blobs.purge().filter(head_subject(digest)).sequence(message.sequence + 1).await;
        purged.map_err(unavailable)?;
        return Err(BlobError::Corrupt { digest: *digest });
    };
    Ok(Some(Standing { head, sequence: message.sequence, payload: message.payload }))
}

/// Removes a blob whose head is still the one at that sequence: first the head, so that nobody relies on it.
async fn remove(hub: &Hub, digest: &Digest, head: &BlobHead, at: u64) -> Result<Written, BlobError> {
    let purged = hub.blobs.purge().filter(head_subject(digest)).sequence(at + 1).await;
    if purged.map_err(unavailable)?.purged == 0 {
        return Ok(Written::Overtaken);
    }
    if head.chunks > 0 {
        remove_chunks(hub, digest, &head.upload).await?;
    }
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
    head: Option<BlobHead>,
}

/// The blob whose head is on a subject.
fn digest_of(subject: &str) -> Option<Digest> {
    subject.rsplit('.').next().and_then(|text| text.parse().ok())
}

async fn list(hub: &Arc<Hub>, filter: &str) -> Result<Vec<Row>, BlobError> {
    let course = Course {
        stream: streams::BLOBS,
        filters: vec![filter.to_owned()],
        start: Start::Newest,
        content: Content::Headers,
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
        head: message.headers.as_ref().and_then(BlobHead::read),
    })
}
