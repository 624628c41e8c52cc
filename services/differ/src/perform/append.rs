//! Appends states of targets, in batches.

use std::sync::Arc;

use bus::{AppendError, Log};
use events::{
    Content, Draft, Event, EventType,
    content::INLINE_BYTES_MAX,
    state::{State, TargetState},
};
use model::{Aggregate, TargetId, Timestamp};

use crate::{Error, known::Snapshot};

/// A state to append, and what it was decided from.
pub struct Due {
    /// Which target.
    pub target: TargetId,
    /// What happened.
    pub kind: EventType,
    /// The state after it.
    pub state: TargetState,
    /// What it was decided from.
    pub snapshot: Snapshot,
}

/// Appends states; one result each, in order. A conflict is answered with the newest event: decide again.
///
/// # Errors
/// If the log cannot be used at all.
pub async fn append(log: &Arc<dyn Log>, dues: Vec<Due>, now: Timestamp) -> Result<Vec<Option<Event>>, Error> {
    let mut drafts = Vec::with_capacity(dues.len());
    for due in dues {
        drafts.push(draft(log, due, now).await?);
    }
    let aggregates: Vec<Aggregate> = drafts.iter().map(|draft| draft.aggregate.clone()).collect();
    let mut stored = Vec::with_capacity(aggregates.len());
    for (answer, aggregate) in log.append(drafts).await.into_iter().zip(aggregates) {
        stored.push(match answer {
            Ok(event) => Some(event),
            Err(AppendError::Conflict { .. }) => log.newest(&aggregate).await.map_err(Error::Read)?,
            Err(AppendError::Undecodable(_)) => None,
            Err(source) => return Err(Error::Append { aggregate, source: Box::new(source) }),
        });
    }
    Ok(stored)
}

async fn draft(log: &Arc<dyn Log>, mut due: Due, now: Timestamp) -> Result<Draft, Error> {
    if let Some(planned) = &mut due.state.plan
        && let Content::Inline(bytes) = &planned.plan
        && bytes.len() > INLINE_BYTES_MAX / 2
    {
        let digest = log.put_blob(bytes.clone().into()).await.map_err(Error::Blob)?;
        planned.plan = Content::Blob(digest);
    }
    let payload = events::encode(&due.state)
        .map_err(|error| Error::Content { what: "the state of a target", reason: error.to_string() })?;
    let own = due.snapshot.own.as_ref();
    let cause = due.snapshot.render.as_ref().map(|render| render.event);
    Ok(Draft {
        aggregate: Aggregate::Target(due.target),
        n: own.map_or(0, |own| own.n) + 1,
        previous: own.map(|own| own.event),
        kind: due.kind,
        format: TargetState::FORMAT,
        time: now,
        cause,
        correlation: None,
        actor: None,
        traceparent: None,
        payload: payload.into(),
    })
}
