//! What becomes of a file with a wrong byte: it is found, or it changes nothing. Only for tests.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex},
};

use model::{Digest, Timestamp};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use redb::{Builder, StorageBackend};

use super::file::ReadOnlyOpener;
use super::{
    Archive, Batch, Body, Dimension, Entry, Facts, Key, Ledger, Order, Origin, ReadError, Rules, StoredEntry,
    View, Window,
};
use crate::SigningKey;

/// Entries of the ledger that is broken.
const ENTRIES: u64 = 50;

/// Bytes of a page of the database.
const PAGE: usize = 4_096;

/// A file in memory: thousands of copies of it are opened.
#[derive(Debug, Clone)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl StorageBackend for Memory {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().len() as u64)
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.lock().unwrap();
        let from = bytes.get(offset as usize..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        // A broken length must not take all memory.
        if len > 1 << 28 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.lock().unwrap().resize(len as usize, 0);
        Ok(())
    }
    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut bytes = self.0.lock().unwrap();
        let to = bytes.get_mut(offset as usize..).and_then(|rest| rest.get_mut(..data.len()));
        to.ok_or(io::ErrorKind::UnexpectedEof)?.copy_from_slice(data);
        Ok(())
    }
}

fn open(folder: &Path, memory: &Memory) -> Result<Ledger, super::OpenError> {
    let memory = memory.clone();
    Ledger::over(folder, Box::new(move |_: &Path| Builder::new().create_with_backend(memory.clone())))
}

/// As `audit verify` opens the folder of a platform that does not run. Open for writing, the database writes when it is
/// closed, and where its own list of free pages is broken it ends the process then: loudly, and this test with it.
fn open_read_only(folder: &Path, memory: Memory) -> Result<Archive, super::OpenError> {
    let opener = move |_: &Path| Builder::new().open_read_only_with_backend(memory.clone());
    Archive::over(folder, &(Box::new(opener) as ReadOnlyOpener))
}

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32], "example.com/audit".parse().unwrap()).unwrap()
}

fn keys(i: u64) -> Vec<Key> {
    vec![
        Key::new(Dimension::Aggregate, format!("a{}", i % 5)),
        Key::new(Dimension::Event, format!("event {i}")),
    ]
}

fn entry(i: u64) -> Entry {
    Entry {
        leaf: format!("{i}").into(),
        origin: Origin { incarnation: format!("incarnation {}", i / 30), sequence: i + 1 },
        time: Timestamp::from_millis(i as i64 * 10),
        keys: keys(i),
    }
}

fn facts(leaf: &[u8]) -> Result<Facts, String> {
    let i: u64 = std::str::from_utf8(leaf).ok().and_then(|text| text.parse().ok()).ok_or("no number")?;
    Ok(Facts { time: Timestamp::from_millis(i as i64 * 10), keys: keys(i) })
}

fn bodies() -> Vec<Body> {
    let contents = [b"small".to_vec(), vec![7; 9_000]];
    contents.map(|bytes| Body { digest: Digest::of(&bytes), bytes: bytes.into() }).to_vec()
}

fn sound(folder: &Path) -> Vec<u8> {
    let memory = Memory(Arc::default());
    let ledger = open(folder, &memory).unwrap();
    for first in [0, 20, 40] {
        let entries = (first..(first + 20).min(ENTRIES)).map(entry).collect();
        ledger.append(&Batch { entries, bodies: bodies() }).unwrap();
    }
    ledger.sign_checkpoint(&key(), Timestamp::from_millis(1)).unwrap().unwrap();
    drop(ledger);
    let bytes = memory.0.lock().unwrap();
    bytes.clone()
}

/// All that can be read.
#[derive(PartialEq)]
struct All {
    size: u64,
    root: Digest,
    spans: Vec<super::Span>,
    checkpoints: Vec<super::StoredCheckpoint>,
    entries: Vec<Option<StoredEntry>>,
    found: Vec<Vec<StoredEntry>>,
    times: Vec<Option<u64>>,
    bodies: Vec<Option<bytes::Bytes>>,
    paths: Vec<Vec<Digest>>,
}

