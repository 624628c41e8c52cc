//! Reading one aggregate.

use events::Event;
use model::Aggregate;
use redb::ReadTransaction;

use super::{
    layout::{self, EVENTS, HEADS, Head, META, SEQUENCE_KEY, VERSIONS},
    record,
};
use crate::{HISTORY_MAX, Undecodable, WatchItem};

/// The newest event, or that it cannot be read.
pub(super) fn newest(txn: &ReadTransaction, aggregate: &Aggregate) -> Result<Option<WatchItem>, redb::Error> {
    newest_at(txn, &layout::place(aggregate)).map(|found| found.map(|(_, item)| item))
}

/// The newest event at a place, with its head.
pub(super) fn newest_at(
    txn: &ReadTransaction,
    place: &[u8],
) -> Result<Option<(Head, WatchItem)>, redb::Error> {
    let heads = txn.open_table(HEADS)?;
    let head = heads.get(place)?.and_then(|row| Head::decode(row.value()));
    let Some(head) = head.filter(|head| head.expires > super::now().as_millis()) else { return Ok(None) };
    let Some(aggregate) = layout::aggregate_at(place) else { return Ok(None) };
    let events = txn.open_table(EVENTS)?;
    let decoded = events.get(head.sequence)?.and_then(|row| record::decode(head.sequence, row.value()));
    let item = decoded.unwrap_or_else(|| {
        let reason = "the record is missing or not of this aggregate".to_owned();
        WatchItem::Undecodable(Undecodable { aggregate, sequence: head.sequence, reason })
    });
    Ok(Some((head, item)))
}

/// The newest events of an aggregate, newest first.
pub(super) fn history(
    txn: &ReadTransaction,
    aggregate: &Aggregate,
    limit: usize,
) -> Result<Vec<Event>, redb::Error> {
    let path = aggregate.path();
    let versions = txn.open_table(VERSIONS)?;
    let events = txn.open_table(EVENTS)?;
    let mut history = Vec::new();
    for row in
        versions.range((path.as_str(), 0)..=(path.as_str(), u64::MAX))?.rev().take(limit.min(HISTORY_MAX))
    {
        let sequence = row?.1.value();
        let item = events.get(sequence)?.and_then(|row| record::decode(sequence, row.value()));
        if let Some(WatchItem::Event(event)) = item {
            history.push(event);
        }
    }
    Ok(history)
}

/// The newest sequence ever given.
pub(super) fn sequence(txn: &ReadTransaction) -> Result<u64, redb::Error> {
    let meta = txn.open_table(META)?;
    let bytes = meta.get(SEQUENCE_KEY)?.and_then(|row| row.value().try_into().ok());
    bytes.map(u64::from_be_bytes).ok_or_else(|| redb::Error::Corrupted("the sequence is unreadable".into()))
}
