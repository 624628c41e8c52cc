//! How an event is stored: its place in front, so that a reader finds and skips it without decoding.

use bytes::Bytes;
use events::{Draft, Event, EventId};
use model::{Aggregate, Timestamp};
use serde::{Deserialize, Serialize};

use super::layout;
use crate::{Undecodable, WatchItem};

/// The stored form behind the place; named fields, so that older readers ignore what newer writers add.
#[derive(Serialize, Deserialize)]
struct Record {
    id: EventId,
    n: u64,
    previous: Option<EventId>,
    kind: String,
    format: u16,
    time: Timestamp,
    cause: Option<EventId>,
    correlation: Option<String>,
    actor: Option<String>,
    traceparent: Option<String>,
    #[serde(with = "serde_bytes")]
    payload: Vec<u8>,
}

/// Encodes: two bytes length of the place, the place, the record.
pub(crate) fn encode(id: EventId, draft: &Draft) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    let place = layout::place(&draft.aggregate);
    let record = Record {
        id,
        n: draft.n,
        previous: draft.previous,
        kind: draft.kind.word().to_owned(),
        format: draft.format,
        time: draft.time,
        cause: draft.cause,
        correlation: draft.correlation.clone(),
        actor: draft.actor.clone(),
        traceparent: draft.traceparent.clone(),
        payload: draft.payload.to_vec(),
    };
    let mut bytes = Vec::with_capacity(draft.payload.len() + place.len() + 512);
    bytes.extend_from_slice(&(place.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&place);
    rmp_serde::encode::write_named(&mut bytes, &record)?;
    Ok(bytes)
}

/// The place of a stored record.
pub(super) fn place(bytes: &[u8]) -> Option<&[u8]> {
    let length = u16::from_be_bytes(bytes.get(..2)?.try_into().ok()?);
    bytes.get(2..2 + usize::from(length))
}

/// Decodes a record; `None` if not even its aggregate can be told.
pub(crate) fn decode(sequence: u64, bytes: &[u8]) -> Option<WatchItem> {
    let place = place(bytes)?;
    let aggregate = layout::aggregate_at(place)?;
    let item = match event(aggregate.clone(), sequence, &bytes[2 + place.len()..]) {
        Ok(event) => WatchItem::Event(event),
        Err(reason) => WatchItem::Undecodable(Undecodable { aggregate, sequence, reason }),
    };
    Some(item)
}

fn event(aggregate: Aggregate, sequence: u64, bytes: &[u8]) -> Result<Event, String> {
    let record: Record = rmp_serde::from_slice(bytes).map_err(|error| error.to_string())?;
    let draft = Draft {
        aggregate,
        n: record.n,
        previous: record.previous,
        kind: record.kind.parse().map_err(|error: events::event_type::UnknownEventType| error.to_string())?,
        format: record.format,
        time: record.time,
        cause: record.cause,
        correlation: record.correlation,
        actor: record.actor,
        traceparent: record.traceparent,
        payload: Bytes::from(record.payload),
    };
    Ok(Event { id: record.id, sequence, draft })
}
