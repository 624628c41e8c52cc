//! What the check of the whole says of rows that somebody changed with the database's own means. Only for tests.

use model::{Digest, Timestamp};
use redb::{Database, WriteTransaction};

use super::{
    AuditError, Batch, Body, Dimension, Entry, Facts, Key, Ledger, Origin, ReadError, Rules, Settings,
    layout::*, record::Record, span::Spans,
};
use crate::SigningKey;

const BODY: &[u8] = b"body";

fn signing_key() -> SigningKey {
    SigningKey::from_seed(&[7; 32], "example.com/audit".parse().unwrap()).unwrap()
}

fn key(i: u64) -> Key {
    Key::new(Dimension::Event, format!("event {i}"))
}

fn entry(i: u64) -> Entry {
    Entry {
        leaf: i.to_string().into(),
        origin: Origin { incarnation: "one".to_owned(), sequence: i + 1 },
        time: Timestamp::from_millis(i as i64),
        keys: vec![key(i)],
    }
}

fn facts(leaf: &[u8]) -> Result<Facts, String> {
    let i: u64 = std::str::from_utf8(leaf).ok().and_then(|text| text.parse().ok()).ok_or("no number")?;
    Ok(Facts { time: Timestamp::from_millis(i as i64), keys: vec![key(i)] })
}

type Change = fn(&WriteTransaction) -> Result<(), redb::Error>;

/// What the check says after that change; 100 entries with checkpoints at 60 and 100.
fn verdict(change: Change) -> Result<(), AuditError> {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path(), &Settings::default()).unwrap();
    for range in [0..60, 60..100] {
        let bodies = vec![Body { digest: Digest::of(BODY), bytes: BODY.into() }];
        ledger.append(&Batch { entries: range.map(entry).collect(), bodies }).unwrap();
        ledger.sign_checkpoint(&signing_key(), Timestamp::from_millis(0)).unwrap().unwrap();
    }
    drop(ledger);
    let database = Database::open(folder.path().join("ledger.redb")).unwrap();
    let write = database.begin_write().unwrap();
    change(&write).unwrap();
    write.commit().unwrap();
    drop(database);
    // Otherwise it would not even be opened, where the tree changed.
    std::fs::remove_file(folder.path().join("checkpoint")).unwrap();
    let ledger = Ledger::open(folder.path(), &Settings::default()).unwrap();
    let rules = Rules { keys: &[signing_key().verifier_key().clone()], facts: &facts };
    ledger.view().unwrap().verify(0, &rules, &mut |_| {})
}

fn put_record(write: &WriteTransaction, index: u64, leaf: &str) -> Result<(), redb::Error> {
    let (sequence, time) = (index + 1, Timestamp::from_millis(index as i64));
    let record = Record { span: 0, sequence, time, leaf: leaf.to_owned().into() };
    let bytes = record.encode(index, &tlog_tiles::record_hash(leaf.as_bytes()));
    write.open_table(ENTRIES)?.insert(index, bytes.as_slice())?;
    Ok(())
}

#[track_caller]
fn found(expected: impl Fn(&AuditError) -> bool, change: Change) {
    let error = verdict(change).unwrap_err();
    assert!(expected(&error), "{error:?}");
}

#[test]
fn an_untouched_ledger_is_sound() {
    verdict(|_| Ok(())).unwrap();
}

#[test]
fn changed_entries_and_hashes_are_found() {
    // With a new seal, as only somebody who means it would write it.
    found(|error| matches!(error, AuditError::Hash { index: 70 }), |write| put_record(write, 70, "71"));
    found(
        |error| matches!(error, AuditError::Entry { index: 70 }),
        |write| write.open_table(ENTRIES)?.remove(70).map(drop).map_err(Into::into),
    );
    found(
        |error| {
            matches!(
                error,
                AuditError::Entry { index: 99 } | AuditError::Hash { .. } | AuditError::Checkpoint { .. }
            )
        },
        |write| write.open_table(ENTRIES)?.remove(99).map(drop).map_err(Into::into),
    );
    found(
        |error| matches!(error, AuditError::Hash { index: 3 }),
        |write| write.open_table(HASHES)?.insert(6, &[0; 32]).map(drop).map_err(Into::into),
    );
    found(
        |error| matches!(error, AuditError::Hash { index: 99 }),
        |write| write.open_table(HASHES)?.insert(100_000, &[0; 32]).map(drop).map_err(Into::into),
    );
}

