//! Watching the log.

use std::sync::Arc;

use async_trait::async_trait;
use model::{Aggregate, AggregateKind};

use super::{
    envelope::{self, Stored},
    hub::Hub,
    streams,
    tail::{AfterLoss, Content, Course, Start, Step, Tail},
};
use crate::{Filter, Partitions, ReadError, WatchItem, watch::WatchSource};

/// One watch.
pub(super) struct Follower {
    hub: Arc<Hub>,
    /// `None` for a filter that lets nothing through: the server would take no subjects for all.
    tail: Option<Tail>,
    state: State,
}

enum State {
    Starting,
    Following,
    Ended,
}

impl Follower {
    pub(super) fn new(hub: Arc<Hub>, filter: &Filter) -> Self {
        let filters = subjects(filter);
        let empty = filters.is_empty();
        let course = Course {
            stream: streams::LOG,
            filters,
            start: Start::Newest,
            content: Content::Whole,
            after_loss: AfterLoss::GoOn,
        };
        let tail = (!empty).then(|| Tail::new(hub.clone(), course));
        Self { hub, tail, state: State::Starting }
    }

    fn read(&self, message: &async_nats::jetstream::Message) -> Option<WatchItem> {
        let sequence = message.info().ok()?.stream_sequence;
        self.hub.note(sequence);
        let stored = Stored {
            subject: &message.subject,
            sequence,
            headers: message.headers.as_ref(),
            payload: &message.payload,
        };
        let item = envelope::decode(&stored);
        match &item {
            Some(WatchItem::Event(event)) => self.hub.heads.put(event),
            Some(WatchItem::Undecodable(what)) => self.hub.heads.forget(&what.aggregate),
            Some(WatchItem::Listed | WatchItem::Restarted { .. }) => {}
            None => tracing::error!(sequence, subject = %message.subject, "a subject names no aggregate"),
        }
        item
    }
}

#[async_trait]
impl WatchSource for Follower {
    async fn next(&mut self) -> Option<Result<WatchItem, ReadError>> {
        loop {
            let Some(tail) = &mut self.tail else {
                if matches!(self.state, State::Starting) {
                    self.state = State::Following;
                    return Some(Ok(WatchItem::Listed));
                }
                return std::future::pending().await;
            };
            if matches!(self.state, State::Ended) {
                return None;
            }
            match tail.next().await {
                Ok(Step::Message(message)) => {
                    if let Some(item) = self.read(&message) {
                        return Some(Ok(item));
                    }
                }
                Ok(Step::CaughtUp) => return Some(Ok(WatchItem::Listed)),
                Ok(Step::Restarted(seen, found)) => {
                    self.state = State::Ended;
                    return Some(Ok(WatchItem::Restarted { seen, found }));
                }
                Err(cause) => return Some(Err(ReadError::Unavailable(cause))),
            }
        }
    }
}

/// The subjects that a filter lets through.
fn subjects(filter: &Filter) -> Vec<String> {
    let kinds = AggregateKind::ALL.into_iter().filter(|kind| filter.kinds.contains(kind));
    match &filter.partitions {
        Partitions::All if kinds.clone().count() == AggregateKind::ALL.len() => vec!["ev.>".to_owned()],
        Partitions::All => kinds.map(|kind| format!("ev.{}.>", kind.word())).collect(),
        Partitions::Some(partitions) => kinds
            .flat_map(|kind| partitions.iter().map(move |partition| (kind, partition.0)))
            .filter_map(|(kind, partition)| match kind {
                // There is one, without an id, so its subject ends with the partition.
                AggregateKind::Definitions => (Aggregate::Definitions.partition().0 == partition)
                    .then(|| envelope::subject(&Aggregate::Definitions)),
                AggregateKind::Source
                | AggregateKind::Render
                | AggregateKind::Cluster
                | AggregateKind::Target
                | AggregateKind::Sync
                | AggregateKind::Command => Some(format!("ev.{}.{partition}.>", kind.word())),
            })
            .collect(),
    }
}
