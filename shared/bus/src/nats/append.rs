//! Appending: what waits goes out in one atomic batch, because a batch costs the server as many flushes as
//! one event; what a batch refuses is settled one by one.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use events::{Draft, Event, EventId};
use futures::StreamExt;
use model::Aggregate;
use tokio::sync::{mpsc, oneshot};

use super::{
    envelope,
    heads::Known,
    hub::Hub,
    publish::{Outgoing, PublishError, publish, publish_batch},
    read,
};
use crate::{
    AppendError, Cause, ReadError,
    verdict::{Verdict, judge},
};

/// Appends that wait at most; beyond it the callers wait.
const QUEUE: usize = 4096;

/// Events in one batch. Source: ADR-50, the server's limit.
const BATCH_MAX: usize = 1000;

/// Bytes of payload in one batch, which bounds how long the first of it waits.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Fewer are cheaper one by one: a batch flushes four times whatever its size.
const BATCH_MIN: usize = 4;

/// Single appends in flight.
const SINGLES: usize = 64;

/// Tries against an aggregate that others write at the same time.
const TRIES: usize = 4;

/// A draft on its way.
struct Item {
    draft: Draft,
    id: EventId,
    retired_ttl: Option<Duration>,
    reply: oneshot::Sender<Result<Event, AppendError>>,
}

/// Says that the log is being dropped.
#[derive(Debug, thiserror::Error)]
#[error("the log is closing")]
struct Closing;

/// The door to the appending task, which ends with it.
pub(super) struct Appender {
    items: mpsc::Sender<Item>,
    incarnation: String,
}

impl Appender {
    pub(super) fn start(hub: Arc<Hub>) -> Self {
        let (items, queue) = mpsc::channel(QUEUE);
        let incarnation = hub.incarnation.clone();
        tokio::spawn(run(hub, queue));
        Self { items, incarnation }
    }

    pub(super) async fn submit(
        &self,
        draft: Draft,
        retired_ttl: Option<Duration>,
    ) -> Result<Event, AppendError> {
        let (reply, answer) = oneshot::channel();
        let id = EventId::derive(&self.incarnation, &draft);
        let aggregate = draft.aggregate.clone();
        let closing = || AppendError::Unavailable { aggregate: aggregate.clone(), cause: Arc::new(Closing) };
        self.items.send(Item { draft, id, retired_ttl, reply }).await.map_err(|_| closing())?;
        answer.await.map_err(|_| closing())?
    }
}

async fn run(hub: Arc<Hub>, mut queue: mpsc::Receiver<Item>) {
    let mut waiting = VecDeque::new();
    let mut arrived = Vec::new();
    loop {
        if waiting.is_empty() {
            if queue.recv_many(&mut arrived, QUEUE).await == 0 {
                return;
            }
        } else {
            while let Ok(item) = queue.try_recv() {
                arrived.push(item);
            }
        }
        waiting.extend(arrived.drain(..));
        let round = take_round(&mut waiting);
        append_round(&hub, round).await;
    }
}

/// Takes what can go together: no aggregate twice, not too many, not too much.
fn take_round(waiting: &mut VecDeque<Item>) -> Vec<Item> {
    let mut taken = HashSet::new();
    let mut bytes = 0;
    let mut round = Vec::new();
    let mut later = VecDeque::new();
    while let Some(item) = waiting.pop_front() {
        let fits = round.len() < BATCH_MAX && bytes < BATCH_BYTES_MAX;
        // An aggregate that has to wait is marked too, so that its events keep their order.
        if taken.insert(item.draft.aggregate.clone()) && fits {
            bytes += item.draft.payload.len();
            round.push(item);
        } else {
            later.push_back(item);
        }
    }
    *waiting = later;
    round
}

async fn append_round(hub: &Hub, round: Vec<Item>) {
    match hub.still_the_same().await {
        Ok(true) => {}
        Ok(false) => {
            return answer_all(round, |aggregate| AppendError::Restarted { aggregate });
        }
        Err(cause) => return answer_all(round, unavailable(&cause)),
    }
    let (batch, single): (Vec<_>, Vec<_>) =
        round.into_iter().partition(|item| item.retired_ttl.is_none() && follows(hub, &item.draft));
    if batch.len() < BATCH_MIN {
        return settle_all(hub, single.into_iter().chain(batch).collect()).await;
    }
    tokio::join!(append_batch(hub, batch), settle_all(hub, single));
}

/// Whether the draft follows what is remembered. Of a first event nothing can be remembered.
fn follows(hub: &Hub, draft: &Draft) -> bool {
    let known = hub.heads.get(&draft.aggregate);
    judge(known.map(|known| (known.n, known.id)), draft) == Verdict::Append
}

