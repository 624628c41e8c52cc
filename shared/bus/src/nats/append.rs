//! Appending: what waits goes out in one atomic batch, because a batch costs the server as many flushes as
//! one event; what a batch refuses is settled one by one.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use events::{Draft, Event, EventId};
use futures::StreamExt;
use model::Aggregate;
use tokio::sync::{mpsc, oneshot};

use super::{
    envelope,
    heads::Known,
    hub::Hub,
    mirror::Mirror,
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
pub(super) const BATCH_MAX: usize = 1000;

/// Bytes of payload in one batch, which bounds how long the first of it waits.
pub(super) const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

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

/// Says that the server refuses what it says may follow: a leader that lost its majority in the middle.
#[derive(Debug, thiserror::Error)]
#[error("the server has not settled what stands before it")]
struct Unsettled;

/// The door to the appending task, which ends with it.
pub(super) struct Appender {
    items: mpsc::Sender<Item>,
    incarnation: String,
}

impl Appender {
    pub(super) fn start(hub: Arc<Hub>) -> Self {
        let (items, queue) = mpsc::channel(QUEUE);
        let incarnation = hub.identity.incarnation.clone();
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
    let mut waiting = Waiting::default();
    let mut arrived = Vec::new();
    loop {
        if waiting.turns.is_empty() {
            if queue.recv_many(&mut arrived, QUEUE).await == 0 {
                return;
            }
        } else {
            // No more than fits the queue: what is taken out of it makes room for callers who should wait.
            while waiting.count + arrived.len() < QUEUE
                && let Ok(item) = queue.try_recv()
            {
                arrived.push(item);
            }
        }
        arrived.drain(..).for_each(|item| waiting.push(item));
        let round = waiting.take_round();
        append_round(&hub, round).await;
    }
}

/// What waits, by aggregate, so that each round takes one of each and keeps their order.
#[derive(Default)]
struct Waiting {
    queues: HashMap<Aggregate, VecDeque<Item>>,
    turns: VecDeque<Aggregate>,
    count: usize,
}

impl Waiting {
    fn push(&mut self, item: Item) {
        let queue = self.queues.entry(item.draft.aggregate.clone()).or_default();
        if queue.is_empty() {
            self.turns.push_back(item.draft.aggregate.clone());
        }
        queue.push_back(item);
        self.count += 1;
    }

    /// Takes what can go together: no aggregate twice, not too many, not too much.
    fn take_round(&mut self) -> Vec<Item> {
        let mut bytes = 0;
        let mut round = Vec::new();
        for _ in 0..self.turns.len().min(BATCH_MAX) {
            let Some(aggregate) = self.turns.pop_front() else { break };
            let Some(queue) = self.queues.get_mut(&aggregate) else { continue };
            if let Some(item) = queue.pop_front() {
                bytes += item.draft.payload.len();
                round.push(item);
            }
            if queue.is_empty() {
                self.queues.remove(&aggregate);
            } else {
                self.turns.push_back(aggregate);
            }
            if bytes >= BATCH_BYTES_MAX {
                break;
            }
        }
        self.count -= round.len();
        round
    }
}

async fn append_round(hub: &Hub, round: Vec<Item>) {
    match hub.still_the_same().await {
        Ok(true) => {}
        Ok(false) => {
            return answer_all(round, |aggregate| AppendError::Restarted { aggregate });
        }
        Err(cause) => return answer_all(round, unavailable(&cause)),
    }
    let (mut batch, mut single) = (Vec::new(), Vec::new());
    for item in round {
        match follows(hub, &item.draft).filter(|_| item.retired_ttl.is_none()) {
            Some(before) => batch.push((item, before)),
            None => single.push(item),
        }
    }
    if batch.len() < BATCH_MIN {
        single.extend(batch.into_iter().map(|(item, _)| item));
        return settle_all(hub, single).await;
    }
    tokio::join!(append_batch(hub, batch), settle_all(hub, single));
}

/// The sequence of what the draft follows (0: it is a first event), if that is what is remembered, and the mirror is
/// near enough. Whoever sends the draft expects this one: what is remembered later may be another's, which a watch
/// has told meanwhile.
fn follows(hub: &Hub, draft: &Draft) -> Option<u64> {
    hub.heads.note_mirrored(&draft.aggregate, hub.mirror.sequence());
    let known = hub.heads.get(&draft.aggregate);
    let safe = known.is_none_or(|known| Mirror::is_safe_behind(&known));
    let follows = judge(known.map(|known| (known.n, known.id)), draft) == Verdict::Append;
    (safe && follows).then(|| known.map_or(0, |known| known.sequence))
}

/// Waits until the mirror is near enough for the draft: what the draft makes the log drop must be in it.
async fn await_mirror(hub: &Hub, known: Option<Known>, ttl: Option<Duration>) -> Result<(), Cause> {
    match (known, ttl) {
        (None, _) => Ok(()),
        (Some(known), None) => hub.mirror.make_safe_behind(hub, &known).await,
        (Some(known), Some(_)) => hub.mirror.reach(hub, known.sequence).await,
    }
}

async fn append_batch(hub: &Hub, batch: Vec<(Item, u64)>) {
    let count = batch.len() as u64;
    let messages = batch.iter().map(|(item, before)| outgoing(item.id, &item.draft, *before)).collect();
    let batch: Vec<Item> = batch.into_iter().map(|(item, _)| item).collect();
    match publish_batch(&hub.client, messages).await {
        Ok(last) => {
            for (i, item) in batch.into_iter().enumerate() {
                let event = Event { id: item.id, sequence: last + 1 + i as u64 - count, draft: item.draft };
                stored(hub, &event);
                // Whoever asked may have gone; the event stays.
                let _gone = item.reply.send(Ok(event));
            }
        }
        Err(error @ (PublishError::WrongLast | PublishError::Refused(_))) => {
            tracing::debug!(%error, count, "a batch was refused; its events go one by one");
            settle_all(hub, batch).await;
        }
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
                let mirrored = await_mirror(hub, known, retired_ttl).await;
                mirrored.map_err(|cause| unknown(hub, draft, cause))?;
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
            Verdict::Compare if fresh => return compare(hub, id, draft, known).await,
            Verdict::Conflict if fresh => return Err(conflict(draft, known)),
            Verdict::Compare | Verdict::Conflict => {}
        }
        let newest = read::newest(hub, &draft.aggregate).await;
        known = newest.map_err(|error| refused(hub, draft, error))?.as_ref().map(Known::from);
        fresh = true;
    }
    match judge(known.map(|known| (known.n, known.id)), draft) {
        // It could follow, and the server does not take it: its leader has not settled what is under way.
        Verdict::Append => Err(unknown(hub, draft, Arc::new(Unsettled))),
        Verdict::Compare => compare(hub, id, draft, known).await,
        Verdict::Conflict => Err(conflict(draft, known)),
    }
}

/// Answers with what stands at the draft's version if that is the draft itself, from an append that was
/// stored without an answer.
async fn compare(hub: &Hub, id: EventId, draft: &Draft, known: Option<Known>) -> Result<Event, AppendError> {
    let standing = read::at_version(hub, &draft.aggregate, draft.n).await;
    match standing.map_err(|error| refused(hub, draft, error))? {
        Some(event) if event.id == id => Ok(event),
        // The newest cannot be gone: this answer came from a server that is behind the one before.
        None if known.is_some_and(|known| known.n == draft.n) => {
            Err(unknown(hub, draft, Arc::new(Unsettled)))
        }
        Some(_) | None => Err(conflict(draft, known)),
    }
}

/// A message that is stored only behind the one at `before` (0: none).
fn outgoing(id: EventId, draft: &Draft, before: u64) -> Outgoing {
    let mut headers = envelope::headers(id, draft, before);
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, before.to_string());
    Outgoing { subject: envelope::subject(&draft.aggregate), headers, payload: draft.payload.clone() }
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
