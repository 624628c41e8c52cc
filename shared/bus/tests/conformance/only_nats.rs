//! What can befall only a log on a server.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bus::{
    AppendError, FeedItem, Filter, Log, LogConfig, NatsConfig, OpenError, ReadError, Watch, WatchItem,
    ownership::PATIENCE,
};
use model::RetryClass;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    feeding::{append_chain, chain, next_event},
    samples::*,
    server::{Server, Settings},
    sharing::Party,
};

async fn connect(server: &Server) -> Arc<dyn Log> {
    bus::open(LogConfig::nats(server.url())).await.unwrap()
}

pub fn config(url: String) -> NatsConfig {
    match LogConfig::nats(url) {
        LogConfig::Nats(config) => config,
        LogConfig::Embedded(_) => panic!("that is NATS"),
    }
}

/// Opens the log once its servers have settled: they may be starting, or choosing who leads.
pub async fn open(config: NatsConfig) -> Arc<dyn Log> {
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    let opening = async {
        loop {
            looks.tick().await;
            match bus::open(LogConfig::Nats(config.clone())).await {
                Ok(log) => return log,
                Err(error) => assert_eq!(error.class(), RetryClass::Transient, "{error:?}"),
            }
        }
    };
    within(opening).await
}

/// Appends until told to stop, through any trouble, and gives the last version that was acknowledged.
async fn write_through_trouble(log: Arc<dyn Log>, i: usize, stop: Arc<AtomicBool>) -> u64 {
    let aggregate = target(i, 0);
    let mut draft = first(&aggregate, "1");
    let mut acknowledged = 0;
    while !stop.load(Ordering::SeqCst) {
        match log.append(vec![draft.clone()]).await.pop().unwrap() {
            Ok(event) => {
                acknowledged = event.n();
                draft = after(&event, &(event.n() + 1).to_string());
            }
            // The very same draft again: facts are appended until they are stored.
            Err(error) => assert_eq!(error.class(), RetryClass::Transient, "{error:?}"),
        }
    }
    acknowledged
}

const WRITERS: usize = 4;

