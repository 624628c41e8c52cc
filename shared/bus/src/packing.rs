//! What both backends do with a blob before they store it and after they read it.

use std::sync::Arc;

use bytes::Bytes;
use model::Digest;

use crate::{BlobError, log::BLOB_BYTES_MAX};

/// Level of zstd: 300 MB/s, and manifests shrink to a tenth; higher levels gain little on them.
const LEVEL: i32 = 3;

pub(crate) fn check_size(bytes: usize) -> Result<(), BlobError> {
    if bytes > BLOB_BYTES_MAX {
        return Err(BlobError::TooLarge { bytes, max: BLOB_BYTES_MAX });
    }
    Ok(())
}

pub(crate) async fn digest(bytes: Bytes) -> Result<Digest, BlobError> {
    at(bytes.len(), move || Ok(Digest::of(&bytes))).await
}

pub(crate) async fn pack(bytes: Bytes) -> Result<Bytes, BlobError> {
    at(bytes.len(), move || {
        let packed = zstd::bulk::compress(&bytes, LEVEL);
        packed.map(Bytes::from).map_err(|error| BlobError::Unavailable(Arc::new(error)))
    })
    .await
}

/// The plain bytes, or `None` if they are not what the digest says.
pub(crate) async fn unpack(
    stored: Vec<u8>,
    plain_bytes: u64,
    digest: Digest,
) -> Result<Option<Bytes>, BlobError> {
    // The size comes from the store, so it is bounded before it is believed.
    let Some(size) = usize::try_from(plain_bytes).ok().filter(|size| *size <= BLOB_BYTES_MAX) else {
        return Ok(None);
    };
    at(size, move || {
        let plain = zstd::bulk::decompress(&stored, size).ok();
        Ok(plain.filter(|plain| Digest::of(plain) == digest).map(Bytes::from))
    })
    .await
}

/// Cuts bytes into chunks; nothing becomes one empty chunk.
pub(crate) fn chunks(bytes: &Bytes, chunk_bytes: usize) -> Vec<Bytes> {
    let count = bytes.len().div_ceil(chunk_bytes).max(1);
    let end = |i: usize| ((i + 1) * chunk_bytes).min(bytes.len());
    (0..count).map(|i| bytes.slice(i * chunk_bytes..end(i))).collect()
}

/// Up to this many bytes are worked on where they are: less than 0.3 ms, and going to another thread and back
/// costs a good part of that. Most blobs are the files or manifests of one application.
const AT_ONCE_BYTES_MAX: usize = 64 * 1024;

/// Hashing and compressing hundreds of megabytes must not hold up the async threads.
async fn at<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    if bytes <= AT_ONCE_BYTES_MAX {
        return work();
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(BlobError::Unavailable(Arc::new(error))))
}
