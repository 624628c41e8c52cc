//! The tree against a naive one, and proofs against their verifier.

use ledger::{
    Checkpoint, ReadError, SignError, SigningKey, View,
    verify::{Leaf, verify_consistency, verify_proof},
};
use model::{Digest, RetryClass};
use proptest::prelude::*;

use crate::samples::*;

/// RFC 6962, section 2.1, word by word; over `model`'s hash, so that nothing of the tree's crate judges itself.
fn naive(leaves: &[Vec<u8>]) -> Digest {
    match leaves {
        [] => Digest::of(b""),
        [leaf] => Digest::of(&[&[0], leaf.as_slice()].concat()),
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            let (left, right) = (naive(&leaves[..split]), naive(&leaves[split..]));
            Digest::of(&[&[1], left.as_bytes().as_slice(), right.as_bytes().as_slice()].concat())
        }
    }
}

fn leaves(view: &View) -> Vec<Vec<u8>> {
    (0..view.size()).map(|i| view.entry(i).unwrap().unwrap().leaf.to_vec()).collect()
}

fn checkpoint(view: &View, size: u64) -> Checkpoint {
    view.checkpoints(size..=size).unwrap().remove(0).checkpoint
}

#[test]
fn roots_and_proofs_hold_at_every_size() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    for i in 0..70 {
        ledger.append(&batch([plain(i)])).unwrap();
        ledger.sign_checkpoint(&key(), at(i as i64)).unwrap().unwrap();
    }
    let view = ledger.view().unwrap();
    let leaves = leaves(&view);
    for size in 0..=70 {
        assert_eq!(view.root(size).unwrap(), naive(&leaves[..size as usize]), "{size}");
    }
    for size in 1..=70 {
        assert_eq!(checkpoint(&view, size).root(), naive(&leaves[..size as usize]));
        for index in 0..size {
            let path = view.inclusion(index, size).unwrap();
            let leaf = naive(&leaves[index as usize..][..1]);
            assert_eq!(climb((index, size), leaf, &path), Some(view.root(size).unwrap()), "{index} {size}");
        }
    }
    // Signatures cost milliseconds without optimisation: their part is tried at some places.
    for size in (1..=70).step_by(3) {
        let new = checkpoint(&view, size);
        for old in [1, size.div_ceil(2), size] {
            let proof = view.consistency(old, size).unwrap();
            verify_consistency(&checkpoint(&view, old), &new, &proof, &trusted()).unwrap();
        }
        for index in [0, size / 2, size - 1] {
            let path = view.inclusion(index, size).unwrap();
            let leaf = Some(leaves[index as usize].clone().into());
            let file = ledger::ProofFile { leaf, index, path, checkpoint: new.clone() }.to_string();
            let proven = verify_proof(&file, Leaf::Inside, &trusted()).unwrap();
            assert_eq!((proven.index, proven.size, proven.root), (index, size, new.root()));
        }
    }
}

/// RFC 9162, section 2.1.3.2, word by word: the root that a leaf and its path lead to.
fn climb((index, size): (u64, u64), leaf: Digest, path: &[Digest]) -> Option<Digest> {
    let (mut at, mut last, mut node) = (index, size - 1, leaf);
    for step in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            node = Digest::of(&[&[1], step.as_bytes().as_slice(), node.as_bytes()].concat());
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            node = Digest::of(&[&[1], node.as_bytes().as_slice(), step.as_bytes()].concat());
        }
        (at, last) = (at >> 1, last >> 1);
    }
    (last == 0).then_some(node)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However entries come in batches, the tree is the same, and so are the proofs of it.
    #[test]
    fn batches_leave_no_trace_in_the_tree(sizes in prop::collection::vec(0_u64..400, 1..6), pick in any::<u64>()) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = open(folder.path());
        let mut next = 0;
        for size in sizes {
            ledger.append(&batch((next..next + size).map(plain))).unwrap();
            next += size;
        }
        prop_assume!(next > 0);
        let view = ledger.view().unwrap();
        let leaves = leaves(&view);
        let (new, index) = (pick % next + 1, (pick >> 16) % (pick % next + 1));
        prop_assert_eq!(view.root(new).unwrap(), naive(&leaves[..new as usize]));
        let path = view.inclusion(index, new).unwrap();
        prop_assert!(path.len() <= 64 - (new - 1).leading_zeros() as usize);
        prop_assert!(verify(&view, index).is_ok());
    }
}

#[test]
fn proofs_are_under_the_newest_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    assert_eq!(ledger.sign_checkpoint(&key(), at(0)).unwrap(), None, "nothing to sign");
    ledger.append(&batch((0..10).map(plain))).unwrap();
    let view = ledger.view().unwrap();
    let error = view.proof(3).unwrap_err();
    assert!(matches!(error, ReadError::NotCovered { index: 3 }), "{error}");
    assert_eq!(error.class(), RetryClass::Transient);
    let signed = ledger.sign_checkpoint(&key(), at(7)).unwrap().unwrap();
    assert_eq!((signed.checkpoint.size(), signed.time), (10, at(7)));
    assert_eq!(ledger.sign_checkpoint(&key(), at(8)).unwrap(), None, "it did not grow");
    ledger.append(&batch((10..12).map(plain))).unwrap();
    let view = ledger.view().unwrap();
    assert!(matches!(view.proof(10), Err(ReadError::NotCovered { index: 10 })));
    let proof = view.proof(3).unwrap();
    assert_eq!(proof.checkpoint, signed.checkpoint);
    let given = plain(3).leaf;
    let proven = verify_proof(&proof.to_string(), Leaf::Given(&given), &trusted()).unwrap();
    assert_eq!((proven.origin.as_str(), proven.leaf), (NAME, given));
    assert!(verify_proof(&proof.to_string(), Leaf::Given(b"other"), &trusted()).is_err());
    assert!(matches!(view.root(13), Err(ReadError::BeyondEnd { asked: 13, size: 12 })));
    assert!(matches!(view.inclusion(5, 5), Err(ReadError::BeyondEnd { .. })));
    assert!(matches!(view.consistency(6, 5), Err(ReadError::BeyondEnd { .. })));
}

#[test]
fn a_ledger_is_signed_under_one_name() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    ledger.append(&batch([plain(0)])).unwrap();
    ledger.sign_checkpoint(&key(), at(0)).unwrap().unwrap();
    ledger.append(&batch([plain(1)])).unwrap();
    let other = SigningKey::from_seed(&[7; 32], "example.com/other".parse().unwrap()).unwrap();
    assert!(matches!(ledger.sign_checkpoint(&other, at(1)), Err(SignError::OtherLog { .. })));
    // The key may be replaced: the name stays, both keys are trusted.
    let next = SigningKey::from_seed(&[8; 32], NAME.parse().unwrap()).unwrap();
    let signed = ledger.sign_checkpoint(&next, at(1)).unwrap().unwrap();
    assert!(signed.checkpoint.check_signature(&trusted()).is_err());
    signed.checkpoint.check_signature(&[trusted()[0].clone(), next.verifier_key().clone()]).unwrap();
}
