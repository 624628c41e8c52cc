//! Appends states of targets, in batches.

use std::sync::Arc;

use bus::{AppendError, Log, ReadError};
use events::{
    Draft, Event, EventType,
    envelope::PAYLOAD_BYTES_MAX,
    state::{State, TargetState},
};
use model::{Aggregate, TargetId, Timestamp};

use super::pages::{self, Laid};
use crate::{Error, decide, known::Snapshot};

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
    /// It fits into no event, and its target says so already.
    TooLarge(TargetId),
}

/// Appends states; says what became of them. A target that has no event in spite of a conflict is left out.
///
/// # Errors
/// If the log cannot be used at all.
pub async fn append(log: &Arc<dyn Log>, dues: Vec<Due>, now: Timestamp) -> Result<Vec<End>, Error> {
    let mut drafts = Vec::with_capacity(dues.len());
    let mut ends = Vec::with_capacity(dues.len());
    for due in dues {
        let target = due.target.clone();
        match fitting(due, now)? {
            Some((due, laid)) => drafts.push((draft(log, due, laid, now).await?, target)),
            None => ends.push(Some(End::TooLarge(target))),
        }
    }
    let (last, drafts): (Vec<_>, Vec<_>) =
        drafts.into_iter().partition(|(draft, _)| draft.kind == EventType::TargetReleased);
    let (drafts, targets): (Vec<_>, Vec<_>) = drafts.into_iter().unzip();
    for (answer, target) in log.append(drafts).await.into_iter().zip(targets) {
        ends.push(end_of(log, target, answer).await?);
    }
    // Nothing names a released target any more: this event is its last.
    for (draft, target) in last {
        ends.push(end_of(log, target, log.retire(draft).await).await?);
    }
    Ok(ends.into_iter().flatten().collect())
}

/// The state as it is laid out, or, if it fits into no event whatever is moved into blobs, one that says just that.
/// `None`: the target says so already.
fn fitting(due: Due, now: Timestamp) -> Result<Option<(Due, Laid)>, Error> {
    let laid = pages::lay(due.state.clone())?;
    let bytes = laid.payload.len();
    if bytes <= PAYLOAD_BYTES_MAX {
        return Ok(Some((due, laid)));
    }
    let own = due.snapshot.own.as_ref().map(|own| &own.state);
    let state = decide::too_large(own, &due.state, bytes, now);
    let laid = pages::lay(state.clone())?;
    let told = own == Some(&state) || laid.payload.len() > PAYLOAD_BYTES_MAX;
    tracing::error!(target = %due.target, bytes, "the state of a target fits into no event");
    Ok((!told).then_some((Due { kind: EventType::PlanRefused, state, ..due }, laid)))
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

async fn draft(log: &Arc<dyn Log>, due: Due, laid: Laid, now: Timestamp) -> Result<Draft, Error> {
    for (_, bytes) in laid.blobs {
        log.put_blob(bytes.into()).await.map_err(Error::Blob)?;
    }
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
        payload: laid.payload.into(),
    })
}
