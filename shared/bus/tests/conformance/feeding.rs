//! Durable consumption of everything.

use std::{collections::VecDeque, ops::RangeInclusive, sync::Arc};

use bus::{Feed, FeedItem, Log};
use events::{Draft, Event, EventId};

use crate::{bed::Bed, samples::*, surviving::consume_and_be_killed};

pub async fn next_event(feed: &mut Feed) -> Event {
    match within(feed.next()).await.unwrap() {
        FeedItem::Event(event) => event,
        FeedItem::Undecodable { path, reason, .. } => panic!("{path}: {reason}"),
    }
}

pub async fn everything_is_told_in_order_and_once(bed: Bed) {
    let log = bed.open().await;
    let mut feed = log.feed("auditor").await.unwrap();
    let mut stored = Vec::new();
    for round in 0..5 {
        for i in 0..4 {
            stored.push(append_many(&*log, &source(i), 1).await);
        }
        if round == 2 {
            for event in &stored[..6] {
                assert_eq!(next_event(&mut feed).await, *event);
            }
        }
    }
    for event in &stored[6..] {
        assert_eq!(next_event(&mut feed).await, *event);
    }
    feed.ack(stored[9].sequence).await.unwrap();
    feed.ack(stored[3].sequence).await.unwrap();
    drop((feed, log));
    let log = bed.open().await;
    let mut feed = log.feed("auditor").await.unwrap();
    for event in &stored[10..] {
        assert_eq!(next_event(&mut feed).await, *event, "behind the highest acknowledged");
    }
    let mut other = log.feed("exporter").await.unwrap();
    let waiting = tokio::spawn(async move { next_event(&mut feed).await });
    let newest = append_many(&*log, &source(9), 1).await;
    assert_eq!(waiting.await.unwrap(), newest);
    assert_eq!(next_event(&mut other).await, stored[0], "a newcomer begins with the oldest that is kept");
}

/// Drafts of one aggregate that follow each other, made without waiting for any answer.
pub fn chain(log: &dyn Log, versions: RangeInclusive<u64>) -> Vec<Draft> {
    let id = |draft: &Draft| EventId::derive(log.incarnation(), draft);
    let mut previous: Option<EventId> = None;
    (1..=*versions.end())
        .map(|n| {
            let draft = Draft { n, previous, ..first(&source(1), &n.to_string()) };
            previous = Some(id(&draft));
            draft
        })
        .skip_while(|draft| draft.n < *versions.start())
        .collect()
}

/// Appends the drafts in order, many on their way at once.
pub async fn append_chain(log: &Arc<dyn Log>, drafts: Vec<Draft>) {
    let mut running = VecDeque::new();
    for draft in drafts {
        // The first poll submits it, so the order is that of the chain; unless tokio makes it yield first.
        let mut next = Box::pin(tokio::task::unconstrained(append(&**log, draft)));
        if futures::poll!(&mut next).is_pending() {
            running.push_back(next);
        }
        if running.len() >= 1000 {
            running.pop_front().unwrap().await;
        }
    }
    for last in running {
        last.await;
    }
}

/// The log itself keeps 256 of them. One consumer is stopped, the next is killed in the middle, and its server with it.
pub async fn a_stopped_consumer_finds_all_of_a_busy_aggregate(bed: Bed) {
    const COUNT: u64 = 100_000;
    // What is kept does not depend on flushes, and with them one aggregate takes minutes.
    let bed = bed.without_flushes().await;
    let log = bed.open().await;
    drop(log.feed("auditor").await.unwrap());
    append_chain(&log, chain(&*log, 1..=COUNT)).await;
    assert_eq!(log.history(&source(1), 1000).await.unwrap().len(), 256);
    drop(log);
    let place = bed.place();
    let acknowledged = tokio::task::spawn_blocking(move || consume_and_be_killed(&place)).await.unwrap();
    assert_eq!(acknowledged, 50_000);
    bed.restart_server().await;
    let log = bed.open().await;
    let mut feed = log.feed("auditor").await.unwrap();
    for n in acknowledged + 1..=COUNT {
        let event = next_event(&mut feed).await;
        assert_eq!(event.n(), n);
        if n % 10_000 == 0 {
            feed.ack(event.sequence).await.unwrap();
        }
    }
    let floor = log.position().await.unwrap().sequence;
    feed.ack(floor).await.unwrap();
    assert_eq!(log.history(&source(1), 1000).await.unwrap().len(), 256, "the history stays");
    // What everybody has acknowledged is gone for newcomers.
    let mut late = log.feed("late").await.unwrap();
    append_many(&*log, &source(1), 1).await;
    assert!(next_event(&mut late).await.n() > 80_000);
}

/// One that never acknowledges holds everything, until its registration ends.
pub async fn an_unregistered_consumer_holds_nothing(bed: Bed) {
    let bed = bed.without_flushes().await;
    let log = bed.open().await;
    let forgotten = log.feed("forgotten").await.unwrap();
    let mut auditor = log.feed("auditor").await.unwrap();
    let newest = append_many(&*log, &source(1), 300).await;
    while next_event(&mut auditor).await != newest {}
    auditor.ack(newest.sequence).await.unwrap();
    let mut early = log.feed("early").await.unwrap();
    assert_eq!(next_event(&mut early).await.n(), 1);
    early.unregister().await.unwrap();
    forgotten.unregister().await.unwrap();
    append_many(&*log, &source(1), 1).await;
    let mut late = log.feed("late").await.unwrap();
    assert!(next_event(&mut late).await.n() > 40, "only the history is left");
    assert_eq!(next_event(&mut auditor).await.n(), 301, "the others go on");
}
