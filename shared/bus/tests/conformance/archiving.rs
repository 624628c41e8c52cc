//! Backup and restore, within a backend and from one to the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Cursor, SeekFrom},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bus::{
    AppendError, FeedItem, Filter, Kinship, Log, WatchItem,
    archive::{Archive, Beside, Contents, RestoreError, export},
    log::RETIRED_TTL,
};
use bytes::Bytes;
use events::{Draft, Event, EventType};
use futures::TryStreamExt;
use model::{Aggregate, Digest};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};

use crate::{bed::Bed, blobs::noise, samples::*};

fn beside() -> Beside {
    Beside { key_id: Some("a1".to_owned()), attachment: Some(b"beside it".to_vec().into()) }
}

async fn archive(log: &Arc<dyn Log>) -> Vec<u8> {
    let told = export(log.clone(), beside());
    within(told.try_fold(Vec::new(), async |mut all, part| {
        all.extend_from_slice(&part);
        Ok(all)
    }))
    .await
    .unwrap()
}

async fn restore(
    from: impl AsyncRead + AsyncSeek + Unpin + Send,
    to: &Bed,
) -> Result<Contents, RestoreError> {
    let archive = Archive::check(from).await?;
    let contents = archive.contents().clone();
    archive.restore(to.config(RETIRED_TTL)).await?;
    Ok(contents)
}

async fn beds() -> [Bed; 2] {
    [Bed::embedded().await, Bed::nats().await.without_flushes().await]
}

fn retiring(newest: &Event) -> Draft {
    Draft { kind: EventType::SourceRetired, ..after(newest, "gone") }
}

/// A log with a long history, what is gone, what came back, and blobs of every size.
async fn filled(bed: &Bed) -> Arc<dyn Log> {
    let log = bed.open().await;
    // Whoever has not read yet keeps what is in no history any more; it is not in a backup.
    drop(log.feed("auditor").await.unwrap());
    append_many(&*log, &source(1), 3).await;
    for i in 1..=3 {
        append_many(&*log, &target(i, 1), 2).await;
    }
    append_many(&*log, &source(1), 297).await;
    let gone = append_many(&*log, &source(2), 4).await;
    log.retire(retiring(&gone)).await.unwrap();
    let back = append_many(&*log, &source(3), 2).await;
    let back = log.retire(retiring(&back)).await.unwrap();
    append(&*log, after(&back, "again")).await;
    for content in contents() {
        log.put_blob(content).await.unwrap();
    }
    log
}

fn contents() -> [Bytes; 4] {
    [Bytes::new(), Bytes::from_static(b"x"), Bytes::from(vec![b'a'; 3_000_000]), noise(700_001)]
}

/// Newest events by a list, with the histories behind them; without sequences, which another backend gives anew.
async fn told(log: &Arc<dyn Log>) -> BTreeMap<Aggregate, Vec<Event>> {
    let mut watch = log.watch(Filter::all()).await.unwrap();
    let mut all = BTreeMap::new();
    loop {
        match within(watch.next()).await.unwrap().unwrap() {
            WatchItem::Event(event) => {
                let history = log.history(event.aggregate(), 1000).await.unwrap();
                assert_eq!(history[0], event, "the newest event heads the history");
                assert_eq!(log.newest(event.aggregate()).await.unwrap(), Some(event.clone()));
                all.insert(event.aggregate().clone(), history.into_iter().map(ageless).collect());
            }
            WatchItem::Listed => return all,
            item @ (WatchItem::Undecodable(_) | WatchItem::Restarted { .. }) => panic!("{item:?}"),
        }
    }
}

fn ageless(event: Event) -> Event {
    Event { sequence: 0, ..event }
}

async fn in_order(log: &Arc<dyn Log>) -> Vec<Event> {
    let items: Vec<FeedItem> = within(log.replay().try_collect()).await.unwrap();
    let events = items.into_iter().map(|item| match item {
        FeedItem::Event(event) => event,
        FeedItem::Undecodable { path, reason, .. } => panic!("{path}: {reason}"),
    });
    events.collect()
}

