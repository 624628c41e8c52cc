//! Drafts and readers that every test needs.

use std::{collections::BTreeMap, future::Future, time::Duration};

use bus::{Log, Watch, WatchItem};
use bytes::Bytes;
use events::{Draft, Event, EventType};
use model::{Aggregate, AggregateKind, TargetId, Timestamp};

/// Longest wait for anything here; only reached by a failure.
pub const BOUND: Duration = Duration::from_secs(180);

pub fn source(i: usize) -> Aggregate {
    Aggregate::Source(format!("source-{i}").parse().unwrap())
}

pub fn target(cluster: usize, application: usize) -> Aggregate {
    Aggregate::Target(TargetId {
        cluster: format!("cluster-{cluster}").parse().unwrap(),
        application: format!("app-{application}").parse().unwrap(),
    })
}

pub fn kind_for(aggregate: &Aggregate) -> EventType {
    match aggregate.kind() {
        AggregateKind::Source => EventType::RevisionObserved,
        AggregateKind::Definitions => EventType::DefinitionsChanged,
        AggregateKind::Render => EventType::DesiredStateRendered,
        AggregateKind::Cluster => EventType::ClusterConnected,
        AggregateKind::Target => EventType::DriftDetected,
        AggregateKind::Sync => EventType::SyncProgressed,
        AggregateKind::Command => EventType::SyncRequested,
    }
}

pub fn first(aggregate: &Aggregate, payload: &str) -> Draft {
    Draft {
        aggregate: aggregate.clone(),
        n: 1,
        previous: None,
        kind: kind_for(aggregate),
        format: 1,
        time: Timestamp::from_millis(1_700_000_000_123),
        cause: None,
        correlation: Some("change-1".into()),
        actor: Some("user:7f".into()),
        traceparent: None,
        payload: Bytes::from(payload.to_owned()),
    }
}

pub fn after(event: &Event, payload: &str) -> Draft {
    Draft {
        n: event.n() + 1,
        previous: Some(event.id),
        cause: Some(event.id),
        ..first(event.aggregate(), payload)
    }
}

pub async fn append(log: &dyn Log, draft: Draft) -> Event {
    log.append(vec![draft]).await.pop().unwrap().unwrap()
}

/// Appends `count` events to one aggregate, one after the other, and gives the last.
pub async fn append_many(log: &dyn Log, aggregate: &Aggregate, count: u64) -> Event {
    let mut newest = log.newest(aggregate).await.unwrap();
    for _ in 0..count {
        let draft = match &newest {
            None => first(aggregate, "1"),
            Some(event) => after(event, &(event.n() + 1).to_string()),
        };
        newest = Some(append(log, draft).await);
    }
    newest.unwrap()
}

pub async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, work).await.expect("in time")
}

/// What a reader knows: the newest event of each aggregate, with every version in the order it was told.
#[derive(Default)]
pub struct Reader {
    pub told: BTreeMap<Aggregate, Vec<u64>>,
    pub listed: bool,
}

impl Reader {
    pub fn newest(&self, aggregate: &Aggregate) -> u64 {
        self.told.get(aggregate).and_then(|told| told.last().copied()).unwrap_or(0)
    }

    /// Takes one item; a version told twice or backwards fails the test.
    pub fn take(&mut self, item: WatchItem) {
        match item {
            WatchItem::Event(event) => {
                let told = self.told.entry(event.aggregate().clone()).or_default();
                let last = told.last().copied().unwrap_or(0);
                assert!(event.n() > last, "{} went from {last} to {}", event.aggregate(), event.n());
                told.push(event.n());
            }
            WatchItem::Listed => assert!(!std::mem::replace(&mut self.listed, true), "listed twice"),
            WatchItem::Undecodable(_) | WatchItem::Restarted { .. } => panic!("unexpected {item:?}"),
        }
    }

    pub async fn read_until(&mut self, watch: &mut Watch, done: impl Fn(&Self) -> bool) {
        within(async {
            while !done(self) {
                match watch.next().await.expect("the watch goes on") {
                    Ok(item) => self.take(item),
                    Err(error) => assert_eq!(error.class(), model::RetryClass::Transient, "{error:?}"),
                }
            }
        })
        .await;
    }

    pub async fn list(&mut self, watch: &mut Watch) {
        self.read_until(watch, |reader| reader.listed).await;
    }
}
