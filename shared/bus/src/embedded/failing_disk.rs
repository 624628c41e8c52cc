//! What happens when the disk is full or a flush fails. Only for tests.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use bytes::Bytes;
use events::{Draft, Event, EventType};
use model::{Aggregate, RetryClass, Timestamp};
use redb::{Builder, Database, StorageBackend, backends::FileBackend};

use super::{EmbeddedLog, store::Store};
use crate::{AppendError, Filter, Log, WatchItem, log::RETIRED_TTL};

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

fn open(folder: &Path, state: Arc<AtomicU8>) -> EmbeddedLog {
    let opener = move |path: &Path| -> Result<Database, redb::DatabaseError> {
        let file = std::fs::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
        let file = FileBackend::new(file.map_err(redb::StorageError::from)?)?;
        Builder::new().create_with_backend(Disk { file, state: state.clone() })
    };
    EmbeddedLog::over(Store::open(folder, Box::new(opener)).unwrap(), RETIRED_TTL)
}

fn draft(before: Option<&Event>, payload: &str) -> Draft {
    Draft {
        aggregate: Aggregate::Definitions,
        n: before.map_or(1, |event| event.n() + 1),
        previous: before.map(|event| event.id),
        kind: EventType::DefinitionsChanged,
        format: 1,
        time: Timestamp::from_millis(0),
        cause: None,
        correlation: None,
        actor: None,
        traceparent: None,
        payload: Bytes::from(payload.to_owned()),
    }
}

async fn append(log: &EmbeddedLog, draft: Draft) -> Result<Event, AppendError> {
    log.append(vec![draft]).await.pop().unwrap()
}

async fn a_failing_disk_loses_nothing(fault: u8) {
    let folder = tempfile::tempdir().unwrap();
    let state = Arc::new(AtomicU8::new(SOUND));
    let log = open(folder.path(), state.clone());
    let mut newest = None;
    for i in 0..20 {
        newest = Some(append(&log, draft(newest.as_ref(), &i.to_string())).await.unwrap());
    }
    let mut watch = log.watch(Filter::all()).await.unwrap();
    assert!(matches!(watch.next().await, Some(Ok(WatchItem::Event(_)))));
    assert!(matches!(watch.next().await, Some(Ok(WatchItem::Listed))));

    state.store(fault, Ordering::SeqCst);
    let refused = draft(newest.as_ref(), "refused");
    for _ in 0..3 {
        let error = append(&log, refused.clone()).await.unwrap_err();
        assert!(matches!(error, AppendError::Unavailable { .. }), "{error:?}");
        assert_eq!(error.class(), RetryClass::Transient);
        assert!(log.put_blob(Bytes::from_static(b"blob")).await.is_err());
    }

    state.store(SOUND, Ordering::SeqCst);
    let stored = append(&log, refused.clone()).await.unwrap();
    assert_eq!(stored.n(), 21);
    let history = log.history(&Aggregate::Definitions, 100).await.unwrap();
    assert_eq!(history.len(), 21);
    let told = loop {
        match watch.next().await.unwrap() {
            Ok(item) => break item,
            Err(error) => assert_eq!(error.class(), RetryClass::Transient),
        }
    };
    assert_eq!(told, WatchItem::Event(stored.clone()));
    drop((log, watch));
    let log = open(folder.path(), state);
    assert_eq!(log.history(&Aggregate::Definitions, 100).await.unwrap(), history);
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    a_failing_disk_loses_nothing(FULL).await;
}

#[tokio::test]
async fn a_failed_flush_refuses_and_loses_nothing() {
    a_failing_disk_loses_nothing(FLUSH_FAILS).await;
}
