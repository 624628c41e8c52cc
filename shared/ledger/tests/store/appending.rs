//! Batches, redelivery, spans, bodies, and who may open the file.

use bytes::Bytes;
use ledger::{AppendError, Archive, Batch, Body, Dimension, Ledger, OpenError, Origin, Settings, Span};
use model::{Digest, RetryClass};

use crate::samples::*;

#[test]
fn entries_are_numbered_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    assert_eq!((ledger.view().unwrap().size(), ledger.view().unwrap().last_origin()), (0, None));
    assert_eq!(ledger.append(&batch((0..3).map(plain))).unwrap().indexes, 0..3);
    let before = ledger.view().unwrap();
    assert_eq!(ledger.append(&batch((3..5).map(plain))).unwrap().indexes, 3..5);
    assert_eq!(before.size(), 3, "a view stays as it was");
    drop((ledger, before));

    let ledger = open(folder.path());
    let view = ledger.view().unwrap();
    assert_eq!(view.size(), 5);
    assert_eq!(view.last_origin(), Some(plain(4).origin));
    for i in 0..5 {
        let stored = view.entry(i).unwrap().unwrap();
        let wanted = plain(i);
        assert_eq!(
            (stored.index, stored.leaf, stored.origin, stored.time),
            (i, wanted.leaf, wanted.origin, wanted.time)
        );
    }
    assert_eq!(view.entry(5).unwrap(), None);
    verify(&view, 0).unwrap();
}

#[test]
fn what_comes_again_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    ledger.append(&batch((0..5).map(plain))).unwrap();
    let again = ledger.append(&batch((2..8).map(plain))).unwrap();
    assert_eq!((again.indexes, again.skipped), (5..8, 3));
    let all = ledger.append(&batch((0..8).map(plain))).unwrap();
    assert_eq!((all.indexes, all.skipped), (8..8, 8));
    // A delivery that begins again in the middle of a batch.
    let twice = ledger.append(&batch([8, 9, 8, 9, 10].map(plain))).unwrap();
    assert_eq!((twice.indexes, twice.skipped), (8..11, 2));
    verify(&ledger.view().unwrap(), 0).unwrap();
}

#[test]
fn a_batch_that_goes_backwards_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let error = ledger.append(&batch([0, 2, 1].map(plain))).unwrap_err();
    assert!(matches!(error, AppendError::Disorder { before: 5, sequence: 3 }), "{error}");
    assert_eq!(error.class(), RetryClass::Bug);
    assert_eq!(ledger.view().unwrap().size(), 0, "nothing of it is stored");
}

#[test]
fn a_new_incarnation_begins_a_span_and_an_old_one_is_not_stored_twice() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let of = |incarnation: &str, sequence| {
        let mut entry = entry(sequence, 0, &[]);
        entry.origin.incarnation = incarnation.to_owned();
        entry.leaf = Bytes::from(format!("0|sequence={incarnation}{sequence}"));
        entry
    };
    ledger.append(&batch([of("a", 5), of("a", 9), of("b", 1), of("b", 2)])).unwrap();
    ledger.append(&batch([of("b", 2), of("b", 4)])).unwrap();
    // An old incarnation that comes back: what is stored of it is known, the rest is a span of its own.
    assert_eq!(ledger.append(&batch([of("a", 9), of("a", 12)])).unwrap().skipped, 1);
    assert_eq!(ledger.append(&batch([of("a", 7), of("a", 12), of("b", 4)])).unwrap().skipped, 3);
    let view = ledger.view().unwrap();
    let span = |incarnation: &str, first_index, first_sequence, last_sequence| Span {
        incarnation: incarnation.to_owned(),
        first_index,
        first_sequence,
        last_sequence,
    };
    assert_eq!(view.spans(), [span("a", 0, 5, 9), span("b", 2, 1, 4), span("a", 5, 12, 12)]);
    assert_eq!(view.last_origin(), Some(Origin { incarnation: "a".to_owned(), sequence: 12 }));
    assert_eq!(view.entry(4).unwrap().unwrap().origin, of("b", 4).origin);
    verify(&view, 0).unwrap();
    verify(&view, 3).unwrap();
}

