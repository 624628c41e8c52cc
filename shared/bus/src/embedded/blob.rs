//! Blobs: compressed, in chunks, under the digest of the plain bytes.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use model::{Digest, Timestamp};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::{
    layout::{BLOBS, CHUNKS},
    store::Store,
    writer::Writer,
};
use crate::{BlobError, Cause, Swept, packing};

/// Bytes of a chunk: with its key it fits the 64 KiB page that redb gives it.
const CHUNK_BYTES: usize = 60 * 1024;

/// Chunks written in one transaction, so that a large blob holds up appends for no more than 4 MB at a time.
const PIECE_CHUNKS: usize = 64;

/// Blobs removed in one transaction.
const SWEEP_PAGE: usize = 256;

/// What is stored of a blob besides its chunks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct BlobHead {
    plain_bytes: u64,
    stored_bytes: u64,
    chunks: u32,
    touched: Timestamp,
    /// False until the last chunk is there.
    complete: bool,
}

pub(super) async fn put(store: &Arc<Store>, writer: &Writer, bytes: Bytes) -> Result<Digest, BlobError> {
    packing::check_size(bytes.len())?;
    let plain_bytes = bytes.len() as u64;
    let digest = packing::digest(bytes.clone()).await?;
    // To ask first costs as much as to write one chunk.
    if bytes.len() > CHUNK_BYTES {
        let known = store.peek(move |txn| head(txn, &digest)).await.map_err(BlobError::Unavailable)?;
        if known.is_some_and(|head| head.complete) && touch(writer, digest).await? {
            return Ok(digest);
        }
    }
    let stored = packing::pack(bytes).await?;
    let chunks: Vec<Bytes> = packing::chunks(&stored, CHUNK_BYTES);
    let mut head = BlobHead {
        plain_bytes,
        stored_bytes: stored.len() as u64,
        chunks: chunks.len() as u32,
        touched: super::now(),
        complete: false,
    };
    for (number, piece) in chunks.chunks(PIECE_CHUNKS).enumerate() {
        let first = number * PIECE_CHUNKS;
        head.complete = first + piece.len() == chunks.len();
        let (head, piece) = (head.clone(), piece.to_vec());
        let written = writer.submit(move |write, _| write_piece(write, &digest, &head, (first, piece)));
        written.await.map_err(BlobError::Unavailable)?;
    }
    Ok(digest)
}

pub(super) async fn get(
    store: &Arc<Store>,
    writer: &Writer,
    digest: Digest,
) -> Result<Option<Bytes>, BlobError> {
    let Some((head, stored)) = find(store, digest).await.map_err(BlobError::Unavailable)? else {
        return Ok(None);
    };
    match packing::unpack(stored, head.plain_bytes, digest).await? {
        Some(plain) => Ok(Some(plain)),
        None => {
            let dropped = writer.submit(move |write, _| remove(write, &digest).map(drop));
            dropped.await.map_err(BlobError::Unavailable)?;
            Err(BlobError::Corrupt { digest })
        }
    }
}

/// What is stored of a blob: a small one is read in place, a large one on a thread that may block.
async fn find(store: &Arc<Store>, digest: Digest) -> Result<Option<(BlobHead, Vec<u8>)>, Cause> {
    let small = move |txn: &ReadTransaction| match head(txn, &digest)? {
        Some(head) if head.chunks > 1 => Ok(None),
        Some(_) | None => stored(txn, &digest).map(Some),
    };
    match store.peek(small).await? {
        Some(found) => Ok(found),
        None => store.read(move |txn| stored(txn, &digest)).await,
    }
}

pub(super) async fn has(store: &Arc<Store>, digest: Digest) -> Result<bool, BlobError> {
    let known = store.peek(move |txn| head(txn, &digest)).await.map_err(BlobError::Unavailable)?;
    Ok(known.is_some_and(|head| head.complete))
}

pub(super) async fn list(store: &Arc<Store>) -> Result<Vec<Digest>, BlobError> {
    let all = Timestamp::from_millis(i64::MAX);
    store.read(move |txn| older(txn, all)).await.map_err(BlobError::Unavailable)
}

pub(super) async fn sweep(
    store: &Arc<Store>,
    writer: &Writer,
    keep: &HashSet<Digest>,
    older_than: Timestamp,
) -> Result<Swept, BlobError> {
    let old = store.read(move |txn| older(txn, older_than)).await.map_err(BlobError::Unavailable)?;
    let unwanted: Vec<Digest> = old.into_iter().filter(|digest| !keep.contains(digest)).collect();
    let mut swept = Swept::default();
    for page in unwanted.chunks(SWEEP_PAGE) {
        let page = page.to_vec();
        let part = writer.submit(move |write, _| remove_old(write, &page, older_than));
        let part = part.await.map_err(BlobError::Unavailable)?;
        swept.blobs += part.blobs;
        swept.bytes += part.bytes;
    }
    Ok(swept)
}

