//! Appends states of targets, in batches.

use std::sync::Arc;

use bus::{AppendError, Log, ReadError};
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

/// What became of a state.
pub enum End {
    /// This is the newest event now: with the state, or of another differ, and then it is decided again.
    At(Box<Event>),
    /// The newest event cannot be read here, so the target must not be written.
    Parked(TargetId),
}

/// Appends states; says what became of them. A target that has no event in spite of a conflict is left out.
///
/// # Errors
/// If the log cannot be used at all.
pub async fn append(log: &Arc<dyn Log>, dues: Vec<Due>, now: Timestamp) -> Result<Vec<End>, Error> {
    let targets: Vec<TargetId> = dues.iter().map(|due| due.target.clone()).collect();
    let mut drafts = Vec::with_capacity(dues.len());
    for due in dues {
        drafts.push(draft(log, due, now).await?);
    }
    let (last, drafts): (Vec<_>, Vec<_>) =
        drafts.into_iter().zip(targets).partition(|(draft, _)| draft.kind == EventType::TargetReleased);
    let mut ends = Vec::with_capacity(drafts.len() + last.len());
    let (drafts, targets): (Vec<_>, Vec<_>) = drafts.into_iter().unzip();
    for (answer, target) in log.append(drafts).await.into_iter().zip(targets) {
        ends.extend(end_of(log, target, answer).await?);
    }
    // Nothing names a released target any more: this event is its last.
    for (draft, target) in last {
        ends.extend(end_of(log, target, log.retire(draft).await).await?);
    }
    Ok(ends)
}

async fn end_of(
    log: &Arc<dyn Log>,
    target: TargetId,
    answer: Result<Event, AppendError>,
) -> Result<Option<End>, Error> {
    match answer {
        Ok(event) => Ok(Some(End::At(Box::new(event)))),
        Err(AppendError::Conflict { aggregate, .. }) => match log.newest(&aggregate).await {
            Ok(newest) => Ok(newest.map(Box::new).map(End::At)),
            Err(ReadError::Undecodable(_)) => Ok(Some(End::Parked(target))),
            Err(error) => Err(error.into()),
        },
        Err(AppendError::Undecodable(_)) => Ok(Some(End::Parked(target))),
        Err(source) => Err(Error::Append { aggregate: Aggregate::Target(target), source: Box::new(source) }),
    }
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
