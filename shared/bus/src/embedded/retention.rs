//! What is dropped, and when: never the newest, never what a registered consumer still needs.

use model::Timestamp;
use redb::{ReadableTable, WriteTransaction};

use super::layout::{self, CONSUMERS, EVENTS, EXPIRING, FEED_ONLY, HEADS, Head, VERSIONS};

/// Drops the event at version `n` of an aggregate from its history, if it is there.
pub(super) fn trim(write: &WriteTransaction, path: &str, n: u64) -> Result<(), redb::Error> {
    if n == 0 {
        return Ok(());
    }
    let dropped = write.open_table(VERSIONS)?.remove((path, n))?.map(|row| row.value());
    dropped.map_or(Ok(()), |sequence| drop_event(write, sequence))
}

/// Drops every version below `n`.
pub(super) fn roll_up(write: &WriteTransaction, path: &str, n: u64) -> Result<(), redb::Error> {
    let mut dropped = Vec::new();
    write.open_table(VERSIONS)?.retain_in((path, 0)..(path, n), |_, sequence| {
        dropped.push(sequence);
        false
    })?;
    dropped.into_iter().try_for_each(|sequence| drop_event(write, sequence))
}

/// Drops the last events of retired aggregates whose time has come.
pub(super) fn expire(write: &WriteTransaction, now: Timestamp) -> Result<(), redb::Error> {
    let mut due: Vec<(Vec<u8>, u64)> = Vec::new();
    {
        let mut expiring = write.open_table(EXPIRING)?;
        let first_later = now.as_millis().saturating_add(1);
        if expiring.first()?.is_none_or(|(key, _)| key.value().0 >= first_later) {
            return Ok(());
        }
        expiring.retain_in(..(first_later, [].as_slice()), |(_, place), n| {
            due.push((place.to_vec(), n));
            false
        })?;
    }
    for (place, n) in due {
        let mut heads = write.open_table(HEADS)?;
        let head = heads.get(place.as_slice())?.and_then(|row| Head::decode(row.value()));
        if head.is_some_and(|head| head.n == n) {
            heads.remove(place.as_slice())?;
        }
        if let Some(aggregate) = layout::aggregate_at(&place) {
            trim(write, &aggregate.path(), n)?;
        }
    }
    Ok(())
}

/// Drops what only waited for consumers and is acknowledged by all of them.
pub(super) fn release(write: &WriteTransaction) -> Result<(), redb::Error> {
    let floor = floor(write)?;
    let mut released = Vec::new();
    write.open_table(FEED_ONLY)?.retain_in(..=floor, |sequence, ()| {
        released.push(sequence);
        false
    })?;
    let mut events = write.open_table(EVENTS)?;
    for sequence in released {
        events.remove(sequence)?;
    }
    Ok(())
}

fn drop_event(write: &WriteTransaction, sequence: u64) -> Result<(), redb::Error> {
    if sequence <= floor(write)? {
        write.open_table(EVENTS)?.remove(sequence)?;
    } else {
        write.open_table(FEED_ONLY)?.insert(sequence, ())?;
    }
    Ok(())
}

/// The sequence up to which every consumer has acknowledged; the highest if there is none.
fn floor(write: &WriteTransaction) -> Result<u64, redb::Error> {
    let mut floor = u64::MAX;
    for row in write.open_table(CONSUMERS)?.iter()? {
        floor = floor.min(row?.1.value());
    }
    Ok(floor)
}