async fn touch(writer: &Writer, digest: Digest) -> Result<bool, BlobError> {
    let touched = writer.submit(move |write, _| {
        let mut blobs = write.open_table(BLOBS)?;
        let known = blobs.get(digest.as_bytes().as_slice())?.and_then(|row| decode(row.value()));
        let Some(head) = known.filter(|head| head.complete) else { return Ok(false) };
        let head = BlobHead { touched: super::now(), ..head };
        blobs.insert(digest.as_bytes().as_slice(), encode(&head)?.as_slice())?;
        Ok(true)
    });
    touched.await.map_err(BlobError::Unavailable)
}

fn write_piece(
    write: &WriteTransaction,
    digest: &Digest,
    head: &BlobHead,
    (first, piece): (usize, Vec<Bytes>),
) -> Result<(), redb::Error> {
    let mut blobs = write.open_table(BLOBS)?;
    let known = blobs.get(digest.as_bytes().as_slice())?.and_then(|row| decode(row.value()));
    // Somebody else has put it meanwhile, and relies on it: the chunks are the same, and it stays complete.
    let complete = head.complete || known.is_some_and(|known| known.complete);
    let head = BlobHead { complete, ..head.clone() };
    blobs.insert(digest.as_bytes().as_slice(), encode(&head)?.as_slice())?;
    let mut chunks = write.open_table(CHUNKS)?;
    for (offset, chunk) in piece.iter().enumerate() {
        chunks.insert(chunk_key(digest, (first + offset) as u32).as_slice(), chunk.as_ref())?;
    }
    Ok(())
}

fn remove(write: &WriteTransaction, digest: &Digest) -> Result<Option<BlobHead>, redb::Error> {
    let head =
        write.open_table(BLOBS)?.remove(digest.as_bytes().as_slice())?.and_then(|row| decode(row.value()));
    let (first, last) = (chunk_key(digest, 0), chunk_key(digest, u32::MAX));
    write.open_table(CHUNKS)?.retain_in(first.as_slice()..=last.as_slice(), |_, _| false)?;
    Ok(head)
}

fn remove_old(
    write: &WriteTransaction,
    page: &[Digest],
    older_than: Timestamp,
) -> Result<Swept, redb::Error> {
    let mut swept = Swept::default();
    for digest in page {
        let touched = {
            let blobs = write.open_table(BLOBS)?;
            blobs.get(digest.as_bytes().as_slice())?.and_then(|row| decode(row.value())).map(|h| h.touched)
        };
        // Looked at again: it may have been touched since the list was made.
        if touched.is_none_or(|touched| touched < older_than)
            && let Some(head) = remove(write, digest)?
        {
            swept.blobs += 1;
            swept.bytes += head.stored_bytes;
        }
    }
    Ok(swept)
}

fn head(txn: &ReadTransaction, digest: &Digest) -> Result<Option<BlobHead>, redb::Error> {
    Ok(txn.open_table(BLOBS)?.get(digest.as_bytes().as_slice())?.and_then(|row| decode(row.value())))
}

fn stored(txn: &ReadTransaction, digest: &Digest) -> Result<Option<(BlobHead, Vec<u8>)>, redb::Error> {
    let Some(head) = head(txn, digest)?.filter(|head| head.complete) else { return Ok(None) };
    let chunks = txn.open_table(CHUNKS)?;
    let (first, last) = (chunk_key(digest, 0), chunk_key(digest, u32::MAX));
    let mut bytes = Vec::new();
    for row in chunks.range(first.as_slice()..=last.as_slice())?.take(head.chunks as usize) {
        bytes.extend_from_slice(row?.1.value());
    }
    Ok(Some((head, bytes)))
}

fn older(txn: &ReadTransaction, than: Timestamp) -> Result<Vec<Digest>, redb::Error> {
    let mut old = Vec::new();
    for row in txn.open_table(BLOBS)?.iter()? {
        let (key, head) = row?;
        let Ok(digest) = <[u8; 32]>::try_from(key.value()).map(Digest::from_bytes) else { continue };
        if decode(head.value()).is_none_or(|head| head.touched < than) {
            old.push(digest);
        }
    }
    Ok(old)
}

fn chunk_key(digest: &Digest, number: u32) -> [u8; 36] {
    let mut key = [0; 36];
    key[..32].copy_from_slice(digest.as_bytes());
    key[32..].copy_from_slice(&number.to_be_bytes());
    key
}

fn encode(head: &BlobHead) -> Result<Vec<u8>, redb::Error> {
    rmp_serde::to_vec_named(head).map_err(|error| redb::Error::Corrupted(error.to_string()))
}

fn decode(bytes: &[u8]) -> Option<BlobHead> {
    rmp_serde::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{super::store, *};

    #[tokio::test]
    async fn what_another_put_has_completed_stays_complete() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Box::new(store::open_file)).unwrap();
        let writer = Writer::start(store.clone());
        let digest = put(&store, &writer, Bytes::from_static(b"whole")).await.unwrap();
        // The first piece of a put that began before, and never comes to its last.
        let begun = BlobHead {
            plain_bytes: 5,
            stored_bytes: 5,
            chunks: 1,
            touched: super::super::now(),
            complete: false,
        };
        let piece =
            move |write: &WriteTransaction, _: &mut Vec<_>| write_piece(write, &digest, &begun, (0, vec![]));
        writer.submit(piece).await.unwrap();
        assert!(has(&store, digest).await.unwrap());
    }
}
