//! Blobs.

use std::collections::HashSet;

use bus::BlobError;
use bytes::Bytes;
use model::{Digest, Timestamp};

use crate::{bed::Bed, samples::*};

/// Bytes that do not compress, so that they need many chunks.
pub fn noise(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ length as u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(next).collect::<Vec<u8>>().into()
}

pub async fn blobs_come_back_whole(bed: Bed) {
    let log = bed.open().await;
    let contents =
        [Bytes::new(), Bytes::from_static(b"x"), Bytes::from(vec![b'a'; 3_000_000]), noise(9_000_001)];
    for content in &contents {
        let digest = log.put_blob(content.clone()).await.unwrap();
        assert_eq!(digest, Digest::of(content));
        assert_eq!(log.get_blob(&digest).await.unwrap().as_ref(), Some(content));
    }
    drop(log);
    let log = bed.open().await;
    for content in &contents {
        assert_eq!(log.get_blob(&Digest::of(content)).await.unwrap().as_ref(), Some(content));
    }
    assert_eq!(log.get_blob(&Digest::of(b"never put")).await.unwrap(), None);
    assert!(!log.has_blob(&Digest::of(b"never put")).await.unwrap());
    assert!(log.has_blob(&Digest::of(&contents[2])).await.unwrap());
    log.sweep_blobs(&HashSet::new(), Timestamp::from_millis(i64::MAX)).await.unwrap();
    assert!(!log.has_blob(&Digest::of(&contents[2])).await.unwrap());
}

fn now() -> Timestamp {
    let passed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(passed.as_millis() as i64)
}

async fn next_millisecond(than: Timestamp) -> Timestamp {
    while now() <= than {
        tokio::task::yield_now().await;
    }
    now()
}

pub async fn a_sweep_keeps_what_is_named_or_young(bed: Bed) {
    let log = bed.open().await;
    let [named, touched, garbage] = [200_001, 200_002, 200_003].map(noise);
    for content in [&named, &touched, &garbage] {
        log.put_blob(content.clone()).await.unwrap();
    }
    let keep = HashSet::from([Digest::of(&named)]);
    let swept = log.sweep_blobs(&keep, Timestamp::from_millis(1)).await.unwrap();
    assert_eq!(swept.blobs, 0, "all are younger");
    let between = next_millisecond(next_millisecond(now()).await).await;
    next_millisecond(between).await;
    log.put_blob(touched.clone()).await.unwrap();
    let swept = log.sweep_blobs(&keep, between).await.unwrap();
    assert_eq!(swept.blobs, 1);
    assert!(swept.bytes >= 200_000, "{swept:?}");
    assert_eq!(log.get_blob(&Digest::of(&named)).await.unwrap(), Some(named));
    assert_eq!(log.get_blob(&Digest::of(&touched)).await.unwrap(), Some(touched));
    assert_eq!(log.get_blob(&Digest::of(&garbage)).await.unwrap(), None);
    log.put_blob(garbage.clone()).await.unwrap();
    assert_eq!(log.get_blob(&Digest::of(&garbage)).await.unwrap(), Some(garbage));
}

/// What the disk changed is found, dropped, and can be stored anew.
pub async fn a_corrupt_blob_is_found(bed: Bed) {
    let log = bed.open().await;
    let content = noise(500_000);
    let digest = log.put_blob(content.clone()).await.unwrap();
    let log = bed.corrupt_blob(log, &digest).await;
    let error = log.get_blob(&digest).await.unwrap_err();
    assert!(matches!(error, BlobError::Corrupt { .. }), "{error:?}");
    assert_eq!(log.get_blob(&digest).await.unwrap(), None);
    log.put_blob(content.clone()).await.unwrap();
    assert_eq!(within(log.get_blob(&digest)).await.unwrap(), Some(content));
}