async fn append_batch(hub: &Hub, batch: Vec<Item>) {
    let count = batch.len() as u64;
    let messages = batch.iter().map(|item| {
        let before = hub.heads.get(&item.draft.aggregate).map_or(0, |known| known.sequence);
        outgoing(item.id, &item.draft, before)
    });
    match publish_batch(&hub.client, messages.collect()).await {
        Ok(last) => {
            for (i, item) in batch.into_iter().enumerate() {
                let event = Event { id: item.id, sequence: last + 1 + i as u64 - count, draft: item.draft };
                stored(hub, &event);
                // Whoever asked may have gone; the event stays.
                let _gone = item.reply.send(Ok(event));
            }
        }
        Err(PublishError::WrongLast | PublishError::Refused(_)) => settle_all(hub, batch).await,
        Err(PublishError::NoAnswer(cause)) => {
            batch.iter().for_each(|item| hub.heads.forget(&item.draft.aggregate));
            answer_all(batch, unavailable(&cause));
        }
    }
}

async fn settle_all(hub: &Hub, items: Vec<Item>) {
    let settling = items.into_iter().map(|item| async move {
        let Item { draft, id, retired_ttl, reply } = item;
        let outcome = settle(hub, id, &draft, retired_ttl).await;
        // Whoever asked may have gone; the event stays.
        let _gone = reply.send(outcome);
    });
    futures::stream::iter(settling).buffer_unordered(SINGLES).collect::<()>().await;
}

/// Appends one draft, reading what stands there as often as needed.
async fn settle(
    hub: &Hub,
    id: EventId,
    draft: &Draft,
    retired_ttl: Option<Duration>,
) -> Result<Event, AppendError> {
    let mut known = hub.heads.get(&draft.aggregate);
    let mut fresh = false;
    for _ in 0..TRIES {
        match judge(known.map(|known| (known.n, known.id)), draft) {
            Verdict::Append => {
                let mut message = outgoing(id, draft, known.map_or(0, |known| known.sequence));
                if let Some(ttl) = retired_ttl {
                    envelope::mark_retired(&mut message.headers, ttl);
                }
                match publish(&hub.client, message).await {
                    Ok(sequence) => {
                        let event = Event { id, sequence, draft: draft.clone() };
                        stored(hub, &event);
                        return Ok(event);
                    }
                    Err(PublishError::WrongLast) => {}
                    Err(error) => return Err(unknown(hub, draft, Arc::new(error))),
                }
            }
            Verdict::Compare if fresh => {
                let standing = read::at_version(hub, &draft.aggregate, draft.n).await;
                let standing = standing.map_err(|error| refused(hub, draft, error))?;
                return standing.filter(|event| event.id == id).ok_or_else(|| conflict(draft, known));
            }
            Verdict::Conflict if fresh => return Err(conflict(draft, known)),
            Verdict::Compare | Verdict::Conflict => {}
        }
        let newest = read::newest(hub, &draft.aggregate).await;
        known = newest.map_err(|error| refused(hub, draft, error))?.as_ref().map(Known::from);
        fresh = true;
    }
    Err(conflict(draft, known))
}

fn outgoing(id: EventId, draft: &Draft, before: u64) -> Outgoing {
    Outgoing {
        subject: envelope::subject(&draft.aggregate),
        headers: envelope::headers(id, draft, before),
        payload: draft.payload.clone(),
    }
}

fn stored(hub: &Hub, event: &Event) {
    hub.heads.put(event);
    hub.note(event.sequence);
}

fn conflict(draft: &Draft, known: Option<Known>) -> AppendError {
    AppendError::Conflict {
        aggregate: draft.aggregate.clone(),
        n: draft.n,
        newest: known.map(|known| known.n),
    }
}

fn refused(hub: &Hub, draft: &Draft, error: ReadError) -> AppendError {
    match error {
        ReadError::Undecodable(what) => AppendError::Undecodable(what),
        ReadError::Restarted { .. } => AppendError::Restarted { aggregate: draft.aggregate.clone() },
        ReadError::Unavailable(cause) => unknown(hub, draft, cause),
    }
}

fn unknown(hub: &Hub, draft: &Draft, cause: Cause) -> AppendError {
    hub.heads.forget(&draft.aggregate);
    AppendError::Unavailable { aggregate: draft.aggregate.clone(), cause }
}

fn unavailable(cause: &Cause) -> impl Fn(Aggregate) -> AppendError {
    let cause = cause.clone();
    move |aggregate| AppendError::Unavailable { aggregate, cause: cause.clone() }
}

fn answer_all(items: Vec<Item>, error: impl Fn(Aggregate) -> AppendError) {
    for item in items {
        // Whoever asked may have gone.
        let _gone = item.reply.send(Err(error(item.draft.aggregate)));
    }
}
