//! The bytes of an archive.
//!
//! Frames: what it is (one byte), its length (four bytes, big-endian), then so many bytes.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use events::Event;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{Attachment, ExportError, RestoreError};
use crate::{BlobError, Lineage, WatchItem, embedded::record, log::BLOB_BYTES_MAX, packing};

/// Version of the format; an archive with a newer one is refused.
/// 2: it tells restorations, without which a copy would be taken for the log itself.
pub(super) const FORMAT: u32 = 2;

/// What every archive begins with.
const MAGIC: &[u8] = b"driftless backup\n";

const HEAD: u8 = b'H';
const EVENTS: u8 = b'E';
const BLOB: u8 = b'B';
const END: u8 = b'Z';

/// Plain bytes of events that make a frame: enough to compress well, and no burden in memory.
pub(super) const EVENTS_BYTES: usize = 1024 * 1024;

/// Longest frame: the largest blob, if compressing makes it no smaller.
const FRAME_BYTES_MAX: usize = BLOB_BYTES_MAX + BLOB_BYTES_MAX / 64;

/// What is told first; named fields, so that older readers ignore what newer writers add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) format: u32,
    pub(super) incarnation: String,
    /// The restorations that led to it; none in format 1.
    #[serde(default)]
    pub(super) lineage: Lineage,
    /// How far the log went when the export began.
    pub(super) newest: u64,
    #[serde(default)]
    pub(super) key_id: Option<String>,
    pub(super) attachment: Option<Attachment>,
}

/// A part of an archive.
pub(super) enum Frame {
    Head(Head),
    Events(Vec<Event>),
    Blob(Bytes),
    End,
}

/// Makes frames, and the end that fits them.
pub(super) struct Writer(Sha256);

impl Writer {
    /// The beginning of an archive.
    pub(super) fn begin(head: &Head) -> Result<(Self, Bytes), ExportError> {
        let body = rmp_serde::to_vec_named(head).map_err(ExportError::Encode)?;
        let mut writer = Self(Sha256::new());
        writer.0.update(MAGIC);
        let frame = writer.frame(HEAD, &[&body]);
        Ok((writer, [MAGIC, &frame].concat().into()))
    }

    /// Events, each of which [`push`] has added.
    pub(super) async fn events(&mut self, plain: Vec<u8>) -> Result<Bytes, BlobError> {
        self.packed(EVENTS, plain.into()).await
    }

    pub(super) async fn blob(&mut self, plain: Bytes) -> Result<Bytes, BlobError> {
        self.packed(BLOB, plain).await
    }

    pub(super) fn end(&mut self) -> Bytes {
        let digest = self.0.clone().finalize();
        self.frame(END, &[&digest])
    }

    async fn packed(&mut self, kind: u8, plain: Bytes) -> Result<Bytes, BlobError> {
        let length = (plain.len() as u32).to_be_bytes();
        let packed = packing::pack(plain).await?;
        Ok(self.frame(kind, &[&length, &packed]))
    }

    fn frame(&mut self, kind: u8, parts: &[&[u8]]) -> Bytes {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut frame = BytesMut::with_capacity(length + 5);
        frame.put_u8(kind);
        frame.put_u32(length as u32);
        parts.iter().for_each(|part| frame.put_slice(part));
        self.0.update(&frame);
        frame.freeze()
    }
}

/// Adds an event to those of a frame: its sequence, its length, and what a log in a file has of it.
pub(super) fn push(plain: &mut Vec<u8>, event: &Event) -> Result<(), ExportError> {
    let record = record::encode(event.id, &event.draft).map_err(ExportError::Encode)?;
    plain.put_u64(event.sequence);
    plain.put_u32(record.len() as u32);
    plain.put_slice(&record);
    Ok(())
}

/// Reads frames, and checks that the end fits them.
pub(super) struct Reader<R> {
    from: R,
    digest: Sha256,
}

impl<R: AsyncRead + Unpin + Send> Reader<R> {
    /// Reads what every archive begins with.
    pub(super) async fn begin(mut from: R) -> Result<Self, RestoreError> {
        let mut magic = [0; MAGIC.len()];
        read_exact(&mut from, &mut magic).await?;
        if magic != MAGIC {
            return Err(RestoreError::Damaged("it does not begin as a backup of driftless does"));
        }
        let mut digest = Sha256::new();
        digest.update(MAGIC);
        Ok(Self { from, digest })
    }

