//! Appending: the expectation is checked in the transaction that stores the event.

use events::{Draft, Event, EventId};
use model::Timestamp;
use redb::{ReadableTable, WriteTransaction};

use super::{
    layout::{self, EVENTS, EXPIRING, HEADS, Head, META, SEQUENCE_KEY, VERSIONS},
    record, retention,
};
use crate::{
    AppendError, HISTORY_MAX, Undecodable, WatchItem,
    verdict::{Verdict, judge},
};

/// A draft, and when it goes if it is the last of its aggregate.
pub(super) struct Item {
    pub(super) draft: Draft,
    pub(super) expires: Option<Timestamp>,
}

/// Appends each item that may be, and adds it to what the transaction stores; the results are in order.
pub(super) fn append(
    (write, stored): (&WriteTransaction, &mut Vec<Event>),
    incarnation: &str,
    items: Vec<Item>,
) -> Result<Vec<Result<Event, AppendError>>, redb::Error> {
    items.into_iter().map(|item| append_one((write, stored), incarnation, item)).collect()
}

fn append_one(
    (write, stored): (&WriteTransaction, &mut Vec<Event>),
    incarnation: &str,
    item: Item,
) -> Result<Result<Event, AppendError>, redb::Error> {
    let Item { draft, expires } = item;
    let id = EventId::derive(incarnation, &draft);
    let newest = match newest(write, &draft)? {
        Ok(newest) => newest,
        Err(parked) => return Ok(Err(AppendError::Undecodable(parked))),
    };
    let conflict = AppendError::Conflict {
        aggregate: draft.aggregate.clone(),
        n: draft.n,
        newest: newest.as_ref().map(Event::n),
    };
    match judge(newest.map(|event| (event.n(), event.id)), &draft) {
        Verdict::Append => {
            let event = store(write, id, draft, expires)?;
            stored.push(event.clone());
            Ok(Ok(event))
        }
        Verdict::Compare => Ok(standing(write, &draft)?.filter(|event| event.id == id).ok_or(conflict)),
        Verdict::Conflict => Ok(Err(conflict)),
    }
}

type Readable = Result<Option<Event>, Undecodable>;

fn newest(write: &WriteTransaction, draft: &Draft) -> Result<Readable, redb::Error> {
    let heads = write.open_table(HEADS)?;
    let head =
        heads.get(layout::place(&draft.aggregate).as_slice())?.and_then(|row| Head::decode(row.value()));
    let Some(head) = head else { return Ok(Ok(None)) };
    let events = write.open_table(EVENTS)?;
    let item = events.get(head.sequence)?.and_then(|row| record::decode(head.sequence, row.value()));
    Ok(match item {
        Some(WatchItem::Event(event)) => Ok(Some(event)),
        Some(WatchItem::Undecodable(what)) => Err(what),
        Some(WatchItem::Listed | WatchItem::Restarted { .. }) | None => Err(Undecodable {
            aggregate: draft.aggregate.clone(),
            sequence: head.sequence,
            reason: "the record is missing or not of this aggregate".to_owned(),
        }),
    })
}

/// What stands at the draft's version, if it is still kept.
fn standing(write: &WriteTransaction, draft: &Draft) -> Result<Option<Event>, redb::Error> {
    let path = draft.aggregate.path();
    let Some(sequence) = write.open_table(VERSIONS)?.get((path.as_str(), draft.n))?.map(|row| row.value())
    else {
        return Ok(None);
    };
    let events = write.open_table(EVENTS)?;
    let item = events.get(sequence)?.and_then(|row| record::decode(sequence, row.value()));
    Ok(match item {
        Some(WatchItem::Event(event)) => Some(event),
        Some(WatchItem::Undecodable(_) | WatchItem::Listed | WatchItem::Restarted { .. }) | None => None,
    })
}

fn store(
    write: &WriteTransaction,
    id: EventId,
    draft: Draft,
    expires: Option<Timestamp>,
) -> Result<Event, redb::Error> {
    let event = Event { id, sequence: read_sequence(write)? + 1, draft };
    store_at(write, &event, expires)?;
    Ok(event)
}

/// Stores an event as it was in the log that this one is a copy of.
pub(super) fn restore(
    write: &WriteTransaction,
    event: &Event,
    expires: Option<Timestamp>,
) -> Result<(), redb::Error> {
    let aggregate = event.aggregate();
    let head = {
        let heads = write.open_table(HEADS)?;
        heads.get(layout::place(aggregate).as_slice())?.and_then(|row| Head::decode(row.value()))
    };
    if head.is_some_and(|head| head.n + 1 != event.n()) {
        // What was dropped between, while it was copied, was dropped with all before it.
        retention::roll_up(write, &aggregate.path(), u64::MAX)?;
    }
    store_at(write, event, expires)
}

/// Notes that the log goes at least that far.
pub(super) fn reach(write: &WriteTransaction, sequence: u64) -> Result<(), redb::Error> {
    let furthest = read_sequence(write)?.max(sequence);
    write.open_table(META)?.insert(SEQUENCE_KEY, furthest.to_be_bytes().as_slice())?;
    Ok(())
}

fn store_at(write: &WriteTransaction, event: &Event, expires: Option<Timestamp>) -> Result<(), redb::Error> {
    let Event { id, sequence, draft } = event;
    let sequence = *sequence;
    reach(write, sequence)?;
    let bytes = record::encode(*id, draft).map_err(|error| redb::Error::Corrupted(error.to_string()))?;
    write.open_table(EVENTS)?.insert(sequence, bytes.as_slice())?;
    let path = draft.aggregate.path();
    write.open_table(VERSIONS)?.insert((path.as_str(), draft.n), sequence)?;
    let place = layout::place(&draft.aggregate);
    let until = expires.map_or(i64::MAX, Timestamp::as_millis);
    let head = Head { n: draft.n, sequence, expires: until };
    write.open_table(HEADS)?.insert(place.as_slice(), head.encode().as_slice())?;
    match expires {
        Some(_) => {
            write.open_table(EXPIRING)?.insert((until, place.as_slice()), draft.n)?;
            retention::roll_up(write, &path, draft.n)?;
        }
        None => retention::trim(write, &path, draft.n.saturating_sub(HISTORY_MAX as u64))?,
    }
    Ok(())
}

/// The newest sequence, as this transaction sees it.
pub(super) fn read_sequence(write: &WriteTransaction) -> Result<u64, redb::Error> {
    let meta = write.open_table(META)?;
    let bytes = meta.get(SEQUENCE_KEY)?.and_then(|row| row.value().try_into().ok());
    bytes.map(u64::from_be_bytes).ok_or_else(|| redb::Error::Corrupted("the sequence is unreadable".into()))
}
