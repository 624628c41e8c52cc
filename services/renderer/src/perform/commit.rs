//! The way of events into the log.

use std::sync::Arc;

use bus::{AppendError, Log, ReadError};
use bytes::Bytes;
use events::{
    Draft, Event, EventType,
    state::{DesiredState, RenderState, State as _},
};
use model::Aggregate;

use super::now;
use crate::{
    Error,
    decide::{Order, Stored},
};

/// Events in one append: enough to make its disk write cheap, few enough to keep it short.
pub const BATCH_MAX: usize = 256;

/// What became of a draft.
#[derive(Debug)]
pub enum End {
    /// It is in the log.
    Stored(Event),
    /// Another event was first; this is the newest.
    Overtaken(Option<Event>),
    /// The newest event cannot be read here.
    Parked,
}

/// Appends drafts, at most one for each render.
///
/// # Errors
/// What ends the renderer.
pub async fn append(log: &Arc<dyn Log>, drafts: Vec<Draft>) -> Result<Vec<(Aggregate, End)>, Error> {
    let results = log.append(drafts.clone()).await;
    let mut ends = Vec::with_capacity(results.len());
    for (draft, result) in drafts.into_iter().zip(results) {
        let end = end_of(log, &draft.aggregate, result).await?;
        ends.push((draft.aggregate, end));
    }
    Ok(ends)
}

/// Appends the last event of a render.
///
/// # Errors
/// What ends the renderer.
pub async fn retire(log: &Arc<dyn Log>, order: &Order) -> Result<End, Error> {
    let newest = match newest(log, &order.render).await? {
        End::Overtaken(Some(event)) if is_as_known(&event, order.stored.as_ref()) => event,
        end @ (End::Overtaken(_) | End::Stored(_) | End::Parked) => return Ok(end),
    };
    let draft = draft(order, EventType::RenderRetired, newest.draft.payload);
    end_of(log, &order.render, log.retire(draft).await).await
}

/// The desired state that a failure keeps, or the event that makes the order stale.
pub enum Kept {
    /// It, if there is one.
    Desired(Option<DesiredState>),
    /// The log has moved on.
    Stale(End),
}

/// Reads the last good desired state of a render; it is not held in memory.
///
/// # Errors
/// What ends the renderer.
pub async fn kept(log: &Arc<dyn Log>, order: &Order) -> Result<Kept, Error> {
    if order.stored.as_ref().is_none_or(|stored| stored.desired.is_none()) {
        return Ok(Kept::Desired(None));
    }
    match newest(log, &order.render).await? {
        End::Overtaken(Some(event)) if is_as_known(&event, order.stored.as_ref()) => {
            match events::decode::<RenderState>(event.draft.format, &event.draft.payload) {
                Ok(state) => Ok(Kept::Desired(state.desired)),
                Err(_) => Ok(Kept::Stale(End::Parked)),
            }
        }
        end @ (End::Overtaken(_) | End::Stored(_) | End::Parked) => Ok(Kept::Stale(end)),
    }
}

/// The event that follows an order.
///
/// # Errors
/// A value has no encoding.
pub fn draft_of(order: &Order, kind: EventType, state: &RenderState) -> Result<Draft, Error> {
    let payload = events::encode(state).map_err(|error| Error::Encode(error.to_string()))?;
    Ok(draft(order, kind, Bytes::from(payload)))
}

fn draft(order: &Order, kind: EventType, payload: Bytes) -> Draft {
    let (stored, trace) = (order.stored.as_ref(), order.trace.as_ref());
    Draft {
        aggregate: order.render.clone(),
        n: stored.map_or(1, |stored| stored.n + 1),
        previous: stored.map(|stored| stored.id),
        kind,
        format: RenderState::FORMAT,
        time: now(),
        cause: trace.map(|trace| trace.cause),
        correlation: trace.and_then(|trace| trace.correlation.clone()),
        actor: trace.and_then(|trace| trace.actor.clone()),
        traceparent: trace.and_then(|trace| trace.traceparent.clone()),
        payload,
    }
}

fn is_as_known(event: &Event, stored: Option<&Stored>) -> bool {
    stored.is_some_and(|stored| stored.id == event.id)
}

async fn end_of(
    log: &Arc<dyn Log>,
    render: &Aggregate,
    result: Result<Event, AppendError>,
) -> Result<End, Error> {
    match result {
        Ok(event) => Ok(End::Stored(event)),
        Err(AppendError::Conflict { .. }) => newest(log, render).await,
        Err(AppendError::Undecodable(found)) => {
            tracing::error!(aggregate = %found.aggregate, reason = found.reason, "parked");
            Ok(End::Parked)
        }
        Err(
            error @ (AppendError::TooLarge { .. }
            | AppendError::Malformed { .. }
            | AppendError::Restarted { .. }
            | AppendError::Unavailable { .. }),
        ) => Err(Error::Append(error)),
    }
}

async fn newest(log: &Arc<dyn Log>, render: &Aggregate) -> Result<End, Error> {
    match log.newest(render).await {
        Ok(event) => Ok(End::Overtaken(event)),
        Err(ReadError::Undecodable(_)) => Ok(End::Parked),
        Err(error) => Err(error.into()),
    }
}