/// That one log is the other one.
async fn assert_same(log: &Arc<dyn Log>, other: &Arc<dyn Log>) {
    assert_eq!(other.incarnation(), log.incarnation());
    assert_eq!(other.position().await.unwrap().sequence, log.position().await.unwrap().sequence);
    assert_eq!(told(other).await, told(log).await);
    let order = in_order(other).await;
    let expected: Vec<Event> = in_order(log).await.into_iter().map(ageless).collect();
    assert_eq!(order.iter().cloned().map(ageless).collect::<Vec<_>>(), expected);
    let digests = |found: Vec<Digest>| found.into_iter().collect::<BTreeSet<_>>();
    assert_eq!(digests(other.blobs().await.unwrap()), digests(log.blobs().await.unwrap()));
    for content in contents() {
        assert_eq!(other.get_blob(&Digest::of(&content)).await.unwrap(), Some(content));
    }
    let mut feed = other.feed("auditor").await.unwrap();
    for event in order {
        assert_eq!(within(feed.next()).await.unwrap(), FeedItem::Event(event));
    }
    feed.unregister().await.unwrap();
}

/// That a log is told apart from the one that the backup is of, also when it is opened again.
async fn assert_restored(log: &Arc<dyn Log>, at: u64, restored: &Arc<dyn Log>) {
    let (before, now) = (log.lineage().newest(), restored.lineage().newest());
    assert_eq!(restored.lineage().kinship(before), Kinship::Ancestor { at });
    assert_eq!(log.lineage().kinship(now), Kinship::Branch);
    assert_eq!(restored.position().await.unwrap().restoration, now);
}

/// That a log goes on where the other one was.
async fn assert_goes_on(log: &Arc<dyn Log>) {
    let before = log.position().await.unwrap().sequence;
    let newest = log.newest(&source(1)).await.unwrap().unwrap();
    assert_eq!(append(&**log, newest.draft.clone()).await, newest, "a lost acknowledgement");
    let stale = log.append(vec![first(&source(1), "stale")]).await.pop().unwrap().unwrap_err();
    assert!(matches!(stale, AppendError::Conflict { newest: Some(300), .. }), "{stale:?}");
    let next = append(&**log, after(&newest, "next")).await;
    assert!(next.n() == 301 && next.sequence > before, "{next:?}");
    let gone = log.newest(&source(2)).await.unwrap().unwrap();
    assert_eq!(append(&**log, after(&gone, "back")).await.n(), 6);
    let history = log.history(&source(1), 1000).await.unwrap();
    let versions: Vec<u64> = history.iter().map(Event::n).collect();
    assert_eq!(versions, (301 - history.len() as u64 + 1..=301).rev().collect::<Vec<_>>());
    assert_eq!(history.len(), 256);
}

pub async fn a_restored_log_is_the_same_one(bed: Bed) {
    let bed = bed.without_flushes().await;
    let log = filled(&bed).await;
    let archived = archive(&log).await;
    let at = log.position().await.unwrap().sequence;
    for other in beds().await {
        let contents = restore(Cursor::new(&archived), &other).await.unwrap();
        assert_eq!(contents.beside, beside());
        assert_eq!((contents.events, contents.blobs), (256 + 6 + 1 + 2, 4));
        let restored = other.open().await;
        assert_same(&log, &restored).await;
        assert_restored(&log, at, &restored).await;
        // And back again, by an archive of its own.
        let again = archive(&restored).await;
        assert_goes_on(&restored).await;
        let third = Bed::embedded().await;
        restore(Cursor::new(again), &third).await.unwrap();
        let third = third.open().await;
        assert_same(&log, &third).await;
        assert_restored(&restored, at, &third).await;
        assert_eq!(third.lineage().kinship(None), Kinship::Ancestor { at });
        drop(restored);
        let refused = restore(Cursor::new(&archived), &other).await.unwrap_err();
        assert_eq!(refused.code(), "RESTORE-EXISTS");
        assert_eq!(other.open().await.newest(&source(1)).await.unwrap().unwrap().n(), 301, "it is untouched");
    }
}