#[test]
fn a_leaf_changed_with_all_hashes_above_it_does_not_fit_the_signed_root() {
    let change: Change = |write| {
        put_record(write, 99, "099")?;
        let mut hashes = write.open_table(HASHES)?;
        let mut frontier = super::tree::StoredHashes::new(&hashes).frontier(99)?;
        let completed = frontier.push(tlog_tiles::record_hash(b"099"));
        for (position, hash) in (super::tree::leaf_position(99)..).zip(completed) {
            hashes.insert(position, &hash.0)?;
        }
        Ok(())
    };
    found(
        |error| matches!(error, AuditError::Key { index: 99 } | AuditError::Checkpoint { size: 100 }),
        change,
    );
}

#[test]
fn changed_keys_are_found() {
    found(
        |error| matches!(error, AuditError::Key { index: 5 }),
        |write| {
            let row = super::keys::row(&key(5), 5);
            write.open_table(KEYS)?.remove(row.as_slice())?;
            Ok(())
        },
    );
    found(
        |error| matches!(error, AuditError::Key { index: 5 }),
        |write| {
            let row = super::keys::row(&key(5), 5);
            write.open_table(KEYS)?.insert(row.as_slice(), 6)?;
            Ok(())
        },
    );
    found(
        |error| matches!(error, AuditError::Keys { expected: 100, found: 101 }),
        |write| {
            let row = super::keys::row(&key(6), 5);
            write.open_table(KEYS)?.insert(row.as_slice(), 5)?;
            Ok(())
        },
    );
}

#[test]
fn changed_times_are_found() {
    found(
        |error| matches!(error, AuditError::Times { index: 63 }),
        |write| write.open_table(TIMES)?.insert((1, 0), (0, 64)).map(drop).map_err(Into::into),
    );
    found(
        |error| matches!(error, AuditError::Times { .. }),
        |write| write.open_table(TIMES)?.insert((1, 7), (0, 64)).map(drop).map_err(Into::into),
    );
    found(
        |error| matches!(error, AuditError::Times { .. }),
        |write| write.open_table(TIMES)?.remove((2, 0)).map(drop).map_err(Into::into),
    );
}

#[test]
fn changed_spans_checkpoints_and_bodies_are_found() {
    let span: Change = |write| {
        let mut table = write.open_table(SPANS)?;
        let mut spans = Spans::read(&table)?;
        spans.0[0].last_sequence += 1;
        spans.write(&mut table, 0)
    };
    found(|error| matches!(error, AuditError::Span { index: 99 }), span);
    let first: Change = |write| {
        let mut table = write.open_table(SPANS)?;
        let mut spans = Spans::read(&table)?;
        spans.0[0].first_sequence += 1;
        spans.write(&mut table, 0)
    };
    found(|error| matches!(error, AuditError::Span { index: 0 }), first);
    found(
        |error| matches!(error, AuditError::Checkpoint { size: 60 }),
        |write| {
            let mut table = write.open_table(CHECKPOINTS)?;
            let newest = table.remove(100)?.map(|row| row.value().to_vec()).unwrap_or_default();
            table.insert(60, newest.as_slice())?;
            Ok(())
        },
    );
    found(
        |error| matches!(error, AuditError::Checkpoint { size: 101 }),
        |write| write.open_table(CHECKPOINTS)?.insert(101, [0; 50].as_slice()).map(drop).map_err(Into::into),
    );
    found(
        |error| matches!(error, AuditError::Body { .. }),
        |write| {
            let digest = Digest::of(BODY);
            write.open_table(BODIES)?.insert(digest.as_bytes(), b"\0other".as_slice())?;
            Ok(())
        },
    );
}

#[test]
fn a_missing_block_of_times_is_told_by_who_asks() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path(), &Settings::default()).unwrap();
    ledger.append(&Batch { entries: (0..100).map(entry).collect(), bodies: Vec::new() }).unwrap();
    drop(ledger);
    let database = Database::open(folder.path().join("ledger.redb")).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(TIMES).unwrap().remove((1, 1)).unwrap();
    write.commit().unwrap();
    drop(database);
    let ledger = Ledger::open(folder.path(), &Settings::default()).unwrap();
    let error = ledger.view().unwrap().first_at_or_after(Timestamp::from_millis(70)).unwrap_err();
    assert!(matches!(error, ReadError::Broken(_)), "{error}");
}
