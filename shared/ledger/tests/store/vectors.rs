//! The test vectors in test-data: what docs/audit-proof.md works through, and what every other verifier can be held
//! against. `LEDGER_WRITE_VECTORS=1` writes them anew.

use std::{fs, path::PathBuf, process::Command};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ledger::{
    Checkpoint, VerifierKey,
    verify::{Leaf, ProofError, verify_consistency, verify_proof},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use crate::samples::*;

/// Entries of the ledger that the vectors are from, and which of them is proven.
const SIZE: u64 = 7;
const INDEX: u64 = 4;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("test-data")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn trusted_text() -> [VerifierKey; 1] {
    [read("verifier-key").parse().unwrap()]
}

/// The files as this code makes them: name and contents.
fn made() -> Vec<(&'static str, String)> {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    ledger.append(&batch((0..3).map(plain))).unwrap();
    let old = ledger.sign_checkpoint(&key(), at(0)).unwrap().unwrap().checkpoint;
    ledger.append(&batch((3..SIZE).map(plain))).unwrap();
    let new = ledger.sign_checkpoint(&key(), at(1)).unwrap().unwrap().checkpoint;
    let view = ledger.view().unwrap();
    let good = view.proof(INDEX).unwrap().to_string();
    let steps = view.consistency(3, SIZE).unwrap();
    let steps: String = steps.iter().map(|step| BASE64_STANDARD.encode(step.as_bytes()) + "\n").collect();
    let mut files = vec![
        ("verifier-key", format!("{}\n", key().verifier_key())),
        ("leaf", String::from_utf8(plain(INDEX).leaf.to_vec()).unwrap()),
        ("good.tlog-proof", good.clone()),
        ("checkpoint-3", old.to_string()),
        ("checkpoint-7", new.to_string()),
        ("consistency-3-7", steps),
    ];
    files.extend(broken(&good));
    files
}

/// What is wrong with each is in test-data/README.md.
fn broken(good: &str) -> Vec<(&'static str, String)> {
    let lines: Vec<&str> = good.lines().collect();
    let changed = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines[at] = line;
        lines.join("\n") + "\n"
    };
    let swapped = {
        let mut lines = lines.clone();
        lines.swap(3, 4);
        lines.join("\n") + "\n"
    };
    let missing = [&lines[..5], &lines[6..]].concat().join("\n") + "\n";
    let other_leaf = format!("extra {}", BASE64_STANDARD.encode(plain(5).leaf));
    let other_key = ledger::SigningKey::from_seed(&[8; 32], NAME.parse().unwrap()).unwrap();
    let other_ledger = {
        let folder = tempfile::tempdir().unwrap();
        let ledger = open(folder.path());
        ledger.append(&batch((0..SIZE).map(plain))).unwrap();
        ledger.sign_checkpoint(&other_key, at(0)).unwrap();
        ledger.view().unwrap().proof(INDEX).unwrap().to_string()
    };
    vec![
        ("bad-leaf.tlog-proof", changed(1, &other_leaf)),
        ("bad-index.tlog-proof", changed(2, "index 5")),
        ("bad-index-beyond.tlog-proof", changed(2, "index 7")),
        ("bad-index-zeros.tlog-proof", changed(2, "index 04")),
        ("bad-order.tlog-proof", swapped),
        ("bad-missing-hash.tlog-proof", missing),
        ("bad-size.tlog-proof", changed(8, "6")),
        ("bad-root.tlog-proof", changed(9, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")),
        ("bad-origin.tlog-proof", changed(7, "example.com/other")),
        ("bad-untrusted.tlog-proof", other_ledger),
        ("bad-version.tlog-proof", changed(0, "c2sp.org/tlog-proof@v2")),
        ("bad-unsigned.tlog-proof", good.rsplit_once('\u{2014}').unwrap().0.to_owned()),
    ]
}

#[test]
fn vectors_are_what_this_code_writes() {
    for (name, contents) in made() {
        if std::env::var_os("LEDGER_WRITE_VECTORS").is_some() {
            fs::write(folder().join(name), &contents).unwrap();
        }
        assert_eq!(read(name), contents, "{name}");
    }
}

#[test]
fn the_good_vector_is_accepted_and_each_broken_one_refused() {
    let good = read("good.tlog-proof");
    let leaf = read("leaf");
    let proven = verify_proof(&good, Leaf::Inside, &trusted_text()).unwrap();
    assert_eq!((proven.index, proven.size, proven.leaf.as_ref()), (INDEX, SIZE, leaf.as_bytes()));
    verify_proof(&good, Leaf::Given(leaf.as_bytes()), &trusted_text()).unwrap();
    let without =
        good.lines().filter(|line| !line.starts_with("extra")).collect::<Vec<_>>().join("\n") + "\n";
    verify_proof(&without, Leaf::Given(leaf.as_bytes()), &trusted_text()).unwrap();
    assert_eq!(
        verify_proof(&without, Leaf::Inside, &trusted_text()),
        Err(ProofError::NoLeaf { index: INDEX })
    );
    let told = read("README.md");
    for (name, contents) in broken(&good) {
        let error = verify_proof(&contents, Leaf::Inside, &trusted_text()).unwrap_err();
        assert!(told.contains(&format!("`{name}`")), "{name} is not told of");
        println!("{name}: {error}");
    }
}

#[test]
fn the_consistency_vector_is_accepted() {
    let [old, new] = ["checkpoint-3", "checkpoint-7"].map(|name| read(name).parse::<Checkpoint>().unwrap());
    let hash =
        |line: &str| BASE64_STANDARD.decode(line).unwrap().try_into().map(model::Digest::from_bytes).unwrap();
    let steps: Vec<model::Digest> = read("consistency-3-7").lines().map(hash).collect();
    verify_consistency(&old, &new, &steps, &trusted_text()).unwrap();
    assert!(verify_consistency(&new, &old, &steps, &trusted_text()).is_err());
    assert!(verify_consistency(&old, &new, &steps[1..], &trusted_text()).is_err());
    // The same trees, one of them signed by a key that is not trusted.
    let [strange_old, strange_new] = [3, SIZE].map(|size| {
        let folder = tempfile::tempdir().unwrap();
        let ledger = open(folder.path());
        ledger.append(&batch((0..size).map(plain))).unwrap();
        let other_key = ledger::SigningKey::from_seed(&[8; 32], NAME.parse().unwrap()).unwrap();
        ledger.sign_checkpoint(&other_key, at(0)).unwrap().unwrap().checkpoint
    });
    assert_eq!((strange_old.root(), strange_new.root()), (old.root(), new.root()));
    assert!(verify_consistency(&strange_old, &new, &steps, &trusted_text()).is_err());
    assert!(verify_consistency(&old, &strange_new, &steps, &trusted_text()).is_err());
}

/// Another verifier, in another language, says the same. Without Python there is nothing to run.
#[test]
fn python_says_the_same() {
    if Command::new("python3").arg("--version").output().is_err() {
        return;
    }
    let run = |name: &str| {
        let mut python = Command::new("python3");
        python.current_dir(folder()).args(["verify.py", name, "verifier-key"]).output().unwrap()
    };
    let good = run("good.tlog-proof");
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    // Without the module for signatures it says so, and the roots of these are right.
    let signed = !String::from_utf8_lossy(&good.stdout).contains("NOT checked");
    for (name, _) in broken(&read("good.tlog-proof")) {
        if signed || !["bad-untrusted.tlog-proof"].contains(&name) {
            assert!(!run(name).status.success(), "{name}");
        }
    }
}

/// A change at a place: a bit, a byte more or less, a line that moved.
fn tamper(text: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = text.to_vec();
    let at = random.random_range(0..bytes.len());
    match random.random_range(0..6) {
        0 => bytes[at] ^= 1 << random.random_range(0..8),
        1 => drop(bytes.remove(at)),
        2 => bytes.insert(at, *bytes.choose(random).unwrap()),
        3 => bytes.truncate(at),
        4 => {
            let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
            let (a, b) = (random.random_range(0..lines.len()), random.random_range(0..lines.len()));
            lines.swap(a, b);
            bytes = lines.join(&b'\n');
        }
        _ => bytes[at] = *b"0123456789ABCDabcd+/= \n".choose(random).unwrap(),
    }
    bytes
}

#[test]
fn thousands_of_tamperings_are_refused() {
    let seed =
        std::env::var("LEDGER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("LEDGER_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let entries: Vec<u64> = (0..21).collect();
    ledger.append(&batch(entries.iter().copied().map(plain))).unwrap();
    ledger.sign_checkpoint(&key(), at(0)).unwrap().unwrap();
    let view = ledger.view().unwrap();
    let proofs: Vec<String> = entries.iter().map(|i| view.proof(*i).unwrap().to_string()).collect();
    let mut refused = 0;
    while refused < 3_000 {
        let proof = proofs.choose(&mut random).unwrap();
        let tampered = tamper(proof.as_bytes(), &mut random);
        let Ok(text) = String::from_utf8(tampered) else { continue };
        if text != *proof {
            let verdict = verify_proof(&text, Leaf::Inside, &trusted());
            assert!(verdict.is_err(), "{text:?}");
            refused += 1;
        }
    }
    // Parts of two sound proofs make no third one.
    for _ in 0..1_000 {
        let [a, b] = [(); 2].map(|()| proofs.choose(&mut random).unwrap());
        let (from_a, from_b) = (a.lines().collect::<Vec<_>>(), b.lines().collect::<Vec<_>>());
        let cut = random.random_range(1..from_a.len().min(from_b.len()));
        let mixed = [&from_a[..cut], &from_b[cut..]].concat().join("\n") + "\n";
        assert!(
            mixed == *a || mixed == *b || verify_proof(&mixed, Leaf::Inside, &trusted()).is_err(),
            "{mixed}"
        );
    }
}

#[test]
fn tampered_leaves_checkpoints_and_consistency_proofs_are_refused() {
    let seed =
        std::env::var("LEDGER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("LEDGER_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    for i in 0..21 {
        ledger.append(&batch([plain(i)])).unwrap();
        ledger.sign_checkpoint(&key(), at(0)).unwrap().unwrap();
    }
    let view = ledger.view().unwrap();
    let proof = view.proof(13).unwrap().to_string();
    let checkpoints: Vec<Checkpoint> =
        view.checkpoints(..).unwrap().into_iter().map(|stored| stored.checkpoint).collect();
    for _ in 0..1_000 {
        let leaf = tamper(&plain(13).leaf, &mut random);
        assert!(
            leaf == plain(13).leaf || verify_proof(&proof, Leaf::Given(&leaf), &trusted()).is_err(),
            "{leaf:?}"
        );

        let text = checkpoints.choose(&mut random).unwrap().as_str();
        if let Ok(tampered) = String::from_utf8(tamper(text.as_bytes(), &mut random))
            && tampered != text
        {
            let verdict = tampered.parse::<Checkpoint>().and_then(|read| read.check_signature(&trusted()));
            assert!(verdict.is_err(), "{tampered:?}");
        }

        let old = random.random_range(1..21);
        let new = random.random_range(old + 1..=21);
        let mut steps = view.consistency(old, new).unwrap();
        match random.random_range(0..4) {
            0 => steps.push(steps[0]),
            1 => drop(steps.remove(random.random_range(0..steps.len()))),
            2 => steps.insert(0, view.root(old).unwrap()),
            _ => {
                let at = random.random_range(0..steps.len());
                steps[at] = model::Digest::of(steps[at].as_bytes());
            }
        }
        let [old, new] = [old, new].map(|size| &checkpoints[size as usize - 1]);
        assert!(verify_consistency(old, new, &steps, &trusted()).is_err(), "{} {}", old.size(), new.size());
    }
}