pub async fn a_retired_aggregate_goes_after_its_time(bed: Bed) {
    let from = Bed::embedded().await;
    let log = from.open().await;
    let gone = append_many(&*log, &source(1), 3).await;
    log.retire(retiring(&gone)).await.unwrap();
    append_many(&*log, &source(2), 3).await;
    let archive = Archive::check(Cursor::new(archive(&log).await)).await.unwrap();
    assert_eq!(archive.contents().events, 1 + 3, "its last event is in it");
    archive.restore(bed.config(Duration::from_secs(1))).await.unwrap();
    let restored = bed.open().await;
    within(async {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        while restored.newest(&source(1)).await.unwrap().is_some() {
            looks.tick().await;
        }
    })
    .await;
    assert_eq!(append_many(&*restored, &source(1), 1).await.n(), 1);
    assert_eq!(append_many(&*restored, &source(2), 1).await.n(), 4);
}

pub async fn a_second_life_that_began_meanwhile_stands_alone(bed: Bed) {
    let bed = bed.without_flushes().await;
    let log = bed.open_with_ttl(Duration::from_secs(1)).await;
    let newest = append_many(&*log, &source(1), 5).await;
    // Enough that what follows is not read in the same go.
    let padding = "x".repeat(5_000);
    log.append((0..400).map(|i| first(&target(i, 1), &padding)).collect()).await;
    let mut told = export(log.clone(), Beside::default());
    let mut archived = Vec::new();
    for _ in ["the head", "the first events"] {
        archived.extend(within(told.try_next()).await.unwrap().unwrap());
    }
    log.retire(retiring(&newest)).await.unwrap();
    within(async {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        while log.newest(&source(1)).await.unwrap().is_some() {
            looks.tick().await;
        }
    })
    .await;
    append_many(&*log, &source(1), 2).await;
    while let Some(part) = within(told.try_next()).await.unwrap() {
        archived.extend(part);
    }
    for other in beds().await {
        let contents = restore(Cursor::new(&archived), &other).await.unwrap();
        assert!(contents.events >= 5 + 400 + 2, "those of its first life were told");
        let restored = other.open().await;
        assert_eq!(restored.history(&source(1), 1000).await.unwrap().len(), 2);
        assert_eq!(self::told(&restored).await, self::told(&log).await);
        assert_eq!(append_many(&*restored, &source(1), 1).await.n(), 3);
    }
}

pub async fn a_backup_under_writers_is_whole(bed: Bed) {
    let bed = bed.without_flushes().await;
    let log = bed.open().await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4).map(|i| tokio::spawn(write(log.clone(), i, stop.clone()))).collect();
    for round in 1..=3_u64 {
        let mut reader = Reader::default();
        let mut watch = log.watch(Filter::all()).await.unwrap();
        let begun = |reader: &Reader| (0..4).all(|i| reader.newest(&target(i, 0)) >= 20 * round);
        reader.read_until(&mut watch, begun).await;
        let archived = archive(&log).await;
        let other = Bed::embedded().await;
        restore(Cursor::new(archived), &other).await.unwrap();
        let restored = other.open().await;
        for i in 0..4 {
            let history = restored.history(&target(i, 0), 1000).await.unwrap();
            assert!(history[0].n() >= reader.newest(&target(i, 0)), "what was there before is in it");
            for pair in history.windows(2) {
                assert_eq!(pair[0].draft.previous, Some(pair[1].id));
            }
            for event in history {
                let digest = std::str::from_utf8(&event.draft.payload).unwrap().parse().unwrap();
                assert!(restored.has_blob(&digest).await.unwrap(), "{} names a blob", event.n());
            }
        }
    }
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        within(writer).await.unwrap();
    }
}

