//! Durable consumption: a cursor in memory, its acknowledged floor in the file.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use futures::future::BoxFuture;
use redb::{ReadTransaction, ReadableTable};
use tokio::sync::watch;

use super::{
    layout::{CONSUMERS, EVENTS},
    record, retention,
    store::Store,
    writer::Writer,
};
use crate::{Cause, FeedItem, ReadError, WatchItem, feed::FeedSource};

/// Entries read in one go: as many as share a flush of the audit ledger.
const PAGE: usize = 1_000;

/// Bytes of them, after which no more are read: so many of the largest would be 32 MB.
const PAGE_BYTES: usize = 1024 * 1024;

/// Gives the newest sequence when the read began, and what was read.
type Reading = BoxFuture<'static, Result<(u64, Vec<FeedItem>), Cause>>;

/// One consumer.
pub(super) struct Consumer {
    store: Arc<Store>,
    writer: Writer,
    name: String,
    changes: watch::Receiver<u64>,
    buffer: VecDeque<FeedItem>,
    after: u64,
    /// A read on its way; a cancelled call does not undo it.
    reading: Option<Reading>,
}

impl Consumer {
    pub(super) async fn register(store: Arc<Store>, writer: Writer, name: &str) -> Result<Self, Cause> {
        let consumer = name.to_owned();
        let floor = writer
            .submit(move |write, _| {
                let mut consumers = write.open_table(CONSUMERS)?;
                let known = consumers.get(consumer.as_str())?.map(|row| row.value());
                if known.is_none() {
                    consumers.insert(consumer.as_str(), 0)?;
                }
                Ok(known.unwrap_or(0))
            })
            .await?;
        let changes = store.committed.subscribe();
        Ok(Self {
            store,
            writer,
            name: name.to_owned(),
            changes,
            buffer: VecDeque::new(),
            after: floor,
            reading: None,
        })
    }
}

#[async_trait]
impl FeedSource for Consumer {
    async fn next(&mut self) -> Result<FeedItem, ReadError> {
        loop {
            if let Some(item) = self.buffer.pop_front() {
                return Ok(item);
            }
            if let Some(reading) = &mut self.reading {
                let page = reading.await;
                self.reading = None;
                let (committed, page) = page.map_err(ReadError::Unavailable)?;
                self.after = page.last().map_or(committed, FeedItem::sequence);
                self.buffer.extend(page);
                continue;
            }
            let committed = *self.changes.borrow_and_update();
            if committed > self.after {
                let (store, after) = (self.store.clone(), self.after);
                let read = move |txn: &ReadTransaction| Ok((committed, entries(txn, after)?));
                self.reading = Some(Box::pin(async move { store.read(read).await }));
            } else if self.changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    async fn ack(&mut self, sequence: u64) -> Result<(), ReadError> {
        let name = self.name.clone();
        let acknowledged = self.writer.submit(move |write, _| {
            {
                let mut consumers = write.open_table(CONSUMERS)?;
                let floor = consumers.get(name.as_str())?.map_or(0, |row| row.value());
                consumers.insert(name.as_str(), floor.max(sequence))?;
            }
            retention::release(write)
        });
        acknowledged.await.map_err(ReadError::Unavailable)
    }

    async fn unregister(&mut self) -> Result<(), ReadError> {
        let name = self.name.clone();
        let unregistered = self.writer.submit(move |write, _| {
            write.open_table(CONSUMERS)?.remove(name.as_str())?;
            retention::release(write)
        });
        unregistered.await.map_err(ReadError::Unavailable)
    }
}

fn entries(txn: &ReadTransaction, after: u64) -> Result<Vec<FeedItem>, redb::Error> {
    let (mut page, mut read) = (Vec::new(), 0);
    for row in txn.open_table(EVENTS)?.range(after + 1..)?.take(PAGE) {
        let (sequence, bytes) = row?;
        page.push(entry(sequence.value(), bytes.value()));
        read += bytes.value().len();
        if read >= PAGE_BYTES {
            break;
        }
    }
    Ok(page)
}

/// An entry as it is told.
pub(super) fn entry(sequence: u64, bytes: &[u8]) -> FeedItem {
    let path = |place: &[u8]| String::from_utf8_lossy(place.get(2..).unwrap_or_default()).into_owned();
    let unreadable = |reason: String| FeedItem::Undecodable {
        path: record::place(bytes).map(path).unwrap_or_default(),
        sequence,
        reason,
    };
    match record::decode(sequence, bytes) {
        Some(WatchItem::Event(event)) => FeedItem::Event(event),
        Some(WatchItem::Undecodable(what)) => unreadable(what.reason),
        Some(WatchItem::Listed | WatchItem::Restarted { .. }) | None => {
            unreadable("the record names no aggregate known here".to_owned())
        }
    }
}
