//! Events as messages: the place in the subject, the envelope in headers, the payload as it is.

use async_nats::{
    HeaderMap,
    header::{NATS_MESSAGE_TTL, NATS_ROLLUP},
};
use bytes::Bytes;
use events::{Draft, Event, EventId};
use model::{Aggregate, Timestamp};
use std::{fmt::Display, str::FromStr, time::Duration};

use crate::{FeedItem, Undecodable, WatchItem};

const ID: &str = "ce-id";
const TYPE: &str = "ce-type";
const N: &str = "n";
const PREVIOUS: &str = "previous";
/// Sequence of the event before, by which histories are walked back.
const BEFORE: &str = "before";
const FORMAT: &str = "format";
const TIME: &str = "time";
const CAUSE: &str = "cause";
const CORRELATION: &str = "correlation";
const ACTOR: &str = "actor";
const TRACEPARENT: &str = "traceparent";

/// `ev.<kind>.<partition>[.<id…>]`
pub(super) fn subject(aggregate: &Aggregate) -> String {
    let words = aggregate.words();
    let mut subject = format!("ev.{}.{}", aggregate.kind().word(), aggregate.partition().0);
    for word in &words[1..] {
        subject.push('.');
        subject.push_str(word);
    }
    subject
}

/// The path that a subject names.
pub(super) fn path(subject: &str) -> String {
    let words: Vec<&str> = words(subject);
    words.join("/")
}

fn words(subject: &str) -> Vec<&str> {
    let tokens = subject.split('.').enumerate();
    tokens.filter(|(i, _)| *i != 0 && *i != 2).map(|(_, token)| token).collect()
}

/// A message as it was read.
pub(super) struct Stored<'a> {
    pub(super) subject: &'a str,
    pub(super) sequence: u64,
    pub(super) headers: Option<&'a HeaderMap>,
    pub(super) payload: &'a Bytes,
}

/// The headers of a draft whose predecessor is at `before` (0: none).
pub(super) fn headers(id: EventId, draft: &Draft, before: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(BEFORE, before.to_string());
    headers.insert(ID, id.to_string());
    headers.insert(TYPE, draft.kind.word());
    headers.insert(N, draft.n.to_string());
    headers.insert(FORMAT, draft.format.to_string());
    headers.insert(TIME, draft.time.as_millis().to_string());
    let ids = [(PREVIOUS, draft.previous), (CAUSE, draft.cause)];
    let texts = [(CORRELATION, &draft.correlation), (ACTOR, &draft.actor), (TRACEPARENT, &draft.traceparent)];
    for (name, id) in ids {
        if let Some(id) = id {
            headers.insert(name, id.to_string());
        }
    }
    for (name, text) in texts {
        if let Some(text) = text {
            headers.insert(name, text.as_str());
        }
    }
    headers
}

/// Marks the last event of an aggregate: it replaces all before and goes after `ttl`.
pub(super) fn mark_retired(headers: &mut HeaderMap, ttl: Duration) {
    headers.insert(NATS_ROLLUP, "sub");
    headers.insert(NATS_MESSAGE_TTL, format!("{}s", ttl.as_secs().max(1)));
}

/// Reads a message; `None` if its subject names no aggregate known here.
pub(super) fn decode(stored: &Stored<'_>) -> Option<WatchItem> {
    let aggregate = Aggregate::from_words(&words(stored.subject)).ok()?;
    let item = match event(aggregate.clone(), stored) {
        Ok(event) => WatchItem::Event(event),
        Err(reason) => WatchItem::Undecodable(Undecodable { aggregate, sequence: stored.sequence, reason }),
    };
    Some(item)
}

/// Reads a message for the feed, which tells everything.
pub(super) fn decode_entry(stored: &Stored<'_>) -> FeedItem {
    let unreadable = |reason: String| FeedItem::Undecodable {
        path: path(stored.subject),
        sequence: stored.sequence,
        reason,
    };
    match decode(stored) {
        Some(WatchItem::Event(event)) => FeedItem::Event(event),
        Some(WatchItem::Undecodable(what)) => unreadable(what.reason),
        Some(WatchItem::Listed | WatchItem::Restarted { .. }) | None => {
            unreadable("the subject names no aggregate known here".to_owned())
        }
    }
}

/// The sequence of the event before, as its writer recorded it; 0 if there was none.
pub(super) fn before(headers: &HeaderMap) -> Option<u64> {
    headers.get(BEFORE)?.as_str().parse().ok()
}

fn event(aggregate: Aggregate, stored: &Stored<'_>) -> Result<Event, String> {
    let headers = stored.headers.ok_or("the message has no headers")?;
    let text = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
    let draft = Draft {
        aggregate,
        n: required(headers, N)?,
        previous: optional(headers, PREVIOUS)?,
        kind: required(headers, TYPE)?,
        format: required(headers, FORMAT)?,
        time: Timestamp::from_millis(required(headers, TIME)?),
        cause: optional(headers, CAUSE)?,
        correlation: text(CORRELATION),
        actor: text(ACTOR),
        traceparent: text(TRACEPARENT),
        payload: stored.payload.clone(),
    };
    Ok(Event { id: required(headers, ID)?, sequence: stored.sequence, draft })
}

fn required<T: FromStr<Err: Display>>(headers: &HeaderMap, name: &str) -> Result<T, String> {
    optional(headers, name)?.ok_or_else(|| format!("the header {name} is missing"))
}

fn optional<T: FromStr<Err: Display>>(headers: &HeaderMap, name: &str) -> Result<Option<T>, String> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    value.as_str().parse().map(Some).map_err(|error| format!("the header {name}: {error}"))
}