fn read(view: &View) -> Result<All, ReadError> {
    let by = |key: Key| view.by(&key, &Window::default(), Order::OldestFirst, 100);
    Ok(All {
        size: view.size(),
        root: view.root(view.size())?,
        spans: view.spans().to_vec(),
        checkpoints: view.checkpoints(..)?,
        entries: (0..=ENTRIES).map(|i| view.entry(i)).collect::<Result<_, _>>()?,
        found: (0..=ENTRIES).step_by(7).flat_map(keys).map(by).collect::<Result<_, _>>()?,
        times: (0..=51)
            .step_by(6)
            .map(|i| view.first_at_or_after(Timestamp::from_millis(i * 10 - 1)))
            .collect::<Result<_, _>>()?,
        bodies: bodies().iter().map(|body| view.body(&body.digest)).collect::<Result<_, _>>()?,
        paths: (0..view.size())
            .step_by(9)
            .map(|i| view.inclusion(i, view.size()))
            .collect::<Result<_, _>>()?,
    })
}

/// What came of opening and reading a broken file.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// It was not opened, or a read said that it is broken.
    Refused,
    /// Something else is read, and the check of the whole finds it.
    Found,
    /// It made no difference.
    Same,
    /// Something else is read, and nothing finds it.
    Silent,
}

fn outcome(folder: &Path, bytes: Vec<u8>, before: &All) -> Outcome {
    let Ok(ledger) = open_read_only(folder, Memory(Arc::new(Mutex::new(bytes)))) else {
        return Outcome::Refused;
    };
    let Ok(view) = ledger.view() else { return Outcome::Refused };
    match read(&view) {
        Err(_) => Outcome::Refused,
        Ok(all) if all == *before => Outcome::Same,
        Ok(_) => {
            let rules = Rules { keys: &[key().verifier_key().clone()], facts: &facts };
            let verdict = view.verify(0, &rules, &mut |_| {});
            if verdict.is_err() { Outcome::Found } else { Outcome::Silent }
        }
    }
}

#[test]
fn no_flipped_byte_changes_what_is_read_unnoticed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bytes = sound(folder);
    let memory = Memory(Arc::new(Mutex::new(bytes.clone())));
    let ledger = open(folder, &memory).unwrap();
    let view = ledger.view().unwrap();
    let before = read(&view).unwrap();
    let rules = Rules { keys: &[key().verifier_key().clone()], facts: &facts };
    view.verify(0, &rules, &mut |_| {}).unwrap();
    assert!(before.size == ENTRIES && before.spans.len() == 2 && before.bodies.iter().all(Option::is_some));

    let seed: u64 =
        std::env::var("LEDGER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("LEDGER_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let mut places: Vec<usize> = (0..400).map(|_| used[random.random_range(0..used.len())]).collect();
    places.extend((0..100).map(|_| random.random_range(0..bytes.len())));
    // All over two pages that hold something.
    for _ in 0..2 {
        let page = used[random.random_range(0..used.len())] / PAGE * PAGE;
        places.extend((page..page + PAGE).step_by(16));
    }
    // Each byte of the header, which says which of two states is the newest.
    places.extend(0..320);
    let mut counts = std::collections::BTreeMap::new();
    for at in places {
        let mut broken = bytes.clone();
        broken[at] ^= 1 << random.random_range(0..8_u8);
        let outcome = outcome(folder, broken, &before);
        *counts.entry(format!("{outcome:?}")).or_insert(0) += 1;
        if outcome == Outcome::Silent {
            println!("{at}: {outcome:?}");
        }
    }
    println!("{} bytes, {} used: {counts:?}", bytes.len(), used.len());
    assert!(!counts.contains_key("Silent"));
}