#[test]
fn bodies_are_stored_once_with_their_batch() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let bodies = [body("short"), body(vec![7; 50_000]), body("")];
    ledger.append(&Batch { entries: vec![plain(0)], bodies: bodies.to_vec() }).unwrap();
    ledger.append(&Batch { entries: vec![], bodies: vec![bodies[1].clone()] }).unwrap();
    let wrong = Body { digest: Digest::of(b"other"), bytes: Bytes::from_static(b"this") };
    let error = ledger.append(&Batch { entries: vec![plain(1)], bodies: vec![wrong] }).unwrap_err();
    assert!(matches!(error, AppendError::BodyDigest { .. }), "{error}");
    let view = ledger.view().unwrap();
    assert_eq!(view.size(), 1);
    for body in bodies {
        assert_eq!(view.body(&body.digest).unwrap(), Some(body.bytes));
    }
    assert_eq!(view.body(&Digest::of(b"other")).unwrap(), None);
}

#[test]
fn leaves_and_keys_have_limits() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let with = |leaf: usize, key: usize| {
        let mut entry = entry(1, 0, &[(Dimension::Resource, &"x".repeat(key))]);
        entry.leaf = vec![b'x'; leaf].into();
        batch([entry])
    };
    for (leaf, key) in [(0, 1), (65_536, 1), (1, 1_025)] {
        let error = ledger.append(&with(leaf, key)).unwrap_err();
        assert_eq!(error.class(), RetryClass::Permanent, "{error}");
    }
    assert_eq!(ledger.append(&with(65_535, 1_024)).unwrap().indexes, 0..1);
}

#[test]
fn one_process_writes_and_a_stopped_ledger_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::default();
    assert!(matches!(Archive::open(folder.path(), &settings), Err(OpenError::Missing { .. })));
    let ledger = open(folder.path());
    ledger.append(&batch((0..5).map(plain))).unwrap();
    assert!(matches!(Ledger::open(folder.path(), &settings), Err(OpenError::InUse { .. })));
    assert!(matches!(Archive::open(folder.path(), &settings), Err(OpenError::InUse { .. })));
    drop(ledger);
    let archives = [(); 2].map(|()| Archive::open(folder.path(), &settings).unwrap());
    for archive in &archives {
        assert_eq!(archive.view().unwrap().size(), 5);
        verify(&archive.view().unwrap(), 0).unwrap();
    }
    assert!(matches!(Ledger::open(folder.path(), &settings), Err(OpenError::InUse { .. })));
}

#[test]
fn an_older_copy_in_its_place_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (file, copy) = (folder.path().join("ledger.redb"), folder.path().join("copy"));
    let grow = |from: u64| {
        let ledger = open(folder.path());
        ledger.append(&batch((from..from + 5).map(plain))).unwrap();
        ledger.sign_checkpoint(&key(), at(0)).unwrap().unwrap();
    };
    grow(0);
    std::fs::copy(&file, &copy).unwrap();
    grow(5);
    std::fs::rename(&copy, &file).unwrap();
    let settings = Settings::default();
    assert!(matches!(Ledger::open(folder.path(), &settings), Err(OpenError::RolledBack { signed: 10, .. })));
    assert!(matches!(Archive::open(folder.path(), &settings), Err(OpenError::RolledBack { signed: 10, .. })));
    // Who knows what happened takes the checkpoint away.
    std::fs::remove_file(folder.path().join("checkpoint")).unwrap();
    assert_eq!(open(folder.path()).view().unwrap().size(), 5);
}

#[test]
fn another_ledger_in_its_place_is_noticed() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for (folder, first) in folders.iter().zip([0, 100]) {
        let ledger = open(folder.path());
        ledger.append(&batch((first..first + 5 + first).map(plain))).unwrap();
        ledger.sign_checkpoint(&key(), at(0)).unwrap().unwrap();
    }
    let [file, other] = [0, 1].map(|i: usize| folders[i].path().join("ledger.redb"));
    std::fs::rename(other, file).unwrap();
    let refused = Ledger::open(folders[0].path(), &Settings::default());
    assert!(matches!(refused, Err(OpenError::RolledBack { signed: 5, .. })));
    // One whose file is gone is not begun anew.
    let gone = Ledger::open(folders[1].path(), &Settings::default());
    assert!(matches!(gone, Err(OpenError::RolledBack { signed: 105, .. })));
}
