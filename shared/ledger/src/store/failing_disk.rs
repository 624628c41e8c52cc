//! What happens when the disk is full or a flush fails. Only for tests.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use model::{RetryClass, Timestamp};
use redb::{Builder, Database, StorageBackend, backends::FileBackend};

use super::{Batch, Entry, Ledger, Origin};
use crate::SigningKey;

const SOUND: u8 = 0;
const FULL: u8 = 1;
const FLUSH_FAILS: u8 = 2;

/// A disk that can be told to fail.
#[derive(Debug)]
struct Disk {
    file: FileBackend,
    state: Arc<AtomicU8>,
}

type Outcome<T> = Result<T, io::Error>;

impl Disk {
    fn fails(&self, at: u8, kind: io::ErrorKind) -> io::Result<()> {
        if self.state.load(Ordering::SeqCst) == at { Err(kind.into()) } else { Ok(()) }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Outcome<u64> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> Outcome<()> {
        self.file.read(offset, out)
    }
    fn set_len(&self, len: u64) -> Outcome<()> {
        if len > self.file.len()? {
            self.fails(FULL, io::ErrorKind::StorageFull)?;
        }
        self.file.set_len(len)
    }
    fn sync_data(&self) -> Outcome<()> {
        self.fails(FLUSH_FAILS, io::ErrorKind::Other)?;
        self.file.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> Outcome<()> {
        self.fails(FULL, io::ErrorKind::StorageFull)?;
        self.file.write(offset, data)
    }
    fn close(&self) -> Outcome<()> {
        self.file.close()
    }
}

fn open(folder: &Path, state: Arc<AtomicU8>) -> Ledger {
    let opener = move |path: &Path| -> Result<Database, redb::DatabaseError> {
        let file = std::fs::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
        let file = FileBackend::new(file.map_err(redb::StorageError::from)?)?;
        Builder::new().create_with_backend(Disk { file, state: state.clone() })
    };
    Ledger::over(folder, Box::new(opener)).unwrap()
}

fn batch(sequences: std::ops::Range<u64>) -> Batch {
    let entry = |sequence: u64| Entry {
        leaf: sequence.to_string().into(),
        origin: Origin { incarnation: "one".to_owned(), sequence },
        time: Timestamp::from_millis(0),
        keys: Vec::new(),
    };
    Batch { entries: sequences.map(entry).collect(), bodies: Vec::new() }
}

fn a_failing_disk_loses_nothing(fault: u8) {
    let folder = tempfile::tempdir().unwrap();
    let state = Arc::new(AtomicU8::new(SOUND));
    let key = SigningKey::from_seed(&[7; 32], "example.com/audit".parse().unwrap()).unwrap();
    let ledger = open(folder.path(), state.clone());
    for i in 0..20 {
        ledger.append(&batch(i * 10..i * 10 + 10)).unwrap();
    }
    ledger.sign_checkpoint(&key, Timestamp::from_millis(0)).unwrap().unwrap();
    let root = ledger.view().unwrap().root(200).unwrap();

    state.store(fault, Ordering::SeqCst);
    for _ in 0..3 {
        let error = ledger.append(&batch(200..210)).unwrap_err();
        assert_eq!(error.class(), RetryClass::Transient, "{error:?}");
        let error = ledger.sign_checkpoint(&key, Timestamp::from_millis(1)).unwrap_err();
        assert_eq!(error.class(), RetryClass::Transient, "{error:?}");
    }

    state.store(SOUND, Ordering::SeqCst);
    let appended = ledger.append(&batch(195..210)).unwrap();
    // What failed at its last step may be there after all; it is told as stored before, and is there once.
    assert_eq!((appended.indexes.end, appended.indexes.count() as u64 + appended.skipped), (210, 15));
    ledger.sign_checkpoint(&key, Timestamp::from_millis(2)).unwrap().unwrap();
    drop(ledger);
    let ledger = open(folder.path(), state);
    let view = ledger.view().unwrap();
    assert_eq!((view.size(), view.root(200).unwrap()), (210, root));
    for i in 0..210 {
        assert_eq!(view.entry(i).unwrap().unwrap().leaf, i.to_string());
    }
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    a_failing_disk_loses_nothing(FULL);
}

#[test]
fn a_failed_flush_refuses_and_loses_nothing() {
    a_failing_disk_loses_nothing(FLUSH_FAILS);
}
