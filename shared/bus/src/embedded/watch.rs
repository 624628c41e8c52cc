//! Listing from the heads, then following the log. The reader pulls: there is no queue that could fill.

use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
    sync::{Arc, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::future::BoxFuture;
use model::{AggregateKind, Partition};
use redb::ReadTransaction;
use tokio::sync::watch;

use super::{
    layout::{self, EVENTS, HEADS, Head},
    read, record,
    store::Store,
};
use crate::{Cause, Filter, ReadError, WatchItem, watch::WatchSource};

/// Events read in one go: what waits in memory for a slow reader.
const PAGE: usize = 256;

/// Entries looked at in one go, for filters that let few through.
const SCAN: usize = 4096;

/// A reader farther behind than this gets the newest event of each aggregate instead of all between; reading
/// that many one after the other takes about as long as looking at every head of a large fleet.
const LAG: u64 = 10_000;

/// Wait after a failed read, so that a caller who simply calls again does not spin.
const BACKOFF: Duration = Duration::from_millis(250);

/// One watch.
pub(super) struct Tail {
    store: Arc<Store>,
    filter: Filter,
    changes: watch::Receiver<u64>,
    buffer: VecDeque<WatchItem>,
    /// Everything up to here was told.
    after: u64,
    list: List,
    /// Whether the first list was told whole.
    listed: bool,
    /// Aggregates told ahead of `after`, because what the list named was gone when its turn came.
    ahead: HashMap<Vec<u8>, u64>,
    /// A read on its way; it lives here, so that a cancelled call does not undo it.
    reading: Option<BoxFuture<'static, Result<Answer, Cause>>>,
    failed: bool,
}

/// Whether a list is to be told before the changes go on.
#[derive(PartialEq, Eq)]
enum List {
    Wanted,
    Running(Listing),
    None,
}

/// A list in progress.
#[derive(PartialEq, Eq)]
struct Listing {
    /// Places still to tell, the one with the lowest sequence last, with the sequence found at the start.
    places: Vec<(u64, Vec<u8>)>,
    /// The sequence at which the list was made.
    until: u64,
}

/// What was read.
enum Answer {
    List(Listing),
    Heads { told: Vec<Told>, left: usize },
    Changes(Page),
}

impl Tail {
    pub(super) fn new(store: Arc<Store>, filter: Filter) -> Self {
        let changes = store.committed.subscribe();
        Self {
            store,
            filter,
            changes,
            buffer: VecDeque::new(),
            after: 0,
            list: List::Wanted,
            listed: false,
            ahead: HashMap::new(),
            reading: None,
            failed: false,
        }
    }

    /// The next thing to read: a list, a page of it, or a page of changes; `None` if all is told.
    fn question(&mut self) -> Option<BoxFuture<'static, Result<Answer, Cause>>> {
        let committed = *self.changes.borrow_and_update();
        let (store, filter, after) = (self.store.clone(), self.filter.clone(), self.after);
        if self.list == List::None && committed.saturating_sub(after) > LAG {
            self.list = List::Wanted;
        }
        match &self.list {
            List::Wanted => Some(Box::pin(async move {
                store.read(move |txn| list(txn, &filter, after).map(Answer::List)).await
            })),
            List::Running(listing) => {
                let left = listing.places.len().saturating_sub(PAGE);
                let page = listing.places[left..].to_vec();
                let read = move |txn: &ReadTransaction| Ok(Answer::Heads { told: heads(txn, page)?, left });
                Some(Box::pin(async move { store.read(read).await }))
            }
            List::None if committed > after => Some(Box::pin(async move {
                store.read(move |txn| changes(txn, &filter, after..committed).map(Answer::Changes)).await
            })),
            List::None => None,
        }
    }

    /// A page of changes from memory, if all that is behind us is there.
    fn at_hand(&mut self) -> Option<Page> {
        let committed = *self.changes.borrow_and_update();
        if self.list != List::None || committed <= self.after {
            return None;
        }
        let recent = self.store.recent.read().unwrap_or_else(PoisonError::into_inner);
        let mut page = Page { items: Vec::new(), until: self.after };
        for event in recent.after(self.after)?.take(SCAN) {
            if page.items.len() >= PAGE {
                break;
            }
            page.until = event.sequence;
            if self.filter.admits(&event.draft.aggregate) {
                page.items.push((event.sequence, WatchItem::Event(event.clone())));
            }
        }
        // After a failed disk the file may have more than what is remembered.
        (page.until > self.after).then_some(page)
    }

    fn was_told(&self, sequence: u64, item: &WatchItem) -> bool {
        let aggregate = match item {
            WatchItem::Event(event) => &event.draft.aggregate,
            WatchItem::Undecodable(what) => &what.aggregate,
            WatchItem::Listed | WatchItem::Restarted { .. } => return false,
        };
        !self.ahead.is_empty()
            && self.ahead.get(&layout::place(aggregate)).is_some_and(|told| sequence <= *told)
    }

    fn hear(&mut self, answer: Answer) {
        match answer {
            Answer::List(listing) => self.list = List::Running(listing),
            Answer::Heads { told, left } => self.tell_listed(told, left),
            Answer::Changes(page) => self.tell_changes(page),
        }
    }

    fn tell_listed(&mut self, told: Vec<Told>, left: usize) {
        for (listed_at, place, head, item) in told {
            if head.sequence != listed_at {
                self.ahead.insert(place, head.sequence);
            }
            self.buffer.push_back(item);
        }
        let List::Running(listing) = &mut self.list else { return };
        listing.places.truncate(left);
        if left == 0 {
            self.after = listing.until;
            self.list = List::None;
            if !std::mem::replace(&mut self.listed, true) {
                self.buffer.push_back(WatchItem::Listed);
            }
        }
    }

    fn tell_changes(&mut self, page: Page) {
        for (sequence, item) in page.items {
            if !self.was_told(sequence, &item) {
                self.buffer.push_back(item);
            }
        }
        self.after = page.until;
        let after = self.after;
        self.ahead.retain(|_, told| *told > after);
    }
}