    /// The next frame, read.
    pub(super) async fn next(&mut self) -> Result<Frame, RestoreError> {
        match self.raw().await? {
            None => Ok(Frame::End),
            Some((HEAD, body)) => rmp_serde::from_slice(&body).map(Frame::Head).map_err(|_| UNREADABLE),
            Some((EVENTS, body)) => decode_events(&unpacked(body).await?).map(Frame::Events),
            Some((BLOB, body)) => unpacked(body).await.map(Frame::Blob),
            Some(_) => Err(RestoreError::Newer("it has a part that is not known here".to_owned())),
        }
    }

    /// What the next frame is and holds; `None`: the end, which fits all before it.
    pub(super) async fn raw(&mut self) -> Result<Option<(u8, Vec<u8>)>, RestoreError> {
        let mut front = [0; 5];
        read_exact(&mut self.from, &mut front).await?;
        let [kind, length @ ..] = front;
        let length = u32::from_be_bytes(length) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(RestoreError::Damaged("a part of it is longer than any can be"));
        }
        let mut body = Vec::new();
        // Grows as it is read: a length that is a lie costs no memory.
        let read = (&mut self.from).take(length as u64).read_to_end(&mut body).await;
        if read.map_err(RestoreError::Read)? < length {
            return Err(TRUNCATED);
        }
        if kind == END {
            return self.end(&body).await.map(|()| None);
        }
        self.digest.update(front);
        self.digest.update(&body);
        Ok(Some((kind, body)))
    }

    async fn end(&mut self, told: &[u8]) -> Result<(), RestoreError> {
        if self.digest.clone().finalize().as_slice() != told {
            return Err(RestoreError::Damaged("its checksum does not fit"));
        }
        match self.from.read(&mut [0]).await.map_err(RestoreError::Read)? {
            0 => Ok(()),
            _ => Err(RestoreError::Damaged("it goes on behind its end")),
        }
    }
}

const TRUNCATED: RestoreError = RestoreError::Damaged("it ends before its end");
pub(super) const UNREADABLE: RestoreError = RestoreError::Damaged("a part of it cannot be read");

async fn read_exact<R: AsyncRead + Unpin>(from: &mut R, bytes: &mut [u8]) -> Result<(), RestoreError> {
    match from.read_exact(bytes).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(TRUNCATED),
        Err(error) => Err(RestoreError::Read(error)),
    }
}

async fn unpacked(body: Vec<u8>) -> Result<Bytes, RestoreError> {
    let length = body.first_chunk().map(|length| u32::from_be_bytes(*length) as usize);
    let length = length.filter(|length| *length <= BLOB_BYTES_MAX).ok_or(UNREADABLE)?;
    let unpack = move || zstd::bulk::decompress(&body[4..], length);
    let unpacked = tokio::task::spawn_blocking(unpack).await;
    let unpacked = unpacked.map_err(|error| RestoreError::Store(Arc::new(error)))?;
    unpacked.map(Bytes::from).map_err(|_| UNREADABLE)
}

fn decode_events(mut plain: &[u8]) -> Result<Vec<Event>, RestoreError> {
    let mut events = Vec::new();
    while let Some((front, rest)) = plain.split_first_chunk::<12>() {
        let [sequence @ .., _, _, _, _] = *front;
        let [_, _, _, _, _, _, _, _, length @ ..] = *front;
        let length = u32::from_be_bytes(length) as usize;
        let (record, rest) = rest.split_at_checked(length).ok_or(UNREADABLE)?;
        match record::decode(u64::from_be_bytes(sequence), record) {
            Some(WatchItem::Event(event)) => events.push(event),
            Some(WatchItem::Undecodable(what)) => {
                return Err(RestoreError::Newer(format!("{}: {}", what.aggregate, what.reason)));
            }
            Some(WatchItem::Listed | WatchItem::Restarted { .. }) | None => {
                return Err(RestoreError::Newer("an event names no aggregate known here".to_owned()));
            }
        }
        plain = rest;
    }
    if plain.is_empty() { Ok(events) } else { Err(UNREADABLE) }
}
