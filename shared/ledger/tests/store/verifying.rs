//! The check of the whole, on sound ledgers and with rules that the entries do not keep.

use ledger::{AuditError, Batch, Facts, Progress, Rules, SigningKey};

use crate::samples::*;

#[test]
fn it_tells_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    ledger.append(&Batch { entries: (0..3_000).map(plain).collect(), bodies: vec![body("one")] }).unwrap();
    let mut told = Vec::new();
    let rules = Rules { keys: &trusted(), facts: &facts };
    ledger.view().unwrap().verify(0, &rules, &mut |progress| told.push(progress)).unwrap();
    let entries = |done| Progress::Entries { done, of: 3_000 };
    assert_eq!(told, [entries(1_024), entries(2_048), entries(3_000)]);
    for from in [1, 63, 64, 65, 2_999, 3_000, 5_000] {
        verify(&ledger.view().unwrap(), from).unwrap();
    }
}

#[test]
fn leaves_that_say_something_else_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    ledger.append(&batch((0..100).map(plain))).unwrap();
    let view = ledger.view().unwrap();
    let check = |facts: &dyn Fn(&[u8]) -> Result<Facts, String>| {
        view.verify(0, &Rules { keys: &trusted(), facts }, &mut |_| {}).unwrap_err()
    };
    let error = check(&|leaf| {
        if leaf.ends_with(b"SyncPlanned") {
            facts(leaf).map(|facts| Facts { keys: vec![], ..facts })
        } else {
            facts(leaf)
        }
    });
    assert!(matches!(error, AuditError::Keys { expected: 0, found: 200 }), "{error}");
    let error = check(&|leaf| facts(leaf).map(|facts| Facts { time: at(1_000), ..facts }));
    assert!(matches!(error, AuditError::Key { index: 1 }), "{error}");
    let error = check(&|leaf| {
        let mut facts = facts(leaf)?;
        if facts.time == at(1_500) {
            facts.keys[0].value.push('x');
        }
        Ok(facts)
    });
    assert!(matches!(error, AuditError::Key { index: 50 }), "{error}");
    let error = check(&|_| Err("unknown".to_owned()));
    assert_eq!(error.to_string(), "the leaf of entry 0 cannot be read: unknown");
}

#[test]
fn checkpoints_by_other_keys_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    ledger.append(&batch((0..10).map(plain))).unwrap();
    ledger.sign_checkpoint(&SigningKey::from_seed(&[9; 32], NAME.parse().unwrap()).unwrap(), at(0)).unwrap();
    ledger.append(&batch((10..20).map(plain))).unwrap();
    ledger.sign_checkpoint(&key(), at(0)).unwrap();
    let view = ledger.view().unwrap();
    assert!(matches!(verify(&view, 0), Err(AuditError::Signature { size: 10, .. })));
    verify(&view, 11).unwrap();
}
