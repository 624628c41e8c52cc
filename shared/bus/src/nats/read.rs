//! Reading one aggregate, from the leader, because a follower may be behind.

use std::sync::Arc;

use async_nats::jetstream::{message::StreamMessage, stream::LastRawMessageErrorKind};
use events::Event;
use model::Aggregate;

use super::{
    envelope::{self, Stored},
    hub::{Hub, Stream},
};
use crate::{Cause, HISTORY_MAX, ReadError, Undecodable, WatchItem};

/// The newest message on a subject.
pub(super) async fn last(stream: &Stream, subject: &str) -> Result<Option<StreamMessage>, Cause> {
    match stream.get_last_raw_message_by_subject(subject).await {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(Arc::new(error)),
    }
}

/// The newest event of an aggregate; remembers it.
pub(super) async fn newest(hub: &Hub, aggregate: &Aggregate) -> Result<Option<Event>, ReadError> {
    let found = last(&hub.log, &envelope::subject(aggregate)).await.map_err(ReadError::Unavailable)?;
    let Some(message) = found else {
        hub.heads.forget(aggregate);
        return Ok(None);
    };
    let event = decode(aggregate, &message)?;
    hub.heads.put(&event);
    hub.note(event.sequence);
    Ok(Some(event))
}

/// The newest events of an aggregate, newest first.
pub(super) async fn history(hub: &Hub, aggregate: &Aggregate, limit: usize) -> Result<Vec<Event>, ReadError> {
    let mut history = Vec::new();
    let mut steps = 0;
    let mut at = last(&hub.log, &envelope::subject(aggregate)).await.map_err(ReadError::Unavailable)?;
    while let Some(message) = at.take().filter(|_| steps < limit.min(HISTORY_MAX)) {
        steps += 1;
        history.extend(decode(aggregate, &message).ok());
        if steps < limit {
            at = before(hub, &message).await?;
        }
    }
    Ok(history)
}

/// The event at version `n` of an aggregate, if it is still kept.
pub(super) async fn at_version(hub: &Hub, aggregate: &Aggregate, n: u64) -> Result<Option<Event>, ReadError> {
    let mut at = last(&hub.log, &envelope::subject(aggregate)).await.map_err(ReadError::Unavailable)?;
    for _ in 0..HISTORY_MAX {
        let Some(message) = at else { return Ok(None) };
        let event = decode(aggregate, &message)?;
        if event.n() <= n {
            return Ok(Some(event).filter(|event| event.n() == n));
        }
        at = before(hub, &message).await?;
    }
    Ok(None)
}

/// The message that stood before this one on its subject, if it is still kept.
async fn before(hub: &Hub, message: &StreamMessage) -> Result<Option<StreamMessage>, ReadError> {
    let Some(sequence) = envelope::before(&message.headers).filter(|sequence| *sequence > 0) else {
        return Ok(None);
    };
    match hub.log.get_raw_message(sequence).await {
        Ok(found) => Ok(Some(found).filter(|found| found.subject == message.subject)),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(ReadError::Unavailable(Arc::new(error))),
    }
}

fn decode(aggregate: &Aggregate, message: &StreamMessage) -> Result<Event, ReadError> {
    let stored = Stored {
        subject: &message.subject,
        sequence: message.sequence,
        headers: Some(&message.headers),
        payload: &message.payload,
    };
    match envelope::decode(&stored) {
        Some(WatchItem::Event(event)) => Ok(event),
        Some(WatchItem::Undecodable(what)) => Err(ReadError::Undecodable(what)),
        Some(WatchItem::Listed | WatchItem::Restarted { .. }) | None => {
            Err(ReadError::Undecodable(Undecodable {
                aggregate: aggregate.clone(),
                sequence: message.sequence,
                reason: "the subject names no aggregate known here".to_owned(),
            }))
        }
    }
}