/// Puts blobs, and appends events that name them.
async fn write(log: Arc<dyn Log>, i: usize, stop: Arc<AtomicBool>) {
    let mut newest: Option<Event> = None;
    while !stop.load(Ordering::SeqCst) {
        let n = newest.as_ref().map_or(1, |event| event.n() + 1);
        let digest = log.put_blob(Bytes::from(format!("{i} {n}"))).await.unwrap().to_string();
        let draft = match &newest {
            None => first(&target(i, 0), &digest),
            Some(event) => after(event, &digest),
        };
        newest = Some(append(&*log, draft).await);
    }
}

pub async fn a_damaged_archive_is_refused(bed: Bed) {
    let from = Bed::embedded().await;
    let log = filled(&from).await;
    let archived = archive(&log).await;
    let length = archived.len();
    let cut = [0, 1, 20, length / 3, length / 2, length - 33, length - 1].map(|end| archived[..end].to_vec());
    let flipped = (0..100).map(|i| {
        let mut damaged = archived.clone();
        damaged[i * (length - 1) / 99] ^= 1 << (i % 8);
        damaged
    });
    for damaged in cut.into_iter().chain(flipped).chain([[archived.as_slice(), b"x"].concat()]) {
        let refused = restore(Cursor::new(damaged), &bed).await.unwrap_err();
        assert_eq!(refused.code(), "BACKUP-DAMAGED", "{refused:?}");
    }
    // Nothing was made: what is whole finds the place free.
    restore(Cursor::new(&archived), &bed).await.unwrap();
    assert_same(&log, &bed.open().await).await;
}

/// A disk that fails in the middle, once the archive has been found whole.
struct Failing {
    archive: Cursor<Vec<u8>>,
    passes: u32,
}

impl AsyncRead for Failing {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let half = self.archive.get_ref().len() as u64 / 2;
        if self.passes > 2 && self.archive.position() > half {
            return Poll::Ready(Err(io::ErrorKind::Other.into()));
        }
        Pin::new(&mut self.archive).poll_read(cx, to)
    }
}

impl AsyncSeek for Failing {
    fn start_seek(mut self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        self.passes += 1;
        Pin::new(&mut self.archive).start_seek(to)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.archive).poll_complete(cx)
    }
}

pub async fn a_restore_that_is_broken_off_leaves_no_log(bed: Bed) {
    let from = Bed::embedded().await;
    let log = filled(&from).await;
    let archived = archive(&log).await;
    for _ in 0..2 {
        let failing = Failing { archive: Cursor::new(archived.clone()), passes: 0 };
        let failed = restore(failing, &bed).await.unwrap_err();
        assert!(matches!(failed, RestoreError::Read(_)), "{failed:?}");
        match &bed {
            Bed::Embedded(folder) => assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0),
            Bed::Nats(_) => {
                let refused = bed.try_open(RETIRED_TTL).await.err().unwrap();
                assert_eq!(refused.code(), "LOG-RESTORING");
            }
            Bed::Memory(_) => panic!("nothing is restored into memory"),
        }
    }
    restore(Cursor::new(&archived), &bed).await.unwrap();
    assert_same(&log, &bed.open().await).await;
}

pub async fn a_state_that_cannot_be_read_is_not_left_out(bed: Bed) {
    let log = bed.open().await;
    let newest = append_many(&*log, &source(1), 2).await;
    append_many(&*log, &source(2), 1).await;
    let log = bed.spoil_newest(log, &newest).await;
    let told: Result<Vec<Bytes>, _> = within(export(log, Beside::default()).try_collect()).await;
    let refused = told.unwrap_err();
    assert_eq!(refused.code(), "LOG-UNDECODABLE");
    assert!(refused.to_string().contains("source/source-1"), "{refused}");
}
