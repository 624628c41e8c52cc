//! Collects garbage: removes the blobs that no event of the log names.
//!
//! Done by whoever holds the definitions: one is enough, and two do no harm.

use std::{collections::HashSet, time::Duration};

use bus::{BlobError, FeedItem, Log, Swept, now};
use futures::TryStreamExt;
use model::{Aggregate, Digest, RetryClass, Timestamp};
use tokio::time::sleep;

use crate::{Error, worker::Shared};

/// From the start to the first round: one that is restarted every hour collects too, and none while all are starting.
const FIRST: Duration = Duration::from_secs(300);

/// What became of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Collected {
    /// What was named by nothing is gone.
    Swept(Swept),
    /// Nothing was removed: what this event names cannot be read here.
    Held {
        /// Path of its aggregate.
        path: String,
        /// Its place in the log.
        sequence: u64,
        /// Why it cannot be read.
        reason: String,
    },
}

/// Collects again and again, while the definitions are ours.
///
/// # Errors
/// If the log was replaced.
pub async fn keep_collecting(shared: Shared) -> Result<(), Error> {
    let collecting = shared.config.collecting;
    let mut told = None;
    sleep(FIRST.min(collecting.every)).await;
    loop {
        if shared.config.share.holds(Aggregate::Definitions.partition()) {
            match collect(&*shared.log, collecting.limit(now())).await {
                Ok(Collected::Swept(Swept { blobs: 0, .. })) => told = None,
                Ok(Collected::Swept(Swept { blobs, bytes })) => {
                    tracing::info!(blobs, bytes, "blobs that nothing names any more were removed");
                    told = None;
                }
                Ok(Collected::Held { path, sequence, reason }) if told != Some(sequence) => {
                    tracing::error!(
                        path,
                        sequence,
                        reason,
                        "no blobs are removed while this event cannot be read"
                    );
                    told = Some(sequence);
                }
                Ok(Collected::Held { .. }) => {}
                Err(error @ Error::Restarted { .. }) => return Err(error),
                Err(error) if error.class() == RetryClass::Transient => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "blobs are collected next time");
                }
                Err(error) => return Err(error),
            }
        }
        sleep(collecting.every).await;
    }
}

/// Removes the blobs that no event names and that were last put before `older_than`. That has to be longer ago than
/// any decision takes: what one has put is named only by the event that ends it.
///
/// # Errors
/// If the log or a blob cannot be read (transient), or it is another log than at the start (transient).
pub async fn collect(log: &dyn Log, older_than: Timestamp) -> Result<Collected, Error> {
    let begun = log.position().await?;
    let keep = match marks(log).await? {
        Marks::Known(keep) => keep,
        Marks::Unknown(held) => return Ok(held),
    };
    // What a log says that was replaced meanwhile says nothing about these blobs.
    begun.follow(log).await?;
    log.sweep_blobs(&keep, older_than).await.map(Collected::Swept).map_err(Error::Blob)
}

enum Marks {
    Known(HashSet<Digest>),
    Unknown(Collected),
}

/// All that is named: 32 bytes for each blob, whatever the log is long.
async fn marks(log: &dyn Log) -> Result<Marks, Error> {
    let mut keep = HashSet::new();
    let mut pages = HashSet::new();
    let mut replay = log.replay();
    while let Some(item) = replay.try_next().await? {
        let held = |path, sequence, reason| Ok(Marks::Unknown(Collected::Held { path, sequence, reason }));
        let event = match item {
            FeedItem::Event(event) => event,
            FeedItem::Undecodable { path, sequence, reason } => return held(path, sequence, reason),
        };
        let named = match events::blobs_of(&event) {
            Ok(named) => named,
            Err(error) => return held(event.aggregate().path(), event.sequence, error.to_string()),
        };
        keep.extend(named.blobs);
        for page in named.path_pages {
            if !pages.insert(page) {
                continue;
            }
            match artifacts(log, &page).await? {
                Ok(artifacts) => keep.extend(artifacts),
                Err(reason) => return held(event.aggregate().path(), event.sequence, reason),
            }
        }
    }
    Ok(Marks::Known(keep))
}

/// What a page of observed paths names. Through one that is lost nobody finds anything any more.
async fn artifacts(log: &dyn Log, page: &Digest) -> Result<Result<Vec<Digest>, String>, Error> {
    match log.get_blob(page).await {
        Ok(None) | Err(BlobError::Corrupt { .. }) => Ok(Ok(Vec::new())),
        Ok(Some(bytes)) => Ok(events::artifacts_of(&bytes).map_err(|error| error.to_string())),
        Err(error @ (BlobError::Unavailable(_) | BlobError::TooLarge { .. })) => Err(Error::Blob(error)),
    }
}
