//! Telling everything that is kept, for a backup.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use redb::ReadTransaction;

use super::{
    feed,
    layout::{EVENTS, FEED_ONLY},
    store::Store,
};
use crate::{FeedItem, ReadError, log::Replay};

/// Events read in one go.
const PAGE: usize = 256;

/// Page by page: a transaction that is held for long keeps the file from being compacted.
pub(super) fn replay(store: Arc<Store>) -> Replay {
    let pages = stream::try_unfold((store, 0), async |(store, after)| {
        let read = store.read(move |txn| page(txn, after)).await;
        let page = read.map_err(ReadError::Unavailable)?;
        let next = page.last().map(FeedItem::sequence);
        Ok::<_, ReadError>(next.map(|last| (stream::iter(page).map(Ok), (store, last))))
    });
    pages.try_flatten().boxed()
}

/// The next events behind a sequence that are in a history; none: there are no more.
fn page(txn: &ReadTransaction, after: u64) -> Result<Vec<FeedItem>, redb::Error> {
    let only_for_consumers = txn.open_table(FEED_ONLY)?;
    let mut page = Vec::new();
    for row in txn.open_table(EVENTS)?.range(after + 1..)? {
        let (sequence, bytes) = row?;
        if only_for_consumers.get(sequence.value())?.is_none() {
            page.push(feed::entry(sequence.value(), bytes.value()));
        }
        if page.len() == PAGE {
            break;
        }
    }
    Ok(page)
}
