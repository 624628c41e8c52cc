//! The envelope: who wrote what, after which event, because of which other one.

use std::{fmt, str::FromStr};

use bytes::Bytes;
use model::{Aggregate, Digest, Timestamp, digest::DigestError};
use serde::{Deserialize, Serialize};

use crate::{
    EventType,
    state::{State, encode},
};

/// Largest encoded payload, in bytes: what grows beyond it belongs in blobs, and both backends keep their
/// working set small.
pub const PAYLOAD_BYTES_MAX: usize = 32 * 1024;

/// The id of an event: derived from the log's incarnation, the place, the type, the cause and the payload,
/// so that the same decision appended twice is the same event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Digest);

impl EventId {
    /// Derives the id of a draft at version `n` in the log with that incarnation.
    pub fn derive(incarnation: &str, draft: &Draft) -> Self {
        let cause = draft.cause.map(|cause| cause.0.as_bytes().to_vec()).unwrap_or_default();
        Self(Digest::of_parts(
            "event",
            [
                incarnation.as_bytes(),
                draft.aggregate.path().as_bytes(),
                &draft.n.to_be_bytes(),
                draft.kind.word().as_bytes(),
                &cause,
                Digest::of(&draft.payload).as_bytes(),
            ],
        ))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for EventId {
    type Err = DigestError;
    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.parse().map(Self)
    }
}

/// An event that is not in the log yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it is about.
    pub aggregate: Aggregate,
    /// Its version: one more than the newest event of the aggregate; the first is 1.
    pub n: u64,
    /// Id of the aggregate's event n−1; `None` for the first.
    pub previous: Option<EventId>,
    /// What happened.
    pub kind: EventType,
    /// Version of the payload's format, from 1.
    pub format: u16,
    /// When it was decided, by the writer's clock.
    pub time: Timestamp,
    /// The event that led to it.
    pub cause: Option<EventId>,
    /// The change that it belongs to, shared by all events that follow from one trigger.
    pub correlation: Option<String>,
    /// Opaque id of who wanted it; never a name or an address.
    pub actor: Option<String>,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// The state after it, encoded; at most [`PAYLOAD_BYTES_MAX`].
    pub payload: Bytes,
}

impl Draft {
    /// The event that follows the newest one of an aggregate, with that state; without a cause or a trace.
    ///
    /// # Errors
    /// If a value has no encoding (bug).
    pub fn after<S: State>(
        newest: Option<&Event>,
        aggregate: Aggregate,
        (kind, time): (EventType, Timestamp),
        state: &S,
    ) -> Result<Self, rmp_serde::encode::Error> {
        Ok(Self {
            aggregate,
            n: newest.map_or(0, Event::n) + 1,
            previous: newest.map(|event| event.id),
            kind,
            format: S::FORMAT,
            time,
            cause: None,
            correlation: None,
            actor: None,
            traceparent: None,
            payload: encode(state)?.into(),
        })
    }
}

/// An event of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Derived id.
    pub id: EventId,
    /// Position in the whole log: grows, with gaps.
    pub sequence: u64,
    /// What was appended.
    pub draft: Draft,
}

impl Event {
    /// What it is about.
    pub fn aggregate(&self) -> &Aggregate {
        &self.draft.aggregate
    }

    /// Its version.
    pub fn n(&self) -> u64 {
        self.draft.n
    }
}