#[async_trait]
impl WatchSource for Tail {
    async fn next(&mut self) -> Option<Result<WatchItem, ReadError>> {
        loop {
            if let Some(item) = self.buffer.pop_front() {
                return Some(Ok(item));
            }
            if let Some(reading) = &mut self.reading {
                let answer = reading.await;
                self.reading = None;
                self.failed = answer.is_err();
                match answer {
                    Ok(answer) => self.hear(answer),
                    Err(cause) => return Some(Err(ReadError::Unavailable(cause))),
                }
            } else if std::mem::take(&mut self.failed) {
                tokio::time::sleep(BACKOFF).await;
            } else if let Some(page) = self.at_hand() {
                self.tell_changes(page);
                // Nothing of this waits: without a turn for others, a reader behind a busy log would keep them all.
                tokio::task::consume_budget().await;
            } else if let Some(question) = self.question() {
                self.reading = Some(question);
            } else if self.changes.changed().await.is_err() {
                return None;
            }
        }
    }
}

/// The places that the filter lets through and whose newest event is behind `after`.
fn list(txn: &ReadTransaction, filter: &Filter, after: u64) -> Result<Listing, redb::Error> {
    let table = txn.open_table(HEADS)?;
    let mut places = Vec::new();
    for kind in AggregateKind::ALL {
        for partition in Partition::all().filter(|partition| filter.admits_place(kind, *partition)) {
            let (first, behind) = layout::places(kind, partition);
            for row in table.range(first.as_slice()..behind.as_slice())? {
                let (place, head) = row?;
                let head = Head::decode(head.value()).filter(|head| head.sequence > after);
                places.extend(head.map(|head| (head.sequence, place.value().to_vec())));
            }
        }
    }
    places.sort_unstable_by(|a, b| b.cmp(a));
    // What was committed by now may be gone again, so the count is taken, not the last record.
    let until = read::sequence(txn)?;
    Ok(Listing { places, until })
}

type Told = (u64, Vec<u8>, Head, WatchItem);

/// The newest events at these places, last place first.
fn heads(txn: &ReadTransaction, page: Vec<(u64, Vec<u8>)>) -> Result<Vec<Told>, redb::Error> {
    let mut told = Vec::with_capacity(page.len());
    for (listed_at, place) in page.into_iter().rev() {
        if let Some((head, item)) = read::newest_at(txn, &place)? {
            told.push((listed_at, place, head, item));
        }
    }
    Ok(told)
}

struct Page {
    items: Vec<(u64, WatchItem)>,
    until: u64,
}

/// What came behind the start of the range and up to its end, at most a page of it.
fn changes(txn: &ReadTransaction, filter: &Filter, range: Range<u64>) -> Result<Page, redb::Error> {
    let mut page = Page { items: Vec::new(), until: range.end };
    for (count, row) in txn.open_table(EVENTS)?.range(range.start + 1..=range.end)?.enumerate() {
        let (sequence, bytes) = row?;
        if page.items.len() >= PAGE || count >= SCAN {
            page.until = sequence.value() - 1;
            break;
        }
        let sequence = sequence.value();
        if !record::place(bytes.value()).is_some_and(|place| admits(filter, place)) {
            continue;
        }
        match record::decode(sequence, bytes.value()) {
            Some(item) => page.items.push((sequence, item)),
            None => tracing::error!(sequence, "a record names no aggregate known here"),
        }
    }
    Ok(page)
}

fn admits(filter: &Filter, place: &[u8]) -> bool {
    layout::aggregate_at(place).is_some_and(|aggregate| filter.admits(&aggregate))
}