/// Writers write, a watch watches; meanwhile trouble. Then everything acknowledged is there, the watch ends with
/// the newest of everything, and the feed has all of it.
pub async fn survive(config: NatsConfig, trouble: impl AsyncFn()) {
    let log = open(config.clone()).await;
    drop(log.feed("auditor").await.unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> =
        (0..WRITERS).map(|i| tokio::spawn(write_through_trouble(log.clone(), i, stop.clone()))).collect();
    let mut watch = log.watch(Filter::all()).await.unwrap();
    let mut reader = Reader::default();
    // A list that trouble meets begins again, with what is newest by then.
    reader.list(&mut watch).await;
    let mut changes = Reader::default();
    for round in 1..=3 {
        let seen: Vec<u64> = (0..WRITERS).map(|i| changes.newest(&target(i, 0))).collect();
        trouble().await;
        let further =
            |reader: &Reader| (0..WRITERS).all(|i| reader.newest(&target(i, 0)) > seen[i] + 30 * round);
        changes.read_until(&mut watch, further).await;
    }
    stop.store(true, Ordering::SeqCst);
    let mut newest = Vec::new();
    for writer in writers {
        newest.push(within(writer).await.unwrap());
    }
    let all = |reader: &Reader| (0..WRITERS).all(|i| reader.newest(&target(i, 0)) >= newest[i]);
    changes.read_until(&mut watch, all).await;
    for (aggregate, told) in &changes.told {
        // What more than so many versions came after while nobody could be told, the log keeps no more.
        let kept = told.last().unwrap().saturating_sub(bus::HISTORY_MAX as u64);
        let is_gap = |pair: &[u64]| pair[1] != pair[0] + 1 && pair[1] > kept + 1;
        assert!(!told.windows(2).any(is_gap), "{aggregate}: a gap behind {kept} in {told:?}");
    }
    drop((watch, log));

    let log = open(config).await;
    let mut feed = log.feed("auditor").await.unwrap();
    let mut told = [0; WRITERS];
    while (0..WRITERS).any(|i| told[i] < newest[i]) {
        let event = next_event(&mut feed).await;
        let i = (0..WRITERS).find(|i| target(*i, 0) == *event.aggregate()).unwrap();
        assert_eq!(event.n(), told[i] + 1, "the feed has every version once");
        told[i] = event.n();
    }
    for (i, acknowledged) in newest.iter().enumerate() {
        assert!(log.newest(&target(i, 0)).await.unwrap().unwrap().n() >= *acknowledged);
    }
}

/// What another process appends comes by the watch at any moment, also between judging a draft and sending it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_processes_that_watch_and_append_batches_one_wins_each_version() {
    const AGGREGATES: usize = 200;
    let server = Server::start(Settings::default()).await;
    let logs = [connect(&server).await, connect(&server).await];
    for log in &logs {
        let mut watch = log.watch(Filter::all()).await.unwrap();
        tokio::spawn(async move { while let Some(Ok(_)) = watch.next().await {} });
    }
    let firsts = (0..AGGREGATES).map(|i| first(&source(i), "first")).collect();
    let mut newest: Vec<_> = logs[0].append(firsts).await.into_iter().map(Result::unwrap).collect();
    for round in 0..40 {
        let drafts =
            |name: &str| newest.iter().map(|event| after(event, &format!("{name} {round}"))).collect();
        let (one, other) = tokio::join!(logs[0].append(drafts("one")), logs[1].append(drafts("other")));
        newest = one
            .into_iter()
            .zip(other)
            .map(|both| match both {
                (Ok(won), Err(AppendError::Conflict { .. }))
                | (Err(AppendError::Conflict { .. }), Ok(won)) => won,
                both => panic!("round {round}: {both:?}"),
            })
            .collect();
    }
    for event in newest {
        let history = logs[0].history(event.aggregate(), 100).await.unwrap();
        let versions: Vec<u64> = history.iter().map(events::Event::n).collect();
        assert_eq!(versions, (1..=event.n()).rev().collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing_acknowledged() {
    let server = Server::start(Settings::default()).await;
    survive(config(server.url()), async || {
        server.kill();
        server.run().await;
    })
    .await;
}

/// Without a mirror a busy writer is stopped before the log drops what only the mirror would have kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_that_does_not_follow_stops_a_busy_writer_in_time() {
    let server = Server::start(Settings { sync: "\"2m\"", ..Settings::default() }).await;
    let log = connect(&server).await;
    drop(log.feed("auditor").await.unwrap());
    let client = async_nats::connect(server.url()).await.unwrap();
    async_nats::jetstream::new(client).delete_stream("FEED").await.unwrap();
    let mut drafts = chain(&*log, 1..=1000).into_iter().peekable();
    while let Some(draft) = drafts.peek() {
        match log.append(vec![draft.clone()]).await.pop().unwrap() {
            Ok(_) => drop(drafts.next()),
            Err(error) => {
                assert_eq!(error.class(), RetryClass::Transient);
                break;
            }
        }
    }
    let refused = drafts.peek().expect("it went on without a mirror").n;
    assert!((100..=256).contains(&refused), "{refused}");
    // Whoever opens the log puts the mirror back, and everybody goes on.
    let other = connect(&server).await;
    append_chain(&log, drafts.collect()).await;
    let mut feed = other.feed("auditor").await.unwrap();
    for n in 1..=1000 {
        assert_eq!(next_event(&mut feed).await.n(), n);
    }
}

/// The mirror is there while somebody is registered, and nothing is lost to whoever registers later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_is_kept_only_for_those_who_are_registered() {
    let server = Server::start(Settings { sync: "\"2m\"", ..Settings::default() }).await;
    let log = connect(&server).await;
    let client = async_nats::connect(server.url()).await.unwrap();
    let streams = async_nats::jetstream::new(client);
    let is_there = async || streams.get_stream("FEED").await.is_ok();
    let mut drafts = chain(&*log, 1..=2000);
    let rest = drafts.split_off(1000);
    append_chain(&log, drafts).await;
    assert!(!is_there().await, "nobody needs it");
    let mut feed = log.feed("auditor").await.unwrap();
    assert!(is_there().await);
    append_chain(&log, rest).await;
    let mut told = next_event(&mut feed).await.n();
    assert!(told > 1, "what the log had dropped before");
    while told < 2000 {
        let n = next_event(&mut feed).await.n();
        assert!(n == told + 1 || n <= 1000, "{n} behind {told}");
        told = n;
    }
    log.feed("exporter").await.unwrap().unregister().await.unwrap();
    assert!(is_there().await, "the auditor stays");
    feed.unregister().await.unwrap();
    assert!(!is_there().await);
    assert_eq!(next_event(&mut log.feed("auditor").await.unwrap()).await.n(), 2000 - 255);
}

/// A line that can be cut.
struct Line {
    port: u16,
    cut: tokio::sync::watch::Sender<u64>,
}

impl Line {
    async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = tokio::sync::watch::Sender::new(0);
        let cuts = cut.subscribe();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut cuts = cuts.clone();
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        Self { port, cut }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_loses_nothing() {
    let server = Server::start(Settings::default()).await;
    let line = Line::to(server.port).await;
    survive(config(format!("nats://127.0.0.1:{}", line.port)), async || {
        line.cut.send_modify(|cuts| *cuts += 1);
    })
    .await;
}

async fn expect_restarted(watch: &mut Watch) {
    within(async {
        loop {
            match watch.next().await.expect("first it is said") {
                Ok(WatchItem::Restarted { seen, found }) => {
                    assert_ne!(seen, found);
                    break;
                }
                Ok(WatchItem::Event(event)) => assert_eq!(*event.aggregate(), source(1)),
                Ok(WatchItem::Listed) => {}
                Ok(WatchItem::Undecodable(what)) => panic!("{what:?}"),
                Err(error) => assert_eq!(error.class(), RetryClass::Transient),
            }
        }
        assert!(watch.next().await.is_none(), "then it ends");
    })
    .await;
}

/// Everybody who still follows or writes must hear that the log is another one.
async fn expect_noticed(log: &dyn Log, watch: &mut Watch, newest: &events::Event) {
    expect_restarted(watch).await;
    for draft in [after(newest, "next"), first(&source(7), "one")] {
        let error = within(log.append(vec![draft])).await.pop().unwrap().unwrap_err();
        assert!(matches!(error, AppendError::Restarted { .. }), "{error:?}");
    }
    let mut feed = log.feed("auditor").await.unwrap();
    let error = within(async {
        loop {
            match feed.next().await {
                Err(ReadError::Unavailable(_)) | Ok(_) => {}
                Err(error) => break error,
            }
        }
    })
    .await;
    assert!(matches!(error, ReadError::Restarted { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_log_is_noticed_even_by_who_only_waits() {
    let server = Server::start(Settings::default()).await;
    let log = connect(&server).await;
    let newest = append_many(&*log, &source(1), 5).await;
    let mut watch = log.watch(Filter::all()).await.unwrap();
    Reader::default().list(&mut watch).await;
    server.kill();
    fs::remove_dir_all(server.store()).unwrap();
    server.run().await;
    // Another process was faster and has created a new log, which by now goes farther than the old one.
    let other = connect(&server).await;
    append_many(&*other, &source(1), 9).await;
    expect_noticed(&*log, &mut watch, &newest).await;
}

/// Whoever was about to acknowledge when the log was wiped acknowledges nothing of the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_counts_only_for_the_log_that_it_was_of() {
    let server = Server::start(Settings::default()).await;
    let log = connect(&server).await;
    append_many(&*log, &source(1), 5).await;
    let mut feed = log.feed("auditor").await.unwrap();
    for _ in 0..5 {
        feed.next().await.unwrap();
    }
    server.kill();
    fs::remove_dir_all(server.store()).unwrap();
    server.run().await;
    let next = connect(&server).await;
    append_many(&*next, &source(1), 2).await;
    assert!(feed.ack(5).await.is_err());
    let mut feed = next.feed("auditor").await.unwrap();
    for n in 1..=2 {
        let item = tokio::time::timeout(BOUND, feed.next()).await.unwrap().unwrap();
        assert!(matches!(&item, FeedItem::Event(event) if event.n() == n), "{item:?}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_copy_of_the_log_is_noticed() {
    let server = Server::start(Settings::default()).await;
    let backup = tempfile::tempdir().unwrap();
    let log = connect(&server).await;
    append_many(&*log, &source(1), 5).await;
    drop(log);
    server.kill();
    copy(&server.store(), backup.path());
    server.run().await;
    let log = connect(&server).await;
    let newest = append_many(&*log, &source(1), 5).await;
    let mut watch = log.watch(Filter::all()).await.unwrap();
    Reader::default().list(&mut watch).await;
    server.kill();
    fs::remove_dir_all(server.store()).unwrap();
    copy(backup.path(), &server.store());
    server.run().await;
    expect_noticed(&*log, &mut watch, &newest).await;
}

/// A server that says a version and agrees to everything.
async fn pretend_version(version: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let info = format!(
            "INFO {{\"server_id\":\"X\",\"server_name\":\"X\",\"version\":\"{version}\",\"proto\":1,\
             \"host\":\"127.0.0.1\",\"port\":{port},\"headers\":true,\"max_payload\":1048576,\
             \"jetstream\":true,\"go\":\"go1\",\"client_id\":1}}\r\n"
        );
        stream.write_all(info.as_bytes()).await.unwrap();
        let mut said = [0; 4096];
        while stream.read(&mut said).await.is_ok_and(|count| count > 0) {
            if stream.write_all(b"PONG\r\n").await.is_err() {
                return;
            }
        }
    });
    port
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_with_the_remedy() {
    let port = pretend_version("2.10.29").await;
    let opened = within(bus::open(LogConfig::nats(format!("nats://127.0.0.1:{port}")))).await;
    let Err(error) = opened else { panic!("it is too old") };
    assert!(matches!(&error, OpenError::ServerTooOld { found, .. } if found == "2.10.29"), "{error:?}");
    assert_eq!(error.class(), RetryClass::Permanent);
    assert!(error.remedy().contains("upgrade"));
}

#[tokio::test]
async fn nobody_there_is_a_transient_error() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let opened = within(bus::open(LogConfig::nats(format!("nats://127.0.0.1:{port}")))).await;
    assert_eq!(
        opened.err().map(|error| (error.code(), error.class())),
        Some(("LOG-CONNECT", RetryClass::Transient))
    );
}

async fn open_monitored(server: &Server, monitoring: String) -> Result<Arc<dyn Log>, OpenError> {
    let config = NatsConfig { monitoring: Some(monitoring), ..config(server.url()) };
    bus::open(LogConfig::Nats(config)).await
}

#[tokio::test]
async fn a_server_that_does_not_flush_is_found_out() {
    let server = Server::start(Settings { sync: "\"2m\"", ..Settings::default() }).await;
    let Err(error) = open_monitored(&server, server.monitoring()).await else { panic!("it does not flush") };
    assert!(matches!(error, OpenError::SyncNotAlways { .. }), "{error:?}");
    assert!(error.remedy().contains("sync_interval: always"));
    assert!(bus::open(LogConfig::nats(server.url())).await.is_ok(), "unseen it is only warned about");

    let sound = Server::start(Settings::default()).await;
    assert!(open_monitored(&sound, sound.monitoring()).await.is_ok());
    let nowhere = open_monitored(&sound, "http://127.0.0.1:1".into()).await;
    assert!(matches!(nowhere.err(), Some(OpenError::Monitoring { .. })));
}

#[tokio::test]
async fn streams_follow_the_table_but_never_back() {
    let server = Server::start(Settings::default()).await;
    let client = async_nats::connect(server.url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    drop(connect(&server).await);
    let mut changed = jetstream.get_stream("LOG").await.unwrap().cached_info().config.clone();
    let incarnation = changed.metadata["driftless.incarnation"].clone();
    assert_eq!((changed.max_messages_per_subject, changed.max_consumers), (256, 10_000));
    assert!(changed.deny_delete && changed.allow_atomic_publish && changed.allow_message_ttl);
    changed.max_messages_per_subject = 10;
    changed.metadata.insert("driftless.table".into(), "0".into());
    let restorations = format!("{}@7", bus::RestorationId::random());
    changed.metadata.insert("driftless.restorations".into(), restorations.clone());
    jetstream.update_stream(&changed).await.unwrap();
    let log = connect(&server).await;
    assert_eq!((log.incarnation(), log.lineage().to_string()), (&*incarnation, restorations));
    let updated = jetstream.get_stream("LOG").await.unwrap().cached_info().config.clone();
    assert_eq!((updated.max_messages_per_subject, updated.metadata["driftless.table"].as_str()), (256, "1"));

    changed.max_messages_per_subject = 300;
    changed.metadata.insert("driftless.table".into(), "7".into());
    jetstream.update_stream(&changed).await.unwrap();
    assert_eq!(connect(&server).await.incarnation(), incarnation);
    let left = jetstream.get_stream("LOG").await.unwrap().cached_info().config.clone();
    assert_eq!((left.max_messages_per_subject, left.metadata["driftless.table"].as_str()), (300, "7"));
}

/// The bound that the server sets itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_store_refuses_and_loses_nothing() {
    let server = Server::start(Settings { store_bytes: 3_000_000, ..Settings::default() }).await;
    let log = connect(&server).await;
    let payload = "x".repeat(30_000);
    let mut stored = Vec::new();
    let error = loop {
        match log.append(vec![first(&source(stored.len()), &payload)]).await.pop().unwrap() {
            Ok(event) => stored.push(event),
            Err(error) => break error,
        }
        assert!(stored.len() < 200, "it never got full");
    };
    assert_eq!(error.class(), RetryClass::Transient, "{error:?}");
    assert!(stored.len() > 10, "{}", stored.len());
    let batch = (500..520).map(|i| first(&source(i), &payload)).collect();
    let refused = log.append(batch).await;
    assert!(refused.iter().any(Result::is_err));
    server.kill();
    server.run().await;
    let log = connect(&server).await;
    for event in &stored {
        assert_eq!(log.newest(event.aggregate()).await.unwrap().as_ref(), Some(event));
    }
}

/// What is acknowledged is on the disk, also when nothing more fits on it; whoever makes room and starts the server
/// again has everything, and goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_loses_nothing() {
    let server = Server::start(Settings { disk_bytes: Some(16 << 20), ..Settings::default() }).await;
    let log = connect(&server).await;
    let ballast = server.store().join("ballast");
    fs::write(&ballast, vec![1; 6 << 20]).unwrap();
    let payload = "x".repeat(30_000);
    let mut stored = Vec::new();
    let error = loop {
        match within(log.append(vec![first(&source(stored.len()), &payload)])).await.pop().unwrap() {
            Ok(event) => stored.push(event),
            Err(error) => break error,
        }
        assert!(stored.len() < 600, "it never got full");
    };
    assert_eq!(error.class(), RetryClass::Transient, "{error:?}");
    assert!(stored.len() > 10, "{}", stored.len());
    server.kill();
    fs::remove_file(ballast).unwrap();
    server.run().await;
    let log = open(config(server.url())).await;
    for event in &stored {
        assert_eq!(log.newest(event.aggregate()).await.unwrap().as_ref(), Some(event));
    }
    let refused = stored.len();
    assert!(log.append(vec![first(&source(refused), &payload)]).await.pop().unwrap().is_ok());
}

/// A member whose process stands still for longer than its life holds nothing when it wakes up, and is given its
/// part again as a newcomer is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_member_wakes_up_with_nothing() {
    let server = Server::start(Settings::default()).await;
    let mut a = Party::join(&*connect(&server).await, "a").await;
    let url = server.url();
    // A runtime of one thread stands still when that thread does.
    let (freeze, frozen) = std::sync::mpsc::channel::<std::sync::mpsc::Receiver<()>>();
    let (tell, told) = tokio::sync::oneshot::channel();
    let other = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let log = bus::open(LogConfig::nats(url)).await.unwrap();
            let mut b = Party::join(&*log, "b").await;
            let held = b.until(|held| !held.is_empty()).await;
            tell.send(held.clone()).unwrap();
            frozen.recv().unwrap().recv().unwrap();
            assert!(b.held().is_empty(), "what was held has passed to another");
            let woken = tokio::time::Instant::now();
            let again = b.until(|held| !held.is_empty()).await;
            assert!(woken.elapsed() >= PATIENCE, "{:?}", woken.elapsed());
            assert_eq!(again, held);
        });
    });
    let held = within(told).await.unwrap();
    let (wake, asleep) = std::sync::mpsc::channel();
    freeze.send(asleep).unwrap();
    a.until(|mine| mine.is_superset(&held)).await;
    wake.send(()).unwrap();
    a.until(|mine| mine.is_disjoint(&held)).await;
    within(tokio::task::spawn_blocking(|| other.join())).await.unwrap().unwrap();
}
