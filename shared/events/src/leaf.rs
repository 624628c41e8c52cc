//! What the audit ledger keeps of an entry of the log: the bytes that its proofs are about.
//!
//! # Design notes
//! A leaf is never decoded and encoded again: what was hashed is what is stored and shown. It is a map of one field that
//! names its form, in MessagePack, so that a reader in any language can take it apart (docs/audit.md).

use bytes::Bytes;
use model::{Aggregate, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Draft, Event, EventId, event_type::UnknownEventType};

/// A leaf of the ledger.
#[expect(clippy::large_enum_variant, reason = "nearly all are events")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leaf {
    /// An event.
    Event(Record),
    /// An entry of the log that the auditor could not read. That it was there is known, and no more.
    Unreadable(Unreadable),
}

/// An event, with where it stood in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The log's incarnation; behind a dot, which of its lives, if it went back or was restored.
    pub incarnation: String,
    /// Place in the log.
    pub sequence: u64,
    /// The id.
    pub id: EventId,
    /// Path of what it is about, such as `target/eu-1/shop`.
    pub aggregate: String,
    /// Version of the aggregate, from 1.
    pub n: u64,
    /// Id of its version before; `None` for the first.
    pub previous: Option<EventId>,
    /// What happened, such as `SyncPlanned`.
    pub kind: String,
    /// Version of the payload's format, from 1.
    pub format: u16,
    /// When it was written, by the writer's clock, in milliseconds since 1970.
    pub time: Timestamp,
    /// The event that led to it.
    pub cause: Option<EventId>,
    /// The change that it belongs to.
    pub correlation: Option<String>,
    /// Opaque id of who wanted it.
    pub actor: Option<String>,
    /// Trace context. Source: W3C Trace Context.
    pub traceparent: Option<String>,
    /// The state after it, encoded as in the log.
    #[serde(with = "serde_bytes")]
    pub payload: Vec<u8>,
}

/// An entry that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// The log's incarnation.
    pub incarnation: String,
    /// Place in the log.
    pub sequence: u64,
    /// Path of its aggregate, as it was stored.
    pub aggregate: String,
    /// Why it could not be read.
    pub reason: String,
    /// When that was noticed, in milliseconds since 1970.
    pub time: Timestamp,
}

/// Says why a record is no event that is known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The path names no aggregate.
    #[error("{0:?} names no aggregate")]
    Aggregate(String),
    /// The type is not known here.
    #[error(transparent)]
    Kind(#[from] UnknownEventType),
}

impl Leaf {
    /// The bytes of the leaf.
    ///
    /// # Errors
    /// If a value has no encoding (bug).
    pub fn encode(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        rmp_serde::to_vec_named(self)
    }

    /// Takes a leaf apart.
    ///
    /// # Errors
    /// If these are no bytes of a leaf (permanent).
    pub fn decode(bytes: &[u8]) -> Result<Self, rmp_serde::decode::Error> {
        rmp_serde::from_slice(bytes)
    }
}

impl Record {
    /// An event of the log with that incarnation.
    pub fn of(incarnation: &str, event: &Event) -> Self {
        let Event { id, sequence, draft } = event;
        Self {
            incarnation: incarnation.to_owned(),
            sequence: *sequence,
            id: *id,
            aggregate: draft.aggregate.path(),
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
        }
    }

    /// The event as it was in the log.
    ///
    /// # Errors
    /// A newer version wrote it (permanent).
    pub fn event(&self) -> Result<Event, RecordError> {
        let aggregate: Aggregate =
            aggregate_at(&self.aggregate).ok_or_else(|| RecordError::Aggregate(self.aggregate.clone()))?;
        let draft = Draft {
            aggregate,
            n: self.n,
            previous: self.previous,
            kind: self.kind.parse()?,
            format: self.format,
            time: self.time,
            cause: self.cause,
            correlation: self.correlation.clone(),
            actor: self.actor.clone(),
            traceparent: self.traceparent.clone(),
            payload: Bytes::from(self.payload.clone()),
        };
        Ok(Event { id: self.id, sequence: self.sequence, draft })
    }
}

fn aggregate_at(path: &str) -> Option<Aggregate> {
    Aggregate::from_words(&path.split('/').collect::<Vec<_>>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventType;

    fn event() -> Event {
        let draft = Draft {
            aggregate: aggregate_at("target/eu-1/shop").unwrap(),
            n: 7,
            previous: Some("a".repeat(64).parse().unwrap()),
            kind: EventType::SyncPlanned,
            format: 3,
            time: Timestamp::from_millis(1_700_000_000_123),
            cause: Some("b".repeat(64).parse().unwrap()),
            correlation: Some("change".into()),
            actor: None,
            traceparent: None,
            payload: Bytes::from_static(&[0, 255, 128]),
        };
        Event { id: EventId::derive("log", &draft), sequence: 42, draft }
    }

    #[test]
    fn an_event_comes_back_from_its_leaf() {
        let bytes = Leaf::Event(Record::of("log", &event())).encode().unwrap();
        let Leaf::Event(record) = Leaf::decode(&bytes).unwrap() else { panic!("that was an event") };
        assert_eq!((record.event().unwrap(), record.incarnation.as_str()), (event(), "log"));
    }

    #[test]
    fn the_largest_event_fits_a_leaf() {
        let mut event = event();
        event.draft.payload = Bytes::from(vec![7; crate::envelope::PAYLOAD_BYTES_MAX]);
        let bytes = Leaf::Event(Record::of(&"i".repeat(64), &event)).encode().unwrap();
        // Source: C2SP tlog-tiles, "Log entries": the length has 16 bits.
        assert!(bytes.len() < 65_536 / 2 + 2_048, "{}", bytes.len());
    }

    #[test]
    fn what_a_newer_version_wrote_is_kept_and_not_understood() {
        let record = Record { kind: "Conjured".into(), ..Record::of("log", &event()) };
        assert!(matches!(record.event(), Err(RecordError::Kind(_))));
        let record = Record { aggregate: "moon/one".into(), ..Record::of("log", &event()) };
        assert_eq!(record.event(), Err(RecordError::Aggregate("moon/one".into())));
    }
}
